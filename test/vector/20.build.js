'use strict'

// `build` events, and what ends a build.

const assert = require('node:assert/strict')
const { Worker } = require('node:worker_threads')
const {
  PROMISES, child, exited, needs, open, ours, oursSyncOnly, isSqliteError, tempFile, throws
} = require('../support')

const DIMENSION = 16
const ROWS = 3000
const REBUILD = "INSERT INTO t(t) VALUES ('rebuild')"

// The same numbers each time.
function matrix (rows) {
  let seed = 7
  return Float32Array.from({ length: rows * DIMENSION }, () => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0
    return seed / 2 ** 32 - 0.5
  })
}

// A table that has a graph from 100 rows on.
async function setup (t, place = tempFile(t)) {
  const db = open(t, place)
  await db.unsafeMode(true)
  await db.exec(`CREATE VIRTUAL TABLE t USING diskann(dimension=${DIMENSION});
    INSERT INTO t_config VALUES ('least_rows', 100)`)
  await db.unsafeMode(false)
  return db
}

async function fill (db, rows = ROWS) {
  const insert = await db.prepare(`INSERT INTO t(vector) SELECT vector FROM vector_each(?, ${DIMENSION})`)
  return insert.run(matrix(rows))
}

function fillNow (db) {
  return db.prepare(`INSERT INTO t(vector) SELECT vector FROM vector_each(?, ${DIMENSION})`).run(matrix(ROWS))
}

async function count (db) {
  const [row] = await (await db.prepare('SELECT count(*) AS n FROM t')).all()
  return row.n
}

async function isWhole (db) {
  await db.exec("INSERT INTO t(t) VALUES ('verify')")
  assert.equal(await db.pragma('integrity_check', { simple: true }), 'ok')
}

ours('a build tells how far it is, ten times a second at most', async t => {
  const db = await setup(t)
  const seen = []
  const listener = event => seen.push([event, performance.now()])
  assert.equal(db.on('build', listener), db)
  const builds = {
    'first merge': [() => fill(db), ROWS],
    rebuild: [() => db.exec(REBUILD), ROWS],
    merge: [async () => {
      await db.exec("INSERT INTO t(t) VALUES ('automerge=0')")
      await db.exec('DELETE FROM t WHERE rowid <= 100')
      await fill(db, 50)
      await db.exec("INSERT INTO t(t) VALUES ('merge')")
    }, 150],
    optimize: [async () => {
      await db.exec('DELETE FROM t WHERE rowid <= 120')
      await db.exec("INSERT INTO t(t) VALUES ('optimize')")
    }, 20]
  }
  for (const [name, [build, total]] of Object.entries(builds)) {
    seen.length = 0
    const began = performance.now()
    await build()
    const seconds = (performance.now() - began) / 1000
    assert.ok(seen.length >= 2 && seen.length <= 2 + 10 * seconds, `${name}: ${seen.length} in ${seconds} s`)
    const events = seen.map(([event]) => event)
    for (const event of events) assert.deepEqual({ ...event, done: 0 }, { table: 't', done: 0, total }, name)
    const done = events.map(event => event.done)
    assert.deepEqual(done, done.toSorted?.((a, b) => a - b) ?? done, name)
    assert.deepEqual([done[0], done.at(-1)], [0, total], name)
  }
  db.off('build', listener)
  seen.length = 0
  await db.exec(REBUILD)
  assert.deepEqual(seen, [])
  await isWhole(db)
})

ours('nothing is told where nothing is built', async t => {
  const db = await setup(t)
  db.on('build', () => assert.fail('a build'))
  await fill(db, 50)
  await db.exec('DELETE FROM t WHERE rowid = 1')
})

oursSyncOnly('what a listener throws ends the build, and the call throws it', async t => {
  const db = await setup(t)
  fillNow(db)
  for (const place of ['at first', 'at the end']) {
    const error = new Error(place)
    const stop = ({ done, total }) => { if (done === (place === 'at first' ? 0 : total)) throw error }
    db.on('build', stop)
    db.exec('BEGIN; DELETE FROM t WHERE rowid = 1')
    assert.throws(() => db.exec(REBUILD), thrown => thrown === error)
    db.off('build', stop)
    // As with an interrupt, the transaction is over.
    assert.equal(db.inTransaction, false)
    assert.equal(await count(db), ROWS)
    await isWhole(db)
  }
  // The commit that builds is rolled back.
  const file = await setup(t)
  file.on('build', () => { throw new RangeError('no') })
  assert.throws(() => fillNow(file), { name: 'RangeError', message: 'no' })
  assert.throws(() => file.transaction(() => fillNow(file))(), { name: 'RangeError', message: 'no' })
  assert.equal(file.inTransaction, false)
  assert.equal(await count(file), 0)
})

ours('what a listener throws is uncaught in the promise API, and the build goes on', async t => {
  if (!PROMISES) return t.skip('the sync API throws it')
  const result = exited(await child(async (module, file) => {
    const { Database } = require(module)
    const uncaught = []
    process.on('uncaughtException', error => uncaught.push(error.message))
    const db = new Database(file)
    await db.unsafeMode(true)
    await db.exec("CREATE VIRTUAL TABLE t USING diskann(dimension=2); INSERT INTO t_config VALUES ('least_rows', 10)")
    db.on('build', ({ done, total }) => { throw new Error(`at ${done === total}`) })
    const rows = Float32Array.from({ length: 400 }, (_, i) => Math.sin(i))
    await db.run('INSERT INTO t(vector) SELECT vector FROM vector_each(?, 2)', rows)
    const { n } = await db.get('SELECT count(*) AS n FROM t')
    await db.close()
    // The last one may be thrown after close() has resolved.
    process.on('exit', () => require('node:fs').writeSync(1, JSON.stringify({ uncaught, n })))
  }, { args: [require.resolve('../../promise'), tempFile(t)] }))
  assert.deepEqual(JSON.parse(result.stdout), { uncaught: ['at false', 'at true'], n: 200 })
})

oursSyncOnly('a listener must not use the database, and may interrupt the build', async t => {
  const db = await setup(t)
  const busy = { name: 'TypeError', message: 'This database connection is busy executing a query' }
  let asked = 0
  const listener = () => {
    asked++
    for (const call of [
      () => db.exec('SELECT 1'), () => db.prepare('SELECT 1').get(), () => db.close(), () => db.serialize(),
      () => db.transaction(() => {})()
    ]) assert.throws(call, busy)
    assert.equal(db.open, true)
  }
  db.on('build', listener)
  fillNow(db)
  assert.ok(asked >= 2)
  db.off('build', listener)
  // It may take itself away, and others.
  const once = () => db.off('build', once).interrupt()
  db.on('build', once)
  assert.throws(() => db.exec(REBUILD), isSqliteError('SQLITE_INTERRUPT', 'interrupted'))
  db.exec(REBUILD)
  assert.equal(await count(db), ROWS)
  await isWhole(db)
})

ours('close() in a listener waits for the build in the promise API', async t => {
  if (!PROMISES) return t.skip('the sync API throws')
  const place = tempFile(t)
  const db = await setup(t, place)
  let closed
  db.on('build', () => { closed ??= db.close() })
  await fill(db)
  await closed
  assert.equal(db.open, false)
  const again = open(t, place)
  assert.equal(await count(again), ROWS)
  await isWhole(again)
})

ours('close() with interrupt in a listener ends the build', async t => {
  if (!PROMISES) return t.skip('the sync API throws')
  const place = tempFile(t)
  const db = await setup(t, place)
  let closed
  db.on('build', () => { closed ??= db.close({ interrupt: true }) })
  const outcome = await fill(db).then(() => ROWS, ({ code }) => code === 'SQLITE_INTERRUPT' ? 0 : code)
  await closed
  const again = open(t, place)
  assert.equal(await count(again), outcome)
  await isWhole(again)
})

ours('a signal, a time limit and interrupt() end a build, and nothing of it stays', async t => {
  const db = await setup(t)
  await fill(db)
  const rebuild = await db.prepare(REBUILD)
  const insert = await db.prepare(`INSERT INTO t(vector) SELECT vector FROM vector_each(?, ${DIMENSION})`)
  for (const [call, ...args] of [[rebuild], [insert, matrix(ROWS)]]) {
    await throws(async () => call.run(...args, { timeout: 20 }), isSqliteError('SQLITE_INTERRUPT'))
    if (PROMISES) {
      const controller = new AbortController()
      const abort = () => controller.abort()
      db.on('build', abort)
      await assert.rejects(call.run(...args, { signal: controller.signal }), { name: 'AbortError' })
      db.off('build', abort)
      const interrupt = () => db.interrupt()
      db.on('build', interrupt)
      await assert.rejects(call.run(...args), isSqliteError('SQLITE_INTERRUPT', 'interrupted'))
      db.off('build', interrupt)
    }
    assert.equal(db.inTransaction, false)
    assert.equal(await count(db), ROWS)
    await isWhole(db)
  }
})

ours('an unknown event has a message that names those there are', async t => {
  const db = await setup(t)
  for (const method of ['on', 'off']) {
    await throws(async () => db[method]('builds', () => {}), {
      name: 'TypeError', message: 'Unknown event "builds": the events are "update" and "build"'
    })
    await throws(async () => db[method]('build'), { name: 'TypeError', message: 'Expected second argument to be a function' })
  }
})

needs('locks between connections', ours)('a worker thread that is terminated in a build leaves the file as it was', async t => {
  const place = tempFile(t)
  const db = await setup(t, place)
  await fill(db)
  const code = `const { workerData, parentPort } = require('node:worker_threads')
    const { Database } = require(workerData.module)
    const db = new Database(workerData.place)
    db.on('build', () => parentPort.postMessage('building'))
    ;(async () => { for (;;) await db.exec(workerData.sql) })()`
  for (let i = 0; i < 3; ++i) {
    const worker = new Worker(code, {
      eval: true, workerData: { module: require.resolve(PROMISES ? '../../promise' : '../../index.js'), place, sql: REBUILD }
    })
    await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject))
    await worker.terminate()
    assert.equal(await count(db), ROWS)
    await isWhole(db)
  }
})
