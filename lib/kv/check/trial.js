'use strict'

// What is tried out with a store: its calls, what must be in it, and the faults that were found.
// Keys begin with a name of its own, and are deleted at the end.

const { randomBytes } = require('node:crypto')
const { messageOf, readAnswer } = require('../call')

// What a database never exceeds, whatever the limits of a store are: a transaction keeps so many
// bytes of pages in memory.
const MOST_BYTES = 64 << 20
const MOST_KEYS = 8192
const MOST_VALUE = 8 << 20

// With fewer rounds, a part is enough of what differs by little.
const ROUNDS_OF_ALL = 10
const PART = 4

const STOP = new Error('a fault was found')

class Trial {
  faults = new Set()
  calls = 0
  name = `check-${process.pid}-${randomBytes(6).toString('hex')}`
  #store
  #count = 0
  // What must be there, by key: undefined for what was deleted.
  #expected = new Map()
  // What they had before.
  #before = new Map()

  constructor (store, { fenced, lists, limits }, { rounds, late }) {
    this.#store = store
    this.limits = {
      concurrency: limits.concurrency,
      maxKeys: Math.min(limits.maxKeys, MOST_KEYS),
      maxReadKeys: Math.min(limits.maxReadKeys, MOST_KEYS),
      maxValueBytes: Math.min(limits.maxValueBytes, MOST_VALUE),
      maxBatchBytes: Math.min(limits.maxBatchBytes, MOST_BYTES)
    }
    this.fenced = fenced
    this.lists = lists
    this.rounds = rounds
    this.late = late
  }

  /** A fault ends one step: the others show more. */
  async try (step) {
    try {
      await step(this)
    } catch (error) {
      if (error !== STOP) this.faults.add(`${step.name}: ${messageOf(error)}`)
    }
  }

  /** Remembers a fault, and ends the step. */
  fail (text) {
    this.faults.add(text)
    throw STOP
  }

  /** Does it, and says of a fault of values that it is one of another kind. */
  async as (kind, action) {
    const before = new Set(this.faults)
    try {
      await action()
    } catch (error) {
      if (error !== STOP) throw error
      const found = [...this.faults].filter((fault) => !before.has(fault))
      for (const fault of found) this.faults.delete(fault)
      this.fail(`${kind}: ${found.map((fault) => fault.replace(/^[^:]*: /, '')).join()}`)
    }
  }

  /** Of much that is alike, a part where few rounds are asked for, the ends among it. */
  some (list) {
    if (this.rounds >= ROUNDS_OF_ALL) return list
    const first = Math.floor(Math.random() * PART)
    return list.filter((_, at) => at % PART === first || at === 0 || at === list.length - 1)
  }

  /** A key as a database has them, of its own. */
  newKey (family = 'K') {
    return `${this.name}/${family}/${(++this.#count).toString(16).padStart(8, '0')}`
  }

  newValue (length = 100) {
    return randomBytes(length)
  }

  async call (operation, ...args) {
    this.calls++
    const count = Array.isArray(args[0]) ? args[0].length : 1
    const answer = await this.#store[operation](...args)
    return copyOf(readAnswer(operation, answer, count))
  }

  async get (key) { return await this.call('get', bytes(key)) }
  async getBatch (keys) { return await this.call('getBatch', keys.map(bytes)) }

  #expect (key, value) {
    const before = this.#expected.get(key)
    if (before !== undefined) this.#before.set(key, [...(this.#before.get(key) ?? []), before])
    this.#expected.set(key, value)
  }

  async put (key, value) {
    this.#expect(key, value)
    await this.call('put', bytes(key), Buffer.from(value))
  }

  async putBatch (entries) {
    for (const [key, value] of entries) this.#expect(key, value)
    await this.call('putBatch', entries.map(([key, value]) => [bytes(key), Buffer.from(value)]))
  }

  /** In as many batches as the limits ask for. */
  async putAll (entries) {
    const { maxKeys, maxBatchBytes } = this.limits
    let [batch, size] = [[], 0]
    for (const entry of entries) {
      const length = entry[0].length + entry[1].length
      if (batch.length === maxKeys || (batch.length > 0 && size + length > maxBatchBytes)) {
        await this.putBatch(batch);
        [batch, size] = [[], 0]
      }
      batch.push(entry)
      size += length
    }
    if (batch.length > 0) await this.putBatch(batch)
  }

  async deleteBatch (keys) {
    for (const key of keys) this.#expect(key, undefined)
    await this.call('deleteBatch', keys.map(bytes))
  }

  async deleteAll (keys) {
    for (const some of chunks(keys, this.limits.maxKeys)) await this.deleteBatch(some)
  }

  async putIfAbsent (key, value) {
    const done = await this.call('putIfAbsent', bytes(key), Buffer.from(value))
    if (done) this.#expect(key, value)
    return done
  }

  /** The keys that begin so, sorted. */
  async list (prefix) {
    return (await this.call('list', bytes(prefix))).sort()
  }

  /** The keys that must be there, and begin so, sorted. */
  present (prefix) {
    const keys = [...this.#expected.keys()]
    const isThere = (key) => this.#expected.get(key) !== undefined
    return keys.filter((key) => key.startsWith(prefix) && isThere(key)).sort()
  }

  /** Compares what a key has with what it must have; `lost` is said if it has nothing. */
  compare (key, got, how, lost) {
    const expected = this.#expected.get(key)
    if (same(got, expected)) return
    if (got === null) this.fail(lost ?? `writes are lost, or reads are stale: ${how} gives nothing where a value was written`)
    if (expected === undefined) this.fail(`reads are stale, or writes come late: ${how} gives a value that was deleted`)
    if (this.#before.get(key)?.some((value) => same(got, value))) {
      this.fail(`reads are stale, or writes are lost: ${how} gives a value of before`)
    }
    // A short one may be what is left of any.
    const isOther = (value) => value !== undefined && same(got, value)
    if (got.length > 8 && [...this.#expected.values()].some(isOther)) this.fail(`answers are reordered: ${how} gives the value of another key`)
    if (got.length < expected.length && same(got, expected.subarray(0, got.length))) {
      this.fail(`values are truncated: ${how} gives ${got.length} of ${expected.length} bytes`)
    }
    if (got.length !== expected.length) this.fail(`values are changed: ${how} gives ${got.length} bytes where ${expected.length} were written`)
    this.fail(`values are changed: ${how} gives other bytes than were written`)
  }

  async expect (key, how) {
    this.compare(key, await this.get(key), how)
  }

  async expectAll (keys, how, lost) {
    for (const some of chunks(keys, this.limits.maxReadKeys)) {
      const values = await this.getBatch(some)
      some.forEach((key, i) => this.compare(key, values[i], how, lost))
    }
  }

  /** Everything that was ever written, once more. */
  async expectEverything (how) {
    await this.expectAll([...this.#expected.keys()], how)
  }

  async survives (other) {
    await this.try(async function reopen (trial) {
      trial.#store = other
      await trial.expectEverything('getBatch after opening again')
    })
  }

  async cleanUp () {
    for (const some of chunks([...this.#expected.keys()], this.limits.maxKeys)) {
      try {
        await this.#store.deleteBatch(some.map(bytes))
      } catch {} // What is wrong with it was said.
    }
  }
}

/** A store may read into the same memory again. */
function copyOf (answer) {
  if (answer instanceof Uint8Array) return Buffer.from(answer)
  return Array.isArray(answer) ? answer.map(copyOf) : answer
}

function bytes (key) {
  return Buffer.from(key, 'latin1')
}

function same (a, b) {
  if (a == null || b == null) return a == null && b == null
  return Buffer.compare(a, b) === 0
}

function * chunks (list, size) {
  for (let at = 0; at < list.length; at += size) yield list.slice(at, at + size)
}

module.exports = { Trial, same }
