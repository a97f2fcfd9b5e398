'use strict'

// One thing of a database after the other, with its callback, and the events of errors that no
// callback gets.

const { AsyncResource } = require('node:async_hooks')
// eslint-disable-next-line no-restricted-syntax -- taken at load
const { setImmediate } = require('node:timers')
const { converted } = require('./errors')

/** What is called throws where nobody catches it, as in any event. */
function invoke (fn, self, args) {
  try {
    fn.apply(self, args)
  } catch (error) {
    setImmediate(() => { throw error })
  }
}

/** Tells a callback or, if there is none, the listeners of an emitter. */
function fail (emitter, callback, error) {
  if (typeof callback === 'function') invoke(callback, emitter, [error])
  else invoke(emitter.emit, emitter, ['error', error])
}

/** The callback as async hooks see those of node-sqlite3. */
function inScope (callback) {
  const resource = new AsyncResource('sqlite3.Call')
  return function (...args) { resource.runInAsyncScope(callback, this, ...args) }
}

class Queue {
  #last = Promise.resolve()
  // How much has not ended; what only has its callback to be told has.
  size = 0

  /** What is told behind a call; it is no work itself. */
  then (tell) {
    this.#last = this.#last.then(tell)
  }

  /** `work` may be async, and begins when all before has ended, callbacks too. */
  add (emitter, callback, work) {
    ++this.size
    const told = typeof callback === 'function' ? inScope(callback) : callback
    this.#last = this.#last.then(async () => {
      let args
      try {
        args = await work()
      } catch (error) {
        return fail(emitter, told, error.errno === undefined ? converted(error) : error)
      } finally {
        --this.size
      }
      if (told !== null && told !== undefined && args !== undefined) invoke(told, emitter, args)
    })
  }
}

module.exports = { Queue, fail, invoke }
