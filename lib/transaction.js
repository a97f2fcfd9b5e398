'use strict'

const { apply } = Function.prototype

// A name that nobody uses for a savepoint of their own.
const SAVEPOINT = '`\t_ferrolite.\t`'

// How each version of a transaction begins.
const VERSIONS = {
  default: 'BEGIN', deferred: 'BEGIN DEFERRED', immediate: 'BEGIN IMMEDIATE', exclusive: 'BEGIN EXCLUSIVE'
}

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
  const controller = {}
  for (const mode of Object.keys(VERSIONS)) {
    controller[mode] = { begin: prepare(VERSIONS[mode]), ...shared }
  }
  return controller
}

/** The mode of a transaction is no argument, which would be passed over. */
function requireNoMode (mode) {
  if (typeof mode !== 'string' || !Object.hasOwn(VERSIONS, mode.toLowerCase())) return
  throw new TypeError(`A transaction is begun in a mode by db.transaction(fn).${mode.toLowerCase()}()`)
}

/** `fn` in a transaction, in four versions that link to each other. */
function createTransaction (fn, database, controller, inTransaction) {
  return link(database, (mode) => wrap(fn, controller[mode], inTransaction))
}

/** The versions that `create(mode)` makes, each with all of them and the database as properties. */
function link (database, create) {
  const versions = {}
  for (const mode of Object.keys(VERSIONS)) versions[mode] = { value: create(mode) }
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

module.exports = { SAVEPOINT, VERSIONS, createController, createTransaction, link, requireNoMode }
