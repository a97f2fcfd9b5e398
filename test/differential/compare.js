'use strict'

const { known } = require('./known')

const NOTHING = ['', 'nothing', null]

// The first difference of two results that is not a known one, or null.
function compare (program, ours, theirs, count = () => {}) {
  if (ours.ended) return ended(ours)
  // What ends better-sqlite3 leaves nothing to compare with.
  if (theirs.ended) return count(`better-sqlite3 ended: ${theirs.ended}`) ?? null
  const length = Math.max(ours.trace.length, theirs.trace.length)
  for (let i = 0; i < length; i++) {
    const mine = ours.trace[i] ?? NOTHING
    const other = theirs.trace[i] ?? NOTHING
    if (JSON.stringify(mine) === JSON.stringify(other)) continue
    const op = program.ops[position(mine)]
    const heading = known(mine, other, op)
    if (heading === undefined) {
      const at = Math.min(position(mine), position(other))
      return { at, ours: mine, theirs: other, cause: cause(mine, other) }
    }
    count(heading)
  }
  return null
}

function ended ({ ended, stderr }) {
  return { at: Infinity, ended, stderr, cause: `ended: ${ended}` }
}

// The index of the operation that an entry belongs to; the entries of the clean-up come after all.
function position ([path]) {
  return /^\d/.test(path) ? parseInt(path, 10) : Infinity
}

// What stays the same while a program shrinks: the kind of the outcome, its text without details.
function cause ([, kind, seen], [, otherKind, other]) {
  return `${kind}: ${shape(seen)} / ${otherKind}: ${shape(other)}`
}

function shape (seen) {
  if (seen === null || typeof seen !== 'object') return typeof seen
  if (seen.e) return `${seen.e} ${seen.c ?? ''} ${String(seen.m.head ?? seen.m).replace(/[\d"'].*$/s, '')}`
  return Array.isArray(seen) ? 'array' : Object.keys(seen).join()
}

module.exports = { compare }
