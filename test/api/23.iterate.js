'use strict'

const assert = require('node:assert/strict')
const {
  BUSY, PROMISES, STATEMENT_BUSY, busy, collect, needs, open, rangeError, syncOnly, test, thrown,
  typeError, whileIterating
} = require('../support')

const blob = Buffer.from('dddddddd', 'hex')
const DONE = { value: undefined, done: true }

function setup (t) {
  return open(t).exec(`
    CREATE TABLE entries (a TEXT, b INTEGER, c REAL, d BLOB, e TEXT);
    INSERT INTO entries WITH RECURSIVE n (b) AS (SELECT 1 UNION ALL SELECT b + 1 FROM n LIMIT 10)
      SELECT 'foo', b, 3.14, x'dddddddd', NULL FROM n;
  `)
}

test('iterate() of a statement that returns no data is a TypeError', async t => {
  const db = await setup(t)
  for (const sql of ['INSERT INTO entries (a) VALUES (1)', 'CREATE TABLE IF NOT EXISTS entries (a)', 'BEGIN']) {
    await typeError(async () => (await db.prepare(sql)).iterate(), 'This statement does not return data. Use run() instead')
  }
  await db.exec('DELETE FROM entries')
})

test('an iterator has next, return and itself, and no throw', async t => {
  const db = await setup(t)
  const iterator = (await db.prepare('SELECT * FROM entries')).iterate()
  assert.deepEqual([typeof iterator, typeof iterator.next, typeof iterator.return, iterator.throw],
    ['object', 'function', 'function', undefined])
  assert.equal(iterator[PROMISES ? Symbol.asyncIterator : Symbol.iterator](), iterator)
  await iterator.return()
})

test('an iterator gives every row in order and then ends', async t => {
  const db = await setup(t)
  const stmt = await db.prepare('SELECT * FROM entries ORDER BY rowid')
  const iterator = stmt.iterate()
  for (let b = 1; b <= 10; ++b) {
    const result = await iterator.next()
    assert.deepEqual(result, { value: { a: 'foo', b, c: 3.14, d: blob, e: null }, done: false })
    assert.deepEqual(Object.keys(result), ['value', 'done'])
  }
  assert.deepEqual(await iterator.next(), DONE)
  assert.deepEqual(await iterator.next(), DONE)
})

whileIterating('a statement is busy from iterate() to the end', async t => {
  const db = await setup(t)
  const stmt = await db.prepare('SELECT b FROM entries LIMIT 2')
  busy(stmt, false)
  const iterator = stmt.iterate()
  busy(stmt, true)
  await iterator.next()
  busy(stmt, true)
  await iterator.next()
  busy(stmt, true)
  assert.deepEqual(await iterator.next(), DONE)
  busy(stmt, false)
})

test('each iterate() returns another iterator', async t => {
  const db = await setup(t)
  const stmt = await db.prepare('SELECT b FROM entries')
  const one = stmt.iterate()
  await one.return()
  const two = stmt.iterate()
  assert.notEqual(one, two)
  await two.return()
})

test('an iterator knows its statement', async t => {
  const db = await setup(t)
  const stmt = await db.prepare('SELECT 1')
  const iterator = stmt.iterate()
  assert.equal(iterator.statement, stmt)
  await iterator.return()
})

test('the class of iterators cannot be constructed', async t => {
  const db = await setup(t)
  const iterator = (await db.prepare('SELECT 1')).iterate()
  await iterator.return()
  await typeError(() => new iterator.constructor())
})

test('iterate() of RETURNING gives what was written', async t => {
  const db = await setup(t)
  const stmt = await db.prepare("INSERT INTO entries (a, b) VALUES ('bar', 888), ('baz', 999) RETURNING a, b")
  assert.deepEqual(await collect(stmt.iterate()), [{ a: 'bar', b: 888 }, { a: 'baz', b: 999 }])
  assert.deepEqual(await (await db.prepare('SELECT a FROM entries WHERE b > 800')).pluck().all(), ['bar', 'baz'])
})

needs('stmt.expand()')('iterate() obeys pluck, raw and expand', async t => {
  const db = await setup(t)
  const stmt = await db.prepare('SELECT b, 2.5 AS c FROM entries WHERE b < 3 ORDER BY rowid')
  assert.deepEqual(await collect(stmt.pluck().iterate()), [1, 2])
  assert.deepEqual(await collect(stmt.raw().iterate()), [[1, 2.5], [2, 2.5]])
  assert.deepEqual(await collect(stmt.expand().iterate()), [{ entries: { b: 1 }, $: { c: 2.5 } },
    { entries: { b: 2 }, $: { c: 2.5 } }])
  const plain = [{ b: 1, c: 2.5 }, { b: 2, c: 2.5 }]
  assert.deepEqual(await collect(stmt.expand(false).iterate()), plain)
})

test('a break ends the iterator', async t => {
  const db = await setup(t)
  const stmt = (await db.prepare('SELECT b FROM entries ORDER BY b')).pluck()
  const iterator = stmt.iterate()
  const seen = []
  for await (const b of iterator) if (seen.push(b)) break
  assert.deepEqual(seen, [1])
  busy(stmt, false)
  assert.deepEqual(await iterator.next(), DONE)
  assert.deepEqual(await collect(iterator), [])
  assert.deepEqual(await collect(stmt.iterate()), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
})

test('a throw in the loop ends the iterator', async t => {
  const db = await setup(t)
  const stmt = (await db.prepare('SELECT b FROM entries ORDER BY b')).pluck()
  const iterator = stmt.iterate()
  const reason = new Error('foobar')
  const loop = async () => {
    for await (const b of iterator) if (b === 1) throw reason
  }
  assert.equal((await thrown(loop)).error, reason)
  busy(stmt, false)
  assert.deepEqual(await iterator.next(), DONE)
})

test('return() ends the iterator and gives no value, any number of times', async t => {
  const db = await setup(t)
  const stmt = await db.prepare('SELECT b FROM entries')
  const iterator = stmt.iterate()
  await iterator.next()
  assert.deepEqual(await iterator.return(), DONE)
  // As that of an async generator.
  assert.deepEqual(await iterator.return(5), PROMISES ? { value: 5, done: true } : DONE)
  assert.deepEqual(await iterator.next(), DONE)
  busy(stmt, false)
})

whileIterating('an iterator without rows ends at once', async t => {
  const db = await setup(t)
  const stmt = await db.prepare('SELECT * FROM entries WHERE b = 999')
  const iterator = stmt.iterate()
  busy(stmt, true)
  assert.deepEqual(await iterator.next(), DONE)
  busy(stmt, false)
  assert.deepEqual(await collect(stmt.pluck().iterate()), [])
})

test('iterate() takes parameters and keeps them until its end', async t => {
  const db = await setup(t)
  const stmt = (await db.prepare('SELECT b FROM entries WHERE b > ? AND b < ? ORDER BY b')).pluck()
  assert.deepEqual(await collect(stmt.iterate(3, 6)), [4, 5])
  assert.deepEqual(await collect(stmt.iterate([3], [6])), [4, 5])
  assert.deepEqual(await collect((await db.prepare('SELECT b FROM entries WHERE b > @low AND b < $high')).pluck().iterate({ low: 3, high: 6 })), [4, 5])
})

// What is wrong is known at once, or when the first row is asked for.
function start (stmt, ...params) {
  const iterator = stmt.iterate(...params)
  return PROMISES ? iterator.next() : iterator
}

test('wrong parameters are errors at iterate() and leave the statement free', async t => {
  const db = await setup(t)
  const positional = await db.prepare('SELECT b FROM entries WHERE a = ? AND b = ?')
  const named = await db.prepare('SELECT b FROM entries WHERE a = @a AND b = @b')
  await rangeError(() => start(positional), 'Too few parameter values were provided')
  await rangeError(() => start(positional, 1, 2, 3), 'Too many parameter values were provided')
  await typeError(() => start(positional, 1, new (class {})()), 'SQLite3 can only bind numbers, strings, bigints, buffers, and null')
  await typeError(() => start(named), 'Missing named parameters')
  await typeError(() => start(named, { a: 1, b: 2 }, {}), 'You cannot specify named parameters in two different objects')
  await typeError(() => start(named, { a: 1, b: 2 }, () => {}))
  await rangeError(() => start(named, { a: 1 }), 'Missing named parameter "b"')
  busy(positional, false)
  busy(named, false)
  await db.exec('DELETE FROM entries')
})

test('two statements can be iterated in turns', async t => {
  const db = await setup(t)
  const up = (await db.prepare('SELECT b FROM entries ORDER BY b')).pluck().iterate()
  const down = (await db.prepare('SELECT b FROM entries ORDER BY b DESC')).pluck().iterate()
  const seen = []
  for (let i = 0; i < 10; ++i) seen.push([(await up.next()).value, (await down.next()).value])
  assert.deepEqual(seen, Array.from({ length: 10 }, (_, i) => [i + 1, 10 - i]))
  assert.deepEqual([await up.next(), await down.next()], [DONE, DONE])
})

test('three nested loops give each row to its own', async t => {
  const db = await setup(t)
  const select = async () => (await db.prepare('SELECT b FROM entries WHERE b <= 3 ORDER BY b')).pluck()
  const [x, y, z] = [await select(), await select(), await select()]
  const seen = []
  for await (const i of x.iterate()) {
    for await (const j of y.iterate()) {
      for await (const k of z.iterate()) seen.push(100 * i + 10 * j + k)
    }
  }
  assert.deepEqual([seen.length, seen[0], seen[13], seen[26]], [27, 111, 222, 333])
})

whileIterating('the same statement cannot be iterated twice at once', t => {
  const stmt = setup(t).prepare('SELECT b FROM entries')
  const iterator = stmt.iterate()
  typeError(() => stmt.iterate(), STATEMENT_BUSY)
  iterator.next()
  typeError(() => stmt.iterate(), STATEMENT_BUSY)
  iterator.return()
  stmt.iterate().return()
})

whileIterating('the modes of a statement cannot be changed while it is iterated', t => {
  const stmt = setup(t).prepare('SELECT b FROM entries')
  const iterator = stmt.iterate()
  for (const method of ['pluck', 'expand', 'raw', 'safeIntegers', 'bind']) {
    typeError(() => stmt[method](), STATEMENT_BUSY)
  }
  iterator.return()
  assert.equal(stmt.pluck().get(), 1)
})

whileIterating('columns(), toString() and the properties can be asked while iterating', async t => {
  const db = await setup(t)
  const stmt = await db.prepare('SELECT b FROM entries')
  const iterator = stmt.iterate()
  await iterator.next()
  assert.equal(stmt.columns()[0].name, 'b')
  assert.equal(stmt.toString(), 'SELECT b FROM entries')
  assert.deepEqual([stmt.source, stmt.reader], ['SELECT b FROM entries', true])
  busy(stmt, true)
  await iterator.return()
})

whileIterating('writers are blocked from iterate() to the end, not by a finished iterator', t => {
  const db = setup(t)
  const insert = db.prepare('INSERT INTO entries (b) VALUES (11)')
  const iterator = db.prepare('SELECT b FROM entries LIMIT 1').iterate()
  typeError(() => insert.run(), BUSY)
  iterator.next()
  typeError(() => insert.run(), BUSY)
  iterator.next()
  assert.equal(insert.run().changes, 1)
})

test('INSERT ... RETURNING through get() is allowed while iterating', async t => {
  const db = await setup(t)
  const insert = (await db.prepare('INSERT INTO entries (b) VALUES (?) RETURNING b')).pluck()
  const other = (await db.prepare('SELECT 1 UNION SELECT 2')).pluck()
  const seen = []
  for await (const x of other.iterate()) seen.push(await insert.get(100 + x))
  assert.deepEqual(seen, [101, 102])
  assert.equal(await (await db.prepare('SELECT count(*) FROM entries')).pluck().get(), 12)
})

needs('function()', syncOnly)('next() and return() are blocked inside a user function', t => {
  const db = setup(t)
  db.function('f', () => {
    typeError(() => iterator.next(), BUSY)
    typeError(() => iterator.return(), BUSY)
  })
  const iterator = db.prepare('SELECT b FROM entries').pluck().iterate()
  db.prepare('SELECT f()').get()
  assert.deepEqual(iterator.next(), { value: 1, done: false })
  iterator.return()
})

needs('function()', syncOnly)('an iterator that steps into itself is busy', t => {
  const db = setup(t)
  db.function('again', () => { typeError(() => iterator.next(), BUSY); return 8 })
  const iterator = db.prepare('SELECT again()').pluck().iterate()
  assert.deepEqual([...iterator], [8])
})

needs('function()')('an error while stepping is thrown once and ends the iterator', async t => {
  const db = await setup(t)
  const reason = new Error('five')
  await db.function('f', b => { if (b === 5) throw reason; return b })
  const stmt = (await db.prepare('SELECT f(b) FROM entries ORDER BY rowid')).pluck()
  const iterator = stmt.iterate()
  const seen = []
  const loop = async () => { for await (const b of iterator) seen.push(b) }
  assert.equal((await thrown(loop)).error, reason)
  assert.deepEqual(seen, [1, 2, 3, 4])
  assert.deepEqual(await iterator.next(), DONE)
  busy(stmt, false)
  await db.exec('DELETE FROM entries')
})

test('every row comes out whatever their number', async t => {
  const db = open(t)
  const stmt = (await db.prepare('WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT ?) SELECT x FROM n')).pluck()
  for (const count of [1, 2, 31, 32, 33, 63, 64, 65, 128, 129, 1000, 5000, 70000]) {
    let expected = 0
    for await (const x of stmt.iterate(count)) assert.equal(x, ++expected)
    assert.equal(expected, count)
  }
})

test('large rows come out whole', async t => {
  const db = open(t)
  const stmt = (await db.prepare("WITH RECURSIVE n (x) AS (SELECT 0 UNION ALL SELECT x + 1 FROM n LIMIT 21) SELECT printf('%.*c', 1 << x, 'x') AS s FROM n")).pluck()
  let i = 0
  for await (const s of stmt.iterate()) assert.equal(s, 'x'.repeat(2 ** i++))
  assert.equal(i, 21)
})

test('rows are kept by the user after the iterator went on', async t => {
  const rows = []
  const db = await setup(t)
  for await (const row of (await db.prepare('SELECT b, d FROM entries ORDER BY b')).iterate()) rows.push(row)
  assert.deepEqual(rows, Array.from({ length: 10 }, (_, i) => ({ b: i + 1, d: blob })))
})

whileIterating('only the end of an iterator frees its database and its statement', t => {
  const db = setup(t)
  const stmt = db.prepare('SELECT b FROM entries')
  const iterator = stmt.iterate()
  iterator.next()
  typeError(() => db.exec('DELETE FROM entries'), BUSY)
  db.unsafeMode(true)
  db.exec('UPDATE entries SET a = 5')
  typeError(() => stmt.get(), STATEMENT_BUSY)
  iterator.return()
  assert.deepEqual(stmt.get(), { b: 1 })
})
