'use strict'

// libsql's names for the kinds of transaction, beside SQLite's.
const MODES = {
  deferred: 'deferred', immediate: 'immediate', exclusive: 'exclusive', read: 'deferred', write: 'immediate'
}

/** What `db.batch()` is given, checked: SQL and parameters, and the version of the transaction. */
function readBatch (statements, mode) {
  if (!Array.isArray(statements)) throw new TypeError('Expected first argument to be an array of statements')
  if (!Object.hasOwn(MODES, mode)) {
    throw new TypeError(`Expected second argument to be one of ${Object.keys(MODES).join(', ')}`)
  }
  // A copy: what is read may change the list.
  return { list: [...statements].map(readStatement), version: MODES[mode] }
}

/**
 * Runs statements in one transaction and gives a result for each of them. `lastChanges()` has the
 * changes and the rowid of the last one.
 */
function runBatch (database, statements, mode, lastChanges) {
  const { list, version } = readBatch(statements, mode)
  const run = () => list.map(([sql, args]) => runOne(database.prepare(sql), args, lastChanges))
  return database.transaction(run)[version]()
}

function readStatement (statement) {
  if (typeof statement === 'string') return [statement, []]
  if (Array.isArray(statement)) return [statement[0], toArgs(statement[1])]
  if (typeof statement === 'object' && statement !== null) return [statement.sql, toArgs(statement.args)]
  throw new TypeError('Expected each statement to be a string, { sql, args } or [sql, args]')
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
