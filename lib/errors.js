'use strict'

const { isNativeError } = require('node:util').types
const { atCaller } = require('./caller')
const { withoutKeys } = require('./sql')

// What became of a call that failed on its way to a server, or there (crates/remote/src/error.rs).
const OUTCOME = { NOT_EXECUTED: 'not-executed', ROLLED_BACK: 'rolled-back', UNKNOWN: 'unknown' }

// Errors that were made here, and not by code of the user.
const ours = new WeakSet()

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

/** A property that stays out of `console.log` and comparisons. */
function hide (error, name, value) {
  Reflect.defineProperty(error, name, { value, writable: true, configurable: true })
}

/** An error of the engine or a server, with the caller's frames. Its arguments: `errorOf()`. */
function makeError (...args) {
  return atCaller(withoutStack(errorOf, args))
}

/** What `make` makes of its arguments; an error in it has no frames yet, as others come. */
function withoutStack (make, args) {
  const { stackTraceLimit } = Error
  try { Error.stackTraceLimit = 0 } catch {}
  try {
    return make(...args)
  } finally {
    try { Error.stackTraceLimit = stackTraceLimit } catch {}
  }
}

/**
 * The same where nobody has called: a reply has come. `byte` is where in the SQL it is and
 * `statement` the number of the one that failed, or -1. `key` is that of a key-value store, and
 * `host` has the error of the store.
 */
function errorOf (
  message, code, rawCode, byte = -1, statement = -1, sql, database, isTimeout, key, host
) {
  const error = new SqliteError(message, code)
  hide(error, 'rawCode', rawCode)
  if (isTimeout) hide(error, 'cause', timeoutCause())
  if (host !== undefined) hide(error, 'cause', host.error)
  if (key !== undefined) hide(error, 'key', key)
  if (byte >= 0 && sql !== undefined) hide(error, 'offset', charsOf(sql, byte))
  if (statement >= 0) hide(error, 'statementIndex', statement)
  return describe(error, sql, database)
}

const MISTAKES = { TypeError, RangeError, Error }

/** A mistake in calling, by the name of its error's class. */
function mistake (name, message, sql, database) {
  const error = atCaller(new MISTAKES[name](message))
  ours.add(error)
  return describe(error, sql, database)
}

/** Says what a mistake is about; what code of the user threw stays as it is. */
function about (error, sql, database) {
  return ours.has(error) ? describe(error, sql, database) : error
}

/** Gives an error that a job has ended with the frames of who waits for it in a call. */
function fromCall (error) {
  return ours.has(error) ? atCaller(error) : error
}

/** Of any realm, as a test runner may have its own for each file. */
function isError (value) {
  return isNativeError(value) || value instanceof Error
}

/** Says what an error is about, where that is not known yet. */
function describe (error, sql, database) {
  if (sql != null && !Object.hasOwn(error, 'sql')) hide(error, 'sql', withoutKeys(sql))
  if (database != null && !Object.hasOwn(error, 'database')) hide(error, 'database', database)
  return error
}

/** Says which statement of a list an error is about, and where it is: the character `offset`. */
function locate (error, statementIndex, sql, database, offset = 0) {
  if (!isError(error)) return error
  if (!Object.hasOwn(error, 'offset')) hide(error, 'offset', offset)
  hide(error, 'statementIndex', statementIndex)
  return describe(error, typeof sql === 'string' ? sql : null, database)
}

/** Says what became of the call that an error is of; a copy of the error says the same. */
function withOutcome (error, outcome) {
  hide(error, 'outcome', outcome)
  return error
}

/**
 * The transaction of that database has been undone, and with it whatever a call inside it did.
 * @param {unknown} error
 */
function rolledBack (error, database) {
  if (!isError(error)) return
  const { outcome, database: own } = /** @type {any} */ (error)
  if (outcome !== undefined && own === database) withOutcome(error, OUTCOME.ROLLED_BACK)
}

/** How many characters of some SQL are before a byte of it. */
function charsOf (sql, byte) {
  return Buffer.from(sql).toString('utf8', 0, byte).length
}

function timeoutCause () {
  const cause = new Error('The time of the call was over')
  return Object.assign(cause, { name: 'TimeoutError', code: 'ETIMEDOUT' })
}

function timedOut () {
  return errorOf('interrupted', 'SQLITE_INTERRUPT', 9, -1, -1, undefined, undefined, true)
}

// Errors of calls that were refused, as an error of another has ended their transaction.
const refusals = new WeakSet()

function transactionLost (cause) {
  const text = 'The transaction has ended: it was rolled back when a call inside it failed'
  const error = new Error(text, cause === undefined ? undefined : { cause })
  refusals.add(error)
  return error
}

/** The error that has ended a transaction, if this one is of a call behind it. */
function firstError (error) {
  return refusals.has(error) && error.cause !== undefined ? error.cause : error
}

/** As Node's own functions reject. */
function abortError (signal) {
  const error = new Error('The operation was aborted', { cause: signal.reason })
  return Object.assign(error, { name: 'AbortError', code: 'ABORT_ERR' })
}

/** An error for one call of the promise API; one that several calls get is copied for each. */
function forCall (error, sql, database) {
  if (!isError(error)) return error
  if (ours.has(error) && error instanceof SqliteError) error = copy(error)
  ours.add(error)
  return describe(error, sql, database)
}

function copy (error) {
  const { message, code, rawCode, status, outcome, offset, key } = error
  const another = errorOf(message, code, rawCode)
  if (outcome !== undefined) withOutcome(another, outcome)
  if (status !== undefined) another.status = status
  if (offset !== undefined) hide(another, 'offset', offset)
  if (key !== undefined) hide(another, 'key', key)
  if (Object.hasOwn(error, 'cause')) hide(another, 'cause', error.cause)
  return another
}

/**
 * Gives an error the frames of who awaits it now: V8 finds them without anything being kept while
 * the call was on its way. To be called in an async function; `above` is the function to leave out.
 */
function retrace (error, above = retrace) {
  if (ours.has(error)) Error.captureStackTrace?.(error, above)
  return error
}

/** Rejects once whoever made a call has come to await it. */
async function rejection (error) {
  await null
  await null
  await null
  throw retrace(error, rejection)
}

module.exports = {
  OUTCOME,
  SqliteError,
  abortError,
  about,
  charsOf,
  describe,
  errorOf,
  firstError,
  forCall,
  fromCall,
  locate,
  makeError,
  mistake,
  rejection,
  retrace,
  rolledBack,
  withOutcome,
  timedOut,
  transactionLost
}
