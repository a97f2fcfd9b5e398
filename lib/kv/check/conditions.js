'use strict'

// putIfAbsent writes what is absent, and says truly whether it did.

const { same } = require('./trial')

const IGNORED = 'the condition of putIfAbsent is ignored'
const REFUSED = 'putIfAbsent returned false for a key that was'

async function putIfAbsent (trial) {
  if (!trial.fenced) return
  for (let i = 0; i < trial.rounds; i++) {
    const key = trial.newKey('L')
    if (await trial.get(key) !== null) trial.fail('a key that was never written has a value')
    const value = trial.newValue()
    if (await trial.putIfAbsent(key, value) !== true) trial.fail(`${REFUSED} absent`)
    const first = await trial.putIfAbsent(key, trial.newValue())
    const second = await trial.putIfAbsent(key, value)
    if (first || second) trial.fail(`${IGNORED}: it returned true for a key that was there`)
    await trial.expect(key, 'get after a putIfAbsent that returned false')
    if (i % 10 === 0) await afterOthers(trial, trial.newKey('L'))
  }
}

/** What another method has written is there, and what it has deleted is not. */
async function afterOthers (trial, key) {
  const writes = [
    () => trial.put(key, trial.newValue()),
    () => trial.putBatch([[key, trial.newValue()]]),
    // Whatever stands there, though it is nothing.
    () => trial.put(key, Buffer.alloc(0))
  ]
  for (const write of writes) {
    await write()
    if (await trial.putIfAbsent(key, trial.newValue())) {
      trial.fail(`${IGNORED}: it returned true for a key that was there`)
    }
    await trial.expect(key, 'get after a putIfAbsent that returned false')
    await trial.deleteBatch([key])
    if (!await trial.putIfAbsent(key, trial.newValue())) trial.fail(`${REFUSED} deleted`)
    await trial.expect(key, 'get after putIfAbsent')
  }
}

async function race (trial) {
  if (!trial.fenced) return
  for (let i = 0; i < Math.ceil(trial.rounds / 6); i++) {
    const key = trial.newKey('R')
    // Of several lengths: one that is sent faster is not the first.
    const offer = (_, at) => trial.newValue(100 + 3000 * (at % 3))
    const offered = Array.from({ length: trial.limits.concurrency }, offer)
    const done = await Promise.all(offered.map((value) => trial.putIfAbsent(key, value)))
    const won = offered.filter((_, at) => done[at])
    if (won.length !== 1) trial.fail(`${IGNORED}: of ${offered.length} calls at once for a key, ${won.length} returned true`)
    if (!same(await trial.get(key), won[0])) trial.fail('of several calls of putIfAbsent at once, one that returned false has written')
  }
}

/** Calls for several keys do not wait for each other in vain. */
async function atOnce (trial) {
  if (!trial.fenced) return
  const keys = Array.from({ length: trial.limits.concurrency }, () => trial.newKey('A'))
  const done = await Promise.all(keys.map((key) => trial.putIfAbsent(key, trial.newValue())))
  if (done.includes(false)) trial.fail(`${REFUSED} absent, while others were written`)
  await trial.expectAll(keys, 'getBatch after several calls of putIfAbsent at once')
}

module.exports = { atOnce, putIfAbsent, race }
