'use strict'

// Builds the addon in the debug profile, over an engine that checks itself and its caller: a failed
// assertion aborts, and so does a misuse of the C API (crates/sqlite/src/engine.rs).
// `node scripts/debug.js` prints where it is; FERROLITE_BINDING makes tests use it.

const fs = require('node:fs')
const path = require('node:path')
const { hostTarget, libraryName } = require('./build')
const { engineArguments } = require('./engine')
const { ROOT, main, run, say, seconds } = require('./run')
const { toolchain } = require('./toolchain')

const FOLDER = path.join(ROOT, 'target', 'checked')
const CHECKS = ['-DSQLITE_DEBUG', '-DSQLITE_ENABLE_API_ARMOR']

async function buildDebug () {
  const started = Date.now()
  say('Building the addon in the debug profile, over an engine with assertions')
  const env = {
    ...await toolchain(),
    CARGO_TARGET_DIR: FOLDER,
    // The tests need nothing of what debuggers do.
    CARGO_PROFILE_DEV_DEBUG: '0'
  }
  const engine = engineArguments(FOLDER, CHECKS, 'O0')
  await run('cargo', ['build', '--locked', '--package', 'ferrolite-node', ...engine], { env })
  const addon = path.join(FOLDER, 'ferrolite.node')
  fs.copyFileSync(path.join(FOLDER, 'debug', libraryName(hostTarget())), addon)
  say(`Built ${path.relative(ROOT, addon)} in ${seconds(started)}`)
  return addon
}

if (require.main === module) main(async () => say(await buildDebug()))

module.exports = { buildDebug }
