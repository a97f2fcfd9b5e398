'use strict'

// A client process of bench/scale.js: it does what its parent says, one thing at a time.
// node client.js URL [FILE PERIOD], with a file an embedded replica.

const Database = require('../..')

const [, , url, file, period = '0'] = process.argv
const ROWS = 10_000
// Between two looks at a file that something else brings up to date, in ms.
const LOOK = 0.25
const GIVE_UP = 60_000n * 1_000_000n

const db = file
  ? new Database(file, { syncUrl: url, syncPeriod: Number(period) })
  : new Database(url)
const sleeper = new Int32Array(new SharedArrayBuffer(4))

// As many as fit into the time; how many at once between two looks at the clock. sqld refuses some
// writes of several clients at once; an application would try them again, and so does this.
function during (ms, atOnce, step) {
  const start = performance.now()
  let count = 0
  let refused = 0
  while (performance.now() - start < ms) {
    try {
      for (let i = 0; i < atOnce; i++) step(count++)
    } catch (error) {
      if (error.code !== 'SQLITE_BUSY') throw error
      count--
      refused++
    }
  }
  return { rate: count * 1000 / (performance.now() - start), refused }
}

const lazy = {}
const statement = (sql) => (lazy[sql] ??= db.prepare(sql))

const does = {
  ready () {
    if (file) db.sync()
    return statement('SELECT count(*) FROM item').pluck().get()
  },

  reads (ms) {
    const get = statement('SELECT id, text, real FROM item WHERE id = ?')
    return during(ms, file ? 64 : 1, (i) => get.get(1 + i * 3701 % ROWS))
  },

  writes (ms) {
    const insert = statement('INSERT INTO log (text) VALUES (?)')
    return during(ms, 1, (i) => insert.run(`text of row ${i}`))
  },

  batches (ms) {
    const item = ['INSERT INTO log (text) VALUES (?)', ['text of a row']]
    const list = Array.from({ length: 100 }, () => item)
    const { rate, refused } = during(ms, 1, () => db.batch(list))
    return { rate: rate * list.length, refused }
  },

  // When each of `count` rows after `last` is there to be read, on the clock of all processes.
  watch ({ last, count, explicit }) {
    const max = statement('SELECT max(id) FROM log').pluck()
    const seen = {}
    const start = process.hrtime.bigint()
    for (let at = last; at < last + count;) {
      if (file && explicit) db.sync()
      else if (file) Atomics.wait(sleeper, 0, 0, LOOK)
      const now = max.get() ?? 0
      const time = process.hrtime.bigint()
      while (at < now) seen[++at] = String(time)
      if (time - start > GIVE_UP) throw new Error(`Row ${at + 1} does not come`)
    }
    return seen
  }
}

process.on('message', ({ what, with: value }) => {
  try {
    process.send({ result: does[what](value) })
  } catch (error) {
    process.send({ error: `${what}: ${error.message}` })
  }
})
process.on('disconnect', () => {
  db.close()
  process.exit()
})
process.send({ result: process.pid })
