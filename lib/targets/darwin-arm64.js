'use strict'

const createDatabase = require('../create')
const { requireSupportedRuntime } = require('../runtime')

// For bundlers and for embedding: this platform's package and nothing else, with no search.
const Database = createDatabase(() => {
  requireSupportedRuntime()
  return require('@ferrolite/darwin-arm64')
}, { allowNativeBinding: false })

module.exports = Database
module.exports.Database = Database
module.exports.SqliteError = Database.SqliteError
module.exports.default = Database
