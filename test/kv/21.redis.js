'use strict'

// A database in a real Redis, with both clients: killed, cut off, and raced for.

const assert = require('node:assert/strict')
const test = require('node:test')
const { connect } = require('../../promise')
const { checkStore } = require('../../stores/check')
const { redisStore } = require('../../stores/redis')
const { startRedis, unavailable } = require('../servers/redis')
const { cleanup, typeError } = require('../support')

const skip = unavailable() ?? false
const ROUNDS = Number(process.env.TEST_KV_ROUNDS ?? 2)

const SETTINGS = {
  autoResendUnfulfilledCommands: false, enableOfflineQueue: false, lazyConnect: true
}

async function ioredis (t, port) {
  const { Redis } = require('ioredis')
  const client = new Redis({ port, host: '127.0.0.1', ...SETTINGS, retryStrategy: () => 20 })
  client.on('error', () => {})
  cleanup(t, () => client.disconnect())
  await client.connect()
  return client
}

async function nodeRedis (t, port) {
  const { createClient } = require('redis')
  const client = createClient({ url: `redis://127.0.0.1:${port}`, disableOfflineQueue: true })
  client.on('error', () => {})
  cleanup(t, () => client.destroy())
  await client.connect()
  return client
}

for (const [name, open] of Object.entries({ ioredis, nodeRedis })) {
  test(`the store of Redis passes the check, and keeps a database: ${name}`, { skip }, async t => {
    const { port } = await startRedis(t)
    const store = redisStore(await open(t, port))
    const { fenced } = await checkStore(store, { rounds: 3, late: 20 })
    assert.equal(fenced, true)
    const db = await connect('app', { store })
    await db.exec('CREATE TABLE t (a INTEGER PRIMARY KEY, b BLOB)')
    await db.run('INSERT INTO t (b) VALUES (randomblob(1000000))')
    const { sum } = await db.get('SELECT sum(length(b)) AS sum FROM t')
    await db.close()
    const again = await connect('app', { store, readonly: true })
    assert.deepEqual(await again.get('SELECT sum(length(b)) AS sum FROM t'), { sum })
    assert.equal(sum, 1000000)
    await again.close()
  })
}

test('what Redis acknowledged is there after it was killed', { skip }, async t => {
  const server = await startRedis(t)
  const store = redisStore(await ioredis(t, server.port))
  store.timeout = 20_000
  const acknowledged = []
  for (let round = 0; round < ROUNDS; ++round) {
    const db = await connect('app', { store })
    await db.exec('CREATE TABLE IF NOT EXISTS t (x)')
    let killed = null
    for (let i = 0; i < 30; ++i) {
      if (i === 10) killed = server.kill()
      const value = 1000 * round + i
      const done = await db.run('INSERT INTO t VALUES (?)', value).then(() => true, () => false)
      if (done) acknowledged.push(value)
      // It comes back while calls are repeated.
      if (killed !== null && i === 10) {
        await killed
        await server.start()
      }
      if (!done) break
    }
    await db.close().catch(() => {})
  }
  const db = await connect('app', { store })
  const found = new Set((await db.all('SELECT x FROM t')).map(({ x }) => x))
  assert.deepEqual(acknowledged.filter(value => !found.has(value)), [])
  assert.ok(acknowledged.length >= 10 * ROUNDS)
  assert.equal(await db.pragma('integrity_check', { simple: true }), 'ok')
  await db.close()
})

test('of two that race for one Redis one wins, and no acknowledged row is lost', { skip }, async t => {
  const { port } = await startRedis(t)
  const stores = [redisStore(await ioredis(t, port)), redisStore(await ioredis(t, port))]
  const first = await connect('app', { store: stores[0] })
  await first.exec('CREATE TABLE t (x)')
  await first.close()
  const acknowledged = []
  for (let round = 0; round < ROUNDS; ++round) {
    const fenced = await Promise.all(stores.map(async (store, who) => {
      const code = await connect('app', { store }).then(async db => {
        try {
          for (let i = 0; i < 10; ++i) {
            const value = `${round}/${who}/${i}`
            await db.run('INSERT INTO t VALUES (?)', value)
            acknowledged.push(value)
          }
          return null
        } catch (error) {
          return error.code
        } finally {
          await db.close()
        }
      }, error => error.code)
      return code
    }))
    assert.ok(fenced.every(code => code === null || code === 'KV_FENCED'), String(fenced))
    assert.ok(fenced.includes(null), 'nobody won')
  }
  const db = await connect('app', { store: stores[0] })
  const found = new Set((await db.all('SELECT x FROM t')).map(({ x }) => x))
  assert.deepEqual(acknowledged.filter(value => !found.has(value)), [])
  await db.close()
})

test('what is no client of Redis is refused', () => {
  for (const client of [undefined, null, {}, new Map()]) {
    assert.throws(() => redisStore(client), typeError('Expected first argument to be a client of ioredis, or of redis 5 or newer'))
  }
})
