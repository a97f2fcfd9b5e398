'use strict'

const assert = require('node:assert/strict')
const {
  BUSY, STATEMENT_BUSY, needs, open, rangeError, sqliteError, tempFile, test, typeError,
  whileIterating
} = require('../support')

const blob = Buffer.alloc(8, 0xdd)

function setup (t) {
  return open(t).exec(`
    CREATE TABLE entries (a TEXT, b INTEGER, c REAL, d BLOB);
    CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT);
    CREATE TABLE ages (age INTEGER, person INTEGER NOT NULL REFERENCES people (id) ON DELETE CASCADE ON UPDATE CASCADE);
    INSERT INTO people VALUES (1, 'bob'), (2, 'sarah');
  `)
}

test('the result is a plain object of exactly changes and lastInsertRowid', async t => {
  const db = open(t)
  const info = await (await db.prepare('CREATE TABLE t (a)')).run()
  assert.deepEqual(info, { changes: 0, lastInsertRowid: 0 })
  assert.deepEqual(Reflect.ownKeys(info), ['changes', 'lastInsertRowid'])
  assert.equal(Object.getPrototypeOf(info), Object.prototype)
  for (const key of Object.keys(info)) {
    const { writable, enumerable, configurable } = Object.getOwnPropertyDescriptor(info, key)
    assert.deepEqual({ writable, enumerable, configurable }, {
      writable: true,
      enumerable: true,
      configurable: true
    })
  }
})

test('every call returns another object', async t => {
  const db = await setup(t)
  const stmt = await db.prepare('INSERT INTO entries (a) VALUES (1)')
  const one = await stmt.run()
  const two = await stmt.run()
  assert.deepEqual([one.lastInsertRowid, two.lastInsertRowid], [1, 2])
})

test('a table that exists already changes nothing', async t => {
  const db = await open(t).exec('CREATE TABLE t (a)')
  assert.deepEqual(await (await db.prepare('CREATE TABLE IF NOT EXISTS t (a)')).run(), { changes: 0, lastInsertRowid: 0 })
})

test('SELECT can be run', async t => {
  assert.deepEqual(await (await open(t).prepare('SELECT 555')).run(), { changes: 0, lastInsertRowid: 0 })
})

needs('functions in what writes')('run() of a SELECT stops at its first row', async t => {
  const db = open(t)
  const seen = []
  await db.function('see', value => { seen.push(value) })
  await (await db.prepare('SELECT see(column1) FROM (VALUES (1), (2))')).run()
  assert.deepEqual(seen, [1])
})

test('INSERT tells how many rows and the last rowid', async t => {
  const db = await setup(t)
  const one = await db.prepare("INSERT INTO entries VALUES ('foo', 25, 3.14, x'1133ddff')")
  assert.deepEqual([await one.run(), await one.run()], [{ changes: 1, lastInsertRowid: 1 }, {
    changes: 1,
    lastInsertRowid: 2
  }])
  const two = await db.prepare('INSERT INTO entries (a) VALUES (1), (2)')
  assert.deepEqual(await two.run(), { changes: 2, lastInsertRowid: 4 })
})

test('UPDATE and DELETE count the rows they touched', async t => {
  const db = await setup(t)
  await db.exec("INSERT INTO entries (a) VALUES ('foo'), ('foo'), ('bar')")
  assert.equal((await (await db.prepare("UPDATE entries SET b = 1 WHERE a = 'foo'")).run()).changes, 2)
  assert.equal((await (await db.prepare("DELETE FROM entries WHERE a = 'foo'")).run()).changes, 2)
  assert.equal((await (await db.prepare("DELETE FROM entries WHERE a = 'foo'")).run()).changes, 0)
})

test('lastInsertRowid stays that of the last insert', async t => {
  const db = await setup(t)
  await db.exec('INSERT INTO entries (rowid) VALUES (77)')
  assert.deepEqual(await (await db.prepare('UPDATE entries SET a = 1')).run(), { changes: 1, lastInsertRowid: 77 })
  assert.deepEqual(await (await db.prepare('SELECT 1')).run(), { changes: 0, lastInsertRowid: 77 })
  assert.deepEqual(await (await db.prepare('CREATE TABLE x (y)')).run(), { changes: 0, lastInsertRowid: 77 })
})

test('BEGIN, COMMIT and ROLLBACK can be run', async t => {
  const db = await setup(t)
  assert.equal((await (await db.prepare('BEGIN TRANSACTION')).run()).changes, 0)
  assert.equal(db.inTransaction, true)
  assert.deepEqual(await (await db.prepare('INSERT INTO entries (a) VALUES (1)')).run(), { changes: 1, lastInsertRowid: 1 })
  assert.equal((await (await db.prepare('COMMIT TRANSACTION')).run()).changes, 0)
  assert.equal(db.inTransaction, false)
  await (await db.prepare('BEGIN')).run()
  await (await db.prepare('DELETE FROM entries')).run()
  assert.equal((await (await db.prepare('ROLLBACK')).run()).changes, 0)
  assert.equal(await (await db.prepare('SELECT count(*) FROM entries')).pluck().get(), 1)
})

test('DROP TABLE of a table without references changes nothing', async t => {
  const db = await setup(t)
  assert.equal((await (await db.prepare('DROP TABLE entries')).run()).changes, 0)
})

needs('DROP TABLE of a table that others refer to')('DROP TABLE of a table that others refer to counts what it deletes', async t => {
  const db = await setup(t)
  assert.equal((await (await db.prepare('DROP TABLE people')).run()).changes, 2)
})

test('changes of triggers and foreign keys are not counted', async t => {
  const db = await setup(t)
  await db.exec('INSERT INTO ages VALUES (30, 2), (31, 2), (32, 2)')
  assert.equal((await (await db.prepare('UPDATE people SET id = 55 WHERE id = 2')).run()).changes, 1)
  assert.equal(await (await db.prepare('SELECT count(*) FROM ages WHERE person = 55')).pluck().get(), 3)
  await db.exec('CREATE TRIGGER tr AFTER INSERT ON entries BEGIN DELETE FROM ages; END')
  assert.equal((await (await db.prepare('INSERT INTO entries (a) VALUES (1)')).run()).changes, 1)
  assert.equal(await (await db.prepare('SELECT count(*) FROM ages')).pluck().get(), 0)
})

needs('extended result codes')('a failed constraint is an SqliteError with its extended code', async t => {
  const db = await setup(t)
  await sqliteError(async () => (await db.prepare('INSERT INTO ages VALUES (30, 3)')).run(), 'SQLITE_CONSTRAINT_FOREIGNKEY',
    'FOREIGN KEY constraint failed')
  await sqliteError(async () => (await db.prepare('INSERT INTO ages VALUES (30, NULL)')).run(), 'SQLITE_CONSTRAINT_NOTNULL',
    'NOT NULL constraint failed: ages.person')
  await sqliteError(async () => (await db.prepare('INSERT INTO people VALUES (1, NULL)')).run(), 'SQLITE_CONSTRAINT_PRIMARYKEY',
    'UNIQUE constraint failed: people.id')
})

needs('extended result codes')('a statement that failed can be run again', async t => {
  const db = await setup(t)
  const stmt = await db.prepare('INSERT INTO people VALUES (?, ?)')
  await sqliteError(() => stmt.run(1, 'x'), 'SQLITE_CONSTRAINT_PRIMARYKEY')
  assert.deepEqual(await stmt.run(3, 'carl'), { changes: 1, lastInsertRowid: 3 })
  assert.equal(await (await db.prepare('SELECT name FROM people WHERE id = 3')).pluck().get(), 'carl')
})

test('a failed statement leaves a transaction open', async t => {
  const db = await setup(t)
  await (await db.prepare('BEGIN')).run()
  await (await db.prepare('INSERT INTO ages VALUES (45, 2)')).run()
  await sqliteError(async () => (await db.prepare('INSERT INTO ages VALUES (30, 3)')).run(), 'SQLITE_CONSTRAINT_FOREIGNKEY')
  assert.equal(db.inTransaction, true)
  await (await db.prepare('COMMIT')).run()
  assert.deepEqual(await (await db.prepare('SELECT * FROM ages')).all(), [{ age: 45, person: 2 }])
})

test('INSERT ... RETURNING inserts every row and leaves nothing active', async t => {
  const db = await setup(t)
  await db.exec('BEGIN')
  const stmt = await db.prepare('INSERT INTO entries (a) VALUES (1), (2), (3) RETURNING a')
  assert.equal(stmt.reader, true)
  assert.deepEqual(await stmt.run(), { changes: 3, lastInsertRowid: 3 })
  await db.exec('COMMIT')
  assert.equal(await (await db.prepare('SELECT count(*) FROM entries')).pluck().get(), 3)
})

needs('option readonly')('run() is refused by a readonly database', async t => {
  const file = tempFile(t)
  const writer = open(t, file)
  await writer.exec('CREATE TABLE t (a)')
  await writer.close()
  const db = open(t, file, { readonly: true })
  await sqliteError(async () => (await db.prepare('INSERT INTO t VALUES (1)')).run(), 'SQLITE_READONLY')
})

whileIterating('run() is blocked while any iterator is open', t => {
  const db = setup(t)
  const insert = db.prepare('INSERT INTO entries (a) VALUES (1)')
  const select = db.prepare('SELECT 5')
  for (const row of db.prepare('SELECT * FROM people').iterate()) {
    assert.equal(typeof row.id, 'number')
    typeError(() => insert.run(), BUSY)
    typeError(() => select.run(), BUSY)
  }
  assert.equal(insert.run().changes, 1)
})

whileIterating('run() of the statement that is being iterated is busy', t => {
  const stmt = setup(t).prepare('SELECT * FROM people')
  for (const row of stmt.iterate()) {
    assert.equal(typeof row.id, 'number')
    typeError(() => stmt.run(), STATEMENT_BUSY)
  }
})

test('positional parameters: spread, in an array, in several arrays', async t => {
  const db = await setup(t)
  const stmt = await db.prepare('INSERT INTO entries VALUES (?, ?, ?, ?)')
  await stmt.run('foo', 25, 25, blob)
  await stmt.run(['foo', 25, 25, blob])
  await stmt.run(['foo', 25], [25], blob)
  await stmt.run('foo', [], [25, 25, blob])
  const row = { a: 'foo', b: 25, c: 25, d: blob }
  assert.deepEqual(await (await db.prepare('SELECT * FROM entries')).all(), [row, row, row, row])
})

test('named parameters with @, $ and : from one object', async t => {
  const db = await setup(t)
  const row = { a: 'foo', b: 25, c: 25, d: blob }
  for (const sign of ['@', '$', ':']) {
    await (await db.prepare(`INSERT INTO entries VALUES (${sign}a, ${sign}b, ${sign}c, ${sign}d)`)).run(row)
  }
  assert.deepEqual(await (await db.prepare('SELECT * FROM entries')).all(), [row, row, row])
})

test('positional and named parameters together, in any order', async t => {
  const db = await setup(t)
  const stmt = await db.prepare('INSERT INTO entries VALUES (?, @a, @a, ?)')
  await stmt.run({ a: 25 }, ['foo'], blob)
  await stmt.run('foo', { a: 25, unused: 1 }, blob)
  await stmt.run(['foo', blob], { a: 25 })
  const row = { a: 'foo', b: 25, c: 25, d: blob }
  assert.deepEqual(await (await db.prepare('SELECT * FROM entries')).all(), [row, row, row])
})

test('an object that no parameter needs is ignored', async t => {
  const db = await setup(t)
  const stmt = await db.prepare('INSERT INTO entries VALUES (?, ?, ?, ?)')
  await stmt.run('foo', 25, 25, blob, {})
  await stmt.run('foo', 25, 25, blob, { foo: 'foo' })
  assert.equal(await (await db.prepare('SELECT count(*) FROM entries')).pluck().get(), 2)
})

test('too few and too many values are RangeErrors', async t => {
  const db = await setup(t)
  const few = 'Too few parameter values were provided'
  const many = 'Too many parameter values were provided'
  const four = await db.prepare('INSERT INTO entries VALUES (?, ?, ?, ?)')
  await rangeError(() => four.run(), few)
  await rangeError(() => four.run(1, 2, 3), few)
  await rangeError(() => four.run([1, 2, 3]), few)
  await rangeError(() => four.run(1, 2, 3, 4, 5), many)
  await rangeError(() => four.run([1, 2, 3, 4], 5), many)
  await rangeError(() => four.run('foo', 25, 25, { 4: blob }), few)
  await rangeError(() => four.run({ length: 4, 0: 'foo', 1: 25, 2: 25, 3: blob }), few)
  const mixed = await db.prepare('INSERT INTO entries VALUES (?, @a, @a, ?)')
  await rangeError(() => mixed.run({ a: 25 }, ['foo'], blob, blob), many)
  await rangeError(() => mixed.run({ a: 25 }, ['foo']), few)
  await rangeError(async () => (await db.prepare('INSERT INTO entries (a) VALUES (1)')).run(1), many)
  assert.equal(await (await db.prepare('SELECT count(*) FROM entries')).pluck().get(), 0)
})

test('a missing name is a RangeError that names it', async t => {
  const db = await setup(t)
  const stmt = await db.prepare('INSERT INTO entries VALUES (?, @a, @a, ?)')
  await rangeError(() => stmt.run({}, ['foo'], blob), 'Missing named parameter "a"')
  await rangeError(() => stmt.run({ b: 1 }, ['foo'], blob), 'Missing named parameter "a"')
})

test('no object at all for named parameters is a TypeError', async t => {
  const db = await setup(t)
  const stmt = await db.prepare('INSERT INTO entries (a, b) VALUES (@a, @b)')
  await typeError(() => stmt.run(), 'Missing named parameters')
})

test('two objects are a TypeError', async t => {
  const db = await setup(t)
  const stmt = await db.prepare('INSERT INTO entries (a, b) VALUES (@a, @b)')
  await typeError(() => stmt.run({ a: 1, b: 2 }, { a: 1, b: 2 }),
    'You cannot specify named parameters in two different objects')
  await typeError(() => stmt.run({ a: 1, b: 2 }, {}), 'You cannot specify named parameters in two different objects')
})

test('an instance of a class is a TypeError', async t => {
  const db = await setup(t)
  class Entry { a = 'foo' }
  await typeError(async () => (await db.prepare('INSERT INTO entries (a) VALUES (@a)')).run(new Entry()),
    'Named parameters can only be passed within plain objects')
  await typeError(async () => (await db.prepare('INSERT INTO entries (a) VALUES (?)')).run(new Entry()),
    'SQLite3 can only bind numbers, strings, bigints, buffers, and null')
})

test('a boxed number is a TypeError', async t => {
  const db = await setup(t)
  const stmt = await db.prepare('INSERT INTO entries (a) VALUES (?)')
  await typeError(() => stmt.run(new Number(25)), // eslint-disable-line no-new-wrappers
    'SQLite3 can only bind numbers, strings, bigints, buffers, and null')
})

test('bound values reach the constraints with their types', async t => {
  const db = open(t)
  await db.exec("CREATE TABLE t (a CHECK (typeof(a) = 'text'), b CHECK (typeof(b) = 'real'), c CHECK (typeof(c) = 'integer'), d CHECK (typeof(d) = 'blob'), e CHECK (e IS NULL))")
  const stmt = await db.prepare('INSERT INTO t VALUES (?, ?, ?, ?, ?)')
  assert.equal((await stmt.run('a', 1, 1n, blob, null)).changes, 1)
  await sqliteError(() => stmt.run('a', 1n, 1n, blob, null), 'SQLITE_CONSTRAINT_CHECK')
  await sqliteError(() => stmt.run('a', 1, 1, blob, null), 'SQLITE_CONSTRAINT_CHECK')
})

test('values of one call do not reach the next', async t => {
  const db = open(t)
  const stmt = (await db.prepare('SELECT ?, ?')).raw()
  assert.deepEqual(await stmt.get('secret', 1), ['secret', 1])
  await rangeError(() => stmt.get('other'), 'Too few parameter values were provided')
  assert.deepEqual(await stmt.get(null, undefined), [null, null])
})
