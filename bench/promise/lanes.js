'use strict'

// Calls in flight. A lane makes its next call when the one before has answered, and the latency is
// the time from one answer to the next: with a driver that answers at once, that includes the wait
// for the other lanes, which keep the event loop busy.

const MOST = 1 << 18
const kept = { last: undefined }

// The share of `sorted` that lies below.
const quantile = (sorted, share) => sorted[Math.min(sorted.length - 1,
  Math.floor(sorted.length * share))]

// An entry for measure(): `call(lane)` is one operation; `latencies` gets one item a round.
function lanes (width, call) {
  const times = new Float64Array(MOST)
  const latencies = []
  let count = 0
  let left = 0

  async function lane (k) {
    let last = performance.now()
    while (left > 0) {
      left--
      kept.last = await call(k)
      const now = performance.now()
      if (count < MOST) times[count++] = now - last
      last = now
    }
  }

  return {
    latencies,
    run (n) {
      count = 0
      left = n
      return Promise.all(Array.from({ length: Math.min(n, width) }, (_, k) => lane(k)))
    },
    sampled () {
      const sorted = times.slice(0, count).sort()
      latencies.push({ p50: quantile(sorted, 0.5), p99: quantile(sorted, 0.99) })
    }
  }
}

module.exports = { lanes }
