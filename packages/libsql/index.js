'use strict'

// Ferrolite with the members and the defaults of libsql.

const Ferrolite = require('ferrolite')
const { bindByNumber, openArguments } = require('./defaults')

// Those of 0.5, and batch(), which comes with 0.6.
const METHODS = [
  'sync', 'syncUntil', 'prepare', 'transaction', 'pragma', 'backup', 'serialize', 'function',
  'aggregate', 'table', 'authorizer', 'loadExtension', 'maxWriteReplicationIndex', 'exec', 'batch',
  'interrupt', 'close', 'defaultSafeIntegers', 'unsafeMode'
]

function Database (filename, options) {
  if (new.target === undefined) return new /** @type {any} */ (Database)(filename, options)
  return Reflect.construct(Ferrolite, openArguments(filename, options), new.target)
}

for (const name of [...METHODS, Symbol.for('nodejs.util.inspect.custom')]) {
  const member = Object.getOwnPropertyDescriptor(Ferrolite.prototype, name)
  Object.defineProperty(Database.prototype, name, member)
}

const { prepare } = Ferrolite.prototype
Database.prototype.prepare = {
  prepare (sql) { return bindByNumber(prepare.call(this, sql), sql, ['run', 'get', 'all', 'iterate']) }
}.prepare

module.exports = Database
module.exports.SqliteError = Ferrolite.SqliteError
module.exports.Authorization = Ferrolite.Authorization
module.exports.Action = Ferrolite.Action
