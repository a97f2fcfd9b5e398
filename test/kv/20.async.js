'use strict'

/* global MODULE */
// Databases in stores that are asked by another thread: the promise API.

const assert = require('node:assert/strict')
const test = require('node:test')
const { connect } = require('../../promise')
const { mapStore } = require('../../stores/map')
const { Database, child, cleanup, exited } = require('../support')

/** The same store with promises that are settled later, and what `change` has otherwise. */
function later (change = {}, map = new Map()) {
  const store = mapStore(map)
  const slow = {}
  for (const name of ['get', 'getBatch', 'put', 'putBatch', 'deleteBatch', 'putIfAbsent', 'list']) {
    slow[name] = async (...args) => {
      await new Promise(resolve => setImmediate(resolve))
      return store[name](...args)
    }
  }
  return { ...slow, map, ...change }
}

async function opened (t, store, options) {
  const db = await connect('test', { store, ...options })
  cleanup(t, () => db.close())
  return db
}

const rejection = promise => promise.then(() => assert.fail('it should be rejected'), error => error)

for (const [name, make] of [['answers at once', map => mapStore(map)], ['returns promises', map => later({}, map)]]) {
  test(`a store that ${name} keeps a database`, async t => {
    const map = new Map()
    const db = await connect('test', { store: make(map) })
    await db.exec('CREATE TABLE t (a INTEGER PRIMARY KEY, b BLOB)')
    const insert = await db.prepare('INSERT INTO t (b) VALUES (?)')
    for (let i = 0; i < 20; ++i) await insert.run(Buffer.alloc(1000, i))
    await insert.run(Buffer.alloc(1 << 20, 7))
    await db.transaction(async () => {
      for (let i = 0; i < 200; ++i) await insert.run(Buffer.alloc(500, i))
    })()
    const rows = await db.all('SELECT a, length(b) AS n FROM t')
    await db.close()
    const again = await opened(t, make(map))
    assert.deepEqual(await again.all('SELECT a, length(b) AS n FROM t'), rows)
    assert.equal(rows.length, 221)
    assert.deepEqual(await again.pragma('integrity_check', { simple: true }), 'ok')
  })
}

test('databases of one store do not wait for each other, and calls are in flight together', async t => {
  let now = 0
  let most = 0
  const base = later()
  const store = later({
    async putBatch (entries) {
      most = Math.max(most, ++now)
      await new Promise(resolve => setTimeout(resolve, 5))
      now--
      return base.putBatch(entries)
    },
    limits: { maxKeys: 4, concurrency: 3 }
  }, base.map)
  const db = await opened(t, store)
  await db.exec('CREATE TABLE t (b)')
  await db.run('INSERT INTO t VALUES (randomblob(500000))')
  assert.equal(most, 3)
  const others = await Promise.all(['a', 'b', 'c'].map(name => connect(name, { store })))
  await Promise.all(others.map(other => other.exec('CREATE TABLE t (x)')))
  await Promise.all(others.map(other => other.close()))
})

test('an error of the store is the cause, has a code and a key, and is given to onError', async t => {
  const told = []
  let thrown = null
  const store = later({ onError (error, about) { told.push([error, about]) } })
  const { getBatch, putIfAbsent } = store
  store.putIfAbsent = async (...args) => {
    if (thrown !== null) throw thrown
    return putIfAbsent(...args)
  }
  store.getBatch = async (...args) => {
    if (thrown !== null) throw thrown
    return getBatch(...args)
  }
  store.timeout = 300
  const db = await opened(t, store)
  await db.exec('CREATE TABLE t (x)')
  thrown = new Error('the disk is full')
  const error = await rejection(db.run('INSERT INTO t VALUES (1)'))
  assert.equal(error.name, 'SqliteError')
  assert.match(error.code, /^KV_(STORE|INDETERMINATE)$/)
  assert.equal(error.cause, thrown)
  assert.match(error.key, /^test\/L\//)
  assert.match(error.message, /the disk is full/)
  assert.ok(told.length > 0 && told.every(([given, about]) => given === thrown && about.key.startsWith('test/')))
  assert.equal(told[0][1].operation, 'putIfAbsent')
})

test('a store that throws null, or rejects with something strange, fails its call alone', async t => {
  for (const thrown of [null, undefined, 0, { toString () { throw new Error('no') } }]) {
    const store = later({ timeout: 200 })
    const db = await opened(t, store)
    await db.exec('CREATE TABLE t (x)')
    const { putIfAbsent } = store
    store.putIfAbsent = () => { throw thrown }
    const error = await rejection(db.run('INSERT INTO t VALUES (1)'))
    assert.match(error.code, /^KV_/)
    assert.equal(error.cause, thrown)
    store.putIfAbsent = putIfAbsent
    await db.close()
  }
})

test('an answer of a wrong kind is an error of the store that names it', async t => {
  for (const answer of [1, 'true', {}, [], new Uint8Array(1), undefined]) {
    const store = later({ timeout: 100 })
    const db = await opened(t, store)
    await db.exec('CREATE TABLE t (x)')
    const { putIfAbsent } = store
    store.putIfAbsent = async () => answer
    const error = await rejection(db.run('INSERT INTO t VALUES (1)'))
    store.putIfAbsent = putIfAbsent
    // Neither the transaction nor its undoing could be stored.
    assert.equal(error.code, 'KV_INDETERMINATE')
    assert.match(error.message, /store\.putIfAbsent returned/)
    assert.equal(error.cause.name, 'TypeError')
    await db.close()
    const again = await opened(t, later({}, store.map))
    assert.deepEqual(await again.all('SELECT x FROM t'), [])
  }
})

test('a store that never answers is a timeout, which names itself', async t => {
  const store = later({ timeout: 100 })
  const db = await connect('test', { store })
  await db.exec('CREATE TABLE t (x)')
  const never = () => new Promise(() => {})
  const silent = { ...store, get: never, getBatch: never }
  const error = await rejection(connect('test', { store: silent }))
  assert.equal(error.code, 'KV_TIMEOUT')
  assert.match(error.message, /did not answer getBatch\(\) of test\/\S+ within 100 ms/)
  assert.equal(error.cause.code, 'ETIMEDOUT')
  await db.close()
})

test('an event loop that stands still is not the fault of the store', async t => {
  const store = later({ timeout: 1500 })
  const { getBatch } = store
  let blocks = false
  store.getBatch = async (...args) => {
    if (blocks) {
      blocks = false
      const until = performance.now() + 2500
      setTimeout(() => { while (performance.now() < until); }, 0)
      await new Promise(resolve => setTimeout(resolve, 5))
    }
    return getBatch(...args)
  }
  const first = await connect('test', { store })
  await first.exec('CREATE TABLE t (x)')
  await first.close()
  blocks = true
  const db = await opened(t, store)
  assert.deepEqual(await db.all('SELECT * FROM t'), [])
})

test('a store that uses the same database waits for itself, and the timeout says so', async t => {
  const store = later({ timeout: 200 })
  const db = await opened(t, store)
  await db.exec('CREATE TABLE t (x)')
  const { putIfAbsent } = store
  store.putIfAbsent = async (...args) => {
    await db.get('SELECT 1')
    return putIfAbsent(...args)
  }
  const error = await rejection(db.run('INSERT INTO t VALUES (1)'))
  assert.match(error.cause.message, /uses the same database waits for itself/)
  store.putIfAbsent = putIfAbsent
})

test('a thenable that answers twice has answered once', async t => {
  const store = later()
  const { getBatch } = store
  store.getBatch = keys => ({
    then (resolve, reject) {
      getBatch(keys).then(values => {
        resolve(values)
        resolve([])
        reject(new Error('too late'))
      })
    }
  })
  const db = await opened(t, store)
  await db.exec('CREATE TABLE t (x); INSERT INTO t VALUES (1)')
  assert.deepEqual(await db.all('SELECT x FROM t'), [{ x: 1 }])
})

test('an answer that comes after close() is nobody\'s', async t => {
  let release
  const store = later({ timeout: 60000 })
  const db = await connect('test', { store })
  await db.exec('CREATE TABLE t (x)')
  const { putIfAbsent } = store
  store.put = () => new Promise(resolve => { release = resolve })
  store.timeout = 100
  const closed = db.close()
  store.putIfAbsent = putIfAbsent
  setTimeout(() => release?.(), 20)
  await closed
  release?.()
  const again = await opened(t, later({}, store.map))
  assert.deepEqual(await again.all('SELECT * FROM t'), [])
})

test('a read that waits for the store ends when it is aborted, timed out or interrupted', async t => {
  const store = later({ timeout: 60000 })
  const first = await connect('test', { store })
  await first.exec('CREATE TABLE t (x)')
  const insert = await first.prepare('INSERT INTO t VALUES (?)')
  for (let i = 0; i < 40; ++i) await insert.run(Buffer.alloc(4000, i))
  await first.close()
  const db = await opened(t, store)
  const { get, getBatch } = store
  for (const way of ['abort', 'timeout', 'interrupt']) {
    let asked
    const waiting = new Promise(resolve => { asked = resolve })
    store.get = store.getBatch = () => {
      asked()
      return new Promise(() => {})
    }
    const controller = new AbortController()
    const options = way === 'abort' ? { signal: controller.signal } : way === 'timeout' ? { timeout: 300 } : {}
    const query = await db.prepare('SELECT count(x) FROM t WHERE length(x) > 3')
    const failed = rejection(query.all(options))
    await waiting
    if (way === 'abort') controller.abort()
    if (way === 'interrupt') db.interrupt()
    const error = await failed
    assert.equal(error.code, way === 'abort' ? 'ABORT_ERR' : 'SQLITE_INTERRUPT')
    Object.assign(store, { get, getBatch })
  }
  assert.deepEqual(await db.get('SELECT count(x) AS n FROM t'), { n: 40 })
})

test('a commit that waits for the store is not cancelled', async t => {
  const store = later()
  const db = await opened(t, store)
  await db.exec('CREATE TABLE t (x)')
  const { putIfAbsent } = store
  const controller = new AbortController()
  store.putIfAbsent = async (...args) => {
    controller.abort()
    await new Promise(resolve => setTimeout(resolve, 50))
    return putIfAbsent(...args)
  }
  const insert = await db.prepare('INSERT INTO t VALUES (1)')
  const done = await insert.run({ signal: controller.signal })
  assert.equal(done.changes, 1)
  store.putIfAbsent = putIfAbsent
  assert.deepEqual(await db.all('SELECT x FROM t'), [{ x: 1 }])
})

test('a newer writer fences off the older one', async t => {
  const map = new Map()
  const db = await opened(t, later({}, map))
  await db.exec('CREATE TABLE t (x); INSERT INTO t VALUES (1)')
  const other = await opened(t, later({}, map))
  const error = await rejection(db.run('INSERT INTO t VALUES (2)'))
  assert.equal(error.code, 'KV_FENCED')
  assert.match(error.key, /^test\//)
  // It reads on what it had, and writes nothing any more.
  assert.deepEqual(await db.all('SELECT x FROM t'), [{ x: 1 }])
  await other.run('INSERT INTO t VALUES (3)')
  for (const sql of ['DELETE FROM t', 'INSERT INTO t VALUES (randomblob(200000))']) {
    assert.equal((await rejection(db.exec(sql))).code, 'KV_FENCED')
    assert.deepEqual(await db.all('SELECT x FROM t'), [{ x: 1 }])
  }
  const half = db.transaction(async () => {
    await db.run('UPDATE t SET x = 9')
    assert.deepEqual(await db.all('SELECT x FROM t'), [{ x: 9 }])
  })
  assert.equal((await rejection(half())).code, 'KV_FENCED')
  assert.deepEqual(await db.all('SELECT x FROM t'), [{ x: 1 }])
  assert.deepEqual(await other.all('SELECT x FROM t'), [{ x: 1 }, { x: 3 }])
})

test('one store and name has one writer in a thread, until that is closed', async t => {
  const store = later()
  const db = await connect('test', { store })
  const error = await rejection(connect('test', { store }))
  assert.equal(error.code, 'SQLITE_BUSY')
  const other = await connect('other', { store })
  await other.close()
  await db.close()
  await (await connect('test', { store })).close()
})

test('a database that cannot be opened leaves no writer behind', async t => {
  const store = later({ timeout: 100 })
  const { getBatch } = store
  store.getBatch = async () => { throw new Error('not now') }
  const error = await rejection(connect('test', { store }))
  assert.equal(error.code, 'KV_STORE')
  assert.equal(error.cause.message, 'not now')
  store.getBatch = getBatch
  await (await connect('test', { store })).close()
})

test('a worker thread that is terminated during a commit ends', async t => {
  const result = await child(() => {
    const { Worker } = require('node:worker_threads')
    const path = require('node:path')
    const promise = path.join(MODULE, 'promise.js')
    const maps = path.join(MODULE, 'stores', 'map.js')
    const body = `
      const { parentPort } = require('node:worker_threads')
      const { connect } = require(${JSON.stringify(promise)})
      const { mapStore } = require(${JSON.stringify(maps)})
      ;(async () => {
        const store = mapStore()
        const db = await connect('test', { store })
        await db.exec('CREATE TABLE t (x)')
        store.putIfAbsent = () => { parentPort.postMessage('commits'); return new Promise(() => {}) }
        db.run('INSERT INTO t VALUES (1)').catch(() => {})
        setInterval(() => {}, 1000)
      })()`
    let left = 10
    const next = () => {
      const worker = new Worker(body, { eval: true })
      worker.once('message', () => worker.terminate().then(() => {
        if (--left > 0) next()
        else console.log('ended')
      }))
    }
    next()
  })
  assert.equal(exited(result).stdout.trim(), 'ended')
})

test('a process ends while nothing but an idle database is there', async t => {
  const result = await child(async () => {
    const path = require('node:path')
    const { connect } = require(path.join(MODULE, 'promise.js'))
    const { mapStore } = require(path.join(MODULE, 'stores', 'map.js'))
    const db = await connect('test', { store: mapStore() })
    await db.exec('CREATE TABLE t (x)')
    console.log('idle')
  })
  assert.equal(exited(result).stdout.trim(), 'idle')
})

test('errors of opening are those of the sync API', async () => {
  const filled = new Map()
  const writer = new Database('test', { store: mapStore(filled) })
  writer.exec('CREATE TABLE t (x)')
  writer.close()
  const damage = (key, value) => key.includes('/E/') ? value.map(byte => byte ^ 1) : value
  const damaged = new Map([...filled].map(([key, value]) => [key, damage(key, value)]))
  const failing = () => { throw new Error('quota') }
  const always = (key) => key.includes('/E/') ? Buffer.alloc(80) : undefined
  const everywhere = mapStore(filled)
  Object.assign(everywhere, {
    get: key => always(String(key)), getBatch: keys => keys.map(key => always(String(key)))
  })
  const cases = [
    [mapStore(), { readonly: true }, 'SQLITE_CANTOPEN', 14, undefined],
    [mapStore(damaged), {}, 'KV_CORRUPT', 11, /^test\/E\/0000000\d$/],
    [mapStore(damaged), { readonly: true }, 'KV_CORRUPT', 11, /^test\/E\/0000000\d$/],
    [everywhere, { readonly: true }, 'KV_CORRUPT', 11, /^test\/E\//],
    [{ ...mapStore(), limits: { maxValueBytes: 40000 } }, { pageSize: 65536 }, 'SQLITE_ERROR', 1, undefined],
    [mapStore(filled), { epoch: 999 }, 'SQLITE_ERROR', 1, undefined],
    [{ ...mapStore(), getBatch: failing, timeout: 100 }, {}, 'KV_STORE', 10, /^test\//]
  ]
  for (const [store, options, code, rawCode, key] of cases) {
    const seen = []
    try { new Database('test', { store, ...options }).close() } catch (error) { seen.push(error) }
    const connected = connect('test', { store, ...options })
    await connected.then(db => db.close()).catch(error => seen.push(error))
    const codes = seen.map(error => [error.code, error.rawCode])
    assert.deepEqual(codes, [[code, rawCode], [code, rawCode]])
    assert.equal(seen[0].message, seen[1].message)
    if (key !== undefined) assert.match(seen[1].key, key)
  }
})
