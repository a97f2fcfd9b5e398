'use strict'

const { retrace } = require('../errors')
const { OP } = require('../protocol')
const { MAX_CACHED_LENGTH, StatementCache } = require('../statement-cache')
const { now } = require('../timers')
const tracing = require('../tracing')
const { Entry } = require('../worker/entry')
const { Job } = require('../worker/job')

/** Has workers compile the SQL of a connection, and keeps what may come again. */
class Compiler {
  #connection
  #cache = new StatementCache()
  // What a prepare() compiled is forgotten once no Statement has it any more.
  #dropped = new FinalizationRegistry((number) => {
    if (!this.#connection.closed) this.#connection.route.forget(number)
  })

  constructor (connection) {
    this.#connection = connection
  }

  /** How many statements are kept. */
  get size () {
    return this.#cache.size
  }

  clear () {
    this.#cache.clear()
  }

  /** Compiles a statement of its own. */
  async compile (sql, flags, options = null) {
    const number = this.#connection.nextNumber()
    const entry = await this.#connection.route.compile(number, sql, flags, options)
    this.#dropped.register(entry, number)
    return entry
  }

  /** Has the worker that `send` sends to compile a statement of that number. */
  compileBy (send, number, sql, flags, options) {
    return this.postPreparation(send, number, sql, flags, options).promise
  }

  /** The job that compiles a statement: `entry` if that is known already, or a new one. */
  postPreparation (send, number, sql, flags, options, entry = null) {
    const job = new Job(OP.PREPARE, number)
    job.flags = flags
    job.values = [sql]
    job.sql = sql
    job.finish = (rows, columns) => {
      if (entry === null) return new Entry(number, sql, rows.flat(), columns)
      entry.describe(rows.flat(), columns)
      return entry
    }
    // A trip that fails takes the transaction with it that is open on the server.
    job.owner = this.#connection.root.holder
    if (options !== null) this.#connection.watch(job, options)
    // Compiling need not wait for a transaction of others; inside it, others may wait for this.
    if (!job.settled) send(job)
    return job
  }

  /** What SQL was compiled to, or null. */
  known (sql) {
    return this.#cache.get(sql)?.entry ?? null
  }

  /** Compiles SQL that may come again, once. */
  cached (sql, options = null) {
    const known = this.#cache.get(sql)
    if (known !== undefined && known.entry !== null) return known.entry
    // A call that may be interrupted compiles for itself.
    if (options !== null) return this.compile(sql, 0, options)
    if (known !== undefined) return known.compiling
    return this.#keep(sql, this.compile(sql, 0), null)
  }

  /** `along`: the entry and the job that compiles it, if what executes it need not wait. */
  #keep (sql, compiling, along) {
    const item = { entry: null, compiling, along, cache: null }
    const forget = () => this.#cache.remove(sql, item)
    compiling.then((entry) => {
      item.entry = entry
      if (!this.#connection.route.keeps(entry)) forget()
    }, forget)
    if (sql.length <= MAX_CACHED_LENGTH) this.#cache.set(sql, item)
    return compiling
  }

  /**
   * Has a worker compile and execute new SQL by one message; null where it has to be compiled
   * first: something is to be ordered, its words do not say what it is, or `read` throws, as its
   * own mistakes come before those of the values. `read(entry)` gives the call.
   */
  executeNew (op, sql, options, read, finish) {
    const known = this.#cache.get(sql)
    if (this.#isOrdered() || (known !== undefined && known.along === null)) return null
    const { entry, preparation } = known?.along ?? this.#outline(sql)
    if (entry === null || !(entry.reader || op === OP.RUN)) return null
    let call
    try {
      call = read(entry)
    } catch {
      return null
    }
    const compiling = preparation ?? this.#compileAlong(entry, options)
    return compiling === null ? null : this.#connection.execute(op, entry, call, finish, compiling)
  }

  /** Whether calls wait for a turn, or what is compiled is reported by itself. */
  #isOrdered () {
    const { root, options } = this.#connection
    const scope = root.current()
    return scope.holder !== null || scope.isOver() || tracing.on || options.verbose != null
  }

  #outline (sql) {
    const outline = this.#connection.natives.sqlOutline(sql)
    if (outline === undefined) return { entry: null, preparation: null }
    const [reader, parameters] = outline
    const is = Number(reader)
    const entry = new Entry(this.#connection.nextNumber(), sql, [is, is, is, ...parameters])
    return { entry, preparation: null }
  }

  #compileAlong (entry, options) {
    const { number, sql } = entry
    const preparation = this.#connection.route.compileAlong(entry, options)
    if (preparation === null) return null
    preparation.isPart = true
    this.#dropped.register(entry, number)
    // The job that executes it fails with the same.
    preparation.promise.catch(() => {})
    if (options === null) this.#keep(sql, preparation.promise, { entry, preparation })
    return preparation
  }

  /** Compiles a statement of its own, after the calls before it, which may make what it reads. */
  compileInTurn (sql, options) {
    const compile = () => this.compile(sql, 0, options)
    if (this.#connection.root.current().waiting().length === 0) {
      return tracing.on ? this.#compileNow(compile, sql) : compile()
    }
    return this.#connection.compileFirst(compile, async (entry) => entry, options, sql)
  }

  async #compileNow (compile, sql) {
    const began = now()
    try {
      return await compile()
    } catch (error) {
      tracing.reportUncompiled(sql, this.#connection.options.name, began, error)
      throw retrace(error)
    }
  }
}

module.exports = { Compiler }
