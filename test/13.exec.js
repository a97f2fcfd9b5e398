'use strict'

const assert = require('node:assert/strict')
const test = require('node:test')
const { BUSY, open, sqliteError, tempFile, thrown, typeError } = require('./support')

test('exec() of anything but a string is a TypeError', t => {
  const db = open(t)
  const message = 'Expected first argument to be a string'
  for (const args of [[], [123], [0], [null], [undefined], [{}], [['SELECT 1']], [Buffer.from('SELECT 1')]]) {
    typeError(() => db.exec(...args), message)
  }
  typeError(() => db.exec(new String('SELECT 1')), message) // eslint-disable-line no-new-wrappers
})

test('exec() of invalid SQL is an SqliteError', t => {
  const db = open(t)
  sqliteError(() => db.exec('CREATE TABLE t (a'), 'SQLITE_ERROR', 'incomplete input')
  sqliteError(() => db.exec('SELECT * FROM missing'), 'SQLITE_ERROR', 'no such table: missing')
})

test('exec() returns the database', t => {
  const db = open(t)
  assert.equal(db.exec('CREATE TABLE t (a)'), db)
  assert.equal(db.exec('INSERT INTO t VALUES (1)'), db)
  assert.equal(db.exec('SELECT * FROM t'), db)
})

test('exec() runs every statement in order', t => {
  const db = open(t)
  db.exec("CREATE TABLE t (a TEXT, b INTEGER); INSERT INTO t VALUES ('foobar', 44); INSERT INTO t VALUES ('baz', NULL);")
  assert.deepEqual(db.prepare('SELECT * FROM t ORDER BY rowid').all(), [{ a: 'foobar', b: 44 }, { a: 'baz', b: null }])
})

test('exec() of nothing does nothing', t => {
  const db = open(t)
  for (const sql of ['', ' ', ';', ';;;', '-- comment', '/* comment */', '/* open', '-- one\n;-- two']) {
    assert.equal(db.exec(sql), db)
  }
})

test('exec() runs what stands between comments', t => {
  const db = open(t)
  db.exec('-- one\nCREATE TABLE t (a); /* two; */ INSERT INTO t VALUES (1) -- three\n; /* four */')
  assert.deepEqual(db.prepare('SELECT a FROM t').all(), [{ a: 1 }])
})

test('exec() keeps what was done before a failing statement', t => {
  const db = open(t)
  sqliteError(() => db.exec('CREATE TABLE t (a); INSERT INTO t VALUES (1); nonsense; INSERT INTO t VALUES (2)'),
    'SQLITE_ERROR', 'near "nonsense": syntax error')
  assert.deepEqual(db.prepare('SELECT a FROM t').pluck().all(), [1])
})

test('exec() steps through every row of a query', t => {
  const db = open(t)
  const seen = []
  db.function('see', value => { seen.push(value) })
  db.exec('SELECT see(column1) FROM (VALUES (1), (2), (3)); SELECT see(4)')
  assert.deepEqual(seen, [1, 2, 3, 4])
})

test('exec() leaves parameters NULL', t => {
  const db = open(t)
  db.exec('CREATE TABLE t (a); INSERT INTO t VALUES (?), (:x)')
  assert.deepEqual(db.prepare('SELECT a FROM t').pluck().all(), [null, null])
})

test('exec() of a readonly database can read and not write', t => {
  const file = tempFile(t)
  open(t, file).close()
  const db = open(t, file, { readonly: true })
  sqliteError(() => db.exec('CREATE TABLE t (a)'), 'SQLITE_READONLY', 'attempt to write a readonly database')
  db.exec('SELECT 555')
})

test('exec() is blocked while iterating, even to read', t => {
  const db = open(t)
  for (const row of db.prepare('SELECT 1 AS a').iterate()) {
    assert.equal(row.a, 1)
    typeError(() => db.exec('SELECT 1'), BUSY)
  }
  db.exec('SELECT 1')
})

test('exec() is blocked inside a user function', t => {
  const db = open(t)
  db.function('f', () => { typeError(() => db.exec('SELECT 1'), BUSY) })
  db.exec('SELECT f()')
})

test('exec() throws what a user function throws, by identity, and stops there', t => {
  const db = open(t)
  const seen = []
  const reason = { not: 'an error' }
  db.function('see', value => { seen.push(value); if (value === 2) throw reason })
  assert.equal(thrown(() => db.exec('SELECT see(1); SELECT see(2); SELECT see(3)')).error, reason)
  assert.deepEqual(seen, [1, 2])
})

test('exec() of a failed transaction leaves it open', t => {
  const db = open(t)
  db.exec('CREATE TABLE t (a UNIQUE)')
  sqliteError(() => db.exec('BEGIN; INSERT INTO t VALUES (1); INSERT INTO t VALUES (1); COMMIT'), 'SQLITE_CONSTRAINT_UNIQUE')
  assert.equal(db.inTransaction, true)
  db.exec('ROLLBACK')
  assert.deepEqual(db.prepare('SELECT a FROM t').all(), [])
})

test('exec() of ten thousand statements runs each', t => {
  const db = open(t)
  let sql = 'CREATE TABLE t (a); BEGIN;'
  for (let i = 1; i <= 10000; ++i) sql += `INSERT INTO t VALUES (${i});`
  db.exec(`${sql} COMMIT`)
  assert.deepEqual(db.prepare('SELECT count(*) AS n, sum(a) AS s FROM t').get(), { n: 10000, s: 50005000 })
})

test('exec() of INSERT ... RETURNING writes every row', t => {
  const db = open(t)
  db.exec('CREATE TABLE t (a); INSERT INTO t VALUES (1), (2), (3) RETURNING a')
  assert.deepEqual(db.prepare('SELECT a FROM t').pluck().all(), [1, 2, 3])
})
