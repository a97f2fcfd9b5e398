'use strict'

const { readBatch, toResult } = require('../arguments/batch')
const { locate } = require('../errors')
const { flatten } = require('../params')
const { parameterNames } = require('../sql')
const { SAVEPOINT, VERSIONS } = require('../transaction')

/**
 * The values of a batch job: how it begins, ends and is undone, and of each statement its SQL and
 * the values of its parameters. The logger sees what runs, but for what undoes it.
 */
function packBatch (connection, statements, version, inTransaction) {
  const list = readBatch(connection.natives, statements)
  const values = inTransaction
    ? [`SAVEPOINT ${SAVEPOINT}`, `RELEASE ${SAVEPOINT}`, `ROLLBACK TO ${SAVEPOINT}`, `RELEASE ${SAVEPOINT}`]
    : [VERSIONS[version], 'COMMIT', 'ROLLBACK', null]
  connection.log(values[0])
  const namesOf = rememberNames()
  for (const [i, [sql, args]] of list.entries()) {
    const about = (error) => locate(error, i, sql, connection.options.name)
    const given = readValues(args, sql, namesOf, about)
    connection.log(sql)
    values.push(sql, given.length)
    for (const value of given) values.push(value)
  }
  connection.log(values[1])
  return values
}

/** The SQL of each statement that packBatch() has packed. */
function sqlsOf (values) {
  const sqls = []
  for (let at = 4; at < values.length; at += 2 + values[at + 1]) sqls.push(values[at])
  return sqls
}

/** Values in the order of the parameters; the server says what is missing where none are given. */
function readValues (args, sql, namesOf, about) {
  if (args.length === 0) return args
  try {
    const names = namesOf(sql)
    // The worker refuses what is not one statement.
    return names === undefined ? [] : flatten(args, names)
  } catch (error) {
    throw about(error)
  }
}

/** Of each SQL the names of its parameters; most batches repeat a few. */
function rememberNames () {
  const known = new Map()
  return (sql) => {
    if (!known.has(sql)) known.set(sql, parameterNames(sql))
    return known.get(sql)
  }
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
