'use strict'

// Readers of databases in key-value stores, which a writer goes on with.

const assert = require('node:assert/strict')
const { CLOSED, PROMISES, cleanup, connect, ours, sqliteError, storeOf, typeError } = require('../support')

async function opened (t, store, options) {
  const db = await connect('a', { store, ...options })
  cleanup(t, () => db.close())
  return db
}

async function setup (t) {
  const store = storeOf()
  const db = await opened(t, store)
  await db.exec('CREATE TABLE t (x)')
  return { store, db, reader: await opened(t, storeOf(store.map), { readonly: true }) }
}

const sum = async db => (await db.get('SELECT total(x) AS sum FROM t')).sum

ours('a reader moves to the newest state, and says whether it is another one', async t => {
  const { db, reader } = await setup(t)
  assert.equal(await reader.refresh(), false)
  for (let i = 1; i <= 3; i++) {
    await db.run('INSERT INTO t VALUES (1)')
    assert.equal(await sum(reader), i - 1)
    assert.equal(await reader.refresh(), true)
    assert.equal(await sum(reader), i)
    assert.equal(await reader.refresh(), false)
  }
  await db.exec('ALTER TABLE t ADD COLUMN y; UPDATE t SET y = x; PRAGMA kv_flush')
  await reader.refresh()
  assert.deepEqual(await reader.get('SELECT * FROM t'), { x: 1, y: 1 })
  await db.exec("DELETE FROM t; INSERT INTO t SELECT 5, printf('%.*c', 100000, 'x'); VACUUM")
  await reader.refresh()
  assert.equal(await sum(reader), 5)
  assert.equal(await reader.pragma('integrity_check', { simple: true }), 'ok')
})

ours('a statement of a reader goes on after a refresh', async t => {
  const { db, reader } = await setup(t)
  const statement = await reader.prepare('SELECT count(*) FROM t')
  statement.pluck()
  assert.equal(await statement.get(), 0)
  await db.run('INSERT INTO t VALUES (1)')
  await reader.refresh()
  assert.equal(await statement.get(), 1)
})

ours('a transaction sees no other state in its middle', async t => {
  const { db, reader } = await setup(t)
  await reader.exec('BEGIN')
  await sum(reader)
  await db.run('INSERT INTO t VALUES (1)')
  await typeError(() => reader.refresh(), 'The database connection is in a transaction')
  assert.equal(await sum(reader), 0)
  await reader.exec('COMMIT')
  assert.equal(await reader.refresh(), true)
  assert.equal(await sum(reader), 1)
})

ours('while rows are read there is no other state', async t => {
  const { db, reader } = await setup(t)
  await db.exec('WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) INSERT INTO t SELECT i FROM n')
  await reader.refresh()
  const iterator = reader.iterate('SELECT x FROM t')
  assert.deepEqual((await iterator.next()).value, { x: 1 })
  await db.exec('DELETE FROM t')
  if (PROMISES) {
    await sqliteError(() => reader.refresh(), 'SQLITE_ERROR', 'the database cannot be refreshed while a transaction or a statement reads it')
  } else {
    typeError(() => reader.refresh(), 'This database connection is busy executing a query')
  }
  let rest = 0
  for await (const row of iterator) rest += row.x > 0 ? 1 : 0
  assert.equal(rest, 4999)
  assert.equal(await reader.refresh(), true)
  assert.equal(await sum(reader), 0)
})

ours('refresh() is for readers of stores', async t => {
  const { db, reader } = await setup(t)
  await typeError(() => db.refresh(), 'refresh() is for databases that are open for reading: the "readonly" option')
  await reader.close()
  await typeError(() => reader.refresh(), CLOSED)
  const file = await connect(':memory:')
  cleanup(t, () => file.close())
  await typeError(() => file.refresh(), 'refresh() is not available for databases on this machine: readers see what others commit')
})
