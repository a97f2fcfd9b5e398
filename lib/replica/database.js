'use strict'

const { OP } = require('../promise/message')
const { readToggle } = require('../options')
const { KEY } = require('../statement')
const { RemoteDatabase } = require('../remote/database')
const {
  EXTENT, isLocalPragma, isLocalRead, openSyncer, postSync, requireFrame
} = require('./syncer')

/** The methods of a Database that is a replica: the file reads, all else is for the primary. */
class ReplicaDatabase {
  #remote
  #syncer
  // The connection to the file.
  #local
  // Something was written that the file may not have, or it has nothing at all yet.
  behind

  // The way to the primary.
  port

  /** `openLocal()` opens the file, once it is there, and gives a State. */
  constructor (environment, options, key, openLocal) {
    const remote = this.#remote = new RemoteDatabase(environment, options)
    const { connection } = remote
    this.port = connection.port
    const syncer = this.#syncer = openSyncer(environment, options, key, connection.port)
    try {
      this.behind = connection.wait(syncer.opened, 0, syncer) === null
      this.#local = openLocal()
    } catch (error) {
      this.#closeRemote()
      throw error
    }
    if (!options.replica.readYourWrites) return
    const { port } = this
    let writes = 0
    connection.onWrite = () => {
      if (writes === (writes = port.writes())) return
      if (!this.behind) syncer.tell(OP.SYNC, 0)
      this.behind = true
    }
  }

  get open () { return this.#remote.open }

  get inTransaction () { return this.#remote.inTransaction }

  get local () { return this.#local }

  /** Whether the file is to read now; it is brought up to date for that. */
  readsHere () {
    if (this.port.inTransaction) return false
    if (this.behind) this.#catchUp()
    return true
  }

  #catchUp () {
    this.requireOpen()
    this.#sync(EXTENT.WRITTEN)
    this.behind = false
  }

  #sync (extent, frame) {
    const { connection } = this.#remote
    connection.requireOpen()
    const timeout = connection.options.defaultQueryTimeout
    return connection.wait(postSync(this.#syncer, extent, frame), timeout, this.#syncer)
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
    this.readsHere()
    const local = this.#local
    let entry
    try {
      entry = local.entry(sql)
    } catch (error) {
      return this.#prepareThere(sql, database, error)
    }
    entry.isHere ??= isLocalRead({ sql, reader: entry.reader, readonly: entry.readonly })
    if (entry.isHere) {
      return new (statementClass(local.Statement))(entry, sql, database, local.int64, this)
    }
    const columns = () => local.natives.statementColumns.call(entry.handle)
    return Object.defineProperty(this.there(entry, sql, database), 'columns', { value: columns })
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
    // What a statement on the primary is to be set to, by the names of its methods.
    #mode = null
    #int64
    #timeout = null
    #bound = null

    constructor (entry, sql, database, int64, replica) {
      super(KEY, entry, sql, database, int64)
      this.#entry = entry
      this.#replica = replica
      this.#int64 = int64
    }

    run (...params) {
      return this.#replica.readsHere() ? super.run(...params) : this.#there().run(...params)
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
      statement.safeIntegers(this.#int64)
      if (this.#mode !== null) statement[this.#mode]()
      if (this.#timeout !== null) statement.timeout(this.#timeout)
      if (this.#bound !== null) statement.bind(...this.#bound)
      return statement
    }

    bind (...params) {
      super.bind(...params)
      this.#bound = params.map((value) => ArrayBuffer.isView(value) ? value.slice() : value)
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
      if (readToggle(args)) this.#mode = name
      else if (this.#mode === name) this.#mode = null
      return this
    }

    safeIntegers () {
      super.safeIntegers(...arguments)
      this.#int64 = readToggle(arguments)
      return this
    }

    timeout (ms) {
      super.timeout(ms)
      this.#timeout = ms
      return this
    }
  }
}

module.exports = { ReplicaDatabase }
