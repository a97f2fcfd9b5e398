'use strict'

// Who owns a connection: nobody, or one transaction at a time. Calls of the async context that runs
// a transaction go inside it, all others wait until it has ended.

const { AsyncLocalStorage } = require('node:async_hooks')
const { errorOf, transactionLost } = require('../errors')
const { FLAG } = require('../protocol')
const { clearTimeout, setTimeout } = require('../timers')

// Of the innermost transaction of this async context, over all connections.
let storage = null

// What `await` asks for its `then`, where the one of a plain promise would be called unseen.
class Call extends Promise {
  static get [Symbol.species] () {
    return Promise
  }
}

/** A connection, or a transaction: what calls go inside, and one transaction nested in it. */
class Scope {
  // The nested transaction that owns this one now.
  holder = null
  ended = false
  // The error that SQLite has ended this transaction with: `{ error }`.
  #lost = null
  // Of a connection that was closed: makes the error of what comes after that.
  #reason = null
  // Of a connection: what it does is done on a server.
  isOfServer = false
  // Calls inside a transaction that have not ended.
  pending = 0
  // Whether there ever was a transaction: before that, no context is looked up.
  used = false
  #waiting = []
  // Calls inside a transaction that nobody has asked for their result.
  #forgotten = new Set()

  constructor (parent, outer, timeout, database = parent.database) {
    this.parent = parent
    this.root = parent?.root ?? this
    // The innermost transaction around it in its async context, of whatever connection.
    this.outer = outer
    // Name of the database, for errors.
    this.database = database
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

  /** A call inside this transaction, which its function is to await. */
  track (promise) {
    const forgotten = this.#forgotten
    forgotten.add(promise)
    const then = function (...reactions) {
      forgotten.delete(promise)
      return Promise.prototype.then.apply(promise, reactions)
    }
    return Object.defineProperties(promise, { constructor: { value: Call }, then: { value: then } })
  }

  /** Whether all calls inside have ended, and somebody waited for each. */
  isIdle () {
    return this.pending === 0 && this.holder === null && this.#forgotten.size === 0
  }

  /** What becomes of them is nobody's concern: the transaction says that they were forgotten. */
  forget () {
    for (const promise of this.#forgotten) promise.then(undefined, () => {})
  }

  isOver () {
    return this.ended || this.#lost !== null || (this.parent !== null && this.parent.isOver())
  }

  /** A job inside this transaction: the worker refuses it once that has ended. */
  admit (job) {
    this.pending++
    job.scope = job.owner = this
    job.flags |= FLAG.INSIDE
  }

  /** SQLite has rolled back all of it: a savepoint does not outlive the transaction around it. */
  lose (error) {
    this.#outermost().#lost ??= { error }
  }

  refusal () {
    return transactionLost(this.#outermost().#lost?.error)
  }

  #outermost () {
    const { parent } = this
    return parent === null || parent.parent === null ? this : parent.#outermost()
  }

  /** Calls `start` once nothing nested owns this. `waiter.end(error)` ends the waiting. */
  enter (waiter, start) {
    if (this.isOver()) {
      waiter.end(this.#tooLate())
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
      const text = `The call waited ${this.timeout} ms ("leaseTimeout") for a transaction on this connection to end`
      waiter.end(errorOf(text, 'SQLITE_BUSY', 5))
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

  /** A transaction inside this one, which owns it until `release`; `outer` is what is around it. */
  begin (outer) {
    storage ??= new AsyncLocalStorage()
    this.root.used = true
    const inner = new Scope(this, outer, this.timeout)
    this.holder = inner
    return inner
  }

  /** A place in the order of calls: all behind it wait until `release`. */
  hold () {
    return (this.holder = new Scope(this, undefined, this.timeout))
  }

  run (fn) {
    return storage.run(this, fn)
  }

  /** `first` comes before those that wait. */
  release (inner, first = null) {
    inner.ended = true
    inner.#giveUp()
    this.holder = null
    if (first !== null) first()
    while (this.holder === null && this.#waiting.length !== 0) {
      const [item] = this.#waiting
      this.#remove(item)
      item.start()
    }
  }

  /** Nothing can begin on this connection any more. */
  close (reason) {
    this.#reason = reason
    this.ended = true
    this.#giveUp()
  }

  /** All that waits for a transaction to end. */
  waiting () {
    const inside = this.holder === null ? [] : this.holder.waiting()
    return [...this.#waiting.map(({ waiter }) => waiter), ...inside]
  }

  // Nothing can wait inside a transaction that is over.
  #giveUp () {
    for (const item of [...this.#waiting]) {
      this.#remove(item)
      item.waiter.end(this.#tooLate())
    }
  }

  #tooLate () {
    const reason = this.root.#reason
    if (reason !== null) return reason()
    return this.#outermost().#lost === null ? tooLate() : this.refusal()
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
