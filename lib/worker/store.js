'use strict'

// The key-value store of a worker's database. The worker asks and waits; a request is answered at
// once, or when the promise that the store has returned is settled, or when its time is over.

const { debuglog } = require('node:util')
const { OPERATIONS } = require('../arguments/store')
const { invoke, isThenable, messageOf, readAnswer } = require('../kv/call')
const { STORE_ANSWER } = require('../protocol')
const { Clock } = require('./clock')

const { CREATED, DONE, FAILED, KEYS, TIMED_OUT, VALUES } = STORE_ANSWER

// Reasons that are kept: an error comes soon after what it is about.
const MOST_REASONS = 256

const debug = debuglog('ferrolite')

// What kind of answer a method gives.
const KINDS = {
  get: VALUES,
  getBatch: VALUES,
  put: DONE,
  putBatch: DONE,
  deleteBatch: DONE,
  putIfAbsent: CREATED,
  list: KEYS
}

class StoreServer {
  /** Sees every call. @type {import('../kv/idle').Idle | null} */
  idle = null
  #natives
  #options
  #handle = null
  // What the store threw, by numbers.
  #reasons = new Map()
  #lastReason = 0

  /**
   * @param {import('../engine').Natives} natives
   * @param {import('../arguments/store').StoreOptions} options
   */
  constructor (natives, options) {
    this.#natives = natives
    this.#options = options
  }

  /** The worker that asks. */
  attach (handle) {
    this.#handle = handle
  }

  /** What the store threw, by the number that an error has. */
  reason (number) {
    return this.#reasons.get(number)
  }

  /** Does what the worker asks for; `run` calls the store. */
  serve (run) {
    let request
    while ((request = this.#natives.workerTakeRequest.call(this.#handle)) !== undefined) {
      this.#begin(run, ...request)
    }
  }

  #begin (run, number, call, keys, values) {
    this.idle?.called(call)
    const operation = OPERATIONS[call]
    // Now: a store may overwrite what it is given.
    const key = keys.length === 0 ? '' : keys[0].toString('latin1')
    const request = { number, operation, key, count: keys.length }
    let answer
    try {
      answer = run(() => invoke(this.#options.store, operation, keys, values))
      if (isThenable(answer)) return this.#await(request, answer)
    } catch (error) {
      return this.#fail(request, error)
    }
    this.#end(request, answer)
  }

  #await (request, promise) {
    const { timeout } = this.#options
    const late = () => this.#fail(request, lateError(request, timeout), TIMED_OUT)
    const clock = new Clock(timeout, late)
    Promise.resolve(promise).then(
      (answer) => { if (clock.stop()) this.#end(request, answer) },
      (error) => { if (clock.stop()) this.#fail(request, error) }
    )
  }

  #end (request, given) {
    const { operation, number, count } = request
    let answer
    try {
      answer = readAnswer(operation, given, count)
    } catch (error) {
      return this.#fail(request, error)
    }
    if (debug.enabled) debug('store.%s(%s) of %d keys is done', operation, request.key, count)
    this.#answer(number, KINDS[operation], operation === 'get' ? [answer] : answer)
  }

  #fail (request, error, kind = FAILED) {
    const { operation, key } = request
    debug('store.%s(%s) failed: %o', operation, key, error)
    try {
      this.#options.onError?.call(this.#options.store, error, { operation, key })
    } catch {} // It only listens: the error itself goes on.
    const reason = this.#lastReason = (this.#lastReason + 1) >>> 0 || 1
    this.#reasons.set(reason, error)
    if (this.#reasons.size > MOST_REASONS) this.#reasons.delete(this.#reasons.keys().next().value)
    this.#answer(request.number, kind, messageOf(error), reason)
  }

  #answer (number, kind, answer, reason = 0) {
    this.#natives.workerAnswerRequest.call(this.#handle, number, kind, answer, reason)
  }
}

function lateError ({ operation, key }, timeout) {
  const error = new Error(`The store did not answer ${operation}() of ${key} within ${timeout} ms (a store that uses the same database waits for itself)`)
  return Object.assign(error, { name: 'TimeoutError', code: 'ETIMEDOUT' })
}

module.exports = { StoreServer }
