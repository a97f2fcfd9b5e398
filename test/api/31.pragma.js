'use strict'

const assert = require('node:assert/strict')
const fs = require('node:fs')
const {
  BUSY, needs, open, rangeError, sqliteError, tempFile, test, typeError, whileIterating
} = require('../support')

test('pragma() of anything but a string is a TypeError', async t => {
  const db = open(t)
  const message = 'Expected first argument to be a string'
  for (const args of [[], [123], [0], [null], [{}], [['x']]]) await typeError(() => db.pragma(...args), message)
  await typeError(() => db.pragma(new String('x')), message) // eslint-disable-line no-new-wrappers
})

test('options that are not an object are a TypeError', async t => {
  const db = open(t)
  for (const options of [true, 123, () => {}, NaN, 'true']) {
    await typeError(() => db.pragma('cache_size', options), 'Expected second argument to be an options object')
  }
  assert.equal((await db.pragma('cache_size', null)).length, 1)
})

test('simple is a strict boolean', async t => {
  const db = open(t)
  for (const simple of [undefined, null, 1, 'true']) {
    await typeError(() => db.pragma('cache_size', { simple }), 'Expected the "simple" option to be a boolean')
  }
})

test('invalid SQL is an SqliteError and a second statement a RangeError', async t => {
  const db = open(t)
  await sqliteError(() => db.pragma('PRAGMA cache_size'), 'SQLITE_ERROR', 'near "cache_size": syntax error')
  await rangeError(() => db.pragma('cache_size; PRAGMA cache_size'),
    'The supplied SQL string contains more than one statement')
  await rangeError(() => db.pragma('cache_size; DROP TABLE t'))
})

needs('settings of the connection')('pragma() returns rows', async t => {
  assert.deepEqual(await open(t).pragma('cache_size'), [{ cache_size: -16000 }])
  assert.deepEqual(await open(t).pragma('cache_size', { simple: false }), [{ cache_size: -16000 }])
})

needs('settings of the connection')('simple returns the first column of the first row', async t => {
  const db = await open(t).exec('CREATE TABLE t (a TEXT, b)')
  assert.equal(await db.pragma('cache_size', { simple: true }), -16000)
  assert.equal(await db.pragma('table_info(t)', { simple: true }), 0)
})

test('simple without a row is undefined, and no row an empty array', async t => {
  const db = open(t)
  assert.equal(await db.pragma('table_info', { simple: true }), undefined)
  assert.equal(await db.pragma('table_info(missing)', { simple: true }), undefined)
  assert.deepEqual(await db.pragma('table_info(missing)'), [])
})

needs('settings of the connection')('a pragma that returns no columns is an empty array', async t => {
  const db = open(t)
  assert.deepEqual(await db.pragma('cache_size = 5'), [])
  assert.equal(await db.pragma('cache_size = 5', { simple: true }), undefined)
  assert.deepEqual(await db.pragma('unknown_pragma'), [])
})

test('table_info describes a table', async t => {
  const db = await open(t).exec('CREATE TABLE t (a TEXT NOT NULL DEFAULT 5, b INTEGER PRIMARY KEY)')
  assert.deepEqual(await db.pragma('table_info("t")'), [
    { cid: 0, name: 'a', type: 'TEXT', notnull: 1, dflt_value: '5', pk: 0 },
    { cid: 1, name: 'b', type: 'INTEGER', notnull: 0, dflt_value: null, pk: 1 }
  ])
})

needs('write-ahead logs', needs('settings of the connection'))('what a pragma sets is seen by the next', async t => {
  const db = open(t, tempFile(t))
  await db.pragma('cache_size = -8000')
  assert.equal(await db.pragma('cache_size', { simple: true }), -8000)
  assert.equal(await db.pragma('journal_mode', { simple: true }), 'delete')
  assert.equal(await db.pragma('journal_mode = wal', { simple: true }), 'wal')
  assert.equal(await db.pragma('journal_mode', { simple: true }), 'wal')
})

const own = needs('settings of the connection', needs('option readonly'))
needs('write-ahead logs', own)('a readonly connection can set what is its own, and not the file', async t => {
  const file = tempFile(t)
  await (await open(t, file).exec('CREATE TABLE t (a)')).close()
  const db = open(t, file, { readonly: true })
  await db.pragma('cache_size = -8000')
  assert.equal(await db.pragma('cache_size', { simple: true }), -8000)
  await sqliteError(() => db.pragma('journal_mode = wal'), 'SQLITE_READONLY')
  assert.equal(await db.pragma('journal_mode', { simple: true }), 'delete')
})

needs('settings of the connection')('pragma() obeys defaultSafeIntegers()', async t => {
  const db = open(t)
  db.defaultSafeIntegers()
  assert.equal(await db.pragma('cache_size', { simple: true }), -16000n)
})

whileIterating('pragma() is blocked while iterating and inside a user function', t => {
  const db = open(t)
  for (const value of db.prepare('SELECT 5').pluck().iterate()) {
    assert.equal(value, 5)
    typeError(() => db.pragma('cache_size'), BUSY)
  }
  db.function('f', () => { typeError(() => db.pragma('cache_size'), BUSY) })
  db.exec('SELECT f()')
})

async function walDatabase (t, name) {
  const db = open(t, tempFile(t, name))
  await db.pragma('journal_mode = WAL')
  await db.exec('CREATE TABLE entries (a TEXT, b INTEGER)')
  return db
}

// How the log grew with each of some inserts.
async function growth (db) {
  const sizes = []
  for (let i = 0; i < 5; ++i) {
    const before = fs.statSync(`${db.name}-wal`).size
    await (await db.prepare('INSERT INTO entries VALUES (?, ?)')).run('bar', 999)
    sizes.push(Math.sign(fs.statSync(`${db.name}-wal`).size - before))
  }
  return sizes
}

needs('write-ahead logs', needs('settings of the connection'))('wal_checkpoint(RESTART) checkpoints every attached database', async t => {
  const [one, two] = [await walDatabase(t, 'one.db'), await walDatabase(t, 'two.db')]
  assert.deepEqual([await growth(one), await growth(two)], [[1, 1, 1, 1, 1], [1, 1, 1, 1, 1]])
  await (await one.prepare('ATTACH ? AS two')).run(two.name)
  assert.deepEqual((await one.pragma('wal_checkpoint(RESTART)')).map(row => row.busy), [0])
  assert.deepEqual([await growth(one), await growth(two)], [[0, 0, 0, 0, 0], [0, 0, 0, 0, 0]])
})

needs('write-ahead logs', needs('settings of the connection'))('name.wal_checkpoint(RESTART) checkpoints only that database', async t => {
  const [one, two] = [await walDatabase(t, 'one.db'), await walDatabase(t, 'two.db')]
  await growth(one)
  await growth(two)
  await (await one.prepare('ATTACH ? AS two')).run(two.name)
  await one.pragma('two.wal_checkpoint(RESTART)')
  assert.deepEqual([await growth(one), await growth(two)], [[1, 1, 1, 1, 1], [0, 0, 0, 0, 0]])
})
