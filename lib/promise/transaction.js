'use strict'

const { firstError, rolledBack } = require('../errors')
const { OP } = require('../protocol')
const { SAVEPOINT, VERSIONS, link, requireResult } = require('../transaction')
const { Job } = require('../worker/job')
const { innermost } = require('./scope')

const { apply } = Function.prototype

/** `fn` in a transaction, in four versions that link to each other. */
function createTransaction (fn, database, connection) {
  return link(database, (mode) => Object.defineProperty(wrap(fn, connection, VERSIONS[mode]), 'then', { value: notCalled }))
}

/** What `await db.transaction(fn)` calls: nothing would run, and nobody would notice. */
function notCalled (resolve, reject) {
  reject(new TypeError('db.transaction() returns a function: call it, as in await db.transaction(fn)()'))
}

function wrap (fn, connection, begin) {
  return function sqliteTransaction () {
    return connection.track(transact(this, arguments))
  }

  async function transact (receiver, args) {
    connection.requireOpen()
    const outer = connection.root.current()
    const inner = await acquire(outer)
    // A transaction that was begun by SQL counts too, as with the sync API.
    const nested = outer !== connection.root || connection.inTransaction
    let begun = false
    try {
      await connection.control(nested ? `SAVEPOINT ${SAVEPOINT}` : begin, outer)
      begun = true
      const result = await inner.run(() => apply.call(fn, receiver, args))
      requireIdle(inner)
      requireResult(result)
      // From here on a call inside it would come after its end.
      inner.ended = true
      await connection.control(nested ? `RELEASE ${SAVEPOINT}` : 'COMMIT', inner)
      return result
    } catch (error) {
      inner.ended = true
      // SQLite may have rolled back by itself; the first error is the one that counts.
      const isOpen = begun && connection.inTransaction
      if (begun) await undo(connection, outer, nested)
      if (isOpen && !nested) rolledBack(error, outer.database)
      throw firstError(error)
    } finally {
      outer.release(inner)
    }
  }
}

function acquire (outer) {
  const waiter = new Job()
  waiter.database = outer.database
  waiter.isOfServer = outer.root.isOfServer
  // Waiting ends in the async context of somebody else.
  const around = innermost()
  let inner
  waiter.finish = () => inner
  outer.enter(waiter, () => {
    inner = outer.begin(around)
    waiter.end(null)
  })
  return waiter.promise
}

/** A call that nobody waits for might fail unseen, and be committed all the same. */
function requireIdle (scope) {
  if (scope.isIdle()) return
  scope.forget()
  throw new Error('The transaction function ended before its calls did (is an await missing?)')
}

async function undo (connection, outer, nested) {
  const sql = nested ? `ROLLBACK TO ${SAVEPOINT}; RELEASE ${SAVEPOINT}` : 'ROLLBACK'
  try {
    await connection.control(sql, outer, OP.UNDO)
  } catch {
    // The connection is closed or broken, and the error that led here says so.
  }
}

module.exports = { acquire, createTransaction }
