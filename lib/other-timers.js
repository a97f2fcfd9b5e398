'use strict'

// Timers where those of node:timers may be fakes all the same.

const timers = require('node:timers')

/** By parts of Node that its test runner does not replace. */
function withoutTimers () {
  const { Socket } = require('node:net')
  const { scheduler } = require('node:timers/promises')
  return {
    setImmediate: (fn) => { scheduler.yield().then(fn) },
    setTimeout: (fn, ms) => new Socket().setTimeout(Math.max(ms, 1), fn),
    clearTimeout: (timer) => { timer?.setTimeout(0) }
  }
}

/**
 * Bun's fakes also stop functions that were taken before. What stands still is joined by a wait
 * for memory, which does not, but would let the process end.
 */
class BunTimer {
  #cell = new Int32Array(new SharedArrayBuffer(4))
  #timer
  #isOver = false

  constructor (fn, ms) {
    const ring = () => { if (this.stop()) fn() }
    this.#timer = timers.setTimeout(ring, ms)
    const waiting = Atomics.waitAsync(this.#cell, 0, 0, Math.max(ms, 1))
    if (waiting.async) waiting.value.then(ring)
  }

  /** Whether it had not rung or been stopped. */
  stop () {
    if (this.#isOver) return false
    this.#isOver = true
    timers.clearTimeout(this.#timer)
    this.#cell[0] = 1
    Atomics.notify(this.#cell, 0)
    return true
  }

  unref () {
    this.#timer.unref()
    return this
  }
}

/** As node:timers has them; `setImmediate` is never a fake. */
function ofBun () {
  return {
    setImmediate: timers.setImmediate,
    setTimeout: (fn, ms) => new BunTimer(fn, ms),
    clearTimeout: (timer) => { timer?.stop() }
  }
}

module.exports = { ofBun, withoutTimers }
