'use strict'

// The memory of an instance. It moves when it grows: every view of it is made anew then, those of
// the block too.

const { TextEncoder } = require('node:util')
const { layOut } = require('../block')
const { BLOCK_LENGTH } = require('../layout')

// Shorter strings are written faster one by one.
const SHORT = 32

const encoder = new TextEncoder()

class Memory {
  #memory
  /** @type {any} */
  #bytes = Buffer.alloc(0)
  #words = new Int32Array(0)
  #integers = new BigInt64Array(0)
  // The block of rows, and where it is.
  #block = null
  #at = 0

  use (memory) {
    this.#memory = memory
    this.#refresh()
  }

  /** Has a block of rows in this memory from now on. */
  place (block, at) {
    this.#block = block
    this.#at = at
    layOut(block, this.#memory.buffer, at)
  }

  /** Where the block is, if it is of that length; else 0. */
  blockAt (block, length) {
    return block === this.#block && length === BLOCK_LENGTH ? this.#at : 0
  }

  /** Looks whether it has moved: before JavaScript reads from it. */
  check () {
    // A view of memory that has moved is empty.
    if (this.#words.length === 0) this.#refresh()
  }

  #refresh () {
    const { buffer } = this.#memory
    this.#bytes = Buffer.from(buffer)
    this.#words = new Int32Array(buffer)
    this.#integers = new BigInt64Array(buffer)
    if (this.#block !== null) layOut(this.#block, buffer, this.#at)
  }

  bytes () {
    this.check()
    return this.#bytes
  }

  view () {
    return new DataView(this.bytes().buffer)
  }

  words () {
    this.check()
    return this.#words
  }

  integers () {
    this.check()
    return this.#integers
  }

  latin1 (at, length) {
    return this.bytes().latin1Slice(at >>> 0, (at >>> 0) + length)
  }

  utf8 (at, length) {
    return this.bytes().utf8Slice(at >>> 0, (at >>> 0) + length)
  }

  utf16 (at, length) {
    return this.bytes().ucs2Slice(at >>> 0, (at >>> 0) + 2 * length)
  }

  /** Writes as much of a string as has room, and a zero. -> the bytes without that */
  write (text, at, room) {
    const bytes = this.bytes()
    at >>>= 0
    const { length } = text
    let done = 0
    if (length < SHORT && length < room) {
      for (; done < length; ++done) {
        const code = text.charCodeAt(done)
        if (code > 127) break
        bytes[at + done] = code
      }
      if (done === length) {
        bytes[at + done] = 0
        return done
      }
    }
    const { written } = encoder.encodeInto(text, bytes.subarray(at, at + room - 1))
    bytes[at + written] = 0
    return written
  }
}

module.exports = { Memory }
