'use strict'

const assert = require('node:assert/strict')
const path = require('node:path')
const test = require('node:test')
const { Worker } = require('node:worker_threads')
const { directoryStore } = require('../../stores/directory')
const { Database, child, exited, random, seed, tempDir, until } = require('../support')

const ROOT = path.join(__dirname, '..', '..')
const TERMINATIONS = Number(process.env.TEST_LOOPS) || 8

test('a thousand databases that were opened and closed leave nothing behind', async () => {
  const result = exited(await child(root => {
    const { mapStore } = require(root + '/stores/map')
    const Ferrolite = require(root)
    const use = count => {
      for (let i = 0; i < count; i++) {
        const db = new Ferrolite('a', { store: mapStore() })
        db.exec('CREATE TABLE t (x); INSERT INTO t VALUES (randomblob(20000))')
        const rows = db.prepare('SELECT x FROM t')
        rows.get()
        // One in three is left to the garbage collector.
        if (i % 3 !== 0) db.close()
      }
    }
    const settled = async () => {
      for (let i = 0; i < 5; i++) {
        globalThis.gc()
        await new Promise(resolve => setTimeout(resolve, 20))
      }
      return process.memoryUsage().rss
    }
    async function main () {
      // So many until what the garbage collector lets stand is as much as it will be.
      use(1500)
      const before = await settled()
      use(1000)
      const grown = (await settled()) - before
      console.log(Math.round(grown / 2 ** 20))
    }
    main()
  }, { args: [ROOT], execArgv: ['--expose-gc'] }))
  // A database that stays keeps 100 KB at least.
  assert.ok(Number(result.stdout) < 60, `${result.stdout.trim()} MiB more`)
})

test('a database that the garbage collector takes calls no store, and loses nothing', async () => {
  const result = exited(await child(root => {
    const { mapStore } = require(root + '/stores/map')
    const Ferrolite = require(root)
    const store = mapStore()
    let calls = 0
    const counted = { ...store, putBatch (entries) { calls++; store.putBatch(entries) } }
    const make = () => {
      new Ferrolite('a', { store: counted }).exec('CREATE TABLE t (x); INSERT INTO t VALUES (5)')
    }
    make()
    const wait = async () => {
      for (let i = 0; i < 5; i++) {
        globalThis.gc()
        await new Promise(resolve => setTimeout(resolve, 10))
      }
      // It is not open any more.
      const db = new Ferrolite('a', { store: counted })
      console.log(calls, db.prepare('SELECT x FROM t').pluck().get())
    }
    wait()
  }, { args: [ROOT], execArgv: ['--expose-gc'] }))
  assert.equal(result.stdout, '0 5\n')
})

const SCRIPT = `
  const { workerData } = require('node:worker_threads')
  const { directoryStore } = require(workerData.root + '/stores/directory')
  const Database = require(workerData.root)
  const acknowledged = new Int32Array(workerData.shared)
  const db = new Database('a', { store: directoryStore(workerData.folder) })
  db.exec('CREATE TABLE IF NOT EXISTS t (id INTEGER PRIMARY KEY, x)')
  const insert = db.prepare('INSERT INTO t (x) VALUES (?)')
  for (;;) Atomics.store(acknowledged, 0, insert.run('x'.repeat(200)).lastInsertRowid)`

test('terminate() during a commit loses nothing that was acknowledged', async t => {
  const folder = tempDir(t)
  const next = random(seed(t))
  const shared = new SharedArrayBuffer(4)
  const acknowledged = new Int32Array(shared)
  for (let i = 0; i < TERMINATIONS; i++) {
    const before = Atomics.load(acknowledged, 0)
    const worker = new Worker(SCRIPT, { eval: true, workerData: { root: ROOT, folder, shared } })
    const failed = new Promise((resolve, reject) => worker.on('error', reject))
    await Promise.race([failed, until(() => Atomics.load(acknowledged, 0) > before, 'a commit', 60000)])
    await new Promise(resolve => setTimeout(resolve, next(30)))
    await worker.terminate()
    const said = Atomics.load(acknowledged, 0)
    const db = new Database('a', { store: directoryStore(folder), readonly: true })
    const { n, most } = db.get('SELECT count(*) n, max(id) most FROM t')
    db.close()
    assert.equal(n, most)
    assert.ok(most === said || most === said + 1, `${most} rows, ${said} were acknowledged`)
  }
})

test('two threads that write one database: the later one fences the other', async t => {
  const folder = tempDir(t)
  const db = new Database('a', { store: directoryStore(folder) })
  t.after(() => db.close())
  db.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, x)')
  const acknowledged = new Int32Array(new SharedArrayBuffer(4))
  const workerData = { root: ROOT, folder, shared: acknowledged.buffer }
  const worker = new Worker(SCRIPT, { eval: true, workerData })
  await until(() => Atomics.load(acknowledged, 0) > 1, 'a commit', 60000)
  assert.throws(() => db.exec('INSERT INTO t (x) VALUES (1)'), { code: 'KV_FENCED' })
  await worker.terminate()
})
