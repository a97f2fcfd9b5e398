'use strict'

// Time several entries side by side: slices of equal length, interleaved and rotated over rounds.

const { setImmediate: turn } = require('node:timers/promises')

function median (values) {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

function geometricMean (values) {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length)
}

// Milliseconds for n operations.
async function time ({ run, turnEvery }, n) {
  const start = performance.now()
  if (turnEvery === undefined) {
    const running = run(n)
    if (running !== undefined) await running
  } else {
    // Finalizers run when the event loop turns; dropping what was made is part of its price.
    for (let left = n; left > 0; left -= turnEvery) {
      run(Math.min(left, turnEvery))
      await turn()
    }
  }
  return performance.now() - start
}

// How many operations fill a slice, beginning with a guess.
async function calibrate (entry, slice, guess) {
  for (let n = guess; ;) {
    await entry.reset?.()
    const took = await time(entry, n)
    await turn()
    if (took >= slice / 2) return Math.max(1, Math.round(n * slice / took))
    n = took < slice / 20 ? n * 8 : Math.ceil(n * slice / took)
  }
}

// Twice over: the first pass only warms up the code, the caches and the file.
async function calibrateAll (entries, slice) {
  const counts = []
  for (const entry of entries) counts.push(await calibrate(entry, slice, 1))
  for (const [i, entry] of entries.entries()) {
    if (counts[i] > 1) counts[i] = await calibrate(entry, slice, counts[i])
  }
  return counts
}

// Nobody pays for another's garbage. What a collection throws out of the code is warmed up again.
async function settle (entry, n) {
  await turn()
  globalThis.gc()
  await turn()
  if (n >= 8) await time(entry, n >> 3)
  await entry.reset?.()
}

// Returns, for each entry, the nanoseconds per operation of every round.
async function measure (entries, { slice, rounds }) {
  const counts = await calibrateAll(entries, slice)
  const samples = entries.map(() => [])
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < entries.length; i++) {
      // Every other round goes backwards, so that each follows each.
      const step = round % 2 === 0 ? i : entries.length - 1 - i
      const k = (step + (round >> 1)) % entries.length
      await settle(entries[k], counts[k])
      samples[k].push(await time(entries[k], counts[k]) * 1e6 / counts[k])
      entries[k].sampled?.()
    }
  }
  return samples
}

// How many times as fast as the base, round by round, then the median: drift cancels out.
function pairedRatio (base, samples) {
  return median(base.map((value, i) => value / samples[i]))
}

module.exports = { geometricMean, measure, median, pairedRatio, turn }
