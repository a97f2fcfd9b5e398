'use strict'

const {
  batchContext, countBatch, readBatch, readBatchOptions, timeLeft, toResult
} = require('../../arguments/batch')
const { readSyncOptions } = require('../../arguments/call')
const { locate } = require('../../errors')
const tracing = require('../../tracing')

/**
 * Runs statements in one transaction and gives a result for each of them. `lastChanges()` has the
 * changes and the rowid of the last one.
 * @param {import('../../engine').Natives} natives
 */
function runBatch (natives, database, statements, given, lastChanges) {
  const list = readBatch(natives, statements)
  const { version, raw, call } = readBatchOptions(given, readSyncOptions)
  const left = timeLeft(call)
  const run = () => list.map(([sql, args], i) => {
    try {
      const statement = database.prepare(sql)
      if (raw && statement.reader) statement.raw()
      if (left !== null) statement.timeout(left())
      return runOne(statement, args, lastChanges)
    } catch (error) {
      throw locate(error, i, sql, database.name)
    }
  })
  const all = database.transaction(run)[version]
  if (!tracing.on) return all()
  return tracing.traceSync(batchContext(list, database.name), all, countBatch)
}

function runOne (statement, args, lastChanges) {
  if (!statement.reader) {
    const { changes, lastInsertRowid } = statement.run(...args)
    return toResult([], [], { changes, lastInsertRowid })
  }
  const rows = statement.all(...args)
  const columns = statement.columns()
  const { changes, lastInsertRowid } = lastChanges()
  return toResult(columns, rows, { changes: statement.readonly ? 0 : changes, lastInsertRowid })
}

module.exports = { runBatch }
