'use strict'

const { locate } = require('./errors')
const { SAVEPOINT } = require('./transaction')

// As SQLite knows it, without its quotes.
const OWN = SAVEPOINT.slice(1, -1)

// libsql's names for the kinds of transaction, beside SQLite's.
const MODES = {
  deferred: 'deferred', immediate: 'immediate', exclusive: 'exclusive', read: 'deferred', write: 'immediate'
}

/** What `db.batch()` is given, checked: SQL and parameters, and the version of the transaction. */
function readBatch (natives, statements, mode) {
  if (!Array.isArray(statements)) throw new TypeError('Expected first argument to be an array of statements')
  if (!Object.hasOwn(MODES, mode)) {
    throw new TypeError(`Expected second argument to be one of ${Object.keys(MODES).join(', ')}`)
  }
  // A copy: what is read may change the list.
  const list = [...statements].map(readStatement)
  // All of it or nothing: what ends the transaction is found before anything runs.
  natives.sqlCheckBatch(list.map(([sql]) => sql), OWN)
  return { list, version: MODES[mode] }
}

/**
 * Runs statements in one transaction and gives a result for each of them. `lastChanges()` has the
 * changes and the rowid of the last one.
 */
function runBatch (natives, database, statements, mode, lastChanges) {
  const { list, version } = readBatch(natives, statements, mode)
  const run = () => list.map(([sql, args], i) => {
    try {
      return runOne(database.prepare(sql), args, lastChanges)
    } catch (error) {
      throw locate(error, i, sql, database.name)
    }
  })
  return database.transaction(run)[version]()
}

function readStatement (statement) {
  if (typeof statement === 'string') return [statement, []]
  if (typeof statement !== 'object' || statement === null) {
    throw new TypeError('Expected each statement to be a string, { sql, args } or [sql, args]')
  }
  const [sql, args] = Array.isArray(statement) ? statement : [statement.sql, statement.args]
  if (typeof sql !== 'string') throw new TypeError('Expected first argument to be a string')
  return [sql, toArgs(args)]
}

function toArgs (args) {
  return args == null ? [] : [args]
}

function runOne (statement, args, lastChanges) {
  if (!statement.reader) {
    const { changes, lastInsertRowid } = statement.run(...args)
    return { columns: [], rows: [], changes, lastInsertRowid }
  }
  const rows = statement.all(...args)
  const columns = statement.columns().map(({ name }) => name)
  const { changes, lastInsertRowid } = lastChanges()
  return { columns, rows, changes: statement.readonly ? 0 : changes, lastInsertRowid }
}

module.exports = { readBatch, runBatch }
