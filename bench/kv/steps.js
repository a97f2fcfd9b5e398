'use strict'

// What is measured of databases in key-value stores. Each figure is the median of some rounds, each
// with a database of its own.

const { mapStore } = require('../../stores/map')
const { median } = require('../measure')
const { drivers } = require('./drivers')
const { REAL, distant, near, temporary } = require('./stores')

const PAGE_SIZES = [4096, 8192, 16384]
const LATENCIES = [1, 5, 20]
const MIB = 1 << 20
const TABLE = 'CREATE TABLE t (id INTEGER PRIMARY KEY, a, b, c)'
const INSERT = 'INSERT INTO t (a, b, c) VALUES (?, ?, ?)'
const count = (n) => `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${n})`
// An index in random order; a row of 500 bytes.
const SCANNED = 'CREATE TABLE t (id INTEGER PRIMARY KEY, k, b); CREATE INDEX i ON t (k)'
const fill = (rows) => `${count(rows)} INSERT INTO t SELECT i, hex(randomblob(100)), randomblob(300) FROM n`
const SCAN = 'SELECT sum(length(b)) AS sum FROM t NOT INDEXED'
const SCANS = {
  'a cold scan by table': SCAN,
  'a cold scan backward': 'SELECT sum(length(b)) AS sum FROM (SELECT b FROM t ORDER BY id DESC)',
  'a cold scan by index': 'SELECT max(length(k)) AS most FROM (SELECT k FROM t ORDER BY k)'
}

/** Milliseconds that `action` takes, and the calls of the store in it. */
async function timed (action, counts) {
  const before = { ...counts }
  const start = performance.now()
  await action()
  const ms = performance.now() - start
  const calls = Object.entries(counts ?? {}).map(([kind, count]) => [kind, count - before[kind]])
  return { ms, ...Object.fromEntries(calls) }
}

/** The medians of what `rounds` of `round(undo)` give: objects of objects of numbers. */
async function medians (rounds, round) {
  const all = []
  for (let i = 0; i < rounds; ++i) {
    const undo = []
    try {
      all.push(await round(undo))
    } finally {
      for (const fn of undo.reverse()) await fn()
    }
  }
  const middle = (name, key) => median(all.map((one) => one[name][key]))
  return Object.fromEntries(Object.entries(all[0]).map(([name, figures]) =>
    [name, Object.fromEntries(Object.keys(figures).map((key) => [key, middle(name, key)]))]))
}

async function writes (db, counts, results, n) {
  await db.exec(TABLE)
  await db.run(INSERT, [0, 'name', 0.5])
  results['1,000 autocommits'] = scaled(await timed(async () => {
    for (let i = 0; i < n; ++i) await db.run(INSERT, [i, `name ${i}`, i + 0.5])
  }, counts), 1000 / n)
  results['a transaction of 10,000'] = await timed(() =>
    db.exec(`${count(10000)} INSERT INTO t (a, b, c) SELECT i, 'name ' || i, i / 2.0 FROM n`), counts)
}

const scaled = (figures, by) => Object.fromEntries(Object.entries(figures)
  .map(([key, value]) => [key, value * by]))

async function rows (db, counts, results) {
  for (const mib of [1, 10]) {
    results[`a row of ${mib} MiB`] = await timed(() =>
      db.exec(`INSERT INTO t (a) VALUES (randomblob(${mib * MIB}))`), counts)
  }
}

async function points (db, counts, what, results, n = 1000, of = 100_000) {
  results[what] = await timed(async () => {
    for (let i = 0; i < n; ++i) await db.point(i * 7919 % of + 1)
  }, counts)
}

// Made once: filling takes longer than what is measured.
const filled = new Map()

/** A store of its own with the table that is scanned. */
function scannedStore (pageSize, scanRows) {
  if (!filled.has(pageSize)) {
    const store = mapStore()
    const db = drivers.sync(near(store), { pageSize })
    db.exec(SCANNED)
    db.exec(fill(scanRows))
    db.close()
    filled.set(pageSize, store.map)
  }
  return mapStore(new Map(filled.get(pageSize)))
}

/** Of one page size: calls and milliseconds through the sync API, a store in memory. */
function pageSize (pageSize, { rounds, scanRows }) {
  return medians(rounds, async () => {
    const results = {}
    const store = near()
    const { counts } = store
    let db = drivers.sync(store, { pageSize })
    await writes(db, counts, results, 1000)
    await rows(db, counts, results)
    results.close = await timed(() => db.close(), counts)
    results['an opening of 10 MiB'] = await timed(() => { db = drivers.sync(store) }, counts)
    db.close()
    const scanned = near(scannedStore(pageSize, scanRows))
    for (const [what, sql] of Object.entries(SCANS)) {
      db = drivers.sync(scanned, { readonly: true })
      results[what] = await timed(() => db.all(sql), scanned.counts)
      db.close()
    }
    db = drivers.sync(scanned)
    await points(db, scanned.counts, '1,000 point reads, cold', results, 1000, scanRows)
    await points(db, scanned.counts, '1,000 point reads, warm', results, 1000, scanRows)
    results.VACUUM = await timed(() => db.exec('VACUUM'), scanned.counts)
    db.close()
    return results
  })
}

// Who is measured with a store that answers at once, or a file.
const ENGINES = {
  sync: () => ({ store: near() }),
  promise: () => ({ store: distant(mapStore(), 0) }),
  rivet: () => ({ store: distant(mapStore(), 0) }),
  file: (undo) => ({ folder: temporary(undo) }),
  'better-sqlite3': (undo) => ({ folder: temporary(undo) })
}

function engine (name, { rounds, scanRows }) {
  return medians(rounds, async (undo) => {
    const { store, folder } = ENGINES[name](undo)
    const results = {}
    let db = await drivers[name](store ?? folder)
    await writes(db, store?.counts, results, name === 'rivet' ? 200 : 1000)
    await rows(db, store?.counts, results)
    await db.exec('DROP TABLE t')
    await db.exec(SCANNED)
    await db.exec(fill(scanRows))
    // A database that has read nothing: a file is still in the system's memory.
    await db.close()
    db = await drivers[name](store ?? folder)
    results['a cold scan by table'] = await timed(() => db.all(SCAN), store?.counts)
    await points(db, store?.counts, '1,000 point reads, warm', results, 1000, 2000)
    await points(db, store?.counts, '1,000 point reads, warm', results, 1000, 2000)
    await db.close()
    return results
  })
}

/** Behind a network of `ms`, through the promise API and Rivet's. */
function latency (name, ms, { rounds, scanRows }) {
  return medians(rounds, async () => {
    const results = {}
    const store = distant(mapStore(), ms)
    const { counts } = store
    let db = await drivers[name](store)
    await db.exec(TABLE)
    results.autocommit = scaled(await timed(async () => {
      for (let i = 0; i < 20; ++i) await db.run(INSERT, [i, `name ${i}`, i + 0.5])
    }, counts), 1 / 20)
    await db.close()
    if (name === 'rivet') return results
    db = await drivers[name](store)
    await db.db.pragma('synchronous = OFF')
    const insert = await db.db.prepare(INSERT)
    results.relaxed = scaled(await timed(async () => {
      const calls = []
      for (let i = 0; i < 20_000; ++i) calls.push(insert.run(i, `name ${i}`, i + 0.5))
      await Promise.all(calls)
      await db.db.pragma('kv_flush')
    }, counts), 1 / 20_000)
    await db.close()
    const scanned = distant(scannedStore(8192, scanRows), ms)
    db = await drivers[name](scanned, { readonly: true })
    results.scan = await timed(() => db.all(SCAN), scanned.counts)
    await db.close()
    return results
  })
}

function real (name, { rounds }) {
  return medians(rounds, async (undo) => {
    const store = await REAL[name](undo)
    const results = {}
    const options = { singleWriter: true }
    let db = await drivers.promise(store, options)
    await writes(db, undefined, results, 50)
    await db.exec('DROP TABLE t')
    await db.exec(SCANNED)
    await db.exec(fill(10_000))
    await db.close()
    results['an opening'] = await timed(async () => { db = await drivers.promise(store, options) })
    results['a cold scan by table'] = await timed(() => db.all(SCAN))
    await db.close()
    return results
  })
}

/** What can be chosen. */
function steps () {
  return [
    ...PAGE_SIZES.map((size) => ({ name: `pages of ${size}`, group: 'pages', run: (options) => pageSize(size, options) })),
    ...Object.keys(ENGINES).map((name) => ({ name, group: 'engines', run: (options) => engine(name, options) })),
    ...['promise', 'rivet'].flatMap((name) => LATENCIES.map((ms) =>
      ({ name: `${name} at ${ms} ms`, group: 'latency', run: (options) => latency(name, ms, options) }))),
    ...Object.keys(REAL).map((name) => ({ name, group: 'stores', run: (options) => real(name, options) }))
  ]
}

async function runSteps (chosen, { quick }) {
  const options = { rounds: quick ? 1 : 3, scanRows: quick ? 10_000 : 100_000 }
  const results = {}
  const failures = []
  for (const [i, { name, group, run }] of chosen.entries()) {
    process.stderr.write(`[${i + 1}/${chosen.length}] ${name}\n`)
    try {
      results[group] = { ...results[group], [name]: await run(options) }
    } catch (error) {
      failures.push(`${name}: ${error.message}`)
    }
  }
  return { results, failures, scanRows: options.scanRows }
}

module.exports = { runSteps, steps }
