'use strict'

const path = require('node:path')
const { Files } = require('../lib/kv/directory/files')
const { fileOf, keysUnder } = require('../lib/kv/directory/names')

/**
 * A store in a directory: a name for each key. Several processes may use it at once, without a
 * server: a name is given once, by `link()`. What was written has reached the disk.
 */
function directoryStore (folder) {
  if (typeof folder !== 'string' || folder === '') throw new TypeError('Expected first argument to be the path of a directory')
  const root = path.resolve(folder)
  const files = new Files(root)
  const placeOf = (key) => fileOf(root, toText(key))

  return {
    get: (key) => files.read(placeOf(key), toText(key)),
    getBatch: (keys) => keys.map((key) => files.read(placeOf(key), toText(key))),
    put (key, value) {
      files.put([{ key: toText(key), file: placeOf(key), value }])
    },
    putBatch (entries) {
      files.put(entries.map(([key, value]) => ({ key: toText(key), file: placeOf(key), value })))
    },
    deleteBatch (keys) {
      files.remove(keys.map((key) => placeOf(key)), (key) => fileOf(root, key))
    },
    putIfAbsent: (key, value) => files.create({ key: toText(key), file: placeOf(key), value }),
    list (prefix) {
      return keysUnder(root, toText(prefix)).map((key) => Buffer.from(key, 'latin1'))
    }
  }
}

function toText (key) {
  return Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString('latin1')
}

module.exports = { directoryStore }
