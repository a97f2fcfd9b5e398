'use strict'

const { readSyncOptions } = require('../arguments/call')
const { addMethods } = require('../caller')
const { requireCapability } = require('../capabilities')
const { about, fromCall, mistake, transactionLost } = require('../errors')
const { FLAG, OP } = require('../protocol')
const { StatementCache } = require('../statement-cache')
const tracing = require('../tracing')
const { Entry } = require('./entry')
const { Job } = require('./job')
const { Port, openRemote } = require('./port')

// What tracing calls each job.
const KINDS = new Map([
  [OP.RUN, 'run'], [OP.GET, 'get'], [OP.ALL, 'all'], [OP.ITERATE, 'iterate'], [OP.EXEC, 'exec'],
  [OP.BATCH, 'batch'], [OP.UNDO, 'exec']
])

/** A connection to a server whose calls wait for their reply. */
class BlockingConnection {
  int64 = false
  closed = false
  // Called after what may have written, with what it failed with or null.
  onWrite = null
  // The transaction that calls are inside of.
  scope = null
  #numbers = 1
  #cache = new StatementCache()
  #dropped = new FinalizationRegistry((number) => {
    if (!this.closed) this.port.notify(OP.DROP, number)
  })

  /** @param {import('../engine').Environment} environment */
  constructor (environment, options) {
    this.options = options
    this.natives = environment.natives
    this.port = new Port(environment, openRemote(options.remote))
    this.port.isOfServer = true
    this.port.opened.promise.catch(() => {})
    this.wait(this.port.opened)
  }

  requireOpen () {
    if (this.closed) throw mistake('TypeError', 'The database connection is not open', undefined, this.options.name)
  }

  /** A replica's primary has what any server has. */
  requireCapability (method) {
    requireCapability('remote', method)
  }

  get cachedStatements () {
    return this.#cache.size
  }

  nextNumber () {
    return this.#numbers++
  }

  /** The options of one call, checked. */
  readOptions (options) {
    const timeout = readSyncOptions(options)
    return timeout === undefined ? null : { timeout }
  }

  /** What a Statement's call comes to. */
  settle (call, sql) {
    try {
      return call()
    } catch (error) {
      throw about(error, sql, this.options.name)
    }
  }

  /** Waits for a job; `timeout` in ms, 0 for none. */
  wait (job, timeout = 0, port = this.port) {
    let failed = false
    let result
    job.isAwaited = false
    job.database = this.options.name
    job.resolve = (value) => { result = value }
    job.reject = (error) => {
      failed = true
      result = error
    }
    port.wait(job, timeout)
    if (failed) throw fromCall(result)
    return result
  }

  ask (op, target, values, finish = null, options = {}) {
    const { extra = 0, flags = 0, timeout, sql = null, sqls = null } = options
    this.requireOpen()
    const job = new Job(op, target)
    job.extra = extra
    job.flags = flags
    job.values = values
    job.finish = finish
    job.sql = sql
    job.sqls = sqls
    return this.#send(job, timeout, op === OP.EXEC || op === OP.BATCH)
  }

  #send (job, timeout, mayWrite) {
    this.scope?.admit(job)
    const send = () => {
      this.port.post(job)
      return this.#waitFor(job, timeout, mayWrite)
    }
    const context = tracing.on ? this.#contextOf(job) : null
    if (context === null) return send()
    job.flags |= FLAG.TIMED
    return tracing.traceSync(context, () => {
      try {
        return send()
      } finally {
        if (job.us >= 0) context.run = job.us / 1000
      }
    }, (context) => tracing.countRows(context, job))
  }

  /** A transaction has begun: gives what to call when it has ended. */
  enter () {
    const outer = this.scope
    this.scope ??= new Scope()
    return () => { this.scope = outer }
  }

  #contextOf (job) {
    const kind = KINDS.get(job.op)
    if (kind === undefined) return null
    return tracing.contextOf(kind, job.subject(), this.options.name, 'primary')
  }

  #waitFor (job, timeout, mayWrite) {
    let failure = null
    try {
      return this.wait(job, timeout ?? this.options.defaultQueryTimeout)
    } catch (error) {
      failure = error
      throw error
    } finally {
      if (mayWrite) this.onWrite?.(failure)
    }
  }

  /** Shows SQL to the `verbose` logger, without its values: the server has them. */
  log (sql) {
    this.options.verbose?.(this.natives.sqlWithoutKeys(sql))
  }

  /** Executes a statement; a call has values, flags, the mode of its rows, and options. */
  execute (op, entry, call, finish) {
    return this.#execute(new Job(op, entry.number), entry, call, finish)
  }

  #execute (job, entry, { values, flags, mode, options }, finish) {
    this.log(entry.sql)
    job.flags = flags
    job.values = values
    job.entry = job.op === OP.RUN ? null : entry
    job.mode = mode
    job.finish = finish
    job.statement = entry
    return this.#send(job, options?.timeout, !entry.isRead)
  }

  /** Opens an iteration of that number on a statement. */
  openIteration (number, entry, call) {
    const job = new Job(OP.ITERATE, entry.number)
    job.extra = number
    this.#execute(job, entry, call, null)
  }

  /** Up to `size` rows of an iteration. */
  fetch (number, size, entry, { flags, mode, options }) {
    const job = new Job(OP.NEXT, number)
    job.extra = size
    job.flags = flags
    job.entry = job.statement = entry
    job.mode = mode
    job.finish = (rows) => rows
    return this.#send(job, options?.timeout, false)
  }

  /** Compiles SQL, which the server describes the first time. */
  compile (sql, flags) {
    const known = flags === 0 ? this.#cache.get(sql) : undefined
    if (known !== undefined) return known.entry
    return this.#compile(OP.PREPARE, sql, [], flags)
  }

  /** As compile(), for a statement of which it is known whether it is a reader and only reads. */
  introduce (sql, reader, readonly) {
    const known = this.#cache.get(sql)
    if (known !== undefined) return known.entry
    return this.#compile(OP.INTRODUCE, sql, [reader ? 1 : 0, readonly ? 1 : 0], 0)
  }

  #compile (op, sql, values, flags) {
    const number = this.#numbers++
    const finish = (rows, columns) => new Entry(number, sql, rows.flat(), columns)
    const entry = this.ask(op, number, [sql, ...values], finish, { flags, sql })
    this.#dropped.register(entry, number)
    if (flags === 0) this.#cache.set(sql, { entry, cache: null })
    return entry
  }

  iterate (statement, entry, call) {
    return new StatementIterator(statement, this, entry, call)
  }

  interrupt () {}

  close () {
    if (this.closed) return
    this.closePort(this.port)
    this.closed = true
    this.#cache.clear()
  }

  closePort (port) {
    const job = new Job(OP.CLOSE)
    port.post(job)
    port.ended = true
    // What could not be opened is closed.
    try {
      this.wait(job, 0, port)
    } catch {}
  }
}

/** A transaction, which an error of one of its calls may have ended. */
class Scope {
  pending = 0
  // `{ error }`
  lost = null

  admit (job) {
    this.pending++
    job.scope = job.owner = this
    job.flags |= FLAG.INSIDE
  }

  lose (error) {
    this.lost ??= { error }
  }

  refusal () {
    return transactionLost(this.lost?.error)
  }
}

// Rows that cross at once: they have all come from the server already.
const BATCH = 256

class StatementIterator {
  #connection
  #entry
  #call
  #number
  #rows = []
  #at = 0
  #done = false

  constructor (statement, connection, entry, call) {
    Object.defineProperty(this, 'statement', { value: statement, enumerable: true })
    this.#connection = connection
    this.#entry = entry
    this.#call = call
    this.#number = connection.nextNumber()
    connection.openIteration(this.#number, entry, call)
  }

  next () {
    if (this.#at >= this.#rows.length && !this.#done) this.#fetch()
    if (this.#at >= this.#rows.length) return { value: undefined, done: true }
    return { value: this.#rows[this.#at++], done: false }
  }

  #fetch () {
    this.#rows = this.#connection.fetch(this.#number, BATCH, this.#entry, this.#call)
    this.#at = 0
    this.#done = this.#rows.length < BATCH
  }

  return () {
    if (!this.#done) this.#connection.ask(OP.RETURN, this.#number, [])
    this.#done = true
    this.#rows = []
    return { value: undefined, done: true }
  }

  [Symbol.iterator] () {
    return this
  }
}

addMethods('worker/blocking.js', StatementIterator.prototype)

module.exports = { BlockingConnection }
