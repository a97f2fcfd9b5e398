'use strict'

const { isGeneratorObject } = require('node:util').types
const { firstError, rolledBack } = require('./errors')

const { apply } = Function.prototype

// A name that nobody uses for a savepoint of their own.
const SAVEPOINT = '`\t_ferrolite.\t`'

// How each version of a transaction begins.
const VERSIONS = {
  default: 'BEGIN', deferred: 'BEGIN DEFERRED', immediate: 'BEGIN IMMEDIATE', exclusive: 'BEGIN EXCLUSIVE'
}

/**
 * The statements that transactions are made of; `prepare(sql)` returns a function that runs the
 * SQL, `prepareUndo(sql)` one that runs a script if a transaction is open.
 */
function createController (prepare, prepareUndo = null) {
  const release = prepare(`RELEASE ${SAVEPOINT}`)
  const shared = {
    commit: prepare('COMMIT'),
    savepoint: prepare(`SAVEPOINT ${SAVEPOINT}`),
    release
  }
  if (prepareUndo === null) {
    const rollbackTo = prepare(`ROLLBACK TO ${SAVEPOINT}`)
    shared.rollback = prepare('ROLLBACK')
    shared.rollbackTo = () => {
      rollbackTo()
      release()
    }
  } else {
    shared.rollback = prepareUndo('ROLLBACK')
    shared.rollbackTo = prepareUndo(`ROLLBACK TO ${SAVEPOINT}; RELEASE ${SAVEPOINT}`)
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
  throw new TypeError(`The mode of a transaction is not an argument: call db.transaction(fn).${mode.toLowerCase()}()`)
}

/**
 * `fn` in a transaction, in four versions that link to each other. `enter()` says that one has
 * begun, and gives what to call when it has ended.
 */
function createTransaction (fn, database, controller, inTransaction, enter = notInterested) {
  return link(database, (mode) => wrap(fn, database, controller[mode], inTransaction, enter))
}

/** @returns {() => void} */
function notInterested () {
  return notInterested
}

/** The versions that `create(mode)` makes, each with all of them and the database as properties. */
function link (database, create) {
  const versions = {}
  for (const mode of Object.keys(VERSIONS)) versions[mode] = { value: create(mode) }
  const properties = { ...versions, database: { value: database, enumerable: true } }
  for (const { value } of Object.values(versions)) Object.defineProperties(value, properties)
  return versions.default.value
}

function wrap (fn, database, controller, inTransaction, enter) {
  const { begin, commit, rollback, savepoint, release, rollbackTo } = controller
  return function sqliteTransaction () {
    const nested = inTransaction()
    const after = nested ? release : commit
    if (nested) savepoint()
    else begin()
    const leave = enter()
    try {
      const result = apply.call(fn, this, arguments)
      if (result && typeof result.then === 'function') {
        throw new TypeError('Transaction function cannot return a promise')
      }
      requireResult(result)
      after()
      return result
    } catch (error) {
      // SQLite may have rolled back by itself; the first error is the one that counts.
      if (inTransaction()) {
        if (nested) {
          rollbackTo()
        } else {
          rollback()
          rolledBack(error, database.name)
        }
      }
      throw firstError(error)
    } finally {
      leave()
    }
  }
}

/** A generator function has run nothing yet when it returns: it would look like success. */
function requireResult (result) {
  if (isGeneratorObject(result)) {
    throw new TypeError('Transaction function cannot return a generator')
  }
}

module.exports = {
  SAVEPOINT, VERSIONS, createController, createTransaction, link, requireNoMode, requireResult
}
