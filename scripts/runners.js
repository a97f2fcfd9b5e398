'use strict'

// The test runners that docs/testing.md names, from npm into target/tools. Pinned here.

const { npmTools } = require('./runtimes')

const VERSIONS = {
  '@sinonjs/fake-timers': '15.5.0',
  jest: '30.5.2',
  'jest-environment-jsdom': '30.5.2',
  jsdom: '26.1.0',
  vitest: '3.2.4'
}

/** The folder node_modules that has them. */
function runners () {
  return npmTools('runners', VERSIONS)
}

module.exports = { runners, names: Object.keys(VERSIONS) }
