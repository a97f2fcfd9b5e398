'use strict'

const { readSyncOptions, requireTimeout, takeOptions } = require('./arguments/call')
const { makeError } = require('./errors')
const { readToggle } = require('./options')
const { encodeLong, flatten, namedValues } = require('./params')
const { EXPAND, FLAT, HEADER, PLUCK, RAW, decoderFor } = require('./rows')

const {
  VERSION, ROWS, DONE, READER, READONLY, SHARED, ORDERED, EXTRAS, COLUMNS, DEPTH, CHANGES, ROWID,
  ROWID_INT64
} = HEADER

// Only this package can construct statements and iterators.
const KEY = Symbol('ferrolite')

// Rows that an iterator reads ahead: it starts with one and doubles.
const MAX_AHEAD = 128

/** The classes of one addon: its functions are constants in them, which V8 calls directly. */
function createStatementClass ({ natives, block }) {
  const { header, numbers, bigints } = block
  const {
    statementGet, statementAll, statementRun, statementMore, statementEnd, statementNext,
    statementReturn, statementIterate
  } = natives

  // By mode: bit 0 is safeIntegers, bit 1 pluck.
  const { statementGetInt64, statementPluck, statementPluckInt64 } = natives
  const gets = [statementGet, statementGetInt64, statementPluck, statementPluckInt64]
  const { statementAllInt64, statementAllPluck, statementAllPluckInt64 } = natives
  const alls = [statementAll, statementAllInt64, statementAllPluck, statementAllPluckInt64]

  /**
   * A compiled statement, which several Statement objects of the same SQL may use in turn, as long
   * as none of them needs state in it: an iterator, bound parameters, a time limit.
   */
  class Entry {
    constructor (handle) {
      this.handle = handle
      // The cache that gives it to others; null while one Statement alone has it.
      this.cache = null
      this.users = 1
      this.reader = header[READER] === 1
      this.readonly = header[READONLY] === 1
      // Whether a replica reads it from its file.
      this.isHere = header[SHARED] === 1
      this.version = -1
      this.names = null
      this.decoders = null
      this.flat = null
    }

    /** The decoder for rows of the statement as it is now. */
    decoder (mode) {
      if (this.version !== header[VERSION]) {
        this.version = header[VERSION]
        this.decoders = [null, null, null, null]
        this.flat = null
      }
      return this.decoders[mode] ?? this.#build(mode)
    }

    #build (mode) {
      const names = natives.statementColumnNames.call(this.handle)
      // Rows are never read by the columns of another compiled form.
      if (names.length !== header[COLUMNS]) throw makeError('database schema has changed', 'SQLITE_SCHEMA', 17)
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
      other.isHere = this.isHere
      other.names = this.names
      return other
    }

    parameterNames () {
      this.names ??= natives.statementParameterNames.call(this.handle)
      return this.names
    }
  }

  let isStatement
  let parametersOf
  let settingsOf

  class Statement {
    #entry
    #source
    #database
    // FLAT, PLUCK, EXPAND or RAW
    #mode = FLAT
    #int64
    // ms, or -1 for the connection's default
    #timeout = -1
    // 0 when rows are flat objects with plain numbers
    #special

    static {
      isStatement = (value) => typeof value === 'object' && value !== null && #entry in value
      // Null for a statement that is on a server.
      parametersOf = (statement) => {
        return isStatement(statement) ? statement.#entry.parameterNames() : null
      }
      settingsOf = (statement) => {
        check(isStatement(statement))
        return {
          source: statement.#source,
          database: statement.#database,
          mode: statement.#mode,
          int64: statement.#int64,
          timeout: statement.#timeout
        }
      }
    }

    constructor (key, entry, source, database, int64) {
      if (key !== KEY) throw new TypeError('Statements can only be constructed by the db.prepare() method')
      this.#entry = entry
      this.#source = source
      this.#database = database
      this.#int64 = int64
      this.#special = int64
      this.reader = entry.reader
      this.readonly = entry.readonly
      this.source = source
      this.database = database
    }

    /** True while an iterator of this statement is open. */
    get busy () {
      check(isStatement(this))
      return natives.statementBusy.call(this.#entry.handle)
    }

    run (...params) {
      check(isStatement(this))
      if ((params.length === 1 && isNamed(params[0])) ||
        statementRun.apply(this.#entry.handle, params) === false) {
        this.#reorder(statementRun, params, true)
      }
      const lastInsertRowid = this.#int64 ? bigints[ROWID_INT64] : numbers[ROWID]
      return { changes: numbers[CHANGES], lastInsertRowid }
    }

    get (...params) {
      check(isStatement(this))
      if (this.#special || (params.length === 1 && isNamed(params[0]))) return this.#get(params)
      const entry = this.#entry
      const text = statementGet.apply(entry.handle, params)
      if (text === undefined) return undefined
      if (text === false) return this.#get(params)
      const known = entry.version === header[VERSION] && entry.flat !== null
      const decoder = known ? entry.flat : entry.decoder(FLAT)
      const row = decoder.one(block, text ?? '')
      if (header[EXTRAS] !== 0) block.extras.length = 0
      return row
    }

    #get (params) {
      // What the arguments are may change it; this call goes on as it began.
      const mode = this.#mode
      const text = this.#execute(gets[this.#nativeMode()], params, false)
      if (text === undefined) return undefined
      const row = this.#entry.decoder(mode).one(block, text ?? '')
      if (header[EXTRAS] !== 0) block.extras.length = 0
      return row
    }

    all (...params) {
      check(isStatement(this))
      const entry = this.#entry
      if (this.#special || (params.length === 1 && isNamed(params[0]))) return this.#all(params)
      const text = statementAll.apply(entry.handle, params)
      return text === false ? this.#all(params) : this.#collect(text, FLAT)
    }

    #all (params) {
      const mode = this.#mode
      return this.#collect(this.#execute(alls[this.#nativeMode()], params, false), mode)
    }

    #collect (text, mode) {
      const rows = []
      if (header[ROWS] === 0) return rows
      const entry = this.#entry
      const { handle } = entry
      let done = header[DONE]
      try {
        const decoder = entry.decoder(mode)
        decoder.many(block, text ?? '', header[ROWS], rows)
        if (header[EXTRAS] !== 0) block.extras.length = 0
        while (done === 0) {
          text = statementMore.call(handle)
          done = header[DONE]
          decoder.many(block, text ?? '', header[ROWS], rows)
          if (header[EXTRAS] !== 0) block.extras.length = 0
        }
      } finally {
        // Only an error leaves the execution open: no room on the stack, say.
        if (done === 0) statementEnd.call(handle)
      }
      return rows
    }

    iterate (...params) {
      check(isStatement(this))
      if (!this.#entry.reader) throw new TypeError('This statement does not return data. Use run() instead')
      const entry = this.#own()
      const timeout = params.length === 0 ? undefined : this.#takeTimeout(params)
      this.#execute(statementIterate, params, false)
      natives.statementTimeout.call(entry.handle, timeout ?? this.#timeout)
      return new StatementIterator(KEY, this, entry, this.#mode, this.#nativeMode())
    }

    bind (...params) {
      check(isStatement(this))
      const entry = this.#own()
      if (natives.statementBind.apply(entry.handle, params) === false) {
        ordered(natives.statementBind, entry.handle, flatten(params, entry.parameterNames()))
      }
      return this
    }

    pluck (on) {
      check(isStatement(this))
      return this.#setMode('pluck', PLUCK, arguments)
    }

    expand (on) {
      check(isStatement(this))
      return this.#setMode('expand', EXPAND, arguments)
    }

    raw (on) {
      check(isStatement(this))
      return this.#setMode('raw', RAW, arguments)
    }

    #setMode (name, mode, args) {
      if (!this.#entry.reader) throw new TypeError(`The ${name}() method is only for statements that return data`)
      natives.statementRequireIdle.call(this.#entry.handle)
      if (readToggle(args)) this.#mode = mode
      else if (this.#mode === mode) this.#mode = FLAT
      this.#special = this.#int64 || this.#mode !== FLAT
      return this
    }

    safeIntegers (on) {
      check(isStatement(this))
      natives.statementRequireIdle.call(this.#entry.handle)
      this.#int64 = readToggle(arguments)
      this.#special = this.#int64 || this.#mode !== FLAT
      return this
    }

    timeout (ms) {
      check(isStatement(this))
      natives.statementRequireIdle.call(this.#entry.handle)
      this.#timeout = requireTimeout(ms)
      natives.statementTimeout.call(this.#own().handle, ms)
      return this
    }

    timing (on) {
      check(isStatement(this))
      require('./timing').setTiming(this, readToggle(arguments))
      return this
    }

    columns () {
      check(isStatement(this))
      if (!this.#entry.reader) throw new TypeError('The columns() method is only for statements that return data')
      return natives.statementColumns.call(this.#entry.handle)
    }

    interrupt () {
      check(isStatement(this))
      this.#database.interrupt()
      return this
    }

    toString () {
      check(isStatement(this))
      return natives.statementExpandedSql.call(this.#entry.handle) ?? this.#source
    }

    #nativeMode () {
      return (this.#int64 ? 1 : 0) | (this.#mode === PLUCK ? 2 : 0)
    }

    /** Takes the time limit of one call off the end of its arguments. */
    #takeTimeout (params) {
      return takeOptions(params, this.#entry.parameterNames(), readSyncOptions)
    }

    /** An entry that no other Statement uses. */
    #own () {
      const entry = this.#entry
      if (entry.cache === null) return entry
      if (entry.users > 1) {
        entry.users--
        return (this.#entry = entry.another())
      }
      entry.cache.remove(this.#source, entry)
      return entry
    }

    #execute (execute, params, writes) {
      if (params.length !== 1 || !isNamed(params[0])) {
        const result = execute.apply(this.#entry.handle, params)
        if (result !== false) return result
      }
      return this.#reorder(execute, params, writes)
    }

    /** Runs a native function with arguments that it does not take as they are. */
    #reorder (execute, params, writes) {
      const { handle } = this.#entry
      let values
      let timeout
      try {
        const names = this.#entry.parameterNames()
        timeout = this.#takeTimeout(params)
        values = (params.length === 1 && namedValues(params[0], names)) || flatten(params, names)
      } catch (error) {
        // A closed or busy connection comes first, as if it had been asked before the arguments
        // were.
        natives.statementCheck.call(handle, writes, params.length)
        throw error
      }
      // Nothing is left to bind, but something was given: a bound statement must not take it.
      if (values.length === 0) natives.statementCheck.call(handle, writes, params.length)
      if (timeout === undefined) return ordered(execute, handle, values)
      natives.statementTimeout.call(handle, timeout)
      try {
        return ordered(execute, handle, values)
      } finally {
        natives.statementTimeout.call(handle, this.#timeout)
      }
    }
  }

  /** Tells the addon that these values are in the order of the parameters. */
  function ordered (execute, handle, values) {
    encodeLong(values)
    header[ORDERED] = 1
    try {
      return execute.apply(handle, values)
    } finally {
      header[ORDERED] = 0
    }
  }

  let isIterator

  class StatementIterator {
    static {
      isIterator = (value) => typeof value === 'object' && value !== null && #entry in value
    }

    #entry
    #mode
    #nativeMode
    #rows = null
    #at = 0
    #length = 0
    #ahead = 1
    // 0: more rows may come, 1: what is buffered is the rest, 2: closed
    #state = 0

    constructor (key, statement, entry, mode, nativeMode) {
      if (key !== KEY) throw new TypeError('Disabled constructor')
      Object.defineProperty(this, 'statement', { value: statement, enumerable: true })
      this.#entry = entry
      this.#mode = mode
      this.#nativeMode = nativeMode
    }

    next () {
      check(isIterator(this))
      // Inside a callback of SQLite this connection may be the one that is executing.
      if (header[DEPTH] === 0 && this.#at < this.#length) {
        return { value: this.#rows[this.#at++], done: false }
      }
      return this.#fetch()
    }

    #fetch () {
      const { handle } = this.#entry
      if (header[DEPTH] !== 0) natives.statementRequireNotBusy.call(handle)
      if (this.#at < this.#length) return { value: this.#rows[this.#at++], done: false }
      if (this.#state !== 0) return this.return()
      let text
      try {
        text = statementNext.call(handle, this.#ahead, this.#nativeMode)
      } catch (error) {
        this.#drop()
        throw error
      }
      const rows = []
      if (header[DONE] === 1) this.#state = 1
      if (header[ROWS] === 0) return this.return()
      this.#entry.decoder(this.#mode).many(block, text ?? '', header[ROWS], rows)
      if (header[EXTRAS] !== 0) block.extras.length = 0
      if (this.#ahead < MAX_AHEAD) this.#ahead *= 2
      this.#rows = rows
      this.#length = rows.length
      this.#at = 1
      return { value: rows[0], done: false }
    }

    return () {
      check(isIterator(this))
      const { handle } = this.#entry
      if (header[DEPTH] !== 0) natives.statementRequireNotBusy.call(handle)
      if (this.#state !== 2) {
        // It is closed even if the commit that this may be fails.
        this.#drop()
        statementReturn.call(handle)
      }
      return { value: undefined, done: true }
    }

    #drop () {
      this.#state = 2
      this.#rows = null
      this.#at = this.#length = 0
    }

    [Symbol.iterator] () {
      return this
    }
  }

  return { Entry, Statement, parametersOf, settingsOf }
}

function check (isOurs) {
  if (!isOurs) throw new TypeError('Illegal invocation')
}

/** An object that is no value for a `?`: named parameters, an array, options. */
function isNamed (value) {
  return typeof value === 'object' && value !== null && !ArrayBuffer.isView(value)
}

module.exports = { KEY, createStatementClass, isNamed }
