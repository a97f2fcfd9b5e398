'use strict'

const { isDataView } = require('node:util').types
const { mistake } = require('./errors')
const { LONG_TEXT } = require('./layout')
const { bytesOf, copyBytes } = require('./views')

// The hot path hands plain values straight to the addon. Arrays, named parameters and everything
// that is wrong come here: all code of the user (getters, proxies) runs before SQLite is touched.

const MIN_INT64 = -(2n ** 63n)
const MAX_INT64 = 2n ** 63n - 1n

/**
 * The arguments of a statement as positional values, in the order of its parameters.
 * @param {unknown[]} args as the user gave them: values, arrays, and one object of named values
 * @param {(string | null)[]} names of each parameter, null for a plain `?`
 * @returns {unknown[]} one value per parameter
 * @throws {TypeError | RangeError} with better-sqlite3's texts
 */
function flatten (args, names) {
  const values = new Array(names.length).fill(null)
  const hasNames = names.some((name) => name !== null)
  let anonymous = -1
  let count = 0
  let object = null

  const add = (value) => {
    checkValue(value)
    do anonymous++
    while (anonymous < names.length && names[anonymous] !== null)
    if (anonymous >= names.length) throw mistake('RangeError', 'Too many parameter values were provided')
    values[anonymous] = value
    count++
  }

  for (const arg of args) {
    if (Array.isArray(arg)) {
      const { length } = arg
      for (let i = 0; i < length; ++i) add(arg[i])
    } else if (isPlainObject(arg)) {
      if (object !== null) throw mistake('TypeError', 'You cannot specify named parameters in two different objects')
      object = arg
      count += addNamed(object, names, values)
    } else if (hasNames && isObject(arg)) {
      throw mistake('TypeError', 'Named parameters can only be passed within plain objects')
    } else {
      add(arg)
    }
  }

  if (count < names.length) {
    if (hasNames && object === null) throw mistake('TypeError', 'Missing named parameters')
    throw mistake('RangeError', 'Too few parameter values were provided')
  }
  if (count > names.length) throw mistake('RangeError', 'Too many parameter values were provided')
  return values
}

function addNamed (object, names, values) {
  let count = 0
  for (let i = 0; i < names.length; ++i) {
    const name = names[i]
    if (name === null) continue
    if (!Object.hasOwn(object, name)) throw mistake('RangeError', `Missing named parameter "${name}"`)
    const value = object[name]
    checkValue(value)
    values[i] = value
    count++
  }
  return count
}

/** Named values alone, by far the most common use of an object; null if it is not that simple. */
function namedValues (object, names) {
  if (!isPlainObject(object)) return null
  const values = new Array(names.length)
  for (let i = 0; i < names.length; ++i) {
    const name = names[i]
    if (name === null) return null
    if (!Object.hasOwn(object, name)) throw mistake('RangeError', `Missing named parameter "${name}"`)
    checkValue(values[i] = object[name])
  }
  return values
}

/** An object that is no value for a `?`: named parameters, an array, options. */
function isNamed (value) {
  return typeof value === 'object' && value !== null && !ArrayBuffer.isView(value)
}

function isObject (value) {
  if (typeof value === 'function') return true
  return typeof value === 'object' && value !== null && !ArrayBuffer.isView(value)
}

/** Of any realm: the prototype is null, or has none itself. */
function isPlainObject (value) {
  if (!isObject(value)) return false
  const prototype = Object.getPrototypeOf(value)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

function checkValue (value) {
  switch (typeof value) {
    case 'number':
    case 'string':
    case 'undefined':
      return
    case 'bigint':
      if (value >= MIN_INT64 && value <= MAX_INT64) return
      throw mistake('RangeError', 'The bound string, buffer, or bigint is too big')
    case 'object':
      if (value === null || ArrayBuffer.isView(value)) return
  }
  throw mistake('TypeError', 'SQLite3 can only bind numbers, strings, bigints, buffers, and null')
}

// Memory for long texts, kept from one call to the next: up to 8 MiB.
const MAX_KEPT = 8 << 20
let scratch = null

/**
 * Long strings as UTF-8, which Buffer writes far faster than the addon could: a DataView means
 * a text to it, so the user's DataViews go as typed arrays. What is in it is gone at the next call.
 */
function encodeLong (values) {
  let used = 0
  for (let i = 0; i < values.length; ++i) {
    const value = values[i]
    if (typeof value === 'string') {
      if (value.length < LONG_TEXT) continue
      const most = 3 * value.length
      const fits = used + most <= MAX_KEPT
      const memory = fits ? growScratch(used + most) : Buffer.allocUnsafeSlow(most)
      const start = memory === scratch ? used : 0
      const length = memory.write(value, start)
      values[i] = new DataView(memory.buffer, start, length)
      if (memory === scratch) used += length
    } else if (typeof value === 'object' && value !== null && isDataView(value)) {
      values[i] = bytesOf(value)
    }
  }
  return values
}

function growScratch (length) {
  // Views of earlier texts of the same call keep the old memory.
  if (scratch === null || scratch.length < length) {
    scratch = Buffer.allocUnsafeSlow(Math.min(MAX_KEPT, 2 * length))
  }
  return scratch
}

/** Parameters as they are now: of the same kind, with what they have now. */
function copyParams (params) {
  // Not by map(): an array may have one of its own, and a species.
  if (Array.isArray(params)) {
    return Array.from({ length: params.length }, (_, i) => copyBytes(params[i]))
  }
  if (typeof params !== 'object' || params === null || ArrayBuffer.isView(params)) return copyBytes(params)
  const copy = Object.create(Object.getPrototypeOf(params))
  // Those that are not enumerable are parameters too; each getter is asked once.
  for (const name of Object.getOwnPropertyNames(params)) {
    Object.defineProperty(copy, name, {
      value: copyBytes(params[name]), writable: true, enumerable: true, configurable: true
    })
  }
  return copy
}

module.exports = {
  MAX_INT64,
  MIN_INT64,
  checkValue,
  copyParams,
  encodeLong,
  flatten,
  isNamed,
  isPlainObject,
  namedValues
}
