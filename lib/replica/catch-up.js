'use strict'

const { EXTENT, OP } = require('../protocol')
const { clearTimeout, setTimeout } = require('../timers')
const { Freshness, READ } = require('./freshness')
const { PATIENCE, sync } = require('./syncer')

/** Brings the file of a replica up to date for reads that do not block. */
class CatchUp {
  #freshness
  // Whether reads wait for writes.
  #follows
  #syncer
  #primary
  #notify
  // Opening, until it has succeeded.
  #opening
  // The end of the write that began last, until it has come.
  #last = null
  // The short attempt that is under way.
  #trying = null
  // The catching up that is under way, and the version that it began at.
  #catching = null
  #version = 0

  /** `notify(error)` is for writes that failed and may have happened all the same. */
  constructor (syncer, primary, options, notify) {
    this.#freshness = new Freshness(options)
    this.#follows = options.readYourWrites
    this.#syncer = syncer
    this.#primary = primary
    this.#notify = notify
    this.#opening = syncer.opened.promise.then((frame) => {
      if (frame !== null) this.filled()
      this.#opening = null
    })
    this.#opening.catch(() => {})
  }

  /** A job that may write. */
  follow (job) {
    const freshness = this.#freshness
    freshness.beginWrite()
    // Not its promise, which may end before the worker has given the call up and counted it.
    const replied = new Promise((resolve) => {
      if (job.settled) resolve()
      else job.replied = resolve
    })
    const ended = replied.then(() => {
      freshness.endWrite()
      if (this.#last === ended) this.#last = null
      const { isUncertain, isDue } = freshness.count(this.#primary.writes())
      if (isDue) this.#syncer.notify(OP.SYNC, 0)
      if (isUncertain) this.#notify(job.failure)
    })
    if (this.#follows) this.#last = ended
  }

  /** Whether something was written that the file may not have. */
  isBehind () {
    return this.#freshness.isBehind
  }

  /** Null once the file is open, or what to wait for. */
  opened () {
    return this.#opening
  }

  /** The file has something, whatever it was that asked for it. */
  filled () {
    this.#freshness.fill()
  }

  /** Where a read goes, of an open file: one of READ. */
  read (isPinned) {
    return this.#freshness.read(isPinned)
  }

  /** Null if the file may be read as it is, or what to wait for. */
  ready (where) {
    switch (where) {
      case READ.CATCH_UP: return this.fetch()
      case READ.WAIT: return this.#last.then(() => this.ready(this.read(false)))
      case READ.TRY: this.#try()
    }
    return this.#trying
  }

  /** Not for long: what came of a write may not be known until the server is back. */
  #try () {
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
    const { version } = this.#freshness
    if (this.#catching !== null && this.#version === version) return this.#catching
    this.#version = version
    const catching = this.#catching = this.#fetch().finally(() => {
      if (this.#catching === catching) this.#catching = null
    })
    return catching
  }

  async #fetch () {
    await this.#opening
    // Those behind it in the same connection have ended when it has.
    await this.#last
    const done = this.begin()
    await sync(this.#syncer, EXTENT.WRITTEN)
    done()
  }

  /** A sync begins: gives what to call when it has succeeded. */
  begin () {
    const written = this.#freshness.beginSync()
    return () => this.#freshness.reach(written)
  }
}

module.exports = { CatchUp }
