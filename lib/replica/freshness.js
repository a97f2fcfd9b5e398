'use strict'

const { DOUBT, EXTENT, OP } = require('../protocol')
const { PATIENCE, sync } = require('./syncer')

/** Whether the file has what was written. */
class Freshness {
  #syncer
  #remote
  #follows
  // Whether reads wait for a write that may have happened, too, and who is told of it.
  #waits
  #tell
  // Opening, until it has succeeded.
  #opening
  // What was written, and how much of it the file has: at first it may have nothing at all.
  #written = 1
  #fetched = 0
  // Writes that have not ended, and how many there were.
  #last = null
  #count = 0
  // How many writes have happened or may have, as the worker counts them.
  #writes = 0
  // A write may have happened, and no read has tried to learn of it; the attempt that is under way.
  #isUnsure = false
  #trying = null
  // The catching up that is on its way, and how many writes there were when it began.
  #catching = null
  #catchingFor = null

  /** `tell(error)` is for writes that failed and may have happened all the same. */
  constructor (syncer, remote, { readYourWrites, waitForUncertain }, tell) {
    this.#syncer = syncer
    this.#remote = remote
    this.#follows = readYourWrites
    this.#waits = waitForUncertain
    this.#tell = tell
    this.#opening = syncer.opened.promise.then((frame) => {
      if (frame !== null) this.filled()
      this.#opening = null
    })
    this.#opening.catch(() => {})
  }

  /** A job that may write. */
  follow (job) {
    const number = ++this.#count
    // Not its promise, which may end before the worker has given the call up and counted it.
    const replied = new Promise((resolve) => {
      if (job.settled) resolve()
      else job.replied = resolve
    })
    const last = replied.then(() => {
      if (this.#count === number) this.#last = null
      this.#countWrites(job.failure)
    })
    if (this.#follows) this.#last = last
  }

  #countWrites (failure) {
    const writes = this.#remote.writes() - this.#writes
    if (writes === 0) return
    this.#writes += writes
    const hasWritten = writes % DOUBT !== 0
    const isInDoubt = writes >= DOUBT
    const counts = this.#follows && (hasWritten || (isInDoubt && this.#waits))
    const isFirst = counts && this.#written++ === this.#fetched
    if (isFirst || isInDoubt) this.#syncer.tell(OP.SYNC, 0)
    if (!isInDoubt) return
    this.#isUnsure = this.#follows && !this.#waits
    this.#tell(failure)
  }

  /** Whether something was written that the file may not have. */
  isBehind () {
    return this.#written !== this.#fetched || this.#last !== null
  }

  /** Null once the file is open, or what to wait for. */
  opened () {
    return this.#opening
  }

  /** The file has something, whatever it was that asked for it. */
  filled () {
    this.#fetched = Math.max(this.#fetched, 1)
  }

  /** Null if the file may be read, or what to wait for. */
  wait () {
    if (this.#opening !== null || this.#written !== this.#fetched) return this.fetch()
    // What comes of it decides how long to wait.
    if (this.#last !== null) return this.#last.then(() => this.wait())
    if (this.#isUnsure) this.#try()
    return this.#trying
  }

  /** Once, and not for long: what came of a write may not be known until the server is back. */
  #try () {
    this.#isUnsure = false
    let timer
    const late = new Promise((resolve) => { timer = setTimeout(resolve, PATIENCE) })
    const trying = Promise.race([late, this.fetch().catch(() => {})]).then(() => {
      clearTimeout(timer)
      if (this.#trying === trying) this.#trying = null
    })
    this.#trying = trying
  }

  /** Brings the file up to date; calls that come together share it. */
  fetch () {
    if (this.#catching !== null && this.#isCaught()) return this.#catching
    this.#catchingFor = [this.#count, this.#written]
    const catching = this.#catching = this.#catchUp().finally(() => {
      if (this.#catching === catching) this.#catching = null
    })
    return catching
  }

  #isCaught () {
    const [count, written] = this.#catchingFor
    return count === this.#count && written === this.#written
  }

  async #catchUp () {
    await this.#opening
    // Those behind it in the same connection have ended when it has.
    await this.#last
    const done = this.begin()
    await sync(this.#syncer, EXTENT.WRITTEN)
    done()
  }

  /** A sync begins: gives what to call when it has succeeded. */
  begin () {
    const written = this.#written
    return () => { this.#fetched = Math.max(this.#fetched, written) }
  }
}

module.exports = { Freshness }
