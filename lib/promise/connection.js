'use strict'

const { AsyncLocalStorage } = require('node:async_hooks')
const { OUTCOME, abortError, describe, retrace, withOutcome } = require('../errors')
const { KEY } = require('../key')
const { LIMITS } = require('../connection-options')
const { lazy } = require('../lazy')
const { FLAG, NEED, OP } = require('../protocol')
const { openRoute } = require('../backends/promise')
const { clearTimeout, now, setTimeout } = require('../timers')
const { lifecycle } = require('../occasions')
const tracing = require('../tracing')
const { copyViews } = require('../views')
const { Job } = require('../worker/job')
const { interrupted } = require('../worker/port')
const { watch } = require('../worker/watch')
const { Compiler } = require('./compiler')
const { countCalls } = require('./queue')
const { Scope } = require('./scope')

const modules = lazy({
  call: () => require('../arguments/call'),
  capabilities: () => require('../capabilities'),
  iterator: () => require('./iterator'),
  lifecycle: () => require('../lifecycle'),
  stats: () => require('../stats'),
  transaction: () => require('./transaction')
})

// What may take long and leaves nothing behind when it is interrupted.
const INTERRUPTIBLE = new Set([OP.RUN, OP.GET, OP.ALL, OP.EXEC, OP.ITERATE, OP.NEXT, OP.SERIALIZE,
  OP.BACKUP_STEP, OP.CHANGESET, OP.APPLY])

// How those who listen know them.
const KINDS = new Map([[OP.RUN, 'run'], [OP.GET, 'get'], [OP.ALL, 'all']])

// Workers that have a page cache.
const FILES = new Set(['writer', 'reader', 'file'])

// What only gives something back.
const GIVES_BACK = new Set([OP.RETURN, OP.BACKUP_CLOSE, OP.SESSION_CLOSE, OP.CLOSE])

// What not every kind of database has.
const METHODS = new Map([
  [OP.SERIALIZE, 'serialize()'], [OP.LIMIT, 'limits'], [OP.UNSAFE_MODE, 'unsafeMode()'],
  [OP.LOAD_EXTENSION, 'loadExtension()'], [OP.BACKUP, 'backup()'],
  [OP.AUTHORIZER, 'authorizer()'],
  [OP.SESSION, 'createSession()'], [OP.APPLY, 'applyChangeset()'], [OP.TABLE, 'table()']
])

/** Who owns a connection now, its statements, and the calls that go to its workers. */
class Connection {
  int64 = false
  closed = false
  isClosing = false
  #numbers = 1
  // The call whose SQL is being compiled: those behind it wait.
  #starting = null
  #entering = false
  // `{ error }`: why what was queued for a store is not there.
  #lost = null
  // When the call was made that executes now, if that was before, in ms.
  #since = undefined

  /**
   * @param {import('../engine').Environment} environment
   * @param {object} options
   * @param {{ leaseTimeout: number, readers: number, key: Uint8Array | null }} own what the promise
   *   API alone has of options, and the key, which is overwritten
   */
  constructor (environment, options, own) {
    this.options = options
    this.natives = environment.natives
    this.root = new Scope(null, undefined, own.leaseTimeout, options.name)
    this.root.isOfServer = options.remote !== null || options.replica !== null
    this.compiler = new Compiler(this)
    this.route = openRoute(this, environment, own)
    this.#setLimits()
  }

  #setLimits () {
    const { limits } = this.options
    for (const name of Object.keys(limits ?? {})) {
      this.ask(OP.LIMIT, LIMITS.indexOf(name), [], null, { extra: limits[name] }).catch(() => {})
    }
  }

  get port () {
    return this.route.port
  }

  get opened () {
    return this.route.opened
  }

  get inTransaction () {
    return this.route.inTransaction
  }

  requireOpen () {
    if (!this.closed || this.#entering) return
    if (this.root.current() === this.root) throw notOpen()
  }

  /** For what not every kind of database has. */
  requireCapability (method) {
    modules.capabilities.requireCapability(this.options.kind, method)
  }

  nextNumber () {
    return this.#numbers++
  }

  /** The options of one call, checked. */
  readOptions (options) {
    return modules.call.readCallOptions(options)
  }

  /** Ends a job when its signal or its time says so. */
  watch (job, options) {
    job.database = this.options.name
    job.isOfServer = this.root.isOfServer
    const timeout = options?.timeout ?? this.options.defaultQueryTimeout
    const signal = options?.signal
    if (signal?.aborted) {
      job.end(abortError(signal))
    } else if (signal !== undefined || timeout !== 0) {
      watch(job, { signal, timeout }, (reason) => this.interruptJob(job, reason))
    }
  }

  /** Posts a job as soon as its scope allows it. */
  submit (scope, job, options) {
    const { op } = job
    if (METHODS.has(op)) this.requireCapability(METHODS.get(op))
    job.interruptible = INTERRUPTIBLE.has(op)
    this.watch(job, options)
    if (job.settled) return job.promise
    if (scope !== this.root) scope.admit(job)
    const { port: own } = this
    if (own.callsUser) job.context = AsyncLocalStorage.snapshot?.() ?? null
    let waits = true
    scope.enter(job, () => {
      waits = false
      this.route.start(scope, job)
    })
    // Until it is sent, they stay as they are now.
    if (waits) job.values = copyViews(job.values)
    return job.promise
  }

  /** From now on this connection has what others do not have. */
  keepPrivate () {
    this.route.keepPrivate()
  }

  /** Sends a job that waits for no turn. */
  send (job) {
    return this.route.send(job)
  }

  /** Posts a job to a worker. */
  post (port, job) {
    job.database = this.options.name
    if (port.ended) {
      // What was open on it is closed.
      job.end(GIVES_BACK.has(job.op) ? null : notOpen())
      return job.promise
    }
    try {
      port.post(job)
    } catch (error) {
      job.end(error)
    }
    return job.promise
  }

  interruptJob (job, reason) {
    (job.port ?? this.port).interrupt(job, reason)
  }

  /** Executes a statement; a call has values, flags, the mode of its rows, and options. */
  execute (op, entry, call, finish, preparation = null) {
    const need = this.route.needOf(entry)
    if (need === NEED.NOTHING) return this.#execute(op, entry, call, finish, preparation)
    return this.#alone(need, () => this.#execute(op, entry, call, finish), call.options)
  }

  #execute (op, entry, { values, flags, mode, options }, finish, preparation = null) {
    if (this.route.logsStatements) this.log(entry.sql)
    const job = new Job(op, entry.number)
    job.preparation = preparation
    job.values = values
    job.flags = flags
    job.entry = op === OP.RUN ? null : entry
    job.mode = mode
    job.finish = finish
    job.statement = entry
    job.control = op === OP.RUN && entry.isControl
    const scope = this.root.current()
    if (!tracing.on) return this.submit(scope, job, options)
    return this.#traced(KINDS.get(op), job, () => this.submit(scope, job, options))
  }

  /** Starts a job, and reports it to subscribers. */
  #traced (kind, job, start) {
    const context = this.contextOf(kind, job.subject())
    if (context === null) return start()
    job.trace = new tracing.Trace(context, this.#since)
    job.flags |= FLAG.TIMED
    return job.trace.start(start)
  }

  contextOf (kind, sql) {
    return tracing.contextOf(kind, sql, this.options.name, null)
  }

  /** Asks for something that is no statement's rows; `finish` gets arrays. */
  ask (op, target, values, finish = null, about = {}) {
    const { extra = 0, flags = 0, options, sqls = null } = about
    if (GIVES_BACK.has(op) && this.port.ended) return Promise.resolve()
    this.requireOpen()
    const job = new Job(op, target)
    job.extra = extra
    job.flags = flags
    job.values = values
    job.finish = finish
    job.sqls = sqls
    const scope = this.root.current()
    const start = () => this.submit(scope, job, options)
    return tracing.on && op === OP.BATCH ? this.#traced('batch', job, start) : start()
  }

  /** Shows SQL to the `verbose` logger. */
  log (sql) {
    this.options.verbose?.(this.natives.sqlWithoutKeys(sql))
  }

  exec (sql, options) {
    if (this.route.logsScripts) this.log(sql)
    const run = () => {
      const job = new Job(OP.EXEC)
      job.values = [sql]
      job.sql = sql
      job.control = true
      const scope = this.root.current()
      const start = () => this.submit(scope, job, options)
      return tracing.on ? this.#traced('exec', job, start) : start()
    }
    const need = this.route.needOfScript(sql)
    return need === NEED.NOTHING ? run() : this.#alone(need, run, options)
  }

  /** Runs what has a need of the file: readers rest meanwhile, or let go of it. */
  async #alone (need, run, options) {
    const { root } = this
    if (root.current() !== root || this.inTransaction) return run()
    const lease = await modules.transaction.acquire(root)
    try {
      await this.#rest(options)
      if (need === NEED.LEAVE) await this.#closeAll(this.route.leave(true))
      return await lease.run(run)
    } finally {
      root.release(lease)
    }
  }

  /** Waits for readers, no longer than SQLite waits for locks. */
  async #rest (options) {
    const job = new Job()
    this.watch(job, options)
    const timer = setTimeout(() => job.end(null), this.options.timeout)
    this.route.rest().then(() => job.end(null))
    try {
      await job.promise
    } finally {
      clearTimeout(timer)
    }
  }

  /** What begins and ends transactions, whoever waits; `scope` is what it is inside of. */
  control (sql, scope, op = OP.EXEC) {
    const job = new Job(op)
    if (scope !== this.root) scope.admit(job)
    job.values = [sql]
    job.sql = sql
    job.control = true
    job.interruptible = op !== OP.UNDO
    const start = () => this.send(job)
    return tracing.on ? this.#traced('exec', job, start) : start()
  }

  /**
   * Calls `start` with what `compile` comes to. Calls behind it wait for that: they run in the
   * order they were made in, and neither a transaction nor the connection ends before.
   * @returns {Promise<any>}
   */
  async compileFirst (compile, start, options, sql) {
    const scope = this.root.current()
    const turn = new Job()
    turn.sql = sql
    const since = tracing.on ? now() : undefined
    let inner = null
    /** @type {{ interrupted: boolean } | undefined} */
    let starting
    this.watch(turn, options)
    if (!turn.settled) {
      scope.enter(turn, () => {
        inner = scope.hold()
        starting = this.#starting = { interrupted: false }
        turn.end(null)
      })
    }
    try {
      await turn.promise
    } catch (error) {
      if (tracing.on) tracing.reportUncompiled(sql, this.options.name, since, error, false)
      throw retrace(error)
    }
    let entry
    try {
      entry = await compile()
      this.#starting = null
      if (starting.interrupted) throw this.#interruptedError()
    } catch (error) {
      this.#starting = null
      scope.release(inner)
      if (tracing.on) tracing.reportUncompiled(sql, this.options.name, since, error)
      throw retrace(error)
    }
    let result
    scope.release(inner, () => {
      // It was called while the connection was open.
      this.#entering = true
      this.#since = since
      try {
        result = start(entry)
      } finally {
        this.#entering = false
        this.#since = undefined
      }
    })
    return result
  }

  #interruptedError () {
    const error = interrupted()
    return this.root.isOfServer ? withOutcome(error, OUTCOME.NOT_EXECUTED) : error
  }

  /** Calls that have not ended: those that run, and those that wait. */
  get queueLength () {
    // Syncs are no calls of the database.
    const ports = this.route.ports().filter(({ role }) => role !== 'syncer')
    const jobs = [...this.route.held(), ...ports.flatMap((port) => port.pending())]
    return countCalls(jobs, this.root.waiting().length, this.#starting !== null)
  }

  /** What its threads hold; transactions are not waited for. */
  async stats (options) {
    const { queueLength } = this
    const asked = this.route.ports().filter(({ role }) => FILES.has(role)).map((port) => {
      const job = new Job(OP.STATS)
      job.finish = ([row]) => row
      this.watch(job, options)
      return job.settled ? job.promise : this.post(port, job)
    })
    try {
      const lists = await Promise.all(asked)
      return { ...modules.stats.sum(lists), cachedStatements: this.compiler.size, queueLength }
    } catch (error) {
      throw retrace(error)
    }
  }

  /** A promise for the user: inside a transaction its function is to await it. */
  track (promise) {
    const scope = this.root.current()
    return scope === this.root ? promise : scope.track(promise)
  }

  /** What a Statement's call comes to. */
  settle (call, sql) {
    try {
      return this.track(call())
    } catch (error) {
      return Promise.reject(this.about(error, sql))
    }
  }

  /** Says what SQL a mistake in calling is about; what code of the user threw stays as it is. */
  about (error, sql) {
    if (!(error instanceof TypeError || error instanceof RangeError)) return error
    return describe(error, sql, this.options.name)
  }

  iterate (statement, entry, call) {
    if (this.route.logsStatements) this.log(entry.sql)
    return new modules.iterator.StatementIterator(KEY, statement, this, entry, call)
  }

  interrupt (entry) {
    for (const job of this.route.held()) {
      if (entry !== undefined && job.statement !== entry && job.entry !== entry) continue
      this.interruptJob(job, null)
      if (entry === undefined) return
    }
    const ports = this.route.ports()
    if (entry === undefined) {
      const found = ports.map((port) => port.interruptFirst())
      // It is behind all that was posted.
      if (!found.includes(true) && this.#starting !== null) this.#starting.interrupted = true
      return
    }
    const waiting = this.root.waiting()
    for (const job of [...ports.flatMap((port) => port.pending()), ...waiting]) {
      if (job.statement === entry || job.entry === entry) this.interruptJob(job, null)
    }
  }

  /** Readers hold the file: they come back, with the new key, when they are needed. */
  async rekey (key) {
    const scope = this.root.current()
    const lease = await modules.transaction.acquire(scope)
    try {
      await this.#closeAll(this.route.leave())
      const job = new Job(OP.REKEY)
      if (key !== null) job.values = [key]
      await this.send(job)
      this.route.useKey(key)
    } finally {
      key?.fill(0)
      scope.release(lease)
    }
  }

  /** @param {{ timeout?: number, interrupt?: boolean }} options */
  async close ({ timeout, interrupt }) {
    if (!this.closed) {
      this.closed = this.isClosing = true
      this.closing = this.#reported(() => this.#close()).catch((error) => {
        // It waited too long for a transaction to end: it is as before.
        if (this.#lost === null) this.closed = false
        else this.closing = Promise.resolve()
        throw error
      }).finally(() => { this.isClosing = false })
    }
    if (interrupt) this.#interruptPending()
    else if (timeout > 0) this.#interruptAfter(timeout)
    return this.closing
  }

  /** Closes, and reports it to subscribers. */
  #reported (close) {
    const occasion = lifecycle('close')
    if (occasion === null) return close()
    return occasion.begin(modules.lifecycle.describe(this.options), close)
  }

  #interruptAfter (timeout) {
    const timer = setTimeout(() => this.#interruptPending(), timeout)
    const clear = () => clearTimeout(timer)
    this.closing.then(clear, clear)
  }

  /** Ends what close() waits for. */
  #interruptPending () {
    if (!this.isClosing) return
    // Itself too: it does not wait for its turn any more.
    for (const waiter of this.root.waiting()) waiter.end(interrupted())
    if (this.#starting !== null) this.#starting.interrupted = true
    for (const job of this.route.ports().flatMap((port) => port.pending())) {
      if (job.interruptible) this.interruptJob(job, null)
    }
  }

  async #close () {
    const scope = this.root.current()
    let lease = null
    try {
      lease = await modules.transaction.acquire(scope)
    } catch (error) {
      // Interrupted, it goes on while a transaction is open, which rolls that back.
      if (error.code !== 'SQLITE_INTERRUPT') throw error
    }
    this.#lost = await this.route.beforeClose() ?? null
    this.root.close(notOpen)
    this.compiler.clear()
    await this.#closeAll(this.route.ports())
    this.route.closed?.()
    this.route.useKey(null)
    if (lease !== null) scope.release(lease)
    if (this.#lost !== null) throw this.#lost.error
  }

  async #closeAll (ports) {
    for (const port of ports) {
      const closed = this.post(port, new Job(OP.CLOSE))
      port.ended = true
      // A file that could not be opened is closed.
      await closed.catch(() => {})
    }
  }
}

function notOpen () {
  return new TypeError('The database connection is not open')
}

module.exports = { Connection }
