'use strict'

/**
 * Counts the calls of the user that have not ended: `jobs` were sent, `waiting` wait for that.
 * `isStarting` if the SQL of one is being compiled.
 */
function countCalls (jobs, waiting, isStarting) {
  const calls = jobs.filter(isCall)
  // What is about to be compiled has no job yet.
  const isNext = isStarting && !calls.some(isCompiling)
  return calls.length + waiting + (isNext ? 1 : 0)
}

// The opening of an iterator is not a call: it comes with its first read. Nor is a part of a call.
function isCall ({ settled, isPart, statement, finish, sql }) {
  return !settled && !isPart && (statement !== null || finish !== null || sql !== null)
}

function isCompiling ({ sql, finish }) {
  return sql !== null && finish !== null
}

module.exports = { countCalls }
