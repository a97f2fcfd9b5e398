'use strict'

// Reports connections and syncs to the diagnostics channels `tracing:ferrolite:open:*`, `close` and
// `sync`. Loaded with the first subscriber.

const { AsyncLocalStorage } = require('node:async_hooks')
const { tracingChannel } = require('node:diagnostics_channel')
const { between, counted } = require('./channels')
const { now } = require('./timers')

/** Something that has a beginning and an end. */
class Occasion {
  #channels

  constructor (name) {
    this.#channels = tracingChannel(`ferrolite:${name}`)
  }

  /** A synchronous call; `count(context, result)` adds its result to the context. */
  sync (context, call, count = null) {
    return between(this.#channels, context, counted(context, call, count), this.#clock(context))
  }

  /** A call that returns a promise. */
  begin (context, call, count = null) {
    const { start, end, asyncStart, asyncEnd } = this.#channels
    const done = this.#clock(context)
    /** @type {(report: () => void) => void} */
    const asCaller = AsyncLocalStorage.snapshot?.() ?? ((report) => report())
    let promise
    try {
      promise = start.runStores(context, call)
    } catch (error) {
      done({ error })
      throw error
    } finally {
      end.publish(context)
    }
    const ended = (failure) => asCaller(() => {
      done(failure)
      asyncStart.publish(context)
      asyncEnd.publish(context)
    })
    promise.then((result) => {
      count?.(context, result)
      ended(null)
    }, (error) => ended({ error }))
    return promise
  }

  /** Reports something that has ended already; `context` is complete. */
  report (context) {
    const { start, end, error } = this.#channels
    start.publish(context)
    if (context.error !== undefined) error.publish(context)
    end.publish(context)
  }

  #clock (context) {
    const began = now()
    context.duration = undefined
    return (failure) => {
      context.duration = now() - began
      if (failure === null) return
      context.error = failure.error
      this.#channels.error.publish(context)
    }
  }
}

// The channels' own words for what a kind of database is.
const WORDS = { local: 'file', remote: 'server' }

/** The context of a connection for subscribers. */
function describe ({ name, anonymous, kind, readonly }) {
  return { database: name, kind: anonymous ? 'memory' : WORDS[kind] ?? kind, readonly }
}

module.exports = {
  describe, open: new Occasion('open'), close: new Occasion('close'), sync: new Occasion('sync')
}
