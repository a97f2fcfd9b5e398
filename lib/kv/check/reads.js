'use strict'

// Reads see what was written last, whichever method has written it.

const { sleep } = require('../../timers')

async function get (trial) {
  const key = trial.newKey()
  if (await trial.get(key) !== null) trial.fail('a key that was never written has a value')
  await trial.put(key, trial.newValue())
  await trial.expect(key, 'get after put')
  for (let i = 0; i < trial.rounds; i++) {
    await trial.put(key, trial.newValue(100 + i))
    await trial.expect(key, 'get after put')
  }
}

/** Values come in the order of the keys, whatever that is and whatever is absent. */
async function order (trial) {
  const keys = Array.from({ length: 12 }, () => trial.newKey())
  await trial.putAll(keys.filter((_, at) => at % 3 !== 1).map((key) => [key, trial.newValue()]))
  for (const some of [keys, [...keys].reverse(), keys.slice(0, 2), keys.slice(1, 3)]) {
    await trial.expectAll(some, 'getBatch')
  }
}

/** Each method that writes, after each that reads: what was read before is not remembered. */
async function fresh (trial) {
  const writes = {
    put: (key) => trial.put(key, trial.newValue()),
    putBatch: (key) => trial.putBatch([[key, trial.newValue()]])
  }
  if (trial.fenced) {
    writes.putIfAbsent = async (key) => {
      if (!await trial.putIfAbsent(key, trial.newValue())) trial.fail('putIfAbsent returned false for a key that was absent')
    }
  }
  const reads = {
    get: (key, how) => trial.expect(key, `get ${how}`),
    getBatch: (key, how) => trial.expectAll([key], `getBatch ${how}`)
  }
  for (const [write, set] of Object.entries(writes)) {
    for (const read of Object.values(reads)) {
      const key = trial.newKey()
      await read(key, 'of a key that was never written')
      for (let i = 0; i < 2; i++) {
        await set(key)
        await read(key, `after ${write}`)
        if (write !== 'putIfAbsent') {
          await set(key)
          await read(key, `after another ${write}`)
        }
        await trial.deleteBatch([key])
        await read(key, 'after deleteBatch')
      }
    }
  }
}

/** A write that was acknowledged and is done later replaces what was written since. */
async function late (trial) {
  const keys = Array.from({ length: 8 }, () => trial.newKey('W'))
  for (let i = 0; i < 5; i++) {
    for (const key of keys) await trial.put(key, trial.newValue())
  }
  await sleep(trial.late)
  await trial.as('writes come late: a put that was acknowledged has replaced a later one, or was lost since', async () => {
    for (const key of keys) await trial.expect(key, 'get some time after the last put')
  })
  await trial.expectEverything('getBatch some time later')
}

module.exports = { fresh, get, late, order }
