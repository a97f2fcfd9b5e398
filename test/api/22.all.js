'use strict'

const assert = require('node:assert/strict')
const {
  BUSY, STATEMENT_BUSY, needs, open, rangeError, steps, syncOnly, test, throws, typeError,
  whileIterating
} = require('../support')

const blob = Buffer.from('dddddddd', 'hex')

function setup (t) {
  return open(t).exec(`
    CREATE TABLE entries (a TEXT, b INTEGER, c REAL, d BLOB, e TEXT);
    INSERT INTO entries WITH RECURSIVE n (b) AS (SELECT 1 UNION ALL SELECT b + 1 FROM n LIMIT 10)
      SELECT 'foo', b, 3.14, x'dddddddd', NULL FROM n;
  `)
}

const rows = (from, to) => Array.from({ length: to - from + 1 }, (_, i) => ({ a: 'foo', b: from + i, c: 3.14, d: blob, e: null }))

test('all() of a statement that returns no data is a TypeError', async t => {
  const db = await setup(t)
  for (const sql of ['INSERT INTO entries (a) VALUES (1)', 'CREATE TABLE IF NOT EXISTS entries (a)', 'BEGIN']) {
    await typeError(async () => (await db.prepare(sql)).all(), 'This statement does not return data. Use run() instead')
  }
  assert.equal(await (await db.prepare('SELECT count(*) FROM entries')).pluck().get(), 10)
})

test('all() returns every row in order', async t => {
  const db = await setup(t)
  assert.deepEqual(await (await db.prepare('SELECT * FROM entries ORDER BY rowid')).all(), rows(1, 10))
  assert.deepEqual(await (await db.prepare('SELECT * FROM entries WHERE b > 5 ORDER BY rowid')).all(), rows(6, 10))
})

needs('stmt.expand()')('all() returns an empty array when there is no row, in every mode', async t => {
  const db = await setup(t)
  const stmt = await db.prepare('SELECT * FROM entries WHERE b = 999')
  for (const mode of [() => stmt, () => stmt.pluck(), () => stmt.raw(), () => stmt.expand()]) {
    assert.deepEqual(await mode().all(), [])
  }
})

needs('stmt.expand()')('all() obeys pluck, raw and expand', async t => {
  const db = await setup(t)
  const stmt = await db.prepare('SELECT b, 2.5 AS c FROM entries WHERE b < 3 ORDER BY rowid')
  assert.deepEqual(await stmt.pluck().all(), [1, 2])
  assert.deepEqual(await stmt.raw().all(), [[1, 2.5], [2, 2.5]])
  assert.deepEqual(await stmt.expand().all(), [{ entries: { b: 1 }, $: { c: 2.5 } },
    { entries: { b: 2 }, $: { c: 2.5 } }])
  assert.deepEqual(await stmt.expand(false).all(), [{ b: 1, c: 2.5 }, { b: 2, c: 2.5 }])
})

test('all() of RETURNING returns what was written', async t => {
  const db = await setup(t)
  const stmt = await db.prepare("INSERT INTO entries (a, b) VALUES ('bar', 888), ('baz', 999) RETURNING a, b")
  assert.deepEqual(await stmt.all(), [{ a: 'bar', b: 888 }, { a: 'baz', b: 999 }])
  assert.deepEqual(await (await db.prepare('SELECT a FROM entries WHERE b > 800')).pluck().all(), ['bar', 'baz'])
})

test('all() takes parameters', async t => {
  const db = await setup(t)
  assert.deepEqual(await (await db.prepare('SELECT b FROM entries WHERE b > ? AND b < ?')).pluck().all(3, [6]), [4, 5])
  assert.deepEqual(await (await db.prepare('SELECT b FROM entries WHERE b > @low AND b < $high')).pluck().all({ low: 3, high: 6 }), [4, 5])
  await rangeError(async () => (await db.prepare('SELECT ?')).all(), 'Too few parameter values were provided')
})

test('the array and its rows are plain', async t => {
  const db = await setup(t)
  const result = await (await db.prepare('SELECT a FROM entries LIMIT 2')).all()
  assert.equal(Object.getPrototypeOf(result), Array.prototype)
  assert.deepEqual(Object.keys(result), ['0', '1'])
  result.push(1)
  assert.equal(result.length, 3)
})

test('all() returns every row whatever their number', async t => {
  const db = open(t)
  const stmt = (await db.prepare('WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT ?) SELECT x FROM n')).pluck()
  for (const count of [1, 2, 63, 64, 65, 127, 128, 1023, 1024, 1025, 2048, 2049, 10000, 65536,
    100001]) {
    const result = await stmt.all(count)
    assert.equal(result.length, count)
    assert.deepEqual([result[0], result[count - 1]], [1, count])
    assert.equal(result.reduce((sum, x) => sum + x, 0), count * (count + 1) / 2)
  }
})

test('rows of every type at every place in a batch are theirs', async t => {
  const db = open(t)
  await db.exec('CREATE TABLE t (i INTEGER PRIMARY KEY, v)')
  const insert = await db.prepare('INSERT INTO t VALUES (?, ?)')
  const value = i => [null, i * 1.5, `text ${i}`, Buffer.from(`blob ${i}`), i, `\u00e9\u6570\u{1f600}${i}`][i % 6]
  await db.transaction(steps(function * () {
    for (let i = 0; i < 3000; ++i) yield insert.run(i, value(i))
  }))()
  const got = await (await db.prepare('SELECT i, v FROM t ORDER BY i')).all()
  for (let i = 0; i < 3000; ++i) assert.deepEqual(got[i], { i, v: value(i) })
})

test('rows that grow from bytes to a megabyte are whole', async t => {
  const db = open(t)
  const stmt = await db.prepare("WITH RECURSIVE n (x) AS (SELECT 0 UNION ALL SELECT x + 1 FROM n LIMIT 21) SELECT printf('%.*c', 1 << x, 'x') AS s, zeroblob(1 << x) AS z FROM n")
  for (const [i, { s, z }] of (await stmt.all()).entries()) {
    assert.equal(s, 'x'.repeat(2 ** i))
    assert.deepEqual(z, Buffer.alloc(2 ** i))
  }
})

needs('calls that use no promise', syncOnly)('Array.prototype can be broken by others', t => {
  const stmt = setup(t).prepare('SELECT b FROM entries ORDER BY b').pluck()
  const { push, every, map } = Array.prototype
  let result
  try {
    Array.prototype.push = Array.prototype.every = Array.prototype.map = () => { throw new Error('broken') } // eslint-disable-line no-extend-native
    result = stmt.all()
  } finally {
    Object.assign(Array.prototype, { push, every, map })
    for (const [key, value] of Object.entries({ push, every, map })) {
      const descriptor = { value, writable: true, enumerable: false, configurable: true }
      Reflect.defineProperty(Array.prototype, key, descriptor)
    }
  }
  assert.deepEqual(result, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
})

needs('function()')('an error in the middle is thrown and the next call works', async t => {
  const db = await setup(t)
  let fail = true
  const reason = new Error('row five')
  await db.function('f', b => { if (b === 5 && fail) throw reason; return b })
  const stmt = (await db.prepare('SELECT f(b) FROM entries ORDER BY rowid')).pluck()
  await throws(() => stmt.all(), error => error === reason)
  fail = false
  assert.deepEqual(await stmt.all(), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
})

whileIterating('all() of another statement is allowed while iterating, of the same one it is not', t => {
  const db = setup(t)
  const stmt = db.prepare('SELECT b FROM entries WHERE b < 3 ORDER BY b').pluck()
  const other = db.prepare('SELECT b FROM entries WHERE b <= ?').pluck()
  const seen = []
  for (const b of stmt.iterate()) {
    seen.push(other.all(b))
    typeError(() => stmt.all(), STATEMENT_BUSY)
  }
  assert.deepEqual(seen, [[1], [1, 2]])
})

needs('function()', syncOnly)('all() is blocked inside a user function', t => {
  const db = setup(t)
  const stmt = db.prepare('SELECT 1')
  db.function('f', () => { typeError(() => stmt.all(), BUSY); return 6 })
  assert.deepEqual(db.prepare('SELECT f()').pluck().all(), [6])
})

test('all() sees columns that were added after prepare()', async t => {
  const db = await open(t).exec('CREATE TABLE t (a); INSERT INTO t VALUES (1)')
  const stmt = await db.prepare('SELECT * FROM t')
  assert.deepEqual(await stmt.all(), [{ a: 1 }])
  await db.exec('ALTER TABLE t ADD COLUMN b DEFAULT 2')
  assert.deepEqual(await stmt.all(), [{ a: 1, b: 2 }])
  await db.exec('ALTER TABLE t DROP COLUMN a')
  assert.deepEqual(await stmt.all(), [{ b: 2 }])
})
