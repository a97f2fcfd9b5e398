'use strict'

const assert = require('node:assert/strict')
const fs = require('node:fs')
const test = require('node:test')
const {
  BUSY, CLOSED, Database, open, ours, sqliteError, tempFile, thrown, typeError
} = require('./support')

function setup (t) {
  return open(t, tempFile(t)).exec('CREATE TABLE entries (a TEXT, b INTEGER, c REAL, d BLOB, e TEXT)')
}

function fill (db) {
  db.exec(`INSERT INTO entries WITH RECURSIVE n (b) AS (SELECT 1 UNION ALL SELECT b + 1 FROM n LIMIT 1000)
    SELECT 'foo', b, 3.14, x'dddddddd', NULL FROM n`)
}

test('serialize() returns the bytes of the file as a Buffer', t => {
  const db = setup(t)
  fill(db)
  const buffer = db.serialize()
  assert.equal(Buffer.isBuffer(buffer), true)
  assert.deepEqual(buffer, fs.readFileSync(db.name))
})

test('serialize() grows with the database', t => {
  const db = setup(t)
  const before = db.serialize()
  fill(db)
  assert.ok(db.serialize().length > before.length)
  assert.equal(before.length, 8192)
})

test('a database opened from a Buffer serializes to the same bytes', t => {
  const db = setup(t)
  fill(db)
  const buffer = db.serialize()
  db.exec('DELETE FROM entries')
  assert.deepEqual(open(t, buffer).serialize(), buffer)
})

test('a database opened from a Buffer can be written to and grows', t => {
  const db = setup(t)
  fill(db)
  const copy = open(t, db.serialize())
  copy.prepare('INSERT INTO entries (rowid, a, b) VALUES (?, ?, ?)').run(0, 'bar', -999)
  assert.deepEqual(copy.prepare('SELECT a, b FROM entries ORDER BY rowid LIMIT 2').all(), [{ a: 'bar', b: -999 }, { a: 'foo', b: 1 }])
  const size = copy.serialize().length
  fill(copy)
  assert.ok(copy.serialize().length > size)
  assert.equal(copy.prepare('SELECT count(*) FROM entries').pluck().get(), 2001)
})

test('the Buffer is copied: what happens to it later does not matter', t => {
  const db = setup(t)
  fill(db)
  const buffer = db.serialize()
  const copy = open(t, buffer)
  buffer.fill(0)
  assert.equal(copy.prepare('SELECT count(*) FROM entries').pluck().get(), 1000)
  assert.deepEqual(copy.pragma('integrity_check'), [{ integrity_check: 'ok' }])
})

test('attached chooses the database', t => {
  const source = setup(t)
  fill(source)
  const db = open(t)
  db.prepare('ATTACH ? AS other').run(source.name)
  assert.deepEqual(db.serialize({ attached: 'other' }), source.serialize())
  assert.notDeepEqual(db.serialize(), source.serialize())
})

test('options of the wrong kind are TypeErrors', t => {
  const db = setup(t)
  for (const options of [5, 'main', true, () => {}]) {
    typeError(() => db.serialize(options), 'Expected first argument to be an options object')
  }
  for (const attached of [undefined, null, 5]) {
    typeError(() => db.serialize({ attached }), 'Expected the "attached" option to be a string')
  }
  typeError(() => db.serialize({ attached: '' }), 'The "attached" option cannot be an empty string')
  assert.equal(db.serialize(null).length, 8192)
})

test('attached that names nothing is an error', t => {
  assert.throws(() => setup(t).serialize({ attached: 'nowhere' }))
})

test('a Buffer opened readonly can be read, serialized and not written', t => {
  const db = setup(t)
  fill(db)
  const buffer = db.serialize()
  const copy = open(t, buffer, { readonly: true })
  assert.equal(copy.readonly, true)
  sqliteError(() => copy.exec('DELETE FROM entries'), 'SQLITE_READONLY')
  assert.equal(copy.prepare('SELECT count(*) FROM entries').pluck().get(), 1000)
  assert.deepEqual(copy.serialize(), buffer)
})

test('an empty database serializes to at most a page and opens again', t => {
  const buffer = open(t, '').serialize()
  assert.equal(Buffer.isBuffer(buffer), true)
  assert.ok(buffer.length <= 4096)
  const copy = open(t, buffer)
  assert.deepEqual(copy.prepare('SELECT * FROM sqlite_master').all(), [])
  copy.exec('CREATE TABLE t (a); INSERT INTO t VALUES (5)')
  assert.equal(copy.prepare('SELECT a FROM t').pluck().get(), 5)
})

test('an empty Buffer opens an empty database', t => {
  assert.deepEqual(open(t, Buffer.alloc(0)).prepare('SELECT * FROM sqlite_master').all(), [])
})

test('a Buffer that is no database is an error when it is used', t => {
  const { error } = thrown(() => {
    const db = new Database(Buffer.from('x'.repeat(8192)))
    try {
      db.prepare('SELECT * FROM sqlite_master').all()
    } finally {
      db.close()
    }
  })
  assert.equal(error.code, 'SQLITE_NOTADB')
})

test('a slice of a Buffer is that slice', t => {
  const db = setup(t)
  const bytes = db.serialize()
  const large = Buffer.alloc(bytes.length + 200, 0xee)
  bytes.copy(large, 100)
  assert.deepEqual(open(t, large.subarray(100, 100 + bytes.length)).serialize(), bytes)
})

test('serialize() inside a transaction has what is uncommitted', t => {
  const db = open(t).exec('CREATE TABLE t (a); BEGIN; INSERT INTO t VALUES (7)')
  assert.equal(open(t, db.serialize()).prepare('SELECT a FROM t').pluck().get(), 7)
  db.exec('ROLLBACK')
})

test('a database in WAL mode serializes with what is in its log', t => {
  const db = setup(t)
  db.pragma('journal_mode = WAL')
  fill(db)
  const file = tempFile(t)
  fs.writeFileSync(file, db.serialize())
  assert.equal(open(t, file).prepare('SELECT count(*) FROM entries').pluck().get(), 1000)
})

test('serialize() is blocked while iterating, inside a user function and after close()', t => {
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

ours('serialize() tells that an authorizer denies it', t => {
  const db = setup(t)
  db.authorizer({ entries: Database.Authorization.ALLOW })
  sqliteError(() => db.serialize(), 'SQLITE_AUTH', 'not authorized')
})
