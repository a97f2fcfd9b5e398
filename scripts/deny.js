'use strict'

// What deny.toml asks of the crates: licences, known faults, sources. The workflow installs
// cargo-deny; where it is missing, nothing is asked, because building it takes minutes.

const { find, run, say } = require('./run')

async function cargoDeny (env) {
  if (find('cargo-deny', env.PATH) === null) {
    return say('Not run: cargo-deny is missing. cargo install cargo-deny --locked')
  }
  await run('cargo', ['deny', '--locked', 'check', '--hide-inclusion-graph'], { env })
}

module.exports = { cargoDeny }
