'use strict'

// Makes an index with one engine, and searches it: with each of its widths, or as it is by default.

const fs = require('node:fs')
const path = require('node:path')

const { queriesOf, recallOf, truthOf, nearestOf, piecesOf } = require('../data')
const { ENGINES } = require('../engines')
const { perSecond, resident } = require('../time')

// Beyond this recall a wider search shows nothing more.
const ENOUGH = 0.9985

function run (set, folder, { engine: name, milliseconds, keep, curve = true, more = {} }) {
  const engine = ENGINES[name]
  const file = path.join(folder, keep ?? 'index.db')
  removeFile(file)
  const before = resident().now
  const start = performance.now()
  const index = engine.build(set, file, more)
  const build = performance.now() - start
  const peak = resident().peak
  const queries = queriesOf(set)
  const truth = index.rows === set.rows ? truthOf(set) : truthOfPart(set, index.rows, queries)
  const point = width => {
    const search = index.search(width)
    const found = truth.map((_, i) => engine.ids(search(queries[i])))
    const rate = perSecond(search, queries, milliseconds)
    return { width, recall: recallOf(found, truth), perSecond: rate }
  }
  const result = { engine: name, set: set.name, rows: index.rows, build, peak, before }
  if (name === 'ferrolite') {
    result.asked = point(undefined)
    result.list = listOf(index.db)
  }
  result.points = []
  // Where all is compared, by default, a width shows nothing.
  for (const width of curve && result.list !== 0 ? engine.widths : []) {
    result.points.push(point(width))
    if (result.points.at(-1).recall > ENOUGH) break
  }
  if (name === 'libsql') result.writes = writes(index.db, set)
  if (name === 'ferrolite') index.db.pragma('wal_checkpoint(TRUNCATE)')
  result.bytes = index.bytes()
  index.close()
  if (!keep) removeFile(file)
  return result
}

function removeFile (file) {
  for (const suffix of ['', '-wal', '-shm']) fs.rmSync(file + suffix, { force: true })
}

// The search list that was measured for the recall; 0 is a scan.
function listOf (db) {
  const state = db.prepare('SELECT state FROM t_log ORDER BY seq DESC LIMIT 1').pluck().get()
  return state.readUInt16LE(9)
}

function truthOfPart (set, rows, queries) {
  const some = queries.slice(0, 200)
  const flat = new Float32Array(some.length * set.dimension)
  some.forEach((query, i) => flat.set(query, i * set.dimension))
  return nearestOf(flat, piecesOf(set, rows), set.dimension)
}

// A second of rows that are inserted one by one, and of those that are deleted again.
function writes (db, set) {
  const extra = queriesOf(set).map(query => Buffer.from(query.buffer))
  const insert = db.prepare('INSERT INTO t VALUES (?, ?)')
  const remove = db.prepare('DELETE FROM t WHERE id = ?')
  const count = 200
  const rate = call => {
    const start = performance.now()
    for (let i = 0; i < count; i++) call(i)
    return count * 1000 / (performance.now() - start)
  }
  return {
    inserts: rate(i => insert.run(5_000_000 + i, extra[i])),
    deletes: rate(i => remove.run(5_000_000 + i))
  }
}

module.exports = run
