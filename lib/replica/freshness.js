'use strict'

// Read-your-writes of a replica, as a state machine: what happens goes in, where a read goes comes
// out. It does nothing itself and knows no time, so that both APIs can share it.

const { DOUBT } = require('../protocol')

// Where a read goes.
const READ = {
  // To the file as it is.
  LOCAL: 'local',
  // To the primary: an open iterator keeps the file at the snapshot that it began with.
  PRIMARY: 'primary',
  // To the file once it is up to date.
  CATCH_UP: 'catch up',
  // To the file after a short attempt to bring it up to date, whatever comes of that.
  TRY: 'try',
  // That depends on writes that have not ended: it is asked again when they have.
  WAIT: 'wait'
}

class Freshness {
  // Whether reads wait for what was written, and for what may have been written.
  #follows
  #waits
  // What was written, and how much of it the file has. At first it may have nothing at all.
  #written = 1
  #fetched = 0
  // Writes that have not ended, and how many there were.
  #pending = 0
  #begun = 0
  // The worker's count of writes that have happened or may have.
  #counted = 0
  // A write may have happened, and no read has tried to learn of it.
  #isUnsure = false

  constructor ({ readYourWrites, waitForUncertain }) {
    this.#follows = readYourWrites
    this.#waits = waitForUncertain
  }

  /** The file has something, whatever that is. */
  fill () {
    this.#fetched = Math.max(this.#fetched, 1)
  }

  /** What may write begins. */
  beginWrite () {
    this.#begun++
    this.#pending++
  }

  /** It has ended, or was given up: its writes are counted by then. */
  endWrite () {
    this.#pending--
  }

  /**
   * Takes the worker's count of writes. `isNew`: there are more than before; `isUncertain`: of one
   * of these it is not known whether it has happened; `isDue`: the worker is to fetch what was
   * written, without anybody waiting for it.
   */
  count (writes) {
    const more = writes - this.#counted
    this.#counted = writes
    const isUncertain = more >= DOUBT
    const counts = this.#follows && (more % DOUBT !== 0 || (isUncertain && this.#waits))
    const isFirst = counts && this.#written <= Math.max(this.#fetched, 1)
    if (counts) this.#written++
    if (isUncertain && this.#follows && !this.#waits) this.#isUnsure = true
    return { isNew: more !== 0, isUncertain, isDue: isFirst || isUncertain }
  }

  /** A sync begins: what is to be given to `reach()` if it succeeds. */
  beginSync () {
    return this.#written
  }

  reach (written) {
    this.#fetched = Math.max(this.#fetched, written)
  }

  /** Whether something was written, or is being written, that the file may not have. */
  get isBehind () {
    return this.#written !== this.#fetched || this.#isPending
  }

  get #isPending () {
    return this.#follows && this.#pending !== 0
  }

  /** Whether the file has all there is to have, and nothing is left to learn. */
  get isCertain () {
    return !this.isBehind && !this.#isUnsure
  }

  /** Changes with each write: a sync that began at the same version has what there is to have. */
  get version () {
    return this.#begun + this.#written
  }

  /** Where a read goes now: one of READ. `isPinned`: an iterator of the file is open. */
  read (isPinned) {
    if (this.isBehind) {
      if (isPinned) return READ.PRIMARY
      if (this.#written === this.#fetched) return READ.WAIT
      // That is an attempt, too.
      this.#isUnsure = false
      return READ.CATCH_UP
    }
    // An attempt would change nothing of what a pinned file shows.
    if (!this.#isUnsure || isPinned) return READ.LOCAL
    this.#isUnsure = false
    return READ.TRY
  }
}

module.exports = { Freshness, READ }
