'use strict'

// The backend of each kind of database, loaded at its first use.
const BACKENDS = {
  kv: () => require('./kv').KvBackend,
  local: () => require('./local').LocalBackend,
  remote: () => require('./remote').RemoteBackend,
  replica: () => require('./replica').ReplicaBackend
}

// What the engine in WASM does not have, by kind.
const NATIVE = { remote: 'remote databases', replica: 'replicas' }

/**
 * Opens the backend of a Database of the sync API.
 * @param {import('../../engine').Environment} environment
 * @returns {import('./backend').Backend}
 */
function openBackend (environment, options, key) {
  const native = options.isDescriptor ? 'databases of file descriptors' : NATIVE[options.kind]
  if (environment.backend === 'wasm' && native !== undefined) {
    require('../../capabilities').requireNative(environment, native)
  }
  const Backend = BACKENDS[options.kind]()
  return new Backend(environment, options, key)
}

module.exports = { openBackend }
