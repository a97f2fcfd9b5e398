'use strict'

// What each kind of database is opened by; loaded when one is.
const BACKENDS = {
  local: () => require('./local').LocalBackend,
  remote: () => require('./remote').RemoteBackend,
  replica: () => require('./replica').ReplicaBackend
}

/**
 * Opens what a Database of the sync API works on.
 * @param {import('../engine').Environment} environment
 * @returns {import('./backend').Backend}
 */
function openBackend (environment, options, key) {
  const Backend = BACKENDS[options.kind]()
  return new Backend(environment, options, key)
}

module.exports = { openBackend }
