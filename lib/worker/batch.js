'use strict'

const { readBatch, toResult } = require('../arguments/batch')
const { checkValue, isNamed } = require('../params')
const { SAVEPOINT, VERSIONS } = require('../transaction')

/**
 * The values of a batch job: how it begins, ends and is undone, and of each statement its SQL and
 * its parameters, with their names or null. The logger sees what runs, but for what undoes it.
 */
function packBatch (connection, statements, version, inTransaction) {
  const list = readBatch(connection.natives, statements)
  const values = inTransaction
    ? [`SAVEPOINT ${SAVEPOINT}`, `RELEASE ${SAVEPOINT}`, `ROLLBACK TO ${SAVEPOINT}`, `RELEASE ${SAVEPOINT}`]
    : [VERSIONS[version], 'COMMIT', 'ROLLBACK', null]
  connection.log(values[0])
  for (const [sql, args] of list) {
    const params = args.flatMap(readParams)
    values.push(sql, params.length)
    connection.log(sql)
    for (const [name, value] of params) {
      checkValue(value)
      values.push(name, value)
    }
  }
  connection.log(values[1])
  return values
}

/** The SQL of each statement that packBatch() has packed. */
function sqlsOf (values) {
  const sqls = []
  for (let at = 4; at < values.length; at += 2 + 2 * values[at + 1]) sqls.push(values[at])
  return sqls
}

/** Parameters as pairs of a name, or null, and a value. */
function readParams (args) {
  // Not by map(): an array may have one of its own, and a species.
  if (Array.isArray(args)) return Array.from({ length: args.length }, (_, i) => [null, args[i]])
  return isNamed(args) ? Object.entries(args) : [[null, args]]
}

/** What `db.batch()` gives: of each statement a row that describes it came first, then its rows. */
function finishBatch (replies, raw) {
  const results = []
  for (let at = 0; at < replies.length;) {
    const [count, changes, lastInsertRowid, ...described] = replies[at++]
    const names = described.filter((_, i) => i % 2 === 0)
    const columns = names.map((name, i) => ({ name, type: described[2 * i + 1] }))
    const given = replies.slice(at, at += count)
    const rows = raw ? given : given.map((row) => toObject(names, row))
    results.push(toResult(columns, rows, { changes, lastInsertRowid }))
  }
  return results
}

function toObject (columns, row) {
  const object = {}
  for (const [i, name] of columns.entries()) {
    // A column may be called __proto__.
    Object.defineProperty(object, name, {
      value: row[i], writable: true, enumerable: true, configurable: true
    })
  }
  return object
}

module.exports = { finishBatch, packBatch, sqlsOf }
