'use strict'

// What happens to connections, for those who listen to the diagnostics channels
// `tracing:ferrolite:open:*`, `close` and `sync`. Loaded when somebody does.

const { AsyncLocalStorage } = require('node:async_hooks')
const { tracingChannel } = require('node:diagnostics_channel')
const { between, counted } = require('./channels')

/** Something that has a beginning and an end. */
class Occasion {
  #channels

  constructor (name) {
    this.#channels = tracingChannel(`ferrolite:${name}`)
  }

  /** A call that gives its result at once; `count(context, result)` says what came of it. */
  sync (context, call, count = null) {
    return between(this.#channels, context, counted(context, call, count), this.#clock(context))
  }

  /** A call that gives a promise. */
  begin (context, call, count = null) {
    const { start, end, asyncStart, asyncEnd } = this.#channels
    const done = this.#clock(context)
    /** @type {(tell: () => void) => void} */
    const asCaller = AsyncLocalStorage.snapshot?.() ?? ((tell) => tell())
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

  /** What is over when it is heard of; `context` says all of it. */
  tell (context) {
    const { start, end, error } = this.#channels
    start.publish(context)
    if (context.error !== undefined) error.publish(context)
    end.publish(context)
  }

  #clock (context) {
    const began = performance.now()
    context.duration = undefined
    return (failure) => {
      context.duration = performance.now() - began
      if (failure === null) return
      context.error = failure.error
      this.#channels.error.publish(context)
    }
  }
}

// The channels' own words for what a kind of database is.
const WORDS = { local: 'file', remote: 'server' }

/** What connections are told of by. */
function describe ({ name, anonymous, kind, readonly }) {
  return { database: name, kind: anonymous ? 'memory' : WORDS[kind] ?? kind, readonly }
}

module.exports = {
  describe, open: new Occasion('open'), close: new Occasion('close'), sync: new Occasion('sync')
}
