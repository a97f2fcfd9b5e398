'use strict'

// Who writes which database of which store in this thread: a second writer would only fence off the
// first.

const { errorOf } = require('../errors')

// Of each store, by the name of the database.
const writers = new WeakMap()

/** Throws if the database is open for writing; else it is, until `release` is called. */
function claim (store, name) {
  let names = writers.get(store)
  if (names === undefined) writers.set(store, names = new Map())
  // One that was collected as garbage has not been closed.
  if (names.get(name)?.deref() !== undefined) {
    throw errorOf(`The database "${name}" of this store is already open for writing: close it first`, 'SQLITE_BUSY', 5, -1, -1, undefined, name)
  }
  const claimed = { release () { if (names.get(name)?.deref() === claimed) names.delete(name) } }
  names.set(name, new WeakRef(claimed))
  return claimed
}

module.exports = { claim }
