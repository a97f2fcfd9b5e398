'use strict'

// Parameters as node-sqlite3 takes them: values, an array, or an object whose keys are names with
// their prefix, or numbers. What is missing is NULL.

const { isDate, isRegExp } = require('node:util').types
const { makeError } = require('./errors')

/** Splits the arguments of a call; up to `most` functions at its end are callbacks. */
function splitArguments (args, most = 1) {
  const params = [...args]
  const callbacks = []
  while (callbacks.length < most && typeof params.at(-1) === 'function') callbacks.unshift(params.pop())
  return { bound: readParameters(params), callbacks }
}

/** Pairs of a position, from 1, or a name and a value, as they are now; null if there are none. */
function readParameters (params) {
  if (params.length === 0) return null
  const [first] = params
  if (Array.isArray(first)) return pairs(first.map((value, i) => [i + 1, value]))
  if (typeof first !== 'object' || first === null || isValue(first)) {
    return pairs(params.map((value, i) => [i + 1, value]))
  }
  const placeOf = (name) => /^\d+$/.test(name) ? Number(name) : name
  return pairs(Object.keys(first).map((name) => [placeOf(name), first[name]]))
}

const NO_VALUES = ['undefined', 'function', 'symbol']

function pairs (list) {
  const given = list.filter(([, value]) => !NO_VALUES.includes(typeof value))
  return given.length === 0 ? null : given.map(([place, value]) => [place, toValue(value)])
}

const isValue = (value) => ArrayBuffer.isView(value) || isDate(value) || isRegExp(value)

function toValue (value) {
  switch (typeof value) {
    // Of whole numbers, those of 32 bits are INTEGER.
    case 'number': return value === (value | 0) && !Object.is(value, -0) ? BigInt(value) : value
    case 'boolean': return value ? 1n : 0n
    case 'object': break
    default: return value
  }
  if (value === null) return null
  if (ArrayBuffer.isView(value)) {
    return Buffer.from(Buffer.from(value.buffer, value.byteOffset, value.byteLength))
  }
  if (isDate(value)) return Number(value)
  return isRegExp(value) ? String(value) : '[object Object]'
}

/** Arguments for a statement of Ferrolite; `names` are those of its parameters, null for a `?`. */
function argumentsFor (bound, names) {
  if (names.length === 0 && bound === null) return []
  const values = new Array(names.length).fill(null)
  for (const [place, value] of bound ?? []) {
    const at = typeof place === 'number' ? place - 1 : positionOf(place, names)
    if (at < 0 || at >= values.length) throw makeError('RANGE', 'column index out of range')
    values[at] = value
  }
  if (names.every((name) => name === null)) return values
  const named = {}
  names.forEach((name, i) => { if (name !== null) named[name] = values[i] })
  const positional = values.filter((_, i) => names[i] === null)
  return positional.length === 0 ? [named] : [positional, named]
}

function positionOf (place, names) {
  return /^[:@$?]/.test(place) ? names.indexOf(place.slice(1)) : -1
}

module.exports = { argumentsFor, splitArguments }
