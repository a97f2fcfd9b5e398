'use strict'

// The numbers of lib/protocol.js that the sync API needs at once: a statement and its rows.

// Fields of a part of a block.
const PART = {
  // One of REPLY
  KIND: 0,
  // The first slot of its values
  SLOT: 1,
  // Rows; microseconds in a TIME
  ROWS: 2,
  // Values of a row
  COLUMNS: 3,
  // Fields of a part
  LENGTH: 4
}

// What a connection is for.
const ROLE = {
  // All that its user does
  ONLY: 0,
  // All but the reads that readers can do as well
  WRITER: 1,
  // Such reads
  READER: 2,
  // The reads of a replica
  REPLICA: 3
}

// What a slot of the block holds.
const TAG = {
  // NULL
  NULL: 0,
  // A whole number within 32 bits
  INT32: 1,
  // A double that is no such integer, or a larger integer rounded to one
  DOUBLE: 2,
  // Start and end in the block's Latin-1 text
  LATIN1: 3,
  // Start and end in the block's UTF-16 text
  UTF16: 4,
  // Start and end in the block's bytes
  BYTES: 5,
  // Index among the large values
  LARGE: 6,
  // A 64-bit integer
  INT64: 7
}

// Places in the header of the block: numbers of 32 bits, from CHANGES to CALL_VALUE of 64.
const HEADER = {
  // Changes when the columns of the statement may have.
  VERSION: 0,
  // Rows in the block
  ROWS: 1,
  // 1 when the last row is in the block
  DONE: 2,
  // 1 for a statement that returns data
  READER: 3,
  // 1 for a statement that writes nothing
  READONLY: 4,
  // JavaScript says 1: the arguments of this call are in the order of the parameters.
  ORDERED: 5,
  // 1 for a statement that reads the same on other connections to its file
  SHARED: 6,
  // 1 when `extras` is not empty
  EXTRAS: 7,
  // Columns of the statement that the rows are of
  COLUMNS: 8,
  // Callbacks of SQLite into JavaScript that are running
  DEPTH: 9,
  // Arguments of a callback
  CALL_ARGS: 10,
  // Number of the group that an aggregate's callback is about
  CALL_GROUP: 11,
  // Tag of a callback's result
  CALL_RESULT: 12,
  // Parts of the block of a worker
  PARTS: 13,
  // 1 while a transaction is open; negative: as before
  IN_TRANSACTION: 14,
  // 1 if others may read the same file instead; negative: as before
  SHAREABLE: 15,
  // Rows changed by the last statement
  CHANGES: 16,
  // The last inserted rowid as a double
  ROWID: 17,
  // The same as a 64-bit integer
  ROWID_INT64: 18,
  // A callback's result that is a number
  CALL_VALUE: 19,
  // Slots of a worker's block: of 32 bits again, at byte 80
  SLOTS: 20
}

// Values of a block
const SLOTS_PER_BLOCK = 4096
// Bytes of blobs, and units of either text, after which a block is full
const BYTES_PER_BLOCK = 64 * 1024
// Bytes of blobs that start below BYTES_PER_BLOCK may end this far beyond it.
const BYTES_OVER = 8192
// Parts of a block that a worker has filled
const PARTS_PER_BLOCK = 1024
// Arguments of a callback: SQLite has 127 at most.
const CALL_SLOTS = 128
// Where the tags begin, in bytes, behind the header
const TAGS_AT = 256
// Where the slots begin
const SLOTS_AT = TAGS_AT + SLOTS_PER_BLOCK
// Where the bytes of blobs begin
const BYTES_AT = SLOTS_AT + 8 * SLOTS_PER_BLOCK
// Where the tags of a callback's arguments begin
const CALL_TAGS_AT = BYTES_AT + BYTES_PER_BLOCK + BYTES_OVER
// Where the slots of a callback's arguments begin
const CALL_SLOTS_AT = CALL_TAGS_AT + CALL_SLOTS
// Where the parts begin
const PARTS_AT = CALL_SLOTS_AT + 8 * CALL_SLOTS
// Bytes of the block
const BLOCK_LENGTH = PARTS_AT + 16 * PARTS_PER_BLOCK

// Texts of this length are turned into UTF-8 by JavaScript.
const LONG_TEXT = 8192

module.exports = {
  BLOCK_LENGTH,
  BYTES_AT,
  BYTES_OVER,
  BYTES_PER_BLOCK,
  CALL_SLOTS,
  CALL_SLOTS_AT,
  CALL_TAGS_AT,
  HEADER,
  LONG_TEXT,
  PART,
  PARTS_AT,
  PARTS_PER_BLOCK,
  ROLE,
  SLOTS_AT,
  SLOTS_PER_BLOCK,
  TAG,
  TAGS_AT
}
