'use strict'

// The memory that rows arrive in: crates/node/src/block_layout.rs.

const {
  BLOCK_LENGTH, BYTES_AT, CALL_SLOTS, CALL_SLOTS_AT, CALL_TAGS_AT, PART, PARTS_AT, PARTS_PER_BLOCK,
  SLOTS_AT, SLOTS_PER_BLOCK, TAGS_AT
} = require('./layout')

/**
 * The memory of a block of rows, and the views that decoders read it through.
 * @typedef {ReturnType<typeof createBlock>} Block
 */
function createBlock () {
  const buffer = new ArrayBuffer(BLOCK_LENGTH)
  return {
    buffer,
    header: new Int32Array(buffer, 0, 32),
    numbers: new Float64Array(buffer, 0, 32),
    bigints: new BigInt64Array(buffer, 0, 32),
    tags: new Uint8Array(buffer, TAGS_AT, SLOTS_PER_BLOCK),
    f64: new Float64Array(buffer, SLOTS_AT, SLOTS_PER_BLOCK),
    i32: new Int32Array(buffer, SLOTS_AT, 2 * SLOTS_PER_BLOCK),
    i64: new BigInt64Array(buffer, SLOTS_AT, SLOTS_PER_BLOCK),
    bytes: new Uint8Array(buffer, BYTES_AT),
    // Text that Latin-1 cannot hold (first), and values too large for a block.
    extras: [],
    // Arguments of a callback, and its result if that is no number.
    callTags: new Uint8Array(buffer, CALL_TAGS_AT, CALL_SLOTS),
    callF64: new Float64Array(buffer, CALL_SLOTS_AT, CALL_SLOTS),
    callI32: new Int32Array(buffer, CALL_SLOTS_AT, 2 * CALL_SLOTS),
    callI64: new BigInt64Array(buffer, CALL_SLOTS_AT, CALL_SLOTS),
    // What a worker's block consists of.
    parts: new Int32Array(buffer, PARTS_AT, PART.LENGTH * PARTS_PER_BLOCK),
    result: null
  }
}

module.exports = { createBlock }
