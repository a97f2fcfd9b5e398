'use strict'

// Old states of databases in key-value stores.

const assert = require('node:assert/strict')
const {
  CLOSED, cleanup, connect, ours, sqliteError, storeOf, typeError
} = require('../support')

async function opened (t, store, options) {
  const db = await connect('a', { store, ...options })
  cleanup(t, () => db.close())
  return db
}

const rows = async db => (await db.all('SELECT x FROM t')).map(({ x }) => x).join(' ')

/** A database with a state in an epoch for each of three rows: their numbers. */
async function setup (t, options) {
  const store = storeOf()
  const db = await opened(t, store, { keepEpochs: 10, ...options })
  await db.exec('CREATE TABLE t (x)')
  const epochs = []
  for (let i = 1; i <= 3; i++) {
    await db.run('INSERT INTO t VALUES (?)', i)
    await db.pragma('kv_flush')
    epochs.push((await db.history()).at(-1).epoch)
  }
  return { store, db, epochs, others: () => storeOf(store.map) }
}

ours('history() has the epochs that are kept, the oldest first', async t => {
  const began = Date.now()
  const { db, epochs } = await setup(t)
  const history = await db.history()
  assert.deepEqual(history.slice(-3).map(({ epoch }) => epoch), epochs)
  for (const { epoch, time, pages } of history) {
    assert.ok(Number.isInteger(epoch) && Number.isInteger(pages))
    assert.ok(time instanceof Date && Math.abs(time.getTime() - began) < 600000, `${time}`)
  }
  assert.equal(history.at(-1).pages, 2)
})

ours('without keepEpochs the last two are kept', async t => {
  const { db } = await setup(t, { keepEpochs: undefined })
  assert.ok((await db.history()).length <= 3)
})

ours('an epoch is opened for reading, and stays as it is', async t => {
  const { db, epochs, others } = await setup(t)
  for (const [i, epoch] of epochs.entries()) {
    const old = await opened(t, others(), { epoch })
    assert.equal(old.readonly, true)
    assert.equal(await rows(old), [1, 2, 3].slice(0, i + 1).join(' '))
    await sqliteError(() => old.run('INSERT INTO t VALUES (1)'), 'SQLITE_READONLY')
    await sqliteError(() => old.refresh(), 'SQLITE_ERROR', `epoch ${epoch} stays as it is: it cannot be refreshed`)
  }
  await db.run('INSERT INTO t VALUES (4)')
  assert.equal(await rows(db), '1 2 3 4')
  await sqliteError(() => opened(t, others(), { epoch: 9999 }), 'SQLITE_ERROR', /^epoch 9999 is not kept: \d+ to \d+ are$/)
})

ours('restore() commits an old state once more', async t => {
  const { db, epochs, others } = await setup(t)
  await db.exec("CREATE TABLE u (y); INSERT INTO u SELECT printf('%.*c', 100000, 'x')")
  assert.equal(await db.restore(epochs[1]), db)
  assert.equal(await rows(db), '1 2')
  await sqliteError(() => db.all('SELECT * FROM u'), 'SQLITE_ERROR', 'no such table: u')
  assert.equal(await db.pragma('integrity_check', { simple: true }), 'ok')
  await db.run('INSERT INTO t VALUES (9)')
  const reader = await opened(t, others(), { readonly: true })
  assert.equal(await rows(reader), '1 2 9')
  // What it was before is kept, too.
  const last = await opened(t, others(), { epoch: epochs[2] })
  assert.equal(await rows(last), '1 2 3')
  await db.restore(epochs[2])
  assert.equal(await rows(db), '1 2 3')
})

ours('a statement that was compiled before sees what was restored', async t => {
  const { db, epochs } = await setup(t)
  const statement = await db.prepare('SELECT * FROM t')
  await db.exec('ALTER TABLE t ADD COLUMN y')
  assert.deepEqual(await statement.get(), { x: 1, y: null })
  await db.restore(epochs[0])
  assert.deepEqual(await statement.all(), [{ x: 1 }])
})

ours('what cannot be restored is an error, and nothing has changed', async t => {
  const { db, epochs, others } = await setup(t)
  for (const epoch of [undefined, null, 0, -1, 1.5, '1', {}]) {
    await typeError(() => db.restore(epoch), 'Expected first argument to be the number of an epoch')
  }
  await sqliteError(() => db.restore(9999), 'SQLITE_ERROR', /^epoch 9999 is not kept/)
  await db.exec('BEGIN; INSERT INTO t VALUES (7)')
  await sqliteError(() => db.restore(epochs[0]), 'SQLITE_ERROR', 'the database cannot be restored while a transaction or a statement reads it')
  await db.exec('COMMIT')
  assert.equal(await rows(db), '1 2 3 7')
  const reader = await opened(t, others(), { readonly: true })
  await sqliteError(() => reader.restore(epochs[0]), 'SQLITE_ERROR', 'the database is open for reading')
  await db.close()
  await typeError(() => db.history(), CLOSED)
  await typeError(() => db.restore(epochs[0]), CLOSED)
  const file = await connect(':memory:')
  cleanup(t, () => file.close())
  for (const method of ['history', 'restore']) {
    await typeError(() => file[method](1), `${method}() is not available for databases on this machine: old states are not kept`)
  }
})
