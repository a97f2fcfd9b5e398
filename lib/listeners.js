'use strict'

/** Listeners of one connection; SQLite's update hook is on only while there are any. */
class UpdateListeners {
  #listeners = []
  #int64
  #subscribe

  /**
   * `subscribe(fn | null)` has the addon call `fn(operation, database, table, rowid)` for each
   * change.
   */
  constructor (int64, subscribe) {
    this.#int64 = int64
    this.#subscribe = subscribe
  }

  add (event, listener) {
    check(event, listener)
    this.#subscribe(this.#notify)
    this.#listeners.push(listener)
  }

  remove (event, listener) {
    check(event, listener)
    this.#listeners = this.#listeners.filter((known) => known !== listener)
    this.#subscribe(this.#listeners.length === 0 ? null : this.#notify)
  }

  #notify = (operation, database, table, rowid) => {
    const change = { operation, database, table, rowid: this.#int64() ? rowid : Number(rowid) }
    for (const listener of [...this.#listeners]) listener(change)
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
        process.nextTick(() => { throw error })
      }
    }
  }
}

function check (event, listener, names = ['update']) {
  if (!names.includes(event)) {
    const all = names.map((name) => `"${name}"`)
    const events = all.length === 1 ? 'the only event is' : 'the events are'
    throw new TypeError(`Unknown event "${String(event)}": ${events} ${all.join(' and ')}`)
  }
  if (typeof listener !== 'function') throw new TypeError('Expected second argument to be a function')
}

module.exports = { EventListeners, UpdateListeners }
