'use strict'

// What close() of the promise API waits for, and how long.

const assert = require('node:assert/strict')
const fs = require('node:fs')
const Sync = require('../..')
const { served, startSqld } = require('../servers/sqld')
const {
  CLOSED, cleanup, collect, isSqliteError, openAsync, ours, tempFile, typeError
} = require('../support')

const ENDLESS = 'WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n'
const interrupted = isSqliteError('SQLITE_INTERRUPT', 'interrupted')
const closed = { name: 'TypeError', message: CLOSED }

const stops = [{ interrupt: true }, { timeout: 5 }, { timeout: 5, interrupt: false }]

async function openFile (t, options) {
  const db = openAsync(t, tempFile(t), options)
  await db.exec('PRAGMA journal_mode = WAL; CREATE TABLE t (a)')
  return db
}

// The file is closed: there is no log, and nobody has it.
function isClosed (t, { name, open }) {
  assert.equal(open, false)
  assert.equal(fs.existsSync(`${name}-wal`), false)
  const other = new Sync(name)
  cleanup(t, () => other.close())
  other.exec('BEGIN EXCLUSIVE; COMMIT')
  return other
}

ours('close() stops what runs, what is queued and what is read by others, when told to', async t => {
  for (const options of stops) {
    for (const readers of [0, 2]) {
      const db = await openFile(t, { readers })
      const stmt = await db.prepare(ENDLESS)
      const calls = [
        stmt.get(), stmt.all(), stmt.get(), db.get(ENDLESS), db.exec(ENDLESS),
        collect(db.iterate(ENDLESS)), db.run(`INSERT INTO t ${ENDLESS}`),
        db.run('INSERT INTO t VALUES (1)'), db.prepare(ENDLESS)
      ]
      const ends = Promise.allSettled(calls)
      assert.equal(await db.close(options), db)
      for (const { status, reason } of (await ends).slice(0, -1)) {
        assert.equal(status, 'rejected')
        interrupted(reason)
      }
      assert.deepEqual(isClosed(t, db).prepare('SELECT a FROM t').all(), [])
    }
  }
})

ours('close() that is told to stop does not wait for a transaction, which is rolled back', async t => {
  for (const options of stops) {
    const db = await openFile(t)
    let begun
    const inside = new Promise(resolve => { begun = resolve })
    const transaction = db.transaction(async () => {
      await db.run('INSERT INTO t VALUES (1)')
      begun()
      await db.get(ENDLESS)
    })()
    const idle = assert.rejects(transaction, interrupted)
    await inside
    const behind = assert.rejects(db.run('INSERT INTO t VALUES (2)'), interrupted)
    await db.close(options)
    await Promise.all([idle, behind])
    assert.deepEqual(isClosed(t, db).prepare('SELECT a FROM t').all(), [])
  }
})

ours('close() that is told to stop does not wait for a transaction that is idle', async t => {
  for (const options of stops) {
    const db = await openFile(t)
    let begun, finish
    const inside = new Promise(resolve => { begun = resolve })
    const held = new Promise(resolve => { finish = resolve })
    const rejected = assert.rejects(db.transaction(async () => {
      await db.run('INSERT INTO t VALUES (1)')
      begun()
      await held
      await db.run('INSERT INTO t VALUES (2)')
    })(), closed)
    await inside
    await db.close(options)
    assert.deepEqual(isClosed(t, db).prepare('SELECT a FROM t').all(), [])
    finish()
    await rejected
  }
})

ours('close() that is told to stop does not wait for a lock', async t => {
  const db = await openFile(t, { timeout: 600000 })
  const other = new Sync(db.name)
  cleanup(t, () => other.close())
  other.exec('BEGIN IMMEDIATE')
  const rejected = assert.rejects(db.run('INSERT INTO t VALUES (1)'), interrupted)
  await db.close({ timeout: 5 })
  await rejected
})

ours('close() that waits can be told to stop', async t => {
  for (const options of stops) {
    const db = await openFile(t)
    const rejected = assert.rejects(db.get(ENDLESS), interrupted)
    const waiting = db.close()
    const told = db.close(options)
    await Promise.all([waiting, told, rejected])
    isClosed(t, db)
    // It is closed: there is nothing to stop any more.
    assert.equal(await db.close(options), db)
  }
})

ours('what ends in time is kept', async t => {
  const patient = [{}, { timeout: 0 }, { timeout: 0x7fffffff }, { interrupt: false }]
  for (const options of [undefined, null, ...patient]) {
    const db = await openFile(t)
    const calls = [db.run('INSERT INTO t VALUES (1)'), db.run('INSERT INTO t VALUES (2)')]
    await db.close(options)
    assert.deepEqual((await Promise.all(calls)).map(({ changes }) => changes), [1, 1])
    assert.equal(isClosed(t, db).prepare('SELECT count(*) FROM t').pluck().get(), 2)
  }
})

served('close() stops what a server or the primary of a replica executes', async t => {
  const { url } = await startSqld(t)
  for (const [name, options] of [[url, {}], [tempFile(t, 'replica.db'), { syncUrl: url }]]) {
    const db = openAsync(t, name, options)
    await db.exec('CREATE TABLE IF NOT EXISTS t (a)')
    const transaction = db.transaction(() => db.get(ENDLESS))()
    const ends = Promise.allSettled([transaction, db.run('INSERT INTO t VALUES (1)')])
    await db.close({ timeout: 50 })
    for (const { reason } of await ends) assert.equal(reason?.code, 'SQLITE_INTERRUPT', name)
  }
})

ours('options of close() of the wrong kind are an error, and it stays open', async t => {
  const db = openAsync(t)
  for (const options of [5, 'x', true, () => {}]) {
    await typeError(() => db.close(options), 'Expected first argument to be an options object')
  }
  for (const timeout of [-1, 1.5, NaN, '5', null, 0x80000000]) await typeError(() => db.close({ timeout }))
  for (const interrupt of [1, 'yes', null]) {
    await typeError(() => db.close({ interrupt }), 'Expected the "interrupt" option to be a boolean')
  }
  assert.deepEqual(await db.get('SELECT 1 AS a'), { a: 1 })
})
