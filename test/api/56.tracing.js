'use strict'

const assert = require('node:assert/strict')
const { AsyncLocalStorage } = require('node:async_hooks')
const channels = require('node:diagnostics_channel')
const {
  child, collect, exited, needs, open, ours, syncOnly, tempFile, test, thrown, until
} = require('../support')

const PROMISES = process.env.TEST_API === 'promise'
const { TEST_ON: PLACE } = process.env
const QUERY = channels.tracingChannel('ferrolite:query')
const NAMES = ['start', 'end', 'asyncStart', 'asyncEnd', 'error']

// All that is told meanwhile: pairs of a name and a context.
async function heard (act) {
  const told = []
  const tell = Object.fromEntries(NAMES.map(name => [name, context => told.push([name, context])]))
  QUERY.subscribe(tell)
  try {
    await act()
  } finally {
    QUERY.unsubscribe(tell)
  }
  return told
}

const LAST = PROMISES ? 'asyncEnd' : 'end'

// What each call has come to.
async function calls (act) {
  const told = await heard(act)
  return told.filter(([name]) => name === LAST).map(([, context]) => context)
}

const pick = ({ kind, sql, rows, changes }) => ({ kind, sql, rows, changes })

async function withTable (t) {
  const db = open(t)
  await db.exec('CREATE TABLE t (a UNIQUE)')
  return db
}

test('every kind of call is told of, with what it gave and how long it took', async t => {
  const db = await withTable(t)
  const insert = await db.prepare('INSERT INTO t VALUES (?)')
  const select = await db.prepare('SELECT a FROM t WHERE a <> ?')
  const found = await calls(async () => {
    await insert.run('secret')
    await insert.run('other')
    await select.get('secret')
    await select.all('secret')
    await select.get('none')
    await db.exec('DELETE FROM t')
    await db.pragma('user_version')
  })
  assert.deepEqual(found.map(pick), [
    { kind: 'run', sql: insert.source, rows: undefined, changes: 1 },
    { kind: 'run', sql: insert.source, rows: undefined, changes: 1 },
    { kind: 'get', sql: select.source, rows: 1, changes: undefined },
    { kind: 'all', sql: select.source, rows: 1, changes: undefined },
    { kind: 'get', sql: select.source, rows: 1, changes: undefined },
    { kind: 'exec', sql: 'DELETE FROM t', rows: undefined, changes: undefined },
    { kind: 'pragma', sql: 'PRAGMA user_version', rows: 1, changes: undefined }
  ])
  for (const { database, waited, run, connection } of found) {
    assert.equal(database, db.name)
    assert.ok(waited >= 0 && run >= 0, `${waited} ${run}`)
    const known = { server: ['primary'], replica: ['file', 'primary'] }[PLACE] ?? ['writer']
    assert.ok(known.includes(connection), connection)
  }
})

test('the events of a call come in order and share its context', async t => {
  const db = await withTable(t)
  const statement = await db.prepare('INSERT INTO t VALUES (1)')
  const names = told => told.map(([name]) => name)
  const told = await heard(() => statement.run())
  assert.deepEqual(names(told), PROMISES ? ['start', 'end', 'asyncStart', 'asyncEnd'] : ['start', 'end'])
  assert.equal(new Set(told.map(([, context]) => context)).size, 1)
  const failed = await heard(async () => {
    const { error } = await thrown(() => statement.run())
    assert.equal(error.code, 'SQLITE_CONSTRAINT_UNIQUE')
  })
  assert.deepEqual(names(failed), PROMISES ? ['start', 'end', 'error', 'asyncStart', 'asyncEnd'] : ['start', 'error', 'end'])
  assert.equal(failed[0][1].error.code, 'SQLITE_CONSTRAINT_UNIQUE')
})

test('a transaction is told of as what it runs', async t => {
  const db = await withTable(t)
  const insert = await db.prepare('INSERT INTO t VALUES (?)')
  const found = await calls(() => db.transaction(async () => {}) && db.transaction(PROMISES
    ? async () => { await insert.run(1) }
    : () => { insert.run(1) })())
  assert.deepEqual(found.map(({ sql }) => sql), ['BEGIN', insert.source, 'COMMIT'])
})

test('a batch is told of', async t => {
  const db = await withTable(t)
  const list = [['INSERT INTO t VALUES (?)', [1]], 'INSERT INTO t VALUES (2)', 'SELECT a FROM t']
  const found = await calls(() => db.batch(list))
  const batch = found.filter(({ kind }) => kind === 'batch')
  assert.deepEqual(batch.map(({ sql }) => sql), [
    'INSERT INTO t VALUES (?); INSERT INTO t VALUES (2); SELECT a FROM t'
  ])
  assert.equal(found.at(-1), batch[0])
})

test('an iterator is told of once it has ended', async t => {
  const db = await withTable(t)
  await db.exec('WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c LIMIT 50) INSERT INTO t SELECT n FROM c')
  const statement = await db.prepare('SELECT a FROM t')
  const found = await calls(async () => {
    let count = 0
    for await (const row of statement.iterate()) count += Number(row.a > 0)
    assert.equal(count, 50)
    for await (const row of statement.iterate()) if (row.a === 3) break
  })
  const own = found.filter(({ kind }) => kind === 'iterate')
  assert.equal(own.length, 2)
  if (PLACE !== 'server' || PROMISES) assert.equal(own[0].rows, 50)
})

test('keys never show, and neither do values', async t => {
  const db = open(t)
  const found = await calls(async () => {
    for (const sql of ["\ufeffPRAGMA/**/hexkey = 'c0ffee'", "ATTACH '' AS x KEY 'c0ffee'"]) {
      // Whether it may be done or not.
      try { await db.exec(sql) } catch {}
    }
    await (await db.prepare('SELECT ?')).get('c0ffee')
  })
  assert.equal(found.length, 3)
  assert.doesNotMatch(JSON.stringify(found), /c0ffee/)
})

test('listeners run in the async context of the call', async t => {
  const db = open(t)
  const storage = new AsyncLocalStorage()
  const statement = await db.prepare('SELECT 1')
  const requests = []
  const tell = () => requests.push(storage.getStore())
  QUERY[LAST].subscribe(tell)
  await Promise.all([1, 2, 3].map(id => storage.run(id, async () => { await statement.get() })))
  QUERY[LAST].unsubscribe(tell)
  assert.deepEqual(requests, [1, 2, 3])
})

test('an error of a listener does not change what a call gives', async () => {
  const { stdout } = exited(await child(`
    const channels = require('node:diagnostics_channel')
    const Class = ${PROMISES} ? require(MODULE + '/promise').Database : Database
    process.on('uncaughtException', error => console.log('uncaught', error.message))
    const run = async () => {
      const db = new Class(':memory:')
      for (const name of ['start', 'end', 'asyncStart', 'asyncEnd']) {
        channels.subscribe('tracing:ferrolite:query:' + name, () => { throw new Error('mine') })
      }
      console.log(await (await db.prepare('SELECT 7 AS n')).get())
      await db.close()
    }
    run()`))
  assert.match(stdout, /\{ n: 7 \}/)
  assert.equal(stdout.match(/uncaught mine/g).length, PROMISES ? 4 : 2)
})

syncOnly('nothing is wrapped until somebody listens', async () => {
  const { stdout } = exited(await child(`
    const channels = require('node:diagnostics_channel')
    const db = new Database(':memory:')
    const statement = db.prepare('SELECT 1')
    const { get } = Object.getPrototypeOf(statement)
    statement.get()
    console.log(Object.getPrototypeOf(statement).get === get)
    channels.subscribe('tracing:ferrolite:query:end', ({ sql }) => console.log(sql))
    statement.get()
    const wrapped = Object.getPrototypeOf(statement).get
    console.log(wrapped === get, wrapped.name)
    try { wrapped.call({}) } catch (error) { console.log(error.message) }`))
  assert.equal(stdout, 'true\nSELECT 1\nfalse get\nIllegal invocation\n')
})

needs('option readers')('readers are told apart', async t => {
  if (!PROMISES) return t.skip('only for the promise API')
  const db = open(t, tempFile(t), { readers: 2 })
  await db.exec('PRAGMA journal_mode = WAL; CREATE TABLE t (a)')
  const found = await calls(async () => {
    await db.get('SELECT count(*) FROM t')
    await db.run('INSERT INTO t VALUES (1)')
  })
  assert.deepEqual(found.map(({ kind, connection }) => [kind, connection]), [['get', 'reader'], ['run', 'writer']])
})

test('a call that waits for a transaction says how long', async t => {
  if (!PROMISES) return t.skip('only for the promise API')
  const db = await withTable(t)
  let release
  const until = new Promise(resolve => { release = resolve })
  const found = await calls(async () => {
    const transaction = db.transaction(async () => {
      await db.run('INSERT INTO t VALUES (1)')
      await until
    })()
    const began = performance.now()
    const waiting = db.run('INSERT INTO t VALUES (2)')
    while (performance.now() - began < 50) await new Promise(resolve => setImmediate(resolve))
    release()
    await Promise.all([transaction, waiting])
  })
  const { waited } = found.find(({ sql }) => sql === 'INSERT INTO t VALUES (2)')
  assert.ok(waited >= 45, `${waited}`)
})

ours('listeners of promises can use a database of the sync API, and rows stay as they are', async t => {
  if (!PROMISES) return t.skip('only for the promise API')
  const db = open(t)
  const statement = await db.prepare('SELECT ? AS n, ? AS text')
  const log = new (require('../..'))(':memory:')
  log.exec('CREATE TABLE log (sql, took)')
  const insert = log.prepare('INSERT INTO log VALUES (?, ?) RETURNING sql, took, 3 AS three')
  const tell = ({ sql, run }) => insert.all(sql, run)
  QUERY.asyncEnd.subscribe(tell)
  const rows = await Promise.all(Array.from({ length: 50 }, (_, i) => statement.get(i, `text ${i}`)))
  QUERY.asyncEnd.unsubscribe(tell)
  assert.deepEqual(rows, Array.from({ length: 50 }, (_, i) => ({ n: i, text: `text ${i}` })))
  assert.equal(log.prepare('SELECT count(*) FROM log').pluck().get(), 50)
  log.close()
})

test('SQL that cannot be compiled is told of, with its error', async t => {
  const db = open(t)
  const tries = [sql => db.prepare(sql), sql => db.get(sql), sql => db.run(sql), sql => db.all(sql),
    sql => collect(db.iterate(sql))]
  for (const [i, act] of tries.entries()) {
    const sql = `SELECT * FROM nobody${i}`
    const told = await heard(() => thrown(() => act(sql)))
    assert.deepEqual(told.map(([name]) => name), ['start', 'error', 'end'])
    const [, context] = told[0]
    assert.deepEqual([context.kind, context.sql, context.database], ['prepare', sql, db.name])
    assert.match(context.error.message, /no such table: nobody/)
    assert.equal(context.error.code, 'SQLITE_ERROR')
    assert.ok(context.run >= 0)
  }
  assert.deepEqual((await heard(() => db.prepare('SELECT 1'))).length, 0)
})

test('so are pragmas and plans that cannot be compiled', async t => {
  const db = open(t)
  const tries = { 'PRAGMA x(': () => db.pragma('x('), 'EXPLAIN SELEC': () => db.explain('SELEC') }
  for (const [sql, act] of Object.entries(tries)) {
    const told = await heard(() => thrown(act))
    assert.deepEqual(told.map(([name]) => name), ['start', 'error', 'end'])
    const [, { kind, sql: about, error }] = told[0]
    assert.deepEqual([kind, about, error.code], ['prepare', sql, 'SQLITE_ERROR'])
  }
})

test('a call whose time is over before its turn is told of', { skip: !PROMISES }, async t => {
  const db = open(t, ':memory:', { leaseTimeout: 50 })
  const tries = [
    ['SQLITE_BUSY', sql => db.get(sql)],
    ['SQLITE_BUSY', sql => db.prepare(sql)],
    ['SQLITE_INTERRUPT', sql => db.run(sql, { timeout: 5 })],
    ['ABORT_ERR', sql => db.all(sql, { signal: AbortSignal.abort() })],
    ['ABORT_ERR', sql => collect(db.iterate(sql, { signal: AbortSignal.abort() }))]
  ]
  let go
  const transaction = db.transaction(() => new Promise(resolve => { go = resolve }))()
  await until(() => go !== undefined)
  for (const [i, [code, act]] of tries.entries()) {
    const sql = `SELECT ${i}`
    // prepare() waits for its turn where another call does.
    const other = code === 'SQLITE_BUSY' ? thrown(() => db.exec('SELECT 100')) : null
    const told = await heard(() => thrown(() => act(sql)))
    await other
    const ours = told.filter(([, context]) => context.sql === sql)
    assert.deepEqual(ours.map(([name]) => name), ['start', 'error', 'end'])
    const [, context] = ours[0]
    assert.deepEqual([context.kind, context.error.code, context.run], ['prepare', code, 0])
    assert.ok(context.waited >= 0)
  }
  go()
  await transaction
})
