'use strict'

const { decoderFor } = require('../rows')

/** A statement that the worker has compiled, and what is known of it here. */
class Entry {
  #decoders = [null, null, null, null]
  #names = null
  #tables = null
  // Of a replica: whether the file has compiled it, and can answer it.
  isCompiledHere = false
  isHere = false

  // What readers are to do meanwhile, as crates/node/src/sql.rs has it; null until it is asked.
  fileNeed = null

  /** `described`: whether it is a reader, and only reads, and may be shared; its parameters. */
  constructor (number, sql, described) {
    const [reader, readonly, shared, ...parameters] = described
    this.number = number
    this.sql = sql
    this.reader = reader === 1
    this.readonly = readonly === 1
    // Whether it reads, and means the same on any connection to the file.
    this.isRead = shared === 1
    this.parameters = parameters
    // Then no value is bound by its position alone.
    this.isNamed = parameters.some((name) => name !== null)
  }

  /** The same statement on another connection. */
  elsewhere () {
    return new Entry(this.number, this.sql, [])
  }

  /** Whether it may begin or end a transaction. */
  get isControl () {
    return this.readonly && !this.reader
  }

  /** What the worker says before the first row, and again after a change of the schema. */
  setColumns ([, ...columns]) {
    this.#names = columns.filter((_, i) => i % 2 === 0)
    this.#tables = columns.filter((_, i) => i % 2 === 1)
    this.#decoders.fill(null)
  }

  decoder (mode) {
    return (this.#decoders[mode] ??= decoderFor(mode, this.#names, this.#tables))
  }
}

module.exports = { Entry }
