'use strict'

const { readStore } = require('../lib/arguments/store')
const { STEPS } = require('../lib/kv/check/steps')
const { Trial } = require('../lib/kv/check/trial')

// How often what goes wrong now and then is tried.
const ROUNDS = 60
// How long a write that comes late is waited for, in ms.
const LATE = 300

const MAX_INT32 = 0x7fffffff
const KNOWN = ['reopen', 'rounds', 'late', 'singleWriter']

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
  const { reopen, rounds, late, singleWriter } = readCheckOptions(options)
  const { store: read } = readStore('check', { store, singleWriter }, false)
  const trial = new Trial(store, read, { rounds, late })
  try {
    for (const step of STEPS) await trial.try(step)
    if (reopen !== null) {
      const other = await reopen()
      readStore('check', { store: other, singleWriter }, false)
      await trial.survives(other)
    }
  } finally {
    await trial.cleanUp()
  }
  if (trial.faults.size > 0) throw new StoreFault([...trial.faults])
  return { fenced: read.fenced, calls: trial.calls, limits: read.limits }
}

function readCheckOptions (options) {
  if (typeof options !== 'object' || options === null) throw new TypeError('Expected second argument to be an options object')
  const unknown = Object.keys(options).find((name) => !KNOWN.includes(name))
  if (unknown !== undefined) throw new TypeError(`Unknown option "${unknown}" (it should be one of ${KNOWN.join(', ')})`)
  const { reopen = null, rounds = ROUNDS, late = LATE, singleWriter = true } = options
  if (reopen !== null && typeof reopen !== 'function') throw new TypeError('Expected the "reopen" option to be a function')
  if (typeof singleWriter !== 'boolean') throw new TypeError('Expected the "singleWriter" option to be a boolean')
  for (const [name, value] of Object.entries({ rounds, late })) {
    if (!Number.isInteger(value)) throw new TypeError(`Expected the "${name}" option to be a positive integer`)
    if (value < 1 || value > MAX_INT32) throw new RangeError(`Option "${name}" must be from 1 to ${MAX_INT32}, and is ${value}`)
  }
  return { reopen, rounds, late, singleWriter }
}

module.exports = { StoreFault, checkStore }
