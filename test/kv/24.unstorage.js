'use strict'

// A database in the drivers of unstorage: in memory, in a table, in a real Redis.

const assert = require('node:assert/strict')
const test = require('node:test')
const { createStorage, prefixStorage } = require('unstorage')
const { connect } = require('../../promise')
const { checkStore } = require('../../stores/check')
const { unstorageStore } = require('../../stores/unstorage')
const { startRedis, unavailable } = require('../servers/redis')
const { Database, cleanup, openAsync, tempFile, typeError } = require('../support')

const bytes = text => Buffer.from(text)
const driverOf = name => require(`unstorage/drivers/${name}`)

/** A driver that keeps text alone, in a table: unstorage itself makes text of bytes. */
function table (t) {
  const db = new Database(tempFile(t))
  cleanup(t, () => db.close())
  db.pragma('journal_mode = MEMORY')
  db.pragma('synchronous = OFF')
  db.exec('CREATE TABLE kv (key TEXT PRIMARY KEY COLLATE NOCASE, value TEXT NOT NULL)')
  return {
    name: 'table',
    hasItem: key => db.get('SELECT 1 FROM kv WHERE key = ?', key) !== undefined,
    getItem: async key => db.get('SELECT value FROM kv WHERE key = ?', key)?.value ?? null,
    setItem: async (key, value) => { db.run('INSERT OR REPLACE INTO kv VALUES (?, ?)', key, value) },
    removeItem: async key => { db.run('DELETE FROM kv WHERE key = ?', key) },
    getKeys: async () => db.prepare('SELECT key FROM kv').pluck().all()
  }
}

async function redis (t) {
  const { port } = await startRedis(t)
  const driver = driverOf('redis')({ port, host: '127.0.0.1', base: 'some' })
  cleanup(t, () => driver.dispose())
  return driver
}

const DRIVERS = {
  memory: [() => driverOf('memory')()],
  table: [table],
  redis: [redis, unavailable() ?? false]
}

for (const [name, [make, skip = false]] of Object.entries(DRIVERS)) {
  test(`unstorage passes the check, and keeps a database: ${name}`, { skip }, async t => {
    const storage = createStorage({ driver: await make(t) })
    const open = prefix => unstorageStore(storage, { prefix })
    const { fenced } = await checkStore(open('some:where'), { rounds: 2, late: 20, reopen: () => open('some:where') })
    assert.equal(fenced, false)
    assert.deepEqual(await storage.getKeys('some:where'), [])
    const store = open()
    const names = ['app', 'App', '..', 'é:/?b']
    for (const app of names) {
      const db = await connect(app, { store, singleWriter: true })
      await db.exec('CREATE TABLE t (x)')
      await db.run('INSERT INTO t VALUES (randomblob(150000)), (?)', app)
      await db.close()
    }
    for (const app of names) {
      const db = await connect(app, { store, readonly: true })
      assert.deepEqual(await db.all("SELECT iif(typeof(x) = 'blob', length(x), x) AS x FROM t"), [{ x: 150000 }, { x: app }])
      assert.equal(await db.pragma('kv_verify', { simple: true }), 'ok')
      await db.close()
    }
    const keys = (await store.list(bytes('app/'))).map(key => key.toString())
    assert.ok(keys.length > 3 && keys.every(key => key.startsWith('app/')), String(keys))
    assert.ok((await store.list(bytes('app/E'))).length > 0)
    assert.deepEqual(await store.list(bytes('nobody/')), [])
    const db = await connect('app', { store, singleWriter: true })
    assert.match(String(await db.pragma('kv_gc', { simple: true })), /^\d+$/)
    await db.close()
  })
}

test('without singleWriter a database in unstorage is opened for reading alone', async () => {
  const store = unstorageStore(createStorage())
  await assert.rejects(connect('app', { store }), /This store has no putIfAbsent\(\): two writers would destroy the database/)
})

test('part of a storage is a storage', async t => {
  const storage = prefixStorage(createStorage(), 'part')
  const db = openAsync(t, 'app', { store: unstorageStore(storage), singleWriter: true })
  await db.exec('CREATE TABLE t (x)')
  assert.ok((await storage.getKeys('ferrolite')).length > 0)
})

test('drivers that cannot hold a database are refused by name, with the reason', () => {
  const eventual = /The driver "[\w-]+" of unstorage cannot hold a database: it is eventually consistent/
  const refuses = (driver, message, options) => {
    typeError(() => unstorageStore(createStorage({ driver }), options), message)
  }
  refuses(driverOf('cloudflare-kv-binding')({ binding: { get () {} } }), eventual)
  refuses(driverOf('cloudflare-kv-http')({ accountId: 'a', namespaceId: 'b', apiToken: 'c' }), eventual)
  refuses({ ...driverOf('memory')(), name: 'netlify-blobs' }, eventual)
  refuses({ ...driverOf('memory')(), name: 'vercel-blob' }, eventual)
  refuses(driverOf('null')(), /"null" .* it does not keep what it is given/)
  refuses(driverOf('lru-cache')({}), /"lru-cache" .* it does not keep/)
  refuses(driverOf('fs')({ base: 'data' }), /"fs" .* half a value: use directoryStore\(\)/)
  refuses(driverOf('http')({ base: 'http://localhost' }), /"http" .* caches/)
  refuses({ name: 'mine', getItem () {}, hasItem () {}, getKeys: () => [] }, /"mine" .* it only reads/)
  const strong = { ...driverOf('memory')(), name: 'netlify-blobs', options: { consistency: 'strong' } }
  assert.equal(typeof unstorageStore(createStorage({ driver: strong })).get, 'function')
})

test('another driver among the keys of the store is refused, and one beside them is not', () => {
  const storage = createStorage()
  storage.mount('cache', driverOf('lru-cache')({}))
  storage.mount('ferrolite:app', driverOf('memory')())
  typeError(() => unstorageStore(storage), /Another driver is mounted at "ferrolite:app:"/)
  typeError(() => unstorageStore(storage, { prefix: 'cache' }), /"lru-cache"/)
  assert.equal(typeof unstorageStore(storage, { prefix: 'other' }).get, 'function')
})

test('a driver that gives other values than bytes is an error', async () => {
  const store = unstorageStore(createStorage({ driver: { ...driverOf('memory')(), getItemRaw: () => 'text' } }))
  await assert.rejects(store.get(bytes('a')), /something else than the bytes/)
  const buffers = { ...driverOf('memory')(), getItemRaw: () => new Uint8Array([1, 2]).buffer }
  const other = unstorageStore(createStorage({ driver: buffers }))
  assert.deepEqual(await other.get(bytes('a')), new Uint8Array([1, 2]))
})

test('what is no storage, or no prefix, is refused', () => {
  for (const wrong of [undefined, null, {}, new Map()]) typeError(() => unstorageStore(wrong), /^Expected first argument to come from createStorage/)
  for (const prefix of ['', 'a/b', ':a', 5, null]) typeError(() => unstorageStore(createStorage(), { prefix }), /^Expected the "prefix" option/)
})
