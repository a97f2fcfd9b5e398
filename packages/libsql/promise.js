'use strict'

// Ferrolite's promise API with the defaults of libsql's.

const Ferrolite = require('ferrolite/promise')
const { bindByNumber, numbered, openArguments } = require('./defaults')

const METHODS = ['run', 'get', 'all', 'iterate']

class Database extends Ferrolite {
  constructor (filename, options) {
    super(...openArguments(filename, options))
  }

  async prepare (sql, ...rest) {
    return bindByNumber(await super.prepare(sql, ...rest), sql, METHODS)
  }
}

for (const name of METHODS) {
  const method = Ferrolite.prototype[name]
  const value = function (sql, ...params) {
    return method.call(this, sql, ...numbered(sql, params))
  }
  Object.defineProperty(Database.prototype, name, { value, configurable: true, writable: true })
}

/** Opens a database; rejects if that fails. */
async function connect (filename, options) {
  const database = new Database(filename, options)
  await Ferrolite.opened(database)
  return database
}

module.exports = Database
module.exports.Database = Database
module.exports.connect = connect
module.exports.SqliteError = Ferrolite.SqliteError
module.exports.Authorization = Ferrolite.Authorization
module.exports.Action = Ferrolite.Action
