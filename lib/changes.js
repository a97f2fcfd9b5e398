'use strict'

/** Listeners of one connection; SQLite's update hook is on only while there are any. */
class Changes {
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
    this.#subscribe(this.#tell)
    this.#listeners.push(listener)
  }

  remove (event, listener) {
    check(event, listener)
    this.#listeners = this.#listeners.filter((known) => known !== listener)
    this.#subscribe(this.#listeners.length === 0 ? null : this.#tell)
  }

  #tell = (operation, database, table, rowid) => {
    const change = { operation, database, table, rowid: this.#int64() ? rowid : Number(rowid) }
    for (const listener of [...this.#listeners]) listener(change)
  }
}

function check (event, listener) {
  if (event !== 'update') throw new TypeError('The only event is "update"')
  if (typeof listener !== 'function') throw new TypeError('Expected second argument to be a function')
}

module.exports = { Changes }
