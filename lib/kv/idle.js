'use strict'

// Idle checkpoints: once a database has not been written to for a while, its commits are moved into
// pages, so that whoever opens it next reads little.

const { OPERATIONS } = require('../arguments/store')
const { clearTimeout, setTimeout } = require('../timers')

const WRITES = new Set(['put', 'putBatch', 'putIfAbsent'].map((name) => OPERATIONS.indexOf(name)))

/** @template {WeakKey} T */
class Idle {
  #owner
  #ms
  #checkpoint
  #timer = null
  #wrote = false
  #works = false

  /**
   * `checkpoint` gives false if a transaction is in its way. What it fails with is not reported:
   * the next commit says what matters to it, and onError() of the store what the store has thrown.
   * It gets `owner`, which may be collected as garbage meanwhile.
   * @param {T} owner
   * @param {number} ms 0: never
   * @param {(owner: T) => boolean | Promise<boolean>} checkpoint
   */
  constructor (owner, ms, checkpoint) {
    this.#owner = new WeakRef(owner)
    this.#ms = ms
    this.#checkpoint = checkpoint
  }

  /** The store is called, by the number of the call. */
  called (number) {
    if (!this.#works && WRITES.has(number)) this.wrote()
  }

  wrote () {
    this.#wrote = true
    if (this.#timer === null) this.#wind()
  }

  /** Nothing is done from now on. */
  stop () {
    this.#ms = 0
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
  }

  #wind () {
    if (this.#ms === 0) return
    this.#wrote = false
    // A timer for each write would cost more than the write.
    this.#timer = setTimeout(() => this.#tick(), this.#ms)
    this.#timer.unref?.()
  }

  async #tick () {
    this.#timer = null
    let done = false
    const owner = this.#owner.deref()
    if (owner === undefined) return
    if (!this.#wrote) {
      this.#works = true
      try {
        done = await this.#checkpoint(owner)
      } catch {
        done = true
      }
      this.#works = false
    }
    if (!done && this.#timer === null) this.#wind()
  }
}

module.exports = { Idle }
