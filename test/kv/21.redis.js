'use strict'

// A database in a real Redis, with both clients: killed, cut off, and raced for.

const assert = require('node:assert/strict')
const test = require('node:test')
const { setTimeout: sleep } = require('node:timers/promises')
const { connect } = require('../../promise')
const { checkStore } = require('../../stores/check')
const { redisStore } = require('../../stores/redis')
const { startRedis, unavailable } = require('../servers/redis')
const { FAULTS, startRedisProxy } = require('../servers/redis-proxy')
const { cleanup, random, seed, typeError } = require('../support')

const skip = unavailable() ?? false
const ROUNDS = Number(process.env.TEST_KV_ROUNDS ?? 2)

// A command whose connection is cut fails at once: the database knows how to go on.
const SETTINGS = { maxRetriesPerRequest: 0, enableOfflineQueue: false, lazyConnect: true }

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
  const next = random(seed(t))
  const server = await startRedis(t)
  const store = redisStore(await ioredis(t, server.port))
  store.timeout = 20_000
  const acknowledged = []
  for (let round = 0; round < ROUNDS; ++round) {
    const db = await connect('app', { store })
    await db.exec('CREATE TABLE IF NOT EXISTS t (x)')
    let again = null
    for (let i = 0; i < 30; ++i) {
      // In the middle of whatever is then under way; it comes back while calls are repeated.
      if (i === 10) again = sleep(next(3)).then(() => server.kill()).then(() => server.start())
      const value = 1000 * round + i
      const done = await db.run('INSERT INTO t VALUES (?)', value).then(() => true, () => false)
      if (!done) break
      acknowledged.push(value)
    }
    await again
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

test('nothing is lost or doubled behind a proxy that cuts, delays and repeats', { skip }, async t => {
  const { port } = await startRedis(t)
  const next = random(seed(t))
  const kinds = Object.keys(FAULTS)
  let quiet = true
  const choose = () => quiet || next(4) !== 0 ? 'pass' : kinds[next(kinds.length)]
  const proxy = await startRedisProxy(t, port, choose, () => next(20))
  const store = redisStore(await ioredis(t, proxy.port))
  store.timeout = 10_000
  const acknowledged = []
  const refused = []
  const codes = {}
  const count = error => {
    if (!/^KV_/.test(error.code)) throw error
    codes[error.code] = (codes[error.code] ?? 0) + 1
  }
  for (let round = 0; round < 4 * ROUNDS; ++round) {
    quiet = false
    const db = await connect('app', { store }).catch(count)
    if (db === undefined) continue
    try {
      await db.exec('CREATE TABLE IF NOT EXISTS t (x UNIQUE, y)')
      for (let i = 0; i < 30; ++i) {
        const row = [`${round}/${i}`, i % 10 === 9 ? Buffer.alloc(90_000, i) : null]
        await db.run('INSERT INTO t VALUES (?, ?)', row).then(() => acknowledged.push(row[0]), error => {
          if (error.code === 'KV_STORE' || error.code === 'KV_TIMEOUT') refused.push(row[0])
          count(error)
          if (error.code === 'KV_INDETERMINATE') throw error
        })
      }
    } catch (error) {
      count(error)
    } finally {
      await db.close().catch(count)
    }
  }
  quiet = true
  // Without the proxy, after what it has still to repeat.
  await sleep(300)
  const db = await connect('app', { store: redisStore(await ioredis(t, port)) })
  const found = new Set((await db.all('SELECT x FROM t')).map(({ x }) => x))
  t.diagnostic(`${acknowledged.length} acknowledged, ${refused.length} rolled back, errors ${JSON.stringify(codes)}, commands ${JSON.stringify(proxy.counts)}`)
  assert.deepEqual(acknowledged.filter(value => !found.has(value)), [])
  assert.deepEqual(refused.filter(value => found.has(value)), [])
  assert.ok(acknowledged.length > 50 * ROUNDS)
  assert.equal(await db.pragma('kv_verify', { simple: true }), 'ok')
  assert.equal(await db.pragma('integrity_check', { simple: true }), 'ok')
  await db.close()
})

test('what is no client of Redis is refused', () => {
  for (const client of [undefined, null, {}, new Map()]) {
    assert.throws(() => redisStore(client), typeError('Expected first argument to be a client of ioredis, or of redis 5 or newer'))
  }
})
