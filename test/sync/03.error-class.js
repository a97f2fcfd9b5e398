'use strict'

const assert = require('node:assert/strict')
const test = require('node:test')
const { Database, open, ours, thrown } = require('../support')

const { SqliteError } = Database

test('SqliteError is a subclass of Error', () => {
  const error = new SqliteError('foo', 'bar')
  assert.notEqual(SqliteError, Error)
  assert.equal(Object.getPrototypeOf(SqliteError.prototype), Error.prototype)
  assert.ok(error instanceof Error)
  assert.ok(error instanceof SqliteError)
  assert.equal(error.constructor, SqliteError)
})

test('the name is a property of the prototype that is not enumerable', () => {
  assert.deepEqual(Object.getOwnPropertyDescriptor(SqliteError.prototype, 'name'), {
    value: 'SqliteError', writable: true, enumerable: false, configurable: true
  })
  assert.equal(Object.hasOwn(new SqliteError('foo', 'bar'), 'name'), false)
})

test('the first argument is the message and the second the code', () => {
  const error = new SqliteError('foobar', 'baz')
  assert.equal(error.message, 'foobar')
  assert.equal(error.code, 'baz')
})

test('the message is turned into a string', () => {
  assert.equal(new SqliteError(123, 'baz').message, '123')
  assert.equal(new SqliteError(null, 'baz').message, 'null')
  assert.equal(new SqliteError(undefined, 'baz').message, 'undefined')
})

test('a code that is not a string is a TypeError', () => {
  for (const args of [['foo'], ['foo', 123], ['foo', null], ['foo', {}]]) {
    assert.throws(() => new SqliteError(...args), {
      name: 'TypeError', message: 'Expected second argument to be a string'
    })
  }
})

test('the stack starts where the error was made', () => {
  const error = (function makesTheError () { return new SqliteError('foo', 'bar') })()
  assert.match(error.stack, /^SqliteError: foo\n {4}at makesTheError /)
})

test('errors of the engine carry the extended code by name', t => {
  const db = open(t)
  db.exec('CREATE TABLE t (a UNIQUE, b NOT NULL, c CHECK (c > 0), d INTEGER PRIMARY KEY)')
  db.exec('INSERT INTO t VALUES (1, 1, 1, 1)')
  const code = sql => thrown(() => db.exec(sql)).error.code
  assert.deepEqual([
    code('INSERT INTO t VALUES (1, 1, 1, 2)'),
    code('INSERT INTO t VALUES (2, NULL, 1, 2)'),
    code('INSERT INTO t VALUES (2, 1, 0, 2)'),
    code('INSERT INTO t VALUES (2, 1, 1, 1)'),
    code('nonsense'),
    code('COMMIT')
  ], [
    'SQLITE_CONSTRAINT_UNIQUE',
    'SQLITE_CONSTRAINT_NOTNULL',
    'SQLITE_CONSTRAINT_CHECK',
    'SQLITE_CONSTRAINT_PRIMARYKEY',
    'SQLITE_ERROR',
    'SQLITE_ERROR'
  ])
})

test('errors of the engine have SQLite\'s message and a JavaScript stack', t => {
  const db = open(t)
  const { error } = thrown(function whereItFailed () { db.prepare('SELECT * FROM missing') })
  assert.equal(error.message, 'no such table: missing')
  assert.equal(error.name, 'SqliteError')
  assert.match(error.stack, /whereItFailed/)
})

ours('errors of the engine have the extended code as a number in rawCode', t => {
  const db = open(t)
  db.exec('CREATE TABLE t (a UNIQUE)')
  db.exec('INSERT INTO t VALUES (1)')
  const unique = thrown(() => db.exec('INSERT INTO t VALUES (1)')).error
  const syntax = thrown(() => db.exec('nonsense')).error
  assert.deepEqual([unique.rawCode, syntax.rawCode], [2067, 1])
})

test('a primary code is named too', t => {
  const db = open(t)
  const { error } = thrown(() => {
    db.exec("ATTACH 'file:does-not-exist/nowhere.db' AS other")
  })
  assert.equal(error.code, 'SQLITE_CANTOPEN')
})
