'use strict'

// Reports queries to the diagnostics channels `tracing:ferrolite:query:*`.

const { tracingChannel } = require('node:diagnostics_channel')
const { between, counted } = require('./channels')
const { atFirst } = require('./occasions')
const { isPragma, withoutKeys } = require('./sql')
const { now, soon } = require('./timers')

const query = tracingChannel('ferrolite:query')
const CHANNELS = [query.start, query.end, query.asyncStart, query.asyncEnd, query.error]

const KEEPS_KIND = new Set(['exec', 'batch', 'prepare'])

// Whether there ever was a subscriber: until then nothing is wrapped, and calls cost nothing more.
const tracing = { on: false }

// Functions to call when the first subscriber comes.
const waiting = []

function whenOn (act) {
  if (tracing.on) act()
  else waiting.push(act)
}

function turnOn () {
  tracing.on = true
  for (const act of waiting.splice(0)) act()
}

atFirst(CHANNELS, turnOn)

function isListened () {
  return CHANNELS.some((channel) => channel.hasSubscribers)
}

/** The context of a call for subscribers; null if there are none now. */
function contextOf (kind, sql, database, connection) {
  if (!isListened()) return null
  return {
    sql: withoutKeys(sql),
    database,
    kind: !KEEPS_KIND.has(kind) && isPragma(sql) ? 'pragma' : kind,
    connection,
    rows: undefined,
    changes: undefined,
    waited: undefined,
    run: undefined
  }
}

/** Reports a synchronous call; `count(context, result)` sets how many rows it was. */
function traceSync (context, call, count = null) {
  if (context === null) return call()
  const began = now()
  return between(query, context, counted(context, call, count), (failure) => {
    const took = now() - began
    context.run ??= took
    context.waited = took - context.run
    if (failure !== null) reportError(context, failure.error)
  })
}

/** The same for a call that returns a promise. */
async function traceAsync (context, call, count) {
  if (context === null) return call()
  const trace = new Trace(context)
  let result
  try {
    result = await trace.start(call)
  } catch (error) {
    trace.end({ error })
    throw error
  }
  count(context, result)
  trace.end()
  return result
}

/** Compiles, and reports it only if that fails: no call follows that would be reported. */
function traceCompile (sql, database, compile) {
  const began = now()
  try {
    return compile()
  } catch (error) {
    reportUncompiled(sql, database, began, error)
    throw error
  }
}

/** Reports SQL that does not compile. `began` undefined: now; `hasRun`: its turn had come. */
function reportUncompiled (sql, database, began, error, hasRun = true) {
  // Mistakes in calling are nothing about the SQL.
  const context = error instanceof TypeError ? null : contextOf('prepare', sql, database, null)
  if (context === null) return
  const took = now() - (began ?? now())
  context.run = hasRun ? took : 0
  context.waited = took - context.run
  query.start.publish(context)
  reportError(context, error)
  query.end.publish(context)
}

function reportError (context, error) {
  context.error = error
  query.error.publish(context)
}

/** A call that runs in steps, such as an iterator: `run` has the time of them all. */
class Steps {
  #context
  #ended = false

  constructor (context) {
    this.#context = context
    context.run = context.rows = 0
    query.start.publish(context)
  }

  step (call) {
    const began = now()
    let failure = null
    try {
      return call()
    } catch (error) {
      failure = { error }
      throw error
    } finally {
      this.#context.run += now() - began
      if (failure !== null) this.end(failure)
    }
  }

  row () {
    this.#context.rows++
  }

  end (failure = null) {
    if (this.#ended) return
    this.#ended = true
    this.#context.waited = 0
    if (failure !== null) reportError(this.#context, failure.error)
    query.end.publish(this.#context)
  }
}

/** One call that ends later. */
class Trace {
  #began
  // Runs a function in the async context of the caller.
  #asCaller

  constructor (context, began = now()) {
    this.context = context
    this.#began = began
    /** @type {(report: () => void) => void} */
    this.#asCaller = require('node:async_hooks').AsyncLocalStorage.snapshot?.() ?? ((report) => report())
  }

  start (call) {
    try {
      return query.start.runStores(this.context, call)
    } finally {
      query.end.publish(this.context)
    }
  }

  /** Adds the time that a worker reports, in us; -1 if the call has not run. */
  ran (us) {
    if (us >= 0) this.context.run = (this.context.run ?? 0) + us / 1000
  }

  end (failure = null) {
    const { context } = this
    context.waited = Math.max(now() - this.#began - (context.run ?? 0), 0)
    const report = () => this.#asCaller(() => {
      if (failure !== null) reportError(context, failure.error)
      query.asyncStart.publish(context)
      query.asyncEnd.publish(context)
    })
    // Not while replies are read: a listener may use their block, by the sync API.
    soon(report)
  }

  /** Ends with a job. */
  endOf (job, failure) {
    const { context } = this
    this.ran(job.us)
    context.connection = job.port?.role ?? context.connection
    if (failure === null) countRows(context, job)
    this.end(failure)
  }
}

function countRows (context, { rows, entry, statement }) {
  if (entry !== null) context.rows = rows.length
  else if (statement !== null) context.changes = rows[0][0]
}

module.exports = Object.assign(tracing, {
  Steps,
  Trace,
  contextOf,
  countRows,
  reportUncompiled,
  traceAsync,
  traceCompile,
  traceSync,
  whenOn
})
