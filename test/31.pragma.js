'use strict'

const assert = require('node:assert/strict')
const fs = require('node:fs')
const test = require('node:test')
const { BUSY, open, rangeError, sqliteError, tempFile, typeError } = require('./support')

test('pragma() of anything but a string is a TypeError', t => {
  const db = open(t)
  const message = 'Expected first argument to be a string'
  for (const args of [[], [123], [0], [null], [{}], [['x']]]) typeError(() => db.pragma(...args), message)
  typeError(() => db.pragma(new String('x')), message) // eslint-disable-line no-new-wrappers
})

test('options that are not an object are a TypeError', t => {
  const db = open(t)
  for (const options of [true, 123, () => {}, NaN, 'true']) {
    typeError(() => db.pragma('cache_size', options), 'Expected second argument to be an options object')
  }
  assert.equal(db.pragma('cache_size', null).length, 1)
})

test('simple is a strict boolean', t => {
  const db = open(t)
  for (const simple of [undefined, null, 1, 'true']) {
    typeError(() => db.pragma('cache_size', { simple }), 'Expected the "simple" option to be a boolean')
  }
})

test('invalid SQL is an SqliteError and a second statement a RangeError', t => {
  const db = open(t)
  sqliteError(() => db.pragma('PRAGMA cache_size'), 'SQLITE_ERROR', 'near "cache_size": syntax error')
  rangeError(() => db.pragma('cache_size; PRAGMA cache_size'),
    'The supplied SQL string contains more than one statement')
  rangeError(() => db.pragma('cache_size; DROP TABLE t'))
})

test('pragma() returns rows', t => {
  assert.deepEqual(open(t).pragma('cache_size'), [{ cache_size: -16000 }])
  assert.deepEqual(open(t).pragma('cache_size', { simple: false }), [{ cache_size: -16000 }])
})

test('simple returns the first column of the first row', t => {
  const db = open(t).exec('CREATE TABLE t (a TEXT, b)')
  assert.equal(db.pragma('cache_size', { simple: true }), -16000)
  assert.equal(db.pragma('table_info(t)', { simple: true }), 0)
})

test('simple without a row is undefined, and no row an empty array', t => {
  const db = open(t)
  assert.equal(db.pragma('table_info', { simple: true }), undefined)
  assert.equal(db.pragma('table_info(missing)', { simple: true }), undefined)
  assert.deepEqual(db.pragma('table_info(missing)'), [])
})

test('a pragma that returns no columns is an empty array', t => {
  const db = open(t)
  assert.deepEqual(db.pragma('cache_size = 5'), [])
  assert.equal(db.pragma('cache_size = 5', { simple: true }), undefined)
  assert.deepEqual(db.pragma('unknown_pragma'), [])
})

test('table_info describes a table', t => {
  const db = open(t).exec('CREATE TABLE t (a TEXT NOT NULL DEFAULT 5, b INTEGER PRIMARY KEY)')
  assert.deepEqual(db.pragma('table_info("t")'), [
    { cid: 0, name: 'a', type: 'TEXT', notnull: 1, dflt_value: '5', pk: 0 },
    { cid: 1, name: 'b', type: 'INTEGER', notnull: 0, dflt_value: null, pk: 1 }
  ])
})

test('what a pragma sets is seen by the next', t => {
  const db = open(t, tempFile(t))
  db.pragma('cache_size = -8000')
  assert.equal(db.pragma('cache_size', { simple: true }), -8000)
  assert.equal(db.pragma('journal_mode', { simple: true }), 'delete')
  assert.equal(db.pragma('journal_mode = wal', { simple: true }), 'wal')
  assert.equal(db.pragma('journal_mode', { simple: true }), 'wal')
})

test('a readonly connection can set what is its own, and not the file', t => {
  const file = tempFile(t)
  open(t, file).exec('CREATE TABLE t (a)').close()
  const db = open(t, file, { readonly: true })
  db.pragma('cache_size = -8000')
  assert.equal(db.pragma('cache_size', { simple: true }), -8000)
  sqliteError(() => db.pragma('journal_mode = wal'), 'SQLITE_READONLY')
  assert.equal(db.pragma('journal_mode', { simple: true }), 'delete')
})

test('pragma() obeys defaultSafeIntegers()', t => {
  const db = open(t)
  db.defaultSafeIntegers()
  assert.equal(db.pragma('cache_size', { simple: true }), -16000n)
})

test('pragma() is blocked while iterating and inside a user function', t => {
  const db = open(t)
  for (const value of db.prepare('SELECT 5').pluck().iterate()) {
    assert.equal(value, 5)
    typeError(() => db.pragma('cache_size'), BUSY)
  }
  db.function('f', () => { typeError(() => db.pragma('cache_size'), BUSY) })
  db.exec('SELECT f()')
})

function walDatabase (t, name) {
  const db = open(t, tempFile(t, name))
  db.pragma('journal_mode = WAL')
  db.exec('CREATE TABLE entries (a TEXT, b INTEGER)')
  return db
}

// How the log grew with each of some inserts.
function growth (db) {
  const sizes = []
  for (let i = 0; i < 5; ++i) {
    const before = fs.statSync(`${db.name}-wal`).size
    db.prepare('INSERT INTO entries VALUES (?, ?)').run('bar', 999)
    sizes.push(Math.sign(fs.statSync(`${db.name}-wal`).size - before))
  }
  return sizes
}

test('wal_checkpoint(RESTART) checkpoints every attached database', t => {
  const [one, two] = [walDatabase(t, 'one.db'), walDatabase(t, 'two.db')]
  assert.deepEqual([growth(one), growth(two)], [[1, 1, 1, 1, 1], [1, 1, 1, 1, 1]])
  one.prepare('ATTACH ? AS two').run(two.name)
  assert.deepEqual(one.pragma('wal_checkpoint(RESTART)').map(row => row.busy), [0])
  assert.deepEqual([growth(one), growth(two)], [[0, 0, 0, 0, 0], [0, 0, 0, 0, 0]])
})

test('name.wal_checkpoint(RESTART) checkpoints only that database', t => {
  const [one, two] = [walDatabase(t, 'one.db'), walDatabase(t, 'two.db')]
  growth(one)
  growth(two)
  one.prepare('ATTACH ? AS two').run(two.name)
  one.pragma('two.wal_checkpoint(RESTART)')
  assert.deepEqual([growth(one), growth(two)], [[1, 1, 1, 1, 1], [0, 0, 0, 0, 0]])
})
