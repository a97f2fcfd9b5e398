'use strict'

const assert = require('node:assert/strict')
const {
  BUSY, STATEMENT_BUSY, needs, open, rangeError, series, syncOnly, test, typeError,
  whileIterating
} = require('../support')

const blob = Buffer.from('dddddddd', 'hex')
const NO_DATA = 'This statement does not return data. Use run() instead'

function setup (t) {
  return open(t).exec(`
    CREATE TABLE entries (a TEXT, b INTEGER, c REAL, d BLOB, e TEXT);
    INSERT INTO entries WITH RECURSIVE n (b) AS (SELECT 1 UNION ALL SELECT b + 1 FROM n LIMIT 10)
      SELECT 'foo', b, 3.14, x'dddddddd', NULL FROM n;
  `)
}

test('get() of a statement that returns no data is a TypeError', async t => {
  const db = await setup(t)
  for (const sql of ['INSERT INTO entries (a) VALUES (1)', 'CREATE TABLE IF NOT EXISTS entries (a)', 'BEGIN']) {
    const stmt = await db.prepare(sql)
    assert.equal(stmt.reader, false)
    await typeError(() => stmt.get(), NO_DATA)
  }
  assert.equal(db.inTransaction, false)
  assert.equal(await (await db.prepare('SELECT count(*) FROM entries')).pluck().get(), 10)
})

test('get() returns the first row as a plain object', async t => {
  const db = await setup(t)
  const row = await (await db.prepare('SELECT * FROM entries ORDER BY rowid')).get()
  assert.deepEqual(row, { a: 'foo', b: 1, c: 3.14, d: blob, e: null })
  assert.equal(Object.getPrototypeOf(row), Object.prototype)
  assert.deepEqual(Reflect.ownKeys(row), ['a', 'b', 'c', 'd', 'e'])
  assert.deepEqual(await (await db.prepare('SELECT * FROM entries WHERE b > 5 ORDER BY rowid')).get(),
    { a: 'foo', b: 6, c: 3.14, d: blob, e: null })
})

test('the properties of a row can be written, deleted and added to', async t => {
  const db = await setup(t)
  const row = await (await db.prepare('SELECT a, b FROM entries')).get()
  for (const key of ['a', 'b']) {
    const { writable, enumerable, configurable } = Object.getOwnPropertyDescriptor(row, key)
    assert.deepEqual({ writable, enumerable, configurable }, {
      writable: true,
      enumerable: true,
      configurable: true
    })
  }
  row.a = 1
  delete row.b
  row.c = 2
  assert.deepEqual(row, { a: 1, c: 2 })
})

test('two calls return two objects', async t => {
  const db = await setup(t)
  const stmt = await db.prepare('SELECT a, d FROM entries')
  const one = await stmt.get()
  const two = await stmt.get()
  assert.notEqual(one, two)
  one.d[0] = 0
  assert.deepEqual(two.d, blob)
})

test('a row is not kept alive by the next call', async t => {
  const db = await setup(t)
  const stmt = await db.prepare('SELECT b FROM entries WHERE b = ?')
  const rows = await series([1, 2, 3], b => stmt.get(b))
  assert.deepEqual(rows, [{ b: 1 }, { b: 2 }, { b: 3 }])
})

needs('stmt.expand()')('get() returns undefined when there is no row, in every mode', async t => {
  const db = await setup(t)
  const stmt = await db.prepare('SELECT * FROM entries WHERE b = 999')
  assert.equal(await stmt.get(), undefined)
  assert.equal(await stmt.pluck().get(), undefined)
  assert.equal(await stmt.raw().get(), undefined)
  assert.equal(await stmt.expand().get(), undefined)
})

test('get() of INSERT ... RETURNING returns its first row and inserts them all', async t => {
  const db = await setup(t)
  const stmt = await db.prepare("INSERT INTO entries (a, b) VALUES ('bar', 888), ('baz', 999) RETURNING *")
  assert.equal(stmt.reader, true)
  assert.deepEqual(await stmt.get(), { a: 'bar', b: 888, c: null, d: null, e: null })
  assert.deepEqual(await (await db.prepare('SELECT a FROM entries WHERE b > 900')).all(), [{ a: 'baz' }])
})

test('get() of RETURNING leaves nothing active', async t => {
  const db = await setup(t)
  await db.exec('BEGIN')
  assert.deepEqual(await (await db.prepare('UPDATE entries SET a = b RETURNING a')).get(), { a: '1' })
  await db.exec('COMMIT')
  assert.equal(await (await db.prepare("SELECT count(*) FROM entries WHERE a = 'foo'")).pluck().get(), 0)
})

test('pluck() returns the first column', async t => {
  const db = await setup(t)
  const stmt = await db.prepare('SELECT a, b FROM entries')
  assert.equal(stmt.pluck(), stmt)
  assert.equal(await stmt.get(), 'foo')
  assert.equal(await stmt.get(), 'foo')
})

test('raw() returns the row as an array', async t => {
  const db = await setup(t)
  const stmt = await db.prepare('SELECT *, 2 + 3.5 AS c FROM entries ORDER BY rowid')
  assert.equal(stmt.raw(), stmt)
  const row = await stmt.get()
  assert.deepEqual(row, ['foo', 1, 3.14, blob, null, 5.5])
  assert.equal(Array.isArray(row), true)
})

needs('stmt.expand()')('expand() groups by table, and expressions under $', async t => {
  const db = await setup(t)
  await db.exec('CREATE TABLE other (a, x); INSERT INTO other VALUES (7, 8)')
  const stmt = await db.prepare('SELECT entries.a, 2 + 3.5 AS c, other.*, o2.x AS y, 9 AS d FROM entries, other, other AS o2 ORDER BY b LIMIT 1')
  assert.equal(stmt.expand(), stmt)
  assert.deepEqual(await stmt.get(), { entries: { a: 'foo' }, $: { c: 5.5, d: 9 }, other: { a: 7, x: 8, y: 8 } })
})

needs('stmt.expand()')('pluck, expand and raw exclude each other and stay until switched off', async t => {
  const db = await setup(t)
  const stmt = await db.prepare('SELECT a, b, 2 AS two FROM entries ORDER BY rowid')
  const row = { a: 'foo', b: 1, two: 2 }
  const plucked = 'foo'
  const raw = ['foo', 1, 2]
  const expanded = { entries: { a: 'foo', b: 1 }, $: { two: 2 } }
  const steps = [
    [() => stmt.pluck(true), plucked], [() => stmt.pluck(false), row], [() => stmt.pluck(),
      plucked],
    [() => stmt.expand(), expanded], [() => stmt.pluck(false), expanded], [() => stmt.raw(false),
      expanded],
    [() => stmt.expand(false), row], [() => stmt.expand(true), expanded], [() => stmt.pluck(true),
      plucked],
    [() => stmt.raw(), raw], [() => stmt.expand(false), raw], [() => stmt.pluck(false), raw],
    [() => stmt.raw(false), row], [() => stmt.raw(true), raw], [() => stmt.expand(true), expanded],
    [() => stmt.expand(false), row], [() => stmt.raw(false), row]
  ]
  for (const [step, expected] of steps) {
    assert.equal(step(), stmt)
    assert.deepEqual(await stmt.get(), expected)
    assert.deepEqual(await stmt.get(), expected)
  }
})

test('the switches of a mode are strict booleans', async t => {
  const db = await setup(t)
  const stmt = await db.prepare('SELECT a FROM entries')
  for (const mode of ['pluck', 'expand', 'raw', 'safeIntegers']) {
    for (const value of [undefined, null, 0, 1, 'true', {}]) {
      await typeError(() => stmt[mode](value), 'Expected first argument to be a boolean')
    }
  }
  assert.deepEqual(await stmt.get(), { a: 'foo' })
})

test('the modes of a statement that returns no data are TypeErrors', async t => {
  const db = await setup(t)
  const stmt = await db.prepare('DELETE FROM entries')
  for (const mode of ['pluck', 'expand', 'raw']) {
    for (const args of [[], [true], [false]]) {
      await typeError(() => stmt[mode](...args), `The ${mode}() method is only for statements that return data`)
    }
  }
})

test('positional parameters select the row', async t => {
  const db = await setup(t)
  const row = { a: 'foo', b: 1, c: 3.14, d: blob, e: null }
  const stmt = await db.prepare('SELECT * FROM entries WHERE a = ? AND b = ? AND c = ? AND d = ? AND e IS ?')
  assert.deepEqual(await stmt.get('foo', 1, 3.14, blob, null), row)
  assert.deepEqual(await stmt.get(['foo', 1, 3.14, blob, null]), row)
  assert.deepEqual(await stmt.get(['foo', 1], [3.14], blob, [,]), row) // eslint-disable-line no-sparse-arrays
  assert.equal(await stmt.get('foo', 1, 3.14, Buffer.from('aaaa'), null), undefined)
  await rangeError(() => stmt.get(), 'Too few parameter values were provided')
})

test('named parameters select the row', async t => {
  const row = { a: 'foo', b: 1, c: 3.14, d: blob, e: null }
  const db = await setup(t)
  const stmt = await db.prepare('SELECT * FROM entries WHERE a = @a AND b = @b AND c = @c AND d = @d AND e IS @e')
  assert.deepEqual(await stmt.get({ ...row, e: undefined }), row)
  assert.equal(await stmt.get({ ...row, b: 99 }), undefined)
  await rangeError(() => stmt.get({ a: 'foo', b: 1, c: 3.14, d: blob }), 'Missing named parameter "e"')
  await rangeError(() => stmt.get({}), 'Missing named parameter "a"')
})

test('the last of two columns of one name wins', async t => {
  const db = open(t)
  assert.deepEqual(await (await db.prepare('SELECT 1 AS a, 2 AS b, 3 AS a')).get(), { a: 3, b: 2 })
  assert.deepEqual(await (await db.prepare('SELECT 1 AS a, 2 AS b, 3 AS a')).raw().get(), [1, 2, 3])
})

test('get() sees columns that were added after prepare()', async t => {
  const db = await setup(t)
  const stmt = await db.prepare('SELECT * FROM entries ORDER BY rowid')
  assert.deepEqual(Object.keys(await stmt.get()), ['a', 'b', 'c', 'd', 'e'])
  await db.exec("ALTER TABLE entries ADD COLUMN f DEFAULT 'new'")
  assert.deepEqual(await stmt.get(), { a: 'foo', b: 1, c: 3.14, d: blob, e: null, f: 'new' })
  await db.exec('ALTER TABLE entries RENAME COLUMN a TO z')
  assert.deepEqual(Object.keys(await stmt.get()), ['z', 'b', 'c', 'd', 'e', 'f'])
})

whileIterating('get() of another statement is allowed while iterating, of the same one it is not', t => {
  const db = setup(t)
  const stmt = db.prepare('SELECT b FROM entries WHERE b < 3 ORDER BY b')
  const other = db.prepare('SELECT b * 10 AS x FROM entries WHERE b = ?')
  const seen = []
  for (const { b } of stmt.iterate()) {
    seen.push(other.get(b).x)
    typeError(() => stmt.get(), STATEMENT_BUSY)
  }
  assert.deepEqual(seen, [10, 20])
})

needs('function()', syncOnly)('get() is blocked inside a user function', t => {
  const db = setup(t)
  const stmt = db.prepare('SELECT 1')
  db.function('f', () => { typeError(() => stmt.get(), BUSY); return 6 })
  assert.equal(db.prepare('SELECT f()').pluck().get(), 6)
})

test('raw rows of one, sixteen, seventeen and a hundred columns are whole', async t => {
  const db = open(t)
  for (const n of [1, 16, 17, 100]) {
    const values = Array.from({ length: n }, (_, i) => i)
    const sql = `SELECT ${values.map(i => `${i} AS c${i}`).join()}`
    assert.deepEqual(await (await db.prepare(sql)).raw().get(), values)
    assert.deepEqual(await (await db.prepare(sql)).get(), Object.fromEntries(values.map(i => [`c${i}`, i])))
  }
})
