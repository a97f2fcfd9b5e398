'use strict'

// Batches are whole up to the limits of the store: as many keys, as many bytes, as long keys.

// What reading asks for at once: slots, or the largest pages there are.
const LARGEST_READ = 65600
const MOST_READ = 64 << 20
// Keys of a batch that are read one by one.
const SAMPLE = 10

/** Batches of all shapes that a database writes. */
function shapes ({ maxKeys, maxValueBytes, maxBatchBytes }) {
  const key = 80
  const shape = (count, length) => {
    return { count: Math.max(1, Math.min(count, maxKeys)), length: Math.max(0, length) }
  }
  const fitting = (length) => shape(Math.floor(maxBatchBytes / (length + key)), length)
  return [
    // As many bytes as there can be, in as many values as there can be.
    shape(maxKeys, Math.min(maxValueBytes, Math.floor(maxBatchBytes / maxKeys) - key)),
    fitting(maxValueBytes - key),
    // Images of pages, and what slots are up to.
    ...[8256, 65600].filter((length) => length <= maxValueBytes).map(fitting),
    shape(maxKeys, Math.min(40, Math.floor(maxBatchBytes / maxKeys) - key))
  ]
}

async function batches (trial) {
  const { maxKeys, maxReadKeys, maxBatchBytes } = trial.limits
  for (const { count, length } of shapes(trial.limits)) {
    await isWhole(trial, Array.from({ length: count }, () => [trial.newKey('B'), trial.newValue(length)]))
  }
  await longKeys(trial)
  for (let i = 0; i < Math.ceil(trial.rounds / 15); i++) {
    const length = Math.max(0, Math.min(300 + i, Math.floor(maxBatchBytes / maxKeys) - 80))
    const entries = Array.from({ length: maxKeys }, () => [trial.newKey('B'), trial.newValue(length)])
    const keys = await isWhole(trial, entries)
    // In another order, with what is absent among them.
    const mixed = shuffle(keys).slice(0, Math.max(1, maxReadKeys >> 1))
    await trial.expectAll(mixed.flatMap((key) => [key, trial.newKey('absent')]), 'getBatch')
    const gone = keys.filter((_, at) => at % 3 === 0)
    await trial.deleteBatch(gone)
    await trial.expectAll(keys, 'getBatch after deleteBatch')
  }
  await largeReads(trial)
}

async function isWhole (trial, entries) {
  await trial.putBatch(entries)
  const size = entries.reduce((sum, [key, value]) => sum + key.length + value.length, 0)
  const of = `of ${entries.length} keys and ${size} bytes`
  const keys = entries.map(([key]) => key)
  const torn = `batches are torn: putBatch ${of} was acknowledged, and a part of it is not there`
  await trial.expectAll(keys, `getBatch ${of}`, torn)
  for (const key of shuffle(keys).slice(0, SAMPLE)) await trial.expect(key, `get after putBatch ${of}`)
  return keys
}

/** Keys as long as there are, as many as there can be. */
async function longKeys (trial) {
  const { maxKeys, maxBatchBytes } = trial.limits
  const count = Math.max(1, Math.min(maxKeys, Math.floor(maxBatchBytes / 700)))
  const name = `${trial.name}.b`.padEnd(600, '%E2')
  const number = (at) => at.toString(16).padStart(8, '0')
  const keyAt = (_, at) => `${name}/P/${number(at)}/${number(at * 7919)}${number(at)}`
  const keys = Array.from({ length: count }, keyAt)
  await isWhole(trial, keys.map((key) => [key, trial.newValue(40)]))
  await trial.deleteBatch(keys)
  const how = `getBatch after deleteBatch of ${count} long keys`
  await trial.as('deletes are lost', () => trial.expectAll(keys, how))
}

/** As many keys at once as reading may ask for, with values as large as slots and pages. */
async function largeReads (trial) {
  const { maxReadKeys, maxValueBytes, maxBatchBytes } = trial.limits
  const share = Math.floor(MOST_READ / maxReadKeys)
  const length = Math.min(maxValueBytes, LARGEST_READ, maxBatchBytes - 80, share)
  const keys = Array.from({ length: maxReadKeys }, () => trial.newKey('G'))
  await trial.putAll(keys.map((key) => [key, trial.newValue(length)]))
  await trial.expectAll(shuffle(keys), `getBatch of ${maxReadKeys} values of ${length} bytes`)
  await trial.deleteAll(keys)
}

/** As many keys as there can be are all deleted, and no others. */
async function deletes (trial) {
  const { maxKeys } = trial.limits
  const made = () => Array.from({ length: maxKeys }, () => trial.newKey('D'))
  for (let i = 0; i < Math.ceil(trial.rounds / 30); i++) {
    const [gone, kept] = [made(), made()]
    await trial.putAll([...gone, ...kept].map((key) => [key, trial.newValue(40)]))
    await trial.deleteBatch(shuffle(gone))
    await trial.as('deletes are lost', async () => {
      await trial.expectAll(gone, `getBatch after deleteBatch of ${maxKeys} keys`)
      for (const key of shuffle(gone).slice(0, SAMPLE)) {
        await trial.expect(key, `get after deleteBatch of ${maxKeys} keys`)
      }
    })
    await trial.expectAll(kept, 'getBatch of keys that deleteBatch was not given')
    // Keys that are absent are no error, beside others and alone.
    const [last, ...rest] = kept
    await trial.deleteBatch([...gone.slice(0, maxKeys - 1), last])
    await trial.expectAll([...gone, ...kept], 'getBatch after deleteBatch of keys that are absent')
    await trial.deleteBatch([last])
    if (rest.length > 0) await trial.deleteBatch(rest)
  }
}

/** Several calls at once do not mix. */
async function concurrency (trial) {
  const { maxKeys, maxReadKeys, maxBatchBytes, concurrency } = trial.limits
  const length = Math.min(64, maxKeys, Math.max(1, Math.floor(maxBatchBytes / 600)))
  const batch = () => Array.from({ length }, () => [trial.newKey('C'), trial.newValue(500)])
  const batches = Array.from({ length: concurrency }, batch)
  await Promise.all(batches.map((entries) => trial.putBatch(entries)))
  const keys = batches.flat().map(([key]) => key)
  await trial.expectAll(keys, 'getBatch after several batches at once')
  const reads = batches.map((entries) => entries.map(([key]) => key).slice(0, maxReadKeys))
  await Promise.all(reads.map((some) => trial.expectAll(some, 'one of several calls of getBatch at once')))
  await Promise.all(keys.slice(0, concurrency).map((key) => trial.expect(key, 'one of several calls of get at once')))
  const [first, ...others] = batches
  const wanted = first.map(([key]) => key).slice(0, maxReadKeys)
  await Promise.all([
    trial.expectAll(wanted, 'getBatch while others write'),
    ...others.map((entries) => trial.deleteBatch(entries.map(([key]) => key)))
  ])
  await trial.as('deletes are lost', () => trial.expectAll(keys, 'getBatch after several calls of deleteBatch at once'))
}

function shuffle (list) {
  const order = list.map((item) => [Math.random(), item])
  return order.sort(([a], [b]) => a - b).map(([, item]) => item)
}

module.exports = { batches, concurrency, deletes }
