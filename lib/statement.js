'use strict'

const { readSyncOptions, requireTimeout, takeOptions } = require('./arguments/call')
const { addMethods } = require('./caller')
const { createEntryClass } = require('./entry')
const { about, mistake } = require('./errors')
const { createIteratorClass } = require('./iterator')
const { KEY, requireOurs } = require('./key')
const { readToggle } = require('./connection-options')
const { encodeLong, flatten, isNamed, namedValues } = require('./params')
const { HEADER } = require('./layout')
const { EXPAND, FLAT, PLUCK, RAW } = require('./rows')

const { VERSION, ROWS, DONE, ORDERED, EXTRAS, CHANGES, ROWID, ROWID_INT64 } = HEADER

/**
 * The classes of one addon: its functions are constants in them, which V8 calls directly.
 * @param {import('./engine').Environment} environment
 */
function createClasses (environment) {
  return {
    Entry: createEntryClass(environment),
    ...createStatementClass(environment, createIteratorClass(environment))
  }
}

/** @param {import('./engine').Environment} environment */
function createStatementClass ({ natives, block }, StatementIterator) {
  const {
    statementGet, statementAll, statementRun, statementMore, statementEnd, statementIterate
  } = natives

  // By mode: bit 0 is safeIntegers, bit 1 pluck.
  const { statementGetInt64, statementPluck, statementPluckInt64 } = natives
  const gets = [statementGet, statementGetInt64, statementPluck, statementPluckInt64]
  const { statementAllInt64, statementAllPluck, statementAllPluckInt64 } = natives
  const alls = [statementAll, statementAllInt64, statementAllPluck, statementAllPluckInt64]

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
        requireOurs(isStatement(statement))
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
      requireOurs(isStatement(this))
      return natives.statementBusy.call(this.#entry.handle)
    }

    run (...params) {
      requireOurs(isStatement(this))
      if ((params.length === 1 && isNamed(params[0])) ||
        statementRun.apply(this.#entry.handle, params) === false) {
        this.#reorder(statementRun, params, true)
      }
      const lastInsertRowid = this.#int64 ? block.bigints[ROWID_INT64] : block.numbers[ROWID]
      return { changes: block.numbers[CHANGES], lastInsertRowid }
    }

    get (...params) {
      requireOurs(isStatement(this))
      if (this.#special || (params.length === 1 && isNamed(params[0]))) return this.#get(params)
      const entry = this.#entry
      const text = statementGet.apply(entry.handle, params)
      if (text === undefined) return undefined
      if (text === false) return this.#get(params)
      const known = entry.version === block.header[VERSION] && entry.flat !== null
      const decoder = known ? entry.flat : entry.decoder(FLAT)
      const row = decoder.one(block, text ?? '')
      if (block.header[EXTRAS] !== 0) block.extras.length = 0
      return row
    }

    #get (params) {
      // What the arguments are may change it; this call goes on as it began.
      const mode = this.#mode
      const text = this.#execute(gets[this.#nativeMode()], params, false)
      if (text === undefined) return undefined
      const row = this.#entry.decoder(mode).one(block, text ?? '')
      if (block.header[EXTRAS] !== 0) block.extras.length = 0
      return row
    }

    all (...params) {
      requireOurs(isStatement(this))
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
      if (block.header[ROWS] === 0) return rows
      const entry = this.#entry
      const { handle } = entry
      let done = block.header[DONE]
      try {
        const decoder = entry.decoder(mode)
        decoder.many(block, text ?? '', block.header[ROWS], rows)
        if (block.header[EXTRAS] !== 0) block.extras.length = 0
        while (done === 0) {
          text = statementMore.call(handle)
          done = block.header[DONE]
          decoder.many(block, text ?? '', block.header[ROWS], rows)
          if (block.header[EXTRAS] !== 0) block.extras.length = 0
        }
      } finally {
        // Only an error leaves the execution open: a full stack, for example.
        if (done === 0) statementEnd.call(handle)
      }
      return rows
    }

    iterate (...params) {
      requireOurs(isStatement(this))
      if (!this.#entry.reader) throw this.#mistake('This statement does not return data. Use run() instead')
      const entry = this.#own()
      const timeout = params.length === 0 ? undefined : this.#takeTimeout(params)
      this.#execute(statementIterate, params, false)
      natives.statementTimeout.call(entry.handle, timeout ?? this.#timeout)
      return new StatementIterator(KEY, this, entry, this.#mode, this.#nativeMode())
    }

    bind (...params) {
      requireOurs(isStatement(this))
      const entry = this.#own()
      if (natives.statementBind.apply(entry.handle, params) === false) {
        ordered(natives.statementBind, entry.handle, this.#flatten(params))
      }
      return this
    }

    pluck (on) {
      requireOurs(isStatement(this))
      return this.#setMode('pluck', PLUCK, arguments)
    }

    expand (on) {
      requireOurs(isStatement(this))
      return this.#setMode('expand', EXPAND, arguments)
    }

    raw (on) {
      requireOurs(isStatement(this))
      return this.#setMode('raw', RAW, arguments)
    }

    #setMode (name, mode, args) {
      if (!this.#entry.reader) throw this.#mistake(`The ${name}() method is only for statements that return data`)
      natives.statementRequireIdle.call(this.#entry.handle)
      if (readToggle(args)) this.#mode = mode
      else if (this.#mode === mode) this.#mode = FLAT
      this.#special = this.#int64 || this.#mode !== FLAT
      return this
    }

    safeIntegers (on) {
      requireOurs(isStatement(this))
      natives.statementRequireIdle.call(this.#entry.handle)
      this.#int64 = readToggle(arguments)
      this.#special = this.#int64 || this.#mode !== FLAT
      return this
    }

    timeout (ms) {
      requireOurs(isStatement(this))
      natives.statementRequireIdle.call(this.#entry.handle)
      this.#timeout = requireTimeout(ms)
      natives.statementTimeout.call(this.#own().handle, ms)
      return this
    }

    timing (on) {
      requireOurs(isStatement(this))
      require('./timing').setTiming(this, readToggle(arguments))
      return this
    }

    columns () {
      requireOurs(isStatement(this))
      if (!this.#entry.reader) throw this.#mistake('The columns() method is only for statements that return data')
      return natives.statementColumns.call(this.#entry.handle)
    }

    interrupt () {
      requireOurs(isStatement(this))
      this.#database.interrupt()
      return this
    }

    toString () {
      requireOurs(isStatement(this))
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

    #mistake (message) {
      return this.#about(mistake('TypeError', message))
    }

    #about (error) {
      return about(error, this.#source, this.#database.name)
    }

    #flatten (params) {
      try {
        return flatten(params, this.#entry.parameterNames())
      } catch (error) {
        throw this.#about(error)
      }
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
        throw this.#about(error)
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

  /** Runs a native function with values that are in the order of the parameters. */
  function ordered (execute, handle, values) {
    encodeLong(values)
    block.header[ORDERED] = 1
    try {
      return execute.apply(handle, values)
    } finally {
      block.header[ORDERED] = 0
    }
  }

  addMethods('statement.js', Statement.prototype)
  return { Statement, parametersOf, settingsOf }
}

module.exports = { createClasses }
