'use strict'

const assert = require('node:assert/strict')
const {
  CLOSED, collect, needs, ours, oursSyncOnly, open, openAsync, tempFile, test, typeError, until
} = require('../support')

const PROMISES = process.env.TEST_API === 'promise'
const { TEST_ON: PLACE } = process.env
const ENGINE = [
  'cacheUsed', 'schemaUsed', 'stmtUsed', 'cacheHit', 'cacheMiss', 'cacheWrite', 'statements', 'running'
]
const own = needs('names of files', ours)
const promisesOnly = PROMISES ? own : () => {}
const MANY = 'WITH c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c LIMIT 2000) INSERT INTO t SELECT n, zeroblob(1000) FROM c'
const ENDLESS = 'WITH c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT max(n) FROM c'

async function full (t, options) {
  const db = open(t, tempFile(t), options)
  await db.exec('CREATE TABLE t (a, b)')
  await db.exec(MANY)
  return db
}

test('what is there is a number, and for a server only what is known here', async t => {
  const db = open(t)
  await db.exec('CREATE TABLE t (a)')
  await (await db.prepare('SELECT * FROM t')).all()
  const stats = await db.stats()
  const here = PLACE === 'server' ? [] : ENGINE
  const names = [...here, 'cachedStatements', ...(PROMISES ? ['queueLength'] : [])]
  assert.deepEqual(Object.keys(stats), names)
  for (const [name, value] of Object.entries(stats)) {
    assert.ok(Number.isInteger(value) && value >= 0, `${name}: ${value}`)
  }
  if (PLACE === 'server') return
  assert.ok(stats.schemaUsed > 0, `${stats.schemaUsed}`)
})

own('a full scan reads pages: from the file at first, then from the cache', async t => {
  const file = (await full(t)).name
  const db = open(t, file)
  const scan = await db.prepare('SELECT sum(length(b)) AS n FROM t')
  const before = await db.stats()
  assert.deepEqual(await scan.get(), { n: 2000000 })
  const first = await db.stats()
  assert.deepEqual(await scan.get(), { n: 2000000 })
  const second = await db.stats()
  // 2,000 rows of 1,000 bytes are on 500 pages of 4,096 bytes.
  const read = (from, to) => to.cacheHit + to.cacheMiss - from.cacheHit - from.cacheMiss
  assert.ok(first.cacheMiss - before.cacheMiss >= 450, `${first.cacheMiss} ${before.cacheMiss}`)
  assert.ok(read(before, first) >= 450 && read(first, second) >= 450)
  assert.ok(second.cacheMiss - first.cacheMiss < 100, `${second.cacheMiss} ${first.cacheMiss}`)
  assert.ok(first.cacheUsed - before.cacheUsed > 450 * 4096, `${first.cacheUsed}`)
})

own('a commit writes pages', async t => {
  const db = await full(t)
  const before = await db.stats()
  await db.exec(MANY)
  const { cacheWrite } = await db.stats()
  assert.ok(cacheWrite - before.cacheWrite >= 450, `${cacheWrite} ${before.cacheWrite}`)
})

own('a statement that is prepared counts, and so does one that runs', async t => {
  const db = await full(t)
  const before = await db.stats()
  const statement = await db.prepare('SELECT a FROM t')
  const prepared = await db.stats()
  assert.equal(prepared.statements - before.statements, 1)
  assert.ok(prepared.stmtUsed > before.stmtUsed)
  const iterator = statement.iterate()
  await iterator.next()
  assert.equal((await db.stats()).running - prepared.running, 1)
  await iterator.return()
  assert.equal((await db.stats()).running, prepared.running)
})

ours('statements that are kept for the same SQL count once each', async t => {
  const db = open(t)
  await db.exec('CREATE TABLE t (a)')
  const before = (await db.stats()).cachedStatements
  for (let i = 0; i < 2; ++i) {
    for (const sql of ['SELECT 1', 'SELECT 2', 'SELECT 3 FROM t']) await db.get(sql)
  }
  assert.equal((await db.stats()).cachedStatements - before, 3)
  for (let i = 0; i < 300; ++i) await db.get(`SELECT ${i}, 0`)
  const { cachedStatements } = await db.stats()
  assert.ok(cachedStatements >= 128 && cachedStatements <= 256, `${cachedStatements}`)
})

ours('a database that is closed has none', async t => {
  const db = open(t)
  await db.close()
  await typeError(() => db.stats(), CLOSED)
})

oursSyncOnly('they may be asked while everything runs, in callbacks too', t => {
  if (PLACE === 'server') return t.skip('on a server: there are no functions')
  const db = open(t)
  db.exec('CREATE TABLE t (a, b)')
  const seen = []
  if (PLACE !== 'replica') {
    db.exec('CREATE TABLE log (a); CREATE TRIGGER g AFTER INSERT ON t BEGIN INSERT INTO log VALUES (new.a); END; CREATE VIRTUAL TABLE f USING fts5(a)')
    db.exec('CREATE VIEW v AS SELECT a FROM t UNION SELECT a FROM f')
  }
  db.exec("INSERT INTO t VALUES (1, x'00')")
  db.function('look', (a) => {
    seen.push(db.stats())
    return a
  })
  const { running } = db.stats()
  for (const { n } of db.prepare('SELECT look(a) AS n FROM t').iterate()) {
    seen.push(db.stats())
    assert.equal(n, 1)
  }
  assert.deepEqual(seen.map((stats) => stats.running - running), [1, 1])
  if (PLACE === 'replica') return
  db.exec('INSERT INTO t SELECT look(a), b FROM t; INSERT INTO f SELECT look(a) FROM t')
  db.prepare('SELECT look(a) FROM v').all()
  assert.equal(seen.length, 6)
  assert.equal(db.stats().running, running)
})

if (PROMISES) {
  ours('the calls that have not ended are counted', async t => {
    const db = open(t)
    await db.exec('CREATE TABLE t (a)')
    const statement = await db.prepare('SELECT ? AS n')
    assert.equal(db.queueLength, 0)
    const calls = [1, 2, 3, 4, 5].map((n) => statement.get(n))
    // Not known yet: it is compiled first, and those behind it wait for that.
    calls.push(db.get('SELECT 6 AS n'), db.get('SELECT 7 AS n'), db.exec('INSERT INTO t VALUES (1)'))
    assert.equal(db.queueLength, 8)
    const stats = db.stats()
    assert.equal((await stats).queueLength, 8)
    const rows = await Promise.all(calls)
    assert.deepEqual(rows.slice(0, 7).map(({ n }) => n), [1, 2, 3, 4, 5, 6, 7])
    assert.equal(db.queueLength, 0)
  })
}

promisesOnly('what waits for a transaction is counted, and stats() does not wait for it', async t => {
  const db = await full(t)
  let go
  const transaction = db.transaction(() => new Promise((resolve) => { go = resolve }))()
  await until(() => go)
  const calls = [1, 2, 3].map((n) => db.get('SELECT ? AS n', n))
  assert.equal((await db.stats()).queueLength, 3)
  go()
  await transaction
  assert.deepEqual(await Promise.all(calls), [{ n: 1 }, { n: 2 }, { n: 3 }])
  assert.equal((await db.stats()).queueLength, 0)
})

promisesOnly('a call that never ends is seen at once, and stats() behind it has a time limit', async t => {
  const db = open(t)
  const endless = assert.rejects(db.get(ENDLESS), { code: 'SQLITE_INTERRUPT' })
  await assert.rejects(db.stats({ timeout: 20 }), { code: 'SQLITE_INTERRUPT' })
  await assert.rejects(db.stats({ signal: AbortSignal.timeout(20) }), { name: 'AbortError' })
  assert.equal(db.queueLength, 1)
  db.interrupt()
  await endless
  await typeError(() => db.stats({ timeout: -1 }))
})

promisesOnly('an iterator counts while it reads', async t => {
  const db = await full(t)
  const iterator = (await db.prepare('SELECT a FROM t')).iterate()
  const first = iterator.next()
  assert.equal(db.queueLength, 1)
  assert.deepEqual(await first, { value: { a: 1 }, done: false })
  assert.equal((await collect(iterator)).length, 1999)
  assert.equal(db.queueLength, 0)
})

promisesOnly('with readers, all connections are taken together', async t => {
  const db = openAsync(t, tempFile(t), { readers: 2 })
  await db.pragma('journal_mode = WAL')
  await db.exec('CREATE TABLE t (a, b)')
  await db.exec(MANY)
  const scan = await db.prepare('SELECT sum(length(b)) AS n FROM t')
  const before = await db.stats()
  const calls = [scan.get(), scan.get()]
  assert.equal(db.queueLength, 2)
  await Promise.all(calls)
  const { cacheMiss, statements } = await db.stats()
  // Both have read all of it, each with a statement of its own.
  assert.ok(cacheMiss - before.cacheMiss >= 900, `${cacheMiss} ${before.cacheMiss}`)
  assert.equal(statements - before.statements, 2)
})
