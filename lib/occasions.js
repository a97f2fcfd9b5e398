'use strict'

// Who listens to the diagnostics channels `tracing:ferrolite:open:*`, `close` and `sync`, and the
// first who comes.

const { channel, hasSubscribers } = require('node:diagnostics_channel')

/** Acts when somebody subscribes; a second copy of this package may wait for that too. */
function notice (channel, method, act) {
  const before = Object.getOwnPropertyDescriptor(channel, method)
  const value = function (...args) {
    if (before === undefined) delete channel[method]
    else Object.defineProperty(channel, method, before)
    act()
    return channel[method](...args)
  }
  Object.defineProperty(channel, method, { value, writable: true, configurable: true })
}

/** Acts once, with the first subscriber of one of the channels. */
function atFirst (channels, act) {
  if (channels.some((channel) => channel.hasSubscribers)) return act()
  let isDone = false
  const once = () => {
    if (!isDone) act()
    isDone = true
  }
  for (const channel of channels) {
    notice(channel, 'subscribe', once)
    notice(channel, 'bindStore', once)
  }
}

// Channels of what happens to connections; nothing is there until somebody asks for it.
const EVENTS = ['start', 'end', 'asyncStart', 'asyncEnd', 'error']
const NAMES = Object.fromEntries(['open', 'close', 'sync'].map((occasion) => {
  return [occasion, EVENTS.map((event) => `tracing:ferrolite:${occasion}:${event}`)]
}))
const held = new Map()

/** Reports such an occasion; null if there is no subscriber now. */
function lifecycle (occasion) {
  return NAMES[occasion].some(hasSubscribers) ? require('./lifecycle')[occasion] : null
}

/** Acts once, with the first subscriber of such an occasion. */
function whenSubscribed (occasion, act) {
  const channels = NAMES[occasion].map((name) => channel(name))
  // Node drops channels that nobody references.
  held.set(occasion, channels)
  atFirst(channels, act)
}

module.exports = { atFirst, lifecycle, whenSubscribed }
