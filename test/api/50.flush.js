'use strict'

// Databases in key-value stores whose commits return before the store has them.

const assert = require('node:assert/strict')
const {
  CLOSED, cleanup, connect, isSqliteError, ours, storeOf, throws, typeError
} = require('../support')

async function opened (t, store, options, name = 'a') {
  const db = await connect(name, { store, ...options })
  cleanup(t, () => db.close())
  return db
}

/** A store in memory: what it was asked to write, and what the next writes throw. */
function watched () {
  const store = storeOf()
  const state = { writes: [], failure: null }
  for (const name of ['put', 'putBatch', 'putIfAbsent']) {
    const own = store[name]
    store[name] = (...args) => {
      state.writes.push(name)
      if (state.failure !== null) throw state.failure
      return own(...args)
    }
  }
  return { store, state, others: () => storeOf(store.map) }
}

async function relaxed (t, store, options) {
  const db = await opened(t, store, options)
  await db.exec('CREATE TABLE IF NOT EXISTS t (x)')
  await db.pragma('synchronous = OFF')
  return db
}

async function countIn (t, store) {
  const reader = await opened(t, store, { readonly: true })
  return (await reader.get('SELECT count(*) AS n FROM t')).n
}

const queued = async db => JSON.parse(await db.pragma('kv_stats', { simple: true })).queued

async function insert (db, times) {
  const statement = await db.prepare('INSERT INTO t VALUES (?)')
  for (let i = 0; i < times; i++) await statement.run(i)
}

ours('relaxed commits are one write when they are flushed', async t => {
  const { store, state, others } = watched()
  const db = await relaxed(t, store)
  state.writes.length = 0
  await insert(db, 200)
  assert.deepEqual(state.writes, [])
  assert.equal(await queued(db), 200)
  assert.equal(await countIn(t, others()), 0)
  assert.equal(await db.flush(), db)
  assert.deepEqual(state.writes, ['putIfAbsent'])
  assert.equal(await queued(db), 0)
  assert.equal(await countIn(t, others()), 200)
  await db.flush()
  assert.deepEqual(state.writes, ['putIfAbsent'])
})

ours('commits that wait for the store leave nothing to flush', async t => {
  const { store, state } = watched()
  const db = await opened(t, store)
  await db.exec('CREATE TABLE t (x)')
  await insert(db, 3)
  state.writes.length = 0
  await db.flush()
  assert.deepEqual(state.writes, [])
})

ours('a transaction that is open is not flushed', async t => {
  const { store, others } = watched()
  const db = await relaxed(t, store)
  await insert(db, 2)
  await db.exec('BEGIN; INSERT INTO t VALUES (9)')
  await db.flush()
  assert.equal(await countIn(t, others()), 2)
  await db.exec('ROLLBACK')
  assert.equal((await db.get('SELECT count(*) AS n FROM t')).n, 2)
})

ours('close() flushes', async t => {
  const { store, others } = watched()
  const db = await relaxed(t, store)
  await insert(db, 7)
  await db.close()
  assert.equal(await countIn(t, others()), 7)
})

ours('a queue of maxQueuedBytes waits for the store', async t => {
  const { store, state } = watched()
  const db = await relaxed(t, store, { maxQueuedBytes: 200000 })
  state.writes.length = 0
  const row = Buffer.alloc(20000, 1)
  for (let i = 0; i < 30; i++) {
    await db.run('INSERT INTO t VALUES (?)', row)
    const { queuedBytes } = JSON.parse(await db.pragma('kv_stats', { simple: true }))
    assert.ok(queuedBytes <= 200000, `${queuedBytes} bytes wait`)
  }
  assert.ok(state.writes.length >= 2, `${state.writes}`)
})

// Wrong types are final, so that no test waits for repetitions.
for (const [how, act] of [['flush()', db => db.flush()], ['close()', db => db.close()]]) {
  ours(`a ${how} that fails says what is lost, and ends the connection`, async t => {
    const { store, state, others } = watched()
    const db = await relaxed(t, store)
    await insert(db, 3)
    store.timeout = 500
    state.failure = new TypeError('the disk is full')
    const check = error => {
      assert.ok(isSqliteError('KV_INDETERMINATE')(error))
      assert.match(error.message, /^3 transactions that returned before the store had them may be lost; open the database again: .*the disk is full/)
      assert.match(error.key, /^a\/L\//)
      assert.equal(error.cause, state.failure)
      return true
    }
    await throws(() => act(db), check)
    if (how === 'flush()') {
      await throws(() => db.run('INSERT INTO t VALUES (1)'), check)
      await throws(() => db.all('SELECT * FROM t'), check)
      await throws(() => db.flush(), check)
    }
    // It was said once; there is nothing more to lose.
    await db.close()
    assert.equal(db.open, false)
    state.failure = null
    const again = await opened(t, others())
    assert.equal((await again.get('SELECT count(*) AS n FROM t')).n, 0)
  })
}

ours('what a fenced writer had queued is lost, and it says so', async t => {
  const { store, others } = watched()
  const db = await relaxed(t, store)
  await insert(db, 2)
  const newer = await opened(t, others())
  await newer.run('INSERT INTO t VALUES (5)')
  await throws(() => db.flush(), error => {
    assert.ok(isSqliteError('KV_FENCED', /^2 transactions that returned before the store had them are lost/)(error))
    return true
  })
  await db.close()
  assert.equal(await countIn(t, others()), 1)
})

ours('flush() is for databases in stores that are open', async t => {
  const db = await opened(t, storeOf())
  await db.close()
  await typeError(() => db.flush(), CLOSED)
  const file = await connect(':memory:')
  cleanup(t, () => file.close())
  await typeError(() => file.flush(), 'flush() is not available for databases on this machine: a commit does not return before it is stored')
})
