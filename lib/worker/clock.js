'use strict'

const { clearTimeout, setImmediate, setTimeout } = require('../timers')

// The longest time that counts in one piece, in ms.
const PIECE = 1000

/**
 * A time limit of a call that JavaScript waits for. Time in which the event loop stands still
 * hardly counts: the answer may be there, and could not be read.
 */
class Clock {
  #left
  #over
  #timer = null
  #stopped = false

  /** `over` is called after `ms`, unless it is stopped before. */
  constructor (ms, over) {
    this.#left = ms
    this.#over = over
    this.#wind()
  }

  #wind () {
    const piece = Math.min(this.#left, PIECE)
    this.#timer = setTimeout(() => {
      this.#left -= piece
      if (this.#left > 0) this.#wind()
      // What has come meanwhile is read before.
      else setImmediate(() => { if (this.stop()) this.#over() })
    }, piece)
    // Who waits for the call keeps the event loop running.
    this.#timer.unref?.()
  }

  /** Whether it had not been stopped and was not over. */
  stop () {
    if (this.#stopped) return false
    this.#stopped = true
    clearTimeout(this.#timer)
    return true
  }
}

module.exports = { Clock }
