'use strict'

// How long is the event loop held up? A timer of 5 ms is meant to tick all the while; the longest
// stall is by how much it was late.

const { setTimeout: wait } = require('node:timers/promises')

const { median } = require('../measure')
const { drivers } = require('./drivers')

const TICK = 5
const SECOND = 1000

async function longestStall (work) {
  globalThis.gc()
  await wait(4 * TICK)
  let longest = 0
  let last = performance.now()
  let timer
  const look = () => {
    const now = performance.now()
    longest = Math.max(longest, now - last - TICK)
    last = now
  }
  const tick = () => {
    look()
    timer = setTimeout(tick, TICK)
  }
  timer = setTimeout(tick, TICK)
  const start = last
  await work()
  const took = performance.now() - start
  // What held it up to the very end shows at the next tick.
  await wait(2 * TICK)
  clearTimeout(timer)
  look()
  return { longest, took }
}

// It adds up a product of two tables; `n` says how large. Turso has no recursive queries.
const SUM = 'SELECT sum(a.id * b.id % 7) AS s FROM mixed a, mixed b WHERE a.id <= ?'
const MILLION = 'SELECT b.i, b.r, b.t FROM mixed a, mixed b WHERE a.id <= 100'
const SHORT = 'SELECT b.i, b.r, b.t FROM mixed a, mixed b WHERE a.id <= 1'
const LENGTH = 1_000_000

async function query (driver, db) {
  const stmt = await driver.prepare(db, SUM)
  const ask = n => stmt.get(n)
  await ask(10)
  const start = performance.now()
  await ask(100)
  const n = Math.min(10_000, Math.round(100 * SECOND / (performance.now() - start)))
  return () => ask(n)
}

const rows = read => async (driver, db) => {
  await read(driver, await driver.prepare(db, SHORT))
  const stmt = await driver.prepare(db, MILLION)
  return async () => {
    const length = await read(driver, stmt)
    if (length !== LENGTH) throw new Error(`gave ${length} rows`)
  }
}

const works = {
  'query of about 1 s': query,
  '1,000,000 rows by all()': rows(async (driver, stmt) => {
    const { length } = await stmt.all()
    return length
  }),
  '1,000,000 rows by iterate()': rows((driver, stmt) => driver.iterate(stmt))
}

// `opened`: the databases by label. An idle second is measured too: that much is the noise.
async function measureStalls (name, opened, rounds) {
  const entries = [{ label: 'idle', work: () => wait(SECOND), samples: [] }]
  for (const [label, db] of Object.entries(opened)) {
    entries.push({ label, work: await works[name](drivers[label], db), samples: [] })
  }
  for (let round = 0; round < rounds; round++) {
    const order = round % 2 === 0 ? entries : entries.toReversed()
    for (const { work, samples } of order) samples.push(await longestStall(work))
  }
  return Object.fromEntries(entries.map(({ label, samples }) => [label, {
    stall: median(samples.map(({ longest }) => longest)),
    took: median(samples.map(({ took }) => took))
  }]))
}

module.exports = { SUM, measureStalls, names: Object.keys(works) }
