'use strict'

// Reports the syncs of a replica, whatever started them.

const { errorOf } = require('../errors')
const { EXTENT } = require('../protocol')
const { soon } = require('../timers')
const { lifecycle, whenSubscribed } = require('../occasions')

// Those of open replicas, for the first subscriber of the channel; WeakRefs keep none open.
const known = new Set()
const forgotten = new FinalizationRegistry((ref) => known.delete(ref))
// Those with listeners of their own, which are called as long as the replica is open.
const listening = new Set()

let isListened = false
whenSubscribed('sync', () => {
  isListened = true
  for (const ref of known) ref.deref()?.update()
})

class Syncs {
  #port
  #events
  #database
  #ref
  #isReporting = false
  #isClosed = false

  /** `port` is that of the worker that syncs, `events` has the listeners. */
  constructor (port, events, database) {
    this.#port = port
    this.#events = events
    this.#database = database
    this.#ref = new WeakRef(this)
    known.add(this.#ref)
    forgotten.register(this, this.#ref, this)
    this.update()
  }

  /** A listener or subscriber has come or gone. */
  update () {
    const hasListeners = !this.#isClosed && this.#events.has('sync')
    if (hasListeners) listening.add(this)
    else listening.delete(this)
    const isReporting = !this.#isClosed && (hasListeners || isListened)
    if (isReporting === this.#isReporting) return
    this.#isReporting = isReporting
    this.#port.onSyncs(isReporting ? this.#report : null)
  }

  #report = (isAsked, extent, frame, frames, duration, code, message) => {
    const about = [undefined, -1, -1, undefined, this.#database]
    const error = code === null ? undefined : errorOf(message, code, ...about)
    const sync = { reason: reasonOf(isAsked, extent), frames, frame, duration, error }
    // A sync that a call waits for is reported by that call.
    if (!isAsked) lifecycle('sync')?.report({ database: this.#database, ...sync })
    // Not inside the call that waits: a listener may make calls of its own.
    if (this.#events.has('sync')) soon(() => this.#events.emit('sync', sync))
  }

  /** When the last that succeeded began, or null. */
  get last () {
    const times = this.#port.lastSync()
    return times === undefined ? null : new Date(times[0])
  }

  /** How many ms ago that was, or null. */
  get lag () {
    const times = this.#port.lastSync()
    return times === undefined ? null : times[1]
  }

  close () {
    if (this.#isClosed) return
    this.#isClosed = true
    known.delete(this.#ref)
    forgotten.unregister(this)
    this.update()
  }
}

function reasonOf (isAsked, extent) {
  if (extent === EXTENT.WRITTEN) return isAsked ? 'read' : 'write'
  return isAsked ? 'call' : 'period'
}

/** The context, for subscribers, of a sync that a call waits for. */
function contextOf (extent, database) {
  return { database, reason: reasonOf(true, extent), frames: undefined, frame: undefined }
}

function countFrames (context, { frames_synced: frames, frame_no: frame }) {
  Object.assign(context, { frames, frame })
}

module.exports = { Syncs, contextOf, countFrames }
