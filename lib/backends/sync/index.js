'use strict'

// The backend of each kind of database, loaded at its first use.
const BACKENDS = {
  kv: () => require('./kv').KvBackend,
  local: () => require('./local').LocalBackend,
  remote: () => require('./remote').RemoteBackend,
  replica: () => require('./replica').ReplicaBackend
}

const NETWORK = { remote: 'remote databases', replica: 'replicas' }

/**
 * Opens the backend of a Database of the sync API.
 * @param {import('../../engine').Environment} environment
 * @returns {import('./backend').Backend}
 */
function openBackend (environment, options, key) {
  if (environment.backend === 'wasm' && NETWORK[options.kind] !== undefined) {
    require('../../capabilities').requireNative(environment, NETWORK[options.kind])
  }
  const Backend = BACKENDS[options.kind]()
  return new Backend(environment, options, key)
}

module.exports = { openBackend }
