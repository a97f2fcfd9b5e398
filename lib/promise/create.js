'use strict'

const { Action, Authorization, constants } = require('../arguments/constants')
const { SqliteError, retrace } = require('../errors')
const { Database: Base } = require('./database')

/** The promise API over the addon that `getBinding(nativeBinding)` returns. */
module.exports = function createPromiseApi (getBinding, { allowNativeBinding = true } = {}) {
  class Database extends Base {
    constructor (filename, options) {
      // A variable that is not set would make a temporary database.
      if (arguments.length === 0) filename = ''
      super(getBinding, filename, options, allowNativeBinding)
    }
  }
  /** Opens a database; rejects if that fails. */
  async function connect (...args) {
    if (args[1]?.mode === 'resident') {
      const { connectResident } = require('../kv/resident')
      return connectResident(getBinding, args[0], args[1], allowNativeBinding)
    }
    const database = new Database(...args)
    try {
      await Base.opened(database)
    } catch (error) {
      throw retrace(error)
    }
    return database
  }

  const parts = { connect, Database, SqliteError, Authorization, Action, constants }
  return Object.assign(Database, parts)
}
