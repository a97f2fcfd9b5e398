'use strict'

// The first call of new SQL on a server: it is compiled and executed in one round trip, where its
// words say what it is.

const assert = require('node:assert/strict')
const { Database } = require('../../promise')
const { startFaulty } = require('../servers/faulty')
const { served, startSqld } = require('../servers/sqld')
const { cleanup } = require('../support')

async function open (t, options) {
  const { url } = await startSqld(t)
  const proxy = await startFaulty(t, { target: url })
  const db = new Database(proxy.url, options)
  cleanup(t, () => db.close())
  await db.exec('CREATE TABLE t (a INTEGER PRIMARY KEY, b); INSERT INTO t VALUES (1, 10), (2, 20)')
  const trips = async (work) => {
    const before = proxy.requests.length
    const result = await work()
    return [result, proxy.requests.length - before]
  }
  return { db, trips }
}

const failed = (call) => call.then(() => assert.fail('it succeeded'), (error) => error)
const count = async (db) => (await db.get('SELECT count(*) AS n FROM t')).n

served('new SQL takes one round trip, with its values, and is known from then on', async t => {
  const { db, trips } = await open(t)
  const calls = [
    [() => db.get('SELECT b FROM t WHERE a = ?', 2), { b: 20 }],
    [() => db.all('SELECT a FROM t ORDER BY a'), [{ a: 1 }, { a: 2 }]],
    [() => db.get('WITH c AS (SELECT :x AS x, @y AS y) SELECT * FROM c', { x: 'x', y: null }), { x: 'x', y: null }],
    [() => db.get('VALUES (?2, ?1)', { 1: 'one', 2: 'two' }), { column1: 'two', column2: 'one' }],
    [() => db.get('SELECT a FROM t WHERE a = 100'), undefined],
    [() => db.run('INSERT INTO t (b) VALUES (:b)', { b: 30 }), { changes: 1, lastInsertRowid: 3 }],
    [() => db.run('UPDATE t SET b = b + ?', 1), { changes: 3, lastInsertRowid: 3 }],
    [() => db.run('SELECT a FROM t WHERE b = 0'), { changes: 0, lastInsertRowid: 3 }],
    [() => db.all('SELECT b FROM t WHERE b > ? ORDER BY b', [20], { timeout: 60000 }), [{ b: 21 }, { b: 31 }]],
    [() => db.run('DELETE FROM t WHERE a = 3'), { changes: 1, lastInsertRowid: 3 }]
  ]
  for (const [call, result] of calls) {
    assert.deepEqual(await trips(call), [result, 1], String(call))
  }
  const stmt = () => db.prepare('SELECT b FROM t WHERE a = ?')
  const [known, asked] = await trips(stmt)
  assert.equal(asked, 0)
  assert.deepEqual([known.reader, known.readonly, known.columns().map(({ name }) => name)], [true, true, ['b']])
  assert.deepEqual(await trips(() => known.get(1)), [{ b: 11 }, 1])
})

served('calls of the same new SQL that are made together cross together', async t => {
  const { db, trips } = await open(t)
  const all = () => Promise.all([1, 2, 3, 1].map((a) => db.get('SELECT b FROM t WHERE a = ?', a)))
  assert.deepEqual(await trips(all), [[{ b: 10 }, { b: 20 }, undefined, { b: 10 }], 1])
  const mixed = () => Promise.all([db.run('INSERT INTO t VALUES (3, 30)'), db.get('SELECT max(a) AS a FROM t'),
    db.run('DELETE FROM t WHERE a = 3'), db.get('SELECT max(a) AS a FROM t WHERE a < 100')])
  const [[, during, deleted, after], asked] = await trips(mixed)
  assert.deepEqual([during, deleted.changes, after, asked], [{ a: 3 }, 1, { a: 2 }, 1])
})

served('inside a transaction, too', async t => {
  const { db, trips } = await open(t)
  const inside = db.transaction(async () => {
    const run = () => db.run('INSERT INTO t VALUES (3, ?)', 30)
    assert.deepEqual(await trips(run), [{ changes: 1, lastInsertRowid: 3 }, 1])
    assert.deepEqual(await trips(() => db.get('SELECT b FROM t WHERE a = 3')), [{ b: 30 }, 1])
    assert.match((await failed(db.run('INSERT INTO t VALUES (3, 40)'))).message, /UNIQUE constraint failed: t\.a/)
    throw new Error('undo')
  })
  assert.equal((await failed(inside())).message, 'undo')
  assert.equal(await count(db), 2)
})

served('SQL that does not compile fails as prepare() does', async t => {
  const { db, trips } = await open(t)
  const tries = ['SELECT * FROM nobody', 'SELECT a FROM t WHERE', 'SELECT nothing FROM t', 'INSERT INTO nobody VALUES (1)',
    'INSERT INTO t VALUES (1', 'UPDATE t SET c = 1', 'SELECT 1 2', 'VALUES (1), (2, 3)', "SELECT 'open"]
  for (const sql of tries) {
    const [error, asked] = await trips(() => failed(db.run(sql)))
    const expected = await failed(db.prepare(sql))
    for (const name of ['name', 'message', 'code', 'offset', 'sql', 'database', 'outcome']) {
      assert.deepEqual(error[name], expected[name], `${name} of ${sql}`)
    }
    assert.equal(asked, 1, sql)
    assert.equal((await failed(db.all(sql))).message, expected.message)
  }
  // It is not remembered.
  await db.exec('CREATE TABLE nobody (a)')
  assert.equal((await db.run('INSERT INTO nobody VALUES (1)')).changes, 1)
})

served('what is wrong with a call is said before anything runs, and mistakes of the SQL first', async t => {
  const { db } = await open(t)
  const text = async (call) => {
    const { name, message } = await failed(call)
    return `${name}: ${message}`
  }
  const insert = 'INSERT INTO t VALUES (?, ?)'
  const tries = [
    [() => db.run(insert, 3), /^RangeError: Too few parameter values were provided/],
    [() => db.run(insert, 3, 4, 5), /^RangeError: Too many parameter values were provided/],
    [() => db.run(insert, 3, Symbol('x')), /^TypeError: /],
    [() => db.run('INSERT INTO t VALUES (3, :b)', {}), /^RangeError: Missing named parameter "b"/],
    [() => db.get('INSERT INTO t VALUES (3, 4)'), /^TypeError: This statement does not return data/],
    [() => db.all('DELETE FROM t'), /^TypeError: This statement does not return data/],
    [() => db.run('INSERT INTO t VALUES (3, 4); SELECT 1'), /^RangeError: .*more than one statement/],
    [() => db.run('INSERT INTO nobody VALUES (?)', Symbol('x')), /^SqliteError: no such table: nobody/],
    [() => db.all('INSERT INTO nobody VALUES (1)'), /^SqliteError: no such table: nobody/]
  ]
  for (const [call, expected] of tries) {
    assert.match(await text(call()), expected)
    assert.equal(await count(db), 2)
  }
  // What returns rows is one that writes, all the same.
  assert.deepEqual(await db.get('INSERT INTO t VALUES (3, 30) RETURNING b'), { b: 30 })
  assert.equal(await count(db), 3)
})

served('one that fails as it runs has its own error, and is known', async t => {
  const { db, trips } = await open(t)
  const sql = 'INSERT INTO t VALUES (?, 1)'
  const [error, asked] = await trips(() => failed(db.run(sql, 1)))
  assert.deepEqual([error.code, error.sql, asked], ['SQLITE_CONSTRAINT_UNIQUE', sql, 1])
  assert.deepEqual(await trips(() => db.run(sql, 3)), [{ changes: 1, lastInsertRowid: 3 }, 1])
})
