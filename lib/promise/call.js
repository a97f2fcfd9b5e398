'use strict'

const { timedOut } = require('../errors')
const { requireTimeout } = require('../statement')

// What one call may be given beside its parameters: `{ signal, timeout }`.

/** An AbortSignal and a time limit in ms, checked. */
function readCallOptions (options) {
  if (options === undefined || options === null) return null
  if (typeof options !== 'object') {
    throw new TypeError('Expected the options of the call to be an object (several parameters go into an array)')
  }
  const { signal, queryTimeout, timeout = queryTimeout } = options
  if (signal !== undefined && !isSignal(signal)) {
    throw new TypeError('Expected the "signal" option to be an AbortSignal')
  }
  if (timeout !== undefined) requireTimeout(timeout)
  return { signal, timeout }
}

/** How long close() waits for what has not ended. */
function readCloseOptions (options) {
  if (options === undefined || options === null) return {}
  if (typeof options !== 'object') throw new TypeError('Expected first argument to be an options object')
  const { timeout, interrupt = false } = options
  if (timeout !== undefined) requireTimeout(timeout)
  if (typeof interrupt !== 'boolean') throw new TypeError('Expected the "interrupt" option to be a boolean')
  return { timeout, interrupt }
}

function isSignal (value) {
  return typeof value === 'object' && value !== null && typeof value.aborted === 'boolean' &&
    typeof value.addEventListener === 'function'
}

/** As Node's own functions reject. */
function abortError (signal) {
  const error = new Error('The operation was aborted', { cause: signal.reason })
  error.name = 'AbortError'
  error.code = 'ABORT_ERR'
  return error
}

/** Calls `cancel(reason)` when the signal or the time says so, until the job is released. */
function watch (job, { signal, timeout }, cancel) {
  let timer = null
  const onAbort = () => cancel(abortError(signal))
  // A job that times out ends with SQLITE_INTERRUPT, as a statement of the sync API does.
  if (timeout > 0) timer = setTimeout(() => cancel(timedOut()), timeout)
  if (signal !== undefined) listen(signal, onAbort)
  job.release = () => {
    clearTimeout(timer)
    if (signal !== undefined) unlisten(signal, onAbort)
  }
}

// Signal -> its one listener and whom it tells: Node warns of more than ten of them.
const listeners = new WeakMap()

function listen (signal, onAbort) {
  let listener = listeners.get(signal)
  if (listener === undefined) {
    const told = new Set()
    listener = { told, tell: () => { for (const tell of [...told]) tell() } }
    listeners.set(signal, listener)
    signal.addEventListener('abort', listener.tell)
  }
  listener.told.add(onAbort)
}

function unlisten (signal, onAbort) {
  const listener = listeners.get(signal)
  if (listener === undefined || !listener.told.delete(onAbort) || listener.told.size !== 0) return
  listeners.delete(signal)
  signal.removeEventListener('abort', listener.tell)
}

module.exports = { abortError, readCallOptions, readCloseOptions, watch }
