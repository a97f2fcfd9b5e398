'use strict'

// The workloads that words choose, and how they are gone through.

// A word is a group, or part of a name. Without words it is all.
function choose (list, words) {
  const groups = new Set(list.map(({ group }) => group))
  const chosen = list.filter(({ name, group }) => words.length === 0 ||
    words.some(word => groups.has(word) ? word === group : name.includes(word)))
  if (chosen.length === 0) throw new Error(`No workload is named ${words.join(' or ')}`)
  return chosen
}

// Says which one is measured; returns the messages of those that cannot be.
function measureEach (list, body) {
  const failures = []
  for (const [i, item] of list.entries()) {
    process.stderr.write(`[${i + 1}/${list.length}] ${item.name}\n`)
    try {
      body(item)
    } catch (error) {
      failures.push(error.message)
    }
  }
  return failures
}

module.exports = { choose, measureEach }
