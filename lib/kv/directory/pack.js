'use strict'

// What is in a file: one value, or those of a batch, which has a name for each of its keys (hard
// links), so that one file has to reach the disk and not a hundred.
//
//   0, value
//   1, count u32, bytes of the index u32, count x (length u32, bytes of the key u16, key), values

const SINGLE = 0
const PACK = 1
const HEAD = 9

/** The pieces of a file of several values. */
function pack (entries) {
  const index = entries.map(({ key, value }) => {
    const item = Buffer.alloc(6 + key.length)
    item.writeUInt32LE(value.byteLength, 0)
    item.writeUInt16LE(key.length, 4)
    item.write(key, 6, 'latin1')
    return item
  })
  const head = Buffer.alloc(HEAD)
  head[0] = PACK
  head.writeUInt32LE(entries.length, 1)
  head.writeUInt32LE(index.reduce((sum, item) => sum + item.length, 0), 5)
  return [head, ...index, ...entries.map(({ value }) => value)]
}

function single (value) {
  return [Buffer.of(SINGLE), value]
}

/** What the beginning of a file says: where its index ends, or null for that of one value. */
function indexEnd (start) {
  if (start[0] === SINGLE) return null
  if (start[0] !== PACK || start.length < HEAD) throw new Error('the file is not one of this store')
  return HEAD + start.readUInt32LE(5)
}

/** The keys of a pack, and where their values are. */
function readIndex (bytes) {
  const count = bytes.readUInt32LE(1)
  const items = []
  let at = HEAD
  let offset = HEAD + bytes.readUInt32LE(5)
  for (let i = 0; i < count; i++) {
    if (at + 6 > bytes.length) throw new Error('the file has an index that is damaged')
    const length = bytes.readUInt32LE(at)
    const end = at + 6 + bytes.readUInt16LE(at + 4)
    items.push({ key: bytes.toString('latin1', at + 6, end), offset, length })
    at = end
    offset += length
  }
  return items
}

module.exports = { indexEnd, pack, readIndex, single }
