'use strict'

const assert = require('node:assert/strict')
const test = require('node:test')
const { BUSY, STATEMENT_BUSY, open, rangeError, thrown, typeError } = require('./support')

const blob = Buffer.from('dddddddd', 'hex')
const DONE = { value: undefined, done: true }

function setup (t) {
  return open(t).exec(`
    CREATE TABLE entries (a TEXT, b INTEGER, c REAL, d BLOB, e TEXT);
    INSERT INTO entries WITH RECURSIVE n (b) AS (SELECT 1 UNION ALL SELECT b + 1 FROM n LIMIT 10)
      SELECT 'foo', b, 3.14, x'dddddddd', NULL FROM n;
  `)
}

test('iterate() of a statement that returns no data is a TypeError', t => {
  const db = setup(t)
  for (const sql of ['INSERT INTO entries (a) VALUES (1)', 'CREATE TABLE IF NOT EXISTS entries (a)', 'BEGIN']) {
    typeError(() => db.prepare(sql).iterate(), 'This statement does not return data. Use run() instead')
  }
  db.exec('DELETE FROM entries')
})

test('an iterator has next, return and itself, and no throw', t => {
  const iterator = setup(t).prepare('SELECT * FROM entries').iterate()
  assert.deepEqual([typeof iterator, typeof iterator.next, typeof iterator.return, iterator.throw],
    ['object', 'function', 'function', undefined])
  assert.equal(iterator[Symbol.iterator](), iterator)
  iterator.return()
})

test('an iterator gives every row in order and then ends', t => {
  const stmt = setup(t).prepare('SELECT * FROM entries ORDER BY rowid')
  const iterator = stmt.iterate()
  for (let b = 1; b <= 10; ++b) {
    const result = iterator.next()
    assert.deepEqual(result, { value: { a: 'foo', b, c: 3.14, d: blob, e: null }, done: false })
    assert.deepEqual(Object.keys(result), ['value', 'done'])
  }
  assert.deepEqual(iterator.next(), DONE)
  assert.deepEqual(iterator.next(), DONE)
})

test('a statement is busy from iterate() to the end', t => {
  const stmt = setup(t).prepare('SELECT b FROM entries LIMIT 2')
  assert.equal(stmt.busy, false)
  const iterator = stmt.iterate()
  assert.equal(stmt.busy, true)
  iterator.next()
  assert.equal(stmt.busy, true)
  iterator.next()
  assert.equal(stmt.busy, true)
  assert.deepEqual(iterator.next(), DONE)
  assert.equal(stmt.busy, false)
})

test('each iterate() returns another iterator', t => {
  const stmt = setup(t).prepare('SELECT b FROM entries')
  const one = stmt.iterate()
  one.return()
  const two = stmt.iterate()
  assert.notEqual(one, two)
  two.return()
})

test('an iterator knows its statement', t => {
  const stmt = setup(t).prepare('SELECT 1')
  const iterator = stmt.iterate()
  assert.equal(iterator.statement, stmt)
  iterator.return()
})

test('the class of iterators cannot be constructed', t => {
  const iterator = setup(t).prepare('SELECT 1').iterate()
  iterator.return()
  typeError(() => new iterator.constructor())
})

test('iterate() of RETURNING gives what was written', t => {
  const db = setup(t)
  const stmt = db.prepare("INSERT INTO entries (a, b) VALUES ('bar', 888), ('baz', 999) RETURNING a, b")
  assert.deepEqual([...stmt.iterate()], [{ a: 'bar', b: 888 }, { a: 'baz', b: 999 }])
  assert.deepEqual(db.prepare('SELECT a FROM entries WHERE b > 800').pluck().all(), ['bar', 'baz'])
})

test('iterate() obeys pluck, raw and expand', t => {
  const stmt = setup(t).prepare('SELECT b, 2.5 AS c FROM entries WHERE b < 3 ORDER BY rowid')
  assert.deepEqual([...stmt.pluck().iterate()], [1, 2])
  assert.deepEqual([...stmt.raw().iterate()], [[1, 2.5], [2, 2.5]])
  assert.deepEqual([...stmt.expand().iterate()], [{ entries: { b: 1 }, $: { c: 2.5 } },
    { entries: { b: 2 }, $: { c: 2.5 } }])
  assert.deepEqual([...stmt.expand(false).iterate()], [{ b: 1, c: 2.5 }, { b: 2, c: 2.5 }])
})

test('a break ends the iterator', t => {
  const stmt = setup(t).prepare('SELECT b FROM entries ORDER BY b').pluck()
  const iterator = stmt.iterate()
  for (const b of iterator) { assert.equal(b, 1); break } // eslint-disable-line no-unreachable-loop
  assert.equal(stmt.busy, false)
  assert.deepEqual(iterator.next(), DONE)
  assert.deepEqual([...iterator], [])
  assert.deepEqual([...stmt.iterate()], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
})

test('a throw in the loop ends the iterator', t => {
  const stmt = setup(t).prepare('SELECT b FROM entries ORDER BY b').pluck()
  const iterator = stmt.iterate()
  const reason = new Error('foobar')
  const loop = () => {
    for (const b of iterator) if (b === 1) throw reason
  }
  assert.equal(thrown(loop).error, reason)
  assert.equal(stmt.busy, false)
  assert.deepEqual(iterator.next(), DONE)
})

test('return() ends the iterator and gives no value, any number of times', t => {
  const stmt = setup(t).prepare('SELECT b FROM entries')
  const iterator = stmt.iterate()
  iterator.next()
  assert.deepEqual(iterator.return(), DONE)
  assert.deepEqual(iterator.return(5), DONE)
  assert.deepEqual(iterator.next(), DONE)
  assert.equal(stmt.busy, false)
})

test('an iterator without rows ends at once', t => {
  const stmt = setup(t).prepare('SELECT * FROM entries WHERE b = 999')
  const iterator = stmt.iterate()
  assert.equal(stmt.busy, true)
  assert.deepEqual(iterator.next(), DONE)
  assert.equal(stmt.busy, false)
  assert.deepEqual([...stmt.pluck().iterate()], [])
})

test('iterate() takes parameters and keeps them until its end', t => {
  const db = setup(t)
  const stmt = db.prepare('SELECT b FROM entries WHERE b > ? AND b < ? ORDER BY b').pluck()
  assert.deepEqual([...stmt.iterate(3, 6)], [4, 5])
  assert.deepEqual([...stmt.iterate([3], [6])], [4, 5])
  assert.deepEqual([...db.prepare('SELECT b FROM entries WHERE b > @low AND b < $high').pluck().iterate({ low: 3, high: 6 })], [4, 5])
})

test('wrong parameters are errors at iterate() and leave the statement free', t => {
  const db = setup(t)
  const positional = db.prepare('SELECT b FROM entries WHERE a = ? AND b = ?')
  const named = db.prepare('SELECT b FROM entries WHERE a = @a AND b = @b')
  rangeError(() => positional.iterate(), 'Too few parameter values were provided')
  rangeError(() => positional.iterate(1, 2, 3), 'Too many parameter values were provided')
  typeError(() => positional.iterate(1, new (class {})()), 'SQLite3 can only bind numbers, strings, bigints, buffers, and null')
  typeError(() => named.iterate(), 'Missing named parameters')
  typeError(() => named.iterate({ a: 1, b: 2 }, {}), 'You cannot specify named parameters in two different objects')
  typeError(() => named.iterate({ a: 1, b: 2 }, () => {}))
  rangeError(() => named.iterate({ a: 1 }), 'Missing named parameter "b"')
  assert.deepEqual([positional.busy, named.busy], [false, false])
  db.exec('DELETE FROM entries')
})

test('two statements can be iterated in turns', t => {
  const db = setup(t)
  const up = db.prepare('SELECT b FROM entries ORDER BY b').pluck().iterate()
  const down = db.prepare('SELECT b FROM entries ORDER BY b DESC').pluck().iterate()
  const seen = []
  for (let i = 0; i < 10; ++i) seen.push([up.next().value, down.next().value])
  assert.deepEqual(seen, Array.from({ length: 10 }, (_, i) => [i + 1, 10 - i]))
  assert.deepEqual([up.next(), down.next()], [DONE, DONE])
})

test('three nested loops give each row to its own', t => {
  const db = setup(t)
  const select = () => db.prepare('SELECT b FROM entries WHERE b <= 3 ORDER BY b').pluck()
  const [x, y, z] = [select(), select(), select()]
  const seen = []
  for (const i of x.iterate()) {
    for (const j of y.iterate()) {
      for (const k of z.iterate()) seen.push(100 * i + 10 * j + k)
    }
  }
  assert.deepEqual([seen.length, seen[0], seen[13], seen[26]], [27, 111, 222, 333])
})

test('the same statement cannot be iterated twice at once', t => {
  const stmt = setup(t).prepare('SELECT b FROM entries')
  const iterator = stmt.iterate()
  typeError(() => stmt.iterate(), STATEMENT_BUSY)
  iterator.next()
  typeError(() => stmt.iterate(), STATEMENT_BUSY)
  iterator.return()
  stmt.iterate().return()
})

test('the modes of a statement cannot be changed while it is iterated', t => {
  const stmt = setup(t).prepare('SELECT b FROM entries')
  const iterator = stmt.iterate()
  for (const method of ['pluck', 'expand', 'raw', 'safeIntegers', 'bind']) {
    typeError(() => stmt[method](), STATEMENT_BUSY)
  }
  iterator.return()
  assert.equal(stmt.pluck().get(), 1)
})

test('columns(), toString() and the properties can be asked while iterating', t => {
  const stmt = setup(t).prepare('SELECT b FROM entries')
  const iterator = stmt.iterate()
  iterator.next()
  assert.equal(stmt.columns()[0].name, 'b')
  assert.equal(stmt.toString(), 'SELECT b FROM entries')
  assert.deepEqual([stmt.source, stmt.reader, stmt.busy], ['SELECT b FROM entries', true, true])
  iterator.return()
})

test('writers are blocked from iterate() to the end, not by a finished iterator', t => {
  const db = setup(t)
  const insert = db.prepare('INSERT INTO entries (b) VALUES (11)')
  const iterator = db.prepare('SELECT b FROM entries LIMIT 1').iterate()
  typeError(() => insert.run(), BUSY)
  iterator.next()
  typeError(() => insert.run(), BUSY)
  iterator.next()
  assert.equal(insert.run().changes, 1)
})

test('INSERT ... RETURNING through get() is allowed while iterating', t => {
  const db = setup(t)
  const insert = db.prepare('INSERT INTO entries (b) VALUES (?) RETURNING b').pluck()
  const other = db.prepare('SELECT 1 UNION SELECT 2').pluck()
  const seen = []
  for (const x of other.iterate()) seen.push(insert.get(100 + x))
  assert.deepEqual(seen, [101, 102])
  assert.equal(db.prepare('SELECT count(*) FROM entries').pluck().get(), 12)
})

test('next() and return() are blocked inside a user function', t => {
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

test('an iterator that steps into itself is busy', t => {
  const db = setup(t)
  db.function('again', () => { typeError(() => iterator.next(), BUSY); return 8 })
  const iterator = db.prepare('SELECT again()').pluck().iterate()
  assert.deepEqual([...iterator], [8])
})

test('an error while stepping is thrown once and ends the iterator', t => {
  const db = setup(t)
  const reason = new Error('five')
  db.function('f', b => { if (b === 5) throw reason; return b })
  const stmt = db.prepare('SELECT f(b) FROM entries ORDER BY rowid').pluck()
  const iterator = stmt.iterate()
  const seen = []
  assert.equal(thrown(() => { for (const b of iterator) seen.push(b) }).error, reason)
  assert.deepEqual(seen, [1, 2, 3, 4])
  assert.deepEqual(iterator.next(), DONE)
  assert.equal(stmt.busy, false)
  db.exec('DELETE FROM entries')
})

test('every row comes out whatever their number', t => {
  const db = open(t)
  const stmt = db.prepare('WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT ?) SELECT x FROM n').pluck()
  for (const count of [1, 2, 31, 32, 33, 63, 64, 65, 128, 129, 1000, 5000, 70000]) {
    let expected = 0
    for (const x of stmt.iterate(count)) assert.equal(x, ++expected)
    assert.equal(expected, count)
  }
})

test('large rows come out whole', t => {
  const db = open(t)
  const stmt = db.prepare("WITH RECURSIVE n (x) AS (SELECT 0 UNION ALL SELECT x + 1 FROM n LIMIT 21) SELECT printf('%.*c', 1 << x, 'x') AS s FROM n").pluck()
  let i = 0
  for (const s of stmt.iterate()) assert.equal(s, 'x'.repeat(2 ** i++))
  assert.equal(i, 21)
})

test('rows are kept by the user after the iterator went on', t => {
  const rows = []
  for (const row of setup(t).prepare('SELECT b, d FROM entries ORDER BY b').iterate()) rows.push(row)
  assert.deepEqual(rows, Array.from({ length: 10 }, (_, i) => ({ b: i + 1, d: blob })))
})

test('only the end of an iterator frees its database and its statement', t => {
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
