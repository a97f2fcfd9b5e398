'use strict'

const { EventEmitter } = require('node:events')
const { CODES } = require('./constants')
const { converted, makeError, misuse } = require('./errors')

const ASYNC = Symbol.for('ferrolite.async')
const ALL = 0x7fffffff

class Stopped extends Error {}

/** The steps of one backup: each is asked for by `pages`, and gives how far it is. */
class Copy {
  #start
  #told = null
  #ask = null

  /** `start(progress)` begins it, and resolves when all is copied. */
  constructor (start) {
    this.#start = start
  }

  async step (pages) {
    const told = new Promise((resolve, reject) => { this.#told = { resolve, reject } })
    if (this.#ask === null) this.#begin(pages)
    else this.#ask.resolve(pages)
    return told
  }

  #begin (pages) {
    let first = pages === 0 ? null : pages
    const progress = (counts) => {
      if (first === null) this.#told.resolve({ ...counts, completed: false })
      const asked = new Promise((resolve, reject) => { this.#ask = { resolve, reject } })
      if (first !== null) this.#ask.resolve(first)
      first = null
      return asked
    }
    progress[ASYNC] = true
    this.#start(progress).then(
      (counts) => this.#told.resolve({ ...counts, completed: true }),
      (error) => {
        this.#ask = null
        this.#told.reject(error)
      })
  }

  stop () {
    this.#told?.reject(new Stopped())
    this.#ask?.reject(new Stopped())
  }
}

function Backup (database, file, destination, source, fileIsDestination, callback) {
  EventEmitter.call(this)
  const inner = database._inner
  const progress = (onStep) => inner.backup(file, { attached: source, progress: onStep })
  const state = { inner, copy: new Copy(progress), finished: false, stepping: false, error: null }
  Object.defineProperty(this, '_state', { value: state })
  Object.assign(this, { retryErrors: [], remaining: -1, pageCount: -1 })
  Object.defineProperties(this, {
    idle: { get: () => !state.stepping && !state.finished, enumerable: true },
    completed: { get: () => state.completed === true, enumerable: true },
    failed: { get: () => state.error !== null, enumerable: true }
  })
  inner.queue.add(this, callback, () => {
    inner.requireOpen()
    if (!fileIsDestination || destination !== 'main') {
      state.finished = true
      throw makeError('ERROR', 'only the database "main" of another file can be written')
    }
    inner.holders.add(state)
    return [null]
  })
}

const methods = {
  step (pages, callback) {
    const state = this._state
    state.stepping = true
    state.inner.queue.add(this, callback, async () => {
      try {
        return await takeStep(this, state, pages)
      } finally {
        state.stepping = false
      }
    })
    return this
  },

  finish (callback) {
    const state = this._state
    state.inner.queue.add(this, callback, () => {
      finish(state)
      return [null]
    })
    return this
  }
}

async function takeStep (backup, state, pages) {
  if (state.finished) throw misuse('Backup is already finished')
  try {
    const { totalPages, remainingPages, completed } = await state.copy.step(pages < 0 ? ALL : pages)
    Object.assign(backup, { remaining: remainingPages, pageCount: totalPages })
    state.completed = completed
    if (completed && backup.retryErrors.length > 0) finish(state)
    return [null, completed]
  } catch (error) {
    throw failed(backup, state, converted(error))
  }
}

function failed (backup, state, error) {
  const { retryErrors } = backup
  if (retryErrors.length > 0 && !retryErrors.includes(error.errno) && error.errno !== CODES.OK) {
    state.error = error
    finish(state)
  }
  return error
}

function finish (state) {
  state.finished = true
  state.inner.holders.delete(state)
  state.copy.stop()
}

Object.assign(Backup.prototype, EventEmitter.prototype, methods)

module.exports = { Backup }
