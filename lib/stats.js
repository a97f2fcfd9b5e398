'use strict'

// What `db.stats()` gives.

// As crates/sqlite/src/status.rs has them.
const NAMES = [
  'cacheUsed', 'schemaUsed', 'stmtUsed', 'cacheHit', 'cacheMiss', 'cacheWrite', 'statements', 'running'
]

/** What connections to a file hold, taken together: a list of numbers each. */
function sum (lists) {
  const add = (i) => lists.reduce((all, list) => all + list[i], 0)
  return lists.length === 0 ? {} : Object.fromEntries(NAMES.map((name, i) => [name, add(i)]))
}

module.exports = { sum }
