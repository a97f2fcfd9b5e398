'use strict'

const { known } = require('./known')

const NOTHING = ['', 'nothing', null]

// The first difference, or null. Known ones are counted, causes in `passed` are left out.
function compare (program, ours, theirs, count = () => {}, passed = new Set()) {
  if (ours.ended) return ended(ours)
  // What ends better-sqlite3 leaves nothing to compare with.
  if (theirs.ended) return count(`better-sqlite3 ended: ${theirs.ended}`) ?? null
  const [mine, others] = [byOperation(ours.trace), byOperation(theirs.trace)]
  for (const [at, entries] of mine) {
    const found = compareEntries(entries, others.get(at) ?? [], program.ops[at], count)
    if (found !== null && !passed.has(found.cause)) return { at, ...found }
  }
  return null
}

function compareEntries (mine, others, op, count) {
  const length = Math.max(mine.length, others.length)
  for (let i = 0; i < length; i++) {
    const ours = mine[i] ?? NOTHING
    const theirs = others[i] ?? NOTHING
    if (JSON.stringify(ours) === JSON.stringify(theirs)) continue
    const heading = known(ours, theirs, op)
    if (heading === undefined) return { ours, theirs, cause: cause(ours, theirs) }
    count(heading)
  }
  return null
}

// The entries of each operation of the program; those of the clean-up come last.
function byOperation (trace) {
  const groups = new Map()
  for (const entry of trace) {
    const at = /^\d/.test(entry[0]) ? parseInt(entry[0], 10) : Infinity
    if (!groups.has(at)) groups.set(at, [])
    groups.get(at).push(entry)
  }
  return groups
}

function ended ({ ended, stderr }) {
  return { at: Infinity, ended, stderr, cause: `ended: ${ended}` }
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
