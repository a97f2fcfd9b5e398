'use strict'

// What `error.outcome` says of a call that failed, and what has become of it.

const assert = require('node:assert/strict')
const { AsyncLocalStorage } = require('node:async_hooks')
const { setTimeout: sleep } = require('node:timers/promises')
const { nobody, startSilent } = require('../servers/faulty')
const { startFaultyThread } = require('../servers/faulty-thread')
const { APIS, all, open, primary } = require('../servers/replica')
const { served } = require('../servers/sqld')
const { tempFile, until } = require('../support')

const SETUP = 'CREATE TABLE t (a UNIQUE, b); INSERT INTO t VALUES (1, NULL)'
const ENDLESS = 'WITH c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT max(n) FROM c'
const INSERT = 'INSERT INTO t (a) VALUES (2)'
const AGAIN = 'INSERT INTO t (a) VALUES (1)'
// For what never replies; whatever should reply has longer than any machine takes.
const LIMIT = 300
const PATIENT = 60000
const KINDS = ['a server', 'a replica']

function connect (t, kind, api, url, options) {
  return kind === 'a server'
    ? open(t, url, options, api)
    : open(t, tempFile(t), { syncUrl: url, ...options }, api)
}

/** Runs `body(db, text, api)` with each kind of database and each API, through a proxy. */
async function each (t, body) {
  const server = await primary(t, {}, SETUP)
  const proxy = await startFaultyThread(t, { target: server.url })
  for (const kind of KINDS) {
    for (const api of Object.keys(APIS)) {
      const db = await connect(t, kind, api, proxy.url, { requestTimeout: PATIENT })
      if (kind === 'a replica') await db.sync()
      const there = await open(t, server.url)
      const rows = async () => (await all(there, 'SELECT a FROM t ORDER BY a')).map(({ a }) => a)
      await body({ db, proxy, rows, there, text: `${kind}, ${api}`, api, kind })
      there.exec('DELETE FROM t; INSERT INTO t VALUES (1, NULL)')
    }
  }
}

/** What a call fails with. */
async function failure (call, text) {
  try {
    await call()
  } catch (error) {
    return error
  }
  return assert.fail(`${text}: it did not fail`)
}

async function failsWith (call, code, outcome, text) {
  const error = await failure(call, text)
  assert.deepEqual([error.code, error.outcome], [code, outcome], `${text}: ${error.stack}`)
  return error
}

function thrownBy (call) {
  try {
    call()
  } catch (error) {
    return error
  }
}

/** What a transaction of `calls` fails with. */
async function transact (db, api, calls) {
  const run = db.transaction(calls)
  return api === 'promises' ? failure(run, 'a transaction') : thrownBy(run)
}

served('a write says by the way that it failed whether it has happened', async (t) => {
  const cases = [
    ['resetAfter', 'REMOTE_UNREACHABLE', 'unknown', true],
    ['resetBefore', 'REMOTE_UNREACHABLE', 'unknown', false],
    ['truncate', 'REMOTE_UNREACHABLE', 'unknown', true],
    ['garbage', 'REMOTE_PROTOCOL', 'unknown', false],
    [['status', 500, 'text'], 'REMOTE_STATUS', 'unknown', false],
    [['status', 503, 'json'], 'REMOTE_STATUS', 'unknown', false],
    [['status', 401, 'json'], 'REMOTE_AUTH', 'not-executed', false],
    [['status', 403, 'html'], 'REMOTE_AUTH', 'not-executed', false],
    [['status', 404, 'empty'], 'REMOTE_STATUS', 'not-executed', false],
    [['status', 429, 'text'], 'REMOTE_STATUS', 'not-executed', false],
    [['redirect', 'http://127.0.0.1:1/'], 'REMOTE_STATUS', 'not-executed', false]
  ]
  await each(t, async ({ db, proxy, rows, there, text }) => {
    const calls = [(db) => db.run(INSERT), (db) => db.exec(INSERT), (db) => db.batch([INSERT])]
    for (const call of calls) {
      await call(db)
      for (const [fault, code, outcome, hasHappened] of cases) {
        there.exec('DELETE FROM t WHERE a = 2')
        await proxy.meets(fault)
        const about = `${text}, ${fault}, ${call}`
        const error = await failsWith(() => call(db), code, outcome, about)
        const isUnknown = / \(whether it was executed is not known\)$/.test(error.message)
        assert.equal(isUnknown, outcome === 'unknown', error.message)
        assert.deepEqual(await rows(), hasHappened ? [1, 2] : [1], about)
      }
      there.exec('DELETE FROM t WHERE a = 2')
    }
  })
})

served('what never reached the server was not executed', async (t) => {
  const silent = await startSilent(t)
  const gone = await nobody()
  for (const api of Object.keys(APIS)) {
    const cases = [[gone, 'REMOTE_UNREACHABLE', 'not-executed'], [silent.url, 'REMOTE_TIMEOUT', 'unknown'],
      // TLS does not come to its end, and nothing is sent before.
      [silent.url.replace('http:', 'https:'), 'REMOTE_TIMEOUT', 'not-executed']]
    for (const [url, code, outcome] of cases) {
      const db = await open(t, url, { requestTimeout: LIMIT }, api)
      for (const call of [() => db.exec(INSERT), () => db.batch([INSERT])]) {
        await failsWith(call, code, outcome, `${api}, ${url}`)
      }
      // What only reads changes nothing.
      await failsWith(() => db.get('SELECT 1'), code, 'not-executed', `${api}, ${url}`)
    }
  }
})

served('a statement that the server refuses has changed nothing, but for what keeps its rows', async (t) => {
  await each(t, async ({ db, rows, text, api, kind }) => {
    const unique = 'SQLITE_CONSTRAINT_UNIQUE'
    const events = []
    if (kind === 'a replica') db.on('uncertain', ({ error }) => events.push(error.code))
    await failsWith(() => db.run(AGAIN), unique, 'not-executed', text)
    await failsWith(() => db.exec(AGAIN), unique, 'not-executed', text)
    await failsWith(() => db.run('INSERT INTO nowhere VALUES (1)'), 'SQLITE_ERROR', 'not-executed', text)
    await failsWith(() => db.get('SELECT a FROM nowhere'), 'SQLITE_ERROR', 'not-executed', text)
    assert.deepEqual(await rows(), [1], text)
    await failsWith(() => db.run('INSERT OR FAIL INTO t (a) VALUES (5), (1)'), unique, 'unknown', text)
    assert.deepEqual(await rows(), [1, 5], text)
    if (api === 'sync') return
    // The rows are too large to be sent, and are there.
    const values = "SELECT value, zeroblob(4000000) FROM json_each('[6, 7, 8]')"
    const large = `INSERT INTO t (a, b) ${values} RETURNING b`
    await failsWith(() => db.all(large), 'RESPONSE_TOO_LARGE', 'unknown', text)
    assert.deepEqual(await rows(), [1, 5, 6, 7, 8], text)
    if (kind === 'a replica') {
      await until(async () => (await all(db, 'SELECT a FROM t')).length === 5, text)
      assert.deepEqual(events, [unique, 'RESPONSE_TOO_LARGE'], text)
    }
  })
})

served('a script says which statement failed, and a batch leaves nothing', async (t) => {
  await each(t, async ({ db, rows, text, api }) => {
    const unique = 'SQLITE_CONSTRAINT_UNIQUE'
    let error = await failsWith(() => db.exec(`${INSERT}; ${AGAIN}; ${INSERT}`), unique, 'unknown', text)
    assert.equal(error.statementIndex, 1, text)
    assert.deepEqual(await rows(), [1, 2], text)
    error = await failsWith(() => db.exec('BEGIN; INSERT INTO t (a) VALUES (3); INSERT OR ROLLBACK INTO t (a) VALUES (1)'),
      unique, 'rolled-back', text)
    assert.deepEqual([error.statementIndex, db.inTransaction], [2, false], text)
    error = await failsWith(() => db.batch(['INSERT INTO t (a) VALUES (3)', AGAIN]), unique, 'rolled-back', text)
    assert.equal(error.statementIndex, 1, text)
    // In a transaction it is a savepoint, and that goes on.
    const batch = () => db.batch(['INSERT INTO t (a) VALUES (3)', AGAIN])
    let inner
    const end = new Error('own')
    assert.equal(await transact(db, api, api === 'promises'
      ? async () => { inner = await failure(batch); throw end }
      : () => { inner = thrownBy(batch); throw end }), end)
    assert.deepEqual([inner.code, inner.outcome], [unique, 'not-executed'], text)
    assert.deepEqual(await rows(), [1, 2], text)
  })
})

served('an error in a transaction rolls back all of it, or it has ended before', async (t) => {
  await each(t, async ({ db, proxy, rows, text, api }) => {
    await db.run('UPDATE t SET b = b')
    await db.get('SELECT 1')
    // What is open on the server has written nothing: it would keep its lock for seconds.
    const begins = ['pass', 'pass']
    const cases = [
      [[...begins, 'resetBefore'], 'REMOTE_UNREACHABLE'], [[...begins, ['status', 401]], 'REMOTE_AUTH'],
      [[...begins, ['status', 500]], 'REMOTE_STATUS'], [[...begins, 'wrongBaton'], 'STREAM_EXPIRED']
    ]
    for (const [faults, code] of cases) {
      await proxy.meets(...faults)
      const calls = api === 'promises'
        ? async () => { await db.get('SELECT 1'); await db.exec(INSERT) }
        : () => { db.get('SELECT 1'); db.exec(INSERT) }
      const error = await transact(db, api, calls)
      const about = `${text}, ${faults.at(-1)}: ${error.stack}`
      assert.deepEqual([error.code, error.outcome], [code, 'rolled-back'], about)
      assert.match(error.message, /\(the transaction is rolled back\)$/)
      assert.equal(db.inTransaction, false, about)
      assert.deepEqual(await rows(), [1], about)
    }
  })
})

served('a commit whose reply is lost may have happened', async (t) => {
  await each(t, async ({ db, proxy, rows, text, api }) => {
    await db.run(INSERT)
    await db.run('DELETE FROM t WHERE a = 2')
    await proxy.meets('pass', 'pass', 'resetAfter')
    const calls = api === 'promises' ? async () => { await db.run(INSERT) } : () => { db.run(INSERT) }
    const error = await transact(db, api, calls)
    assert.deepEqual([error.code, error.outcome], ['REMOTE_UNREACHABLE', 'unknown'], text)
    assert.deepEqual(await rows(), [1, 2], text)
  })
})

served('an error of SQLite inside a transaction is undone alone, and then with all of it', async (t) => {
  await each(t, async ({ db, rows, text, api }) => {
    let inside
    const note = (error) => {
      inside = [error.outcome, db.inTransaction]
      throw error
    }
    const calls = api === 'promises'
      ? async () => { await db.run(INSERT); await db.run(AGAIN).catch(note) }
      : () => {
          db.run(INSERT)
          try {
            db.run(AGAIN)
          } catch (error) {
            note(error)
          }
        }
    let error = await transact(db, api, calls)
    assert.deepEqual([inside, error.outcome], [['not-executed', true], 'rolled-back'], text)
    // SQLite ends it by itself.
    const ends = 'INSERT OR ROLLBACK INTO t (a) VALUES (1)'
    error = await transact(db, api, api === 'promises'
      ? async () => { await db.run(INSERT); await db.run(ends) }
      : () => { db.run(INSERT); db.run(ends) })
    assert.deepEqual([error.code, error.outcome], ['SQLITE_CONSTRAINT_UNIQUE', 'rolled-back'], text)
    // An error of the function is its own.
    error = await transact(db, api, () => { throw new Error('own') })
    assert.equal(error.outcome, undefined)
    assert.deepEqual(await rows(), [1], text)
  })
})

served('what was given up is told of, too', async (t) => {
  await each(t, async ({ db, proxy, rows, text, api, kind }) => {
    await db.run(INSERT)
    const slow = ['delayAnswer', 3000]
    const code = 'SQLITE_INTERRUPT'
    // Without parameters, options are the first that run() has.
    const late = await db.prepare('INSERT INTO t (a) VALUES (3)')
    await proxy.meets(slow)
    await failsWith(() => late.run({ timeout: 300 }), code, 'unknown', text)
    assert.deepEqual(await rows(), [1, 2, 3], text)
    const endless = await db.prepare(ENDLESS)
    // The file has no outcome to tell: it is only read.
    const outcome = kind === 'a server' ? 'not-executed' : undefined
    await failsWith(() => endless.get({ timeout: 300 }), code, outcome, text)
    const error = await transact(db, api, api === 'promises'
      ? async () => { await db.get('SELECT a FROM t'); await endless.get({ timeout: 300 }) }
      : () => { db.get('SELECT a FROM t'); endless.get({ timeout: 300 }) })
    assert.deepEqual([error.code, error.outcome], [code, 'rolled-back'], text)
    assert.deepEqual(await rows(), [1, 2, 3], text)
  })
})

served('so is a call that was aborted or interrupted', async (t) => {
  const server = await primary(t, {}, SETUP)
  const proxy = await startFaultyThread(t, { target: server.url })
  for (const kind of KINDS) {
    const db = await connect(t, kind, 'promises', proxy.url, { requestTimeout: PATIENT })
    await db.run('UPDATE t SET b = b')
    const signal = AbortSignal.abort()
    const write = 'UPDATE t SET b = ifnull(b, 0) + 1'
    await failsWith(() => db.run(write, [], { signal }), 'ABORT_ERR', 'not-executed', kind)
    await failsWith(() => db.exec(write, { signal }), 'ABORT_ERR', 'not-executed', kind)
    await db.run(write)
    await proxy.meets(['delayAnswer', 3000])
    await failsWith(() => db.run(write, [], { signal: AbortSignal.timeout(300) }), 'ABORT_ERR', 'unknown', kind)
    await proxy.meets(['delayAnswer', 3000])
    const call = failsWith(() => db.run(write), 'SQLITE_INTERRUPT', 'unknown', kind)
    await sleep(300)
    db.interrupt()
    await call
    // What waits for a transaction has not begun.
    const outside = AsyncLocalStorage.snapshot?.() ?? ((call) => call())
    const waits = () => db.exec(write, { signal: AbortSignal.timeout(100) })
    await db.transaction(() => failsWith(() => outside(waits), 'ABORT_ERR', 'not-executed', kind))()
    const there = await open(t, server.url)
    const [{ b }] = await all(there, 'SELECT b FROM t')
    // Two that were given up after they had happened, and one more.
    assert.equal(b, 3, kind)
    there.exec('UPDATE t SET b = NULL')
  }
})
