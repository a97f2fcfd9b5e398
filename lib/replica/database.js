'use strict'

const { OP } = require('../promise/message')
const { readToggle } = require('../options')
const { copyParams } = require('../params')
const { KEY } = require('../statement')
const { RemoteDatabase } = require('../remote/database')
const { isShared } = require('../promise/readers')
const { EXTENT, isLocalPragma, openSyncer, postSync, requireFrame } = require('./syncer')

/** The methods of a Database that is a replica: the file reads, all else is for the primary. */
class ReplicaDatabase {
  #remote
  #syncer
  // The connection to the file.
  #local
  // The class of statements that read from it.
  #Statement = null
  // The file has nothing at all yet.
  #isEmpty
  // Something was written that the file may not have.
  #hasWritten = false
  // How many writes may have happened, as the worker counts them; whether one more may follow.
  #writes = 0
  #isUnsure = false

  // The way to the primary.
  port

  /** `openLocal()` opens the file, once it is there, and gives a State. */
  constructor (environment, options, key, openLocal) {
    const remote = this.#remote = new RemoteDatabase(environment, options)
    const { connection } = remote
    this.port = connection.port
    const syncer = this.#syncer = openSyncer(environment, options, key, connection.port)
    try {
      this.#isEmpty = connection.wait(syncer.opened, 0, syncer) === null
      this.#local = openLocal()
    } catch (error) {
      this.#closeRemote()
      throw error
    }
    if (!options.replica.readYourWrites) return
    connection.onWrite = (failed) => {
      // One that was given up is counted when the worker notices.
      this.#isUnsure = failed
      this.#countWrites()
    }
  }

  #countWrites () {
    if (this.#writes === (this.#writes = this.port.writes())) return
    this.#isUnsure = false
    if (!this.#hasWritten) this.#syncer.tell(OP.SYNC, 0)
    this.#hasWritten = true
  }

  get open () { return this.#remote.open }

  get inTransaction () { return this.#remote.inTransaction }

  /** The State of the connection to the file. */
  get local () { return this.#local }

  get #isBehind () { return this.#hasWritten || this.#isEmpty }

  /** Whether the file is to read now; it is brought up to date for that. */
  readsHere () {
    if (this.port.inTransaction) return false
    if (this.#isUnsure) this.#countWrites()
    if (this.#isBehind) {
      // An open iterator keeps the connection at what was there when it began.
      if (!this.#isEmpty && this.#local.isReading()) return false
      this.#catchUp()
    }
    return true
  }

  #catchUp () {
    this.requireOpen()
    this.#sync(EXTENT.WRITTEN)
  }

  #sync (extent, frame) {
    const { connection } = this.#remote
    connection.requireOpen()
    const timeout = connection.options.defaultQueryTimeout
    const synced = connection.wait(postSync(this.#syncer, extent, frame), timeout, this.#syncer)
    this.#isEmpty = false
    if (extent !== EXTENT.FRAME) this.#hasWritten = false
    return synced
  }

  sync () {
    return this.#sync(EXTENT.NOW)
  }

  syncUntil (frame) {
    return this.#sync(EXTENT.FRAME, requireFrame(frame))
  }

  resync () {
    return this.#sync(EXTENT.ANEW)
  }

  maxWriteReplicationIndex () {
    return this.#remote.connection.port.written()
  }

  prepare (sql, database) {
    this.requireOpen()
    const local = this.#local
    let entry
    try {
      entry = this.#compile(sql)
    } catch (error) {
      return this.#prepareThere(sql, database, error)
    }
    entry.isHere ??= entry.reader && entry.readonly && isShared(sql)
    if (entry.isHere) {
      this.#Statement ??= statementClass(local.Statement)
      return new this.#Statement(KEY, entry, sql, database, local.int64, this)
    }
    const known = local.statement(entry, sql, database)
    const columns = { value: () => known.columns() }
    return Object.defineProperty(this.there(entry, sql, database), 'columns', columns)
  }

  /** What is not in the file yet may be there once it is up to date. */
  #compile (sql) {
    try {
      return this.#local.entry(sql)
    } catch (error) {
      if (error.code !== 'SQLITE_ERROR' || this.port.inTransaction) throw error
      try {
        this.#catchUp()
      } catch (reason) {
        throw this.#isBehind ? reason : error
      }
    }
    return this.#local.entry(sql)
  }

  /** What the file does not know, the primary may. */
  #prepareThere (sql, database, error) {
    if (error.code !== 'SQLITE_ERROR') throw error
    try {
      return this.#remote.prepare(sql, database)
    } catch (thrown) {
      throw thrown.code?.startsWith('REMOTE_') ? error : thrown
    }
  }

  /** A statement on the primary that was compiled here. */
  there ({ reader, readonly }, sql, database) {
    return this.#remote.introduce(sql, reader, readonly, database)
  }

  pragma (sql, simple, database) {
    if (!isLocalPragma(sql) || !this.readsHere()) return this.#remote.pragma(sql, simple, database)
    const statement = this.#local.statement(this.#local.compile(sql, true, false), sql, database)
    return simple ? statement.pluck().get() : statement.all()
  }

  explain (sql, database) {
    if (!this.readsHere()) return this.#remote.explain(sql, database)
    return this.#local.statement(this.#local.compile(sql, false, true), sql, database).all()
  }

  exec (sql, options) {
    this.#remote.exec(sql, options)
  }

  transaction (fn, database) {
    return this.#remote.transaction(fn, database)
  }

  batch (statements, mode) {
    return this.#remote.batch(statements, mode)
  }

  defaultSafeIntegers (args) {
    this.#remote.defaultSafeIntegers(args)
  }

  requireOpen () {
    this.#remote.requireOpen()
  }

  close () {
    if (!this.open) return
    this.#local.close()
    this.#closeRemote()
  }

  #closeRemote () {
    const { connection } = this.#remote
    connection.closePort(this.#syncer)
    this.#remote.close()
  }
}

// Statement class of an addon -> what reads from the file, inside a transaction from the primary.
const classes = new WeakMap()

function statementClass (Statement) {
  let known = classes.get(Statement)
  if (known === undefined) classes.set(Statement, known = createStatementClass(Statement))
  return known
}

function createStatementClass (Local) {
  return class Statement extends Local {
    #replica
    #entry
    // How a statement on the primary is to be set, once it is not as at first.
    #settings = null

    constructor (key, entry, sql, database, int64, replica) {
      super(key, entry, sql, database, int64)
      this.#entry = entry
      this.#replica = replica
      if (int64) this.#change().int64 = true
    }

    #change () {
      return (this.#settings ??= { mode: null, int64: false, timeout: null, bound: null })
    }

    // It gives the rowid that was inserted last, which the primary knows.
    run (...params) {
      return this.#there().run(...params)
    }

    get (...params) {
      return this.#replica.readsHere() ? super.get(...params) : this.#there().get(...params)
    }

    all (...params) {
      return this.#replica.readsHere() ? super.all(...params) : this.#there().all(...params)
    }

    iterate (...params) {
      return this.#replica.readsHere() ? super.iterate(...params) : this.#there().iterate(...params)
    }

    #there () {
      const statement = this.#replica.there(this.#entry, this.source, this.database)
      const { mode = null, int64 = false, timeout = null, bound = null } = this.#settings ?? {}
      statement.safeIntegers(int64)
      if (mode !== null) statement[mode]()
      if (timeout !== null) statement.timeout(timeout)
      if (bound !== null) statement.bind(...bound)
      return statement
    }

    bind (...params) {
      super.bind(...params)
      this.#change().bound = params.map(copyParams)
      return this
    }

    pluck () {
      return this.#setMode(super.pluck, 'pluck', arguments)
    }

    expand () {
      return this.#setMode(super.expand, 'expand', arguments)
    }

    raw () {
      return this.#setMode(super.raw, 'raw', arguments)
    }

    #setMode (method, name, args) {
      method.apply(this, args)
      const settings = this.#change()
      if (readToggle(args)) settings.mode = name
      else if (settings.mode === name) settings.mode = null
      return this
    }

    safeIntegers () {
      super.safeIntegers(...arguments)
      this.#change().int64 = readToggle(arguments)
      return this
    }

    timeout (ms) {
      super.timeout(ms)
      this.#change().timeout = ms
      return this
    }
  }
}

module.exports = { ReplicaDatabase }
