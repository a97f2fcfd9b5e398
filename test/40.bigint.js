'use strict'

const assert = require('node:assert/strict')
const test = require('node:test')
const { CLOSED, open, rangeError, typeError } = require('./support')

const INT = 1006028374637854687n
const ROUNDED = 1006028374637854700

function setup (t) {
  return open(t).exec('CREATE TABLE entries (a INTEGER, b REAL, c TEXT)')
}

test('BigInts are bound as integers, by value and by affinity', t => {
  const db = setup(t)
  db.prepare('INSERT INTO entries VALUES (?, ?, ?)').run(INT, INT, INT)
  db.prepare('INSERT INTO entries VALUES (?, ?, ?)').bind(INT, INT, INT).run()
  assert.deepEqual(db.prepare('SELECT typeof(a), typeof(b), typeof(c), typeof(?) FROM entries').raw().all(5n),
    [['integer', 'real', 'text', 'integer'], ['integer', 'real', 'text', 'integer']])
})

test('numbers are bound as reals, which a column of integers turns into integers', t => {
  const db = setup(t)
  db.prepare('INSERT INTO entries VALUES (?, ?, ?)').run(5, 5, 5)
  assert.deepEqual(db.prepare('SELECT typeof(?), typeof(a), typeof(b), c FROM entries').raw().get(5),
    ['real', 'integer', 'real', '5.0'])
})

test('integers beyond 2^53 are rounded by default', t => {
  const db = open(t)
  assert.equal(db.prepare(`SELECT ${INT}`).pluck().get(), ROUNDED)
  assert.equal(db.prepare('SELECT 9007199254740993').pluck().get(), 9007199254740992)
})

test('safeIntegers() gives BigInts, for integers alone', t => {
  const db = setup(t)
  db.prepare('INSERT INTO entries VALUES (?, ?, ?)').run(INT, INT, INT)
  const stmt = db.prepare('SELECT a, b, c, 5 AS d, NULL AS e, x\'01\' AS f FROM entries')
  assert.equal(stmt.safeIntegers(), stmt)
  assert.deepEqual(stmt.get(), {
    a: INT,
    b: ROUNDED,
    c: String(INT),
    d: 5n,
    e: null,
    f: Buffer.from([1])
  })
})

test('safeIntegers() stays until switched off', t => {
  const stmt = open(t).prepare(`SELECT ${INT}`).pluck()
  assert.deepEqual([stmt.get(), stmt.safeIntegers().get(), stmt.get(),
    stmt.safeIntegers(false).get(), stmt.get(),
    stmt.safeIntegers(true).get()], [ROUNDED, INT, INT, ROUNDED, ROUNDED, INT])
})

test('safeIntegers() works with get, all, iterate and every mode', t => {
  const stmt = open(t).prepare(`SELECT ${INT} AS a`).safeIntegers()
  assert.deepEqual([stmt.get(), stmt.all(), [...stmt.iterate()]], [{ a: INT }, [{ a: INT }],
    [{ a: INT }]])
  assert.deepEqual([stmt.raw().get(), stmt.raw().all()], [[INT], [[INT]]])
  assert.deepEqual([stmt.pluck().get(), stmt.pluck().all(), [...stmt.iterate()]], [INT, [INT],
    [INT]])
  assert.deepEqual(stmt.expand().get(), { $: { a: INT } })
})

test('the whole range of 64 bits comes back as it was', t => {
  const stmt = open(t).prepare('SELECT ?').pluck().safeIntegers()
  for (const x of [0n, 1n, -1n, 127n, 128n, -128n, -129n, 32767n, 32768n, -32769n, 2n ** 31n - 1n,
    2n ** 31n, -(2n ** 31n),
    2n ** 32n, 2n ** 52n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 53n + 1n, -(2n ** 53n) - 1n, 2n ** 62n,
    2n ** 63n - 1n, -(2n ** 63n)]) {
    assert.equal(stmt.get(x), x)
  }
})

test('the same integers come back as numbers, nearest to them', t => {
  const stmt = open(t).prepare('SELECT ?').pluck()
  for (const x of [0n, -1n, 127n, 128n, -129n, 32768n, 2n ** 31n, -(2n ** 31n) - 1n, 2n ** 32n,
    2n ** 53n + 1n, -(2n ** 63n), 2n ** 63n - 1n]) {
    assert.equal(stmt.get(x), Number(x))
  }
})

test('lastInsertRowid is a BigInt under safeIntegers, changes never', t => {
  const stmt = setup(t).prepare('INSERT INTO entries VALUES (1, 2, 3)')
  assert.deepEqual([stmt.run(), stmt.safeIntegers().run(), stmt.safeIntegers(false).run()], [
    { changes: 1, lastInsertRowid: 1 }, { changes: 1, lastInsertRowid: 2n }, {
      changes: 1,
      lastInsertRowid: 3
    }])
})

test('lastInsertRowid of 64 bits is whole', t => {
  const stmt = open(t).exec('CREATE TABLE t (id INTEGER PRIMARY KEY)').prepare('INSERT INTO t VALUES (?)').safeIntegers()
  assert.equal(stmt.run(2n ** 63n - 1n).lastInsertRowid, 2n ** 63n - 1n)
  assert.equal(stmt.run(-(2n ** 63n)).lastInsertRowid, -(2n ** 63n))
})

test('a BigInt beyond 64 bits is a RangeError', t => {
  const stmt = open(t).prepare('SELECT ?')
  for (const x of [2n ** 63n, -(2n ** 63n) - 1n, 2n ** 64n + 5n, 2n ** 1000n]) {
    rangeError(() => stmt.get(x), 'The bound string, buffer, or bigint is too big')
    rangeError(() => stmt.bind(x), 'The bound string, buffer, or bigint is too big')
  }
})

test('safeIntegers() takes a strict boolean', t => {
  const stmt = open(t).prepare('SELECT 1')
  for (const value of [undefined, null, 1, 'x']) {
    typeError(() => stmt.safeIntegers(value), 'Expected first argument to be a boolean')
  }
})

test('safeIntegers() is for writers too, and works after close()', t => {
  const db = setup(t)
  const stmt = db.prepare('DELETE FROM entries')
  assert.equal(stmt.safeIntegers(), stmt)
  db.close()
  assert.equal(stmt.safeIntegers(false), stmt)
  typeError(() => stmt.run(), CLOSED)
})

test('defaultSafeIntegers() is for statements prepared later', t => {
  const db = open(t)
  const before = db.prepare(`SELECT ${INT}`).pluck()
  assert.equal(db.defaultSafeIntegers(), db)
  const on = db.prepare(`SELECT ${INT}`).pluck()
  db.defaultSafeIntegers(false)
  const off = db.prepare(`SELECT ${INT}`).pluck()
  db.defaultSafeIntegers(true)
  assert.deepEqual([before.get(), on.get(), off.get(), db.prepare(`SELECT ${INT}`).pluck().get()], [ROUNDED, INT, ROUNDED, INT])
  assert.equal(on.safeIntegers(false).get(), ROUNDED)
})

test('defaultSafeIntegers() takes a strict boolean', t => {
  const db = open(t)
  for (const value of [undefined, null, 1, 'x']) {
    typeError(() => db.defaultSafeIntegers(value), 'Expected first argument to be a boolean')
  }
})

test('defaultSafeIntegers() is allowed while iterating and inside a user function', t => {
  const db = open(t)
  db.function('f', () => { db.defaultSafeIntegers(true) })
  db.exec('SELECT f()')
  const iterator = db.prepare('SELECT 1 UNION SELECT 2').pluck().iterate()
  assert.equal(iterator.next().value, 1n)
  db.defaultSafeIntegers(false)
  assert.equal(iterator.next().value, 2n)
  iterator.return()
})

test('functions, aggregates and tables take the default of when they were defined', t => {
  const db = open(t)
  let seen
  const define = suffix => {
    db.function(`f${suffix}`, x => { seen = x })
    db.function(`fs${suffix}`, { safeIntegers: true }, x => { seen = x })
    db.function(`fn${suffix}`, { safeIntegers: false }, x => { seen = x })
    db.aggregate(`a${suffix}`, { step: (acc, x) => { seen = x } })
    db.aggregate(`as${suffix}`, { safeIntegers: true, step: (acc, x) => { seen = x } })
    db.aggregate(`an${suffix}`, { safeIntegers: false, step: (acc, x) => { seen = x } })
    const table = { columns: ['x'], * rows (x) { seen = x } }
    db.table(`t${suffix}`, table)
    db.table(`ts${suffix}`, { ...table, safeIntegers: true })
    db.table(`tn${suffix}`, { ...table, safeIntegers: false })
    // A table is connected by its first use, and takes the default of then.
    for (const name of ['t', 'ts', 'tn']) db.prepare(`SELECT * FROM ${name}${suffix}(1)`).get()
  }
  define('_off')
  db.defaultSafeIntegers(true)
  define('_on')
  db.defaultSafeIntegers(false)
  const argument = (name, suffix) => {
    seen = undefined
    const call = `${name}${suffix}(?)`
    db.prepare(name.startsWith('t') ? `SELECT * FROM ${call}` : `SELECT ${call}`).get(INT)
    return seen
  }
  const names = ['f', 'fs', 'fn', 'a', 'as', 'an', 't', 'ts', 'tn']
  assert.deepEqual(names.map(name => argument(name, '_off')),
    [ROUNDED, INT, ROUNDED, ROUNDED, INT, ROUNDED, ROUNDED, INT, ROUNDED])
  assert.deepEqual(names.map(name => argument(name, '_on')), [INT, INT, ROUNDED, INT, INT, ROUNDED, INT, INT, ROUNDED])
})

test('columns of mixed integers are each what they are', t => {
  const db = open(t).exec('CREATE TABLE t (v)')
  const insert = db.prepare('INSERT INTO t VALUES (?)')
  const values = [1n, 2n ** 40n, -(2n ** 60n), 1.5, 'x', null, 127n, 128n]
  for (const value of values) insert.run(value)
  assert.deepEqual(db.prepare('SELECT v FROM t').pluck().safeIntegers().all(), values)
  assert.deepEqual(db.prepare('SELECT v FROM t').pluck().all(), values.map(v => typeof v === 'bigint' ? Number(v) : v))
})
