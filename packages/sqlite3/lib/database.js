'use strict'

const { EventEmitter } = require('node:events')
const { Backup } = require('./backup')
const { CODES, LIMITS, OPEN } = require('./constants')
const { Inner } = require('./inner')
const { invoke } = require('./queue')
const { Statement } = require('./statement')

const DEFAULT_MODE = OPEN.OPEN_READWRITE | OPEN.OPEN_CREATE | OPEN.OPEN_FULLMUTEX
// Events that cost something are told only while somebody listens.
const EVENTS = ['trace', 'profile', 'change']

function Database (filename, mode, callback) {
  if (new.target === undefined) throw new TypeError("Class constructors cannot be invoked without 'new'")
  if (typeof filename !== 'string') throw new TypeError('Argument 0 must be a string')
  if (typeof mode === 'function') [mode, callback] = [undefined, mode]
  EventEmitter.call(this)
  const inner = new Inner(this)
  const own = { filename, mode: mode ?? DEFAULT_MODE }
  for (const [name, value] of Object.entries(own)) {
    Object.defineProperty(this, name, { value, enumerable: true })
  }
  Object.defineProperty(this, 'open', { get: () => inner.isOpen, enumerable: true })
  Object.defineProperty(this, '_inner', { value: inner })
  inner.queue.add(this, callback, async () => {
    await inner.open(filename, own.mode)
    return [null]
  })
  // Behind the callback, as in node-sqlite3.
  inner.queue.then(() => { if (inner.isOpen) invoke(this.emit, this, ['open']) })
}

/** A method that runs one statement and finalizes it. */
function direct (name) {
  return function (sql, ...args) {
    const callback = args.findLast((arg) => typeof arg === 'function')
    const statement = new Statement(this, sql, callback && ((error) => {
      if (error) callback.call(this, error)
    }))
    if (name !== 'prepare') {
      statement[name](...args).finalize()
      return this
    }
    return args.length === 0 ? statement : statement.bind(...args)
  }
}

const methods = {
  ...Object.fromEntries(['prepare', 'run', 'get', 'all', 'each', 'map'].map((name) => [name, direct(name)])),

  exec (sql, callback) {
    if (typeof sql !== 'string') throw new TypeError('Argument 0 must be a string')
    this._inner.queue.add(this, callback, async () => {
      await this._inner.exec(sql)
      return [null]
    })
    return this
  },

  close (callback) {
    const inner = this._inner
    // With work before it, it begins later.
    if (inner.queue.size === 0) inner.isClosing = true
    inner.queue.add(this, callback, async () => {
      inner.isClosing = true
      try {
        await inner.close()
      } finally {
        inner.isClosing = false
      }
      return [null]
    })
    inner.queue.then(() => { if (!inner.isOpen) invoke(this.emit, this, ['close']) })
    return this
  },

  // All is done in its order anyway.
  serialize (callback) {
    if (typeof callback === 'function') callback.call(this)
    return this
  },

  parallelize (callback) {
    if (typeof callback === 'function') callback.call(this)
    return this
  },

  wait (callback) {
    this._inner.queue.add(this, callback, () => {
      this._inner.requireOpen()
      return [null]
    })
    return this
  },

  loadExtension (file, callback) {
    if (typeof file !== 'string') throw new TypeError('Argument 0 must be a string')
    this._inner.queue.add(this, callback, async () => {
      await this._inner.loadExtension(file)
      return [null]
    })
    return this
  },

  interrupt () {
    const inner = this._inner
    if (!inner.isOpen) throw new Error('Database is not open')
    if (inner.isClosing) throw new Error('Database is closing')
    inner.interrupt()
    return this
  },

  configure (option, value, limit) {
    if (option === 'busyTimeout') return requireInteger(value, () => busyTimeout(this, value))
    if (EVENTS.includes(option)) {
      this._inner.configure(option, Boolean(value))
      return this
    }
    if (option !== 'limit') throw new TypeError(`${option} is not a valid configuration option`)
    if (!Object.values(LIMITS).includes(value)) throw new TypeError('limit id must be between 0 and 11')
    return requireInteger(limit, () => this)
  },

  backup (file, ...args) {
    const [source, destination, fileIsDestination, callback] = args.length < 2
      ? ['main', 'main', true, args[0]]
      : args
    const backup = new Backup(this, file, destination, source, fileIsDestination, callback)
    backup.retryErrors = [CODES.BUSY, CODES.LOCKED]
    return backup
  },

  on (event, listener) {
    EventEmitter.prototype.on.call(this, event, listener)
    if (EVENTS.includes(event)) this.configure(event, true)
    return this
  },

  removeListener (event, listener) {
    EventEmitter.prototype.removeListener.call(this, event, listener)
    if (EVENTS.includes(event) && this.listenerCount(event) === 0) this.configure(event, false)
    return this
  },

  removeAllListeners (...events) {
    EventEmitter.prototype.removeAllListeners.apply(this, events)
    for (const event of EVENTS) if (this.listenerCount(event) === 0) this.configure(event, false)
    return this
  }
}

function requireInteger (value, then) {
  if (!Number.isInteger(value)) throw new TypeError('Value must be an integer')
  return then()
}

function busyTimeout (database, ms) {
  database._inner.queue.add(database, null, () => database._inner.exec(`PRAGMA busy_timeout = ${ms}`))
  return database
}

Object.assign(Database.prototype, EventEmitter.prototype, methods)
Database.prototype.addListener = methods.on
Database.prototype.off = methods.removeListener

module.exports = { Database }
