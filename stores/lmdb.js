'use strict'

/**
 * A store in LMDB. `db` comes from `open()` of the package lmdb, with `keyEncoding` and `encoding`
 * set to `binary`. Several processes may use it at once.
 */
function lmdbStore (db) {
  if (typeof db?.transactionSync !== 'function' || typeof db.doesExist !== 'function') {
    throw new TypeError('Expected first argument to be a database of the package lmdb')
  }
  if (db.encoding !== 'binary' || db.keyEncoding !== 'binary') {
    throw new TypeError('The database of lmdb must be opened with { encoding: "binary", keyEncoding: "binary" }')
  }
  if (db.noSync) throw new TypeError('The database of lmdb is opened with "noSync", which loses what it has acknowledged')

  // A transaction that fails is undone as a whole.
  const write = (action) => db.transactionSync(action)
  const read = (key) => db.getBinary(key)

  return {
    get: (key) => read(key),
    getBatch: (keys) => keys.map(read),
    put (key, value) {
      db.putSync(key, value)
    },
    putBatch (entries) {
      write(() => {
        for (const [key, value] of entries) db.putSync(key, value)
      })
    },
    deleteBatch (keys) {
      write(() => {
        for (const key of keys) db.removeSync(key)
      })
    },
    putIfAbsent: (key, value) => write(() => {
      if (db.doesExist(key)) return false
      db.putSync(key, value)
      return true
    }),
    list (prefix) {
      const end = Buffer.concat([prefix, Buffer.from([0xff])])
      return [...db.getKeys({ start: prefix, end })].map((key) => Buffer.from(key))
    }
  }
}

module.exports = { lmdbStore }
