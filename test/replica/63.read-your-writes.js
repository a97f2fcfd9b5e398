'use strict'

// Reads of a replica see what the same connection has written, whatever else goes on.

const assert = require('node:assert/strict')
const fs = require('node:fs')
const { random, seed, tempFile, until } = require('../support')
const { faults, startFaulty } = require('../servers/faulty')
const { APIS, all, open } = require('../servers/replica')
const { served, startSqld } = require('../servers/sqld')

async function setup (t, options = {}) {
  const server = await startSqld(t)
  const file = tempFile(t, 'replica.db')
  return { server, file, options: { syncUrl: server.url, ...options } }
}

served('the sync API reads what it has written, at each of 300 random steps', async t => {
  const { file, options } = await setup(t, { syncPeriod: 0.002 })
  const db = await open(t, file, options)
  db.exec('CREATE TABLE t (k INTEGER PRIMARY KEY, v)')
  const next = random(seed(t))
  const known = new Map()
  const insert = db.prepare('INSERT OR REPLACE INTO t VALUES (?, ?)')
  const get = db.prepare('SELECT v FROM t WHERE k = ?').pluck()
  const steps = [
    (k, v) => { insert.run(k, v); known.set(k, v) },
    (k, v) => {
      db.transaction(() => { insert.run(k, v); insert.run(k, v + 1) })()
      known.set(k, v + 1)
    },
    (k, v) => {
      assert.throws(() => db.transaction(() => {
        insert.run(k, v)
        assert.equal(get.get(k), v, 'inside the transaction')
        throw new Error('no')
      })(), /^Error: no$/)
    },
    (k, v) => { db.batch([['INSERT OR REPLACE INTO t VALUES (?, ?)', [k, v]]]); known.set(k, v) },
    (k) => { db.exec(`DELETE FROM t WHERE k = ${k}`); known.delete(k) },
    (k) => { assert.throws(() => insert.run(k)) },
    () => { assert.throws(() => db.prepare('SELECT 1\0')) },
    () => { db.sync() }
  ]
  for (let i = 0; i < 300; i++) {
    const k = next(20)
    steps[next(steps.length)](k, i)
    assert.equal(get.get(k), known.get(k), `step ${i}`)
  }
  const all = db.prepare('SELECT k, v FROM t ORDER BY k').raw().all()
  assert.deepEqual(all, [...known].sort(([a], [b]) => a - b))
})

served('the promise API reads what it has written, in 8 tasks at once', async t => {
  const { file, options } = await setup(t, { syncPeriod: 0.002 })
  const db = await open(t, file, options, 'promises')
  await db.exec('CREATE TABLE t (k INTEGER PRIMARY KEY, v)')
  const first = seed(t)
  const task = async (number) => {
    const next = random(first + number)
    const known = new Map()
    for (let i = 0; i < 60; i++) {
      const k = 100 * number + next(10)
      const write = () => db.run('INSERT OR REPLACE INTO t VALUES (?, ?)', [k, i])
      switch (next(7)) {
        case 0:
          await write()
          known.set(k, i)
          break
        case 1:
          // Called before the read, and not awaited before it.
          write()
          known.set(k, i)
          break
        case 2:
          await db.transaction(async () => {
            await write()
            assert.deepEqual(await db.get('SELECT v FROM t WHERE k = ?', k), { v: i })
          })()
          known.set(k, i)
          break
        case 3:
          await db.batch([['INSERT OR REPLACE INTO t VALUES (?, ?)', [k, i]]])
          known.set(k, i)
          break
        case 4:
          await (await db.prepare(`DELETE FROM t WHERE k = ? -- ${i}`)).run(k)
          known.delete(k)
          break
        case 5:
          await assert.rejects(db.prepare('SELECT 1\0'))
          break
        case 6:
          await assert.rejects(db.run('INSERT INTO t VALUES (?)', [k]))
      }
      const text = `task ${number}, step ${i}`
      const expected = known.has(k) ? { v: known.get(k) } : undefined
      assert.deepEqual(await db.get('SELECT v FROM t WHERE k = ?', k), expected, text)
      if (next(5) !== 0) continue
      const rows = []
      const between = [100 * number, 100 * number + 99]
      for await (const row of db.iterate('SELECT k, v FROM t WHERE k BETWEEN ? AND ? ORDER BY k', between)) rows.push([row.k, row.v])
      assert.deepEqual(rows, [...known].sort(([a], [b]) => a - b), text)
    }
    return [...known]
  }
  const known = await Promise.all(Array.from({ length: 8 }, (_, number) => task(number)))
  const server = await open(t, options.syncUrl)
  const all = server.prepare('SELECT k, v FROM t ORDER BY k').raw().all()
  assert.deepEqual(all, known.flat().sort(([a], [b]) => a - b))
})

served('without readYourWrites, reads see what was written after a sync', async t => {
  const { file, options } = await setup(t, { readYourWrites: false })
  const db = await open(t, file, options)
  db.exec('CREATE TABLE t (a)')
  db.sync()
  db.exec('INSERT INTO t VALUES (1)')
  const count = db.prepare('SELECT count(*) FROM t').pluck()
  assert.equal(count.get(), 0)
  assert.equal(db.sync().frames_synced > 0, true)
  assert.equal(count.get(), 1)
})

served('a write whose reply is lost is read all the same', async t => {
  const { server, file } = await setup(t)
  const proxy = await startFaulty(t, { target: server.url })
  // The proxy is on this thread, which the sync API would block.
  const db = await open(t, file, { syncUrl: proxy.url }, 'promises')
  await db.exec('CREATE TABLE t (a)')
  const count = (await db.prepare('SELECT count(*) FROM t')).pluck()
  const insert = await db.prepare('INSERT INTO t VALUES (1)')
  await insert.run()
  assert.equal(await count.get(), 1)
  proxy.next('pipeline', faults.resetAfter)
  const isLost = { code: /^REMOTE_/, message: /whether it was executed is not known/ }
  await assert.rejects(insert.run(), isLost)
  assert.equal(await count.get(), 2)
})

served('a read that cannot be brought up to date fails rather than being stale', async t => {
  const { server, file, options } = await setup(t)
  for (const api of Object.keys(APIS)) {
    const db = await open(t, `${file}.${api}`, options, api)
    await db.exec('DROP TABLE IF EXISTS t; CREATE TABLE t (a); INSERT INTO t VALUES (1)')
    const read = () => all(db, 'SELECT a FROM t')
    assert.deepEqual(await read(), [{ a: 1 }])
    await db.exec('UPDATE t SET a = 2')
    await server.kill()
    await assert.rejects(read, { code: 'REMOTE_UNREACHABLE' })
    await server.start()
    assert.deepEqual(await read(), [{ a: 2 }])
  }
})

served('a write that was certainly not sent keeps no read waiting', async t => {
  const { server, file, options } = await setup(t)
  const first = await open(t, file, options)
  first.exec('CREATE TABLE t (a); INSERT INTO t VALUES (1)').sync()
  await server.kill()
  for (const api of Object.keys(APIS)) {
    const copy = `${file}.${api}`
    for (const suffix of ['', '-wal', '-replica']) fs.copyFileSync(file + suffix, copy + suffix)
    const db = await open(t, copy, options, api)
    const isRefused = { code: 'REMOTE_UNREACHABLE', message: /^Cannot connect/ }
    await assert.rejects(async () => db.exec('UPDATE t SET a = 3'), isRefused)
    assert.deepEqual(await all(db, 'SELECT a FROM t'), [{ a: 1 }])
  }
})

served('what was written is read while iterators are open', async t => {
  const { file, options } = await setup(t)
  const db = await open(t, file, options)
  db.exec("CREATE TABLE t (a); INSERT INTO t VALUES ('x'), ('y'), ('z')")
  const count = db.prepare('SELECT count(*) FROM t').pluck()
  const insert = db.prepare('INSERT INTO t VALUES (?)')
  let expected = 3
  for (const { a } of db.prepare('SELECT a FROM t').iterate()) {
    insert.run(`${a}!`)
    assert.equal(count.get(), ++expected)
  }
  assert.equal(expected, 6)
  assert.equal(count.get(), 6)
  const other = await open(t, `${file}.promises`, options, 'promises')
  for await (const { a } of other.iterate('SELECT a FROM t LIMIT 3')) {
    await other.run('INSERT INTO t VALUES (?)', `${a}?`)
    assert.deepEqual(await other.get('SELECT count(*) AS n FROM t'), { n: ++expected })
  }
  const rows = other.iterate('SELECT a FROM t')
  await rows.next()
  await other.run("INSERT INTO t VALUES ('last')")
  assert.deepEqual(await other.get('SELECT count(*) AS n FROM t'), { n: ++expected })
  await rows.return()
  assert.deepEqual(await other.get('SELECT count(*) AS n FROM t'), { n: expected })
  // Once it is closed, whatever closed it, reads have what only the file's connection has.
  other.function('here', () => 'here')
  const hundred = 'WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100)'
  const wrong = other.iterate(`${hundred} SELECT json(iif(i = 50, 'x', i)) FROM n`)
  for (const end of [
    async () => { for await (const { i } of other.iterate(`${hundred} SELECT i FROM n`)) if (i === 1) break },
    () => assert.rejects(async () => { while (!(await wrong.next()).done); }, { message: 'malformed JSON' }),
    () => assert.rejects(other.iterate('SELECT ?').next(), RangeError)
  ]) {
    await end()
    await other.run("INSERT INTO t VALUES ('more')")
    assert.deepEqual(await other.get('SELECT here() AS a, count(*) AS n FROM t'), { a: 'here', n: ++expected })
  }
})

served('a write that was cancelled and has happened all the same is read', async t => {
  const { server, file } = await setup(t)
  const proxy = await startFaulty(t, { target: server.url })
  const db = await open(t, file, { syncUrl: proxy.url }, 'promises')
  await db.exec('CREATE TABLE t (a)')
  await db.run('INSERT INTO t VALUES (?)', 'before')
  assert.deepEqual(await db.get('SELECT count(*) AS n FROM t'), { n: 1 })
  // It has happened before the first byte of the answer comes.
  proxy.script(faults.trickle(1000))
  const call = db.run('INSERT INTO t VALUES (?)', ['cancelled'], { timeout: 300 })
  await assert.rejects(call, { code: 'SQLITE_INTERRUPT' })
  const there = await open(t, server.url)
  assert.equal(there.prepare('SELECT count(*) FROM t').pluck().get(), 2)
  await until(async () => (await db.get('SELECT count(*) AS n FROM t')).n === 2, 'the write')
})

const WAYS = {
  timeout: (db, insert) => insert.run(1, { timeout: 100 }),
  signal: (db, insert) => insert.run(1, { signal: AbortSignal.timeout(100) }),
  interrupt: (db, insert) => {
    setTimeout(() => db.interrupt(), 100)
    return insert.run(1)
  }
}

served('a write that was given up is told of with its error, before a read', async t => {
  const { server } = await setup(t)
  const there = await open(t, server.url)
  there.exec('CREATE TABLE t (k)')
  const proxy = await startFaulty(t, { target: server.url })
  for (const waitForUncertain of [false, true]) {
    for (const [way, write] of Object.entries(WAYS)) {
      const text = `${way}, waitForUncertain: ${waitForUncertain}`
      there.exec('DELETE FROM t')
      const db = await open(t, tempFile(t), { syncUrl: proxy.url, waitForUncertain }, 'promises')
      const insert = await db.prepare('INSERT INTO t VALUES (?)')
      await insert.run(0)
      assert.deepEqual(await db.all('SELECT k FROM t'), [{ k: 0 }], text)
      const errors = []
      db.on('uncertain', ({ error }) => errors.push(error))
      // The server has done it all, and the answer takes its time.
      proxy.next('pipeline', faults.trickle(1000))
      const [failed] = await Promise.allSettled([write(db, insert)])
      assert.equal(failed.status, 'rejected', text)
      await until(() => there.all('SELECT * FROM t').length === 2)
      const rows = await db.all('SELECT k FROM t ORDER BY k')
      assert.deepEqual(errors.map((error) => error === failed.reason), [true], text)
      if (waitForUncertain) assert.deepEqual(rows, [{ k: 0 }, { k: 1 }], text)
      await db.close()
    }
  }
})

served('the sync API tells of it before the call has failed', async t => {
  const { file, options } = await setup(t)
  const db = await open(t, file, options)
  db.exec('CREATE TABLE t (k)')
  assert.deepEqual(db.all('SELECT k FROM t'), [])
  const errors = []
  db.on('uncertain', ({ error }) => errors.push(error))
  const insert = db.prepare(`INSERT INTO t WITH c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c)
    SELECT max(n) FROM c`)
  const move = db.transaction(() => {
    db.run('INSERT INTO t VALUES (1)')
    insert.run({ timeout: 100 })
  })
  // It is rolled back.
  assert.throws(move, { code: 'SQLITE_INTERRUPT' })
  assert.deepEqual(errors, [])
  let error
  try {
    insert.run({ timeout: 100 })
  } catch (thrown) {
    error = thrown
  }
  assert.equal(error.code, 'SQLITE_INTERRUPT')
  assert.deepEqual(errors.map((each) => each === error), [true])
})
