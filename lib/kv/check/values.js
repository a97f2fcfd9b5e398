'use strict'

// Values come back as they were, of any length and with any bytes.

const SIZES = [
  0, 1, 2, 3, 4, 8, 16, 28, 32, 63, 64, 100, 128, 200, 255, 256, 257, 400, 499, 500, 501, 511, 512,
  513, 700, 1000, 1023, 1024, 1025, 2000, 2048, 4095, 4096, 4097, 8000, 8191, 8192, 8193, 8256,
  10000, 16383, 16384, 16385, 16448, 20000, 32767, 32768, 32769, 32832, 39999, 40000, 50000, 60000,
  65535, 65536, 65537, 65600, 70000, 100000
]

const TEXTS = ['null', 'undefined', 'true', '0', '1', '-1', '{}', '[]', '""', '\\x00', 'OK', 'QUJD', '\r\n\0\u{1f600}"\\', "'", '%00']

/** Bytes that something on the way may take for something else. */
function samples (trial) {
  const all = Buffer.from(Array.from({ length: 256 }, (_, i) => i))
  const edges = [
    '\0', '\0\0\0', ' ', '\n', '\r\n', '\t', '\xff', '\x80', '\x1a', '\xef\xbb\xbf', '\xff\xfe',
    '\x1f\x8b\x08', '\x00\xff'
  ]
  const inside = (edge) => {
    const bytes = Buffer.from(edge, 'latin1')
    return Buffer.concat([bytes, trial.newValue(50), bytes])
  }
  return [
    all, Buffer.from(all).reverse(), Buffer.alloc(1), Buffer.alloc(600), Buffer.alloc(20, 255),
    Buffer.alloc(20, ' '), Buffer.alloc(300, 'ab'), ...edges.map(inside), ...TEXTS.map((text) => Buffer.from(text))
  ]
}

async function contents (trial) {
  await comeBack(trial, samples(trial), 'a binary value')
}

async function sizes (trial) {
  const most = trial.limits.maxValueBytes
  const wanted = [...SIZES.filter((size) => size < most), most - 1, most]
  await comeBack(trial, wanted.map((size) => trial.newValue(size)), 'a value')
}

/** Written by each method, read by both. */
async function comeBack (trial, values, what) {
  const writes = {
    putBatch: (entries) => trial.putAll(entries),
    put: (entries) => forAll(trial.some(entries), ([key, value]) => trial.put(key, value))
  }
  if (trial.fenced) {
    writes.putIfAbsent = (entries) => forAll(trial.some(entries), async ([key, value]) => {
      if (!await trial.putIfAbsent(key, value)) trial.fail('putIfAbsent returned false for a key that was absent')
    })
  }
  for (const [name, write] of Object.entries(writes)) {
    const entries = values.map((value) => [trial.newKey(), value])
    await write(entries)
    const keys = entries.map(([key]) => key)
    await forAll(trial.some(keys), (key) => trial.expect(key, `get of ${what} after ${name}`))
    await trial.expectAll(keys, `getBatch of ${what} after ${name}`)
  }
}

async function forAll (list, action) {
  for (const item of list) await action(item)
}

module.exports = { contents, sizes }
