'use strict'

const { isAnyArrayBuffer, isUint8Array } = require('node:util').types
const { parallel } = require('../lib/kv/parallel')

// Calls of the driver at once.
const CALLS = 16
const STALE = 'it is eventually consistent, and may answer with values of before'
const FORGETS = 'it does not keep what it is given'
const IN_PLACE = 'it writes over a file in place, and a process that is killed leaves half a value: use directoryStore() of ferrolite/stores/directory'

// Drivers of unstorage that cannot hold a database, by name, and why.
const REFUSED = {
  'cloudflare-kv-binding': STALE,
  'cloudflare-kv-http': STALE,
  'netlify-blobs': STALE,
  upstash: STALE,
  'vercel-kv': STALE,
  'vercel-blob': STALE,
  'azure-app-configuration': STALE,
  'azure-cosmos': STALE,
  uploadthing: STALE,
  http: 'what is behind it, and what caches are on the way, is not known',
  overlay: 'a value that was deleted in one layer comes back from another',
  'azure-key-vault': 'it takes no values of 40,000 bytes',
  'lru-cache': FORGETS,
  'vercel-runtime-cache': FORGETS,
  null: FORGETS,
  fs: IN_PLACE,
  'fs-lite': IN_PLACE
}

/**
 * A store in a storage of the package unstorage, for databases with one writer: its drivers have
 * no conditional writes. Keys begin with `prefix`, all of them in one mount.
 */
function unstorageStore (storage, { prefix = 'ferrolite' } = {}) {
  for (const method of ['getItemRaw', 'setItemRaw', 'removeItem', 'getKeys', 'getMount', 'getMounts']) {
    if (typeof storage?.[method] !== 'function') throw new TypeError('Expected first argument to come from createStorage() of unstorage')
  }
  if (typeof prefix !== 'string' || !/^[\w-]+(:[\w-]+)*$/.test(prefix)) {
    throw new TypeError('Expected the "prefix" option to be made of letters, digits, "_" and "-", with ":" between parts')
  }
  requireDriver(storage, prefix)
  const each = parallel(CALLS)
  const nameOf = (key) => `${prefix}:${encode(Buffer.from(key).toString('latin1'))}`
  const get = async (key) => bytesOf(await storage.getItemRaw(nameOf(key)))
  // Drivers keep what they are given.
  const put = (key, value) => storage.setItemRaw(nameOf(key), Buffer.from(value))
  return {
    limits: { maxKeys: 128, maxReadKeys: 128, maxValueBytes: 65536, maxBatchBytes: 4 << 20 },
    get,
    getBatch: (keys) => each(keys, get),
    async put (key, value) {
      await put(key, value)
    },
    async putBatch (entries) {
      await each(entries, ([key, value]) => put(key, value))
    },
    async deleteBatch (keys) {
      await each(keys, (key) => storage.removeItem(nameOf(key)))
    },
    async list (start) {
      const text = Buffer.from(start).toString('latin1')
      // All drivers list what is below a whole part of a key.
      const whole = text.slice(0, text.lastIndexOf('/') + 1)
      const base = whole === '' ? prefix : nameOf(whole.slice(0, -1))
      const names = await storage.getKeys(base)
      const keys = names.map((name) => decode(name.slice(prefix.length + 1)))
      return keys.filter((key) => key.startsWith(text)).map((key) => Buffer.from(key, 'latin1'))
    }
  }
}

function requireDriver (storage, prefix) {
  const below = storage.getMounts(`${prefix}:`, { parents: false })
    .filter(({ base }) => base.length > prefix.length + 1)
  if (below.length > 0) {
    throw new TypeError(`Another driver is mounted at "${below[0].base}", among the keys of the store: choose another "prefix"`)
  }
  const { driver } = storage.getMount(`${prefix}:key`)
  const { name, options } = driver
  const why = Object.hasOwn(REFUSED, name) ? REFUSED[name] : undefined
  const isStrong = name === 'netlify-blobs' && options?.consistency === 'strong'
  if (why !== undefined && !isStrong) {
    throw new TypeError(`The driver "${name}" of unstorage cannot hold a database: ${why}`)
  }
  // unstorage does nothing, and says nothing, where one is missing.
  const writes = driver.setItem ?? driver.setItemRaw
  if (writes === undefined || driver.removeItem === undefined) {
    throw new TypeError(`The driver "${name}" of unstorage cannot hold a database: it only reads`)
  }
}

function bytesOf (value) {
  if (value === null || value === undefined || isUint8Array(value)) return value
  if (isAnyArrayBuffer(value)) return new Uint8Array(value)
  throw new TypeError('The driver of unstorage returned something else than the bytes that it was given')
}

/** Names that all drivers keep apart: file systems and databases may ignore the case. */
function encode (key) {
  return key.split('/').map((part) => part.replace(/[^a-z0-9-]/g, (char) => {
    return /[A-Z]/.test(char) ? `_${char.toLowerCase()}` : `~${char.charCodeAt(0).toString(16).padStart(2, '0')}`
  })).join(':')
}

function decode (name) {
  return name.split(':').map((part) => part.replace(/_([a-z])|~([0-9a-f]{2})/g, (_, letter, code) => {
    return letter === undefined ? String.fromCharCode(parseInt(code, 16)) : letter.toUpperCase()
  })).join('/')
}

module.exports = { unstorageStore }
