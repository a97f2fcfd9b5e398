'use strict'

const { EventEmitter } = require('node:events')
const { makeError, misuse } = require('./errors')
const { fail, invoke } = require('./queue')
const { argumentsFor, splitArguments } = require('./values')

const PARAMETERS = Symbol.for('ferrolite.parameters')

// What is private of a statement.
const states = new WeakMap()

/** A statement that the queue of its database compiles. */
function Statement (database, sql, callback) {
  if (new.target === undefined) throw new TypeError("Class constructors cannot be invoked without 'new'")
  if (typeof sql !== 'string') throw new TypeError('SQL query expected')
  EventEmitter.call(this)
  Object.defineProperty(this, 'sql', { value: sql, enumerable: true, configurable: true })
  const inner = database._inner
  const state = {
    inner,
    database,
    compiled: null,
    failed: false,
    finalized: false,
    bound: null,
    rows: null,
    isDone: false
  }
  states.set(this, state)
  inner.queue.add(this, callback, async () => {
    state.failed = true
    // An error of the database, as there is no statement.
    if (!inner.isOpen) return fail(database, callback, misuse('Database handle is closed'))
    state.compiled = await inner.compile(sql)
    state.failed = false
    if (!state.compiled.isNothing) inner.holders.add(state)
    return [null]
  })
}

/** Queues a call; the error that it was compiled with has been told already. */
function schedule (statement, callback, work) {
  const state = states.get(statement)
  state.inner.queue.add(statement, callback, async () => {
    if (state.failed) return undefined
    if (state.finalized) throw misuse('Statement is already finalized')
    return work(state)
  })
  return statement
}

/** New parameters begin anew. */
function rebind (state, bound) {
  if (bound === null) return
  rewind(state)
  state.bound = bound
}

function rewind (state) {
  state.rows?.return()
  state.rows = null
  state.isDone = false
}

const methods = {
  bind (...args) {
    const { bound, callbacks: [callback] } = splitArguments(args)
    return schedule(this, callback, (state) => {
      rebind(state, bound)
      argumentsFor(state.bound, state.compiled[PARAMETERS])
      return [null]
    })
  },

  run (...args) {
    const { bound, callbacks: [callback] } = splitArguments(args)
    return schedule(this, callback, async (state) => {
      rewind(state)
      rebind(state, bound)
      const { inner, compiled } = state
      const { changes, lastInsertRowid } = await inner.observed(this.sql, state.bound, () => {
        return compiled.reader ? runReader(state) : compiled.run(...argumentsOf(state))
      })
      Object.assign(this, { lastID: Number(lastInsertRowid), changes })
      return [null]
    })
  },

  get (...args) {
    const { bound, callbacks: [callback] } = splitArguments(args)
    return schedule(this, callback, async (state) => {
      rebind(state, bound)
      const row = await state.inner.observed(this.sql, state.bound, () => next(state))
      return row === undefined ? [null] : [null, row]
    })
  },

  all (...args) {
    const { bound, callbacks: [callback] } = splitArguments(args)
    return schedule(this, callback, async (state) => {
      rewind(state)
      rebind(state, bound)
      return [null, await state.inner.observed(this.sql, state.bound, () => allRows(state))]
    })
  },

  each (...args) {
    const { bound, callbacks } = splitArguments(args, 2)
    const [onRow, complete] = callbacks
    return schedule(this, onRow, async (state) => {
      rewind(state)
      rebind(state, bound)
      const { interrupts } = state.inner
      let count = 0
      await state.inner.observed(this.sql, state.bound, async () => {
        for await (const row of rowsOf(state)) {
          if (state.inner.interrupts !== interrupts) throw makeError('INTERRUPT', 'interrupted')
          ++count
          if (onRow !== undefined) invoke(onRow, this, [null, row])
        }
      })
      if (complete !== undefined) invoke(complete, this, [null, count])
    })
  },

  map (...args) {
    const callback = args.pop()
    return this.all(...args, function (error, rows) {
      if (error) return callback.call(this, error)
      callback.call(this, error, mapOf(rows))
    })
  },

  reset (callback) {
    return schedule(this, callback, (state) => {
      rewind(state)
      return [null]
    })
  },

  finalize (callback) {
    const state = states.get(this)
    state.inner.queue.add(this, callback, () => {
      if (state.failed) return undefined
      if (state.finalized) throw misuse('Statement is already finalized')
      state.finalized = true
      rewind(state)
      state.inner.holders.delete(state)
      return []
    })
    return state.database
  }
}

function argumentsOf ({ bound, compiled }) {
  return argumentsFor(bound, compiled[PARAMETERS])
}

/** One step of a statement that has rows, and what it has changed. */
async function runReader (state) {
  await state.compiled.get(...argumentsOf(state))
  return state.inner.changes()
}

async function allRows (state) {
  const args = argumentsOf(state)
  if (state.compiled.reader) return state.compiled.all(...args)
  await state.compiled.run(...args)
  return []
}

async function * rowsOf (state) {
  const args = argumentsOf(state)
  if (state.compiled.reader) yield * state.compiled.iterate(...args)
  else await state.compiled.run(...args)
}

/** The next row: the first alone costs less than an iterator. */
async function next (state) {
  if (state.isDone) return undefined
  if (state.rows === null) {
    const args = argumentsOf(state)
    state.rows = { next: () => later(state), return () {} }
    if (state.compiled.reader) return ended(state, await state.compiled.get(...args))
    await state.compiled.run(...args)
    return ended(state, undefined)
  }
  return state.rows.next()
}

function ended (state, row) {
  if (row === undefined) state.isDone = true
  return row
}

// The second row has been asked for: the first is read anew, and skipped.
async function later (state) {
  const iterator = state.compiled.iterate(...argumentsOf(state))
  state.rows = {
    next: async () => ended(state, (await iterator.next()).value),
    return: () => { iterator.return().catch(() => {}) }
  }
  await iterator.next()
  return state.rows.next()
}

/** The first column to the second, or to the row if there are more. */
function mapOf (rows) {
  if (rows.length === 0) return {}
  const [key, value, third] = Object.keys(rows[0])
  return Object.fromEntries(rows.map((row) => [row[key], third === undefined ? row[value] : row]))
}

Object.assign(Statement.prototype, EventEmitter.prototype, methods)

module.exports = { Statement }
