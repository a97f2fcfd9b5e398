'use strict'

// How many a second, how long one takes, what a process holds.

const fs = require('node:fs')

const { median } = require('../measure')

const SLICES = 3

/** Calls a second of `search`, which is given each of the queries in turn: the median of slices. */
function perSecond (search, queries, milliseconds) {
  const rates = []
  let at = 0
  for (let slice = 0; slice < SLICES; slice++) {
    let count = 0
    const start = performance.now()
    let now = start
    while (now - start < milliseconds / SLICES || count === 0) {
      // The clock is not free.
      for (let i = 0; i < 8; i++) search(queries[at++ % queries.length])
      count += 8
      now = performance.now()
    }
    rates.push(count * 1000 / (now - start))
  }
  return median(rates)
}

/** Milliseconds of each call, in order of length. */
function latencies (call, count) {
  const list = []
  for (let i = 0; i < count; i++) {
    const start = performance.now()
    call(i)
    list.push(performance.now() - start)
  }
  return list.sort((a, b) => a - b)
}

/** The memory of this process that is resident now, and at most so far, in bytes. */
function resident () {
  const status = fs.readFileSync('/proc/self/status', 'utf8')
  const read = name => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)[1]) * 1024
  return { now: read('VmRSS'), peak: read('VmHWM') }
}

module.exports = { latencies, perSecond, resident }
