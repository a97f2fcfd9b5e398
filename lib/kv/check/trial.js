'use strict'

// Checks that a store keeps its promises: what a database relies on, tried out. It writes keys that
// begin with a name of its own, and deletes them.

const { randomBytes } = require('node:crypto')
const { setTimeout: sleep } = require('node:timers/promises')
const { readStore } = require('../lib/arguments/store')
const { messageOf, readAnswer } = require('../lib/kv/call')

// How often what goes wrong now and then is tried.
const ROUNDS = 60
// How long a write that comes late is waited for, in ms.
const LATE = 300

/** What a store did that it must not do. `faults` has a line for each kind. */
class StoreFault extends Error {
  constructor (faults) {
    super(`The store cannot hold a database:\n${faults.map((fault) => `- ${fault}`).join('\n')}`)
    this.faults = faults
  }
}

Object.defineProperty(StoreFault.prototype, 'name', {
  value: 'StoreFault', writable: true, enumerable: false, configurable: true
})

/**
 * Rejects with a StoreFault if the store has faults; both kinds of stores are taken. `reopen` gives
 * another client of the same data, as after a restart; `rounds` and `late` are for slow stores.
 */
async function checkStore (store, options = {}) {
  const { reopen = null, rounds = ROUNDS, late = LATE, singleWriter = true } = options
  if (reopen !== null && typeof reopen !== 'function') throw new TypeError('Expected the "reopen" option to be a function')
  for (const [name, value] of Object.entries({ rounds, late })) {
    if (!Number.isInteger(value) || value < 1) throw new TypeError(`Expected the "${name}" option to be a positive integer`)
  }
  const { store: read } = readStore('check', { store, singleWriter }, false)
  const check = new Check(store, read, rounds, late)
  try {
    for (const step of STEPS) await check.try(step)
    if (reopen !== null) await check.survives(await reopen())
  } finally {
    await check.cleanUp()
  }
  if (check.faults.size > 0) throw new StoreFault([...check.faults])
  return { fenced: read.fenced, calls: check.calls, limits: read.limits }
}

class Check {
  faults = new Set()
  calls = 0
  #store
  #name = `check-${process.pid}-${randomBytes(6).toString('hex')}`
  #count = 0
  // What must be there, by key: undefined for what was deleted.
  #expected = new Map()
  // What they had before.
  #before = new Map()

  constructor (store, { fenced, lists, limits }, rounds, late) {
    this.#store = store
    Object.assign(this, { fenced, lists, limits, rounds, late })
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

  newKey (family = 'K') {
    return `${this.#name}/${family}/${(++this.#count).toString(16).padStart(8, '0')}`
  }

  newValue (length = 100) {
    return randomBytes(length)
  }

  async call (operation, ...args) {
    this.calls++
    const count = Array.isArray(args[0]) ? args[0].length : 1
    const answer = await this.#store[operation](...args)
    return readAnswer(operation, answer, count)
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

  async deleteBatch (keys) {
    for (const key of keys) this.#expect(key, undefined)
    await this.call('deleteBatch', keys.map(bytes))
  }

  async putIfAbsent (key, value) {
    const done = await this.call('putIfAbsent', bytes(key), Buffer.from(value))
    if (done) this.#expect(key, value)
    return done
  }

  /** Compares what a key has with what it must have. */
  compare (key, got, how) {
    const expected = this.#expected.get(key)
    if (same(got, expected)) return
    if (got === null) this.fail(`writes are lost, or reads are stale: ${how} gives nothing where a value was written`)
    if (expected === undefined) this.fail(`reads are stale, or writes come late: ${how} gives a value that was deleted`)
    if (this.#before.get(key)?.some((value) => same(got, value))) {
      this.fail(`reads are stale, or writes are lost: ${how} gives a value of before`)
    }
    const other = [...this.#expected].find(([, value]) => value !== undefined && same(got, value))
    if (other !== undefined) this.fail(`answers are reordered: ${how} gives the value of another key`)
    if (got.length < expected.length && same(got, expected.subarray(0, got.length))) {
      this.fail(`values are truncated: ${how} gives ${got.length} of ${expected.length} bytes`)
    }
    if (got.length !== expected.length) this.fail(`values are changed: ${how} gives ${got.length} bytes where ${expected.length} were written`)
    this.fail(`values are changed: ${how} gives other bytes than were written`)
  }

  async expect (key, how) {
    this.compare(key, await this.get(key), how)
  }

  async expectAll (keys, how) {
    for (const some of chunks(keys, this.limits.maxReadKeys)) {
      const values = await this.getBatch(some)
      some.forEach((key, i) => this.compare(key, values[i], how))
    }
  }

  /** Everything that was ever written, once more. */
  async expectEverything (how) {
    await this.expectAll([...this.#expected.keys()], how)
  }

  async survives (other) {
    await this.try(async function reopen (check) {
      readStore('check', { store: other, singleWriter: true }, false)
      check.#store = other
      await check.expectEverything('getBatch after opening again')
    })
  }

  async cleanUp () {
    const keys = [...this.#expected.keys()]
    for (const some of chunks(keys, this.limits.maxKeys)) {
      try {
        await this.#store.deleteBatch(some.map(bytes))
      } catch {} // What is wrong with it was said.
    }
  }
}

const STOP = new Error('a fault was found')

const STEPS = [
  async function get (check) {
    const key = check.newKey()
    if (await check.get(key) !== null) check.fail('a key that was never written has a value')
    // One that was found to be absent is not remembered as such.
    await check.put(key, check.newValue())
    await check.expect(key, 'get after put')
    for (let i = 0; i < check.rounds; i++) {
      await check.put(key, check.newValue(100 + i))
      await check.expect(key, 'get after put')
    }
  },

  async function values (check) {
    const all = Buffer.from(Array.from({ length: 256 }, (_, i) => i))
    const samples = [all, Buffer.alloc(20), Buffer.from('\r\n\0\u{1f600}"\\'), check.newValue(70000), check.newValue(check.limits.maxValueBytes)]
    for (const value of samples) {
      const key = check.newKey()
      await check.put(key, value)
      await check.expect(key, 'get of a long or binary value')
      await check.expectAll([key], 'getBatch of a long or binary value')
      if (!check.fenced) continue
      const other = check.newKey()
      if (!await check.putIfAbsent(other, value)) check.fail('putIfAbsent returned false for a key that was absent')
      await check.expect(other, 'get of a long or binary value after putIfAbsent')
    }
  },

  async function batches (check) {
    const { maxKeys, maxBatchBytes } = check.limits
    for (let i = 0; i < Math.ceil(check.rounds / 15); i++) {
      const length = Math.min(300 + i, Math.floor(maxBatchBytes / maxKeys) - 64)
      const entries = Array.from({ length: maxKeys }, () => [check.newKey('B'), check.newValue(length)])
      await check.putBatch(entries)
      const keys = entries.map(([key]) => key)
      await batchIsWhole(check, keys)
      // In another order, with what is absent among them.
      const mixed = shuffle(keys).slice(0, Math.max(1, check.limits.maxReadKeys >> 1))
      await check.expectAll(mixed.flatMap((key) => [key, check.newKey('absent')]), 'getBatch')
      const gone = keys.filter((_, at) => at % 3 === 0)
      await check.deleteBatch(gone)
      await check.expectAll(keys, 'getBatch after deleteBatch')
    }
    await check.deleteBatch([check.newKey('absent')])
    if (check.limits.maxKeys > 1) await check.deleteBatch([check.newKey('absent'), check.newKey('absent')])
  },

  async function putIfAbsent (check) {
    if (!check.fenced) return
    const condition = 'the condition of putIfAbsent is ignored: '
    for (let i = 0; i < check.rounds; i++) {
      const key = check.newKey('L')
      if (await check.get(key) !== null) check.fail('a key that was never written has a value')
      const value = check.newValue()
      if (await check.putIfAbsent(key, value) !== true) check.fail('putIfAbsent returned false for a key that was absent')
      const first = await check.putIfAbsent(key, check.newValue())
      const second = await check.putIfAbsent(key, value)
      if (first || second) check.fail(`${condition}it returned true for a key that was there`)
      await check.expect(key, 'get after a putIfAbsent that returned false')
      if (i % 10 !== 0) continue
      await check.put(key, check.newValue())
      if (await check.putIfAbsent(key, value)) check.fail(`${condition}it returned true for a key that was there`)
      await check.deleteBatch([key])
      if (!await check.putIfAbsent(key, check.newValue())) check.fail('putIfAbsent returned false for a key that was deleted')
      await check.expect(key, 'get after putIfAbsent')
    }
  },

  async function race (check) {
    if (!check.fenced) return
    for (let i = 0; i < Math.ceil(check.rounds / 6); i++) {
      const key = check.newKey('R')
      const offered = Array.from({ length: check.limits.concurrency }, () => check.newValue())
      const done = await Promise.all(offered.map((value) => check.putIfAbsent(key, value)))
      const won = offered.filter((_, at) => done[at])
      if (won.length !== 1) check.fail(`the condition of putIfAbsent is ignored: of ${offered.length} calls at once for a key, ${won.length} returned true`)
      if (!same(await check.get(key), won[0])) check.fail('of several calls of putIfAbsent at once, one that returned false has written')
    }
  },

  async function concurrency (check) {
    const { maxKeys, concurrency } = check.limits
    const length = Math.min(64, maxKeys)
    const batch = () => Array.from({ length }, () => [check.newKey('C'), check.newValue(500)])
    const batches = Array.from({ length: concurrency }, batch)
    await Promise.all(batches.map((entries) => check.putBatch(entries)))
    await check.expectAll(batches.flat().map(([key]) => key), 'getBatch after several batches at once')
  },

  async function list (check) {
    if (!check.lists) return
    const [start, other] = [check.newKey('list'), check.newKey('list')]
    const keys = [`${start}/a`, `${start}/b`]
    await check.putBatch([...keys, `${other}/a`].slice(0, check.limits.maxKeys).map((key) => [key, check.newValue()]))
    if (check.limits.maxKeys < 3) return
    const found = (await check.call('list', bytes(`${start}/`))).sort()
    if (found.join() !== keys.join()) check.fail(`list gives ${found.length} keys where ${keys.length} begin with the prefix`)
  },

  async function late (check) {
    // A write that was acknowledged and is done later replaces what was written since.
    const keys = Array.from({ length: 8 }, () => check.newKey('W'))
    for (let i = 0; i < 5; i++) {
      for (const key of keys) await check.put(key, check.newValue())
    }
    await sleep(check.late)
    for (const key of keys) {
      try {
        await check.expect(key, 'get some time after the last put')
      } catch (error) {
        if (error === STOP) check.faults.add('writes come late: a put that was acknowledged has replaced a later one, or was lost since')
        throw error
      }
    }
    await check.expectEverything('getBatch some time later')
  }
]

async function batchIsWhole (check, keys) {
  for (const key of keys) {
    if (await check.get(key) === null) check.fail('batches are torn: putBatch was acknowledged, and a part of it is not there')
  }
  await check.expectAll(keys, 'getBatch')
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

function shuffle (list) {
  const order = list.map((item) => [Math.random(), item])
  return order.sort(([a], [b]) => a - b).map(([, item]) => item)
}

module.exports = { StoreFault, checkStore }
