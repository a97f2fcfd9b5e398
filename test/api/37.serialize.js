'use strict'

const assert = require('node:assert/strict')
const fs = require('node:fs')
const {
  BUSY, CLOSED, Database, connect, needs, open, ours, sqliteError, syncOnly, tempFile, test, thrown,
  throws, typeError
} = require('../support')

function setup (t) {
  return open(t, tempFile(t)).exec('CREATE TABLE entries (a TEXT, b INTEGER, c REAL, d BLOB, e TEXT)')
}

async function fill (db) {
  await db.exec(`INSERT INTO entries WITH RECURSIVE n (b) AS (SELECT 1 UNION ALL SELECT b + 1 FROM n LIMIT 1000)
    SELECT 'foo', b, 3.14, x'dddddddd', NULL FROM n`)
}

test('serialize() returns the bytes of the file as a Buffer', async t => {
  const db = await setup(t)
  await fill(db)
  const buffer = await db.serialize()
  assert.equal(Buffer.isBuffer(buffer), true)
  assert.deepEqual(buffer, fs.readFileSync(db.name))
})

// better-sqlite3 13.2 cannot open it.
needs('write-ahead logs', ours)('a Buffer of a database in WAL mode can be opened, written and serialized', async t => {
  const db = await setup(t)
  await db.pragma('journal_mode = WAL')
  await db.pragma('wal_autocheckpoint = 0')
  await fill(db)
  const buffer = await db.serialize()
  assert.deepEqual([...buffer.subarray(18, 20)], [2, 2])
  const given = Buffer.from(buffer)
  const copy = open(t, buffer)
  assert.equal(await (await copy.prepare('SELECT count(*) FROM entries')).pluck().get(), 1000)
  await copy.exec('DELETE FROM entries WHERE b > 1')
  assert.equal(await copy.pragma('journal_mode', { simple: true }), 'memory')
  const again = open(t, await copy.serialize(), { readonly: true })
  assert.deepEqual(await (await again.prepare('SELECT b FROM entries')).pluck().all(), [1])
  // What was given stays as it is, and so does what is no database.
  assert.deepEqual(buffer, given)
  await db.close()
  const file = open(t, fs.readFileSync(db.name))
  assert.equal(await file.pragma('integrity_check', { simple: true }), 'ok')
  await throws(async () => (await connect(Buffer.alloc(100, 2))).exec('SELECT * FROM t'), { code: 'SQLITE_NOTADB' })
})

test('serialize() grows with the database', async t => {
  const db = await setup(t)
  const before = await db.serialize()
  await fill(db)
  assert.ok((await db.serialize()).length > before.length)
  assert.equal(before.length, 8192)
})

test('a database opened from a Buffer serializes to the same bytes', async t => {
  const db = await setup(t)
  await fill(db)
  const buffer = await db.serialize()
  await db.exec('DELETE FROM entries')
  assert.deepEqual(await open(t, buffer).serialize(), buffer)
})

test('a database opened from a Buffer can be written to and grows', async t => {
  const db = await setup(t)
  await fill(db)
  const copy = open(t, await db.serialize())
  await (await copy.prepare('INSERT INTO entries (rowid, a, b) VALUES (?, ?, ?)')).run(0, 'bar', -999)
  assert.deepEqual(await (await copy.prepare('SELECT a, b FROM entries ORDER BY rowid LIMIT 2')).all(), [{ a: 'bar', b: -999 }, { a: 'foo', b: 1 }])
  const size = (await copy.serialize()).length
  await fill(copy)
  assert.ok((await copy.serialize()).length > size)
  assert.equal(await (await copy.prepare('SELECT count(*) FROM entries')).pluck().get(), 2001)
})

test('the Buffer is copied: what happens to it later does not matter', async t => {
  const db = await setup(t)
  await fill(db)
  const buffer = await db.serialize()
  const copy = open(t, buffer)
  buffer.fill(0)
  assert.equal(await (await copy.prepare('SELECT count(*) FROM entries')).pluck().get(), 1000)
  assert.deepEqual(await copy.pragma('integrity_check'), [{ integrity_check: 'ok' }])
})

test('attached chooses the database', async t => {
  const source = await setup(t)
  await fill(source)
  const db = open(t)
  await (await db.prepare('ATTACH ? AS other')).run(source.name)
  assert.deepEqual(await db.serialize({ attached: 'other' }), await source.serialize())
  assert.notDeepEqual(await db.serialize(), await source.serialize())
})

test('options of the wrong kind are TypeErrors', async t => {
  const db = await setup(t)
  for (const options of [5, 'main', true, () => {}]) {
    await typeError(() => db.serialize(options), 'Expected first argument to be an options object')
  }
  for (const attached of [undefined, null, 5]) {
    await typeError(() => db.serialize({ attached }), 'Expected the "attached" option to be a string')
  }
  await typeError(() => db.serialize({ attached: '' }), 'The "attached" option cannot be an empty string')
  assert.equal((await db.serialize(null)).length, 8192)
})

test('attached that names nothing is an error', async t => {
  const db = await setup(t)
  await throws(() => db.serialize({ attached: 'nowhere' }))
})

test('a Buffer opened readonly can be read, serialized and not written', async t => {
  const db = await setup(t)
  await fill(db)
  const buffer = await db.serialize()
  const copy = open(t, buffer, { readonly: true })
  assert.equal(copy.readonly, true)
  await sqliteError(() => copy.exec('DELETE FROM entries'), 'SQLITE_READONLY')
  assert.equal(await (await copy.prepare('SELECT count(*) FROM entries')).pluck().get(), 1000)
  assert.deepEqual(await copy.serialize(), buffer)
})

test('an empty database serializes to at most a page and opens again', async t => {
  const buffer = await open(t, '').serialize()
  assert.equal(Buffer.isBuffer(buffer), true)
  assert.ok(buffer.length <= 4096)
  const copy = open(t, buffer)
  assert.deepEqual(await (await copy.prepare('SELECT * FROM sqlite_master')).all(), [])
  await copy.exec('CREATE TABLE t (a); INSERT INTO t VALUES (5)')
  assert.equal(await (await copy.prepare('SELECT a FROM t')).pluck().get(), 5)
})

test('an empty Buffer opens an empty database', async t => {
  assert.deepEqual(await (await open(t, Buffer.alloc(0)).prepare('SELECT * FROM sqlite_master')).all(), [])
})

test('a Buffer that is no database is an error when it is used', async t => {
  const { error } = await thrown(async () => {
    const db = new Database(Buffer.from('x'.repeat(8192)))
    try {
      await (await db.prepare('SELECT * FROM sqlite_master')).all()
    } finally {
      await db.close()
    }
  })
  assert.equal(error.code, 'SQLITE_NOTADB')
})

test('a slice of a Buffer is that slice', async t => {
  const db = await setup(t)
  const bytes = await db.serialize()
  const large = Buffer.alloc(bytes.length + 200, 0xee)
  bytes.copy(large, 100)
  assert.deepEqual(await open(t, large.subarray(100, 100 + bytes.length)).serialize(), bytes)
})

test('serialize() inside a transaction has what is uncommitted', async t => {
  const db = await open(t).exec('CREATE TABLE t (a); BEGIN; INSERT INTO t VALUES (7)')
  assert.equal(await (await open(t, await db.serialize()).prepare('SELECT a FROM t')).pluck().get(), 7)
  await db.exec('ROLLBACK')
})

test('a database in WAL mode serializes with what is in its log', async t => {
  const db = await setup(t)
  await db.pragma('journal_mode = WAL')
  await fill(db)
  const file = tempFile(t)
  fs.writeFileSync(file, await db.serialize())
  assert.equal(await (await open(t, file).prepare('SELECT count(*) FROM entries')).pluck().get(), 1000)
})

syncOnly('serialize() is blocked while iterating, inside a user function and after close()', t => {
  const db = setup(t)
  for (const value of db.prepare('SELECT 5').pluck().iterate()) {
    assert.equal(value, 5)
    typeError(() => db.serialize(), BUSY)
  }
  db.function('f', () => { typeError(() => db.serialize(), BUSY) })
  db.exec('SELECT f()')
  db.close()
  typeError(() => db.serialize(), CLOSED)
})

ours('serialize() tells that an authorizer denies it', async t => {
  const db = await setup(t)
  await db.authorizer({ entries: Database.Authorization.ALLOW })
  await sqliteError(() => db.serialize(), 'SQLITE_AUTH', 'not authorized')
})
