'use strict'

// Jobs for a worker, packed into one message.

const { JOB, VALUE } = require('../protocol')
const { bytesOf } = require('../views')

const { NULL, DOUBLE, INT64, TEXT, BLOB } = VALUE

const FIRST_LENGTH = 4096
const KEPT_LENGTH = 1 << 20

// Longer texts are measured first: three bytes a character would be too much memory.
const LONG_TEXT = 1 << 16

/** Packs jobs: six words, then the values, each with a tag, a length and what it has of bytes. */
class Message {
  #bytes
  #words
  #doubles
  #bigints
  // In words of eight bytes.
  length = 0

  constructor () {
    this.#allocate(FIRST_LENGTH)
  }

  #allocate (length) {
    const old = this.#bytes
    this.#bytes = Buffer.from(new ArrayBuffer(length))
    if (old !== undefined) this.#bytes.set(old.subarray(0, Math.min(8 * this.length, length)))
    const { buffer } = this.#bytes
    this.#words = new Uint32Array(buffer)
    this.#doubles = new Float64Array(buffer)
    this.#bigints = new BigInt64Array(buffer)
  }

  #reserve (bytes) {
    const needed = 8 * this.length + bytes
    if (needed <= this.#bytes.length) return
    this.#allocate(8 * Math.ceil(Math.max(2 * this.#bytes.length, needed) / 8))
  }

  /** Adds a job, or what has the same fields, under a number. */
  add (id, { op, target, extra, flags, values }) {
    const start = this.length
    try {
      this.#reserve(24 + 16 * values.length)
      const words = this.#words
      const at = 2 * start
      words[at] = id
      words[at + 1] = op
      words[at + 2] = target
      words[at + 3] = extra
      words[at + 4] = values.length
      words[at + 5] = flags
      this.length += 3
      for (let i = 0; i < values.length; ++i) this.#value(values[i])
    } catch (error) {
      this.length = start
      throw error
    }
  }

  #value (value) {
    switch (typeof value) {
      case 'number':
        this.#tag(DOUBLE)
        this.#doubles[this.length++] = value
        return
      case 'bigint':
        this.#tag(INT64)
        this.#bigints[this.length++] = value
        return
      case 'string': return this.#text(value)
      case 'undefined': return this.#tag(NULL)
    }
    if (value === null) this.#tag(NULL)
    else this.#blob(value)
  }

  #tag (tag) {
    this.#reserve(16)
    const at = 2 * this.length++
    this.#words[at] = tag
    this.#words[at + 1] = 0
  }

  #text (text) {
    const most = text.length < LONG_TEXT ? text.length * 3 : Buffer.byteLength(text)
    this.#reserve(16 + most)
    const at = 2 * this.length++
    const length = this.#bytes.utf8Write(text, 8 * this.length, most)
    this.#words[at] = TEXT
    this.#words[at + 1] = length
    this.length += Math.ceil(length / 8)
  }

  #blob (view) {
    const bytes = bytesOf(view)
    const { byteLength } = bytes
    if (byteLength > 0x7fffffff) throw new RangeError('The bound string, buffer, or bigint is too big')
    this.#reserve(16 + byteLength)
    const at = 2 * this.length++
    this.#bytes.set(bytes, 8 * this.length)
    this.#words[at] = BLOB
    this.#words[at + 1] = byteLength
    this.length += Math.ceil(byteLength / 8)
  }

  /** Rows of a table, as one job has its values; `more` if others follow all the same. */
  pack (rows, values, more) {
    this.add(JOB.NONE, { op: 0, target: 0, extra: rows, flags: more ? 1 : 0, values })
    return this.take()
  }

  /** The bytes so far; they are copied before the next job is added. */
  take () {
    const bytes = this.#bytes.subarray(0, 8 * this.length)
    this.length = 0
    if (bytes.buffer.byteLength > KEPT_LENGTH) {
      this.#bytes = undefined
      this.#allocate(FIRST_LENGTH)
    }
    return bytes
  }
}

module.exports = { Message }
