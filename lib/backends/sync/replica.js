'use strict'

const { addMethods } = require('../../caller')
const { unavailable } = require('../../capabilities')
const { EventListeners } = require('../../listeners')
const { REFUSED } = require('../../environment')
const { describe } = require('../../errors')
const { KEY } = require('../../key')
const { copyParams } = require('../../params')
const { EXTENT, OP, ROLE } = require('../../protocol')
const { Freshness, READ } = require('../../replica/freshness')
const { EVENTS, PATIENCE, listenersFor, openSyncer, requireFrame, syncNow } = require('../../replica/syncer')
const { Syncs } = require('../../replica/syncs')
const { EXPAND, FLAT, PLUCK, RAW } = require('../../rows')
const { LocalBackend, classesOf } = require('./local')
const { RemoteBackend } = require('./remote')

/** A replica: reads go to its file, everything else goes to the primary. */
class ReplicaBackend {
  kind = 'replica'
  // The backend of the primary.
  #primary
  #syncer
  // The connection to the file.
  #local
  // The class of statements that read from it.
  #Statement
  #freshness
  // What the last write failed with, as long as the worker may not have counted it.
  #failure = null
  #events = new EventListeners(EVENTS, () => this.#syncs.update())
  #syncs

  // That of the primary.
  port

  /** @param {import('../../engine').Environment} environment */
  constructor (environment, options, key) {
    this.options = options
    const primary = this.#primary = new RemoteBackend(environment, options)
    const { connection } = primary
    this.port = connection.port
    const classes = classesOf(environment)
    this.#Statement = classes.ReplicaStatement ??= createStatementClass(classes)
    const syncer = this.#syncer = openSyncer(environment, options, key, connection.port)
    this.#freshness = new Freshness(options.replica)
    try {
      if (connection.wait(syncer.opened, 0, syncer) !== null) this.#freshness.fill()
      const forReading = { ...options, readonly: true, fileMustExist: true }
      this.#local = new LocalBackend(environment, forReading, key, ROLE.REPLICA)
    } catch (error) {
      this.#closePrimary()
      throw error
    }
    this.#local.role = 'file'
    this.#syncs = new Syncs(syncer, this.#events, options.name)
    connection.onWrite = (failure) => {
      // One that was given up is counted when the worker notices.
      this.#failure = failure
      this.#countWrites()
    }
  }

  #countWrites () {
    const { isNew, isUncertain, isDue } = this.#freshness.count(this.port.writes())
    if (isDue) this.#syncer.notify(OP.SYNC, 0)
    if (!isNew) return
    const error = this.#failure
    this.#failure = null
    if (isUncertain) this.#events.emit('uncertain', { error })
  }

  get open () { return this.#primary.open }

  get inTransaction () { return this.#primary.inTransaction }

  get file () { return this.#local }

  /** Of a transaction that an error has ended, too: what is called inside it is refused. */
  get #isInside () {
    const { port, scope } = this.#primary.connection
    return port.inTransaction || (scope !== null && scope.lost !== null)
  }

  /** Whether a read of that statement goes to the file now. Brings the file up to date if so. */
  readsLocally (statement) {
    if (this.#isInside) return false
    if (this.#failure !== null) this.#countWrites()
    switch (this.#freshness.isCertain ? READ.LOCAL : this.#freshness.read(this.#local.isReading)) {
      case READ.PRIMARY: return false
      case READ.CATCH_UP:
        this.#catchUp(statement.source)
        break
      case READ.TRY: this.#tryCatchUp()
    }
    return true
  }

  /** Once, and not for long: what came of a write may not be known until the server is back. */
  #tryCatchUp () {
    this.requireOpen()
    const { defaultQueryTimeout: limit } = this.#primary.connection.options
    try {
      this.#sync(EXTENT.WRITTEN, null, limit === 0 ? PATIENCE : Math.min(limit, PATIENCE))
    } catch {
      // The event has said so, and the worker goes on trying.
    }
  }

  #catchUp (sql) {
    this.requireOpen()
    try {
      this.#sync(EXTENT.WRITTEN)
    } catch (error) {
      throw describe(error, sql)
    }
  }

  #sync (extent, frame = null, timeout = this.#primary.connection.options.defaultQueryTimeout) {
    const { connection } = this.#primary
    connection.requireOpen()
    const wait = (job) => connection.wait(job, timeout, this.#syncer)
    const written = this.#freshness.beginSync()
    const synced = syncNow(this.#syncer, extent, frame, wait)
    if (extent === EXTENT.FRAME) this.#freshness.fill()
    else this.#freshness.reach(written)
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

  listeners (method, event) {
    this.requireOpen()
    return listenersFor(this.#events, method, event)
  }

  get lastSync () {
    this.requireOpen()
    return this.#syncs.last
  }

  get lag () {
    this.requireOpen()
    return this.#syncs.lag
  }

  maxWriteReplicationIndex () {
    return this.#primary.connection.port.written()
  }

  prepare (sql, database) {
    this.requireOpen()
    const local = this.#local
    let entry
    try {
      entry = this.#compile(sql)
    } catch (error) {
      return this.#prepareOnPrimary(sql, database, error)
    }
    if (entry.isLocal) {
      return new this.#Statement(KEY, entry, sql, database, local.int64, this)
    }
    const known = local.statement(entry, sql, database)
    const columns = { value: () => known.columns() }
    return Object.defineProperty(this.onPrimary(entry, sql, database), 'columns', columns)
  }

  /** Compiles on the file. If that fails, the file is brought up to date, and it is tried again. */
  #compile (sql) {
    try {
      return this.#local.entry(sql)
    } catch (error) {
      if (error.code !== 'SQLITE_ERROR' || this.port.inTransaction) throw error
      try {
        this.#catchUp(sql)
      } catch (reason) {
        throw this.#freshness.isBehind ? reason : error
      }
    }
    return this.#local.entry(sql)
  }

  /** Compiles on the primary what the file does not have: a new table, for example. */
  #prepareOnPrimary (sql, database, error) {
    if (error.code === REFUSED) return this.#primary.prepare(sql, database)
    if (error.code !== 'SQLITE_ERROR') throw error
    try {
      return this.#primary.prepare(sql, database)
    } catch (thrown) {
      throw thrown.code?.startsWith('REMOTE_') ? error : thrown
    }
  }

  /** The statement on the primary for one that was compiled on the file. */
  onPrimary ({ reader, readonly }, sql, database) {
    return this.#primary.introduce(sql, reader, readonly, database)
  }

  parametersOf (statement) {
    return this.#local.parametersOf(statement) ?? this.#primary.parametersOf(statement)
  }

  /** The statement of a pragma: on the file if that can answer it, else on the primary. */
  pragma (sql, database) {
    const entry = this.#isInside ? null : this.#compilePragma(sql)
    if (entry === null || !this.readsLocally({ source: sql })) {
      return this.#primary.pragma(sql, database)
    }
    return this.#local.statement(entry, sql, database)
  }

  /** Null if the file cannot answer it. */
  #compilePragma (sql) {
    this.requireOpen()
    try {
      return this.#local.compile(sql, true, false)
    } catch (error) {
      if (error.code === REFUSED) return null
      throw error
    }
  }

  explain (sql, database) {
    if (!this.readsLocally({ source: sql })) return this.#primary.explain(sql, database)
    return this.#local.statement(this.#local.compile(sql, false, true), sql, database)
  }

  exec (sql, timeout) {
    this.#primary.exec(sql, timeout)
  }

  transaction (fn, database) {
    return this.#primary.transaction(fn, database)
  }

  batch (statements, options) {
    return this.#primary.batch(statements, options)
  }

  defaultSafeIntegers (on) {
    this.#local.defaultSafeIntegers(on)
    this.#primary.defaultSafeIntegers(on)
  }

  stats () {
    return this.#local.stats()
  }

  interrupt () {
    this.#primary.interrupt()
    this.#local.interrupt()
  }

  requireOpen () {
    this.#primary.requireOpen()
  }

  close () {
    if (!this.open) return
    this.#syncs.close()
    this.#local.close()
    this.#closePrimary()
  }

  #closePrimary () {
    const { connection } = this.#primary
    connection.closePort(this.#syncer)
    this.#primary.close()
  }
}

/** Rows of the file, or of the primary if the file refuses to give the first. */
class RowIterator {
  #rows
  #fallback

  constructor (key, statement, rows, fallback) {
    if (key !== KEY) throw new TypeError('Disabled constructor')
    Object.defineProperty(this, 'statement', { value: statement, enumerable: true })
    this.#rows = rows
    this.#fallback = fallback
  }

  next () {
    return this.#fallback === null ? this.#rows.next() : this.#first()
  }

  #first () {
    const fallback = this.#fallback
    this.#fallback = null
    try {
      return this.#rows.next()
    } catch (error) {
      this.#rows = fallback(error)
      return this.#rows.next()
    }
  }

  return () {
    this.#fallback = null
    return this.#rows.return()
  }

  [Symbol.iterator] () {
    return this
  }
}

addMethods('backends/sync/replica.js', RowIterator.prototype)

// The methods that set each mode but the first.
const MODES = { [PLUCK]: 'pluck', [RAW]: 'raw' }

/** The class of statements that read from the file, and inside a transaction from the primary. */
function createStatementClass ({ Statement: Local, settingsOf }) {
  // Beside the few statements that have it: each field is felt in prepare().
  const bound = new WeakMap()

  class Statement extends Local {
    #replica

    constructor (key, entry, sql, database, int64, replica) {
      super(key, entry, sql, database, int64)
      this.#replica = replica
    }

    // It gives the rowid that was inserted last, which the primary knows.
    run (...params) {
      return this.#onPrimary().run(...params)
    }

    get (...params) {
      if (!this.#replica.readsLocally(this)) return this.#onPrimary().get(...params)
      try {
        return super.get(...params)
      } catch (error) {
        return this.#retry(error).get(...params)
      }
    }

    all (...params) {
      if (!this.#replica.readsLocally(this)) return this.#onPrimary().all(...params)
      try {
        return super.all(...params)
      } catch (error) {
        return this.#retry(error).all(...params)
      }
    }

    /** The file refuses what depends on the connection that writes, which a new view may use. */
    #retry (error) {
      if (error?.code !== REFUSED) throw error
      return this.#onPrimary()
    }

    iterate (...params) {
      if (!this.#replica.readsLocally(this)) return this.#onPrimary().iterate(...params)
      // They may be needed again.
      const copies = params.map(copyParams)
      const fallback = (error) => this.#retry(error).iterate(...copies)
      return new RowIterator(KEY, this, super.iterate(...copies), fallback)
    }

    bind (...params) {
      // Read once: a getter may say something else the next time.
      const copies = params.map(copyParams)
      super.bind(...copies)
      bound.set(this, copies)
      return this
    }

    /** A statement on the primary that is set as this one. */
    #onPrimary () {
      const { source, mode, int64, timeout } = settingsOf(this)
      const statement = this.#replica.onPrimary(this, source, this.database)
      statement.safeIntegers(int64)
      if (mode === EXPAND) throw unavailable('replica', 'stmt.expand() inside a transaction')
      if (mode !== FLAT) statement[MODES[mode]]()
      if (timeout !== -1) statement.timeout(timeout)
      if (bound.has(this)) statement.bind(...bound.get(this))
      return statement
    }
  }

  addMethods('backends/sync/replica.js', Statement.prototype)
  return Statement
}

module.exports = { ReplicaBackend }
