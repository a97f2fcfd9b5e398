'use strict'

// The backend of each kind of database, loaded at its first use.
const BACKENDS = {
  local: () => require('./local').LocalBackend,
  kv: () => { throw new TypeError('Databases in key-value stores cannot be opened yet') },
  remote: () => require('./remote').RemoteBackend,
  replica: () => require('./replica').ReplicaBackend
}

/**
 * Opens the backend of a Database of the sync API.
 * @param {import('../../engine').Environment} environment
 * @returns {import('./backend').Backend}
 */
function openBackend (environment, options, key) {
  const Backend = BACKENDS[options.kind]()
  return new Backend(environment, options, key)
}

module.exports = { openBackend }
