'use strict'

const { decoderFor } = require('../rows')

/** A statement that the worker has compiled, and what is known of it here. */
class Entry {
  #decoders = [null, null, null, null]
  // What the worker said of the columns that rows are read by.
  #told
  // The same of the connection that compiled it last.
  #columns
  // Of a replica: whether the file has compiled it, and can answer it.
  isCompiledHere = false
  isHere = false

  // What readers are to do meanwhile, one of NEED; null until it is asked.
  fileNeed = null

  /**
   * `described`: whether it is a reader, and only reads, and may be shared; its parameters. `told`:
   * its columns, as the worker packs them.
   */
  constructor (number, sql, described, told = null) {
    const [reader, readonly, shared, ...parameters] = described
    this.number = number
    this.sql = sql
    this.#told = told
    this.#columns = { told }
    this.reader = reader === 1
    this.readonly = readonly === 1
    // Whether it reads, and means the same on any connection to the file.
    this.isRead = shared === 1
    this.parameters = parameters
    // Then no value is bound by its position alone.
    this.isNamed = parameters.some((name) => name !== null)
  }

  /** The same statement on another connection; one to the same file tells of the same columns. */
  elsewhere (isSameFile) {
    const entry = new Entry(this.number, this.sql, [])
    if (isSameFile) entry.#columns = this.#columns
    return entry
  }

  /** Whether it may begin or end a transaction. */
  get isControl () {
    return this.readonly && !this.reader
  }

  /** What the worker says when it has compiled it, also after a change of the schema. */
  setColumns (told) {
    this.#told = this.#columns.told = told
    this.#decoders.fill(null)
  }

  /** The same from a call whose rows are not read. */
  noteColumns (told) {
    this.#columns.told = told
  }

  decoder (mode) {
    return (this.#decoders[mode] ??= this.#decoderFor(mode))
  }

  #decoderFor (mode) {
    const columns = readColumns(this.#told)
    return decoderFor(mode, columns.map(({ name }) => name), columns.map(({ table }) => table))
  }

  /** New objects, as `stmt.columns()` gives them. */
  columns () {
    return readColumns(this.#columns.told)
  }
}

/** What the worker packed (crates/worker/src/reply.rs): five fields a column. */
function readColumns (told) {
  const fields = told.split('\0').map((field) => field === '' ? null : field.slice(1))
  const columns = []
  for (let at = 0; at + 5 < fields.length; at += 5) {
    const [name, column, table, database, type] = fields.slice(at, at + 5)
    columns.push({ name, column, table, database, type })
  }
  return columns
}

module.exports = { Entry }
