'use strict'

// Node's own timers and clocks, taken when this package is loaded. The globals may be others by the
// time of a call: test runners put fakes there, which stand still, and jsdom has no setImmediate.

const timers = require('node:timers')

const { bigint: nanoseconds } = original(process, 'hrtime')
const { now: wallTime } = original(globalThis, 'Date')
const real = takeReal()
const settled = Promise.resolve()

/** Milliseconds since some moment. Loading node:perf_hooks for it takes 2 ms. */
function now () {
  return Number(nanoseconds()) / 1e6
}

/** Calls a function after the code that runs now: a fake of queueMicrotask would not. */
function soon (fn) {
  settled.then(fn)
}

/** Throws where nobody catches it, as an event does whose listener throws. */
function throwLater (error) {
  real.setImmediate(() => { throw error })
}

function sleep (ms) {
  return new Promise((resolve) => { real.setTimeout(resolve, ms) })
}

/** The next turn of the event loop. */
function nextTurn () {
  return new Promise((resolve) => { real.setImmediate(resolve) })
}

/** What an object has of Node, also if @sinonjs/fake-timers has put a fake there before. */
function original (object, name) {
  const value = object[name]
  return value?.clock?.[`_${name}`] ?? value
}

function takeReal () {
  if (process.versions.bun !== undefined) return require('./other-timers').ofBun()
  const setImmediate = original(timers, 'setImmediate')
  const setTimeout = original(timers, 'setTimeout')
  const clearTimeout = original(timers, 'clearTimeout')
  // Fakes of node:test that were there before keep the real functions to themselves.
  const areFakes = [setImmediate, setTimeout].some(({ name }) => name.startsWith('bound #'))
  return areFakes ? require('./other-timers').withoutTimers() : { clearTimeout, setImmediate, setTimeout }
}

module.exports = {
  ...real, nanoseconds, nextTurn, now, sleep, soon, throwLater, wallTime
}
