'use strict'

const assert = require('node:assert/strict')
const test = require('node:test')
const {
  BUSY, Database, open, rangeError, sqliteError, tempFile, thrown, typeError
} = require('./support')

const all = (db, sql, ...args) => db.prepare(sql).all(...args)
const pluck = (db, sql, ...args) => db.prepare(sql).pluck().all(...args)
const isSqliteError = fn => assert.throws(fn, Database.SqliteError)
const columns = ['x']
const prefix = name => `Virtual table module "${name}" used a table definition`

test('table() without a name and a definition is a TypeError', t => {
  const db = open(t)
  const definition = { columns, * rows () {} }
  for (const args of [[], [null], ['a'], [{}], [definition], [() => {}], [{}, () => {}], ['f', null], ['f', 5], ['h', {}],
    ['i', Object.create(Function.prototype)], ['j', { columns }, () => {}], [5, definition], [5, () => {}]]) {
    typeError(() => db.table(...args))
  }
  typeError(() => db.table(5, definition), 'Expected first argument to be a string')
  typeError(() => db.table('a', 5), 'Expected second argument to be a function or a table definition object')
})

test('the name cannot be empty', t => {
  const message = 'Virtual table module name cannot be an empty string'
  typeError(() => open(t).table('', { columns, * rows () {} }), message)
  typeError(() => open(t).table('', () => {}), message)
})

test('safeIntegers and directOnly are strict booleans', t => {
  for (const option of ['safeIntegers', 'directOnly']) {
    for (const value of [undefined, null, 1]) {
      typeError(() => open(t).table('a', { columns, * rows () {}, [option]: value }),
        `${prefix('a')} with an invalid "${option}" property (should be a boolean)`)
    }
  }
})

test('columns is an array of strings, each once, at least one', t => {
  const db = open(t)
  const define = value => () => db.table('a', { columns: value, * rows () {} })
  const invalid = `${prefix('a')} with an invalid "columns" property (should be an array of strings)`
  typeError(() => db.table('a', { * rows () {} }), `${prefix('a')} without a "columns" property`)
  const sparse = ['x', , 'y'] // eslint-disable-line no-sparse-arrays
  for (const value of [undefined, null, 'x', { length: 1, 0: 'x' }, sparse, ['x', 5], new Set(['x'])]) {
    typeError(define(value), invalid)
  }
  typeError(define(['x', 'x']), `${prefix('a')} with duplicate column names`)
  rangeError(define([]), `${prefix('a')} with zero columns`)
})

test('parameters is an array of at most 32 strings, apart from the columns', t => {
  const db = open(t)
  const define = value => () => db.table('a', { parameters: value, columns: ['foo'], * rows () {} })
  const invalid = `${prefix('a')} with an invalid "parameters" property (should be an array of strings)`
  for (const value of [undefined, null, 'x', { length: 1, 0: 'x' }, ['x', 5]]) typeError(define(value), invalid)
  typeError(define(['x', 'x']), `${prefix('a')} with duplicate parameter names`)
  typeError(define(['foo']),
    `${prefix('a')} with column "foo" which was ambiguously defined as both a column and parameter`)
  const names = n => Array.from({ length: n }, (_, i) => `p${i}`)
  rangeError(define(names(33)), `${prefix('a')} with more than the maximum number of 32 parameters`)
  define(names(32))()
})

test('Array.prototype.every can be broken by others', t => {
  const original = Array.prototype.every
  try {
    Array.prototype.every = () => true // eslint-disable-line no-extend-native
    typeError(() => open(t).table('a', { parameters: [5], columns, * rows () {} }))
    typeError(() => open(t).table('a', { columns: [5], * rows () {} }))
  } finally {
    Object.defineProperty(Array.prototype, 'every', // eslint-disable-line no-extend-native
      { value: original, writable: true, enumerable: false, configurable: true })
  }
})

test('rows is a generator function', t => {
  const db = open(t)
  const generator = Object.getPrototypeOf(function * () {})
  const invalid = `${prefix('a')} with an invalid "rows" property (should be a generator function)`
  typeError(() => db.table('a', { columns }), `${prefix('a')} without a "rows" property`)
  for (const rows of [undefined, {}, () => {}, function () {}, async function * () {},
    Object.create(Function.prototype),
    Object.create(generator), Object.setPrototypeOf(() => {}, Object.create(generator))]) {
    typeError(() => db.table('a', { columns, rows }), invalid)
  }
})

test('the definition must have its properties itself', t => {
  const definition = Object.create({ columns, * rows () {} })
  typeError(() => open(t).table('a', definition), `${prefix('a')} without a "rows" property`)
})

test('the length of rows is an integer of 0 to 32', t => {
  const db = open(t)
  const rows = value => Object.defineProperty(function * () {}, 'length', { value })
  for (const length of [undefined, null, '1', NaN, Infinity, 1.5, -0.1, -1]) {
    typeError(() => db.table('a', { columns, rows: rows(length) }), 'Expected function.length to be a positive integer')
  }
  rangeError(() => db.table('a', { columns, rows: rows(33) }))
  assert.equal(db.table('a', { columns, rows: rows(32) }), db)
})

test('table() returns the database', t => {
  const db = open(t)
  assert.equal(db.table('a', { columns, * rows () {} }), db)
  assert.equal(db.table('b', () => {}), db)
})

const ROWS = [
  { a: null, b: 123, c: 456.789, d: 'foo', e: Buffer.from('bar') },
  { a: null, b: 987, c: 654.321, d: 'oof', e: Buffer.from('rab') }
]

test('rows can be yielded as arrays', t => {
  const db = open(t)
  db.table('vtab', { columns: Object.keys(ROWS[0]), * rows () { for (const row of ROWS) yield Object.values(row) } })
  assert.deepEqual(all(db, 'SELECT * FROM vtab'), ROWS)
  assert.deepEqual(all(db, 'SELECT * FROM vtab WHERE b < 500'), ROWS.slice(0, 1))
  assert.deepEqual(all(db, 'SELECT * FROM vtab ORDER BY d DESC'), [ROWS[1], ROWS[0]])
  assert.deepEqual(all(db, 'SELECT count(*) AS n, sum(b) AS s FROM vtab'), [{ n: 2, s: 1110 }])
})

test('rows can be yielded as objects, their keys in any order', t => {
  const db = open(t)
  const rows = [...ROWS, { e: Buffer.from('hello'), d: 'world', c: 0.1, b: 10, a: null }]
  db.table('vtab', { columns: ['a', 'b', 'c', 'd', 'e'], * rows () { yield * rows } })
  assert.deepEqual(all(db, 'SELECT * FROM vtab'), rows)
})

test('every type goes through, and undefined is NULL', t => {
  const db = open(t)
  const values = [1.5, 5n, 'text', Buffer.from('x'), null, undefined, new Uint8Array([7])]
  db.table('vtab', { columns, * rows () { for (const value of values) yield [value] } })
  assert.deepEqual(db.prepare('SELECT x, typeof(x) FROM vtab').raw().all(), [
    [1.5, 'real'], [5, 'integer'], ['text', 'text'], [Buffer.from('x'), 'blob'], [null, 'null'], [null, 'null'],
    [Buffer.from([7]), 'blob']
  ])
})

test('parameters are called $1, $2 and so on by default', t => {
  const db = open(t)
  db.table('vtab', { columns: ['a', 'b'], * rows (x, y) { yield [x, y]; yield [x * 2, y * 3] } })
  const expected = [{ a: 2, b: 3 }, { a: 4, b: 9 }]
  assert.deepEqual(all(db, 'SELECT * FROM vtab(?, ?)', 2, 3), expected)
  assert.deepEqual(all(db, 'SELECT * FROM vtab WHERE "$1" = ? AND "$2" = ?', 2, 3), expected)
  sqliteError(() => db.prepare('SELECT * FROM vtab(?, ?, ?)'), 'SQLITE_ERROR', 'too many arguments on vtab() - max 2')
  isSqliteError(() => db.prepare('SELECT * FROM vtab WHERE "$1" = ? AND "$2" = ? AND "$3" = ?'))
})

test('parameters can have names', t => {
  const db = open(t)
  db.table('vtab', {
    columns: ['a'],
    parameters: ['x', 'y', 'z'],
    * rows (p1, p2, p3, p4) { yield [[...arguments].join()]; yield [p4] }
  })
  assert.deepEqual(pluck(db, 'SELECT * FROM vtab(?, ?, ?)', 2, 3, 4), ['2,3,4', null])
  assert.deepEqual(pluck(db, 'SELECT * FROM vtab WHERE x = ? AND y = ? AND z = ?', 2, 3, 4), ['2,3,4', null])
  isSqliteError(() => db.prepare('SELECT * FROM vtab(?, ?, ?, ?)'))
  isSqliteError(() => db.prepare('SELECT * FROM vtab WHERE "$1" = ?'))
})

test('parameters are hidden columns that can be selected', t => {
  const db = open(t)
  db.table('vtab', { columns: ['a'], parameters: ['p'], * rows (p) { yield [p + 1] } })
  assert.deepEqual(all(db, 'SELECT * FROM vtab(5)'), [{ a: 6 }])
  assert.deepEqual(all(db, 'SELECT p, a FROM vtab(5)'), [{ p: 5, a: 6 }])
})

test('many parameters of every type arrive in order', t => {
  const db = open(t)
  const args = ['foo', 'bar', 1, -2, Buffer.from('hello'), 5, -10, 'baz', 99.9, -0.5]
  const rows = Object.defineProperty(function * (...list) { for (const x of list) yield [x] }, 'length', { value: 10 })
  db.table('vtab', { columns, rows })
  assert.deepEqual(pluck(db, 'SELECT * FROM vtab(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)', args), args)
  assert.deepEqual(pluck(db, 'SELECT * FROM vtab(?, ?, ?, ?, ?, ?, ?, ?, ?)', args.slice(0, 9)), [...args.slice(0, 9), null])
})

function recorder (db) {
  const calls = []
  db.table('vtab', { columns: ['x', 'y'], * rows (x, y) { calls.push([...arguments]); yield { x, y } } })
  return { get: (where, ...args) => [db.prepare(`SELECT * FROM vtab WHERE ${where}`).get(args), calls.splice(0)] }
}

test('constraints on parameters work in any order', t => {
  const { get } = recorder(open(t))
  const found = [{ x: 10, y: 5 }, [[10, 5]]]
  assert.deepEqual(get('"$1" = ? AND "$2" = ?', 10, 5), found)
  assert.deepEqual(get('"$2" = ? AND "$1" = ?', 5, 10), found)
  assert.deepEqual(get('"$2" = ? AND "$2" = ? AND "$1" = ?', 5, 5, 10), found)
})

test('constraints that contradict each other find nothing and call nothing', t => {
  const { get } = recorder(open(t))
  assert.deepEqual(get('"$2" = ? AND "$2" = ? AND "$1" = ?', 5, 9, 10), [undefined, []])
  assert.deepEqual(get('"$2" = ? AND "$2" = ? AND "$1" = ?', 9, 5, 10), [undefined, []])
})

test('a parameter can be constrained to another', t => {
  const { get } = recorder(open(t))
  const found = [{ x: 10, y: 10 }, [[10, 10]]]
  assert.deepEqual(get('"$1" = ? AND "$2" = "$1"', 10), found)
  assert.deepEqual(get('"$2" = "$1" AND "$1" = ?', 10), found)
  assert.deepEqual(get('"$2" = ? AND "$2" = "$1" AND "$1" = ?', 10, 10), found)
  assert.deepEqual(get('"$2" = ? AND "$2" = "$1" AND "$1" = ?', 5, 10), [undefined, []])
  assert.deepEqual(get('"$2" = "$1" AND "$2" = ? AND "$1" = ?', 5, 10), [undefined, []])
})

test('only = is allowed on a parameter, and prepare() tells', t => {
  const db = open(t)
  db.table('vtab', { columns: ['a'], parameters: ['x', 'y'], * rows (x, y) { yield [x + y] } })
  assert.deepEqual(pluck(db, 'SELECT * FROM vtab WHERE x = ? AND y = ?', 2, 3), [5])
  for (const where of ['x = ? AND y > ?', 'x = ? AND y < ?', 'x IS ? AND y = ?']) {
    isSqliteError(() => db.prepare(`SELECT * FROM vtab WHERE ${where}`))
  }
})

test('omitted arguments are undefined and keep their places', t => {
  const db = open(t)
  db.table('vtab', {
    columns: ['value'],
    parameters: ['x', 'y', 'z'],
    * rows (x = 100, y = 10, z = 1) { yield [`${arguments.length}:${x},${y},${z}`] }
  })
  const value = (rest, ...args) => pluck(db, `SELECT * FROM vtab${rest}`, ...args)[0]
  assert.deepEqual([value('(?, ?, ?)', 2, 3, 4), value('(?, ?)', 2, 3), value('(?)', 2), value('')],
    ['3:2,3,4', '3:2,3,1', '3:2,10,1', '3:100,10,1'])
  assert.deepEqual([value(' WHERE x = ? AND z = ?', 2, 3), value(' WHERE y = ? AND z = ?', 2, 3),
    value(' WHERE y = ?', 2), value(' WHERE z = ?', 2)], ['3:2,10,3', '3:100,2,3', '3:100,2,1', '3:100,10,2'])
})

test('NULL as an argument finds nothing and calls nothing', t => {
  const db = open(t)
  let calls = 0
  db.table('vtab', { columns: ['val'], parameters: ['x', 'y'], * rows (x = 0, y = 0) { calls++; yield [x + y] } })
  assert.deepEqual(pluck(db, 'SELECT val FROM vtab(?, ?)', 1, 10), [11])
  assert.deepEqual(pluck(db, 'SELECT val FROM vtab(?, ?)', 1, null), [])
  assert.deepEqual(pluck(db, 'SELECT val FROM vtab(?, ?)', null, 1), [])
  assert.deepEqual(pluck(db, 'SELECT val FROM vtab(?)', null), [])
  assert.equal(calls, 1)
})

test('what is not a row is a TypeError', t => {
  const db = open(t)
  for (const value of [42, undefined, null, 'x', true, () => {}]) {
    db.table('v', { columns, * rows () { yield value } })
    typeError(() => all(db, 'SELECT * FROM v'), 'Virtual table module "v" yielded something that isn\'t a valid row object')
  }
})

test('an array of the wrong length or with a value of no type is a TypeError', t => {
  const db = open(t)
  const rows = [[1, 2], [1, 2, 3], [1], [], [1, {}], [1, [5]], [1, true], [1, new Date()]]
  db.table('v', { columns: ['a', 'b'], * rows (n) { yield rows[n] } })
  assert.deepEqual(all(db, 'SELECT * FROM v(0)'), [{ a: 1, b: 2 }])
  for (const n of [1, 2, 3]) {
    typeError(() => all(db, 'SELECT * FROM v(?)', n), 'Virtual table module "v" yielded a row with an incorrect number of columns')
  }
  for (const n of [4, 5, 6, 7]) {
    typeError(() => all(db, 'SELECT * FROM v(?)', n), 'Virtual table module "v" yielded an invalid value')
  }
})

test('a BigInt beyond 64 bits is a RangeError', t => {
  const db = open(t)
  db.table('v', { columns, * rows () { yield [2n ** 64n] } })
  rangeError(() => all(db, 'SELECT * FROM v'), 'Virtual table module "v" yielded a bigint that was too big')
})

test('an object with a column too many, too few or of no type is a TypeError', t => {
  const db = open(t)
  const rows = [{ a: 1, b: 2 }, { a: 1, b: 2, c: 3 }, { a: 1 }, {}, { a: 1, b: {} }, { a: 1, c: 3 }]
  db.table('v', { columns: ['a', 'b'], * rows (n) { yield rows[n] } })
  const get = n => () => all(db, 'SELECT * FROM v(?)', n)
  assert.deepEqual(get(0)(), [{ a: 1, b: 2 }])
  typeError(get(1), 'Virtual table module "v" yielded a row with an undeclared column "c"')
  typeError(get(2), 'Virtual table module "v" yielded a row with missing columns')
  typeError(get(3), 'Virtual table module "v" yielded a row with missing columns')
  typeError(get(4), 'Virtual table module "v" yielded an invalid value')
  typeError(get(5), 'Virtual table module "v" yielded a row with an undeclared column "c"')
})

test('rowids count from one, and the objects stay as they were', t => {
  const db = open(t)
  const rows = [{ x: 5 }, { x: 10 }]
  db.table('a', { columns, * rows () { yield * rows } })
  assert.deepEqual(all(db, 'SELECT rowid, * FROM a'), [{ rowid: 1, x: 5 }, { rowid: 2, x: 10 }])
  assert.deepEqual(rows, [{ x: 5 }, { x: 10 }])
  db.table('b', { columns: ['rowid'], * rows () { yield [5]; yield [10] } })
  assert.deepEqual(all(db, 'SELECT oid AS oid, * FROM b'), [{ oid: 1, rowid: 5 }, { oid: 2, rowid: 10 }])
})

test('iterate() drives the generator one row at a time', t => {
  const db = open(t)
  let state = 0
  db.table('vtab', {
    columns,
    * rows () {
      for (const x of ['foo', 'bar', 'baz', 'qux']) {
        state++
        yield [x]
      }
      state++
    }
  })
  const seen = []
  for (const value of db.prepare('SELECT * FROM vtab').pluck().iterate()) {
    seen.push([value, state])
    if (value === 'baz') break
  }
  assert.deepEqual(seen, [['foo', 1], ['bar', 2], ['baz', 3]])
  assert.equal(state, 3)
})

test('get() drives the generator to its first row', t => {
  const db = open(t)
  let state = 0
  db.table('vtab', { columns, * rows () { while (true) yield [++state] } })
  assert.equal(db.prepare('SELECT * FROM vtab').pluck().get(), 1)
  assert.equal(state, 1)
})

test('LIMIT and OFFSET stop the generator', t => {
  const db = open(t)
  let last
  db.table('vtab', {
    columns,
    * rows () {
      for (last = 1; last <= 3; ++last) yield { x: last }
      last = null
    }
  })
  assert.deepEqual([pluck(db, 'SELECT * FROM vtab LIMIT 1'), last], [[1], 1])
  assert.deepEqual([pluck(db, 'SELECT * FROM vtab LIMIT 1 OFFSET 2'), last], [[3], 3])
  assert.deepEqual([pluck(db, 'SELECT * FROM vtab LIMIT 100 OFFSET 1'), last], [[2, 3], null])
})

test('names with quotes and SQL in them are names', t => {
  const db = open(t)
  db.table('vtab', { columns: ['foo);'], parameters: ['x"); SELECT "y', 'y'], * rows (x, y) { yield [x + y] } })
  assert.deepEqual(all(db, 'SELECT "foo);" FROM vtab WHERE "x""); SELECT ""y" = ? AND y = ?', 5, 10), [{ 'foo);': 15 }])
})

test('a table can be joined with itself and with others', t => {
  const db = open(t).exec('CREATE TABLE n (v); INSERT INTO n VALUES (1), (2)')
  db.table('series', { columns: ['value'], * rows (to) { for (let i = 1; i <= to; ++i) yield [i] } })
  assert.deepEqual(db.prepare('SELECT a.value, b.value FROM series(2) a, series(a.value) b').raw().all(), [[1, 1], [2, 1], [2, 2]])
  assert.deepEqual(db.prepare('SELECT v, value FROM n, series(v)').raw().all(), [[1, 1], [2, 1], [2, 2]])
})

test('a table defined by an object has no CREATE VIRTUAL TABLE', t => {
  const db = open(t)
  db.table('mod', { columns, * rows () {} })
  for (const sql of ['a USING mod', 'b USING mod()', 'c USING mod(foo)']) {
    isSqliteError(() => db.exec(`CREATE VIRTUAL TABLE ${sql}`))
  }
})

test('a factory is for CREATE VIRTUAL TABLE, with its names in this and its arguments as strings', t => {
  const db = open(t)
  const seen = []
  db.table('mod', function (...args) {
    seen.push(this)
    return { columns, * rows () { yield * args.map(x => [x]) } }
  })
  isSqliteError(() => db.prepare('SELECT * FROM mod'))
  db.exec('CREATE VIRTUAL TABLE foo USING mod(hello world, how are you?)')
  db.exec('CREATE VIRTUAL TABLE temp.bar USING mod(1, 2, 3); CREATE VIRTUAL TABLE baz USING mod')
  assert.deepEqual(pluck(db, 'SELECT x FROM foo'), ['hello world', 'how are you?'])
  assert.deepEqual(pluck(db, 'SELECT x FROM bar'), ['1', '2', '3'])
  assert.deepEqual(pluck(db, 'SELECT x FROM baz'), [])
  assert.deepEqual(seen, [
    { module: 'mod', database: 'main', table: 'foo' },
    { module: 'mod', database: 'temp', table: 'bar' },
    { module: 'mod', database: 'main', table: 'baz' }
  ])
})

test('a factory that returns no definition is a TypeError', t => {
  const db = open(t)
  for (const value of [undefined, null, 5, 'x']) {
    db.table('mod', () => value)
    typeError(() => db.exec('CREATE VIRTUAL TABLE a USING mod'),
      'Virtual table module "mod" did not return a table definition object')
  }
  db.table('mod', () => ({ columns, rows () {} }))
  typeError(() => db.exec('CREATE VIRTUAL TABLE a USING mod'), 'Virtual table module "mod" returned a table definition ' +
    'with an invalid "rows" property (should be a generator function)')
})

test('a table of a factory is in the file and works once the module is there', t => {
  const db = open(t, tempFile(t))
  const factory = (...args) => ({ columns, * rows () { yield [args[0]] } })
  db.table('mod', factory)
  db.exec('CREATE VIRTUAL TABLE foo USING mod(kept)')
  db.close()
  const again = open(t, db.name)
  sqliteError(() => again.prepare('SELECT * FROM foo'), 'SQLITE_ERROR', 'no such module: mod')
  again.table('mod', factory)
  assert.deepEqual(pluck(again, 'SELECT * FROM foo'), ['kept'])
  again.exec('DROP TABLE foo')
})

test('a virtual table cannot be written to', t => {
  const db = open(t)
  db.table('v', { columns, * rows () { yield [1] } })
  for (const sql of ['INSERT INTO v VALUES (1)', 'UPDATE v SET x = 1', 'DELETE FROM v']) {
    sqliteError(() => db.prepare(sql), 'SQLITE_ERROR', 'table v may not be modified')
  }
})

test('a table can be defined again', t => {
  const db = open(t)
  for (let i = 0; i < 100; ++i) {
    db.table('v', { columns, * rows () { yield [i] } })
    assert.deepEqual(pluck(db, 'SELECT * FROM v'), [i])
  }
})

test('directOnly tables cannot be used from a view', t => {
  const db = open(t)
  db.table('direct', { columns, directOnly: true, * rows () { yield [1] } })
  db.table('other', { columns, * rows () { yield [2] } })
  db.exec('CREATE VIEW a AS SELECT * FROM direct; CREATE VIEW b AS SELECT * FROM other')
  assert.deepEqual(pluck(db, 'SELECT * FROM direct'), [1])
  assert.deepEqual(pluck(db, 'SELECT * FROM b'), [2])
  sqliteError(() => db.prepare('SELECT * FROM a'), 'SQLITE_ERROR', 'unsafe use of virtual table "direct"')
})

test('safeIntegers gives BigInts for integer arguments', t => {
  const db = open(t)
  db.table('v', { safeIntegers: true, columns, * rows (a) { yield [typeof a + a] } })
  assert.deepEqual([pluck(db, 'SELECT * FROM v(2)'), pluck(db, 'SELECT * FROM v(2.0)')], [['bigint2'], ['number2']])
})

test('the database is busy inside the generator, for each row', t => {
  const db = open(t)
  const stmt = db.prepare('SELECT 1')
  let checks = 0
  db.table('v', {
    columns,
    * rows () {
      for (let i = 0; i < 3; ++i) {
        typeError(() => db.exec('SELECT 1'), BUSY)
        typeError(() => db.prepare('SELECT 1'), BUSY)
        typeError(() => db.pragma('cache_size'), BUSY)
        typeError(() => db.function('x', () => {}), BUSY)
        typeError(() => db.table('y', { columns, * rows () {} }), BUSY)
        typeError(() => db.close(), BUSY)
        typeError(() => stmt.get(), BUSY)
        ++checks
        yield [i]
      }
    }
  })
  assert.deepEqual(pluck(db, 'SELECT * FROM v'), [0, 1, 2])
  assert.equal(checks, 3)
  for (const x of db.prepare('SELECT * FROM v LIMIT 1').pluck().iterate()) {
    assert.equal(x, 0)
    assert.deepEqual(stmt.raw().get(), [1])
    stmt.raw(false)
  }
  db.exec('SELECT * FROM v')
})

test('the database is busy inside the factory', t => {
  const db = open(t)
  db.table('mod', () => {
    typeError(() => db.exec('SELECT 1'), BUSY)
    typeError(() => db.close(), BUSY)
    return { columns, * rows () { yield [5] } }
  })
  db.exec('CREATE VIRTUAL TABLE v USING mod')
  assert.deepEqual(pluck(db, 'SELECT * FROM v'), [5])
})

test('a table cannot be defined while iterating', t => {
  const db = open(t)
  for (const x of db.prepare('SELECT 2').pluck().iterate()) {
    assert.equal(x, 2)
    typeError(() => db.table('a', { columns, * rows () {} }), BUSY)
  }
  db.table('a', { columns, * rows () {} })
})

const REASONS = [new TypeError('foobar'), { yup: 'ok' }, 'text', '', null, undefined, 123.4]

test('what the factory throws is thrown by identity', t => {
  const db = open(t)
  for (const [i, reason] of REASONS.entries()) {
    db.table(`mod${i}`, () => { throw reason })
    assert.equal(thrown(() => db.exec(`CREATE VIRTUAL TABLE v${i} USING mod${i}`)).error, reason)
    isSqliteError(() => db.prepare(`SELECT * FROM v${i}`))
  }
})

test('what the generator throws is thrown by identity, before and after a row', t => {
  const db = open(t)
  for (const reason of REASONS) {
    const calls = []
    db.table('early', { columns, * rows () { throw reason } })
    db.table('late', { columns, * rows () { calls.push('a'); yield [42]; calls.push('b'); throw reason } })
    assert.equal(thrown(() => all(db, 'SELECT * FROM early')).error, reason)
    assert.equal(db.prepare('SELECT * FROM late').pluck().get(), 42)
    assert.deepEqual(calls.splice(0), ['a'])
    assert.equal(thrown(() => all(db, 'SELECT * FROM late')).error, reason)
    assert.deepEqual(calls, ['a', 'b'])
  }
})

test('a value of no type stops the generator there', t => {
  const db = open(t)
  const calls = []
  db.table('v', { columns, * rows () { calls.push('a'); yield [42]; calls.push('b'); yield [{}]; calls.push('c') } })
  typeError(() => all(db, 'SELECT * FROM v'))
  assert.deepEqual(calls, ['a', 'b'])
})

test('an error ends the iterator that met it', t => {
  const db = open(t).exec('CREATE TABLE n (x); INSERT INTO n VALUES (1), (2), (4), (8), (16)')
  let i = 0
  const reason = new Error('foo')
  db.table('v', { columns: ['value'], parameters: ['x'], * rows (x) { if (++i >= 5) throw reason; yield [x] } })
  const iterator = db.prepare('SELECT value FROM v JOIN n USING (x)').pluck().iterate()
  const seen = []
  assert.equal(thrown(() => { for (const x of iterator) seen.push(x) }).error, reason)
  assert.deepEqual(seen, [1, 2, 4, 8])
  assert.deepEqual(iterator.next(), { value: undefined, done: true })
  db.exec('SELECT 1')
})

test('an error of SQLite after an error of a table is its own', t => {
  const db = open(t).exec('CREATE TABLE data (value)')
  const stmt = db.prepare('SELECT value FROM data')
  db.exec('DROP TABLE data')
  const reason = new Error('foo')
  db.table('v', { columns, * rows () { throw reason } })
  assert.equal(thrown(() => all(db, 'SELECT * FROM v')).error, reason)
  sqliteError(() => stmt.get(), 'SQLITE_ERROR', 'no such table: data')
})

test('bound Buffers and arguments cannot be changed from inside', t => {
  const db = open(t)
  const input = Buffer.alloc(8192, 0xbb)
  db.table('v', { columns, * rows (arg) { input[0] = 2; arg[0] = 3; yield [123] } })
  const [bound, hidden] = db.prepare('SELECT :input, "$1" FROM v(:input)').raw().get({ input })
  assert.deepEqual([bound, hidden], [Buffer.alloc(8192, 0xbb), Buffer.alloc(8192, 0xbb)])
})

test('a query that stops early leaves the generator where it was', t => {
  const db = open(t)
  let finished = 0
  db.table('v', { columns, * rows () { try { while (true) yield [1] } finally { finished++ } } })
  for (let i = 0; i < 50; ++i) assert.equal(db.prepare('SELECT * FROM v').pluck().get(), 1)
  assert.equal(finished, 0)
})

test('a hundred thousand rows come through', t => {
  const db = open(t)
  db.table('v', { columns, * rows (n) { for (let i = 1; i <= n; ++i) yield [i] } })
  assert.deepEqual(db.prepare('SELECT count(*), sum(x), max(rowid) FROM v(100000)').raw().get(), [100000, 5000050000, 100000])
})
