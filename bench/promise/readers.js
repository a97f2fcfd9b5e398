'use strict'

// Reads of about 1 ms of SQLite's work, 64 in flight, spread over readers.

const { lanes } = require('./lanes')
const { SUM } = require('./stalls')

const WIDTH = 64
const COUNTS = [0, 1, 2, 4]
const title = count => count === 0 ? 'none' : String(count)

// The base first and a second time at the end, as its control.
const variants = [...COUNTS.map(readers => ({ label: title(readers), readers })),
  { label: 'control', readers: 0 }]

// How much of the table makes up a millisecond, by the best of some tries.
async function calibrate (stmt) {
  const limit = 10
  await stmt.get(limit)
  let best = Infinity
  for (let i = 0; i < 5; i++) {
    const start = performance.now()
    await stmt.get(limit)
    best = Math.min(best, performance.now() - start)
  }
  return limit / best
}

async function readersEntry (db, n) {
  // A row of `a` meets all 10,000 of `b`; the part of one that is left over shortens `b`.
  const stmt = await db.prepare(SUM + ' AND b.id <= ?')
  const whole = Math.max(1, Math.ceil(n))
  const part = Math.max(1, Math.round(10_000 * n / whole))
  return {
    ...lanes(WIDTH, () => stmt.get(whole, part)),
    check: () => stmt.get(whole, part)
  }
}

module.exports = { calibrate, readersEntry, variants }
