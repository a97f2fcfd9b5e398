'use strict'

const { isMap, isSet } = require('node:util').types
const { mistake } = require('../errors')

// Options of a call; `queryTimeout` is libsql's name of the timeout.
const NAMES = ['signal', 'timeout', 'queryTimeout']

/**
 * Checks the names of options. Unknown ones are ignored, as in better-sqlite3, unless they are
 * misspelt ones. `of` is a key of `checks` in lib/spelling.js.
 */
function checkNames (options, known, of = 'method') {
  // All names of these would be unknown.
  if (isMap(options) || isSet(options) || (Array.isArray(options) && options.length !== 0)) {
    throw mistake('TypeError', 'Expected the options to be an object with the names of the options as keys, not a list or a map')
  }
  for (const name in options) {
    if (!known.includes(name)) require('../spelling').check(name, options, known, of)
  }
}

module.exports = { NAMES, checkNames }
