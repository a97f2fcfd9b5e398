'use strict'

// The connection below a database: Ferrolite's promise API.

const { connect } = require('ferrolite/promise')
const { OPEN } = require('./constants')
const { makeError, misuse } = require('./errors')
const { Queue } = require('./queue')

// A test runner may replace it later.
// eslint-disable-next-line no-restricted-properties -- taken at load
const { bigint: nanoseconds } = process.hrtime

const URI = Symbol.for('ferrolite.uri')
const QUOTED_STRINGS = Symbol.for('ferrolite.quotedStrings')
// As node-sqlite3 has it, in ms.
const BUSY_TIMEOUT = 1000
const MAX_COMPILED = 100

// What has no statement compiles, and cannot be run.
const NOTHING = {
  isNothing: true,
  reader: false,
  [Symbol.for('ferrolite.parameters')]: [],
  async run () { throw misuse('not an error') }
}

class Inner {
  queue = new Queue()
  // Statements that are not finalized, and backups that are not finished.
  holders = new Set()
  isClosing = false
  // How often: an iterator rests between its rows.
  interrupts = 0
  #connection = null
  #compiled = new Map()
  #emitter
  #events = { trace: false, profile: false, change: false }

  constructor (emitter) {
    this.#emitter = emitter
  }

  async open (filename, mode) {
    const isInMemory = filename === '' || filename === ':memory:'
    this.#connection = await connect(sharedMemory(filename, mode), {
      timeout: BUSY_TIMEOUT,
      readonly: (mode & OPEN.OPEN_READONLY) !== 0 && !isInMemory,
      fileMustExist: (mode & OPEN.OPEN_CREATE) === 0 && !isInMemory,
      [URI]: (mode & OPEN.OPEN_URI) !== 0,
      [QUOTED_STRINGS]: true
    })
    if (this.#events.change) this.configure('change', true)
  }

  get isOpen () {
    return this.#connection !== null && this.#connection.open
  }

  requireOpen () {
    if (!this.isOpen) throw misuse('Database is closed')
    return this.#connection
  }

  async close () {
    if (!this.isOpen) throw misuse('Database handle is closed')
    if (this.holders.size > 0) {
      throw makeError('BUSY', 'unable to close due to unfinalized statements or unfinished backups')
    }
    await this.#connection.close()
  }

  /** A statement of Ferrolite, which those of the same SQL share. */
  async compile (sql) {
    const known = this.#compiled.get(sql)
    if (known !== undefined) return known
    const statement = await this.#compileFirst(sql)
    if (this.#compiled.size >= MAX_COMPILED) {
      this.#compiled.delete(this.#compiled.keys().next().value)
    }
    this.#compiled.set(sql, statement)
    return statement
  }

  // Of several statements, node-sqlite3 takes the first: the shortest beginning that is one.
  async #compileFirst (sql) {
    try {
      return await this.#connection.prepare(sql)
    } catch (error) {
      if (!(error instanceof RangeError)) throw error
    }
    for (let at = sql.indexOf(';'); at !== -1; at = sql.indexOf(';', at + 1)) {
      const statement = await this.#connection.prepare(sql.slice(0, at + 1)).catch(() => null)
      if (statement !== null) return statement
    }
    return NOTHING
  }

  async exec (sql) {
    const connection = this.requireOpen()
    await this.observed(sql, null, () => connection.exec(sql))
  }

  async changes () {
    return this.#connection.get('SELECT last_insert_rowid() AS lastInsertRowid, changes() AS changes')
  }

  /** Runs what executes SQL, and tells listeners of it. */
  async observed (sql, bound, execute) {
    if (this.#events.trace) this.#emitter.emit('trace', expanded(sql, bound))
    if (!this.#events.profile) return execute()
    const began = nanoseconds()
    try {
      return await execute()
    } finally {
      this.#emitter.emit('profile', expanded(sql, bound), Number(nanoseconds() - began))
    }
  }

  configure (event, on) {
    this.#events[event] = on
    if (event !== 'change' || this.#connection === null) return
    this.#connection.off('update', this.#onUpdate)
    if (on) this.#connection.on('update', this.#onUpdate)
  }

  #onUpdate = ({ operation, database, table, rowid }) => {
    this.#emitter.emit('change', operation, database, table, Number(rowid))
  }

  interrupt () {
    ++this.interrupts
    this.#connection.interrupt()
  }

  loadExtension (file) {
    return this.requireOpen().loadExtension(file)
  }

  backup (file, options) {
    return this.#connection.backup(file, options)
  }
}

// The engine has no shared cache, but a VFS whose databases in memory have names.
function sharedMemory (filename, mode) {
  if ((mode & OPEN.OPEN_URI) === 0) return filename
  const [, name = null, query = ''] = /^file:([^?]*)(?:\?(.*))?$/s.exec(filename) ?? []
  if (name === null) return filename
  const { URLSearchParams } = require('node:url')
  const parameters = new URLSearchParams(query)
  const isMemory = name === ':memory:' || parameters.get('mode') === 'memory'
  const isShared = (mode & OPEN.OPEN_SHAREDCACHE) !== 0 || parameters.get('cache') === 'shared'
  return isMemory && isShared ? `file:/${encodeURIComponent(name)}?vfs=memdb` : filename
}

const QUOTED = /'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|\/\*[\s\S]*?\*\/|\?(\d*)|[:@$](\w+)/g

/** SQL with the values in the place of its parameters, as far as they are known. */
function expanded (sql, bound) {
  if (bound === null) return sql
  const values = new Map(bound)
  let position = 0
  return sql.replace(QUOTED, (text, number, name) => {
    if (number === undefined && name === undefined) return text
    const at = number === undefined ? text : number === '' ? ++position : Number(number)
    return values.has(at) ? literal(values.get(at)) : values.has(position + 1) && name !== undefined ? literal(values.get(++position)) : 'NULL'
  })
}

function literal (value) {
  if (typeof value === 'string') return `'${value.replaceAll("'", "''")}'`
  return Buffer.isBuffer(value) ? `x'${value.toString('hex')}'` : String(value ?? 'NULL')
}

module.exports = { Inner }
