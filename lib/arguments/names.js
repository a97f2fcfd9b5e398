'use strict'

const { isMap, isSet } = require('node:util').types

/**
 * Looks through the names of options: unknown ones are passed over, as better-sqlite3 does, but
 * not those that were meant to be known ones. `of` says whose they are, as lib/spelling.js has it.
 */
function checkNames (options, known, of = 'method') {
  // All names of these would be unknown.
  if (isMap(options) || isSet(options) || (Array.isArray(options) && options.length !== 0)) {
    throw new TypeError('Expected the options to be an object with the names of the options as keys, not a list or a map')
  }
  for (const name in options) {
    if (!known.includes(name)) require('../spelling').check(name, options, known, of)
  }
}

module.exports = { checkNames }
