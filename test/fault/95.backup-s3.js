'use strict'

// A libSQL server whose disk is lost, and what comes back of it from S3.
const assert = require('node:assert/strict')
const fs = require('node:fs')
const path = require('node:path')
const { after, before } = require('node:test')
const { setTimeout: sleep } = require('node:timers/promises')
const Database = require('../..')
const { connect } = require('../../promise')
const { faults, startFaulty } = require('../servers/faulty')
const { startMoto, unavailable: noMoto } = require('../servers/moto')
const { startSqld, unavailable: noSqld } = require('../servers/sqld')
const { cleanup, ours, random, seed, until } = require('../support')

// How many servers are killed while they are written to.
const ROUNDS = Number(process.env.TEST_BACKUP_ROUNDS) || 3
const BUCKET = 'backup'
const INTERVAL = 1000
// From the end of an interval to the end of its upload, on a machine that does other things too.
const UPLOAD_LIMIT = 10000
const WAL_HEADER = 32
const FRAME = 24 + 4096
const SKIP = noSqld() ?? noMoto() ?? false
// An attempt each second: the ten attempts of the default are ever further apart.
const ONE_ATTEMPT = { LIBSQL_BOTTOMLESS_S3_MAX_RETRIES: '1' }
const unavailable = faults.status(503, 'text')

let count = 0
let moto
const undo = []
before(async () => {
  if (SKIP === false) moto = await startMoto({ after: (fn) => undo.push(fn) })
})
after(async () => {
  for (const fn of undo) await fn()
})

function served (name, fn) {
  ours(name, { skip: SKIP, timeout: 60000 + ROUNDS * 20000 }, fn)
}

/** A server that backs itself up to S3, under a name that no other has. */
async function start (t, { endpoint = moto.url, env, flags = [], ...options } = {}) {
  const name = `app${count++}`
  const server = await startSqld(t, {
    ...options,
    flags: ['--enable-bottomless-replication', ...flags],
    env: {
      LIBSQL_BOTTOMLESS_ENDPOINT: endpoint,
      LIBSQL_BOTTOMLESS_BUCKET: BUCKET,
      LIBSQL_BOTTOMLESS_DATABASE_ID: name,
      LIBSQL_BOTTOMLESS_AWS_ACCESS_KEY_ID: 'key',
      LIBSQL_BOTTOMLESS_AWS_SECRET_ACCESS_KEY: 'secret',
      LIBSQL_BOTTOMLESS_AWS_DEFAULT_REGION: 'us-east-1',
      LIBSQL_BOTTOMLESS_BATCH_INTERVAL_SECS: String(INTERVAL / 1000),
      ...env
    }
  })
  return Object.assign(server, { name })
}

function open (t, server, options) {
  const db = new Database(server.url, options)
  cleanup(t, () => db.close())
  return db
}

async function openWriter (t, server) {
  const db = await connect(server.url)
  cleanup(t, () => db.close())
  return db
}

/** The server dies without a word, and all that it had on disk is gone. */
async function lose (server) {
  await server.kill()
  wipe(server)
}

function wipe ({ dir }) {
  for (const name of fs.readdirSync(dir)) fs.rmSync(path.join(dir, name), { recursive: true })
}

/** How many frames its WAL has: each commit appends some. */
function framesOf ({ dir }) {
  const { size } = fs.statSync(path.join(dir, 'data', 'dbs', 'default', 'data-wal'))
  return (size - WAL_HEADER) / FRAME
}

function keysOf ({ name }) {
  return moto.keys(BUCKET, `ns-${name}:`)
}

/** Up to which frame what it has on disk is in S3, without a gap. */
async function framesIn (server, namespace = 'default') {
  // It keeps a folder for each generation that it has uploaded from, newest first by name.
  const folder = path.join(server.dir, BUCKET)
  const folders = fs.existsSync(folder) ? fs.readdirSync(folder).sort() : []
  const generation = folders.find((name) => name.startsWith(`ns-${server.name}:${namespace}-`))
  if (generation === undefined) return 0
  const keys = await moto.keys(BUCKET, `${generation}/`)
  // It comes after the first frames, which cannot be restored without it.
  if (!keys.includes(`${generation}/.meta`)) return 0
  let last = 0
  for (const key of keys) {
    const range = /(\d{12})-(\d{12})-\d+\.zstd$/.exec(key)
    if (range !== null && Number(range[1]) === last + 1) last = Number(range[2])
  }
  return last
}

function backedUp (server) {
  const frames = framesOf(server)
  return until(async () => await framesIn(server) >= frames, `frame ${frames} in S3`)
}

function snapshotted (server) {
  const isSnapshot = (key) => key.endsWith('/db.zstd')
  return until(async () => (await keysOf(server)).some(isSnapshot), 'a snapshot in S3')
}

function createTables (db) {
  db.exec('CREATE TABLE entry (id INTEGER PRIMARY KEY, text)')
  db.exec('CREATE TABLE total (n); INSERT INTO total VALUES (0)')
}

function textOf (id) {
  return `entry ${id} ${'x'.repeat(id * 37 % 300)}`
}

/** Writes entries from `id` on until `stop()`, each in a transaction; what was acknowledged. */
async function write (server, db, id, stop) {
  const acknowledged = []
  try {
    for (; !stop(); id++) {
      const insert = ['INSERT INTO entry VALUES (?, ?)', [id, textOf(id)]]
      await db.batch([insert, 'UPDATE total SET n = n + 1'])
      acknowledged.push({ id, frame: framesOf(server), at: performance.now() })
      // Restoring takes about a millisecond for each transaction.
      await sleep(1)
    }
  } catch (error) {
    assert.equal(error.code, 'REMOTE_UNREACHABLE', error.stack)
  }
  return acknowledged
}

/** That entries are as they were written, each with its update, and none is left out; how many. */
function checkEntries (db) {
  const rows = db.prepare('SELECT id, text FROM entry ORDER BY id').all()
  assert.deepEqual(rows, rows.map((_, i) => ({ id: i + 1, text: textOf(i + 1) })))
  assert.equal(db.prepare('SELECT n FROM total').pluck().get(), rows.length)
  assert.deepEqual(db.pragma('integrity_check'), [{ integrity_check: 'ok' }])
  return rows.length
}

served('What S3 has of a lost disk comes back, and clients go on', async (t) => {
  const next = random(seed(t))
  for (let round = 0; round < ROUNDS; round++) {
    const server = await start(t)
    const db = open(t, server)
    const writer = await openWriter(t, server)
    createTables(db)
    const settled = await write(server, writer, 1, () => framesOf(server) > 100)
    await backedUp(server)
    const more = write(server, writer, settled.length + 1, () => false)
    await sleep(500 + next(2000))
    const killed = performance.now()
    await server.kill()
    const acknowledged = [...settled, ...await more]
    const stored = await framesIn(server)
    wipe(server)
    await server.start()
    const time = performance.now() - killed

    const restored = checkEntries(db)
    const expected = acknowledged.filter(({ frame }) => frame <= stored).length
    assert.ok(expected >= settled.length)
    assert.ok(restored >= expected, `${restored} came back of ${expected} that are in S3`)
    const lost = acknowledged.slice(restored)
    const age = lost.length === 0 ? 0 : killed - lost[0].at
    t.diagnostic(`${acknowledged.length} acknowledged, ${lost.length} lost, the oldest of them ` +
      `${Math.round(age)} ms before the kill; served again after ${Math.round(time)} ms`)
    assert.ok(age < INTERVAL + UPLOAD_LIMIT)

    // What is written then is as safe as before.
    const written = await write(server, writer, restored + 1, () => framesOf(server) > 50)
    await backedUp(server)
    await lose(server)
    await server.start()
    assert.equal(checkEntries(db), restored + written.length)
  }
})

served('A server that is told to end loses nothing, however long its interval', async (t) => {
  const server = await start(t, { env: { LIBSQL_BOTTOMLESS_BATCH_INTERVAL_SECS: '3600' } })
  const db = open(t, server)
  createTables(db)
  const written = await write(server, await openWriter(t, server), 1, () => framesOf(server) > 200)
  const begun = performance.now()
  assert.deepEqual(await server.stop(), { code: 0, signal: null })
  t.diagnostic(`It ended after ${Math.round(performance.now() - begun)} ms`)
  wipe(server)
  await server.start()
  assert.equal(checkEntries(db), written.length)
})

served('A server that is killed and has its disk loses nothing, and backs it up', async (t) => {
  const server = await start(t, { env: { LIBSQL_BOTTOMLESS_BATCH_INTERVAL_SECS: '3600' } })
  const db = open(t, server)
  createTables(db)
  const first = await write(server, await openWriter(t, server), 1, () => framesOf(server) > 100)
  assert.equal(await framesIn(server), 0)
  await server.kill()
  await server.start()
  assert.equal(checkEntries(db), first.length)
  await snapshotted(server)
  await lose(server)
  await server.start()
  assert.equal(checkEntries(db), first.length)
})

served('What is older than a snapshot is not needed', async (t) => {
  const server = await start(t)
  const db = open(t, server)
  createTables(db)
  const written = await write(server, await openWriter(t, server), 1, () => framesOf(server) > 50)
  await server.stop()
  const old = await keysOf(server)
  wipe(server)
  await server.start()
  await snapshotted(server)
  await server.stop()
  for (const key of old) await moto.remove(BUCKET, key)
  wipe(server)
  await server.start()
  assert.equal(checkEntries(db), written.length)
})

served('Without S3 a server takes writes, and brings them there when it is back', async (t) => {
  const proxy = await startFaulty(t, { target: moto.url })
  const server = await start(t, { endpoint: proxy.url, env: ONE_ATTEMPT })
  const db = open(t, server)
  const writer = await openWriter(t, server)
  createTables(db)
  const first = await write(server, writer, 1, () => framesOf(server) > 50)
  await backedUp(server)
  const stored = await framesIn(server)
  proxy.always(unavailable)
  const second = await write(server, writer, first.length + 1, () => framesOf(server) > 100)
  const refused = () => proxy.requests.filter(({ fault }) => fault === unavailable.name).length
  await until(() => refused() > 1, 'a second attempt')
  assert.equal(await framesIn(server), stored)
  proxy.always(faults.pass)
  const between = first.length + second.length
  const third = await write(server, writer, between + 1, () => framesOf(server) > 150)
  await backedUp(server)
  await lose(server)
  await server.start()
  assert.equal(checkEntries(db), between + third.length)
})

served('A transaction that S3 has in part does not come back in part', async (t) => {
  const proxy = await startFaulty(t, { target: moto.url })
  const env = { ...ONE_ATTEMPT, LIBSQL_BOTTOMLESS_BATCH_MAX_FRAMES: '10' }
  const server = await start(t, { endpoint: proxy.url, env })
  const db = open(t, server)
  createTables(db)
  db.batch([['INSERT INTO entry VALUES (1, ?)', [textOf(1)]], 'UPDATE total SET n = 1'])
  await backedUp(server)
  // Of what comes now, the second object does not arrive; all others do.
  const objects = []
  proxy.always(async (exchange) => {
    const { method, url } = exchange.req
    const isObject = method === 'PUT' && /\/\d{12}-\d{12}-/.test(url)
    if (isObject && !objects.includes(url)) objects.push(url)
    await (isObject && url === objects[1] ? unavailable : faults.pass)(exchange)
  })
  const stored = (await keysOf(server)).length
  const rows = Array.from({ length: 100 }, (_, i) => [i + 2, 'x'.repeat(4000)])
  const inserts = rows.map((row) => ['INSERT INTO entry VALUES (?, ?)', row])
  db.batch([...inserts, 'UPDATE total SET n = 101'])
  await until(async () => (await keysOf(server)).length > stored + 5, 'other objects')
  await lose(server)
  proxy.always(faults.pass)
  await server.start()
  assert.equal(checkEntries(db), 1)
})

served('A server that finds no S3, or not all that is listed, does not start', async (t) => {
  const proxy = await startFaulty(t, { target: moto.url })
  const server = await start(t, { endpoint: proxy.url, env: ONE_ATTEMPT })
  const db = open(t, server)
  createTables(db)
  await backedUp(server)
  await lose(server)
  for (const broken of ['', '.zstd']) {
    proxy.always((exchange) => {
      return (exchange.req.url.includes(broken) ? unavailable : faults.pass)(exchange)
    })
    await assert.rejects(server.start(), /sqld ended/)
    wipe(server)
  }
  proxy.always(faults.pass)
  await server.start()
  assert.equal(checkEntries(db), 0)
})

served('A server takes a list that failed for an empty one; that can be undone', async (t) => {
  const proxy = await startFaulty(t, { target: moto.url })
  const server = await start(t, { endpoint: proxy.url, env: ONE_ATTEMPT })
  createTables(open(t, server))
  await backedUp(server)
  await lose(server)
  const keys = await keysOf(server)
  proxy.always((exchange) => {
    return (exchange.req.url.includes('prefix=') ? unavailable : faults.pass)(exchange)
  })
  await server.start()
  proxy.always(faults.pass)
  const db = open(t, server)
  db.exec('CREATE TABLE other (a)')
  await backedUp(server)
  await lose(server)
  await server.start()
  // Its newest generation hides the older ones.
  assert.deepEqual(db.prepare('SELECT name FROM sqlite_schema').pluck().all(), ['other'])
  // What is still on its way when the server dies would come after the removal.
  await snapshotted(server)
  await lose(server)
  for (const key of await keysOf(server)) if (!keys.includes(key)) await moto.remove(BUCKET, key)
  await server.start()
  assert.equal(checkEntries(db), 0)
})

for (const meta of [true, false]) {
  const how = meta ? 'by themselves with --backup-meta-store' : 'when they are created again'
  served(`Namespaces come back ${how}`, async (t) => {
    const store = [
      '--backup-meta-store', '--meta-store-backup-id', 'meta', '--meta-store-bucket-name', BUCKET,
      '--meta-store-access-key-id', 'key', '--meta-store-secret-access-key', 'secret',
      '--meta-store-region', 'us-east-1', '--meta-store-backup-interval-s', '1',
      '--meta-store-bucket-endpoint', moto.url
    ]
    const server = await start(t, { flags: meta ? store : [], namespaces: true })
    const names = ['one', 'two']
    const dbs = names.map((namespace) => open(t, server, { namespace }))
    for (const [i, name] of names.entries()) {
      await server.createNamespace(name)
      dbs[i].exec(`CREATE TABLE t (a); INSERT INTO t VALUES ('${name}')`)
    }
    await until(async () => {
      const frames = await Promise.all(names.map((name) => framesIn(server, name)))
      const listed = (await moto.keys(BUCKET, 'meta-')).some((key) => key.endsWith('.raw'))
      return frames.every((last) => last > 0) && (listed || !meta)
    }, 'the namespaces in S3')
    await lose(server)
    await server.start()
    for (const [i, name] of names.entries()) {
      if (meta) continue
      assert.throws(() => dbs[i].prepare('SELECT 1'), { code: 'REMOTE_STATUS', status: 404 })
      await server.createNamespace(name)
    }
    assert.deepEqual(dbs.map((db) => db.prepare('SELECT a FROM t').pluck().get()), names)
  })
}
