'use strict'

// What is done with both APIs inside a test runner, with the globals that it has then.

const assert = require('node:assert/strict')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const Database = require('ferrolite')
const { connect, SqliteError } = require('ferrolite/promise')

const ENDLESS = 'WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c'
const DATA = { i: 42, r: 1.5, t: 'é😀', b: Buffer.from([0, 255]), n: null }

function sync () {
  const db = new Database(':memory:')
  db.exec('CREATE TABLE t (i, r, t, b, n)')
  const insert = db.prepare('INSERT INTO t VALUES (:i, :r, :t, :b, :n)')
  db.transaction(() => insert.run(DATA))()
  assert.deepEqual({ ...db.prepare('SELECT * FROM t').get() }, DATA)
  assert.deepEqual([...db.prepare('SELECT i FROM t').pluck().iterate()], [42])
  values((value) => db.prepare('SELECT ?').pluck().get(value))

  const thrown = new Error('mine')
  db.function('fails', () => { throw thrown })
  db.function('twice', (x) => 2 * x)
  assert.equal(db.prepare('SELECT twice(21)').pluck().get(), 42)
  db.table('pair', { columns: ['x'], * rows () { yield [1]; yield { x: 2 } } })
  assert.deepEqual(db.prepare('SELECT x FROM pair').pluck().all(), [1, 2])
  assert.throws(() => db.exec('SELECT fails()'), (error) => error === thrown)
  assert.throws(() => db.prepare('nonsense'), isSqlite(Database.SqliteError, 'SQLITE_ERROR'))
  assert.throws(() => db.prepare('SELECT ?').get(true), TypeError)
  assert.throws(() => db.prepare('SELECT ?').get(), RangeError)
  assert.throws(() => db.prepare(ENDLESS).get({}, { timeout: 20 }), isSqlite(Database.SqliteError, 'SQLITE_INTERRUPT'))
  db.close()
}

function values (roundTrip) {
  const bytes = new Uint8Array([1, 2, 3, 4])
  const views = [
    bytes, Buffer.from(bytes), new DataView(bytes.buffer), new Uint32Array(bytes.buffer),
    new Uint8ClampedArray(bytes)
  ]
  for (const view of views) {
    const blob = roundTrip(view)
    assert.ok(Buffer.isBuffer(blob))
    assert.deepEqual([...blob], [1, 2, 3, 4])
  }
}

function isSqlite (Class, code) {
  return (error) => {
    assert.ok(error instanceof Class && error instanceof Error, error.stack)
    assert.equal(error.code, code)
    return true
  }
}

async function promises () {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ferrolite-runner-'))
  try {
    await onFile(folder)
  } finally {
    fs.rmSync(folder, { recursive: true, force: true })
  }
}

async function onFile (folder) {
  const db = await connect(path.join(folder, 'a.db'), { readers: 2 })
  await db.exec('PRAGMA journal_mode = WAL; CREATE TABLE t (i, r, t, b, n)')
  await db.run('INSERT INTO t VALUES (:i, :r, :t, :b, :n)', DATA)
  assert.deepEqual({ ...await db.get('SELECT * FROM t') }, DATA)
  const many = Array.from({ length: 100 }, (_, i) => i)
  assert.deepEqual(await Promise.all(many.map(async (i) => (await db.get('SELECT ? AS i', i)).i)), many)
  const insert = await db.prepare('INSERT INTO t (i) VALUES (?)')
  await db.transaction(async () => { for (const i of many) await insert.run(i) })()
  const seen = []
  for await (const { i } of (await db.prepare('SELECT i FROM t')).iterate()) seen.push(i)
  assert.deepEqual(seen, [42, ...many])
  const stmt = await db.prepare('SELECT ? AS a')
  stmt.timing()
  assert.equal((await stmt.get(1)).a, 1)
  await db.backup(path.join(folder, 'b.db'))
  assert.ok(fs.statSync(path.join(folder, 'b.db')).size > 0)

  await assert.rejects(db.exec('nonsense'), isSqlite(SqliteError, 'SQLITE_ERROR'))
  await assert.rejects(db.batch(['SELECT 1', 'nonsense']), isSqlite(SqliteError, 'SQLITE_ERROR'))
  await assert.rejects(db.get(ENDLESS, [], { timeout: 20 }), isSqlite(SqliteError, 'SQLITE_INTERRUPT'))
  const controller = new AbortController()
  const aborted = db.get(ENDLESS, [], { signal: controller.signal })
  controller.abort()
  await assert.rejects(aborted, { name: 'AbortError', code: 'ABORT_ERR' })

  // A function of JavaScript, which the thread of the database asks for.
  await db.function('twice', (x) => 2 * x)
  assert.equal((await db.get('SELECT twice(21) AS a')).a, 42)
  const thrown = new Error('mine')
  await assert.rejects(db.transaction(async () => { throw thrown })(), (error) => error === thrown)
  const endless = db.get(ENDLESS).catch((error) => error.code)
  await db.close({ timeout: 20, interrupt: true })
  assert.equal(await endless, 'SQLITE_INTERRUPT')
}

async function work () {
  sync()
  await promises()
}

module.exports = { work }
