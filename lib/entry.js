'use strict'

const { makeError } = require('./errors')
const { HEADER } = require('./layout')
const { EXPAND, FLAT, decoderFor } = require('./rows')

const { VERSION, READER, READONLY, SHARED, COLUMNS } = HEADER

/**
 * The class of compiled statements of one addon, whose functions are constants in it.
 * @param {import('./engine').Environment} environment
 */
function createEntryClass ({ natives, block }) {
  /**
   * A compiled statement, which several Statement objects of the same SQL may use in turn, as long
   * as none of them needs state in it: an iterator, bound parameters, a time limit.
   */
  return class Entry {
    constructor (handle) {
      this.handle = handle
      // The cache that gives it to others; null while one Statement alone has it.
      this.cache = null
      this.users = 1
      this.reader = block.header[READER] === 1
      this.readonly = block.header[READONLY] === 1
      // Whether the file of a replica can answer it.
      this.isLocal = block.header[SHARED] === 1
      this.version = -1
      this.names = null
      this.decoders = null
      this.flat = null
    }

    /** The decoder for rows of the statement as it is now. */
    decoder (mode) {
      if (this.version !== block.header[VERSION]) {
        this.version = block.header[VERSION]
        this.decoders = [null, null, null, null]
        this.flat = null
      }
      return this.decoders[mode] ?? this.#build(mode)
    }

    #build (mode) {
      const names = natives.statementColumnNames.call(this.handle)
      // Rows are never read by the columns of another compiled form.
      if (names.length !== block.header[COLUMNS]) throw makeError('database schema has changed', 'SQLITE_SCHEMA', 17)
      const tables = mode === EXPAND ? natives.statementTables.call(this.handle) : null
      const decoder = this.decoders[mode] = decoderFor(mode, names, tables)
      if (mode === FLAT) this.flat = decoder
      return decoder
    }

    /** One of the same SQL: not compiled yet, as its tables may have changed. */
    another () {
      const other = new Entry(natives.statementClone.call(this.handle))
      other.reader = this.reader
      other.readonly = this.readonly
      other.isLocal = this.isLocal
      other.names = this.names
      return other
    }

    parameterNames () {
      this.names ??= natives.statementParameterNames.call(this.handle)
      return this.names
    }
  }
}

module.exports = { createEntryClass }
