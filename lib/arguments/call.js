'use strict'

// Options of one call: `{ signal, timeout }`.

const { mistake } = require('../errors')
const { isPlainObject } = require('../params')
const { NAMES, checkNames } = require('./names')

const CLOSE_OPTIONS = ['timeout', 'interrupt']

/** A signal and a time limit in ms, checked; null for neither. `names` are the known options. */
function readCallOptions (options, names = NAMES) {
  if (options === undefined || options === null) return null
  // Where better-sqlite3 has options, an array is an object without any.
  if (typeof options !== 'object' || (names === NAMES && Array.isArray(options))) {
    throw mistake('TypeError', 'Expected the options of the call to be an object')
  }
  checkNames(options, names, 'call')
  const { signal, timeout, queryTimeout } = options
  if (signal !== undefined && !isSignal(signal)) {
    throw mistake('TypeError', 'Expected the "signal" option to be an AbortSignal')
  }
  if (timeout !== undefined) requireTimeout(timeout)
  if (queryTimeout !== undefined) requireTimeout(queryTimeout)
  if (timeout !== undefined && queryTimeout !== undefined && timeout !== queryTimeout) {
    throw mistake('TypeError', 'The options "timeout" and "queryTimeout" mean the same, but have different values: give one of them')
  }
  const ms = timeout ?? queryTimeout
  return signal === undefined && ms === undefined ? null : { signal, timeout: ms }
}

/** As readCallOptions(), for calls of the sync API: the limit in ms, or undefined. */
function readSyncOptions (options, names = NAMES) {
  const call = readCallOptions(options, names)
  if (call === null) return undefined
  if (call.signal !== undefined) {
    throw mistake('TypeError', 'The "signal" option is for ferrolite/promise: the sync API has "timeout"')
  }
  return call.timeout
}

/** The options of `exec()`, which has no parameters. */
function readExecOptions (options, read = readCallOptions) {
  if (options === undefined || options === null) return read(options)
  const others = isPlainObject(options) ? without(Object.keys(options), NAMES) : null
  if (others?.length === 0) return read(options)
  if (others !== null) checkNames(options, NAMES, 'call')
  throw mistake('TypeError', 'exec() takes no parameters, only the options { timeout, signal }: use run()')
}

/** The same for the sync API, where it may be the callback of `list.forEach()` too. */
function readSyncExecOptions (sql, options, list) {
  if (Array.isArray(list) && list[options] === sql) return undefined
  return readExecOptions(options, readSyncOptions)
}

/** For a method of the sync API without a time limit: the signal if it has steps, or nothing. */
function readStepOptions (options, names, method, hasSteps) {
  const call = readCallOptions(options, names)
  const option = call?.timeout !== undefined ? 'timeout' : 'signal'
  if (call === null || (hasSteps && option === 'signal')) return call
  throw mistake('TypeError', `The "${option}" option of ${method} is for ferrolite/promise`)
}

/** The options of close(), checked. */
function readCloseOptions (options) {
  if (options === undefined || options === null) return {}
  if (typeof options !== 'object') throw mistake('TypeError', 'Expected first argument to be an options object')
  checkNames(options, CLOSE_OPTIONS, 'call')
  const { timeout, interrupt = false } = options
  if (timeout !== undefined) requireTimeout(timeout)
  if (typeof interrupt !== 'boolean') throw mistake('TypeError', 'Expected the "interrupt" option to be a boolean')
  return { timeout, interrupt }
}

/** The sync API waits for nothing when it closes; what is no options is passed over. */
function refuseCloseOptions (options) {
  if (!isPlainObject(options) || Array.isArray(options)) return
  checkNames(options, CLOSE_OPTIONS, 'call')
  const given = CLOSE_OPTIONS.find((name) => options[name] !== undefined)
  if (given === undefined) return
  throw mistake('TypeError', `The "${given}" option of close() is for ferrolite/promise`)
}

function without (list, others) {
  return list.filter((item) => !others.includes(item))
}

/**
 * Removes the options of a call from the end of its arguments: a plain object that has only these
 * names, none of which is a parameter. If no parameter has a name, one of them is enough.
 */
function takeOptions (params, names, read) {
  const last = params.at(-1)
  if (typeof last !== 'object' || last === null || Array.isArray(last)) return undefined
  if (ArrayBuffer.isView(last)) return undefined
  const keys = Object.keys(last)
  if (keys.length === 0 || !isOptions(keys, params, names) || !isPlainObject(last)) return undefined
  params.pop()
  // libsql's way to say that there are none.
  if (params.length === 1 && params[0] == null && names.length === 0) params.pop()
  return read(last)
}

function isOptions (keys, params, names) {
  if (names.every((name) => name === null)) {
    if (keys.some((key) => NAMES.includes(key))) return true
    // Misspelt options, which would be ignored otherwise.
    return keys.every((key) => require('../spelling').isLikeCallOption(key))
  }
  if (!keys.every((key) => NAMES.includes(key))) return false
  if (!keys.some((key) => names.includes(key))) return true
  // The values of the parameters are in the object before it.
  return params.slice(0, -1).some((param) => !Array.isArray(param) && isPlainObject(param))
}

function isSignal (value) {
  return typeof value === 'object' && value !== null && typeof value.aborted === 'boolean' &&
    typeof value.addEventListener === 'function'
}

function requireTimeout (ms) {
  if (!Number.isInteger(ms) || ms < 0 || ms > 0x7fffffff) {
    throw mistake('TypeError', 'Expected the timeout to be an integer between 0 and 2147483647')
  }
  return ms
}

module.exports = {
  NAMES,
  readCallOptions,
  readCloseOptions,
  readExecOptions,
  readStepOptions,
  readSyncExecOptions,
  readSyncOptions,
  refuseCloseOptions,
  requireTimeout,
  takeOptions
}
