'use strict'

// How long a store in JavaScript takes to answer the thread of a database, and what CPU it costs:
// `node bench/kv/round-trip.js`. The same point reads from the cache of pages and from a Map, which
// is asked for one page at a time; and, for comparison, calls of a function of the user.

const { connect } = require('../../promise')
const { mapStore } = require('../../stores/map')

// A power of two: the generator goes through all of them.
const ROWS = 4096
const ROUNDS = 5

const median = (list) => list.sort((a, b) => a - b)[list.length >> 1]

/** Medians of microseconds of time and of CPU that a call of `run` takes, over `calls()`. */
async function measure (run, calls, prepare = () => {}) {
  await run()
  const times = []
  const cpus = []
  for (let round = 0; round < ROUNDS; ++round) {
    await prepare()
    const before = calls()
    const cpu = process.cpuUsage()
    const start = performance.now()
    await run()
    const time = 1000 * (performance.now() - start)
    const { user, system } = process.cpuUsage(cpu)
    const count = calls() - before
    times.push(time / count)
    cpus.push((user + system) / count)
  }
  return { time: median(times), cpu: median(cpus) }
}

async function main () {
  let asked = 0
  const map = mapStore()
  const store = {
    ...map,
    getBatch (keys) {
      asked++
      return map.getBatch(keys)
    }
  }
  const db = await connect('bench', { store, pageSize: 1024 })
  await db.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, x BLOB)')
  // A row a page.
  await db.exec(`WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < ${ROWS})
    INSERT INTO t SELECT i, randomblob(850) FROM c`)
  await db.close()
  // In random order: nothing is read ahead. SQLite keeps no page.
  const query = `WITH RECURSIVE c(i, n) AS (SELECT 1, 1
    UNION ALL SELECT (i * 69069 + 1) % ${ROWS}, n + 1 FROM c WHERE n < ${ROWS})
    SELECT sum(length(x)) FROM c JOIN t ON t.id = c.i + 1`
  const open = async () => {
    const db = await connect('bench', { store, readonly: true })
    await db.pragma('cache_size = 0')
    return db
  }
  let again = await open()
  const far = await measure(() => again.get(query), () => asked, async () => {
    await again.close()
    again = await open()
  })
  let runs = 0
  const near = await measure(() => {
    runs++
    return again.get(query)
  }, () => runs * ROWS)
  const plain = await connect(':memory:')
  let called = 0
  await plain.function('f', () => ++called)
  const sql = `WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < ${ROWS})
    SELECT sum(f()) FROM c`
  const callback = await measure(() => plain.get(sql), () => called)
  const show = (what, { time, cpu }) => console.log(`${what.padEnd(44)} ${time.toFixed(1)} us, ${cpu.toFixed(1)} us of CPU`)
  show('a function of the user (through blocks)', callback)
  show('a call of a store, with reading of its page', far)
  show('a page from the cache', near)
  await again.close()
  await plain.close()
}

main()
