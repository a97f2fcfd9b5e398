'use strict'

const assert = require('node:assert/strict')
const {
  BUSY, collect, Database, open, ours, rangeError, sqliteError, syncOnly, tempFile, test,
  thrown, throws, typeError
} = require('../support')

const get = async (db, sql, ...args) => (await db.prepare(`SELECT ${sql}`)).pluck().get(args)
const withLength = value => Object.defineProperty(() => {}, 'length', { value })

test('function() without a name and a function is a TypeError', async t => {
  const db = open(t)
  for (const args of [[], [null], ['a'], [{}], [() => {}], [{}, () => {}], ['d', {}], ['e', { fn () {} }],
    ['f', Object.create(Function.prototype)], [{ name: 'g' }, () => {}], [5, () => {}]]) {
    await typeError(() => db.function(...args))
  }
  await typeError(() => db.function(new String('h'), () => {}), 'Expected first argument to be a string') // eslint-disable-line no-new-wrappers
  await typeError(() => db.function('d', {}), 'Expected last argument to be a function')
  await typeError(() => db.function('d', 5, () => {}), 'Expected second argument to be an options object')
})

test('the options are strict booleans', async t => {
  const db = open(t)
  for (const option of ['varargs', 'deterministic', 'directOnly', 'safeIntegers']) {
    for (const value of [undefined, null, 1, 'true']) {
      await typeError(() => db.function('a', { [option]: value }, () => {}),
        `Expected the "${option}" option to be a boolean`)
    }
  }
})

test('the name cannot be empty', async t => {
  const message = 'User-defined function name cannot be an empty string'
  await typeError(() => open(t).function('', () => {}), message)
  await typeError(() => open(t).function('', { name: 'b' }, () => {}), message)
})

test('the length of the function is an integer of 0 to 100', async t => {
  const db = open(t)
  for (const length of [undefined, null, '2', NaN, Infinity, 2.5, -0.1, -2, 100.5]) {
    await typeError(() => db.function('a', withLength(length)), 'Expected function.length to be a positive integer')
  }
  await rangeError(() => db.function('a', withLength(101)), 'User-defined functions cannot have more than 100 arguments')
  assert.equal(await db.function('a', withLength(100)), db)
})

test('function() returns the database', async t => {
  const db = open(t)
  assert.equal(await db.function('a', () => {}), db)
  assert.equal(await db.function('b', {}, () => {}), db)
  assert.equal(await db.function('c', null, () => {}), db)
})

test('a name that is too long is an SqliteError', async t => {
  await throws(() => open(t).function('x'.repeat(300), () => {}), Database.SqliteError)
})

test('numbers, strings and NULL go in and out', async t => {
  const db = open(t)
  await db.function('a', (a, b, c) => a + b + c)
  assert.equal(await get(db, 'a(?, ?, ?)', 2, 10, 50), 62)
  assert.equal(await get(db, 'a(?, ?, ?)', 2, 10, null), 12)
  assert.equal(await get(db, 'a(?, ?, ?)', 'foo', 'z', 12), 'fooz12')
  assert.equal(await get(db, "a('\u00e9', '\u6570', '\u{1f600}')"), '\u00e9\u6570\u{1f600}')
})

test('null and undefined come out as NULL', async t => {
  const db = open(t)
  await db.function('n', () => null)
  await db.function('u', () => {})
  assert.equal(await get(db, 'n()'), null)
  assert.equal(await get(db, 'u()'), null)
})

test('every type goes in as bound and comes out as returned', async t => {
  const db = open(t)
  const seen = []
  await db.function('same', x => { seen.push(x); return x })
  const row = await db.prepare("SELECT typeof(same(1)), typeof(same(1.5)), typeof(same('t')), typeof(same(x'00')), typeof(same(NULL))")
  assert.deepEqual(await row.raw().get(), ['real', 'real', 'text', 'blob', 'null'])
  assert.deepEqual(seen, [1, 1.5, 't', Buffer.from([0]), null])
})

test('a number comes out as REAL and a BigInt as INTEGER', async t => {
  const db = open(t)
  await db.function('real', () => 84)
  await db.function('int', () => 84n)
  assert.deepEqual(await (await db.prepare('SELECT typeof(real()), typeof(int()), int()')).raw().get(), ['real', 'integer', 84])
})

test('Buffers are copied both ways', async t => {
  const db = open(t)
  let inside
  await db.function('d', x => { inside = x; return x })
  const input = Buffer.alloc(8, 0xdd)
  const output = await get(db, 'd(?)', input)
  inside.fill(1)
  input.fill(2)
  assert.deepEqual(output, Buffer.alloc(8, 0xdd))
})

test('any typed array can be returned', async t => {
  const db = open(t)
  await db.function('f', () => new Uint16Array([1, 2]).subarray(1))
  assert.deepEqual(await get(db, 'f()'), Buffer.from([2, 0]))
})

test('the name is that given and not that of the function', async t => {
  const db = open(t)
  await db.function('given', function own () { return 5 })
  assert.equal(await get(db, 'given()'), 5)
  await sqliteError(() => get(db, 'own()'), 'SQLITE_ERROR', 'no such function: own')
})

test('names may be of any letters', async t => {
  const db = open(t)
  await db.function('\u00e9\u6570', () => 5)
  assert.equal(await get(db, '\u00e9\u6570()'), 5)
  await db.function('with space', () => 6)
  assert.equal(await get(db, '"with space"()'), 6)
})

test('the number of arguments is that of the function', async t => {
  const db = open(t)
  await db.function('fn', (a, b) => 5)
  const message = 'wrong number of arguments to function fn()'
  await sqliteError(() => get(db, 'fn()'), 'SQLITE_ERROR', message)
  await sqliteError(() => get(db, 'fn(?)', 4), 'SQLITE_ERROR', message)
  await sqliteError(() => get(db, 'fn(?, ?, ?)', 4, 8, 3), 'SQLITE_ERROR', message)
  assert.equal(await get(db, 'fn(?, ?)', 4, 8), 5)
})

test('varargs takes any number of arguments, whatever the length', async t => {
  const db = open(t)
  const fn = Object.defineProperty((...args) => args.reduce((a, b) => a * b, 1), 'length', { value: '-2' })
  await db.function('fn', { varargs: true }, fn)
  assert.deepEqual([await get(db, 'fn()'), await get(db, 'fn(?)', 7), await get(db, 'fn(?, ?)', 4, 8), await get(db, 'fn(2,3,4,5,6,7)')],
    [1, 7, 32, 5040])
})

test('deterministic functions can be in an index, others cannot', async t => {
  const db = await open(t).exec('CREATE TABLE t (x)')
  await db.function('yes', { deterministic: true }, x => -x)
  await db.function('no', x => -x)
  await db.exec('CREATE INDEX i ON t (yes(x))')
  await sqliteError(() => db.exec('CREATE INDEX j ON t (no(x))'), 'SQLITE_ERROR',
    'non-deterministic functions prohibited in index expressions')
})

test('directOnly functions cannot be called from a view or a trigger', async t => {
  const db = open(t)
  await db.function('fn', { directOnly: true }, () => 5)
  await db.function('other', () => 6)
  await db.exec('CREATE VIEW v AS SELECT fn() AS x; CREATE VIEW w AS SELECT other() AS x')
  assert.equal(await get(db, 'fn()'), 5)
  assert.equal(await get(db, 'x FROM w'), 6)
  await sqliteError(() => get(db, 'x FROM v'), 'SQLITE_ERROR', 'unsafe use of fn()')
})

test('safeIntegers gives BigInts for integers, and numbers for reals', async t => {
  const db = open(t)
  await db.function('kind', { safeIntegers: true }, x => typeof x + x)
  assert.deepEqual(await (await db.prepare('SELECT kind(2), kind(2.0), kind(9007199254740993)')).raw().get(),
    ['bigint2', 'number2', 'bigint9007199254740993'])
})

test('this is undefined in the function', async t => {
  const db = open(t)
  let self = 1
  await db.function('fn', function () { self = this })
  await get(db, 'fn()')
  assert.equal(self, undefined)
})

test('a value of no type is a TypeError that names the function', async t => {
  const db = open(t)
  for (const value of [{}, [], true, Symbol('x'), () => {}, new Date(), Promise.resolve()]) {
    await db.function('fn', () => value)
    await typeError(() => get(db, 'fn()'), 'User-defined function fn() returned an invalid value')
  }
})

test('a BigInt beyond 64 bits is a RangeError', async t => {
  const db = open(t)
  await db.function('fn', () => 2n ** 63n)
  await rangeError(() => get(db, 'fn()'), 'User-defined function fn() returned a bigint that was too big')
})

test('what the function throws is thrown by identity', async t => {
  const db = open(t)
  const reasons = [new TypeError('foobar'), { yup: 'ok' }, 'text', '', null, undefined, 123.4, Symbol('x'), NaN, 0]
  for (const reason of reasons) {
    await db.function('fn', () => { throw reason })
    for (const call of [() => get(db, 'fn()'), async () => (await db.prepare('SELECT fn()')).all(), () => db.exec('SELECT fn()'),
      async () => (await db.prepare('SELECT fn()')).run(), async () => collect((await db.prepare('SELECT fn()')).iterate())]) {
      assert.ok(Object.is((await thrown(call)).error, reason))
    }
  }
})

test('after a throw the database and the statement work', async t => {
  const db = open(t)
  let fail = true
  await db.function('fn', () => { if (fail) throw new Error('x'); return 5 })
  const stmt = (await db.prepare('SELECT fn()')).pluck()
  await thrown(() => stmt.get())
  fail = false
  assert.equal(await stmt.get(), 5)
  assert.deepEqual([await stmt.all(), await collect(stmt.iterate())], [[5], [5]])
})

test('an error of SQLite after an error of a function is its own', async t => {
  const db = await open(t).exec('CREATE TABLE data (value)')
  const stmt = await db.prepare('SELECT value FROM data')
  await db.exec('DROP TABLE data')
  const reason = new Error('foo')
  await db.function('fn', () => { throw reason })
  assert.equal((await thrown(() => get(db, 'fn()'))).error, reason)
  await sqliteError(() => stmt.get(), 'SQLITE_ERROR', 'no such table: data')
})

test('a throw takes a write back', async t => {
  const db = await open(t).exec('CREATE TABLE t (x)')
  let calls = 0
  await db.function('fn', x => { if (++calls === 3) throw new Error('third'); return x })
  await throws(() => db.exec('INSERT INTO t SELECT fn(column1) FROM (VALUES (1), (2), (3), (4))'), { message: 'third' })
  assert.deepEqual(await (await db.prepare('SELECT * FROM t')).all(), [])
  assert.equal(db.inTransaction, false)
})

syncOnly('an error ends the iterator that met it', t => {
  const db = open(t).exec('CREATE TABLE n (v); INSERT INTO n VALUES (1), (2), (4), (8), (16)')
  let i = 0
  const reason = new Error('foo')
  db.function('fn', x => { if (++i >= 5) throw reason; return x })
  const iterator = db.prepare('SELECT fn(v) FROM n').pluck().iterate()
  const seen = []
  assert.equal(thrown(() => {
    for (const value of iterator) {
      seen.push(value)
      typeError(() => db.exec('SELECT 1'), BUSY)
    }
  }).error, reason)
  assert.deepEqual(seen, [1, 2, 4, 8])
  assert.deepEqual(iterator.next(), { value: undefined, done: true })
  db.exec('SELECT 1')
})

test('functions of one name are told apart by their number of arguments', async t => {
  const db = open(t)
  await db.function('fn', () => 0)
  await db.function('fn', a => 1)
  await db.function('fn', (a, b) => 2)
  await db.function('fn', (a, b, c) => 3)
  const all = async () => (await db.prepare('SELECT fn(), fn(1), fn(1, 1), fn(1, 1, 1)')).raw().get()
  assert.deepEqual(await all(), [0, 1, 2, 3])
  await db.function('fn', (a, b) => 'replaced')
  assert.deepEqual(await all(), [0, 1, 'replaced', 3])
})

test('a function registered a thousand times is the last', async t => {
  const db = open(t)
  for (let i = 0; i < 1000; ++i) await db.function('fn', { deterministic: true, varargs: true }, () => i)
  assert.equal(await get(db, 'fn()'), 999)
})

test('a function can take the place of a built-in one', async t => {
  const db = open(t)
  await db.function('upper', x => `mine ${x}`)
  assert.equal(await get(db, "upper('a')"), 'mine a')
})

syncOnly('the database is busy inside the function, for whatever uses it', async t => {
  const db = open(t)
  const stmt = db.prepare('SELECT 5')
  let checks = 0
  db.function('fn', () => {
    typeError(() => db.exec('SELECT 1'), BUSY)
    typeError(() => db.prepare('SELECT 1'), BUSY)
    typeError(() => db.pragma('cache_size'), BUSY)
    typeError(() => db.function('x', () => {}), BUSY)
    typeError(() => db.aggregate('x', { step () {} }), BUSY)
    typeError(() => db.table('x', () => {}), BUSY)
    typeError(() => db.close(), BUSY)
    typeError(() => stmt.get(), BUSY)
    typeError(() => stmt.all(), BUSY)
    typeError(() => stmt.run(), BUSY)
    typeError(() => stmt.iterate(), BUSY)
    ++checks
    return 2
  })
  assert.equal(await get(db, 'fn() + fn()'), 4)
  assert.equal(checks, 2)
  assert.equal(stmt.pluck().get(), 5)
})

syncOnly('another database can be used inside the function', async t => {
  const db = open(t)
  const other = open(t).exec('CREATE TABLE t (a, b); INSERT INTO t VALUES (1, 10), (2, 20)')
  const lookup = other.prepare('SELECT b FROM t WHERE a = ?').pluck()
  db.function('lookup', a => lookup.get(a))
  assert.deepEqual(db.prepare('SELECT lookup(column1) FROM (VALUES (1), (2), (3))').pluck().all(), [10, 20, null])
})

syncOnly('functions can call each other through two databases', async t => {
  const [one, two] = [open(t), open(t)]
  one.function('f', n => n === 0 ? 0 : g.get(n - 1) + 1)
  two.function('g', n => n)
  const g = two.prepare('SELECT g(?)').pluck()
  assert.equal(await get(one, 'f(5)'), 5)
})

syncOnly('the busy state does not outlive the function while iterating', t => {
  const db = open(t)
  db.function('fn', x => x * 2)
  for (const x of db.prepare('SELECT fn(555)').pluck().iterate()) {
    assert.equal(x, 1110)
    assert.equal(db.prepare('SELECT 5').pluck().get(), 5)
    typeError(() => db.exec('SELECT 1'), BUSY)
  }
  db.exec('SELECT 1')
})

syncOnly('a function cannot be registered while iterating', t => {
  const db = open(t)
  for (const x of db.prepare('SELECT 2').pluck().iterate()) {
    assert.equal(x, 2)
    typeError(() => db.function('a', () => {}), BUSY)
  }
  db.function('b', () => {})
})

test('a bound Buffer cannot be changed from inside the function', async t => {
  const db = open(t)
  const input = Buffer.alloc(8192, 0xbb)
  await db.function('fn', () => { input[0] = 2 })
  assert.deepEqual((await (await db.prepare('SELECT ?, fn()')).raw().get(input))[0], Buffer.alloc(8192, 0xbb))
})

test('a function is called once for each row, in order', async t => {
  const db = open(t)
  const seen = []
  await db.function('see', x => { seen.push(x); return x })
  const sql = 'WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 500) SELECT sum(see(x)) FROM n'
  assert.equal(await (await db.prepare(sql)).pluck().get(), 125250)
  assert.deepEqual(seen, Array.from({ length: 500 }, (_, i) => i + 1))
})

test('a function with a hundred arguments gets them in order', async t => {
  const db = open(t)
  let seen
  await db.function('fn', Object.defineProperty((...args) => { seen = args }, 'length', { value: 100 }))
  await get(db, `fn(${Array.from({ length: 100 }, (_, i) => i).join()})`)
  assert.deepEqual(seen, Array.from({ length: 100 }, (_, i) => i))
})

test('functions work in WHERE, ORDER BY, CHECK, DEFAULT and generated columns', async t => {
  const db = open(t, tempFile(t))
  await db.function('neg', { deterministic: true }, x => -x)
  await db.exec('CREATE TABLE t (x CHECK (neg(x) < 0), y AS (neg(x)))')
  await db.exec('INSERT INTO t VALUES (1), (2), (3)')
  await sqliteError(() => db.exec('INSERT INTO t VALUES (-1)'), 'SQLITE_CONSTRAINT_CHECK')
  assert.deepEqual(await (await db.prepare('SELECT x, y FROM t WHERE neg(x) <> -2 ORDER BY neg(x)')).raw().all(), [[3, -3], [1, -1]])
})

test('text with NUL and unpaired surrogates go in and out as values do', async t => {
  const db = open(t)
  let seen
  await db.function('same', x => { seen = x; return x })
  assert.equal(await get(db, 'same(?)', 'a\0b'), 'a\0b')
  assert.equal(seen, 'a\0b')
  assert.equal(await get(db, 'same(?)', 'x\ud800y'), 'x\ufffdy')
})

ours('a result that is too large is an error and not cut', async t => {
  const db = open(t, ':memory:', { limits: { length: 1000 } })
  await db.function('text', () => 'x'.repeat(2000))
  await db.function('blob', () => Buffer.alloc(2000))
  await throws(() => get(db, 'text()'), error => /too big/.test(error.message))
  await throws(() => get(db, 'blob()'), error => /too big/.test(error.message))
  assert.equal(await get(db, '5'), 5)
})

syncOnly('rows read before a function that queries and throws stay whole', async t => {
  const db = open(t)
  db.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, big, blob)')
  const insert = db.prepare('INSERT INTO t VALUES (?, ?, ?)')
  const big = id => `${id}`.repeat(10000)
  for (let id = 1; id <= 4; ++id) insert.run(id, big(id), Buffer.alloc(10, id))
  const inner = open(t).prepare("SELECT replace(hex(zeroblob(5000)), '0', 'x') AS big, x'ff00' AS blob")
  db.function('f', id => {
    inner.get()
    if (id === 3) throw new Error('third')
    return id
  })
  const rows = []
  const stmt = db.prepare('SELECT id, big, blob, f(id) AS f FROM t')
  throws(() => { for (const row of stmt.iterate()) rows.push(row) }, { message: 'third' })
  const row = id => ({ id, big: big(id), blob: Buffer.alloc(10, id), f: id })
  assert.deepEqual(rows, [row(1), row(2)])
})
