'use strict'

/**
 * An error of SQLite. `code` is the name of its extended result code, such as
 * `SQLITE_CONSTRAINT_UNIQUE`; errors that come from the engine also have the number, `rawCode`.
 */
class SqliteError extends Error {
  constructor (message, code, rawCode) {
    if (typeof code !== 'string') throw new TypeError('Expected second argument to be a string')
    super(`${message}`)
    this.code = code
    if (rawCode !== undefined) this.rawCode = rawCode
    Error.captureStackTrace?.(this, SqliteError)
  }
}

Object.defineProperty(SqliteError.prototype, 'name', {
  value: 'SqliteError', writable: true, enumerable: false, configurable: true
})

/** What the addon calls to make an error; `rawCode` stays out of `console.log` and comparisons. */
function makeError (message, code, rawCode) {
  const error = new SqliteError(message, code)
  Object.defineProperty(error, 'rawCode', { value: rawCode, writable: true, configurable: true })
  return error
}

module.exports = { SqliteError, makeError }
