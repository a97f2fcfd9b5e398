'use strict'

// Who owns a connection: nobody, or one transaction at a time. Calls of the async context that runs
// a transaction go inside it, all others wait until it has ended.

const { AsyncLocalStorage } = require('node:async_hooks')
const { makeError } = require('../errors')

// Of the innermost transaction of this async context, over all connections.
let storage = null

/** A connection, or a transaction: what calls go inside, and one transaction nested in it. */
class Scope {
  // The nested transaction that owns this one now.
  holder = null
  ended = false
  // Calls inside a transaction that have not ended.
  pending = 0
  // Whether there ever was a transaction: before that, no context is looked up.
  used = false
  #waiting = []

  constructor (parent, outer, timeout) {
    this.parent = parent
    this.root = parent?.root ?? this
    // The innermost transaction around it in its async context, of whatever connection.
    this.outer = outer
    // How long calls wait for a transaction to end, in ms.
    this.timeout = timeout
  }

  /** The innermost transaction of this async context, or the connection itself. */
  current () {
    if (!this.used) return this
    for (let scope = storage.getStore(); scope !== undefined; scope = scope.outer) {
      if (scope.root === this) return scope
    }
    return this
  }

  isOver () {
    return this.ended || (this.parent !== null && this.parent.isOver())
  }

  /** Calls `start` once nothing nested owns this. `waiter` is told to give up by `end(error)`. */
  enter (waiter, start) {
    if (this.isOver()) {
      waiter.end(tooLate())
    } else if (this.holder === null) {
      start()
    } else {
      this.#wait(waiter, start)
    }
  }

  #wait (waiter, start) {
    const item = { waiter, start, timer: null }
    item.timer = setTimeout(() => {
      this.#remove(item)
      waiter.end(makeError(`Waited ${this.timeout} ms for a transaction on this connection to end`, 'SQLITE_BUSY', 5))
    }, this.timeout)
    this.#waiting.push(item)
    waiter.leave = () => this.#remove(item)
  }

  #remove (item) {
    clearTimeout(item.timer)
    item.waiter.leave = null
    const at = this.#waiting.indexOf(item)
    if (at !== -1) this.#waiting.splice(at, 1)
  }

  /** A transaction inside this one, which owns it until `release`; `outer` is where it was called. */
  begin (outer) {
    storage ??= new AsyncLocalStorage()
    this.root.used = true
    const inner = new Scope(this, outer, this.timeout)
    this.holder = inner
    return inner
  }

  run (fn) {
    return storage.run(this, fn)
  }

  release (inner) {
    inner.ended = true
    inner.#giveUp()
    this.holder = null
    while (this.holder === null && this.#waiting.length !== 0) {
      const [item] = this.#waiting
      this.#remove(item)
      item.start()
    }
  }

  // Nothing can wait inside a transaction that is over.
  #giveUp () {
    for (const item of [...this.#waiting]) {
      this.#remove(item)
      item.waiter.end(tooLate())
    }
  }
}

function tooLate () {
  return new Error('The transaction has ended: a call inside it came too late (is an await missing?)')
}

/** The innermost transaction of this async context, of whatever connection. */
function innermost () {
  return storage?.getStore()
}

module.exports = { Scope, innermost }
