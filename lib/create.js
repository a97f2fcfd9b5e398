'use strict'

const { Action, Authorization, constants } = require('./arguments/constants')
const { openBackend } = require('./backends/sync')
const { defineMethods, getters, open } = require('./database')
const { SqliteError } = require('./errors')

// Before the program or its test runner can put fakes in the place of the originals.
require('./timers')

/**
 * A Database class over the addon that `getBinding(nativeBinding)` returns. Works with and without
 * `new`, and can be extended.
 */
module.exports = function createDatabase (getBinding, options = {}) {
  const how = { getBinding, allowNativeBinding: true, openBackend, ...options }
  function Database (filename, options) {
    if (new.target === undefined) return new (/** @type {any} */ (Database))(filename, options)
    open(this, filename, options, how)
    Object.defineProperties(this, getters)
  }
  defineMethods(Database.prototype)
  return Object.assign(Database, { SqliteError, Authorization, Action, constants })
}
