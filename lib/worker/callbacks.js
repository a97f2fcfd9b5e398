'use strict'

// Functions of the user that a worker asks for: it waits for the answer, so they run as soon as the
// event loop has its turn, and they cannot be async.

const { MAX_INT64, MIN_INT64 } = require('../params')
const { ASK } = require('../protocol')
const { copyBytes } = require('../views')
const { Message } = require('./message')

const { START, STEP, INVERSE, FINISH, DROP } = ASK

/** @returns {(ask: number, group: number, args: unknown[]) => unknown} */
function scalar (name, fn) {
  const what = `User-defined function ${name}() returned`
  return (ask, group, args) => requireResult(fn(...args), what)
}

/** Accumulators stay here, by the number of their group. */
function aggregate (name, { start, step, inverse, result }) {
  const groups = new Map()
  const what = `User-defined function ${name}() returned`
  const advance = (fn, group, args) => {
    const state = groups.get(group)
    // After a failure nothing more is called for the group; its value is the error.
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
    return requireResult(result === null ? value : result(value), what)
  }
}

function begin (start) {
  try {
    return { value: typeof start === 'function' ? start() : start, failed: false }
  } catch (error) {
    return { value: error, failed: true }
  }
}

/** A value that SQLite has a type for; `what` begins the message about one that it has not. */
function requireResult (value, what) {
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

/**
 * A module for virtual tables. `define(fn)` gives the generator of a table a number that the worker
 * asks for its rows by.
 */
function tables (name, factory, define) {
  return (ask, group, args) => {
    const [sql, generator, parameters, int64, directOnly] = factory(...args)
    const width = generator.width
    const number = define(rowsOf(name, generator))
    return [number, Number(int64), Number(directOnly), width, sql, ...parameters].join('\0')
  }
}

/** Scans of one table, by their numbers. */
function rowsOf (name, generator) {
  const scans = new Map()
  const message = new Message()
  const what = `Virtual table module "${name}" yielded`
  return (ask, scan, args) => {
    switch (ask) {
      case START: {
        const [mask, ...values] = args
        // A BigInt where arguments are.
        const given = Number(mask)
        // What was not given is not null.
        const known = values.map((value, i) => given & (1 << i) ? value : undefined)
        scans.set(scan, { iterator: generator(...known), width: generator.width, error: null })
        return
      }
      case DROP:
        scans.delete(scan)
        return
    }
    return readRows(scans.get(scan), args[0], message, what)
  }
}

/** Up to `max` rows as one message; an error comes after the rows before it. */
function readRows (scan, max, message, what) {
  const values = []
  let rows = 0
  try {
    if (scan.error !== null) throw scan.error.thrown
    for (; rows < max; ++rows) {
      const { value, done } = scan.iterator.next()
      if (done) break
      // The generator may use the same memory for the next row.
      for (const column of value) values.push(copyBytes(requireResult(column, what)))
    }
  } catch (thrown) {
    if (rows === 0) throw thrown
    values.length = rows * scan.width
    scan.error = { thrown }
  }
  return message.pack(rows, values, scan.error !== null)
}

module.exports = { aggregate, scalar, tables }
