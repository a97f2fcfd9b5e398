'use strict'

const assert = require('node:assert/strict')
const {
  BUSY, needs, open, sqliteError, syncOnly, tempFile, test, thrown, typeError, whileIterating
} = require('../support')

test('exec() of anything but a string is a TypeError', async t => {
  const db = open(t)
  const message = 'Expected first argument to be a string'
  for (const args of [[], [123], [0], [null], [undefined], [{}], [['SELECT 1']], [Buffer.from('SELECT 1')]]) {
    await typeError(() => db.exec(...args), message)
  }
  await typeError(() => db.exec(new String('SELECT 1')), message) // eslint-disable-line no-new-wrappers
})

test('exec() of invalid SQL is an SqliteError', async t => {
  const db = open(t)
  await sqliteError(() => db.exec('CREATE TABLE t (a'), 'SQLITE_ERROR', 'incomplete input')
  await sqliteError(() => db.exec('SELECT * FROM missing'), 'SQLITE_ERROR', 'no such table: missing')
})

test('exec() returns the database', async t => {
  const db = open(t)
  assert.equal(await db.exec('CREATE TABLE t (a)'), db)
  assert.equal(await db.exec('INSERT INTO t VALUES (1)'), db)
  assert.equal(await db.exec('SELECT * FROM t'), db)
})

test('exec() runs every statement in order', async t => {
  const db = open(t)
  await db.exec("CREATE TABLE t (a TEXT, b INTEGER); INSERT INTO t VALUES ('foobar', 44); INSERT INTO t VALUES ('baz', NULL);")
  assert.deepEqual(await (await db.prepare('SELECT * FROM t ORDER BY rowid')).all(), [{ a: 'foobar', b: 44 }, { a: 'baz', b: null }])
})

test('exec() of nothing does nothing', async t => {
  const db = open(t)
  for (const sql of ['', ' ', ';', ';;;', '-- comment', '/* comment */', '/* open', '-- one\n;-- two']) {
    assert.equal(await db.exec(sql), db)
  }
})

test('exec() runs what stands between comments', async t => {
  const db = open(t)
  await db.exec('-- one\nCREATE TABLE t (a); /* two; */ INSERT INTO t VALUES (1) -- three\n; /* four */')
  assert.deepEqual(await (await db.prepare('SELECT a FROM t')).all(), [{ a: 1 }])
})

needs('scripts statement by statement')('exec() keeps what was done before a failing statement', async t => {
  const db = open(t)
  await sqliteError(() => db.exec('CREATE TABLE t (a); INSERT INTO t VALUES (1); nonsense; INSERT INTO t VALUES (2)'),
    'SQLITE_ERROR', 'near "nonsense": syntax error')
  assert.deepEqual(await (await db.prepare('SELECT a FROM t')).pluck().all(), [1])
})

needs('functions in what writes')('exec() steps through every row of a query', async t => {
  const db = open(t)
  const seen = []
  await db.function('see', value => { seen.push(value) })
  await db.exec('SELECT see(column1) FROM (VALUES (1), (2), (3)); SELECT see(4)')
  assert.deepEqual(seen, [1, 2, 3, 4])
})

needs('parameters that are left out')('exec() leaves parameters NULL', async t => {
  const db = open(t)
  await db.exec('CREATE TABLE t (a); INSERT INTO t VALUES (?), (:x)')
  assert.deepEqual(await (await db.prepare('SELECT a FROM t')).pluck().all(), [null, null])
})

needs('option readonly')('exec() of a readonly database can read and not write', async t => {
  const file = tempFile(t)
  await open(t, file).close()
  const db = open(t, file, { readonly: true })
  await sqliteError(() => db.exec('CREATE TABLE t (a)'), 'SQLITE_READONLY', 'attempt to write a readonly database')
  await db.exec('SELECT 555')
})

whileIterating('exec() is blocked while iterating, even to read', t => {
  const db = open(t)
  for (const row of db.prepare('SELECT 1 AS a').iterate()) {
    assert.equal(row.a, 1)
    typeError(() => db.exec('SELECT 1'), BUSY)
  }
  db.exec('SELECT 1')
})

needs('functions in what writes', syncOnly)('exec() is blocked inside a user function', t => {
  const db = open(t)
  db.function('f', () => { typeError(() => db.exec('SELECT 1'), BUSY) })
  db.exec('SELECT f()')
})

needs('functions in what writes')('exec() throws what a user function throws, by identity, and stops there', async t => {
  const db = open(t)
  const seen = []
  const reason = { not: 'an error' }
  await db.function('see', value => { seen.push(value); if (value === 2) throw reason })
  assert.equal((await thrown(() => db.exec('SELECT see(1); SELECT see(2); SELECT see(3)'))).error, reason)
  assert.deepEqual(seen, [1, 2])
})

test('exec() of a failed transaction leaves it open', async t => {
  const db = open(t)
  await db.exec('CREATE TABLE t (a UNIQUE)')
  await sqliteError(() => db.exec('BEGIN; INSERT INTO t VALUES (1); INSERT INTO t VALUES (1); COMMIT'), 'SQLITE_CONSTRAINT_UNIQUE')
  assert.equal(db.inTransaction, true)
  await db.exec('ROLLBACK')
  assert.deepEqual(await (await db.prepare('SELECT a FROM t')).all(), [])
})

test('exec() of ten thousand statements runs each', async t => {
  const db = open(t)
  let sql = 'CREATE TABLE t (a); BEGIN;'
  for (let i = 1; i <= 10000; ++i) sql += `INSERT INTO t VALUES (${i});`
  await db.exec(`${sql} COMMIT`)
  assert.deepEqual(await (await db.prepare('SELECT count(*) AS n, sum(a) AS s FROM t')).get(), { n: 10000, s: 50005000 })
})

test('exec() of INSERT ... RETURNING writes every row', async t => {
  const db = open(t)
  await db.exec('CREATE TABLE t (a); INSERT INTO t VALUES (1), (2), (3) RETURNING a')
  assert.deepEqual(await (await db.prepare('SELECT a FROM t')).pluck().all(), [1, 2, 3])
})

test('a script is split where SQLite splits it', async t => {
  const db = open(t)
  await db.exec(`
    CREATE TABLE a$b (a, [c;d]); -- ; 'one
    CREATE TABLE log ("x""; y" TEXT) /* ; ' */;
    CREATE TRIGGER first AFTER INSERT ON a$b BEGIN
      INSERT INTO log VALUES (CASE WHEN new.a > 1 THEN 'many; END;' ELSE 'one' END);
      INSERT INTO log SELECT CASE new.a WHEN 1 THEN 'end' END; END;
    ;; INSERT INTO a$b VALUES (2, 'x;y')`)
  const log = await db.prepare('SELECT * FROM log')
  assert.deepEqual(await log.pluck().all(), ['many; END;', null])
})
