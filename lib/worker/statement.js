'use strict'

const { requireTimeout, takeOptions } = require('../arguments/call')
const { addMethods } = require('../caller')
const { about, mistake } = require('../errors')
const { KEY } = require('../key')
const { readToggle } = require('../connection-options')
const { checkValue, flatten, isNamed, namedValues } = require('../params')
const { FLAG, OP } = require('../protocol')
const { EXPAND, FLAT, PLUCK, RAW } = require('../rows')
const { copyViews } = require('../views')

const { INT64 } = FLAG

const isReader = 'This statement does not return data. Use run() instead'

// For @ferrolite/sqlite3, which binds by position and by name at once.
const PARAMETERS = Symbol.for('ferrolite.parameters')

let parametersOf

class Statement {
  static {
    parametersOf = (statement) => statement.#entry.parameters
  }

  #connection
  #entry
  #mode = FLAT
  #int64
  #bound = null
  // ms, 0 for none
  #timeout = null
  #options = null

  constructor (key, connection, entry, source, database) {
    if (key !== KEY) throw new TypeError('Statements can only be constructed by the db.prepare() method')
    this.#connection = connection
    this.#entry = entry
    this.#int64 = connection.int64
    this.reader = entry.reader
    this.readonly = entry.readonly
    this.source = source
    this.database = database
  }

  run (...params) {
    return this.#call(OP.RUN, params, finishRun)
  }

  get (...params) {
    return this.#call(OP.GET, params, finishGet)
  }

  all (...params) {
    return this.#call(OP.ALL, params, finishAll)
  }

  iterate (...params) {
    if (!this.#entry.reader) throw this.#mistake(isReader)
    const call = this.#reading(() => this.#prepareCall(params))
    // They are sent when the first row is asked for.
    call.values = copyViews(call.values)
    return this.#connection.iterate(this, this.#entry, call)
  }

  #call (op, params, finish) {
    return this.#connection.settle(() => {
      return this.#connection.execute(op, this.#entry, this.#prepareCall(params), finish)
    }, this.#entry.sql)
  }

  /** All that a call needs, as it is now: what is changed later is not for this call. */
  #prepareCall (params) {
    this.#connection.requireOpen()
    const names = this.#entry.parameters
    const taken = takeOptions(params, names, this.#connection.readOptions)
    const options = this.#optionsOf(taken ?? null)
    const flags = (this.#int64 ? INT64 : 0) | (this.#mode === PLUCK ? FLAG.PLUCK : 0)
    return { values: this.#values(params), mode: this.#mode, flags, options }
  }

  /** The nearest wins: those of the call, of with(), of timeout(). */
  #optionsOf (taken) {
    const kept = this.#options
    if (taken === null && this.#timeout === null) return kept
    const timeout = taken?.timeout ?? kept?.timeout ?? this.#timeout ?? undefined
    return { signal: taken?.signal ?? kept?.signal, timeout }
  }

  #mistake (message) {
    return this.#about(mistake('TypeError', message))
  }

  #about (error) {
    return about(error, this.#entry.sql, this.#connection.options.name)
  }

  /** Reads what a call was given, and says what SQL a mistake in it is about. */
  #reading (read) {
    try {
      return read()
    } catch (error) {
      throw this.#about(error)
    }
  }

  #values (params) {
    if (this.#bound !== null) {
      if (params.length !== 0) throw this.#mistake('This statement already has bound parameters')
      return this.#bound
    }
    return readValues(params, this.#entry)
  }

  bind (...params) {
    if (this.#bound !== null) throw this.#mistake('The bind() method can only be invoked once per statement object')
    this.#connection.requireOpen()
    const values = this.#reading(() => {
      const read = readValues(params, this.#entry)
      requireCount(read, this.#entry.parameters)
      return read
    })
    // What is bound stays as it is now.
    this.#bound = copyViews(values)
    return this
  }

  /** This statement with `{ signal, timeout }` for the calls that are made on what it returns. */
  with (options) {
    const copy = new Statement(KEY, this.#connection, this.#entry, this.#entry.sql, this.database)
    copy.#mode = this.#mode
    copy.#int64 = this.#int64
    copy.#bound = this.#bound
    copy.#timeout = this.#timeout
    copy.#options = this.#connection.readOptions(options)
    return Object.hasOwn(this, 'run') ? copy.timing() : copy
  }

  pluck (on) {
    return this.#setMode('pluck', PLUCK, arguments)
  }

  expand (on) {
    return this.#setMode('expand', EXPAND, arguments)
  }

  raw (on) {
    return this.#setMode('raw', RAW, arguments)
  }

  #setMode (name, mode, args) {
    if (!this.#entry.reader) throw this.#mistake(`The ${name}() method is only for statements that return data`)
    const on = readToggle(args)
    if (mode === EXPAND) this.#connection.requireCapability('stmt.expand()')
    if (on) this.#mode = mode
    else if (this.#mode === mode) this.#mode = FLAT
    return this
  }

  safeIntegers (on) {
    this.#int64 = readToggle(arguments)
    return this
  }

  timeout (ms) {
    this.#timeout = requireTimeout(ms)
    return this
  }

  timing (on) {
    require('../timing').setTiming(this, readToggle(arguments))
    return this
  }

  columns () {
    if (!this.#entry.reader) throw this.#mistake('The columns() method is only for statements that return data')
    this.#connection.requireOpen()
    return this.#entry.columns()
  }

  /** The names of the parameters in their order, null for one without. */
  get [PARAMETERS] () {
    return this.#entry.parameters
  }

  /** Ends the calls of this statement that have not ended. */
  interrupt () {
    this.#connection.interrupt(this.#entry)
    return this
  }

  toString () {
    return this.#entry.sql
  }
}

addMethods('worker/statement.js', Statement.prototype)

/** Values in the order of the parameters; code of the user runs here and nowhere later. */
function readValues (params, { parameters: names, isNamed: hasNames }) {
  if (params.length === 1 && isNamed(params[0])) {
    return namedValues(params[0], names) ?? flatten(params, names)
  }
  if (hasNames && params.length !== 0) return flatten(params, names)
  for (const value of params) {
    if (isNamed(value) || typeof value === 'function') return flatten(params, names)
    checkValue(value)
  }
  return params
}

function requireCount (values, names) {
  if (values.length > names.length) throw mistake('RangeError', 'Too many parameter values were provided')
  if (values.length === names.length) return
  if (names.some((name) => name !== null)) throw mistake('TypeError', 'Missing named parameters')
  throw mistake('RangeError', 'Too few parameter values were provided')
}

function finishRun ([[changes, lastInsertRowid]]) {
  return { changes, lastInsertRowid }
}

function finishGet (rows) {
  return rows[0]
}

function finishAll (rows) {
  return rows
}

module.exports = { Statement, finishAll, finishGet, finishRun, parametersOf, readValues }
