'use strict'

const assert = require('node:assert/strict')
const { setTimeout: sleep } = require('node:timers/promises')
const {
  IN_TIME, MODULE, cleanup, collect, isSqliteError, openAsync, ours, random, seed, tempFile, until
} = require('../support')
const Sync = require(MODULE)

const ROWS = 'WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x FROM n'
const ENDLESS = ROWS.replace('SELECT x FROM', 'SELECT count(*) FROM')
const COUNT = ENDLESS.replace('x + 1 FROM n)', 'x + 1 FROM n LIMIT ?)')
const aborted = { name: 'AbortError', code: 'ABORT_ERR' }
const interrupted = isSqliteError('SQLITE_INTERRUPT', 'interrupted')

function lock (t, file) {
  const db = new Sync(file)
  cleanup(t, () => db.close())
  db.exec('BEGIN EXCLUSIVE')
  return db
}

// How long after `act` the call rejected as expected.
async function endsSoon (t, what, call, act, expected) {
  const start = performance.now()
  act()
  await assert.rejects(call, expected, what)
  const ms = performance.now() - start
  t.diagnostic(`${what}: ${ms.toFixed(1)} ms`)
  assert.ok(ms < IN_TIME, `${what} took ${ms} ms`)
}

ours('a signal at a random moment ends its call once, and no other, 5,000 times', { timeout: 120000 }, async t => {
  const next = random(seed(t))
  const db = openAsync(t)
  const stmt = await db.prepare(COUNT)
  stmt.pluck()
  const echo = await db.prepare('SELECT ?')
  echo.pluck()
  let cancelled = 0
  let done = 0
  const round = async i => {
    const controller = new AbortController()
    const bound = stmt.with({ signal: controller.signal })
    const count = 1 + next(next(10) === 0 ? 30000 : 300)
    const before = next(3) === 0 ? echo.get(`before ${i}`) : null
    const call = next(2) === 0 ? bound.get(count) : bound.all(count).then(([n]) => n)
    let ends = 0
    const ended = call.then(
      n => { ends++; done++; assert.equal(n, count) },
      error => { ends++; cancelled++; assert.equal(error.name, 'AbortError') })
    const after = echo.get(i)
    switch (next(5)) {
      case 0:
        controller.abort()
        break
      case 1:
        queueMicrotask(() => controller.abort())
        break
      case 2:
        setImmediate(() => controller.abort())
        break
      case 3:
        setTimeout(() => controller.abort(), next(3))
        break
      default:
        for (const end = performance.now() + next(400) / 1000; performance.now() < end;);
        controller.abort()
    }
    await ended
    assert.equal(await after, i)
    if (before !== null) assert.equal(await before, `before ${i}`)
    assert.equal(ends, 1)
  }
  // Alone, and in crowds.
  for (let i = 0; i < 5000;) {
    const crowd = next(4) === 0 ? 1 + next(20) : 1
    const work = []
    for (let j = 0; j < crowd && i < 5000; ++j) work.push(round(i++))
    await Promise.all(work)
  }
  assert.equal(cancelled + done, 5000)
  t.diagnostic(`${cancelled} cancelled, ${done} done`)
  assert.ok(cancelled > 500 && done > 50)
})

ours('an AbortError has the reason of the signal', async t => {
  const db = openAsync(t)
  const reason = new Error('own')
  const early = AbortSignal.abort(reason)
  const withReason = error => error.name === 'AbortError' && error.cause === reason
  await assert.rejects(db.get('SELECT 1', [], { signal: early }), withReason)
  await assert.rejects(db.exec('SELECT 1', { signal: early }), withReason)
  await assert.rejects(db.prepare('SELECT 1', { signal: early }), withReason)
  await assert.rejects(collect(db.iterate('SELECT 1', [], { signal: early })), withReason)
  const controller = new AbortController()
  const call = db.get(ENDLESS, [], { signal: controller.signal })
  await sleep(10)
  controller.abort(reason)
  await assert.rejects(call, withReason)
})

ours('with() leaves the statement that it comes from as it is', async t => {
  const db = openAsync(t)
  const stmt = await db.prepare('SELECT 5')
  stmt.pluck()
  const bound = stmt.with({ signal: AbortSignal.abort() })
  await assert.rejects(bound.get(), aborted)
  assert.equal(await stmt.get(), 5)
  assert.equal(await stmt.with({ timeout: 10000 }).get(), 5)
})

ours('a running query ends soon by signal, timeout, stmt.interrupt() and db.interrupt()', async t => {
  const db = openAsync(t)
  await db.exec('CREATE TABLE t (a)')
  const stmt = await db.prepare(ENDLESS)
  const write = await db.prepare(`INSERT INTO t ${ROWS}`)
  for (const [name, start] of Object.entries({
    'get()': options => stmt.with(options).get(),
    'all()': options => stmt.with(options).all(),
    'run()': options => write.with(options).run(),
    'exec()': options => db.exec(ENDLESS, options),
    'db.get()': options => db.get(ENDLESS, [], options),
    'next()': options => stmt.with(options).iterate().next(),
    'all() of many rows': options => db.all(ROWS, [], options)
  })) {
    const controller = new AbortController()
    const call = start({ signal: controller.signal })
    await sleep(10)
    await endsSoon(t, `signal, ${name}`, call, () => controller.abort(), aborted)
    const timed = start({ timeout: 20 })
    await endsSoon(t, `timeout, ${name}`, timed, () => {}, interrupted)
    const other = start({})
    await sleep(10)
    await endsSoon(t, `db.interrupt(), ${name}`, other, () => db.interrupt(), interrupted)
    assert.deepEqual(await db.get('SELECT count(*) AS n FROM t'), { n: 0 })
  }
  for (const method of ['get', 'all']) {
    const call = stmt[method]()
    await sleep(10)
    await endsSoon(t, `stmt.interrupt(), ${method}()`, call, () => stmt.interrupt(), interrupted)
  }
  const call = stmt.iterate().next()
  await sleep(10)
  await endsSoon(t, 'stmt.interrupt(), next()', call, () => stmt.interrupt(), interrupted)
})

ours('a call that is queued behind a long one ends soon by signal, timeout and stmt.interrupt()', async t => {
  const db = openAsync(t)
  const stmt = await db.prepare('SELECT ?')
  const long = assert.rejects(db.get(ENDLESS), interrupted)
  await sleep(10)
  const controller = new AbortController()
  const call = stmt.with({ signal: controller.signal }).get(1)
  await sleep(5)
  await endsSoon(t, 'signal', call, () => controller.abort(), aborted)
  await endsSoon(t, 'timeout', stmt.with({ timeout: 10 }).get(2), () => {}, interrupted)
  const own = stmt.get(3)
  await sleep(5)
  await endsSoon(t, 'stmt.interrupt()', own, () => stmt.interrupt(), interrupted)
  // All that is left is not touched.
  const kept = stmt.pluck().get(4)
  db.interrupt()
  await long
  assert.equal(await kept, 4)
})

ours('a call that waits for a lock of the file ends soon', async t => {
  const file = tempFile(t)
  const db = openAsync(t, file, { timeout: 600000 })
  await db.exec('CREATE TABLE t (a)')
  const stmt = await db.prepare('INSERT INTO t VALUES (?)')
  const blocker = lock(t, file)
  const controller = new AbortController()
  const call = stmt.with({ signal: controller.signal }).run(1)
  await sleep(60)
  await endsSoon(t, 'signal', call, () => controller.abort(), aborted)
  await endsSoon(t, 'timeout', stmt.with({ timeout: 20 }).run(2), () => {}, interrupted)
  for (const [name, stop] of [['stmt', () => stmt.interrupt()], ['db', () => db.interrupt()]]) {
    const own = stmt.run(3)
    await sleep(60)
    await endsSoon(t, `${name}.interrupt()`, own, stop, interrupted)
  }
  await endsSoon(t, 'exec()', db.exec('BEGIN IMMEDIATE', { timeout: 20 }), () => {}, interrupted)
  blocker.exec('COMMIT')
  await stmt.run(4)
  assert.deepEqual(await db.all('SELECT a FROM t'), [{ a: 4 }])
})

ours('a call that waits for a transaction ends soon', async t => {
  const db = openAsync(t)
  await db.exec('CREATE TABLE t (a)')
  const stmt = await db.prepare('INSERT INTO t VALUES (?) RETURNING a')
  let finish
  const held = new Promise(resolve => { finish = resolve })
  const transaction = db.transaction(() => held)()
  for (const [name, start] of Object.entries({
    'run()': options => stmt.with(options).run(1),
    'db.run()': options => db.run('INSERT INTO t VALUES (2)', [], options),
    'exec()': options => db.exec('INSERT INTO t VALUES (3)', options),
    'next()': options => stmt.with(options).iterate(4).next()
  })) {
    const controller = new AbortController()
    const call = start({ signal: controller.signal })
    await sleep(5)
    await endsSoon(t, `signal, ${name}`, call, () => controller.abort(), aborted)
    await endsSoon(t, `timeout, ${name}`, start({ timeout: 10 }), () => {}, interrupted)
  }
  for (const call of [stmt.run(5), stmt.iterate(6).next()]) {
    await sleep(5)
    await endsSoon(t, 'stmt.interrupt()', call, () => stmt.interrupt(), interrupted)
  }
  finish()
  await transaction
  assert.deepEqual(await db.all('SELECT a FROM t'), [])
})

ours('a timeout of a call never hits the call behind it', async t => {
  const next = random(seed(t))
  const db = openAsync(t)
  const count = await db.prepare(COUNT)
  count.pluck()
  let late = 0
  for (let i = 0; i < 200; ++i) {
    const n = 1000 + next(40000)
    const call = count.with({ timeout: 1 + next(3) }).get(n).then(
      value => assert.equal(value, n), error => { late++; interrupted(error) })
    const others = [count.get(100 + i), db.get(`SELECT ${i} AS i`), db.exec(`SELECT ${i}`)]
    await call
    const [first, second] = await Promise.all(others)
    assert.deepEqual([first, second], [100 + i, { i }])
  }
  t.diagnostic(`${late} of 200 were late`)
})

ours('db.interrupt() at random ends at most what runs', async t => {
  const next = random(seed(t))
  const db = openAsync(t)
  const count = await db.prepare(COUNT)
  count.pluck()
  let ended = 0
  for (let i = 0; i < 500; ++i) {
    const calls = [0, 1, 2].map(j => count.get(1000 * j + next(3000) + 1).catch(error => {
      interrupted(error)
      ended++
    }))
    const before = ended
    if (next(2) === 0) await sleep(0)
    db.interrupt()
    await Promise.all(calls)
    assert.ok(ended - before <= 1)
    assert.equal(await count.get(10), 10)
  }
  t.diagnostic(`${ended} of 500 hit`)
})

ours('db.interrupt() ends the first call, however far it has come', { timeout: 60000 }, async t => {
  const db = openAsync(t)
  const first = async (name, start, rest) => {
    const call = start(rest)
    const behind = db.get('SELECT ? AS a', [name])
    for (let i = 0; i < rest; ++i) await null
    db.interrupt()
    await assert.rejects(call, interrupted, name)
    assert.deepEqual(await behind, { a: name })
  }
  for (let turn = 0; turn < 30; ++turn) {
    await first('new SQL', i => db.get(`${ENDLESS} -- ${i}`), turn)
    await first('the same SQL', () => db.all(ROWS), turn)
    await first('exec()', () => db.exec(ENDLESS), turn)
    await first('commit', () => db.exec(`BEGIN; ${ENDLESS}`), turn)
    if (db.inTransaction) await db.exec('ROLLBACK')
  }
})

ours('a signal ends an iterator, also between its batches, and leaves nothing open', async t => {
  const next = random(seed(t))
  const db = openAsync(t)
  await db.exec(`CREATE TABLE t (a); INSERT INTO t ${ROWS} LIMIT 3000`)
  const stmt = await db.prepare('SELECT a FROM t')
  stmt.pluck()
  for (let i = 0; i < 60; ++i) {
    const controller = new AbortController()
    const at = 1 + next(2000)
    const iterator = stmt.with({ signal: controller.signal }).iterate()
    let n = 0
    try {
      for await (const a of iterator) {
        assert.equal(a, ++n)
        if (next(300) === 0) await sleep(0)
        if (n === at) controller.abort()
      }
      // All that was still to come was here already.
      assert.equal(n, 3000)
    } catch (error) {
      assert.equal(error.name, 'AbortError', error.stack)
      assert.ok(n >= at)
    }
    assert.deepEqual(await iterator.next(), { value: undefined, done: true })
    await until(() => db.exec(`DROP TABLE t; CREATE TABLE t (a); INSERT INTO t ${ROWS} LIMIT 3000`).then(
      () => true, error => { assert.equal(error.code, 'SQLITE_LOCKED'); return false }), 'its end')
  }
})

ours('leaving a for await loop stops the query and leaves nothing open', async t => {
  const file = tempFile(t)
  const db = openAsync(t, file)
  await db.exec(`CREATE TABLE t (a); INSERT INTO t ${ROWS} LIMIT 5000`)
  const other = new Sync(file, { timeout: 0 })
  cleanup(t, () => other.close())
  const stmt = await db.prepare('SELECT a FROM t')
  const endless = await db.prepare(ROWS)
  for (const limit of [1, 15, 16, 17, 48, 49, 1000, 4999]) {
    for (const how of ['break', 'throw', 'return']) {
      const leave = async () => {
        let n = 0
        for await (const { a } of stmt.iterate()) {
          assert.equal(a, ++n)
          if (n % 100 === 0) await sleep(0)
          if (n < limit) continue
          if (how === 'throw') throw new RangeError('own')
          if (how === 'return') return
          break
        }
      }
      if (how === 'throw') await assert.rejects(leave(), { message: 'own' })
      else await leave()
      // No read transaction is left.
      other.exec('BEGIN EXCLUSIVE; COMMIT')
    }
  }
  const start = performance.now()
  for await (const { x } of endless.iterate()) if (x === 5000) break
  for await (const { x } of db.iterate(ROWS)) if (x === 5000) break
  await db.exec('DROP TABLE t')
  assert.ok(performance.now() - start < IN_TIME)
})

ours('what a cancelled write did is taken back', async t => {
  const db = openAsync(t, tempFile(t))
  await db.exec('CREATE TABLE t (a)')
  const stmt = await db.prepare(`INSERT INTO t ${ROWS} LIMIT ?`)
  let kept = 0
  for (let i = 0; i < 20; ++i) {
    await stmt.with({ timeout: 1 + i }).run(100000).then(() => { kept += 100000 }, interrupted)
    assert.deepEqual(await db.get('SELECT count(*) AS n FROM t'), { n: kept })
    assert.equal(db.inTransaction, false)
  }
})

ours('a cancelled call of a transaction leaves it to the function what comes then', async t => {
  const db = openAsync(t)
  await db.exec('CREATE TABLE t (a)')
  const slow = await db.prepare(ENDLESS)
  await db.transaction(async () => {
    await db.run('INSERT INTO t VALUES (1)')
    await assert.rejects(slow.with({ timeout: 10 }).get(), interrupted)
    await db.run('INSERT INTO t VALUES (2)')
  })()
  await assert.rejects(db.transaction(async () => {
    await db.run('INSERT INTO t VALUES (3)')
    await slow.with({ signal: AbortSignal.timeout(10) }).get()
  })(), aborted)
  assert.deepEqual(await db.all('SELECT a FROM t'), [{ a: 1 }, { a: 2 }])
})

ours('calls that have ended leave no listener at their signal', async t => {
  const db = openAsync(t)
  const { signal } = new AbortController()
  const { getEventListeners } = require('node:events')
  const stmt = (await db.prepare('SELECT ? AS a')).with({ signal })
  // Node warns of a leak from the eleventh on.
  const calls = Array.from({ length: 20 }, (_, i) => stmt.get(i))
  assert.equal(getEventListeners(signal, 'abort').length, 1)
  assert.deepEqual(await Promise.all(calls), Array.from({ length: 20 }, (_, a) => ({ a })))
  await Promise.all(Array.from({ length: 100 }, (_, i) => stmt.get(i)))
  await Promise.all(Array.from({ length: 50 }, (_, i) => db.get(`SELECT ${i}`, [], { signal })))
  await Promise.allSettled([stmt.get(), db.exec('nonsense', { signal }), collect(stmt.iterate(1))])
  assert.equal(getEventListeners(signal, 'abort').length, 0)
})

ours('a function that is called in a query sees it end by signal', async t => {
  const db = openAsync(t)
  const controller = new AbortController()
  let calls = 0
  await db.function('f', x => {
    if (++calls === 100) controller.abort()
    return x
  })
  const sql = ROWS.replace('SELECT x FROM', 'SELECT f(x) FROM')
  await assert.rejects(db.all(sql, [], { signal: controller.signal }), aborted)
  assert.ok(calls >= 100 && calls < 10000, `${calls} calls`)
  assert.deepEqual(await db.get('SELECT f(5) AS a'), { a: 5 })
})
