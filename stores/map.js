'use strict'

const { isMap } = require('node:util').types

const toText = (key) => Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString('latin1')

// Also of a Buffer, whose own slice() shares its memory.
const copy = (bytes) => Uint8Array.prototype.slice.call(bytes)

/**
 * A store in memory, for tests: a Map of keys as text. Databases in it last as long as the Map.
 */
function mapStore (map = new Map()) {
  if (!isMap(map)) throw new TypeError('Expected first argument to be a Map')
  return {
    map,
    get: (key) => map.get(toText(key)),
    getBatch: (keys) => keys.map((key) => map.get(toText(key))),
    put (key, value) {
      map.set(toText(key), copy(value))
    },
    putBatch (entries) {
      for (const [key, value] of entries) map.set(toText(key), copy(value))
    },
    deleteBatch (keys) {
      for (const key of keys) map.delete(toText(key))
    },
    putIfAbsent (key, value) {
      const text = toText(key)
      if (map.has(text)) return false
      map.set(text, copy(value))
      return true
    },
    list (prefix) {
      const start = toText(prefix)
      return [...map.keys()].filter((key) => key.startsWith(start)).map((key) => Buffer.from(key, 'latin1'))
    }
  }
}

module.exports = { mapStore }
