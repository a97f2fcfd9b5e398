'use strict'

// Functions of the user that a worker asks for: it waits for the answer, so they run as soon as the
// event loop has its turn, and they cannot be async.

const { MAX_INT64, MIN_INT64 } = require('../params')

// As crates/node/src/worker/callback.rs has them.
const START = 1
const STEP = 2
const INVERSE = 3
const FINISH = 5
const DROP = 6

/** @returns {(ask: number, group: number, args: unknown[]) => unknown} */
function scalar (name, fn) {
  return (ask, group, args) => requireResult(fn(...args), name)
}

/** Accumulators stay here, by the number of their group. */
function aggregate (name, { start, step, inverse, result }) {
  const groups = new Map()
  const advance = (fn, group, args) => {
    const state = groups.get(group)
    // Nothing more is called for a group that has failed; its value tells why.
    if (state === undefined || state.failed) return
    try {
      const next = fn(state.value, ...args)
      if (next !== undefined) state.value = next
    } catch (error) {
      state.failed = true
      state.value = error
    }
  }
  return (ask, group, args) => {
    switch (ask) {
      case START:
        groups.set(group, begin(start))
        return
      case STEP: return advance(step, group, args)
      case INVERSE: return advance(inverse, group, args)
      case DROP:
        groups.delete(group)
        return
    }
    const { value, failed } = groups.get(group)
    if (ask === FINISH) groups.delete(group)
    if (failed) throw value
    return requireResult(result === null ? value : result(value), name)
  }
}

function begin (start) {
  try {
    return { value: typeof start === 'function' ? start() : start, failed: false }
  } catch (error) {
    return { value: error, failed: true }
  }
}

/** A value that SQLite has a type for. */
function requireResult (value, name) {
  const what = `User-defined function ${name}() returned`
  switch (typeof value) {
    case 'number':
    case 'string':
    case 'undefined':
      return value
    case 'bigint':
      if (value >= MIN_INT64 && value <= MAX_INT64) return value
      throw new RangeError(`${what} a bigint that was too big`)
    case 'object':
      if (value === null || ArrayBuffer.isView(value)) return value
  }
  throw new TypeError(`${what} an invalid value`)
}

module.exports = { aggregate, scalar }
