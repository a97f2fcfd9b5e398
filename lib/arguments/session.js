'use strict'

const { isUint8Array } = require('node:util').types
const { checkNames } = require('./names')

const SESSION = ['table', 'db']
const APPLY = ['filter', 'onConflict']

/** @returns {[database: string, table: string | null]} */
function readSessionOptions (options) {
  options ??= {}
  if (typeof options !== 'object') throw new TypeError('Expected first argument to be an options object')
  checkNames(options, SESSION)
  const { table, db = 'main' } = options
  if (table !== undefined && typeof table !== 'string') throw new TypeError('Expected the "table" option to be a string')
  if (typeof db !== 'string') throw new TypeError('Expected the "db" option to be a string')
  return [db, table ?? null]
}

/**
 * @returns {[
 *   changeset: Uint8Array, filter: ((table: string) => boolean) | null,
 *   onConflict: ((type: number) => number) | null
 * ]}
 */
function readApplyOptions (changeset, options) {
  options ??= {}
  if (!isUint8Array(changeset)) throw new TypeError('Expected first argument to be a Buffer or Uint8Array')
  if (typeof options !== 'object') throw new TypeError('Expected second argument to be an options object')
  checkNames(options, APPLY)
  const { filter = null, onConflict = null } = options
  for (const [key, value] of Object.entries({ filter, onConflict })) {
    if (value !== null && typeof value !== 'function') throw new TypeError(`Expected the "${key}" option to be a function`)
  }
  return [
    changeset,
    filter && ((table) => Boolean(filter(table))),
    onConflict && ((type) => requireAction(onConflict(type)))
  ]
}

function requireAction (action) {
  if (Number.isInteger(action)) return action
  throw new TypeError('Expected onConflict to return a conflict action')
}

module.exports = { readApplyOptions, readSessionOptions }
