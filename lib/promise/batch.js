'use strict'

const {
  batchContext, countBatch, readBatch, readBatchOptions, timeLeft, toResult
} = require('../arguments/batch')
const { readCallOptions } = require('../arguments/call')
const { locate, retrace } = require('../errors')
const { KEY } = require('../key')
const { copyParams } = require('../params')
const { FLAG, OP } = require('../protocol')
const tracing = require('../tracing')
const { finishBatch, packBatch, sqlsOf } = require('../worker/batch')
const { Statement, finishRun } = require('../worker/statement')

/** Runs statements in one transaction and gives a result for each of them. */
function runBatch (database, connection, statements, given) {
  const options = readBatchOptions(given, readCallOptions)
  const run = connection.route.batches ? runAsJob : runInTransaction
  return run(database, connection, statements, options)
}

function runAsJob (database, connection, statements, { version, raw, call }) {
  const { root } = connection
  const inside = root.current() !== root || connection.inTransaction
  const flags = connection.int64 ? FLAG.INT64 : 0
  const values = packBatch(connection, statements, version, inside)
  const finish = (replies) => finishBatch(replies, raw)
  return connection.ask(OP.BATCH, 0, values, finish, { flags, sqls: sqlsOf(values), options: call })
}

function runInTransaction (database, connection, statements, { version, raw, call }) {
  const list = readBatch(connection.natives, statements)
  const left = timeLeft(call?.timeout)
  // Later changes of the arguments do not affect this call.
  const kept = list.map(([sql, params]) => [sql, params.map(copyParams)])
  const run = database.transaction(async () => {
    const results = []
    for (const [i, [sql, params]] of kept.entries()) {
      try {
        const options = call === null ? null : { signal: call.signal, timeout: left?.() }
        results.push(await runOne(database, connection, sql, params, raw, options))
      } catch (error) {
        throw locate(retrace(error), i, sql, database.name)
      }
    }
    return results
  })
  if (!tracing.on) return run[version]()
  return tracing.traceAsync(batchContext(list, database.name), run[version], countBatch)
}

async function runOne (database, connection, sql, params, raw, options) {
  const entry = await connection.compiler.cached(sql, options)
  const statement = new Statement(KEY, connection, entry, sql, database).with(options)
  if (!entry.reader) return toResult([], [], await statement.run(...params))
  if (raw) statement.raw()
  const rows = await statement.all(...params)
  const columns = statement.columns()
  const flags = connection.int64 ? FLAG.INT64 : 0
  const last = await connection.ask(OP.CHANGES, 0, [], finishRun, { flags })
  return toResult(columns, rows, entry.readonly ? { ...last, changes: 0 } : last)
}

module.exports = { runBatch }
