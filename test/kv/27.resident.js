'use strict'

// Resident databases: the sync API over stores that return promises, with all pages in memory.

const assert = require('node:assert/strict')
const test = require('node:test')
const { connect, Database: Promised } = require('../../promise')
const { mapStore } = require('../../stores/map')
const {
  CLOSED, Database, child, cleanup, exited, rangeError, sqliteError, typeError, until
} = require('../support')

/** A store in memory whose answers come later, and what it was asked for. */
function later (map = new Map()) {
  const own = mapStore(map)
  const store = { map, calls: [], before: async () => {} }
  for (const name of ['get', 'getBatch', 'put', 'putBatch', 'deleteBatch', 'putIfAbsent', 'list']) {
    store[name] = async (...args) => {
      store.calls.push(name)
      await new Promise(resolve => setImmediate(resolve))
      await store.before(name)
      return own[name](...args)
    }
  }
  store.writes = () => store.calls.filter(name => /^put/.test(name)).length
  return store
}

async function opened (t, store, options) {
  const db = await connect('a', { store, mode: 'resident', ...options })
  cleanup(t, () => db.close())
  return db
}

async function rowsIn (map) {
  const db = await connect('a', { store: later(map), readonly: true })
  try {
    return await db.all('SELECT * FROM t')
  } finally {
    await db.close()
  }
}

const FILL = 'WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) INSERT INTO t SELECT i FROM n'

test('it is a database of the sync API, which asks the store for nothing', async t => {
  const store = later()
  const db = await opened(t, store)
  assert.deepEqual({ ...db }, { name: 'a', open: true, inTransaction: false, readonly: false, memory: false })
  const { length } = store.calls
  db.exec('CREATE TABLE t (x)')
  assert.equal(db.exec(FILL), db)
  assert.deepEqual(db.get('SELECT count(*) n FROM t'), { n: 2000 })
  const double = db.transaction(() => db.run('UPDATE t SET x = 2 * x').changes)
  assert.equal(double(), 2000)
  db.function('three', () => 3)
  assert.equal(db.prepare('SELECT three() FROM t').pluck().get(), 3)
  sqliteError(() => db.exec('SELECT * FROM nowhere'), 'SQLITE_ERROR', 'no such table: nowhere')
  assert.equal(store.calls.length, length)
  assert.equal(await db.flush(), db)
  assert.equal((await rowsIn(store.map)).length, 2000)
})

test('all pages come in a few large reads', async t => {
  const store = later()
  const first = await opened(t, store, { pageSize: 512 })
  first.exec('CREATE TABLE t (x)')
  for (let i = 0; i < 5; i++) first.exec(FILL)
  await first.close()
  store.calls.length = 0
  const db = await opened(t, store)
  const pages = db.pragma('page_count', { simple: true })
  const reads = store.calls.filter(name => /^get/.test(name)).length
  assert.ok(reads < 8 + pages / 64, `${reads} reads of ${pages} pages`)
  assert.deepEqual(db.get('SELECT count(*) n, sum(x) s FROM t'), { n: 10000, s: 10005000 })
  assert.equal(db.pragma('integrity_check', { simple: true }), 'ok')
})

test('what one turn commits is one write, and what is committed meanwhile the next', async t => {
  const store = later()
  const db = await opened(t, store)
  db.exec('CREATE TABLE t (x)')
  await db.flush()
  let arrived
  const arrival = new Promise(resolve => { arrived = resolve })
  let release
  const released = new Promise(resolve => { release = resolve })
  store.before = async name => {
    if (name !== 'putIfAbsent') return
    arrived()
    await released
  }
  store.calls.length = 0
  const insert = db.prepare('INSERT INTO t VALUES (?)')
  for (let i = 0; i < 100; i++) insert.run(i)
  await arrival
  for (let i = 100; i < 200; i++) insert.run(i)
  const flushed = db.flush()
  release()
  await flushed
  assert.deepEqual(store.calls.filter(name => name.startsWith('put')), ['putIfAbsent', 'putIfAbsent'])
  assert.equal((await rowsIn(store.map)).length, 200)
})

test('without flush() it is stored all the same, in time', async t => {
  const store = later()
  const db = await opened(t, store)
  db.exec('CREATE TABLE t AS SELECT 5 AS x')
  await until(() => JSON.parse(db.pragma('kv_stats', { simple: true })).queued === 0, 'the write')
  assert.deepEqual(await rowsIn(store.map), [{ x: 5 }])
})

test('close() flushes, and what comes after it is refused', async t => {
  const store = later()
  const db = await opened(t, store)
  db.exec('CREATE TABLE t AS SELECT 5 AS x')
  const [first, second] = [db.close(), db.close()]
  assert.equal(await first, db)
  assert.equal(await second, db)
  assert.equal(db.open, false)
  typeError(() => db.exec('SELECT 1'), CLOSED)
  for (const method of ['flush', 'history']) await typeError(() => db[method](), CLOSED)
  assert.deepEqual(await rowsIn(store.map), [{ x: 5 }])
  // Another one may write it now.
  await (await opened(t, store)).close()
})

test('close() while rows are read is refused, and may come again', async t => {
  const db = await opened(t, later())
  db.exec('CREATE TABLE t (x); INSERT INTO t VALUES (1), (2)')
  const rows = db.iterate('SELECT x FROM t')
  rows.next()
  await typeError(() => db.close(), 'This database connection is busy executing a query')
  rows.return()
  assert.equal(db.get('SELECT count(*) n FROM t').n, 2)
  await db.close()
})

for (const how of ['flush', 'close']) {
  test(`a ${how}() that fails says what is lost, and ends the connection`, async t => {
    const store = later()
    store.timeout = 500
    const db = await opened(t, store)
    db.exec('CREATE TABLE t (x)')
    await db.flush()
    const cause = new Error('the disk is full')
    store.before = async name => { if (/^put/.test(name)) throw cause }
    for (let i = 0; i < 3; i++) db.run('INSERT INTO t VALUES (?)', i)
    const check = error => {
      assert.ok(error instanceof Database.SqliteError, error.stack)
      assert.equal(error.code, 'KV_INDETERMINATE')
      assert.match(error.message, /^3 transactions that returned before the store had them may be lost; open the database again: .*the disk is full/)
      assert.match(error.key, /^a\/L\//)
      assert.equal(error.cause, cause)
      return true
    }
    await assert.rejects(db[how](), check)
    if (how === 'flush') {
      assert.throws(() => db.run('INSERT INTO t VALUES (4)'), check)
      assert.throws(() => db.all('SELECT * FROM t'), check)
      await assert.rejects(db.flush(), check)
    }
    await db.close()
    assert.equal(db.open, false)
    assert.deepEqual(await rowsIn(store.map), [])
  })
}

test('another writer ends it, and the message says what is lost', async t => {
  const store = later()
  const db = await opened(t, store)
  db.exec('CREATE TABLE t (x)')
  await db.flush()
  const newer = await connect('a', { store: later(store.map) })
  cleanup(t, () => newer.close())
  db.run('INSERT INTO t VALUES (1)')
  await sqliteError(() => db.flush(), 'KV_FENCED', /^1 transaction that returned before the store had them is lost/)
  await db.close()
})

test('beyond maxQueuedBytes a commit is refused, and goes through after flush()', async t => {
  const store = later()
  const db = await opened(t, store, { maxQueuedBytes: 100000 })
  db.exec('CREATE TABLE t (x)')
  const insert = db.prepare('INSERT INTO t VALUES (?)')
  let refused = 0
  for (let i = 0; i < 20; i++) {
    try {
      insert.run(Buffer.alloc(20000, i))
    } catch (error) {
      refused++
      assert.equal(error.code, 'SQLITE_FULL')
      assert.match(error.message, /^\d+ bytes wait for the store, and no more than 100000 may: flush first$/)
      await db.flush()
      insert.run(Buffer.alloc(20000, i))
    }
  }
  assert.ok(refused > 1)
  await db.close()
  const stored = (await rowsIn(store.map)).map(({ x }) => x[0])
  assert.deepEqual(stored, Array.from({ length: 20 }, (_, i) => i))
})

test('a transaction that is open stays out of the store, and holds nothing up', async t => {
  const store = later()
  const db = await opened(t, store)
  db.exec('CREATE TABLE t (x); INSERT INTO t VALUES (1); BEGIN; INSERT INTO t VALUES (2)')
  await db.flush()
  assert.deepEqual(await rowsIn(store.map), [{ x: 1 }])
  db.exec('COMMIT')
  await db.flush()
  assert.deepEqual(await rowsIn(store.map), [{ x: 1 }, { x: 2 }])
})

test('a reader is refreshed', async t => {
  const store = later()
  const db = await opened(t, store)
  db.exec('CREATE TABLE t (x)')
  await db.flush()
  const reader = await opened(t, later(store.map), { readonly: true })
  assert.equal(await reader.refresh(), false)
  db.exec(FILL)
  await db.flush()
  assert.equal(reader.get('SELECT count(*) n FROM t').n, 0)
  assert.equal(await reader.refresh(), true)
  assert.equal(reader.get('SELECT count(*) n FROM t').n, 2000)
  sqliteError(() => reader.exec('DELETE FROM t'), 'SQLITE_READONLY')
  reader.exec('BEGIN; SELECT * FROM t')
  await typeError(() => reader.refresh(), 'The database cannot be refreshed while a transaction or a statement reads it')
  reader.exec('COMMIT')
  await typeError(() => db.refresh(), /^refresh\(\) is for databases that are open for reading/)
})

test('old states are listed, opened and restored', async t => {
  const store = later()
  const first = await connect('a', { store, keepEpochs: 9 })
  await first.exec('CREATE TABLE t (x); INSERT INTO t VALUES (1); PRAGMA kv_flush')
  await first.exec('INSERT INTO t VALUES (2)')
  await first.close()
  const db = await opened(t, store, { keepEpochs: 9 })
  const history = await db.history()
  const { epoch, time, pages } = history.at(-3)
  assert.ok(time instanceof Date)
  assert.equal(pages, 2)
  const old = await opened(t, later(store.map), { epoch })
  assert.deepEqual(old.all('SELECT x FROM t'), [{ x: 1 }])
  db.run('INSERT INTO t VALUES (3)')
  const restored = db.restore(epoch)
  assert.equal(await restored, db)
  assert.deepEqual(db.all('SELECT x FROM t'), [{ x: 1 }])
  db.run('INSERT INTO t VALUES (4)')
  await db.flush()
  assert.deepEqual(await rowsIn(store.map), [{ x: 1 }, { x: 4 }])
  await typeError(() => db.restore('1'), 'Expected first argument to be the number of an epoch')
  await sqliteError(() => db.restore(9999), 'SQLITE_ERROR', /^epoch 9999 is not kept/)
  db.run('INSERT INTO t VALUES (5)')
  await db.flush()
})

test('what is committed while an old state is restored is refused', async t => {
  const store = later()
  const db = await opened(t, store, { keepEpochs: 9 })
  db.exec('CREATE TABLE t (x)')
  await db.close()
  const again = await opened(t, store, { keepEpochs: 9 })
  const { epoch } = (await again.history()).at(-1)
  again.run('INSERT INTO t VALUES (1)')
  await again.flush()
  let refused = 0
  store.before = async () => {
    try {
      again.run('INSERT INTO t VALUES (2)')
    } catch (error) {
      refused++
      assert.match(error.message, /the database is being restored: roll back, and try again/)
    }
  }
  await again.restore(epoch)
  store.before = async () => {}
  assert.ok(refused > 0)
  assert.deepEqual(again.all('SELECT x FROM t'), [])
  await again.close()
  assert.deepEqual(await rowsIn(store.map), [])
})

test('opening says what is wrong, in the words of other connections', async t => {
  const store = later()
  const resident = (more, name = 'a') => () => connect(name, { store, mode: 'resident', ...more })
  await sqliteError(resident({ readonly: true }), 'SQLITE_CANTOPEN', 'unable to open database: the store has no "a"')
  await typeError(resident({ mode: 'memory' }), 'Expected the "mode" option to be "resident"')
  await rangeError(resident({}, 'x'.repeat(201)), /cannot be longer than 200 bytes/)
  await typeError(() => connect('a', { mode: 'resident' }), /^The "mode" option is for databases in key-value stores/)
  typeError(() => new Promised('a', { store, mode: 'resident' }), 'A resident database is one of the sync API: connect() opens it')
  const db = await opened(t, store)
  await sqliteError(resident(), 'SQLITE_BUSY')
  typeError(() => new Database('b', { store, mode: 'resident' }), /returned a promise: the sync API cannot wait for one/)
  db.exec('CREATE TABLE t (x)')
  for (const pragma of ['kv_flush', 'kv_check', 'kv_gc', 'kv_verify']) {
    sqliteError(() => db.pragma(pragma), 'SQLITE_ERROR', /^this database is in memory, and another thread asks its store/)
  }
})

test('a store of the sync API can be resident, too', async t => {
  const store = mapStore()
  const db = new Database('a', { store, mode: 'resident' })
  cleanup(t, () => db.close())
  db.exec('CREATE TABLE t AS SELECT 5 AS x')
  assert.equal(db.flush(), db)
  assert.deepEqual(await rowsIn(store.map), [{ x: 5 }])
  db.run('INSERT INTO t VALUES (6)')
  assert.equal(db.close(), db)
  assert.equal((await rowsIn(store.map)).length, 2)
})

test('a process ends when what was committed is stored', async () => {
  const result = await child(() => {
    const { connect } = require(`${MODULE}/promise`) // eslint-disable-line no-undef
    const { mapStore } = require(`${MODULE}/stores/map`) // eslint-disable-line no-undef
    const own = mapStore()
    const store = {}
    for (const name of ['get', 'getBatch', 'put', 'putBatch', 'deleteBatch', 'putIfAbsent']) {
      store[name] = async (...args) => own[name](...args)
    }
    connect('a', { store, mode: 'resident' }).then(db => {
      const before = own.map.size
      db.exec('CREATE TABLE t (x)')
      process.on('exit', () => console.log(own.map.size > before))
    })
  })
  assert.equal(exited(result).stdout.trim(), 'true')
})

test('the worker thread of a resident database can be terminated at any time', async () => {
  const result = await child(async () => {
    const { Worker } = require('node:worker_threads')
    const root = JSON.stringify(MODULE) // eslint-disable-line no-undef
    for (let i = 0; i < 10; i++) {
      const worker = new Worker(`
        const { connect } = require(${root} + '/promise')
        const { mapStore } = require(${root} + '/stores/map')
        const own = mapStore()
        const store = {}
        for (const name of ['get', 'getBatch', 'put', 'putBatch', 'deleteBatch', 'putIfAbsent']) {
          store[name] = async (...args) => { await null; return own[name](...args) }
        }
        connect('a', { store, mode: 'resident' }).then(async db => {
          db.exec('CREATE TABLE t (x)')
          require('node:worker_threads').parentPort.postMessage('ready')
          for (;;) { db.exec('INSERT INTO t VALUES (1)'); await db.flush() }
        })`, { eval: true })
      await new Promise(resolve => worker.once('message', resolve))
      await worker.terminate()
    }
    console.log('done')
  })
  assert.equal(exited(result).stdout.trim(), 'done')
})
