'use strict'

// What a replica tells of its syncs, whoever asked for them.

const { errorOf } = require('../errors')
const { EXTENT } = require('../protocol')
const tracing = require('../tracing')

// Those of open replicas, for the first who listens to the channel; none is kept open by it.
const known = new Set()
const forgotten = new FinalizationRegistry((ref) => known.delete(ref))
// Those with listeners of their own, which are to be called as long as the replica is open.
const heard = new Set()

let isListened = false
tracing.whenHeard('sync', () => {
  isListened = true
  for (const ref of known) ref.deref()?.update()
})

class Syncs {
  #port
  #events
  #database
  #ref
  #isTold = false
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

  /** Somebody listens, or no longer. */
  update () {
    const hasListeners = !this.#isClosed && this.#events.has('sync')
    if (hasListeners) heard.add(this)
    else heard.delete(this)
    const isTold = !this.#isClosed && (hasListeners || isListened)
    if (isTold === this.#isTold) return
    this.#isTold = isTold
    this.#port.hearSyncs(isTold ? this.#tell : null)
  }

  #tell = (isAsked, extent, frame, frames, duration, code, message) => {
    const about = [undefined, -1, -1, undefined, this.#database]
    const error = code === null ? undefined : errorOf(message, code, ...about)
    const sync = { reason: reasonOf(isAsked, extent), frames, frame, duration, error }
    // Who waits for one tells of it.
    if (!isAsked) tracing.lifecycle('sync')?.tell({ database: this.#database, ...sync })
    // Not inside the call that waits, which would take its part in what the listener does.
    if (this.#events.has('sync')) process.nextTick(() => this.#events.emit('sync', sync))
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

/** What those who listen to the channel are told of a sync that somebody waits for. */
function contextOf (extent, database) {
  return { database, reason: reasonOf(true, extent), frames: undefined, frame: undefined }
}

function countFrames (context, { frames_synced: frames, frame_no: frame }) {
  Object.assign(context, { frames, frame })
}

module.exports = { Syncs, contextOf, countFrames }
