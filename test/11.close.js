'use strict'

const assert = require('node:assert/strict')
const fs = require('node:fs')
const test = require('node:test')
const { BUSY, CLOSED, Database, cleanup, open, ours, tempFile, typeError } = require('./support')

test('close() makes open false', t => {
  const db = open(t)
  assert.equal(db.open, true)
  db.close()
  assert.equal(db.open, false)
})

test('close() returns the database, the second time too', t => {
  const db = open(t)
  assert.equal(db.close(), db)
  assert.equal(db.close(), db)
  assert.equal(db.open, false)
})

test('every method of a closed database is a TypeError', async t => {
  const db = open(t, tempFile(t))
  db.close()
  typeError(() => db.exec('SELECT 1'), CLOSED)
  typeError(() => db.prepare('SELECT 1'), CLOSED)
  typeError(() => db.transaction(() => {}), CLOSED)
  typeError(() => db.pragma('cache_size'), CLOSED)
  typeError(() => db.explain('SELECT 1'), CLOSED)
  typeError(() => db.function('foo', () => {}), CLOSED)
  typeError(() => db.aggregate('foo', { step () {} }), CLOSED)
  typeError(() => db.table('foo', () => {}), CLOSED)
  typeError(() => db.loadExtension('foo'), CLOSED)
  typeError(() => db.serialize(), CLOSED)
  await assert.rejects(db.backup(`${db.name}.copy`), { name: 'TypeError', message: CLOSED })
  assert.equal(fs.existsSync(`${db.name}.copy`), false)
})

ours('every method that only Ferrolite has is a TypeError once closed', t => {
  const db = open(t)
  const session = db.createSession()
  db.close()
  typeError(() => db.batch(['SELECT 1']), CLOSED)
  typeError(() => db.authorizer(null), CLOSED)
  typeError(() => db.createSession(), CLOSED)
  typeError(() => db.applyChangeset(Buffer.alloc(0)), CLOSED)
  typeError(() => session.changeset(), CLOSED)
  typeError(() => db.limits.length, CLOSED)
  typeError(() => { db.limits.length = 5 }, CLOSED)
  typeError(() => db.on('update', () => {}), CLOSED)
})

test('statements of a closed database do not run', t => {
  const db = open(t)
  db.exec('CREATE TABLE t (a)')
  const read = db.prepare('SELECT * FROM t')
  const write = db.prepare('INSERT INTO t VALUES (1)')
  read.all()
  write.run()
  db.close()
  typeError(() => read.bind(), CLOSED)
  typeError(() => read.get(), CLOSED)
  typeError(() => read.all(), CLOSED)
  typeError(() => read.iterate(), CLOSED)
  typeError(() => read.columns(), CLOSED)
  typeError(() => read.run(), CLOSED)
  typeError(() => write.run(), CLOSED)
})

test('what a statement tells about itself outlives the database', t => {
  const db = open(t)
  const stmt = db.prepare('SELECT 5 AS five')
  db.close()
  assert.deepEqual([stmt.source, stmt.reader, stmt.readonly, stmt.busy, stmt.database === db,
    String(stmt)],
  ['SELECT 5 AS five', true, true, false, true, 'SELECT 5 AS five'])
})

test('modes of a statement can be set after close()', t => {
  const db = open(t)
  const stmt = db.prepare('SELECT 5')
  db.close()
  assert.equal(stmt.pluck(), stmt)
  assert.equal(stmt.raw(), stmt)
  assert.equal(stmt.expand(), stmt)
  assert.equal(stmt.safeIntegers(), stmt)
})

test('defaultSafeIntegers() works on a closed database', t => {
  const db = open(t)
  db.close()
  assert.equal(db.defaultSafeIntegers(), db)
})

test('the getters work on a closed database', t => {
  const file = tempFile(t)
  const db = open(t, file)
  db.exec('BEGIN')
  assert.equal(db.inTransaction, true)
  db.close()
  assert.deepEqual([db.name, db.open, db.inTransaction, db.readonly, db.memory], [file, false,
    false, false, false])
})

test('close() rolls an open transaction back', t => {
  const file = tempFile(t)
  const db = open(t, file)
  db.exec('CREATE TABLE t (a); BEGIN; INSERT INTO t VALUES (1)')
  db.close()
  assert.deepEqual(open(t, file).prepare('SELECT * FROM t').all(), [])
})

test('close() removes the -wal and -shm files', t => {
  const file = tempFile(t)
  const db = open(t, file)
  db.pragma('journal_mode = WAL')
  db.exec("CREATE TABLE t (a); INSERT INTO t VALUES ('foobar')")
  db.prepare('SELECT * FROM t').get()
  assert.equal(fs.existsSync(`${file}-wal`), true)
  db.close()
  assert.equal(fs.existsSync(file), true)
  assert.equal(fs.existsSync(`${file}-wal`), false)
  assert.equal(fs.existsSync(`${file}-shm`), false)
  assert.equal(open(t, file).prepare('SELECT a FROM t').pluck().get(), 'foobar')
})

test('close() is blocked while an iterator is open, and works once it has ended', t => {
  const db = open(t)
  const iterator = db.prepare('SELECT 1 UNION SELECT 2').iterate()
  iterator.next()
  typeError(() => db.close(), BUSY)
  assert.equal(db.open, true)
  iterator.return()
  db.close()
  assert.equal(db.open, false)
})

test('close() is blocked inside a user function', t => {
  const db = open(t)
  db.function('f', () => { typeError(() => db.close(), BUSY); return 5 })
  assert.equal(db.prepare('SELECT f()').pluck().get(), 5)
  assert.equal(db.open, true)
})

test('an iterator that ended before close() stays ended', t => {
  const db = open(t)
  const iterator = db.prepare('SELECT 1').iterate()
  iterator.return()
  db.close()
  assert.deepEqual(iterator.next(), { value: undefined, done: true })
  assert.deepEqual(iterator.return(), { value: undefined, done: true })
})

test('a file can be opened again after close()', t => {
  const file = tempFile(t)
  for (let i = 0; i < 20; ++i) {
    const db = new Database(file)
    cleanup(t, () => db.close())
    db.exec('CREATE TABLE IF NOT EXISTS t (a)')
    db.prepare('INSERT INTO t VALUES (?)').run(i)
    assert.equal(db.prepare('SELECT count(*) FROM t').pluck().get(), i + 1)
    db.close()
  }
})

test('close() lets the file go', { skip: process.platform !== 'linux' }, t => {
  const file = tempFile(t)
  const held = () => fs.readdirSync('/proc/self/fd').filter(fd => {
    try {
      return fs.readlinkSync(`/proc/self/fd/${fd}`).startsWith(file)
    } catch {
      return false
    }
  }).length
  const db = open(t, file)
  db.pragma('journal_mode = WAL')
  db.exec('CREATE TABLE t (a)')
  const statements = Array.from({ length: 50 }, (_, i) => db.prepare(`SELECT ${i} FROM t`))
  assert.notEqual(held(), 0)
  db.close()
  assert.equal(held(), 0)
  assert.equal(statements[7].source, 'SELECT 7 FROM t')
})

ours('Symbol.dispose closes', { skip: !Symbol.dispose }, t => {
  const db = open(t)
  assert.equal(typeof Database.prototype[Symbol.dispose], 'function')
  db[Symbol.dispose]()
  assert.equal(db.open, false)
  db[Symbol.dispose]()
})
