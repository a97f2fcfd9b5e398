'use strict'

const { timedOut } = require('../errors')
const { now } = require('../timers')
const tracing = require('../tracing')
const { SAVEPOINT } = require('../transaction')
const { NAMES } = require('./call')
const { checkNames } = require('./names')

// The name of the savepoint without its quotes.
const OWN = SAVEPOINT.slice(1, -1)

// libsql's names for the kinds of transaction, beside SQLite's.
const MODES = {
  deferred: 'deferred', immediate: 'immediate', exclusive: 'exclusive', read: 'deferred', write: 'immediate'
}

const OPTIONS = [...NAMES, 'mode', 'raw']
const STATEMENT = ['sql', 'args']

/** The second argument of `db.batch()`: a mode, or options. `read` reads options of any call. */
function readBatchOptions (given, read) {
  const options = typeof given === 'string' ? { mode: given } : given ?? {}
  if (typeof options !== 'object' || Array.isArray(options)) {
    throw new TypeError('Expected second argument to be a mode or an options object')
  }
  const { mode = 'deferred', raw = false } = options
  if (!Object.hasOwn(MODES, mode)) {
    const modes = Object.keys(MODES).join(', ')
    throw new TypeError(options === given
      ? `Expected the "mode" option to be one of ${modes}`
      : `Expected second argument to be one of ${modes}`)
  }
  if (typeof raw !== 'boolean') throw new TypeError('Expected the "raw" option to be a boolean')
  return { version: MODES[mode], raw, call: read(options, OPTIONS) }
}

/**
 * The statements of `db.batch()`, checked: the SQL and the parameters of each.
 * @param {import('../engine').Natives} natives
 * @returns {[sql: string, args: unknown[]][]}
 */
function readBatch (natives, statements) {
  if (!Array.isArray(statements)) throw new TypeError('Expected first argument to be an array of statements')
  // A copy: a getter may change the list.
  const list = [...statements].map((statement, i) => readStatement(statement, i))
  // All of it or nothing: SQL that ends the transaction is found before anything runs.
  natives.sqlCheckBatch(list.map(([sql]) => sql), OWN)
  return list
}

/** What tracing reports of a local batch, beside what it reports of each statement. */
function batchContext (list, name) {
  return tracing.contextOf('batch', list.map(([sql]) => sql).join('; '), name, 'writer')
}

function countBatch (context, results) {
  context.rows = results.reduce((sum, { rows }) => sum + rows.length, 0)
  context.changes = results.reduce((sum, { changes }) => sum + changes, 0)
}

/** @returns {[sql: string, args: unknown[]]} */
function readStatement (statement, i) {
  if (typeof statement === 'string') return [statement, []]
  if (typeof statement !== 'object' || statement === null) {
    throw new TypeError(`Expected each statement to be a string, { sql, args } or [sql, args]: statements[${i}] is not`)
  }
  const isList = Array.isArray(statement)
  if (!isList) checkNames(statement, STATEMENT)
  const [sql, args] = isList ? statement : [statement.sql, statement.args]
  if (typeof sql !== 'string') {
    throw new TypeError(`Expected statements[${i}]${isList ? '[0]' : '.sql'} to be a string`)
  }
  return [sql, toArgs(args)]
}

function toArgs (args) {
  return args == null ? [] : [args]
}

/** The result of one statement; `columns` are as `stmt.columns()` has them. */
function toResult (columns, rows, { changes, lastInsertRowid }) {
  return {
    columns: columns.map(({ name }) => name),
    columnTypes: columns.map(({ type }) => type ?? ''),
    rows,
    changes,
    rowsAffected: changes,
    lastInsertRowid
  }
}

/** The ms that are left of the time limit of a batch; null if it has none. */
function timeLeft (timeout) {
  if (timeout === undefined || timeout === 0) return null
  const end = now() + timeout
  return () => {
    const left = Math.ceil(end - now())
    if (left <= 0) throw timedOut()
    return left
  }
}

module.exports = {
  batchContext, countBatch, readBatch, readBatchOptions, timeLeft, toResult
}
