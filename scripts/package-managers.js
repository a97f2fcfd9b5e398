'use strict'

// The package managers that docs/migrating.md names, from npm into target/tools. Pinned here.

const { npmTools } = require('./runtimes')

/** The folder node_modules that has pnpm and yarn; Bun is its own. */
function packageManagers () {
  return npmTools('package-managers', { '@yarnpkg/cli-dist': '4.18.1', pnpm: '12.21.0' })
}

module.exports = { packageManagers }
