'use strict'

// One call of a key-value store: how it is made, what it may answer, and what it has thrown.

const { isUint8Array } = require('node:util').types

// How much of what a store says goes into a message.
const MOST_TEXT = 1000

function invoke (store, operation, keys, values) {
  switch (operation) {
    case 'get': return store.get(keys[0])
    case 'getBatch': return store.getBatch(keys)
    case 'put': return store.put(keys[0], values[0])
    case 'putBatch': return store.putBatch(keys.map((key, i) => [key, values[i]]))
    case 'deleteBatch': return store.deleteBatch(keys)
    case 'putIfAbsent': return store.putIfAbsent(keys[0], values[0])
    case 'list': return store.list(keys[0])
  }
}

function isThenable (value) {
  return typeof value === 'object' && value !== null && typeof value.then === 'function'
}

const KINDS = { '[object Object]': 'an object', '[object Array]': 'an array' }

/** What a wrong answer is, for messages. */
function kindOf (value) {
  if (value === null || value === undefined) return String(value)
  if (typeof value !== 'object') return `a ${typeof value}`
  const tag = Object.prototype.toString.call(value)
  return KINDS[tag] ?? `an object of type ${tag.slice(8, -1)}`
}

function wrong (operation, got, expected) {
  return new TypeError(`store.${operation} returned ${got} where ${expected} is expected`)
}

function readValue (operation, value, what = '') {
  if (value === undefined || value === null) return null
  if (isUint8Array(value)) return value
  throw wrong(operation, kindOf(value) + what, 'a Uint8Array, null or undefined')
}

/**
 * The answer of a store, checked: a Uint8Array or null of `get`, a list of them of `getBatch`, a
 * boolean of `putIfAbsent`, a list of keys of `list`, and undefined of the others. What a promise
 * was settled with comes here, too.
 */
function readAnswer (operation, answer, count) {
  switch (operation) {
    case 'get':
      return readValue(operation, answer)
    case 'getBatch':
      if (!Array.isArray(answer)) throw wrong(operation, kindOf(answer), 'an array')
      if (answer.length !== count) throw wrong(operation, `${answer.length} values`, `one for each of ${count} keys`)
      // Not map(), which passes over holes and runs code of the user.
      return Array.from({ length: count }, (_, i) => readValue(operation, answer[i], ` at ${i}`))
    case 'putIfAbsent':
      if (typeof answer !== 'boolean') throw wrong(operation, kindOf(answer), 'a boolean')
      return answer
    case 'list':
      if (!Array.isArray(answer)) throw wrong(operation, kindOf(answer), 'an array of keys')
      return Array.from({ length: answer.length }, (_, i) => readKey(answer[i]))
    default:
      // Whatever a client returns from a write that it has done.
      if (answer === false || answer instanceof Error) throw wrong(operation, answer === false ? 'false' : 'an error', 'nothing')
  }
}

function readKey (key) {
  if (!isUint8Array(key)) throw wrong('list', kindOf(key), 'a Uint8Array')
  return Buffer.from(key).toString('latin1')
}

/** In words, whatever was thrown. */
function messageOf (error) {
  try {
    const text = error instanceof Error ? error.message : `${String(error)} was thrown`
    return `${text}`.slice(0, MOST_TEXT)
  } catch {
    return 'something without a name was thrown'
  }
}

module.exports = { invoke, isThenable, messageOf, readAnswer }
