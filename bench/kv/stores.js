'use strict'

// The stores that databases are measured in: one in memory, the same one behind a network of so
// many milliseconds, and real ones.

const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { createRequire } = require('node:module')
const { setTimeout: sleep } = require('node:timers/promises')
const { home } = require('../peers')
const { mapStore } = require('../../stores/map')

const peer = createRequire(path.join(home, 'package.json'))

// What a call is counted as.
const KINDS = { get: 'reads', getBatch: 'reads', put: 'writes', putBatch: 'writes', putIfAbsent: 'writes', deleteBatch: 'deletes' }

/** Counts the calls of a store; `ms` before each answer, as a network has. */
function distant (store, ms) {
  const counts = { reads: 0, writes: 0, deletes: 0 }
  const wrapped = { counts }
  for (const name of Object.keys(KINDS)) {
    const kind = KINDS[name]
    wrapped[name] = async (...args) => {
      counts[kind]++
      if (ms > 0) await sleep(ms)
      return store[name](...args)
    }
  }
  return wrapped
}

/** A store in memory that counts its calls. */
function near (store = mapStore()) {
  const counts = { reads: 0, writes: 0, deletes: 0 }
  const wrapped = { counts, limits: store.limits }
  for (const name of Object.keys(KINDS)) {
    const kind = KINDS[name]
    wrapped[name] = (...args) => {
      counts[kind]++
      return store[name](...args)
    }
  }
  return wrapped
}

// Real ones: `open(undo)` gives the store, and puts into `undo` what ends it.
const REAL = {
  directory (undo) {
    const folder = temporary(undo)
    return require('../../stores/directory').directoryStore(folder)
  },
  lmdb (undo) {
    const { open } = require('lmdb')
    const db = open({ path: temporary(undo), keyEncoding: 'binary', encoding: 'binary' })
    undo.push(() => db.close())
    return require('../../stores/lmdb').lmdbStore(db)
  },
  async level (undo) {
    const { ClassicLevel } = require('classic-level')
    const db = new ClassicLevel(temporary(undo))
    await db.open()
    undo.push(() => db.close())
    return require('../../stores/level').levelStore(db)
  },
  async Redis (undo) {
    const { startRedis, unavailable } = require('../../test/servers/redis')
    if (unavailable()) throw new Error(unavailable())
    const { port } = await startRedis({ after: (fn) => undo.push(fn) })
    const { Redis } = require('ioredis')
    const client = new Redis({ port, host: '127.0.0.1', maxRetriesPerRequest: 0 })
    undo.push(() => client.disconnect())
    return require('../../stores/redis').redisStore(client)
  },
  async 'S3 (moto)' (undo) {
    const { startMoto, unavailable } = require('../../test/servers/moto')
    if (unavailable()) throw new Error(unavailable())
    const { url } = await startMoto({ after: (fn) => undo.push(fn) })
    const { S3 } = require('@aws-sdk/client-s3')
    const credentials = { accessKeyId: 'key', secretAccessKey: 'secret' }
    const client = new S3({ endpoint: url, region: 'us-east-1', forcePathStyle: true, credentials })
    undo.push(() => client.destroy())
    await client.createBucket({ Bucket: 'bench' })
    return require('../../stores/s3').s3Store(client, { bucket: 'bench' })
  }
}

function temporary (undo) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ferrolite-bench-'))
  undo.push(() => fs.rmSync(folder, { recursive: true, force: true }))
  return folder
}

module.exports = { REAL, distant, near, peer, temporary }
