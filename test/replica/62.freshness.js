'use strict'

// Random histories of writes, syncs and reads, decided by lib/replica/freshness.js and by a model
// that keeps lists of writes in the place of counters.

const assert = require('node:assert/strict')
const test = require('node:test')
const { DOUBT } = require('../../lib/protocol')
const { Freshness, READ } = require('../../lib/replica/freshness')
const { random, seed } = require('../support')

const HISTORIES = 4000
const STEPS = 60
// What becomes of a write: it happens, it does not, or nobody knows.
const OUTCOMES = [1, 1, 1, 0, DOUBT]

/** Knows of each write what became of it, and which of them the file has. */
class Model {
  pending = []
  // Ended, and not counted yet.
  ended = []
  counted = []
  // Null: the file has nothing at all.
  file = null

  constructor (options) {
    this.options = options
  }

  begin () {
    this.pending.push({ outcome: null, isTried: false })
  }

  end (outcome) {
    const write = this.pending.shift()
    write.outcome = outcome
    if (outcome !== 0) this.ended.push(write)
  }

  count () {
    const news = this.ended.splice(0)
    const isUncertain = news.some(({ outcome }) => outcome === DOUBT)
    const isFirst = news.some((write) => this.isNeeded(write)) && this.missing().length === 0
    this.counted.push(...news)
    return { isNew: news.length !== 0, isUncertain, isDue: isUncertain || isFirst }
  }

  /** Whether reads wait for a write. */
  isNeeded ({ outcome }) {
    const { readYourWrites, waitForUncertain } = this.options
    return readYourWrites && (outcome === 1 || (outcome === DOUBT && waitForUncertain))
  }

  missing () {
    return this.counted.filter((write) => this.isNeeded(write) && this.file?.has(write) !== true)
  }

  beginSync () {
    return [...this.counted]
  }

  reach (writes) {
    this.file = new Set([...this.file ?? [], ...writes])
  }

  fill () {
    this.file ??= new Set()
  }

  read (isPinned) {
    const { readYourWrites, waitForUncertain } = this.options
    const isMissing = this.file === null || this.missing().length !== 0
    const isPending = readYourWrites && this.pending.length !== 0
    if ((isMissing || isPending) && isPinned) return READ.PRIMARY
    const untried = this.counted.filter(({ outcome, isTried }) => outcome === DOUBT && !isTried)
    const tryAll = () => { for (const write of untried) write.isTried = true }
    if (isMissing) {
      tryAll()
      return READ.CATCH_UP
    }
    if (isPending) return READ.WAIT
    if (isPinned || untried.length === 0 || !readYourWrites || waitForUncertain) return READ.LOCAL
    tryAll()
    return READ.TRY
  }
}

/** One history; gives its steps, for the message of a failure. */
function play (pick, options, log) {
  const freshness = new Freshness(options)
  const model = new Model(options)
  const syncs = []
  let total = 0
  const steps = {
    begin () {
      freshness.beginWrite()
      model.begin()
    },
    end () {
      if (model.pending.length === 0) return
      const outcome = OUTCOMES[pick(OUTCOMES.length)]
      log.push(outcome)
      total += outcome
      freshness.endWrite()
      model.end(outcome)
      // One that was given up is counted later.
      if (pick(4) !== 0) steps.count()
    },
    count () {
      assert.deepEqual(freshness.count(total), model.count())
    },
    beginSync () {
      syncs.push([freshness.beginSync(), model.beginSync()])
    },
    // They end in any order, or fail.
    endSync () {
      if (syncs.length === 0) return
      const [[written, writes]] = syncs.splice(pick(syncs.length), 1)
      if (pick(4) === 0) return
      freshness.reach(written)
      model.reach(writes)
    },
    fill () {
      freshness.fill()
      model.fill()
    },
    read () {
      const isPinned = pick(3) === 0
      const { isCertain, isBehind } = freshness
      const where = freshness.read(isPinned)
      log.push(isPinned, where)
      assert.equal(where, model.read(isPinned))
      assert.equal(isBehind, [READ.PRIMARY, READ.CATCH_UP, READ.WAIT].includes(where))
      if (isCertain) assert.equal(where, READ.LOCAL)
      // What the user was told to have written is seen.
      if (where === READ.LOCAL) assert.deepEqual(model.missing(), [])
    }
  }
  const names = ['begin', 'end', 'read', 'read', 'begin', 'end', 'beginSync', 'endSync', 'endSync', 'count', 'fill']
  for (let i = 0; i < STEPS; ++i) {
    const name = names[pick(i < 10 ? names.length - 1 : names.length)]
    log.push(name)
    steps[name]()
  }
}

test('reads go where a model of all writes has them go', t => {
  const pick = random(seed(t))
  for (let i = 0; i < HISTORIES; ++i) {
    const options = { readYourWrites: pick(4) !== 0, waitForUncertain: pick(2) === 0 }
    const log = []
    try {
      play(pick, options, log)
    } catch (error) {
      error.message += `\nof history ${i}: ${JSON.stringify({ ...options, log })}`
      throw error
    }
  }
})

test('a sync that succeeds behind all writes ends the waiting', t => {
  const pick = random(seed(t))
  for (let i = 0; i < 500; ++i) {
    const freshness = new Freshness({ readYourWrites: true, waitForUncertain: pick(2) === 0 })
    let total = 0
    for (let writes = pick(20); writes >= 0; --writes) {
      freshness.beginWrite()
      total += OUTCOMES[pick(OUTCOMES.length)]
      freshness.endWrite()
      freshness.count(total)
      if (pick(3) === 0) freshness.read(pick(2) === 0)
    }
    const before = freshness.version
    freshness.reach(freshness.beginSync())
    assert.ok([READ.LOCAL, READ.TRY].includes(freshness.read(false)))
    assert.deepEqual([freshness.read(false), freshness.version], [READ.LOCAL, before])
  }
})
