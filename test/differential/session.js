'use strict'

const path = require('node:path')

const { CURRENT_NODE, node } = require('../../scripts/runtimes')
const { compare } = require('./compare')
const { generate } = require('./generate')
const { listing } = require('./listing')
const { Peer } = require('./peer')
const { shrink } = require('./shrink')

// better-sqlite3 needs Node 22; both sides run on the same one.
const OLDEST_NODE = 22
const OTHER_NODE = 24

async function peers ({ ours = path.join(__dirname, '..', '..'), theirs = require.resolve('better-sqlite3'), args } = {}) {
  const binary = CURRENT_NODE >= OLDEST_NODE ? process.execPath : await node(OTHER_NODE)
  if (binary === null) throw new Error('better-sqlite3 needs Node 22 or newer')
  return {
    ours: new Peer('the package under test', ours, { node: binary, args }),
    theirs: new Peer('better-sqlite3', theirs, { node: binary })
  }
}

// Compares whole programs, shrinks those that differ, and counts what they reached.
class Session {
  #ours
  #theirs
  known = new Map()
  outcomes = new Map()
  kinds = new Map()

  constructor ({ ours, theirs }) {
    this.#ours = ours
    this.#theirs = theirs
  }

  async #both (program) {
    return Promise.all([this.#ours.run(program), this.#theirs.run(program)])
  }

  // null, or { seed, cause, text }.
  async seed (seed, size, passed) {
    const program = generate(seed, size)
    const [ours, theirs] = await this.#both(program)
    if (theirs.trace) this.#count(theirs.trace)
    const found = compare(program, ours, theirs, (heading) => tally(this.known, heading), passed)
    if (found === null) return null
    return { seed, ...await this.#explain(program, found, passed) }
  }

  async #explain (program, found, passed) {
    const start = { ...program, ops: program.ops.slice(0, found.at + 1) }
    const differs = async (candidate) => {
      const [ours, theirs] = await this.#both(candidate)
      return compare(candidate, ours, theirs, undefined, passed)
    }
    const same = async (candidate) => (await differs(candidate))?.cause === found.cause
    const small = await shrink(await same(start) ? start : program, same)
    const last = await differs(small)
    const text = last === null
      ? `, but not each time it runs: operation ${found.at}\n${outcomes(found)}\n`
      : `${listing(small.ops)}\n${outcomes(last)}\n`
    return { cause: found.cause, text }
  }

  #count (trace) {
    for (const [, kind, seen] of trace) {
      tally(this.kinds, kind)
      if (/ (throws|rejects)$/.test(kind)) tally(this.outcomes, outcome(seen))
    }
  }

  close () {
    this.#ours.close()
    this.#theirs.close()
  }
}

function outcomes ({ ended, stderr, ours, theirs }) {
  if (ended) return `ours ended with ${ended}\n${stderr}`
  return `ours:   ${JSON.stringify(ours)}\ntheirs: ${JSON.stringify(theirs)}`
}

function outcome (seen) {
  if (!seen?.e) return `a thrown value ${JSON.stringify(seen).slice(0, 40)}`
  const message = String(seen.m.head ?? seen.m).replace(/\b(t|k|n|f|g|vt|v|m|u)\d+(\.\S+)?/g, '$1N')
  return `${seen.e}: ${message}`
}

function tally (map, key) {
  map.set(key, (map.get(key) ?? 0) + 1)
}

module.exports = { Session, peers }
