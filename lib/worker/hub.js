'use strict'

const { now, setImmediate } = require('../timers')

// How long replies are read before the event loop has its turn, in ms.
const SLICE = 4

/** The ports of one environment that wait for replies. */
class Hub {
  #active = new Set()
  // WeakRefs of ports that are notified of syncs, which are no replies.
  #subscribed = new Set()
  #natives
  #servesStores = false
  #drain
  #scheduled = false
  // When the event loop is to have its turn, in ms.
  #until = 0
  // Calls of this turn of the loop have spun for replies, and may until then, in ms.
  #inTurn = false
  #spinUntil = 0

  /** @param {import('../engine').Natives} natives */
  constructor (natives) {
    this.#natives = natives
    this.#drain = () => {
      this.#scheduled = false
      this.#until = now() + SLICE
      this.drain()
    }
    natives.workerOnWake(() => {
      if (this.#scheduled) return
      // Node takes many wake-ups in one go, and timers would have to wait for them all.
      if (now() < this.#until) this.drain()
      else this.drainSoon()
    })
  }

  /** Has the stores of ports asked. Workers only wait meanwhile: it takes no turn of the loop. */
  serveStores () {
    if (this.#servesStores) return
    this.#servesStores = true
    this.#natives.workerOnRequest(() => {
      for (const port of this.#active) port.serveStore()
    })
  }

  drainSoon () {
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(this.#drain)
  }

  add (port) {
    if (this.#active.size === 0) this.#natives.workerRef(true)
    this.#active.add(port)
  }

  remove (port) {
    this.#active.delete(port)
    if (this.#active.size === 0) this.#natives.workerRef(false)
  }

  subscribe (ref, on) {
    if (on) this.#subscribed.add(ref)
    else this.#subscribed.delete(ref)
  }

  /** Whether the event loop had its turn not long ago. */
  maySpin () {
    const time = now()
    if (!this.#inTurn) {
      this.#inTurn = true
      this.#spinUntil = time + SLICE
      setImmediate(this.#turnEnds)
    }
    return time < this.#spinUntil
  }

  #turnEnds = () => { this.#inTurn = false }

  drain () {
    const until = now() + SLICE
    for (const port of this.#active) {
      if (!port.drain(until)) {
        this.drainSoon()
        return
      }
    }
    for (const ref of this.#subscribed) {
      const port = ref.deref()
      if (port === undefined) this.#subscribed.delete(ref)
      else if (!port.drain(until)) return this.drainSoon()
    }
  }
}

const hubs = new WeakMap()

/**
 * The one that an environment's ports share.
 * @param {import('../engine').Natives} natives
 */
function hubOf (natives) {
  let hub = hubs.get(natives)
  if (hub === undefined) hubs.set(natives, hub = new Hub(natives))
  return hub
}

module.exports = { SLICE, hubOf }
