'use strict'

const { decoderFor } = require('../rows')

/** What JavaScript keeps of a statement that a worker has compiled. */
class Entry {
  #decoders = [null, null, null, null]
  // The columns of the rows that come, as the worker packs them.
  #packed
  // Those of the connection that compiled it last.
  #columns
  // Of a replica: whether it was compiled on the file, and whether the file can answer it.
  isCompiledLocally = false
  isLocal = false

  // What readers are to do meanwhile, one of NEED; null until it is asked.
  fileNeed = null

  /**
   * `described`: whether it is a reader, and only reads, and may be shared; its parameters.
   * `packed`: its columns, as the worker packs them.
   */
  constructor (number, sql, described, packed = null) {
    this.number = number
    this.sql = sql
    this.describe(described, packed)
  }

  /** As a worker has compiled it. */
  describe (described, packed) {
    const [reader, readonly, shared, ...parameters] = described
    this.#packed = packed
    this.#columns = { packed }
    this.reader = reader === 1
    this.readonly = readonly === 1
    // Whether it reads, and means the same on any connection to the file.
    this.isRead = shared === 1
    this.parameters = parameters
    // Then no value is bound by its position alone.
    this.isNamed = parameters.some((name) => name !== null)
  }

  /** The same statement on another connection; one to the same file has the same columns. */
  copyFor (isSameFile) {
    const entry = new Entry(this.number, this.sql, [])
    if (isSameFile) entry.#columns = this.#columns
    return entry
  }

  /** Whether it may begin or end a transaction. */
  get isControl () {
    return this.readonly && !this.reader
  }

  /** The columns, when the worker has compiled it, also after a change of the schema. */
  setColumns (packed) {
    this.#packed = this.#columns.packed = packed
    this.#decoders.fill(null)
  }

  /** The same, where the call reads no rows. */
  noteColumns (packed) {
    this.#columns.packed = packed
  }

  decoder (mode) {
    return (this.#decoders[mode] ??= this.#decoderFor(mode))
  }

  #decoderFor (mode) {
    const columns = readColumns(this.#packed)
    return decoderFor(mode, columns.map(({ name }) => name), columns.map(({ table }) => table))
  }

  /** New objects, as `stmt.columns()` gives them. */
  columns () {
    return readColumns(this.#columns.packed)
  }
}

/** Unpacks columns, which have five fields each (crates/worker/src/reply/rows.rs). */
function readColumns (packed) {
  const fields = packed.split('\0').map((field) => field === '' ? null : field.slice(1))
  const columns = []
  for (let at = 0; at + 5 < fields.length; at += 5) {
    const [name, column, table, database, type] = fields.slice(at, at + 5)
    columns.push({ name, column, table, database, type })
  }
  return columns
}

module.exports = { Entry }
