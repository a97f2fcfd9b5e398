'use strict'

const assert = require('node:assert/strict')
const { CLOSED, collect, needs, open, rangeError, series, test, typeError } = require('../support')

const INT = 1006028374637854687n
const ROUNDED = 1006028374637854700

function setup (t) {
  return open(t).exec('CREATE TABLE entries (a INTEGER, b REAL, c TEXT)')
}

test('BigInts are bound as integers, by value and by affinity', async t => {
  const db = await setup(t)
  await (await db.prepare('INSERT INTO entries VALUES (?, ?, ?)')).run(INT, INT, INT)
  await (await db.prepare('INSERT INTO entries VALUES (?, ?, ?)')).bind(INT, INT, INT).run()
  assert.deepEqual(await (await db.prepare('SELECT typeof(a), typeof(b), typeof(c), typeof(?) FROM entries')).raw().all(5n),
    [['integer', 'real', 'text', 'integer'], ['integer', 'real', 'text', 'integer']])
})

test('numbers are bound as reals, which a column of integers turns into integers', async t => {
  const db = await setup(t)
  await (await db.prepare('INSERT INTO entries VALUES (?, ?, ?)')).run(5, 5, 5)
  assert.deepEqual(await (await db.prepare('SELECT typeof(?), typeof(a), typeof(b), c FROM entries')).raw().get(5),
    ['real', 'integer', 'real', '5.0'])
})

test('integers beyond 2^53 are rounded by default', async t => {
  const db = open(t)
  assert.equal(await (await db.prepare(`SELECT ${INT}`)).pluck().get(), ROUNDED)
  assert.equal(await (await db.prepare('SELECT 9007199254740993')).pluck().get(), 9007199254740992)
})

test('safeIntegers() gives BigInts, for integers alone', async t => {
  const db = await setup(t)
  await (await db.prepare('INSERT INTO entries VALUES (?, ?, ?)')).run(INT, INT, INT)
  const stmt = await db.prepare('SELECT a, b, c, 5 AS d, NULL AS e, x\'01\' AS f FROM entries')
  assert.equal(stmt.safeIntegers(), stmt)
  assert.deepEqual(await stmt.get(), {
    a: INT,
    b: ROUNDED,
    c: String(INT),
    d: 5n,
    e: null,
    f: Buffer.from([1])
  })
})

test('safeIntegers() stays until switched off', async t => {
  const stmt = (await open(t).prepare(`SELECT ${INT}`)).pluck()
  assert.deepEqual([await stmt.get(), await stmt.safeIntegers().get(), await stmt.get(),
    await stmt.safeIntegers(false).get(), await stmt.get(),
    await stmt.safeIntegers(true).get()], [ROUNDED, INT, INT, ROUNDED, ROUNDED, INT])
})

needs('stmt.expand()')('safeIntegers() works with get, all, iterate and every mode', async t => {
  const stmt = (await open(t).prepare(`SELECT ${INT} AS a`)).safeIntegers()
  const three = async () => [await stmt.get(), await stmt.all(), await collect(stmt.iterate())]
  assert.deepEqual(await three(), [{ a: INT }, [{ a: INT }], [{ a: INT }]])
  assert.deepEqual([await stmt.raw().get(), await stmt.raw().all()], [[INT], [[INT]]])
  stmt.pluck()
  assert.deepEqual(await three(), [INT, [INT], [INT]])
  assert.deepEqual(await stmt.expand().get(), { $: { a: INT } })
})

test('the whole range of 64 bits comes back as it was', async t => {
  const stmt = (await open(t).prepare('SELECT ?')).pluck().safeIntegers()
  for (const x of [0n, 1n, -1n, 127n, 128n, -128n, -129n, 32767n, 32768n, -32769n, 2n ** 31n - 1n,
    2n ** 31n, -(2n ** 31n),
    2n ** 32n, 2n ** 52n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 53n + 1n, -(2n ** 53n) - 1n, 2n ** 62n,
    2n ** 63n - 1n, -(2n ** 63n)]) {
    assert.equal(await stmt.get(x), x)
  }
})

test('the same integers come back as numbers, nearest to them', async t => {
  const stmt = (await open(t).prepare('SELECT ?')).pluck()
  for (const x of [0n, -1n, 127n, 128n, -129n, 32768n, 2n ** 31n, -(2n ** 31n) - 1n, 2n ** 32n,
    2n ** 53n + 1n, -(2n ** 63n), 2n ** 63n - 1n]) {
    assert.equal(await stmt.get(x), Number(x))
  }
})

test('lastInsertRowid is a BigInt under safeIntegers, changes never', async t => {
  const db = await setup(t)
  const stmt = await db.prepare('INSERT INTO entries VALUES (1, 2, 3)')
  assert.deepEqual(await stmt.run(), { changes: 1, lastInsertRowid: 1 })
  assert.deepEqual(await stmt.safeIntegers().run(), { changes: 1, lastInsertRowid: 2n })
  assert.deepEqual(await stmt.safeIntegers(false).run(), { changes: 1, lastInsertRowid: 3 })
})

test('lastInsertRowid of 64 bits is whole', async t => {
  const stmt = (await (await open(t).exec('CREATE TABLE t (id INTEGER PRIMARY KEY)')).prepare('INSERT INTO t VALUES (?)')).safeIntegers()
  assert.equal((await stmt.run(2n ** 63n - 1n)).lastInsertRowid, 2n ** 63n - 1n)
  assert.equal((await stmt.run(-(2n ** 63n))).lastInsertRowid, -(2n ** 63n))
})

test('a BigInt beyond 64 bits is a RangeError', async t => {
  const stmt = await open(t).prepare('SELECT ?')
  for (const x of [2n ** 63n, -(2n ** 63n) - 1n, 2n ** 64n + 5n, 2n ** 1000n]) {
    await rangeError(() => stmt.get(x), 'The bound string, buffer, or bigint is too big')
    await rangeError(() => stmt.bind(x), 'The bound string, buffer, or bigint is too big')
  }
})

test('safeIntegers() takes a strict boolean', async t => {
  const stmt = await open(t).prepare('SELECT 1')
  for (const value of [undefined, null, 1, 'x']) {
    await typeError(() => stmt.safeIntegers(value), 'Expected first argument to be a boolean')
  }
})

test('safeIntegers() is for writers too, and works after close()', async t => {
  const db = await setup(t)
  const stmt = await db.prepare('DELETE FROM entries')
  assert.equal(stmt.safeIntegers(), stmt)
  await db.close()
  assert.equal(stmt.safeIntegers(false), stmt)
  await typeError(() => stmt.run(), CLOSED)
})

test('defaultSafeIntegers() is for statements prepared later', async t => {
  const db = open(t)
  const before = (await db.prepare(`SELECT ${INT}`)).pluck()
  assert.equal(db.defaultSafeIntegers(), db)
  const on = (await db.prepare(`SELECT ${INT}`)).pluck()
  db.defaultSafeIntegers(false)
  const off = (await db.prepare(`SELECT ${INT}`)).pluck()
  db.defaultSafeIntegers(true)
  assert.deepEqual([await before.get(), await on.get(), await off.get(), await (await db.prepare(`SELECT ${INT}`)).pluck().get()], [ROUNDED, INT, ROUNDED, INT])
  assert.equal(await on.safeIntegers(false).get(), ROUNDED)
})

test('defaultSafeIntegers() takes a strict boolean', async t => {
  const db = open(t)
  for (const value of [undefined, null, 1, 'x']) {
    await typeError(() => db.defaultSafeIntegers(value), 'Expected first argument to be a boolean')
  }
})

needs('functions in what writes')('defaultSafeIntegers() is allowed while iterating and inside a user function', async t => {
  const db = open(t)
  await db.function('f', () => { db.defaultSafeIntegers(true) })
  await db.exec('SELECT f()')
  const iterator = (await db.prepare('SELECT 1 UNION SELECT 2')).pluck().iterate()
  assert.equal((await iterator.next()).value, 1n)
  db.defaultSafeIntegers(false)
  assert.equal((await iterator.next()).value, 2n)
  await iterator.return()
})

needs('function()')('functions and aggregates take the default of when they were defined', async t => {
  const db = open(t)
  let seen
  const define = async suffix => {
    await db.function(`f${suffix}`, x => { seen = x })
    await db.function(`fs${suffix}`, { safeIntegers: true }, x => { seen = x })
    await db.function(`fn${suffix}`, { safeIntegers: false }, x => { seen = x })
    await db.aggregate(`a${suffix}`, { step: (acc, x) => { seen = x } })
    await db.aggregate(`as${suffix}`, { safeIntegers: true, step: (acc, x) => { seen = x } })
    await db.aggregate(`an${suffix}`, { safeIntegers: false, step: (acc, x) => { seen = x } })
  }
  await define('_off')
  db.defaultSafeIntegers(true)
  await define('_on')
  db.defaultSafeIntegers(false)
  const argument = async name => {
    seen = undefined
    await (await db.prepare(`SELECT ${name}(?)`)).get(INT)
    return seen
  }
  const names = ['f', 'fs', 'fn', 'a', 'as', 'an']
  assert.deepEqual(await series(names, name => argument(`${name}_off`)),
    [ROUNDED, INT, ROUNDED, ROUNDED, INT, ROUNDED])
  assert.deepEqual(await series(names, name => argument(`${name}_on`)),
    [INT, INT, ROUNDED, INT, INT, ROUNDED])
})

needs('table()')('tables take the default of when they were defined', async t => {
  const db = open(t)
  let seen
  const define = async suffix => {
    const table = { columns: ['x'], * rows (x) { seen = x } }
    await db.table(`t${suffix}`, table)
    await db.table(`ts${suffix}`, { ...table, safeIntegers: true })
    await db.table(`tn${suffix}`, { ...table, safeIntegers: false })
    // A table is connected by its first use, and takes the default of then.
    for (const name of ['t', 'ts', 'tn']) {
      await (await db.prepare(`SELECT * FROM ${name}${suffix}(1)`)).get()
    }
  }
  await define('_off')
  db.defaultSafeIntegers(true)
  await define('_on')
  db.defaultSafeIntegers(false)
  const argument = async name => {
    seen = undefined
    await (await db.prepare(`SELECT * FROM ${name}(?)`)).get(INT)
    return seen
  }
  const names = ['t', 'ts', 'tn']
  assert.deepEqual(await series(names, name => argument(`${name}_off`)), [ROUNDED, INT, ROUNDED])
  assert.deepEqual(await series(names, name => argument(`${name}_on`)), [INT, INT, ROUNDED])
})

test('columns of mixed integers are each what they are', async t => {
  const db = await open(t).exec('CREATE TABLE t (v)')
  const insert = await db.prepare('INSERT INTO t VALUES (?)')
  const values = [1n, 2n ** 40n, -(2n ** 60n), 1.5, 'x', null, 127n, 128n]
  for (const value of values) await insert.run(value)
  assert.deepEqual(await (await db.prepare('SELECT v FROM t')).pluck().safeIntegers().all(), values)
  assert.deepEqual(await (await db.prepare('SELECT v FROM t')).pluck().all(), values.map(v => typeof v === 'bigint' ? Number(v) : v))
})
