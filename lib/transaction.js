'use strict'

const { apply } = Function.prototype

// A name that nobody uses for a savepoint of their own.
const SAVEPOINT = '`\t_ferrolite.\t`'

/**
 * The statements that transactions are made of; `prepare(sql)` returns a function that runs the
 * SQL.
 */
function createController (prepare) {
  const shared = {
    commit: prepare('COMMIT'),
    rollback: prepare('ROLLBACK'),
    savepoint: prepare(`SAVEPOINT ${SAVEPOINT}`),
    release: prepare(`RELEASE ${SAVEPOINT}`),
    rollbackTo: prepare(`ROLLBACK TO ${SAVEPOINT}`)
  }
  return {
    default: { begin: prepare('BEGIN'), ...shared },
    deferred: { begin: prepare('BEGIN DEFERRED'), ...shared },
    immediate: { begin: prepare('BEGIN IMMEDIATE'), ...shared },
    exclusive: { begin: prepare('BEGIN EXCLUSIVE'), ...shared }
  }
}

/** `fn` in a transaction, in four versions that link to each other. */
function createTransaction (fn, database, controller, inTransaction) {
  const versions = {}
  for (const mode of ['default', 'deferred', 'immediate', 'exclusive']) {
    versions[mode] = { value: wrap(fn, controller[mode], inTransaction) }
  }
  const properties = { ...versions, database: { value: database, enumerable: true } }
  for (const { value } of Object.values(versions)) Object.defineProperties(value, properties)
  return versions.default.value
}

function wrap (fn, controller, inTransaction) {
  const { begin, commit, rollback, savepoint, release, rollbackTo } = controller
  return function sqliteTransaction () {
    const nested = inTransaction()
    const after = nested ? release : commit
    if (nested) savepoint()
    else begin()
    try {
      const result = apply.call(fn, this, arguments)
      if (result && typeof result.then === 'function') {
        throw new TypeError('Transaction function cannot return a promise')
      }
      after()
      return result
    } catch (error) {
      // SQLite may have rolled back by itself; the first error is the one that counts.
      if (inTransaction()) {
        if (nested) {
          rollbackTo()
          release()
        } else {
          rollback()
        }
      }
      throw error
    }
  }
}

module.exports = { createController, createTransaction }
