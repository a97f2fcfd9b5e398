'use strict'

const { abortError, timedOut } = require('../errors')
const { clearTimeout, setTimeout } = require('../timers')

// How a call ends before its time: by a signal, or by a time limit.

/** Calls `interrupt(reason)` when the signal or the time says so, until the job is released. */
function watch (job, { signal, timeout }, interrupt) {
  let timer = null
  const onAbort = () => interrupt(abortError(signal))
  // A job that times out ends with SQLITE_INTERRUPT, as a statement of the sync API does.
  if (timeout > 0) timer = setTimeout(() => interrupt(timedOut()), timeout)
  if (signal !== undefined) listen(signal, onAbort)
  job.release = () => {
    clearTimeout(timer)
    if (signal !== undefined) unlisten(signal, onAbort)
  }
}

// Signal -> its one listener and what that calls: Node warns of more than ten listeners.
const listeners = new WeakMap()

function listen (signal, onAbort) {
  let listener = listeners.get(signal)
  if (listener === undefined) {
    const calls = new Set()
    listener = { calls, notify: () => { for (const call of [...calls]) call() } }
    listeners.set(signal, listener)
    signal.addEventListener('abort', listener.notify)
  }
  listener.calls.add(onAbort)
}

function unlisten (signal, onAbort) {
  const listener = listeners.get(signal)
  if (listener === undefined || !listener.calls.delete(onAbort) || listener.calls.size !== 0) return
  listeners.delete(signal)
  signal.removeEventListener('abort', listener.notify)
}

module.exports = { watch }
