'use strict'

const assert = require('node:assert/strict')
const fs = require('node:fs')
const {
  BUSY, CLOSED, busy, cleanup, Database, needs, open, ours, oursSyncOnly, series, syncOnly,
  tempFile, test, typeError
} = require('../support')

test('close() makes open false', async t => {
  const db = open(t)
  assert.equal(db.open, true)
  await db.close()
  assert.equal(db.open, false)
})

test('close() returns the database, the second time too', async t => {
  const db = open(t)
  assert.equal(await db.close(), db)
  assert.equal(await db.close(), db)
  assert.equal(db.open, false)
})

test('every method of a closed database is a TypeError', async t => {
  const db = open(t, tempFile(t))
  await db.close()
  await typeError(() => db.exec('SELECT 1'), CLOSED)
  await typeError(() => db.prepare('SELECT 1'), CLOSED)
  await typeError(() => db.transaction(() => {}), CLOSED)
  await typeError(() => db.pragma('cache_size'), CLOSED)
  await typeError(() => db.explain('SELECT 1'), CLOSED)
  await typeError(() => db.function('foo', () => {}), CLOSED)
  await typeError(() => db.aggregate('foo', { step () {} }), CLOSED)
  await typeError(() => db.table('foo', () => {}), CLOSED)
  await typeError(() => db.loadExtension('foo'), CLOSED)
  await typeError(() => db.serialize(), CLOSED)
  await assert.rejects(db.backup(`${db.name}.copy`), { name: 'TypeError', message: CLOSED })
  assert.equal(fs.existsSync(`${db.name}.copy`), false)
})

ours('every method that only Ferrolite has is a TypeError once closed', async t => {
  const db = open(t)
  await db.close()
  await typeError(() => db.batch(['SELECT 1']), CLOSED)
  await typeError(() => db.authorizer(null), CLOSED)
  await typeError(() => db.on('update', () => {}), CLOSED)
})

ours('sessions of a closed database are TypeErrors', async t => {
  const db = open(t)
  const session = await db.createSession()
  await db.close()
  await typeError(() => db.createSession(), CLOSED)
  await typeError(() => db.applyChangeset(Buffer.alloc(0)), CLOSED)
  await typeError(() => session.changeset(), CLOSED)
})

oursSyncOnly('the limits of a closed database are TypeErrors', t => {
  const db = open(t)
  db.close()
  typeError(() => db.limits.length, CLOSED)
  typeError(() => { db.limits.length = 5 }, CLOSED)
})

test('statements of a closed database do not run', async t => {
  const db = open(t)
  await db.exec('CREATE TABLE t (a)')
  const read = await db.prepare('SELECT * FROM t')
  const write = await db.prepare('INSERT INTO t VALUES (1)')
  await read.all()
  await write.run()
  await db.close()
  await typeError(() => read.bind(), CLOSED)
  await typeError(() => read.get(), CLOSED)
  await typeError(() => read.all(), CLOSED)
  await typeError(() => read.iterate(), CLOSED)
  await typeError(() => read.columns(), CLOSED)
  await typeError(() => read.run(), CLOSED)
  await typeError(() => write.run(), CLOSED)
})

test('what a statement tells about itself outlives the database', async t => {
  const db = open(t)
  const stmt = await db.prepare('SELECT 5 AS five')
  await db.close()
  assert.deepEqual([stmt.source, stmt.reader, stmt.readonly, stmt.database === db, String(stmt)],
    ['SELECT 5 AS five', true, true, true, 'SELECT 5 AS five'])
  busy(stmt, false)
})

test('modes of a statement can be set after close()', async t => {
  const db = open(t)
  const stmt = await db.prepare('SELECT 5')
  await db.close()
  assert.equal(stmt.pluck(), stmt)
  assert.equal(stmt.raw(), stmt)
  assert.equal(stmt.expand(), stmt)
  assert.equal(stmt.safeIntegers(), stmt)
})

test('defaultSafeIntegers() works on a closed database', async t => {
  const db = open(t)
  await db.close()
  assert.equal(db.defaultSafeIntegers(), db)
})

test('the getters work on a closed database', async t => {
  const file = tempFile(t)
  const db = open(t, file)
  await db.exec('BEGIN')
  assert.equal(db.inTransaction, true)
  await db.close()
  assert.deepEqual([db.name, db.open, db.inTransaction, db.readonly, db.memory], [file, false,
    false, false, false])
})

test('close() rolls an open transaction back', async t => {
  const file = tempFile(t)
  const db = open(t, file)
  await db.exec('CREATE TABLE t (a); BEGIN; INSERT INTO t VALUES (1)')
  await db.close()
  assert.deepEqual(await (await open(t, file).prepare('SELECT * FROM t')).all(), [])
})

needs('write-ahead logs')('close() removes the -wal and -shm files', async t => {
  const file = tempFile(t)
  const db = open(t, file)
  await db.pragma('journal_mode = WAL')
  await db.exec("CREATE TABLE t (a); INSERT INTO t VALUES ('foobar')")
  await (await db.prepare('SELECT * FROM t')).get()
  assert.equal(fs.existsSync(`${file}-wal`), true)
  await db.close()
  assert.equal(fs.existsSync(file), true)
  assert.equal(fs.existsSync(`${file}-wal`), false)
  assert.equal(fs.existsSync(`${file}-shm`), false)
  assert.equal(await (await open(t, file).prepare('SELECT a FROM t')).pluck().get(), 'foobar')
})

syncOnly('close() is blocked while an iterator is open, and works once it has ended', t => {
  const db = open(t)
  const iterator = db.prepare('SELECT 1 UNION SELECT 2').iterate()
  iterator.next()
  typeError(() => db.close(), BUSY)
  assert.equal(db.open, true)
  iterator.return()
  db.close()
  assert.equal(db.open, false)
})

syncOnly('close() is blocked inside a user function', t => {
  const db = open(t)
  db.function('f', () => { typeError(() => db.close(), BUSY); return 5 })
  assert.equal(db.prepare('SELECT f()').pluck().get(), 5)
  assert.equal(db.open, true)
})

test('an iterator that ended before close() stays ended', async t => {
  const db = open(t)
  const iterator = (await db.prepare('SELECT 1')).iterate()
  await iterator.return()
  await db.close()
  assert.deepEqual(await iterator.next(), { value: undefined, done: true })
  assert.deepEqual(await iterator.return(), { value: undefined, done: true })
})

test('a file can be opened again after close()', async t => {
  const file = tempFile(t)
  for (let i = 0; i < 20; ++i) {
    const db = new Database(file)
    cleanup(t, () => db.close())
    await db.exec('CREATE TABLE IF NOT EXISTS t (a)')
    await (await db.prepare('INSERT INTO t VALUES (?)')).run(i)
    assert.equal(await (await db.prepare('SELECT count(*) FROM t')).pluck().get(), i + 1)
    await db.close()
  }
})

test('close() lets the file go', { skip: process.platform !== 'linux' }, async t => {
  const file = tempFile(t)
  const held = () => fs.readdirSync('/proc/self/fd').filter(fd => {
    try {
      return fs.readlinkSync(`/proc/self/fd/${fd}`).startsWith(file)
    } catch {
      return false
    }
  }).length
  const db = open(t, file)
  await db.pragma('journal_mode = WAL')
  await db.exec('CREATE TABLE t (a)')
  const numbers = Array.from({ length: 50 }, (_, i) => i)
  const statements = await series(numbers, i => db.prepare(`SELECT ${i} FROM t`))
  assert.notEqual(held(), 0)
  await db.close()
  assert.equal(held(), 0)
  assert.equal(statements[7].source, 'SELECT 7 FROM t')
})

oursSyncOnly('Symbol.dispose closes', { skip: !Symbol.dispose }, t => {
  const db = open(t)
  assert.equal(typeof Database.prototype[Symbol.dispose], 'function')
  db[Symbol.dispose]()
  assert.equal(db.open, false)
  db[Symbol.dispose]()
})
