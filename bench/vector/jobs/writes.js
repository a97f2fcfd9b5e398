'use strict'

// Writes into an index that is there: rows one by one, each a transaction; then half are replaced.

const fs = require('node:fs')
const path = require('node:path')

const { SETS, nearestOf, piecesOf, queriesOf, recallOf } = require('../data')
const { ENGINES, openFile } = require('../engines')
const { latencies, perSecond } = require('../time')

const FRAME = 4096 + 24
const CHUNK = 1000

// The vectors behind the first `rows` of another set: words that the index does not have.
function others (from, count, dimension) {
  const list = []
  for (const { first, vectors } of piecesOf(SETS['wink 340k'], from + count)) {
    for (let i = 0; i < vectors.length / dimension; i++) {
      if (first + i >= from) list.push(vectors.slice(i * dimension, (i + 1) * dimension))
    }
  }
  return list
}

function rates (call, count) {
  const start = performance.now()
  const list = latencies(call, count)
  return {
    count,
    perSecond: count * 1000 / (performance.now() - start),
    median: list[list.length >> 1],
    longest: list.at(-1)
  }
}

// Pages that an insert writes into the log between merges: few enough that none is due.
function pagesOf (db, file, insert, vectors) {
  db.pragma('wal_checkpoint(TRUNCATE)')
  db.pragma('wal_autocheckpoint = 0')
  const list = []
  let size = 0
  for (const vector of vectors) {
    insert.run(vector)
    const now = fs.statSync(`${file}-wal`).size
    list.push(Math.round((now - size) / FRAME))
    size = now
  }
  db.pragma('wal_autocheckpoint = 1000')
  // Now and then a page of a tree is split: one of a hundred inserts is left out.
  return list.sort((a, b) => a - b)[Math.floor(list.length * 0.99) - 1]
}

function recall (db, vectors, queries, dimension, milliseconds) {
  const flat = new Float32Array(vectors.length * dimension)
  vectors.forEach((vector, i) => flat.set(vector, i * dimension))
  const wanted = new Float32Array(queries.length * dimension)
  queries.forEach((query, i) => wanted.set(query, i * dimension))
  const truth = nearestOf(wanted, [{ first: 0, vectors: flat }], dimension)
  const search = ENGINES.ferrolite.search(db)
  return {
    recall: recallOf(queries.map(query => ENGINES.ferrolite.ids(search(query))), truth),
    perSecond: perSecond(search, queries, milliseconds)
  }
}

function run (set, folder, { source, inserts, milliseconds }) {
  const file = path.join(folder, 'writes.db')
  fs.copyFileSync(source, file)
  const db = openFile(file)
  const d = set.dimension
  const extra = others(set.rows + 2000, inserts + 300, d)
  const insert = db.prepare('INSERT INTO t(vector) VALUES (?)')
  const result = { pages: pagesOf(db, file, insert, extra.slice(-300)) }
  result.inserts = rates(i => insert.run(extra[i]), inserts)
  const update = db.prepare('UPDATE t SET vector = ? WHERE rowid = ?')
  result.updates = rates(i => update.run(extra[inserts - 1 - i], 1 + i * 3), inserts / 4)
  const remove = db.prepare('DELETE FROM t WHERE rowid = ?')
  result.deletes = rates(i => remove.run(set.rows + 1 + i), inserts / 4)
  db.exec("INSERT INTO t(t) VALUES ('verify')")
  db.close()
  for (const suffix of ['', '-wal', '-shm']) fs.rmSync(file + suffix, { force: true })
  result.replaced = replaced(set, folder, source, milliseconds)
  return result
}

// Every other row gets another vector, in transactions of a thousand.
function replaced (set, folder, source, milliseconds) {
  const d = set.dimension
  const vectors = []
  for (const piece of piecesOf(set)) {
    for (let i = 0; i < piece.vectors.length; i += d) vectors.push(piece.vectors.slice(i, i + d))
  }
  const fresh = others(set.rows + 2000, set.rows >> 1, d)
  const file = path.join(folder, 'replaced.db')
  fs.copyFileSync(source, file)
  const db = openFile(file)
  const update = db.prepare('UPDATE t SET vector = ? WHERE rowid = ?')
  const start = performance.now()
  for (let from = 0; from < fresh.length; from += CHUNK) {
    db.transaction(() => fresh.slice(from, from + CHUNK).forEach((vector, i) => {
      const row = 2 * (from + i)
      vectors[row] = vector
      update.run(vector, row + 1)
    }))()
  }
  const time = performance.now() - start
  const queries = queriesOf(set).slice(0, 500)
  const after = recall(db, vectors, queries, d, milliseconds)
  db.exec("INSERT INTO t(t) VALUES ('merge')")
  db.pragma('wal_checkpoint(TRUNCATE)')
  const bytes = fs.statSync(file).size
  db.exec("INSERT INTO t(t) VALUES ('rebuild')")
  const rebuilt = recall(db, vectors, queries, d, milliseconds)
  db.close()
  for (const suffix of ['', '-wal', '-shm']) fs.rmSync(file + suffix, { force: true })
  return { rows: fresh.length, time, after, rebuilt, bytes, before: fs.statSync(source).size }
}

module.exports = run
