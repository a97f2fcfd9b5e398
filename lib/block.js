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
  return {
    ...viewsOf(new ArrayBuffer(BLOCK_LENGTH), 0),
    // Text that Latin-1 cannot hold (first), and values too large for a block.
    extras: [],
    // The result of a callback if that is no number.
    result: null
  }
}

function viewsOf (buffer, at) {
  return {
    buffer,
    bytesAt: at + BYTES_AT,
    header: new Int32Array(buffer, at, 32),
    numbers: new Float64Array(buffer, at, 32),
    bigints: new BigInt64Array(buffer, at, 32),
    tags: new Uint8Array(buffer, at + TAGS_AT, SLOTS_PER_BLOCK),
    f64: new Float64Array(buffer, at + SLOTS_AT, SLOTS_PER_BLOCK),
    i32: new Int32Array(buffer, at + SLOTS_AT, 2 * SLOTS_PER_BLOCK),
    i64: new BigInt64Array(buffer, at + SLOTS_AT, SLOTS_PER_BLOCK),
    // Arguments of a callback.
    callTags: new Uint8Array(buffer, at + CALL_TAGS_AT, CALL_SLOTS),
    callF64: new Float64Array(buffer, at + CALL_SLOTS_AT, CALL_SLOTS),
    callI32: new Int32Array(buffer, at + CALL_SLOTS_AT, 2 * CALL_SLOTS),
    callI64: new BigInt64Array(buffer, at + CALL_SLOTS_AT, CALL_SLOTS),
    // What a worker's block consists of.
    parts: new Int32Array(buffer, at + PARTS_AT, PART.LENGTH * PARTS_PER_BLOCK)
  }
}

/** Has the views of a block over other memory: that of a WASM instance moves when it grows. */
function layOut (block, buffer, at) {
  Object.assign(block, viewsOf(buffer, at))
}

module.exports = { createBlock, layOut }
