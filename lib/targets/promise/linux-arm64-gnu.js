'use strict'

const createPromiseApi = require('../../promise/create')
const { requireSupportedRuntime } = require('../../runtime')

// For bundlers and for embedding: this platform's package and nothing else, with no search.
const api = createPromiseApi(() => {
  requireSupportedRuntime()
  return require('@ferrolite/linux-arm64-gnu')
}, { allowNativeBinding: false })

module.exports.connect = api.connect
module.exports.Database = api.Database
module.exports.SqliteError = api.SqliteError
module.exports.Authorization = api.Authorization
module.exports.constants = api.constants
