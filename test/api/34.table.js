'use strict'

const assert = require('node:assert/strict')
const {
  BUSY, Database, open, rangeError, sqliteError, syncOnly, tempFile, test, thrown, throws,
  typeError
} = require('../support')

const all = async (db, sql, ...args) => (await db.prepare(sql)).all(...args)
const pluck = async (db, sql, ...args) => (await db.prepare(sql)).pluck().all(...args)
const isSqliteError = fn => throws(fn, Database.SqliteError)
const columns = ['x']
const prefix = name => `Virtual table module "${name}" used a table definition`

test('table() without a name and a definition is a TypeError', async t => {
  const db = open(t)
  const definition = { columns, * rows () {} }
  for (const args of [[], [null], ['a'], [{}], [definition], [() => {}], [{}, () => {}], ['f', null], ['f', 5], ['h', {}],
    ['i', Object.create(Function.prototype)], ['j', { columns }, () => {}], [5, definition], [5, () => {}]]) {
    await typeError(() => db.table(...args))
  }
  await typeError(() => db.table(5, definition), 'Expected first argument to be a string')
  await typeError(() => db.table('a', 5), 'Expected second argument to be a function or a table definition object')
})

test('the name cannot be empty', async t => {
  const message = 'Virtual table module name cannot be an empty string'
  await typeError(() => open(t).table('', { columns, * rows () {} }), message)
  await typeError(() => open(t).table('', () => {}), message)
})

test('safeIntegers and directOnly are strict booleans', async t => {
  for (const option of ['safeIntegers', 'directOnly']) {
    for (const value of [undefined, null, 1]) {
      await typeError(() => open(t).table('a', { columns, * rows () {}, [option]: value }),
        `${prefix('a')} with an invalid "${option}" property (should be a boolean)`)
    }
  }
})

test('columns is an array of strings, each once, at least one', async t => {
  const db = open(t)
  const define = value => () => db.table('a', { columns: value, * rows () {} })
  const invalid = `${prefix('a')} with an invalid "columns" property (should be an array of strings)`
  await typeError(() => db.table('a', { * rows () {} }), `${prefix('a')} without a "columns" property`)
  const sparse = ['x', , 'y'] // eslint-disable-line no-sparse-arrays
  for (const value of [undefined, null, 'x', { length: 1, 0: 'x' }, sparse, ['x', 5], new Set(['x'])]) {
    await typeError(define(value), invalid)
  }
  await typeError(define(['x', 'x']), `${prefix('a')} with duplicate column names`)
  await rangeError(define([]), `${prefix('a')} with zero columns`)
})

test('parameters is an array of at most 32 strings, apart from the columns', async t => {
  const db = open(t)
  const define = value => () => db.table('a', { parameters: value, columns: ['foo'], * rows () {} })
  const invalid = `${prefix('a')} with an invalid "parameters" property (should be an array of strings)`
  for (const value of [undefined, null, 'x', { length: 1, 0: 'x' }, ['x', 5]]) await typeError(define(value), invalid)
  await typeError(define(['x', 'x']), `${prefix('a')} with duplicate parameter names`)
  await typeError(define(['foo']),
    `${prefix('a')} with column "foo" which was ambiguously defined as both a column and parameter`)
  const names = n => Array.from({ length: n }, (_, i) => `p${i}`)
  await rangeError(define(names(33)), `${prefix('a')} with more than the maximum number of 32 parameters`)
  define(names(32))()
})

test('Array.prototype.every can be broken by others', async t => {
  const original = Array.prototype.every
  try {
    Array.prototype.every = () => true // eslint-disable-line no-extend-native
    await typeError(() => open(t).table('a', { parameters: [5], columns, * rows () {} }))
    await typeError(() => open(t).table('a', { columns: [5], * rows () {} }))
  } finally {
    Object.defineProperty(Array.prototype, 'every', // eslint-disable-line no-extend-native
      { value: original, writable: true, enumerable: false, configurable: true })
  }
})

test('rows is a generator function', async t => {
  const db = open(t)
  const generator = Object.getPrototypeOf(function * () {})
  const invalid = `${prefix('a')} with an invalid "rows" property (should be a generator function)`
  await typeError(() => db.table('a', { columns }), `${prefix('a')} without a "rows" property`)
  for (const rows of [undefined, {}, () => {}, function () {}, async function * () {},
    Object.create(Function.prototype),
    Object.create(generator), Object.setPrototypeOf(() => {}, Object.create(generator))]) {
    await typeError(() => db.table('a', { columns, rows }), invalid)
  }
})

test('the definition must have its properties itself', async t => {
  const definition = Object.create({ columns, * rows () {} })
  await typeError(() => open(t).table('a', definition), `${prefix('a')} without a "rows" property`)
})

test('the length of rows is an integer of 0 to 32', async t => {
  const db = open(t)
  const rows = value => Object.defineProperty(function * () {}, 'length', { value })
  for (const length of [undefined, null, '1', NaN, Infinity, 1.5, -0.1, -1]) {
    await typeError(() => db.table('a', { columns, rows: rows(length) }), 'Expected function.length to be a positive integer')
  }
  await rangeError(() => db.table('a', { columns, rows: rows(33) }))
  assert.equal(await db.table('a', { columns, rows: rows(32) }), db)
})

test('table() returns the database', async t => {
  const db = open(t)
  assert.equal(await db.table('a', { columns, * rows () {} }), db)
  assert.equal(await db.table('b', () => {}), db)
})

const ROWS = [
  { a: null, b: 123, c: 456.789, d: 'foo', e: Buffer.from('bar') },
  { a: null, b: 987, c: 654.321, d: 'oof', e: Buffer.from('rab') }
]

test('rows can be yielded as arrays', async t => {
  const db = open(t)
  await db.table('vtab', { columns: Object.keys(ROWS[0]), * rows () { for (const row of ROWS) yield Object.values(row) } })
  assert.deepEqual(await all(db, 'SELECT * FROM vtab'), ROWS)
  assert.deepEqual(await all(db, 'SELECT * FROM vtab WHERE b < 500'), ROWS.slice(0, 1))
  assert.deepEqual(await all(db, 'SELECT * FROM vtab ORDER BY d DESC'), [ROWS[1], ROWS[0]])
  assert.deepEqual(await all(db, 'SELECT count(*) AS n, sum(b) AS s FROM vtab'), [{ n: 2, s: 1110 }])
})

test('rows can be yielded as objects, their keys in any order', async t => {
  const db = open(t)
  const rows = [...ROWS, { e: Buffer.from('hello'), d: 'world', c: 0.1, b: 10, a: null }]
  await db.table('vtab', { columns: ['a', 'b', 'c', 'd', 'e'], * rows () { yield * rows } })
  assert.deepEqual(await all(db, 'SELECT * FROM vtab'), rows)
})

test('every type goes through, and undefined is NULL', async t => {
  const db = open(t)
  const values = [1.5, 5n, 'text', Buffer.from('x'), null, undefined, new Uint8Array([7])]
  await db.table('vtab', { columns, * rows () { for (const value of values) yield [value] } })
  assert.deepEqual(await (await db.prepare('SELECT x, typeof(x) FROM vtab')).raw().all(), [
    [1.5, 'real'], [5, 'integer'], ['text', 'text'], [Buffer.from('x'), 'blob'], [null, 'null'], [null, 'null'],
    [Buffer.from([7]), 'blob']
  ])
})

test('parameters are called $1, $2 and so on by default', async t => {
  const db = open(t)
  await db.table('vtab', { columns: ['a', 'b'], * rows (x, y) { yield [x, y]; yield [x * 2, y * 3] } })
  const expected = [{ a: 2, b: 3 }, { a: 4, b: 9 }]
  assert.deepEqual(await all(db, 'SELECT * FROM vtab(?, ?)', 2, 3), expected)
  assert.deepEqual(await all(db, 'SELECT * FROM vtab WHERE "$1" = ? AND "$2" = ?', 2, 3), expected)
  await sqliteError(() => db.prepare('SELECT * FROM vtab(?, ?, ?)'), 'SQLITE_ERROR', 'too many arguments on vtab() - max 2')
  await isSqliteError(() => db.prepare('SELECT * FROM vtab WHERE "$1" = ? AND "$2" = ? AND "$3" = ?'))
})

test('parameters can have names', async t => {
  const db = open(t)
  await db.table('vtab', {
    columns: ['a'],
    parameters: ['x', 'y', 'z'],
    * rows (p1, p2, p3, p4) { yield [[...arguments].join()]; yield [p4] }
  })
  assert.deepEqual(await pluck(db, 'SELECT * FROM vtab(?, ?, ?)', 2, 3, 4), ['2,3,4', null])
  assert.deepEqual(await pluck(db, 'SELECT * FROM vtab WHERE x = ? AND y = ? AND z = ?', 2, 3, 4), ['2,3,4', null])
  await isSqliteError(() => db.prepare('SELECT * FROM vtab(?, ?, ?, ?)'))
  await isSqliteError(() => db.prepare('SELECT * FROM vtab WHERE "$1" = ?'))
})

test('parameters are hidden columns that can be selected', async t => {
  const db = open(t)
  await db.table('vtab', { columns: ['a'], parameters: ['p'], * rows (p) { yield [p + 1] } })
  assert.deepEqual(await all(db, 'SELECT * FROM vtab(5)'), [{ a: 6 }])
  assert.deepEqual(await all(db, 'SELECT p, a FROM vtab(5)'), [{ p: 5, a: 6 }])
})

test('many parameters of every type arrive in order', async t => {
  const db = open(t)
  const args = ['foo', 'bar', 1, -2, Buffer.from('hello'), 5, -10, 'baz', 99.9, -0.5]
  const rows = Object.defineProperty(function * (...list) { for (const x of list) yield [x] }, 'length', { value: 10 })
  await db.table('vtab', { columns, rows })
  assert.deepEqual(await pluck(db, 'SELECT * FROM vtab(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)', args), args)
  assert.deepEqual(await pluck(db, 'SELECT * FROM vtab(?, ?, ?, ?, ?, ?, ?, ?, ?)', args.slice(0, 9)), [...args.slice(0, 9), null])
})

async function recorder (db) {
  const calls = []
  await db.table('vtab', { columns: ['x', 'y'], * rows (x, y) { calls.push([...arguments]); yield { x, y } } })
  const get = async (where, ...args) => {
    const row = await (await db.prepare(`SELECT * FROM vtab WHERE ${where}`)).get(args)
    return [row, calls.splice(0)]
  }
  return { get }
}

test('constraints on parameters work in any order', async t => {
  const { get } = await recorder(open(t))
  const found = [{ x: 10, y: 5 }, [[10, 5]]]
  assert.deepEqual(await get('"$1" = ? AND "$2" = ?', 10, 5), found)
  assert.deepEqual(await get('"$2" = ? AND "$1" = ?', 5, 10), found)
  assert.deepEqual(await get('"$2" = ? AND "$2" = ? AND "$1" = ?', 5, 5, 10), found)
})

test('constraints that contradict each other find nothing and call nothing', async t => {
  const { get } = await recorder(open(t))
  assert.deepEqual(await get('"$2" = ? AND "$2" = ? AND "$1" = ?', 5, 9, 10), [undefined, []])
  assert.deepEqual(await get('"$2" = ? AND "$2" = ? AND "$1" = ?', 9, 5, 10), [undefined, []])
})

test('a parameter can be constrained to another', async t => {
  const { get } = await recorder(open(t))
  const found = [{ x: 10, y: 10 }, [[10, 10]]]
  assert.deepEqual(await get('"$1" = ? AND "$2" = "$1"', 10), found)
  assert.deepEqual(await get('"$2" = "$1" AND "$1" = ?', 10), found)
  assert.deepEqual(await get('"$2" = ? AND "$2" = "$1" AND "$1" = ?', 10, 10), found)
  assert.deepEqual(await get('"$2" = ? AND "$2" = "$1" AND "$1" = ?', 5, 10), [undefined, []])
  assert.deepEqual(await get('"$2" = "$1" AND "$2" = ? AND "$1" = ?', 5, 10), [undefined, []])
})

test('only = is allowed on a parameter, and prepare() tells', async t => {
  const db = open(t)
  await db.table('vtab', { columns: ['a'], parameters: ['x', 'y'], * rows (x, y) { yield [x + y] } })
  assert.deepEqual(await pluck(db, 'SELECT * FROM vtab WHERE x = ? AND y = ?', 2, 3), [5])
  for (const where of ['x = ? AND y > ?', 'x = ? AND y < ?', 'x IS ? AND y = ?']) {
    await isSqliteError(() => db.prepare(`SELECT * FROM vtab WHERE ${where}`))
  }
})

test('omitted arguments are undefined and keep their places', async t => {
  const db = open(t)
  await db.table('vtab', {
    columns: ['value'],
    parameters: ['x', 'y', 'z'],
    * rows (x = 100, y = 10, z = 1) { yield [`${arguments.length}:${x},${y},${z}`] }
  })
  const value = async (rest, ...args) => (await pluck(db, `SELECT * FROM vtab${rest}`, ...args))[0]
  assert.deepEqual([await value('(?, ?, ?)', 2, 3, 4), await value('(?, ?)', 2, 3), await value('(?)', 2), await value('')],
    ['3:2,3,4', '3:2,3,1', '3:2,10,1', '3:100,10,1'])
  assert.deepEqual([await value(' WHERE x = ? AND z = ?', 2, 3), await value(' WHERE y = ? AND z = ?', 2, 3),
    await value(' WHERE y = ?', 2), await value(' WHERE z = ?', 2)], ['3:2,10,3', '3:100,2,3', '3:100,2,1', '3:100,10,2'])
})

test('NULL as an argument finds nothing and calls nothing', async t => {
  const db = open(t)
  let calls = 0
  await db.table('vtab', { columns: ['val'], parameters: ['x', 'y'], * rows (x = 0, y = 0) { calls++; yield [x + y] } })
  assert.deepEqual(await pluck(db, 'SELECT val FROM vtab(?, ?)', 1, 10), [11])
  assert.deepEqual(await pluck(db, 'SELECT val FROM vtab(?, ?)', 1, null), [])
  assert.deepEqual(await pluck(db, 'SELECT val FROM vtab(?, ?)', null, 1), [])
  assert.deepEqual(await pluck(db, 'SELECT val FROM vtab(?)', null), [])
  assert.equal(calls, 1)
})

test('what is not a row is a TypeError', async t => {
  const db = open(t)
  for (const value of [42, undefined, null, 'x', true, () => {}]) {
    await db.table('v', { columns, * rows () { yield value } })
    await typeError(() => all(db, 'SELECT * FROM v'), 'Virtual table module "v" yielded something that isn\'t a valid row object')
  }
})

test('an array of the wrong length or with a value of no type is a TypeError', async t => {
  const db = open(t)
  const rows = [[1, 2], [1, 2, 3], [1], [], [1, {}], [1, [5]], [1, true], [1, new Date()]]
  await db.table('v', { columns: ['a', 'b'], * rows (n) { yield rows[n] } })
  assert.deepEqual(await all(db, 'SELECT * FROM v(0)'), [{ a: 1, b: 2 }])
  for (const n of [1, 2, 3]) {
    await typeError(() => all(db, 'SELECT * FROM v(?)', n), 'Virtual table module "v" yielded a row with an incorrect number of columns')
  }
  for (const n of [4, 5, 6, 7]) {
    await typeError(() => all(db, 'SELECT * FROM v(?)', n), 'Virtual table module "v" yielded an invalid value')
  }
})

test('a BigInt beyond 64 bits is a RangeError', async t => {
  const db = open(t)
  await db.table('v', { columns, * rows () { yield [2n ** 64n] } })
  await rangeError(() => all(db, 'SELECT * FROM v'), 'Virtual table module "v" yielded a bigint that was too big')
})

test('an object with a column too many, too few or of no type is a TypeError', async t => {
  const db = open(t)
  const rows = [{ a: 1, b: 2 }, { a: 1, b: 2, c: 3 }, { a: 1 }, {}, { a: 1, b: {} }, { a: 1, c: 3 }]
  await db.table('v', { columns: ['a', 'b'], * rows (n) { yield rows[n] } })
  const get = n => () => all(db, 'SELECT * FROM v(?)', n)
  assert.deepEqual(await get(0)(), [{ a: 1, b: 2 }])
  await typeError(get(1), 'Virtual table module "v" yielded a row with an undeclared column "c"')
  await typeError(get(2), 'Virtual table module "v" yielded a row with missing columns')
  await typeError(get(3), 'Virtual table module "v" yielded a row with missing columns')
  await typeError(get(4), 'Virtual table module "v" yielded an invalid value')
  await typeError(get(5), 'Virtual table module "v" yielded a row with an undeclared column "c"')
})

test('rowids count from one, and the objects stay as they were', async t => {
  const db = open(t)
  const rows = [{ x: 5 }, { x: 10 }]
  await db.table('a', { columns, * rows () { yield * rows } })
  assert.deepEqual(await all(db, 'SELECT rowid, * FROM a'), [{ rowid: 1, x: 5 }, { rowid: 2, x: 10 }])
  assert.deepEqual(rows, [{ x: 5 }, { x: 10 }])
  await db.table('b', { columns: ['rowid'], * rows () { yield [5]; yield [10] } })
  assert.deepEqual(await all(db, 'SELECT oid AS oid, * FROM b'), [{ oid: 1, rowid: 5 }, { oid: 2, rowid: 10 }])
})

// With promises, rows are read ahead.
syncOnly('iterate() drives the generator one row at a time', async t => {
  const db = open(t)
  let state = 0
  await db.table('vtab', {
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
  for await (const value of (await db.prepare('SELECT * FROM vtab')).pluck().iterate()) {
    seen.push([value, state])
    if (value === 'baz') break
  }
  assert.deepEqual(seen, [['foo', 1], ['bar', 2], ['baz', 3]])
  assert.equal(state, 3)
})

test('get() drives the generator to its first row', async t => {
  const db = open(t)
  let state = 0
  await db.table('vtab', { columns, * rows () { while (true) yield [++state] } })
  assert.equal(await (await db.prepare('SELECT * FROM vtab')).pluck().get(), 1)
  assert.equal(state, 1)
})

test('LIMIT and OFFSET stop the generator', async t => {
  const db = open(t)
  let last
  await db.table('vtab', {
    columns,
    * rows () {
      for (last = 1; last <= 3; ++last) yield { x: last }
      last = null
    }
  })
  assert.deepEqual([await pluck(db, 'SELECT * FROM vtab LIMIT 1'), last], [[1], 1])
  assert.deepEqual([await pluck(db, 'SELECT * FROM vtab LIMIT 1 OFFSET 2'), last], [[3], 3])
  assert.deepEqual([await pluck(db, 'SELECT * FROM vtab LIMIT 100 OFFSET 1'), last], [[2, 3], null])
})

test('names with quotes and SQL in them are names', async t => {
  const db = open(t)
  await db.table('vtab', { columns: ['foo);'], parameters: ['x"); SELECT "y', 'y'], * rows (x, y) { yield [x + y] } })
  assert.deepEqual(await all(db, 'SELECT "foo);" FROM vtab WHERE "x""); SELECT ""y" = ? AND y = ?', 5, 10), [{ 'foo);': 15 }])
})

test('a table can be joined with itself and with others', async t => {
  const db = await open(t).exec('CREATE TABLE n (v); INSERT INTO n VALUES (1), (2)')
  await db.table('series', { columns: ['value'], * rows (to) { for (let i = 1; i <= to; ++i) yield [i] } })
  assert.deepEqual(await (await db.prepare('SELECT a.value, b.value FROM series(2) a, series(a.value) b')).raw().all(), [[1, 1], [2, 1], [2, 2]])
  assert.deepEqual(await (await db.prepare('SELECT v, value FROM n, series(v)')).raw().all(), [[1, 1], [2, 1], [2, 2]])
})

test('a table defined by an object has no CREATE VIRTUAL TABLE', async t => {
  const db = open(t)
  await db.table('mod', { columns, * rows () {} })
  for (const sql of ['a USING mod', 'b USING mod()', 'c USING mod(foo)']) {
    await isSqliteError(() => db.exec(`CREATE VIRTUAL TABLE ${sql}`))
  }
})

test('a factory is for CREATE VIRTUAL TABLE, with its names in this and its arguments as strings', async t => {
  const db = open(t)
  const seen = []
  await db.table('mod', function (...args) {
    seen.push(this)
    return { columns, * rows () { yield * args.map(x => [x]) } }
  })
  await isSqliteError(() => db.prepare('SELECT * FROM mod'))
  await db.exec('CREATE VIRTUAL TABLE foo USING mod(hello world, how are you?)')
  await db.exec('CREATE VIRTUAL TABLE temp.bar USING mod(1, 2, 3); CREATE VIRTUAL TABLE baz USING mod')
  assert.deepEqual(await pluck(db, 'SELECT x FROM foo'), ['hello world', 'how are you?'])
  assert.deepEqual(await pluck(db, 'SELECT x FROM bar'), ['1', '2', '3'])
  assert.deepEqual(await pluck(db, 'SELECT x FROM baz'), [])
  assert.deepEqual(seen, [
    { module: 'mod', database: 'main', table: 'foo' },
    { module: 'mod', database: 'temp', table: 'bar' },
    { module: 'mod', database: 'main', table: 'baz' }
  ])
})

test('a factory that returns no definition is a TypeError', async t => {
  const db = open(t)
  for (const value of [undefined, null, 5, 'x']) {
    await db.table('mod', () => value)
    await typeError(() => db.exec('CREATE VIRTUAL TABLE a USING mod'),
      'Virtual table module "mod" did not return a table definition object')
  }
  await db.table('mod', () => ({ columns, rows () {} }))
  await typeError(() => db.exec('CREATE VIRTUAL TABLE a USING mod'), 'Virtual table module "mod" returned a table definition ' +
    'with an invalid "rows" property (should be a generator function)')
})

test('a table of a factory is in the file and works once the module is there', async t => {
  const db = open(t, tempFile(t))
  const factory = (...args) => ({ columns, * rows () { yield [args[0]] } })
  await db.table('mod', factory)
  await db.exec('CREATE VIRTUAL TABLE foo USING mod(kept)')
  await db.close()
  const again = open(t, db.name)
  await sqliteError(() => again.prepare('SELECT * FROM foo'), 'SQLITE_ERROR', 'no such module: mod')
  await again.table('mod', factory)
  assert.deepEqual(await pluck(again, 'SELECT * FROM foo'), ['kept'])
  await again.exec('DROP TABLE foo')
})

test('a virtual table cannot be written to', async t => {
  const db = open(t)
  await db.table('v', { columns, * rows () { yield [1] } })
  for (const sql of ['INSERT INTO v VALUES (1)', 'UPDATE v SET x = 1', 'DELETE FROM v']) {
    await sqliteError(() => db.prepare(sql), 'SQLITE_ERROR', 'table v may not be modified')
  }
})

test('a table can be defined again', async t => {
  const db = open(t)
  for (let i = 0; i < 100; ++i) {
    await db.table('v', { columns, * rows () { yield [i] } })
    assert.deepEqual(await pluck(db, 'SELECT * FROM v'), [i])
  }
})

test('directOnly tables cannot be used from a view', async t => {
  const db = open(t)
  await db.table('direct', { columns, directOnly: true, * rows () { yield [1] } })
  await db.table('other', { columns, * rows () { yield [2] } })
  await db.exec('CREATE VIEW a AS SELECT * FROM direct; CREATE VIEW b AS SELECT * FROM other')
  assert.deepEqual(await pluck(db, 'SELECT * FROM direct'), [1])
  assert.deepEqual(await pluck(db, 'SELECT * FROM b'), [2])
  await sqliteError(() => db.prepare('SELECT * FROM a'), 'SQLITE_ERROR', 'unsafe use of virtual table "direct"')
})

test('safeIntegers gives BigInts for integer arguments', async t => {
  const db = open(t)
  await db.table('v', { safeIntegers: true, columns, * rows (a) { yield [typeof a + a] } })
  assert.deepEqual([await pluck(db, 'SELECT * FROM v(2)'), await pluck(db, 'SELECT * FROM v(2.0)')], [['bigint2'], ['number2']])
})

syncOnly('the database is busy inside the generator, for each row', async t => {
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
  assert.deepEqual(await pluck(db, 'SELECT * FROM v'), [0, 1, 2])
  assert.equal(checks, 3)
  for (const x of db.prepare('SELECT * FROM v LIMIT 1').pluck().iterate()) {
    assert.equal(x, 0)
    assert.deepEqual(stmt.raw().get(), [1])
    stmt.raw(false)
  }
  db.exec('SELECT * FROM v')
})

syncOnly('the database is busy inside the factory', async t => {
  const db = open(t)
  db.table('mod', () => {
    typeError(() => db.exec('SELECT 1'), BUSY)
    typeError(() => db.close(), BUSY)
    return { columns, * rows () { yield [5] } }
  })
  db.exec('CREATE VIRTUAL TABLE v USING mod')
  assert.deepEqual(await pluck(db, 'SELECT * FROM v'), [5])
})

syncOnly('a table cannot be defined while iterating', t => {
  const db = open(t)
  for (const x of db.prepare('SELECT 2').pluck().iterate()) {
    assert.equal(x, 2)
    typeError(() => db.table('a', { columns, * rows () {} }), BUSY)
  }
  db.table('a', { columns, * rows () {} })
})

const REASONS = [new TypeError('foobar'), { yup: 'ok' }, 'text', '', null, undefined, 123.4]

test('what the factory throws is thrown by identity', async t => {
  const db = open(t)
  for (const [i, reason] of REASONS.entries()) {
    await db.table(`mod${i}`, () => { throw reason })
    assert.equal((await thrown(() => db.exec(`CREATE VIRTUAL TABLE v${i} USING mod${i}`))).error, reason)
    await isSqliteError(() => db.prepare(`SELECT * FROM v${i}`))
  }
})

test('what the generator throws is thrown by identity, before and after a row', async t => {
  const db = open(t)
  for (const reason of REASONS) {
    const calls = []
    await db.table('early', { columns, * rows () { throw reason } })
    await db.table('late', { columns, * rows () { calls.push('a'); yield [42]; calls.push('b'); throw reason } })
    assert.equal((await thrown(() => all(db, 'SELECT * FROM early'))).error, reason)
    assert.equal(await (await db.prepare('SELECT * FROM late')).pluck().get(), 42)
    assert.deepEqual(calls.splice(0), ['a'])
    assert.equal((await thrown(() => all(db, 'SELECT * FROM late'))).error, reason)
    assert.deepEqual(calls, ['a', 'b'])
  }
})

test('a value of no type stops the generator there', async t => {
  const db = open(t)
  const calls = []
  await db.table('v', { columns, * rows () { calls.push('a'); yield [42]; calls.push('b'); yield [{}]; calls.push('c') } })
  await typeError(() => all(db, 'SELECT * FROM v'))
  assert.deepEqual(calls, ['a', 'b'])
})

test('an error ends the iterator that met it', async t => {
  const db = await open(t).exec('CREATE TABLE n (x); INSERT INTO n VALUES (1), (2), (4), (8), (16)')
  let i = 0
  const reason = new Error('foo')
  await db.table('v', { columns: ['value'], parameters: ['x'], * rows (x) { if (++i >= 5) throw reason; yield [x] } })
  const iterator = (await db.prepare('SELECT value FROM v JOIN n USING (x)')).pluck().iterate()
  const seen = []
  const loop = async () => { for await (const x of iterator) seen.push(x) }
  assert.equal((await thrown(loop)).error, reason)
  assert.deepEqual(seen, [1, 2, 4, 8])
  assert.deepEqual(await iterator.next(), { value: undefined, done: true })
  await db.exec('SELECT 1')
})

test('an error of SQLite after an error of a table is its own', async t => {
  const db = await open(t).exec('CREATE TABLE data (value)')
  const stmt = await db.prepare('SELECT value FROM data')
  await db.exec('DROP TABLE data')
  const reason = new Error('foo')
  await db.table('v', { columns, * rows () { throw reason } })
  assert.equal((await thrown(() => all(db, 'SELECT * FROM v'))).error, reason)
  await sqliteError(() => stmt.get(), 'SQLITE_ERROR', 'no such table: data')
})

test('bound Buffers and arguments cannot be changed from inside', async t => {
  const db = open(t)
  const input = Buffer.alloc(8192, 0xbb)
  await db.table('v', { columns, * rows (arg) { input[0] = 2; arg[0] = 3; yield [123] } })
  const [bound, hidden] = await (await db.prepare('SELECT :input, "$1" FROM v(:input)')).raw().get({ input })
  assert.deepEqual([bound, hidden], [Buffer.alloc(8192, 0xbb), Buffer.alloc(8192, 0xbb)])
})

test('a query that stops early leaves the generator where it was', async t => {
  const db = open(t)
  let finished = 0
  await db.table('v', { columns, * rows () { try { while (true) yield [1] } finally { finished++ } } })
  for (let i = 0; i < 50; ++i) assert.equal(await (await db.prepare('SELECT * FROM v')).pluck().get(), 1)
  assert.equal(finished, 0)
})

test('a hundred thousand rows come through', async t => {
  const db = open(t)
  await db.table('v', { columns, * rows (n) { for (let i = 1; i <= n; ++i) yield [i] } })
  assert.deepEqual(await (await db.prepare('SELECT count(*), sum(x), max(rowid) FROM v(100000)')).raw().get(), [100000, 5000050000, 100000])
})
