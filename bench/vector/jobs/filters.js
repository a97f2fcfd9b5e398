'use strict'

// Searches among the rows that a filter lets pass: half of them, a tenth, a hundredth, a
// thousandth, by a column that has nothing to do with the vectors (`u`) and by one that goes with
// them (`c`).

const fs = require('node:fs')
const path = require('node:path')

const { allOf, nearestOf, piecesOf, queriesOf, randomNumbers, recallOf } = require('../data')
const { ENGINES } = require('../engines')
const { perSecond } = require('../time')

const SHARES = [0.5, 0.1, 0.01, 0.001]
const QUERIES = 200
const PARTS = ['u', 'c'].flatMap(column => SHARES.map(share => ({ column, share })))

// `u` is random; `c` is the place in order of how near a word is to one: a cap of the sphere.
function columnsOf (set) {
  const random = randomNumbers(3)
  const u = Float64Array.from({ length: set.rows }, random)
  const all = allOf(set)
  const [d, first] = [set.dimension, all.subarray(1000 * set.dimension, 1001 * set.dimension)]
  const score = Float64Array.from({ length: set.rows }, (_, row) => {
    let [dot, norm] = [0, 0]
    for (let i = 0; i < d; i++) {
      const value = all[row * d + i]
      dot += value * first[i]
      norm += value * value
    }
    return dot / Math.sqrt(norm)
  })
  const c = new Float64Array(set.rows)
  Array.from(score.keys()).sort((a, b) => score[b] - score[a])
    .forEach((row, place) => { c[row] = place / set.rows })
  return { u, c }
}

function measureFilters (engine, index, prepared, { queries, truths, milliseconds }) {
  return PARTS.map((part, at) => {
    const statement = prepared(part)
    const found = truths[at].map((_, i) => engine.ids(statement(queries[i])))
    return {
      ...part,
      recall: recallOf(found, truths[at]),
      least: Math.min(...found.map(ids => ids.length)),
      perSecond: perSecond(statement, queries, milliseconds)
    }
  })
}

function run (set, folder, { milliseconds }) {
  const columns = columnsOf(set)
  const queries = queriesOf(set).slice(0, QUERIES)
  const flat = new Float32Array(queries.length * set.dimension)
  queries.forEach((query, i) => flat.set(query, i * set.dimension))
  const filters = PARTS.map(({ column, share }) => row => columns[column][row] < share)
  const truths = nearestOf(flat, piecesOf(set), set.dimension, filters)
  const given = { queries, truths, milliseconds }
  const values = row => [columns.u[row], columns.c[row]]
  const sql = ({ column, share }) =>
    `SELECT t.rowid, distance FROM t WHERE vector MATCH ? AND k = 10 AND ${column} < ${share}`

  const { ferrolite, 'sqlite-vec': vec } = ENGINES
  const index = ferrolite.build(set, path.join(folder, 'filters.db'), { columns: 'u REAL, c REAL', values })
  const raw = db => part => {
    const statement = db.prepare(sql(part)).raw()
    return query => statement.all(query)
  }
  const result = { ferrolite: measureFilters(ferrolite, index, raw(index.db), given) }
  result.joined = joined(index.db, columns, { queries, truth: truths[2], milliseconds })
  index.close()
  const other = vec.build(set, path.join(folder, 'vec-filters.db'), { columns: 'u float, c float', values })
  // A hundredth as many queries a second as Ferrolite's: a few are enough.
  result['sqlite-vec'] = measureFilters(vec, other, raw(other.db), {
    ...given, truths: truths.map(list => list.slice(0, 10))
  })
  other.close()
  for (const file of fs.readdirSync(folder)) if (/filters\.db/.test(file)) fs.rmSync(path.join(folder, file))
  return result
}

// The column is in another table: rows stream in order of distance, and SQLite tests them.
function joined (db, { u }, { queries, truth, milliseconds }) {
  db.exec('CREATE TABLE doc (id INTEGER PRIMARY KEY, u REAL)')
  const insert = db.prepare('INSERT INTO doc VALUES (?, ?)')
  db.transaction(() => u.forEach((value, row) => insert.run(row + 1, value)))()
  const statement = db.prepare(`SELECT t.rowid, distance FROM t JOIN doc ON doc.id = t.rowid
    WHERE vector MATCH ? AND doc.u < 0.01 ORDER BY distance LIMIT 10`).raw()
  const search = query => statement.all(query)
  const found = truth.map((_, i) => ENGINES.ferrolite.ids(search(queries[i])))
  return {
    recall: recallOf(found, truth),
    least: Math.min(...found.map(ids => ids.length)),
    perSecond: perSecond(search, queries, milliseconds)
  }
}

module.exports = run
