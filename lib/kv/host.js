'use strict'

// The side of JavaScript of a synchronous store: calls its methods, checks what they answer, and
// remembers what they threw. Nothing that a store does gets past it as an exception.

const { debuglog } = require('node:util')
const { OPERATIONS } = require('../arguments/store')
const { invoke, isThenable, messageOf, readAnswer } = require('./call')

const debug = debuglog('ferrolite')

/** What the addon calls; see `StoreHost` in engine.d.ts. */
class StoreHost {
  /** What the store threw last: the `cause` of the error that comes of it. */
  error
  /** The same call would fail again. */
  final = false
  /** The error of a method that has returned a promise. */
  asyncError = null
  /** Sees every call. @type {import('./idle').Idle | null} */
  idle = null
  #options

  constructor (options) {
    this.#options = options
  }

  get fenced () { return this.#options.fenced }
  get lists () { return this.#options.lists }
  get limits () { return this.#options.limits }
  get singleWriter () { return this.#options.singleWriter }
  get pageSize () { return this.#options.pageSize }
  get epoch () { return this.#options.epoch }
  get keepEpochs () { return this.#options.keepEpochs }
  get maxQueuedBytes () { return this.#options.maxQueuedBytes }
  get resident () { return this.#options.resident }

  /** -> the answer; a string is why there is none */
  call (number, keys, values) {
    this.idle?.called(number)
    const operation = OPERATIONS[number]
    // The first one: a store may overwrite what it is given.
    const key = nameOf(keys[0])
    try {
      const answer = readAnswer(operation, this.#ask(operation, keys, values), keys.length)
      if (debug.enabled) debug('store.%s(%s%s) -> %s', operation, key, more(keys), sizeOf(answer))
      return answer ?? null
    } catch (error) {
      return this.#fail(error, operation, key)
    }
  }

  #ask (operation, keys, values) {
    const { store } = this.#options
    const answer = invoke(store, operation, keys, values)
    if (!isThenable(answer)) return answer
    // Nobody waits for it; that it fails is nobody's business.
    Promise.resolve(answer).then(undefined, () => {})
    this.asyncError ??= new TypeError(`store.${operation} returned a promise: the sync API cannot wait for one (use connect() of ferrolite/promise)`)
    throw this.asyncError
  }

  #fail (error, operation, key) {
    this.error = error
    // Mistakes in a program do not pass by.
    this.final = error instanceof TypeError || error instanceof ReferenceError
    debug('store.%s(%s) failed: %s', operation, key, messageOf(error))
    try {
      this.#options.onError?.call(this.#options.store, error, { operation, key })
    } catch {} // It only listens: the error itself goes on.
    return messageOf(error)
  }
}

function nameOf (key) {
  return key === undefined ? '' : key.toString('latin1')
}

function more (keys) {
  return keys.length > 1 ? ` and ${keys.length - 1} more` : ''
}

function sizeOf (answer) {
  if (Array.isArray(answer)) return `${answer.filter((value) => value !== null).length} values`
  return answer instanceof Uint8Array ? `${answer.length} bytes` : String(answer ?? 'nothing')
}

module.exports = { StoreHost }
