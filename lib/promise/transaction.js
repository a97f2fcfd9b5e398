'use strict'

const { SAVEPOINT, VERSIONS, link } = require('../transaction')
const { Job, OP } = require('./port')

const { apply } = Function.prototype

/** `fn` in a transaction, in four versions that link to each other. */
function createTransaction (fn, database, connection) {
  return link(database, (mode) => wrap(fn, connection, VERSIONS[mode]))
}

function wrap (fn, connection, begin) {
  return async function sqliteTransaction () {
    const outer = connection.root.current()
    const inner = await acquire(outer)
    const nested = outer !== connection.root
    const exec = (sql, op = OP.EXEC) => connection.exec(inner, sql, op)
    let begun = false
    try {
      await exec(nested ? `SAVEPOINT ${SAVEPOINT}` : begin)
      begun = true
      const result = await inner.run(() => apply.call(fn, this, arguments))
      requireIdle(inner)
      await exec(nested ? `RELEASE ${SAVEPOINT}` : 'COMMIT')
      return result
    } catch (error) {
      // SQLite may have rolled back by itself; the first error is the one that counts.
      if (begun) await undo(exec, nested)
      throw error
    } finally {
      outer.release(inner)
    }
  }
}

function acquire (outer) {
  const waiter = new Job()
  let inner
  waiter.finish = () => inner
  outer.enter(waiter, () => {
    inner = outer.begin()
    waiter.end(null)
  })
  return waiter.promise
}

/** A call that nobody waits for might fail unseen, and be committed all the same. */
function requireIdle (scope) {
  if (scope.pending === 0 && scope.holder === null) return
  throw new Error('The transaction function ended before its calls did (is an await missing?)')
}

async function undo (exec, nested) {
  try {
    const whole = 'ROLLBACK'
    await exec(nested ? `ROLLBACK TO ${SAVEPOINT}; RELEASE ${SAVEPOINT}` : whole, OP.UNDO)
  } catch {
    // The connection is closed or broken, and the error that led here says so.
  }
}

module.exports = { acquire, createTransaction }
