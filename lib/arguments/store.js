'use strict'

// The "store" option: the key-value store that the pages of a database live in. The store may be
// synchronous or return promises; who calls it decides what it takes.

const { requireOptions } = require('../capabilities')
const { STORE_CALL } = require('../protocol')

const METHODS = ['get', 'getBatch', 'put', 'putBatch', 'deleteBatch']
// What STORE_CALL of lib/protocol.js calls, by its numbers.
const OPERATIONS = []
for (const [name, number] of Object.entries(STORE_CALL)) {
  OPERATIONS[number] = name.toLowerCase().replace(/_([a-z])/g, (_, letter) => letter.toUpperCase())
}

const MAX_INT32 = 0x7fffffff
const MAX_NAME = 200

// Least, default. Leaves of the index have to fit into a value: crates/kv/src/store.rs.
const LIMITS = {
  maxKeys: [1, 128],
  maxReadKeys: [1, undefined],
  maxValueBytes: [40000, 131072],
  maxBatchBytes: [40000, undefined],
  concurrency: [1, 8]
}
const MAX_BATCH_BYTES = 4 << 20

// Classes of clients, which have methods of these names, but other arguments.
const EVENTUAL = {
  KvNamespace: 'Cloudflare KV',
  KVNamespace: 'Cloudflare KV'
}

/**
 * Reads the option and checks every method of the store.
 * @returns {{ kind: 'kv', remote: null, replica: null, store: StoreOptions }}
 */
function readStore (name, options, isBuffer) {
  const { store, singleWriter = false } = options
  if (typeof store !== 'object' || store === null) {
    throw new TypeError('Expected the "store" option to be an object with the methods of a key-value store (is a variable not set?)')
  }
  if (options.syncUrl != null) throw new TypeError('A database in a key-value store cannot be a replica')
  requireName(name, isBuffer)
  requireOptions('kv', options)
  if (typeof singleWriter !== 'boolean') throw new TypeError('Expected the "singleWriter" option to be a boolean')
  for (const method of METHODS) requireMethod(store, method)
  const fenced = hasMethod(store, 'putIfAbsent')
  requireConsistent(store)
  const epoch = readEpoch(options)
  if (!fenced && !singleWriter && !options.readonly && epoch === 0) {
    throw new TypeError('This store has no putIfAbsent(): two writers would destroy the database. If there is never more than one, say so with the "singleWriter" option')
  }
  return {
    kind: 'kv',
    remote: null,
    replica: null,
    store: {
      store,
      fenced,
      lists: hasMethod(store, 'list'),
      limits: readLimits(store),
      timeout: readTimeout(store),
      onError: readOnError(store),
      singleWriter,
      pageSize: readPageSize(options.pageSize),
      epoch,
      keepEpochs: readNumber('keepEpochs', options, 1, 2),
      maxQueuedBytes: readNumber('maxQueuedBytes', options, 1, 16 << 20),
      resident: readMode(options),
      checkpointIdle: readNumber('checkpointIdle', options, 0, 2000)
    }
  }
}

function requireName (name, isBuffer) {
  if (isBuffer) throw new TypeError('A database in a key-value store is opened by its name: a serialized one cannot be put there')
  if (name === '' || name === ':memory:') {
    throw new TypeError('A database in a key-value store needs a name: its keys begin with it')
  }
  if (Buffer.from(name).toString() !== name) {
    throw new TypeError('The name of a database in a key-value store cannot have lone surrogates')
  }
  if (Buffer.byteLength(name) > MAX_NAME) {
    throw new RangeError(`The name of a database in a key-value store cannot be longer than ${MAX_NAME} bytes`)
  }
}

function hasMethod (store, method) {
  const fn = store[method]
  if (fn != null && typeof fn !== 'function') throw new TypeError(`Expected store.${method} to be a function`)
  return fn != null
}

function requireMethod (store, method) {
  if (hasMethod(store, method)) return
  throw new TypeError(`The store lacks ${method}(): a store has ${METHODS.join('(), ')}() and putIfAbsent()`)
}

const CONSISTENCIES = ['strong', 'eventual']

/** A store that may answer with values of before cannot hold a database. */
function requireConsistent (store) {
  const { consistency } = store
  if (consistency != null && !CONSISTENCIES.includes(consistency)) {
    throw new TypeError(`Expected store.consistency to be one of ${CONSISTENCIES.join(', ')}`)
  }
  const known = EVENTUAL[store.constructor?.name] ?? (consistency === 'eventual' ? 'This store' : undefined)
  if (known === undefined) return
  throw new TypeError(`${known} is eventually consistent: it may answer with values of before, and a database needs those of now`)
}

function readLimits ({ limits = {} }) {
  if (typeof limits !== 'object' || limits === null) throw new TypeError('Expected store.limits to be an object')
  for (const name of Object.keys(limits)) {
    if (Object.hasOwn(LIMITS, name)) continue
    throw new TypeError(`Unknown limit "store.limits.${name}" (it should be one of ${Object.keys(LIMITS).join(', ')})`)
  }
  const read = (name, fallback) => {
    const value = limits[name] ?? fallback
    const [least] = LIMITS[name]
    if (!Number.isInteger(value)) throw new TypeError(`Expected store.limits.${name} to be an integer`)
    if (value < least || value > MAX_INT32) {
      throw new RangeError(`store.limits.${name} must be from ${least} to ${MAX_INT32}, and is ${value}`)
    }
    return value
  }
  const maxKeys = read('maxKeys', LIMITS.maxKeys[1])
  const maxValueBytes = read('maxValueBytes', LIMITS.maxValueBytes[1])
  const maxBatchBytes = read('maxBatchBytes', Math.max(MAX_BATCH_BYTES, maxValueBytes))
  if (maxBatchBytes < maxValueBytes) {
    throw new RangeError('store.limits.maxBatchBytes cannot be less than store.limits.maxValueBytes')
  }
  return {
    maxKeys,
    maxReadKeys: read('maxReadKeys', maxKeys),
    maxValueBytes,
    maxBatchBytes,
    concurrency: read('concurrency', LIMITS.concurrency[1])
  }
}

/** How long one call of an asynchronous store may take, in ms. */
function readTimeout ({ timeout = 30000 }) {
  if (!Number.isInteger(timeout) || timeout < 1 || timeout > MAX_INT32) {
    throw new TypeError(`Expected store.timeout to be an integer from 1 to ${MAX_INT32}`)
  }
  return timeout
}

function readOnError ({ onError = null }) {
  if (onError !== null && typeof onError !== 'function') throw new TypeError('Expected store.onError to be a function')
  return onError
}

function readPageSize (pageSize = 8192) {
  const isPower = Number.isInteger(pageSize) && (pageSize & (pageSize - 1)) === 0
  if (!isPower || pageSize < 512 || pageSize > 65536) {
    throw new TypeError('Expected the "pageSize" option to be a power of two from 512 to 65536')
  }
  return pageSize
}

/** The epoch to open for reading; 0 for the newest state. */
function readEpoch (options) {
  if (options.epoch == null) return 0
  return readNumber('epoch', options, 1, 0)
}

function readNumber (name, options, least, fallback) {
  const value = options[name] ?? fallback
  if (!Number.isInteger(value) || value < least || value > MAX_INT32) {
    throw new TypeError(`Expected the "${name}" option to be an integer from ${least} to ${MAX_INT32}`)
  }
  return value
}

/** Whether all pages are to be in memory. */
function readMode ({ mode }) {
  if (mode == null) return false
  if (mode !== 'resident') throw new TypeError('Expected the "mode" option to be "resident"')
  return true
}

module.exports = { OPERATIONS, readStore }

/**
 * @typedef {object} StoreOptions
 * @property {any} store As the user gave it: its methods are looked up at each call.
 * @property {boolean} fenced It has putIfAbsent().
 * @property {boolean} lists It has list().
 * @property {Record<keyof typeof LIMITS, number>} limits
 * @property {number} timeout ms
 * @property {Function | null} onError
 * @property {boolean} singleWriter
 * @property {number} pageSize
 * @property {number} epoch The one to open for reading; 0 for the newest state.
 * @property {number} keepEpochs
 * @property {number} maxQueuedBytes
 * @property {boolean} resident
 * @property {number} checkpointIdle ms; 0: never
 */
