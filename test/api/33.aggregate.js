'use strict'

const assert = require('node:assert/strict')
const {
  BUSY, open, rangeError, series, sqliteError, syncOnly, test, thrown, typeError
} = require('../support')

const withLength = value => Object.defineProperty(() => {}, 'length', { value })
const get = async (db, sql, ...args) => (await db.prepare(`SELECT ${sql}`)).pluck().get(args)
const windows = async (db, sql, ...args) => (await db.prepare(`
  SELECT ${sql} WINDOW win AS (ORDER BY rowid ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING) ORDER BY rowid
`)).pluck().all(args)

function setup (t) {
  return open(t).exec(`
    CREATE TABLE empty (_);
    CREATE TABLE ints (_);
    CREATE TABLE texts (_);
    INSERT INTO ints VALUES (3), (5), (7), (11), (13), (17), (19);
    INSERT INTO texts VALUES ('a'), ('b'), ('c'), ('d');
  `)
}

test('aggregate() without a name and options is a TypeError', async t => {
  const db = await setup(t)
  const step = () => {}
  for (const args of [[], [null], ['a'], [{}], [{ step }], [{ name: 'b', step }], [step], [{}, step], ['g', null],
    ['h', {}], ['i', step], ['l', { inverse () {} }], ['m', { result () {} }], [5, { step }]]) {
    await typeError(() => db.aggregate(...args))
  }
  await typeError(() => db.aggregate(5, { step }), 'Expected first argument to be a string')
  await typeError(() => db.aggregate('a', step), 'Expected second argument to be an options object')
  await typeError(() => db.aggregate('a', {}), 'Missing required option "step"')
})

test('the boolean options are strict', async t => {
  const db = await setup(t)
  for (const option of ['varargs', 'deterministic', 'directOnly', 'safeIntegers']) {
    for (const value of [undefined, null, 1]) {
      await typeError(() => db.aggregate('a', { step () {}, [option]: value }),
        `Expected the "${option}" option to be a boolean`)
    }
  }
})

test('the function options are functions', async t => {
  const db = await setup(t)
  for (const step of [undefined, null]) await typeError(() => db.aggregate('a', { step }), 'Missing required option "step"')
  for (const value of [false, true, 5, {}, Object.create(Function.prototype)]) {
    await typeError(() => db.aggregate('a', { step: value }), 'Expected the "step" option to be a function')
    for (const option of ['inverse', 'result']) {
      await typeError(() => db.aggregate('a', { step () {}, [option]: value }),
        `Expected the "${option}" option to be a function`)
    }
  }
  for (const option of ['inverse', 'result']) {
    for (const value of [undefined, null]) assert.equal(await db.aggregate('a', { step () {}, [option]: value }), db)
  }
})

test('the name cannot be empty', async t => {
  const db = await setup(t)
  await typeError(() => db.aggregate('', { step () {} }), 'User-defined function name cannot be an empty string')
})

test('the lengths of step and inverse are integers of 0 to 101', async t => {
  const db = await setup(t)
  const message = 'Expected function.length to be a positive integer'
  for (const length of [undefined, null, '2', NaN, Infinity, 2.5, -0.1, -2, 100.5]) {
    await typeError(() => db.aggregate('a', { step: withLength(length) }), message)
    await typeError(() => db.aggregate('a', { step () {}, inverse: withLength(length) }), message)
  }
  const many = 'User-defined functions cannot have more than 100 arguments'
  await rangeError(() => db.aggregate('a', { step: withLength(102) }), many)
  await rangeError(() => db.aggregate('a', { step () {}, inverse: withLength(102) }), many)
  assert.equal(await db.aggregate('a', { step: withLength(101) }), db)
})

test('aggregate() returns the database', async t => {
  const db = await setup(t)
  assert.equal(await db.aggregate('a', { step () {} }), db)
})

test('step gets the accumulator and the arguments, and its result is the next accumulator', async t => {
  const db = await setup(t)
  await db.aggregate('numbers', { step: (sum, a, b) => a * b + sum })
  await db.aggregate('words', { step: (all, a, b) => a + b + all })
  assert.equal(await get(db, 'numbers(_, ?) FROM ints', 2), 150)
  assert.equal(await get(db, 'words(_, ?) FROM texts', '!'), 'd!c!b!a!null')
})

test('the accumulator starts as null', async t => {
  const db = await setup(t)
  const seen = []
  await db.aggregate('a', { step: (acc, x) => { seen.push(acc); return x } })
  assert.equal(await get(db, 'a(_) FROM ints'), 19)
  assert.deepEqual(seen, [null, 3, 5, 7, 11, 13, 17])
})

test('Buffers are copied both ways', async t => {
  const db = await setup(t)
  await db.aggregate('last', { step: (acc, x) => x })
  const input = Buffer.alloc(8, 0xdd)
  const output = await get(db, 'last(?)', input)
  assert.notEqual(output, input)
  assert.deepEqual(output, input)
})

test('an aggregate without arguments counts rows', async t => {
  const db = await setup(t)
  await db.aggregate('z', { step: acc => `z${acc}` })
  assert.deepEqual(await series(['z()', 'z() FROM empty', 'z() FROM texts', 'z(*) FROM texts'], sql => get(db, sql)),
    ['znull', null, 'zzzznull', 'zzzznull'])
})

test('the number of arguments is one less than the length of step', async t => {
  const db = await setup(t)
  await db.aggregate('agg', { step: (acc, a, b) => 5 })
  const message = 'wrong number of arguments to function agg()'
  for (const sql of ['agg()', 'agg(1)', 'agg(1, 2, 3)']) await sqliteError(() => get(db, sql), 'SQLITE_ERROR', message)
  assert.equal(await get(db, 'agg(1, 2)'), 5)
})

test('varargs takes any number of arguments, whatever the length', async t => {
  const db = await setup(t)
  const step = Object.defineProperty((acc, ...args) => args.reduce((a, b) => a * b, 1) + acc, 'length', { value: '-2' })
  await db.aggregate('agg', { varargs: true, step })
  assert.deepEqual(await series(['agg()', 'agg(7)', 'agg(4, 8)', 'agg(2, 3, 4, 5, 6, 7)'], sql => get(db, sql)), [1, 7, 32, 5040])
})

test('start is the first accumulator, each time', async t => {
  const db = await setup(t)
  await db.aggregate('a', { start: 10000, step: (acc, x) => acc + x })
  assert.deepEqual([await get(db, 'a(_) FROM ints'), await get(db, 'a(_) FROM ints')], [10075, 10075])
})

test('start as an object is the very object, shared by every query', async t => {
  const db = await setup(t)
  const start = { n: 0 }
  const seen = new Set()
  await db.aggregate('a', { start, step: acc => { seen.add(acc); acc.n++ }, result: acc => acc.n })
  assert.deepEqual([await get(db, 'a() FROM ints'), await get(db, 'a() FROM ints')], [7, 14])
  assert.deepEqual([...seen], [start])
})

test('start: undefined starts as undefined', async t => {
  const db = await setup(t)
  const seen = []
  await db.aggregate('a', { start: undefined, step: (acc, x) => { seen.push(acc); return acc + x } })
  assert.equal(await get(db, 'a(_) FROM ints'), null)
  assert.equal(seen[0], undefined)
  assert.deepEqual(seen.slice(1), [NaN, NaN, NaN, NaN, NaN, NaN])
})

test('start as a function is called once for each group', async t => {
  const db = await setup(t)
  let start = 100
  await db.aggregate('a', { start: () => start++, step: (acc, x) => acc + x })
  assert.deepEqual([await get(db, 'a(_) FROM ints'), await get(db, 'a(_) FROM ints')], [175, 176])
  assert.deepEqual(await (await db.prepare('SELECT a(_) FROM ints GROUP BY _ > 10 ORDER BY 1')).pluck().all(), [117, 163])
  assert.equal(start, 104)
})

test('two aggregates in one query have their own accumulators', async t => {
  const db = await setup(t)
  await db.aggregate('list', { start: () => [], step: (acc, x) => { acc.push(x) }, result: acc => acc.join() })
  assert.deepEqual(await (await db.prepare('SELECT list(_), list(-_), list(_) FILTER (WHERE _ > 10) FROM ints')).raw().get(),
    ['3,5,7,11,13,17,19', '-3,-5,-7,-11,-13,-17,-19', '11,13,17,19'])
})

test('undefined from step keeps the accumulator, null replaces it', async t => {
  const db = await setup(t)
  await db.aggregate('skip', { start: 0, step: (acc, x) => x === 11 ? undefined : acc + x })
  await db.aggregate('none', { start: () => 1000, step () {} })
  await db.aggregate('nulls', { start: () => 1000, step: () => null })
  assert.deepEqual(await series(['skip', 'none', 'nulls'], name => get(db, `${name}(${name === 'skip' ? '_' : ''}) FROM ints`)),
    [64, 1000, null])
})

test('result makes the value of the accumulator', async t => {
  const db = await setup(t)
  await db.aggregate('half', { start: 10000, step: (acc, a, b) => a * b + acc, result: acc => acc / 2 })
  assert.equal(await get(db, 'half(_, ?) FROM ints', 2), 5075)
  await db.aggregate('object', { start: () => ({ n: 1000 }), step: (acc, x) => { acc.n += x }, result: acc => acc.n })
  assert.deepEqual([await get(db, 'object(_) FROM ints'), await get(db, 'object(_) FROM ints'), await get(db, 'object(_) FROM empty')],
    [1075, 1075, 1000])
})

test('undefined from result is NULL', async t => {
  const db = await setup(t)
  await db.aggregate('agg', { start: 10000, step: (acc, x) => acc + x, result () {} })
  assert.equal(await get(db, 'agg(_) FROM ints'), null)
})

test('the accumulator may be of any kind', async t => {
  const db = await setup(t)
  for (const start of [new Map(), Symbol('s'), () => {}, 10n, true, [], new (class { #x = 1 })()]) {
    let seen
    await db.aggregate('agg', { start: typeof start === 'function' ? () => start : start, step: acc => { seen = acc }, result: () => 1 })
    await get(db, 'agg() FROM ints')
    assert.equal(seen, start)
  }
})

test('without inverse an aggregate is not a window function', async t => {
  const db = await setup(t)
  await db.aggregate('agg', { start: () => 10000, step: (acc, x) => acc + x })
  await sqliteError(() => windows(db, 'agg(_) OVER win FROM ints'), 'SQLITE_ERROR', 'agg() may not be used as a window function')
})

test('with inverse an aggregate is a window function', async t => {
  const db = await setup(t)
  await db.aggregate('wn', {
    start: () => 10000,
    step: (acc, a, b) => a * b + acc,
    inverse: (acc, a, b) => acc - a * b
  })
  assert.deepEqual(await windows(db, 'wn(_, ?) OVER win FROM ints', 2), [10016, 10030, 10046, 10062, 10082, 10098, 10072])
  assert.equal(await get(db, 'wn(_, 1) FROM ints'), 10075)
})

test('undefined from inverse keeps the accumulator, null replaces it', async t => {
  const db = await setup(t)
  await db.aggregate('a', { start: 0, step: (acc, x) => acc + x, inverse: (acc, x) => x === 11 ? undefined : acc - x })
  assert.deepEqual(await windows(db, 'a(_) OVER win FROM ints'), [8, 15, 23, 31, 41, 60, 47])
  await db.aggregate('b', { start: 1, step: (acc, x) => acc ? acc + x : null, inverse: () => null })
  assert.deepEqual(await windows(db, 'b(_) OVER win FROM ints'), [9, 16, null, null, null, null, null])
})

test('a window calls start once, step and result for each row, inverse for each that leaves', async t => {
  const db = await setup(t)
  const calls = { start: 0, step: 0, inverse: 0, result: 0 }
  await db.aggregate('wn', {
    start: () => { calls.start++; return { sum: 1000, results: 0 } },
    step: (acc, x) => { calls.step++; acc.sum += x },
    inverse: (acc, x) => { calls.inverse++; acc.sum -= x },
    result: acc => { calls.result++; return acc.sum + acc.results++ * 10000 }
  })
  const expected = [1008, 11015, 21023, 31031, 41041, 51049, 61036]
  assert.deepEqual(await windows(db, 'wn(_) OVER win FROM ints'), expected)
  assert.deepEqual(calls, { start: 1, step: 7, inverse: 5, result: 7 })
  assert.deepEqual(await windows(db, 'wn(_) OVER win FROM ints'), expected)
  assert.deepEqual(calls, { start: 2, step: 14, inverse: 10, result: 14 })
  assert.deepEqual(await windows(db, 'wn(_) OVER win FROM empty'), [])
  assert.deepEqual(calls, { start: 2, step: 14, inverse: 10, result: 14 })
})

test('the number of arguments is that of the longer of step and inverse', async t => {
  const db = await setup(t)
  await db.aggregate('a', { start: 0, step: (acc, x) => acc + x, inverse: (acc, x, y) => acc - x })
  assert.deepEqual(await windows(db, 'a(_, 2) OVER win FROM ints'), [8, 15, 23, 31, 41, 49, 36])
  await sqliteError(() => windows(db, 'a(_) OVER win FROM ints'), 'SQLITE_ERROR')
  await db.aggregate('b', { start: 0, step: (acc, x, y) => acc + x, inverse: (acc, x) => acc - x })
  assert.deepEqual(await windows(db, 'b(_, 2) OVER win FROM ints'), [8, 15, 23, 31, 41, 49, 36])
  await db.aggregate('c', { start: (a, b, c, d) => 100, step () {}, inverse: (acc, x) => --acc, result: (acc, a, b, c) => acc })
  assert.deepEqual(await windows(db, 'c(_) OVER win FROM ints'), [100, 100, 99, 98, 97, 96, 95])
  for (const args of ['', '*', '_, 2']) await sqliteError(() => windows(db, `c(${args}) OVER win FROM ints`), 'SQLITE_ERROR')
})

syncOnly('an aggregate cannot be registered while iterating', t => {
  const db = setup(t)
  for (const x of db.prepare('SELECT 2').pluck().iterate()) {
    assert.equal(x, 2)
    typeError(() => db.aggregate('a', { step () {} }), BUSY)
  }
  db.aggregate('a', { step () {} })
})

syncOnly('the database is busy in each of its functions', async t => {
  const db = setup(t)
  const stmt = db.prepare('SELECT 1')
  const calls = { start: 0, step: 0, inverse: 0, result: 0 }
  const check = name => () => {
    calls[name]++
    typeError(() => db.exec('SELECT 1'), BUSY)
    typeError(() => db.prepare('SELECT 1'), BUSY)
    typeError(() => db.pragma('cache_size'), BUSY)
    typeError(() => db.function('x', () => {}), BUSY)
    typeError(() => db.aggregate('y', { step () {} }), BUSY)
    typeError(() => db.close(), BUSY)
    typeError(() => stmt.get(), BUSY)
  }
  db.aggregate('b', Object.fromEntries(Object.keys(calls).map(name => [name, check(name)])))
  assert.deepEqual(await windows(db, 'b(*) OVER win FROM ints'), [null, null, null, null, null, null, null])
  assert.deepEqual(calls, { start: 1, step: 7, inverse: 5, result: 7 })
  db.exec('SELECT b() FROM ints')
})

test('a value of no type is a TypeError that names the aggregate', async t => {
  const db = await setup(t)
  await db.aggregate('bad', { step () {}, result: () => ({}) })
  const message = 'User-defined function bad() returned an invalid value'
  await typeError(() => get(db, 'bad(*) FROM ints'), message)
  await typeError(() => get(db, 'bad(*) FROM empty'), message)
  await db.aggregate('bad', { step: () => ({}) })
  await typeError(() => get(db, 'bad(*) FROM ints'), message)
  await db.aggregate('big', { step () {}, result: () => -(2n ** 63n) - 1n })
  await rangeError(() => get(db, 'big()'), 'User-defined function big() returned a bigint that was too big')
})

test('what start, step and inverse return may be of no type as long as result is', async t => {
  const db = await setup(t)
  await db.aggregate('a', { start: () => ({}), step: () => ({}), inverse: () => ({}), result: () => 42 })
  assert.deepEqual(await windows(db, 'a(*) OVER win FROM ints'), [42, 42, 42, 42, 42, 42, 42])
})

const REASONS = [new TypeError('foobar'), { yup: 'ok' }, 'text', '', null, undefined, 123.4]
const NAMES = ['start', 'step', 'inverse', 'result']

// Which functions were called, in order, when one of them throws.
async function throwing (db, name, reason) {
  const calls = []
  const define = key => () => {
    calls.push(key)
    if (key === name) throw reason
  }
  await db.aggregate('wn', Object.fromEntries(NAMES.map(key => [key, define(key)])))
  return async fn => {
    calls.length = 0
    const caught = await thrown(fn)
    assert.ok(Object.is(caught.error, reason))
    return [...calls]
  }
}

test('what start throws is thrown by identity, and nothing more is called', async t => {
  const db = await setup(t)
  for (const reason of REASONS) {
    const calls = await throwing(db, 'start', reason)
    assert.deepEqual(await calls(() => get(db, 'wn() FROM empty')), ['start'])
    assert.deepEqual(await calls(() => get(db, 'wn() FROM ints')), ['start'])
    assert.deepEqual(await calls(() => windows(db, 'wn() OVER win FROM ints')), ['start'])
  }
})

test('what step throws is thrown by identity, and nothing more is called', async t => {
  const db = await setup(t)
  for (const reason of REASONS) {
    const calls = await throwing(db, 'step', reason)
    assert.equal(await get(db, 'wn() FROM empty'), null)
    assert.deepEqual(await calls(() => get(db, 'wn() FROM ints')), ['start', 'step'])
    assert.deepEqual(await calls(() => windows(db, 'wn() OVER win FROM ints')), ['start', 'step'])
  }
})

test('what inverse throws is thrown by identity, and nothing more is called', async t => {
  const db = await setup(t)
  for (const reason of REASONS) {
    const calls = await throwing(db, 'inverse', reason)
    assert.equal(await get(db, 'wn() FROM ints'), null)
    const list = await calls(() => windows(db, 'wn() OVER win FROM ints'))
    assert.deepEqual([list[0], list.indexOf('inverse')], ['start', list.length - 1])
  }
})

test('what result throws is thrown by identity, and nothing more is called', async t => {
  const db = await setup(t)
  for (const reason of REASONS) {
    const calls = await throwing(db, 'result', reason)
    assert.deepEqual(await calls(() => get(db, 'wn() FROM empty')), ['start', 'result'])
    assert.deepEqual(await calls(() => get(db, 'wn() FROM ints')), ['start', ...Array(7).fill('step'), 'result'])
    assert.deepEqual(await calls(() => windows(db, 'wn() OVER win FROM ints')), ['start', 'step', 'step', 'result'])
  }
})

test('an error ends the iterator that met it', async t => {
  const db = await (await setup(t)).exec('CREATE TABLE n (v); INSERT INTO n VALUES (1), (2), (4), (8), (16)')
  let i = 0
  const reason = new Error('foo')
  await db.aggregate('wn', { step: (acc, x) => { if (++i >= 5) throw reason; return x }, inverse () {} })
  const iterator = (await db.prepare('SELECT wn(v) OVER (ROWS CURRENT ROW) FROM n')).pluck().iterate()
  const seen = []
  const loop = async () => { for await (const x of iterator) seen.push(x) }
  assert.equal((await thrown(loop)).error, reason)
  assert.deepEqual(seen, [1, 2, 4, 8])
  assert.deepEqual(await iterator.next(), { value: undefined, done: true })
  await db.exec('SELECT 1')
})

test('an error of SQLite after an error of an aggregate is its own', async t => {
  const db = await setup(t)
  const stmt = await db.prepare('SELECT _ FROM empty')
  await db.exec('DROP TABLE empty')
  const reason = new Error('foo')
  await db.aggregate('agg', { step: () => { throw reason } })
  assert.equal((await thrown(() => get(db, 'agg()'))).error, reason)
  await sqliteError(() => stmt.get(), 'SQLITE_ERROR', 'no such table: empty')
})

test('aggregates of one name are told apart by their number of arguments', async t => {
  const db = await setup(t)
  await db.aggregate('agg', { step: acc => 0 })
  await db.aggregate('agg', { step: (acc, a) => 1 })
  await db.aggregate('agg', { step: (acc, a, b) => 2 })
  await db.aggregate('agg', { step: (acc, a, b, c) => 3, inverse () {} })
  const all = async () => (await db.prepare('SELECT agg(), agg(1), agg(1, 1), agg(1, 1, 1)')).raw().get()
  assert.deepEqual(await all(), [0, 1, 2, 3])
  await db.aggregate('agg', { step: (acc, a, b) => 'foo', inverse () {} })
  await db.aggregate('agg', { step: (acc, a, b, c) => 'bar' })
  assert.deepEqual(await all(), [0, 1, 'foo', 'bar'])
})

test('a bound Buffer cannot be changed from inside an aggregate', async t => {
  const db = await setup(t)
  const input = Buffer.alloc(8192, 0xbb)
  await db.aggregate('agg', { start: () => { input[0] = 2 }, step: () => { input[0] = 3 } })
  assert.deepEqual((await (await db.prepare('SELECT ?, agg(*) FROM ints')).raw().get(input))[0], Buffer.alloc(8192, 0xbb))
})

test('an aggregate over no row at all runs start and result', async t => {
  const db = await setup(t)
  const calls = []
  await db.aggregate('agg', {
    start: () => { calls.push('start'); return 5 },
    step: () => { calls.push('step') },
    result: acc => { calls.push('result'); return acc }
  })
  assert.equal(await get(db, 'agg() FROM empty'), 5)
  assert.deepEqual(calls, ['start', 'result'])
})

test('a query that stops early frees its accumulators', async t => {
  const db = await setup(t)
  await db.aggregate('list', { start: () => [], step: (acc, x) => { acc.push(x) }, result: acc => acc.join() })
  const stmt = (await db.prepare('SELECT list(_) FROM ints GROUP BY _')).pluck()
  for (let i = 0; i < 100; ++i) {
    for await (const x of stmt.iterate()) { assert.equal(x, '3'); break } // eslint-disable-line no-unreachable-loop
  }
  assert.deepEqual(await stmt.all(), ['3', '5', '7', '11', '13', '17', '19'])
})

test('ten thousand groups have ten thousand accumulators', async t => {
  const db = await setup(t)
  await db.aggregate('list', { start: () => [], step: (acc, x) => { acc.push(x) }, result: acc => acc.length })
  const sql = `WITH RECURSIVE n (x) AS (SELECT 0 UNION ALL SELECT x + 1 FROM n LIMIT 30000)
    SELECT list(x) AS c FROM n GROUP BY x % 10000`
  assert.deepEqual(await (await db.prepare(`SELECT count(*), min(c), max(c) FROM (${sql})`)).raw().get(), [10000, 3, 3])
})
