'use strict'

const OPTIONS = { keyEncoding: 'view', valueEncoding: 'view' }
// Level acknowledges what it has not written to the disk, unless it is told.
const DURABLE = { ...OPTIONS, sync: true }

/**
 * A store in Level: `db` is of classic-level, or another abstract-level that keeps what it has
 * acknowledged. One process at a time can open it, so one lock is enough for putIfAbsent().
 */
function levelStore (db) {
  if (typeof db?.getMany !== 'function' || typeof db.batch !== 'function') {
    throw new TypeError('Expected first argument to be a database of abstract-level, such as classic-level')
  }
  const turns = turnsOf(db)
  return {
    get: (key) => db.get(key, OPTIONS),
    getBatch: (keys) => db.getMany(keys, OPTIONS),
    put: (key, value) => db.put(key, value, DURABLE),
    putBatch: (entries) => db.batch(entries.map(([key, value]) => ({ type: 'put', key, value })), DURABLE),
    deleteBatch: (keys) => db.batch(keys.map((key) => ({ type: 'del', key })), DURABLE),
    putIfAbsent (key, value) {
      return turns.take(async () => {
        if (await db.get(key, OPTIONS) != null) return false
        await db.put(key, value, DURABLE)
        return true
      })
    },
    async list (prefix) {
      const end = Buffer.concat([prefix, Buffer.from([0xff])])
      return db.keys({ gte: prefix, lt: end, keyEncoding: 'view' }).all()
    }
  }
}

const turns = new WeakMap()

/** One after the other, whichever store of the same database they are of. */
function turnsOf (db) {
  let turn = turns.get(db)
  if (turn === undefined) turns.set(db, turn = new Turns())
  return turn
}

class Turns {
  #last = Promise.resolve()

  take (action) {
    const done = this.#last.then(action)
    this.#last = done.catch(() => {})
    return done
  }
}

module.exports = { levelStore }
