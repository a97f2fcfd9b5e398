'use strict'

const { readBatchOptions } = require('../../arguments/batch')
const { readSyncOptions } = require('../../arguments/call')
const { unavailable } = require('../../capabilities')
const { KEY } = require('../../key')
const { FLAG, OP } = require('../../protocol')
const { createController, createTransaction } = require('../../transaction')
const { finishBatch, packBatch, sqlsOf } = require('../../worker/batch')
const { BlockingConnection } = require('../../worker/blocking')
const { Statement, parametersOf } = require('../../worker/statement')

/** A database on a server. */
class RemoteBackend {
  kind = 'remote'
  #connection
  #controller = null

  /** @param {import('../../engine').Environment} environment */
  constructor (environment, options) {
    this.options = options
    this.#connection = new BlockingConnection(environment, options)
  }

  get connection () { return this.#connection }

  /** None: nothing of it is on this machine. */
  get file () { return null }

  get open () { return !this.#connection.closed }

  get inTransaction () { return this.#connection.port.inTransaction }

  requireOpen () {
    this.#connection.requireOpen()
  }

  #statement (sql, flags, database) {
    this.#connection.requireOpen()
    return this.#create(this.#connection.compile(sql, flags), sql, database)
  }

  #create (entry, sql, database) {
    const statement = new Statement(KEY, this.#connection, entry, sql, database)
    // All rows have come when a call ends.
    return Object.defineProperty(statement, 'busy', { value: false, enumerable: true })
  }

  prepare (sql, database) {
    return this.#statement(sql, 0, database)
  }

  /** As prepare(), where it is known whether the statement is a reader and only reads. */
  introduce (sql, reader, readonly, database) {
    this.#connection.requireOpen()
    return this.#create(this.#connection.introduce(sql, reader, readonly), sql, database)
  }

  parametersOf (statement) {
    return parametersOf(statement)
  }

  pragma (sql, database) {
    return this.#statement(sql, FLAG.PRAGMA, database)
  }

  explain (sql, database) {
    return this.#statement(sql, FLAG.EXPLAIN, database)
  }

  exec (sql, timeout) {
    this.#exec(OP.EXEC, sql, timeout)
  }

  #exec (op, sql, timeout) {
    this.#connection.requireOpen()
    this.#connection.log(sql)
    this.#connection.ask(op, 0, [sql], null, { timeout, sql })
  }

  #undo (sql) {
    try {
      this.#exec(OP.UNDO, sql)
    } catch {
      // The way to the server broke: what led here says what went wrong, and the server undoes it.
    }
  }

  transaction (fn, database) {
    this.#connection.requireOpen()
    const run = (op) => (sql) => () => this.#exec(op, sql)
    this.#controller ??= createController(run(OP.EXEC), (sql) => () => this.#undo(sql))
    const enter = () => this.#connection.enter()
    return createTransaction(fn, database, this.#controller, () => this.inTransaction, enter)
  }

  batch (statements, options) {
    const connection = this.#connection
    const { inTransaction } = this
    const { version, raw, call } = readBatchOptions(options, readSyncOptions)
    const values = packBatch(connection, statements, version, inTransaction)
    const flags = connection.int64 ? FLAG.INT64 : 0
    const finish = (replies) => finishBatch(replies, raw)
    const about = { flags, sqls: sqlsOf(values), timeout: call }
    return connection.ask(OP.BATCH, 0, values, finish, about)
  }

  defaultSafeIntegers (on) {
    this.#connection.int64 = on
  }

  listeners (method, event) {
    throw unavailable(this.kind, `${method}('${event === 'build' ? event : 'update'}')`)
  }

  /** Only what is on this machine: the server does not report its memory. */
  stats () {
    this.#connection.requireOpen()
    return { cachedStatements: this.#connection.cachedStatements }
  }

  /** A call to a server is over before anybody can interrupt it. */
  interrupt () {
    this.#connection.requireOpen()
  }

  close () {
    this.#connection.close()
  }
}

module.exports = { RemoteBackend }
