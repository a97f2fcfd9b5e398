'use strict'

const { throwLater } = require('./timers')

/** Listeners of a connection to a file, which tells of an event only while somebody listens. */
class FileListeners {
  #listeners = { update: [], build: [] }
  #int64
  #subscribe

  /**
   * `subscribe` has a function for each event, which is given what is to be called for it, or null:
   * `update(operation, database, table, rowid)` for each change, `build(table, done, total)`.
   */
  constructor (int64, subscribe) {
    this.#int64 = int64
    this.#subscribe = subscribe
  }

  add (event, listener) {
    check(event, listener, Object.keys(this.#listeners))
    this.#subscribe[event](this.#notify[event])
    this.#listeners[event].push(listener)
  }

  remove (event, listener) {
    check(event, listener, Object.keys(this.#listeners))
    const left = this.#listeners[event].filter((known) => known !== listener)
    this.#listeners[event] = left
    this.#subscribe[event](left.length === 0 ? null : this.#notify[event])
  }

  #notify = {
    update: (operation, database, table, rowid) => {
      const shown = this.#int64() ? rowid : Number(rowid)
      this.#emit('update', { operation, database, table, rowid: shown })
    },
    build: (table, done, total) => this.#emit('build', { table, done, total })
  }

  #emit (event, value) {
    for (const listener of [...this.#listeners[event]]) listener(value)
  }
}

/** Listeners of events that are about a connection and not about its rows. */
class EventListeners {
  #listeners = new Map()
  #changed

  /** `changed()` is called when there are listeners to more or fewer. */
  constructor (names, changed = () => {}) {
    this.#changed = changed
    for (const name of names) this.#listeners.set(name, [])
  }

  add (event, listener) {
    this.#listeners.set(event, [...this.#known(event, listener), listener])
    this.#changed()
  }

  remove (event, listener) {
    const known = this.#known(event, listener)
    this.#listeners.set(event, known.filter((each) => each !== listener))
    this.#changed()
  }

  has (event) {
    return this.#listeners.get(event).length !== 0
  }

  #known (event, listener) {
    check(event, listener, [...this.#listeners.keys()])
    return this.#listeners.get(event)
  }

  /** What a listener throws is uncaught, as in any event: the call that it is about goes on. */
  emit (event, value) {
    for (const listener of this.#listeners.get(event)) {
      try {
        listener(value)
      } catch (error) {
        throwLater(error)
      }
    }
  }
}

function check (event, listener, names) {
  if (!names.includes(event)) {
    const all = names.map((name) => `"${name}"`)
    throw new TypeError(`Unknown event "${String(event)}": the events are ${all.join(' and ')}`)
  }
  if (typeof listener !== 'function') throw new TypeError('Expected second argument to be a function')
}

module.exports = { EventListeners, FileListeners }
