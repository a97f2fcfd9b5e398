'use strict'

// The result of `db.stats()`.

// As crates/sqlite/src/status.rs has them.
const NAMES = [
  'cacheUsed', 'schemaUsed', 'stmtUsed', 'cacheHit', 'cacheMiss', 'cacheWrite', 'statements', 'running'
]

/** Sums up the numbers of all connections to a file; each is a list. */
function sum (lists) {
  const add = (i) => lists.reduce((all, list) => all + list[i], 0)
  return lists.length === 0 ? {} : Object.fromEntries(NAMES.map((name, i) => [name, add(i)]))
}

module.exports = { sum }
