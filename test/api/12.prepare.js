'use strict'

const assert = require('node:assert/strict')
const {
  BUSY, busy, collect, Database, needs, open, ours, rangeError, sqliteError, syncOnly, tempFile,
  test, typeError
} = require('../support')

const NONE = 'The supplied SQL string contains no statements'
const MANY = 'The supplied SQL string contains more than one statement'

test('prepare() of anything but a string is a TypeError', async t => {
  const db = open(t)
  const call = (...args) => () => db.prepare(...args)
  for (const args of [[], [123], [0], [null], [undefined], [{}], [['SELECT 1']], [Buffer.from('SELECT 1')], [true]]) {
    await typeError(call(...args))
  }
})

ours('prepare() tells that it expected a string', async t => {
  const db = open(t)
  await typeError(() => db.prepare(5), 'Expected first argument to be a string')
})

test('prepare() of a String object is a TypeError', async t => {
  const db = open(t)
  await typeError(() => db.prepare(new String('SELECT 1'))) // eslint-disable-line no-new-wrappers
})

test('prepare() of invalid SQL is an SqliteError with the message of SQLite', async t => {
  const db = open(t)
  await sqliteError(() => db.prepare('CREATE TABLE t (a'), 'SQLITE_ERROR', 'incomplete input')
  await sqliteError(() => db.prepare('INSERT INTO t VALUES (?)'), 'SQLITE_ERROR', 'no such table: t')
  await sqliteError(() => db.prepare('SELEC 1'), 'SQLITE_ERROR', 'near "SELEC": syntax error')
})

test('prepare() without a statement is a RangeError', async t => {
  const db = open(t)
  for (const sql of ['', ' ', ';', ' ; ', ';;', '-- comment', '/* comment */', '/* open', '\n\t\r\f ', '--\n;']) {
    await rangeError(() => db.prepare(sql), NONE)
  }
})

test('prepare() of two statements is a RangeError', async t => {
  const db = open(t)
  for (const tail of ['SELECT 2', ' SELECT', '/', '-', '--\n/', '--\nSELECT 2', '-- comment\nSELECT 2', '/**/-',
    '/**/SELECT 2', '/* comment */SELECT 2', '/* comment */ -- another\n x', 'nonsense', '*', ':', '?', '\u00e9',
    '/*/ SELECT */ SELECT 2']) {
    await rangeError(() => db.prepare(`SELECT 1;${tail}`), MANY)
  }
})

test('two statements do not run the first', async t => {
  const db = open(t)
  await rangeError(() => db.prepare('CREATE TABLE a (x); CREATE TABLE b (x)'), MANY)
  assert.deepEqual(await (await db.prepare('SELECT name FROM sqlite_master')).all(), [])
})

needs('the parser of SQLite')('white space, semicolons and comments may follow the statement', async t => {
  const db = open(t)
  for (const tail of ['', ' ', ';', ';     ', ';;; ;', ';-- comment', ';--abc\n--de\n--f', ';/* comment */',
    ';/* comment */-- comment', ';-- comment\n/* comment */', ';/* open', '; --', ' -- no semicolon', ';\t\r\n\f',
    ';/**/', ';/***/', ';/*/*/']) {
    const stmt = await db.prepare(`SELECT 555${tail}`)
    assert.equal(stmt.source, `SELECT 555${tail}`)
    assert.equal(await stmt.pluck().get(), 555)
  }
})

test('comments may come before the statement', async t => {
  const db = open(t)
  assert.equal(await (await db.prepare('-- one\n/* two */ ; SELECT 5')).pluck().get(), 5)
})

test('a statement has source, database, reader and readonly, own and enumerable', async t => {
  const db = open(t)
  const stmt = await db.prepare('SELECT 555')
  for (const [key, value] of Object.entries({ reader: true, readonly: true, source: 'SELECT 555', database: db })) {
    assert.equal(Object.getOwnPropertyDescriptor(stmt, key).value, value)
    assert.ok(Object.keys(stmt).includes(key))
  }
  busy(stmt, false)
})

ours('writing to the properties of a statement changes nothing that it does', async t => {
  const db = open(t)
  const stmt = await db.prepare('SELECT 555 AS n')
  Object.assign(stmt, { reader: false, readonly: false, source: 'SELECT 1', database: null })
  assert.deepEqual([await stmt.get(), await collect(stmt.iterate()), String(stmt)], [{ n: 555 }, [{ n: 555 }], 'SELECT 555 AS n'])
  assert.equal(stmt.interrupt(), stmt)
})

test('reader and readonly tell what a statement does', async t => {
  const db = open(t)
  await db.exec('CREATE TABLE t (a)')
  const kind = async sql => {
    const { reader, readonly } = await db.prepare(sql)
    return [reader, readonly]
  }
  assert.deepEqual({
    select: await kind('SELECT 555'),
    insert: await kind('INSERT INTO t VALUES (1)'),
    returning: await kind('DELETE FROM t RETURNING *'),
    create: await kind('CREATE TABLE u (a)'),
    begin: await kind('BEGIN'),
    immediate: await kind('BEGIN IMMEDIATE'),
    exclusive: await kind('BEGIN EXCLUSIVE'),
    commit: await kind('COMMIT'),
    savepoint: await kind('SAVEPOINT x'),
    pragma: await kind('PRAGMA cache_size'),
    vacuum: await kind('VACUUM'),
    attach: await kind("ATTACH ':memory:' AS o")
  }, {
    select: [true, true],
    insert: [false, false],
    returning: [true, false],
    create: [false, false],
    begin: [false, true],
    immediate: [false, false],
    exclusive: [false, false],
    commit: [false, true],
    savepoint: [false, true],
    pragma: [true, true],
    vacuum: [false, false],
    attach: [false, true]
  })
})

test('the class of statements is called Statement and cannot be constructed', async t => {
  const stmt = await open(t).prepare('SELECT 1')
  assert.equal(stmt.constructor.name, 'Statement')
  await typeError(() => new stmt.constructor('SELECT 1'), 'Statements can only be constructed by the db.prepare() method')
  await typeError(() => new stmt.constructor(), 'Statements can only be constructed by the db.prepare() method')
})

test('every statement is of one class, whose methods are on its prototype', async t => {
  const one = await open(t).prepare('SELECT 1')
  const two = await open(t).prepare('SELECT 2')
  assert.equal(one.constructor, two.constructor)
  const proto = Object.getPrototypeOf(one)
  for (const name of ['run', 'get', 'all', 'iterate', 'bind', 'pluck', 'expand', 'raw', 'safeIntegers', 'columns', 'toString']) {
    assert.equal(one[name], proto[name])
    assert.equal(typeof proto[name], 'function')
  }
})

test('prepare() returns another object each time', async t => {
  const db = open(t)
  assert.notEqual(await db.prepare('SELECT 1'), await db.prepare('SELECT 1'))
})

test('prepare() is allowed while iterating', async t => {
  const db = open(t)
  const seen = []
  for await (const row of (await db.prepare('SELECT 1 AS a UNION SELECT 2')).iterate()) {
    seen.push(row.a, await (await db.prepare(`SELECT ${row.a} * 10`)).pluck().get())
  }
  assert.deepEqual(seen, [1, 10, 2, 20])
})

needs('function()', syncOnly)('prepare() is blocked inside a user function', t => {
  const db = open(t)
  db.function('f', () => { typeError(() => db.prepare('SELECT 1'), BUSY) })
  assert.equal(db.prepare('SELECT f()').pluck().get(), null)
})

test('a statement works after the database was closed and another opened', async t => {
  const file = tempFile(t)
  const one = open(t, file)
  const stmt = await one.prepare('SELECT 1')
  await one.close()
  const two = open(t, file)
  await typeError(() => stmt.get(), 'The database connection is not open')
  assert.equal(await (await two.prepare('SELECT 1')).pluck().get(), 1)
})

test('SQL with characters of every width comes out as it went in', async t => {
  const db = open(t)
  const sql = "SELECT '\u00e9\u6570\u{1f600}' AS \"\u00fc\u6f22\u{1f680}\""
  const stmt = await db.prepare(sql)
  assert.equal(stmt.source, sql)
  assert.deepEqual(await stmt.get(), { '\u00fc\u6f22\u{1f680}': '\u00e9\u6570\u{1f600}' })
})

test('a statement is of the database it was prepared on', async t => {
  const one = open(t)
  const two = open(t)
  assert.equal((await one.prepare('SELECT 1')).database, one)
  assert.equal((await two.prepare('SELECT 1')).database, two)
  assert.ok((await one.prepare('SELECT 1')).database instanceof Database)
})

needs('option readonly')('a readonly database prepares a write and refuses to run it', async t => {
  const file = tempFile(t)
  await open(t, file).close()
  const stmt = await open(t, file, { readonly: true }).prepare('CREATE TABLE t (a)')
  await sqliteError(() => stmt.run(), 'SQLITE_READONLY', 'attempt to write a readonly database')
})
