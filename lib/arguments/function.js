'use strict'

const { getBooleanOption } = require('../connection-options')
const { checkNames } = require('./names')

const FUNCTION = ['safeIntegers', 'deterministic', 'directOnly', 'varargs']
const AGGREGATE = [...FUNCTION, 'start', 'step', 'inverse', 'result']

/** The arguments of `db.function()`, checked. */
function parseFunction (name, options, fn, defaultInt64) {
  options ??= {}
  if (typeof options === 'function') {
    fn = options
    options = {}
  }
  if (typeof name !== 'string') throw new TypeError('Expected first argument to be a string')
  if (typeof fn !== 'function') throw new TypeError('Expected last argument to be a function')
  if (typeof options !== 'object') throw new TypeError('Expected second argument to be an options object')
  if (!name) throw new TypeError('User-defined function name cannot be an empty string')
  checkNames(options, FUNCTION)
  const int64 = 'safeIntegers' in options ? getBooleanOption(options, 'safeIntegers') : defaultInt64
  const deterministic = getBooleanOption(options, 'deterministic')
  const directOnly = getBooleanOption(options, 'directOnly')
  const varargs = getBooleanOption(options, 'varargs')
  const argCount = varargs ? -1 : requireArgCount(getLength(fn))
  return { name, fn, argCount, int64, deterministic, directOnly }
}

/** The arguments of `db.aggregate()`, checked. */
function parseAggregate (name, options, defaultInt64) {
  if (typeof name !== 'string') throw new TypeError('Expected first argument to be a string')
  if (typeof options !== 'object' || options === null) throw new TypeError('Expected second argument to be an options object')
  if (!name) throw new TypeError('User-defined function name cannot be an empty string')
  checkNames(options, AGGREGATE)
  const start = 'start' in options ? options.start : null
  const step = getFunctionOption(options, 'step', true)
  const inverse = getFunctionOption(options, 'inverse', false)
  const result = getFunctionOption(options, 'result', false)
  const int64 = 'safeIntegers' in options ? getBooleanOption(options, 'safeIntegers') : defaultInt64
  const deterministic = getBooleanOption(options, 'deterministic')
  const directOnly = getBooleanOption(options, 'directOnly')
  const varargs = getBooleanOption(options, 'varargs')
  let argCount = -1
  if (!varargs) {
    argCount = Math.max(getLength(step), inverse ? getLength(inverse) : 0)
    // The accumulator is not an argument of the SQL function.
    if (argCount > 0) argCount -= 1
    requireArgCount(argCount)
  }
  const callbacks = { start, step, inverse, result }
  return { name, callbacks, argCount, int64, deterministic, directOnly }
}

function getFunctionOption (options, key, required) {
  const value = key in options ? options[key] : null
  if (typeof value === 'function') return value
  if (value != null) throw new TypeError(`Expected the "${key}" option to be a function`)
  if (required) throw new TypeError(`Missing required option "${key}"`)
  return null
}

function getLength ({ length }) {
  if (Number.isInteger(length) && length >= 0) return length
  throw new TypeError('Expected function.length to be a positive integer')
}

function requireArgCount (count) {
  if (count > 100) throw new RangeError('User-defined functions cannot have more than 100 arguments')
  return count
}

module.exports = { getLength, parseAggregate, parseFunction }
