'use strict'

// Replicas whose process, or whose primary, is killed at any moment while somebody writes: nothing
// that was acknowledged is lost, and nobody ever reads a part of a transaction.
const assert = require('node:assert/strict')
const fs = require('node:fs')
const path = require('node:path')
const { setTimeout: sleep } = require('node:timers/promises')
const { connect } = require('../../promise')
const { pipeline } = require('../servers/hrana')
const { all, isIdentical } = require('../servers/replica')
const { served, startSqld } = require('../servers/sqld')
const {
  child, cleanup, exited, random, seed, tempDir, tempFile
} = require('../support')

// TEST_LOOPS=200 is what a nightly run makes of it.
const LOOPS = Number(process.env.TEST_LOOPS) || 25
const SERVER_LOOPS = Number(process.env.TEST_LOOPS) / 4 || 8
const TIME_LIMIT = 120_000 + LOOPS * 5_000

const PROMISES = path.join(__dirname, '..', '..', 'promise')
// So many rows: what each transaction changes is on one page, on some, on some dozens.
const ROWS = { one: 1, two: 10, three: 120 }
const ALL_ROWS = 131
const FILLER = 400

const SETUP = [
  ...Object.entries(ROWS).flatMap(([table, rows]) => [
    `CREATE TABLE ${table} (id INTEGER PRIMARY KEY, n, filler)`,
    `WITH RECURSIVE i (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM i WHERE id < ${rows})
      INSERT INTO ${table} SELECT id, 0, NULL FROM i`
  ]),
  'CREATE INDEX by_n ON three (n, filler)',
  'CREATE TABLE log (n INTEGER PRIMARY KEY, filler)'
]

// One statement reads one state. All that transactions leave there has the same number.
const STATE = `SELECT min(n) AS low, max(n) AS high, count(*) AS rows,
  (SELECT ifnull(max(n), 0) FROM log) AS last
  FROM (SELECT n FROM one UNION ALL SELECT n FROM two UNION ALL SELECT n FROM three)`

/** What transaction `n` does: some also grow the file, empty pages, or change the schema. */
function transaction (n, next) {
  const list = Object.keys(ROWS).map(table => {
    return `UPDATE ${table} SET n = ${n}, filler = hex(randomblob(${1 + next(FILLER)}))`
  })
  list.push(`INSERT INTO log VALUES (${n}, hex(randomblob(${1 + next(3000)})))`)
  if (next(10) === 0) list.push(`CREATE TABLE IF NOT EXISTS extra${next(5)} AS SELECT * FROM three`)
  if (next(10) === 0) list.push(`DROP TABLE IF EXISTS extra${next(5)}`)
  if (next(10) === 0) list.push(`UPDATE log SET filler = NULL WHERE n < ${n - 50}`)
  return ['BEGIN IMMEDIATE', ...list, 'COMMIT']
}

async function transact (server, statements) {
  const steps = statements.map((sql, i) => {
    return { stmt: { sql }, condition: i === 0 ? undefined : { type: 'ok', step: i - 1 } }
  })
  const requests = [{ type: 'batch', batch: { steps } }, { type: 'close' }]
  const signal = AbortSignal.timeout(20000)
  const { body } = await pipeline(server.url, requests, { signal })
  const { step_results: results, step_errors: errors } = body.results[0].response.result
  if (results.at(-1) === null) throw new Error(JSON.stringify(errors))
}

/** Writes until it is stopped. `acknowledged` are the numbers that the server has said yes to. */
function startWriter (t, server, next) {
  const writer = { acknowledged: [], failures: 0, stop, hold }
  let last = 0
  let gate = null
  let stopped = false
  const done = run()
  cleanup(t, stop)
  return writer

  async function run () {
    for (;;) {
      if (stopped) return
      if (gate !== null) await gate()
      const n = ++last
      try {
        await transact(server, transaction(n, next))
        writer.acknowledged.push(n)
      } catch {
        // The server is not there, or it was killed in between.
        writer.failures++
      }
      await sleep(next(20))
    }
  }

  function stop () {
    stopped = true
    return done
  }

  /** Runs `fn` between two transactions. */
  function hold (fn) {
    return new Promise((resolve, reject) => {
      gate = async () => {
        gate = null
        await fn().then(resolve, reject)
      }
    })
  }
}

/** A process that reads the file all the time, whoever writes it; `stop()` tells how often. */
function startReader (t, file, key = {}) {
  const end = path.join(tempDir(t), 'end')
  const result = child(async (file, key, sql, rows, end) => {
    const fs = require('node:fs')
    const report = { reads: 0, opened: 0, states: 0, last: 0 }
    while (!fs.existsSync(end)) {
      if (!fs.existsSync(file)) continue
      const db = new Database(file, { readonly: true, ...key }) // eslint-disable-line no-undef
      report.opened++
      try {
        const stmt = db.prepare(sql)
        for (let i = 0; i < 50 && !fs.existsSync(end); ++i) {
          const state = stmt.get()
          const { low, high, last } = state
          if (low !== high || high !== last || state.rows !== rows || last < report.last) {
            throw new Error(`${JSON.stringify(state)} after ${report.last}`)
          }
          if (last !== report.last) report.states++
          report.last = last
          report.reads++
          await new Promise(resolve => setTimeout(resolve, 2))
        }
      } catch (error) {
        // Before the first sync, there is nothing, or what a kill has left of making the file:
        // that is for the next one who may write to roll back.
        const isNothing = /no such table/.test(error.message) || error.code === 'SQLITE_READONLY_ROLLBACK'
        if (report.reads > 0 || !isNothing) throw error
        await new Promise(resolve => setTimeout(resolve, 2))
      }
      db.close()
    }
    console.log(JSON.stringify(report))
  }, { args: [file, key, STATE, ALL_ROWS, end], timeout: 120000 + LOOPS * 5000 })
  const stop = async () => {
    fs.writeFileSync(end, '')
    return JSON.parse(exited(await result).stdout)
  }
  cleanup(t, async () => {
    fs.writeFileSync(end, '')
    await result
  })
  return { stop }
}

/** It has the state after one of the transactions, and no page is wrong. */
async function isSound (db) {
  const [state] = await all(db, STATE)
  assert.deepEqual(state, { low: state.last, high: state.last, rows: ALL_ROWS, last: state.last })
  assert.deepEqual(await db.pragma('integrity_check'), [{ integrity_check: 'ok' }])
  return state.last
}

async function hasAll (db, numbers) {
  const there = new Set((await all(db, 'SELECT n FROM log')).map(({ n }) => n))
  const lost = numbers.filter(n => !there.has(n))
  assert.deepEqual(lost, [], 'these were acknowledged, and are not there')
}

// Syncs as often as it can, in the one API or the other, and starts over now and then. What it
// reads in between is checked here as well.
const CLIENT = async (promises, sync, file, options, sql) => {
  const { writeSync } = require('node:fs')
  const api = sync ? Database : require(promises).Database // eslint-disable-line no-undef
  writeSync(1, 'opening\n')
  const db = new api(file, options) // eslint-disable-line new-cap
  await db.sync()
  writeSync(1, 'open\n')
  for (let i = 1; ; ++i) {
    const { frames_synced: frames } = await (i % 12 === 0 ? db.resync() : db.sync())
    const state = await (await db.prepare(sql)).get()
    const { low, high, last } = state
    if (low !== high || high !== last) throw new Error(JSON.stringify(state))
    if (frames > 0) writeSync(1, `${frames}\n`)
  }
}

served(`a replica's process is killed ${LOOPS} times`, async t => {
  const next = random(seed(t))
  // Its log is compacted now and then.
  const server = await startSqld(t, { flags: ['--max-log-size', '4'] })
  for (const sql of SETUP) await transact(server, [sql])
  const writer = startWriter(t, server, next)
  const count = { kills: 0, opening: 0, syncs: 0, frames: 0, reads: 0, states: 0 }
  let file
  let key
  let reader = null
  for (let i = 0; i < LOOPS; ++i) {
    if (i % 8 === 0) {
      if (reader !== null) add(count, await reader.stop())
      file = tempFile(t)
      key = i % 24 === 16 ? { encryptionKey: 'k' } : {}
      reader = startReader(t, file, key)
    }
    const options = { syncUrl: server.url, syncPeriod: next(2) * 0.01, ...key }
    const moment = ['opening', 'open'][Math.min(next(4), 1)]
    const delay = next(next(2) === 0 ? 40 : 300)
    const result = await child(CLIENT, {
      args: [PROMISES, i % 2 === 0, file, options, STATE],
      started: proc => killAt(proc, moment, delay)
    })
    assert.equal(result.signal, 'SIGKILL', result.stderr)
    const said = result.stdout.split('\n').filter(line => /^\d+$/.test(line)).map(Number)
    count.kills++
    if (!result.stdout.includes('open\n')) count.opening++
    count.syncs += said.length
    for (const frames of said) count.frames += frames
    const acknowledged = [...writer.acknowledged]
    const db = await connect(file, { syncUrl: server.url, ...key })
    try {
      const before = await isSound(db)
      await db.sync()
      assert.ok(await isSound(db) >= before)
      await hasAll(db, acknowledged)
      if (i % 5 === 0 || i === LOOPS - 1) {
        await writer.hold(async () => {
          await db.sync()
          await isIdentical(db, server)
        })
      }
    } finally {
      await db.close()
    }
  }
  add(count, await reader.stop())
  await writer.stop()
  t.diagnostic(`${count.kills} kills, ${count.opening} of them before the first sync had ended; ` +
    `${count.syncs} syncs of ${count.frames} frames; ${writer.acknowledged.length} transactions; ` +
    `${count.reads} reads beside, of ${count.states} states`)
  assert.equal(writer.failures, 0)
  assert.ok(count.syncs > 0 && count.reads > LOOPS && count.states > LOOPS / 2)
}, TIME_LIMIT)

function add (count, { reads, states }) {
  count.reads += reads
  count.states += states
}

function killAt (proc, moment, delay) {
  let text = ''
  proc.stdout.on('data', chunk => {
    const came = text.includes(`${moment}\n`)
    text += chunk
    if (!came && text.includes(`${moment}\n`)) setTimeout(() => proc.kill('SIGKILL'), delay)
  })
}

/** A server that was killed may have to make a snapshot anew before it can send its log. */
async function synced (db) {
  const end = Date.now() + 60_000
  for (;;) {
    try {
      return await db.sync()
    } catch (error) {
      if (!/snapshot not found/.test(error.message) || Date.now() > end) throw error
      await sleep(50)
    }
  }
}

served(`the primary is killed ${SERVER_LOOPS} times`, async t => {
  const next = random(seed(t))
  const server = await startSqld(t)
  for (const sql of SETUP) await transact(server, [sql])
  const writer = startWriter(t, server, next)
  const open = async (options) => {
    const db = await connect(tempFile(t), { syncUrl: server.url, ...options })
    cleanup(t, () => db.close())
    await db.sync()
    return db
  }
  const replicas = [await open(), await open({ syncPeriod: 0.01 }), await open({ encryptionKey: 'k' })]
  const readers = replicas.slice(0, 2).map(({ name }) => startReader(t, name))
  const codes = {}
  const count = { syncs: 0, frames: 0, reads: 0, states: 0 }
  let stopped = false
  const syncing = replicas.map(async db => {
    for (;;) {
      if (stopped) return
      try {
        count.frames += (await db.sync()).frames_synced
        count.syncs++
      } catch (error) {
        codes[error.code] = (codes[error.code] ?? 0) + 1
        await sleep(5)
      }
      await isSound(db)
    }
  })
  syncing.forEach(each => each.catch(() => {}))
  for (let i = 0; i < SERVER_LOOPS; ++i) {
    await sleep(50 + next(300))
    await server.kill()
    const acknowledged = [...writer.acknowledged]
    for (const db of replicas) await isSound(db)
    await server.start()
    for (const db of replicas) {
      await synced(db)
      await hasAll(db, acknowledged)
    }
    // It is the server that has to keep them.
    await writer.hold(async () => {
      for (const db of replicas) {
        await db.sync()
        await isIdentical(db, server)
      }
    })
  }
  stopped = true
  await Promise.all(syncing)
  await writer.stop()
  for (const reader of readers) add(count, await reader.stop())
  t.diagnostic(`${SERVER_LOOPS} kills; ${count.syncs} syncs of ${count.frames} frames, ` +
    `${JSON.stringify(codes)}; ${writer.acknowledged.length} transactions, ` +
    `${writer.failures} failed; ${count.reads} reads beside, of ${count.states} states`)
  assert.deepEqual(Object.keys(codes).filter(code => code !== 'REMOTE_UNREACHABLE'), [])
  assert.ok(count.syncs > SERVER_LOOPS && count.reads > SERVER_LOOPS)
}, TIME_LIMIT)
