'use strict'

const { AsyncLocalStorage } = require('node:async_hooks')
const fs = require('node:fs')
const path = require('node:path')
const { attach } = require('../natives')
const { LIMITS, getBooleanOption, readKey, readOptions, readToggle } = require('../options')
const { FLAT, PLUCK } = require('../rows')
const { KEY, isNamed } = require('../statement')
const { MAX_CACHED_LENGTH, StatementCache } = require('../statement-cache')
const { abortError, readCallOptions, watch } = require('./call')
const { StatementIterator } = require('./iterator')
const { FLAG, Job, OP, Port, interrupted, openLocal, openRemote } = require('./port')
const { Scope } = require('./scope')
const { Entry, Statement, finishAll, finishGet, finishRun, readValues } = require('./statement')
const { notRemote } = require('../remote/options')
const { acquire, createTransaction } = require('./transaction')
const { Readers, readReaders } = require('./readers')

const DEFAULT_LEASE = 60000

const OPTIONS = ['signal', 'timeout', 'queryTimeout']

// What may take long and leaves nothing behind when it is interrupted.
const INTERRUPTIBLE = new Set([OP.RUN, OP.GET, OP.ALL, OP.EXEC, OP.ITERATE, OP.NEXT, OP.SERIALIZE,
  OP.BACKUP_STEP, OP.CHANGESET, OP.APPLY])

// What only gives something back.
const GIVES_BACK = new Set([OP.RETURN, OP.BACKUP_CLOSE, OP.SESSION_CLOSE, OP.CLOSE])

// What is for databases on this machine.
const LOCAL = new Map([
  [OP.SERIALIZE, 'serialize()'], [OP.LIMIT, 'limits'], [OP.UNSAFE_MODE, 'unsafeMode()'],
  [OP.LOAD_EXTENSION, 'loadExtension()'], [OP.BACKUP, 'backup()'],
  [OP.AUTHORIZER, 'authorizer()'],
  [OP.SESSION, 'createSession()'], [OP.APPLY, 'applyChangeset()'], [OP.TABLE, 'table()']
])

/** A worker, who owns it now, and its statements. */
class Connection {
  int64 = false
  closed = false
  isClosing = false
  changes = null
  #numbers = 1
  #cache = new StatementCache()
  // What a prepare() compiled is forgotten once no Statement has it any more.
  #dropped = new FinalizationRegistry((number) => {
    if (this.closed) return
    this.port.tell(OP.DROP, number)
    this.#readers?.forget(number)
  })

  // The call whose SQL is being compiled: those behind it wait.
  #starting = null
  #entering = false
  #readers = null
  // What others do not have: functions, an authorizer, an extension.
  #isPrivate = false

  constructor (environment, options, { leaseTimeout, readers, key }) {
    this.options = options
    const { file, readonly, fileMustExist, timeout, vfs, buffer, verbose } = options
    const uri = process.env.SQLITE_USE_URI === '1'
    const open = [file, readonly, fileMustExist, timeout, vfs, uri, buffer]
    open.push(verbose !== null, readers !== 0, key)
    const { remote } = options
    this.port = new Port(environment, remote === null ? openLocal(open) : openRemote(remote))
    if (readers !== 0) this.#readers = new Readers(environment, open, readers, options)
    else key?.fill(0)
    this.port.onLog = verbose
    // The first use reports it.
    this.port.opened.promise.catch(() => {})
    this.root = new Scope(null, undefined, leaseTimeout)
    const { limits } = options
    for (const name of Object.keys(limits ?? {})) {
      this.ask(OP.LIMIT, LIMITS.indexOf(name), [], null, { extra: limits[name] }).catch(() => {})
    }
  }

  requireOpen () {
    if (!this.closed || this.#entering) return
    if (this.root.current() === this.root) throw notOpen()
  }

  nextNumber () {
    return this.#numbers++
  }

  #watch (job, options) {
    const timeout = options?.timeout ?? this.options.defaultQueryTimeout
    const signal = options?.signal
    if (signal?.aborted) {
      job.end(abortError(signal))
    } else if (signal !== undefined || timeout !== 0) {
      watch(job, { signal, timeout }, (reason) => this.cancel(job, reason))
    }
  }

  /** Posts a job as soon as its scope allows it. */
  submit (scope, job, op, target, extra, flags, values, options) {
    if (this.options.remote !== null && LOCAL.has(op)) job.end(notRemote(LOCAL.get(op)))
    job.interruptible = INTERRUPTIBLE.has(op)
    this.#watch(job, options)
    if (job.settled) return job.promise
    if (scope !== this.root) {
      scope.pending++
      job.scope = scope
    }
    const { port: own } = this
    if (own.callsUser) job.context = AsyncLocalStorage.snapshot?.() ?? null
    scope.enter(job, () => {
      const port = job.statement === null ? this.port : this.#route(job, scope)
      this.send(job, op, target, extra, flags, values, port)
    })
    return job.promise
  }

  /** Where a statement runs: reads outside of transactions go to a reader. */
  #route (job, scope) {
    const { port } = this
    const { statement } = job
    if (this.#readers === null || scope !== this.root || !statement.isRead || this.#isPrivate ||
      !port.shareable || port.inTransaction || port.controls !== 0) return port
    const reader = this.#readers.take(statement)
    if (job.entry !== null) job.entry = reader.entry
    return reader.port
  }

  /** From now on this connection has something that its readers have not. */
  keepPrivate () {
    this.#isPrivate = true
  }

  /** Sets a pragma on the readers too. */
  setEverywhere (sql) {
    this.#readers?.set(sql)
  }

  send (job, op, target, extra, flags, values, port = this.port) {
    if (port.ended) {
      // What was open on it is closed.
      job.end(GIVES_BACK.has(op) ? null : notOpen())
      return job.promise
    }
    try {
      port.post(job, op, target, extra, flags, values)
    } catch (error) {
      job.end(error)
    }
    return job.promise
  }

  cancel (job, reason) {
    (job.port ?? this.port).cancel(job, reason)
  }

  /** Executes a statement. */
  execute (op, entry, flags, mode, values, finish, options) {
    this.#log(entry.sql)
    const job = new Job()
    job.entry = op === OP.RUN ? null : entry
    job.mode = mode
    job.finish = finish
    job.statement = entry
    job.control = op === OP.RUN && entry.isControl
    return this.submit(this.root.current(), job, op, entry.number, 0, flags, values, options)
  }

  /** Asks for something that is no statement's rows; `finish` gets arrays. */
  ask (op, target, values, finish = null, { extra = 0, flags = 0, options } = {}) {
    if (GIVES_BACK.has(op) && this.port.ended) return Promise.resolve()
    this.requireOpen()
    const job = new Job()
    job.finish = finish
    return this.submit(this.root.current(), job, op, target, extra, flags, values, options)
  }

  /** Shows SQL for a server to the `verbose` logger; a worker of a file does so itself. */
  #log (sql) {
    if (this.options.remote !== null) this.options.verbose?.(sql)
  }

  exec (sql, options) {
    this.#log(sql)
    const job = new Job()
    job.control = true
    return this.submit(this.root.current(), job, OP.EXEC, 0, 0, 0, [sql], options)
  }

  /** What begins and ends transactions, whoever waits. */
  control (sql, op = OP.EXEC) {
    const job = new Job()
    job.control = true
    job.interruptible = op !== OP.UNDO
    return this.send(job, op, 0, 0, 0, [sql])
  }

  /** Compiles a statement of its own. */
  async compile (sql, flags, options = null) {
    const number = this.#numbers++
    const job = new Job()
    job.finish = (rows) => new Entry(number, sql, rows.flat())
    if (options !== null) this.#watch(job, options)
    // Compiling need not wait for a transaction of others; inside it, others may wait for this.
    if (!job.settled) this.send(job, OP.PREPARE, number, 0, flags, [sql])
    const entry = await job.promise
    this.#dropped.register(entry, number)
    return entry
  }

  /** What SQL was compiled to, or null. */
  known (sql) {
    return this.#cache.get(sql)?.entry ?? null
  }

  /** Compiles SQL that may come again, once. */
  cached (sql, options = null) {
    const known = this.#cache.get(sql)
    if (known !== undefined && known.entry !== null) return known.entry
    // A call that may be cancelled compiles for itself.
    if (options !== null) return this.compile(sql, 0, options)
    if (known !== undefined) return known.compiling
    const item = { entry: null, compiling: this.compile(sql, 0), cache: null }
    item.compiling.then((entry) => { item.entry = entry }, () => this.#cache.remove(sql, item))
    if (sql.length <= MAX_CACHED_LENGTH) this.#cache.set(sql, item)
    return item.compiling
  }

  /** Compiles a statement of its own, after the calls before it, which may make what it reads. */
  compileInTurn (sql, options) {
    const compile = () => this.compile(sql, 0, options)
    if (this.root.current().waiting().length === 0) return compile()
    return this.compileFirst(compile, async (entry) => entry, options)
  }

  /**
   * Calls `start` with what `compile` comes to. Calls behind it wait for that: they run in the
   * order they were made in, and neither a transaction nor the connection ends before.
   */
  async compileFirst (compile, start, options = null) {
    const scope = this.root.current()
    const turn = new Job()
    let inner = null
    let starting
    this.#watch(turn, options)
    if (!turn.settled) {
      scope.enter(turn, () => {
        inner = scope.hold()
        starting = this.#starting = { stopped: false }
        turn.end(null)
      })
    }
    await turn.promise
    let entry
    try {
      entry = await compile()
      this.#starting = null
      if (starting.stopped) throw interrupted()
    } catch (error) {
      scope.release(inner)
      throw error
    }
    let result
    scope.release(inner, () => {
      // It was called while the connection was open.
      this.#entering = true
      try {
        result = start(entry)
      } finally {
        this.#entering = false
      }
    })
    return result
  }

  /** A promise for the user: inside a transaction its function is to await it. */
  track (promise) {
    const scope = this.root.current()
    return scope === this.root ? promise : scope.track(promise)
  }

  /** What a Statement's call comes to. */
  settle (call) {
    try {
      return this.track(call())
    } catch (error) {
      return Promise.reject(error)
    }
  }

  iterate (statement, entry, call) {
    this.#log(entry.sql)
    return new StatementIterator(KEY, statement, this, entry, call)
  }

  interrupt (entry) {
    const ports = this.#ports()
    if (entry === undefined) {
      const found = ports.map((port) => port.interrupt())
      // It is behind all that was posted.
      if (!found.includes(true) && this.#starting !== null) this.#starting.stopped = true
      return
    }
    for (const job of [...ports.flatMap((port) => port.pending()), ...this.root.waiting()]) {
      if (job.statement === entry || job.entry === entry) this.cancel(job, null)
    }
  }

  #ports () {
    return this.#readers === null ? [this.port] : [...this.#readers.ports, this.port]
  }

  /** Readers hold the file: they come back, with the new key, when they are needed. */
  async rekey (key) {
    const scope = this.root.current()
    const lease = await acquire(scope)
    try {
      if (this.#readers !== null) await this.#closeAll(this.#readers.leave())
      await this.send(new Job(), OP.REKEY, 0, 0, 0, key === null ? [] : [key])
      this.#readers?.useKey(key?.slice() ?? null)
    } finally {
      key?.fill(0)
      scope.release(lease)
    }
  }

  async close () {
    if (this.closed) return this.closing
    this.closed = this.isClosing = true
    this.closing = this.#close().catch((error) => {
      // It waited too long for a transaction to end: it is as before.
      this.closed = false
      throw error
    }).finally(() => { this.isClosing = false })
    return this.closing
  }

  async #close () {
    const scope = this.root.current()
    const lease = await acquire(scope)
    this.root.close(notOpen)
    this.#cache.clear()
    // The last one to close, which checkpoints, is the one that may write.
    await this.#closeAll(this.#ports())
    this.#readers?.useKey(null)
    scope.release(lease)
  }

  async #closeAll (ports) {
    for (const port of ports) {
      const closed = this.send(new Job(), OP.CLOSE, 0, 0, 0, [], port)
      port.ended = true
      // A file that could not be opened is closed.
      await closed.catch(() => {})
    }
  }
}

class Database {
  #connection

  constructor (getBinding, filename, given, allowNativeBinding) {
    const { key, ...options } = readOptions(filename, given, allowNativeBinding)
    const { file } = options
    const isLocal = options.remote === null && !options.anonymous && !file.startsWith('file:')
    if (isLocal && !fs.existsSync(path.dirname(file))) {
      throw new TypeError('Cannot open database because the directory does not exist')
    }
    const environment = attach(getBinding(options.nativeBinding))
    const own = { leaseTimeout: readLease(given), readers: readReaders(given, options), key }
    this.#connection = new Connection(environment, options, own)
  }

  static opened (database) {
    return database.#connection.port.opened.promise
  }

  get name () { return this.#connection.options.name }
  get open () { return !this.#connection.closed }
  get inTransaction () { return this.#connection.port.inTransaction }
  get readonly () { return this.#connection.options.readonly }
  get memory () { return this.#connection.options.anonymous }

  async prepare (sql, options) {
    requireString(sql)
    const connection = this.#connection
    connection.requireOpen()
    const call = readCallOptions(options)
    const entry = await connection.compileInTurn(sql, call)
    return new Statement(KEY, connection, entry, sql, this)
  }

  run (sql, params, options) {
    return this.#connection.track(this.#direct(OP.RUN, sql, params, options, FLAT, finishRun))
  }

  get (sql, params, options) {
    return this.#connection.track(this.#direct(OP.GET, sql, params, options, FLAT, finishGet))
  }

  all (sql, params, options) {
    return this.#connection.track(this.#direct(OP.ALL, sql, params, options, FLAT, finishAll))
  }

  async #direct (op, sql, params, callOptions, mode, finish) {
    requireString(sql)
    const connection = this.#connection
    connection.requireOpen()
    const options = readCallOptions(callOptions)
    const flags = connection.int64 ? FLAG.INT64 : 0
    const known = connection.known(sql)
    if (known !== null) {
      const values = readParams(params === undefined ? [] : [params], known.parameters)
      return connection.execute(op, known, flags, mode, values, finish, options)
    }
    // As they are now.
    const given = params === undefined ? [] : [copyOf(params)]
    return connection.compileFirst(() => connection.cached(sql, options), async (entry) => {
      const values = readParams(given, entry.parameters)
      return connection.execute(op, entry, flags, mode, values, finish, options)
    }, options)
  }

  iterate (sql, params, options) {
    const generator = this.#iterate(sql, params, options)
    const next = generator.next.bind(generator)
    const value = () => this.#connection.track(next())
    return Object.defineProperty(generator, 'next', { value })
  }

  async * #iterate (sql, params, options) {
    requireString(sql)
    const connection = this.#connection
    connection.requireOpen()
    const call = readCallOptions(options)
    const given = params === undefined ? [] : [copyOf(params)]
    const start = async (entry) => {
      const statement = new Statement(KEY, connection, entry, sql, this)
      const iterator = (call === null ? statement : statement.with(call)).iterate(...given)
      return { iterator, first: iterator.next() }
    }
    const compile = () => connection.cached(sql, call)
    const { iterator, first } = await connection.compileFirst(compile, start, call)
    try {
      const { value, done } = await first
      if (done) return
      yield value
      yield * iterator
    } finally {
      await iterator.return()
    }
  }

  exec (sql, options) {
    return this.#connection.track(this.#exec(sql, options))
  }

  async #exec (sql, options) {
    requireString(sql)
    const connection = this.#connection
    connection.requireOpen()
    await connection.exec(sql, readExecOptions(options))
    return this
  }

  transaction (fn) {
    if (typeof fn !== 'function') throw new TypeError('Expected first argument to be a function')
    this.#connection.requireOpen()
    return createTransaction(fn, this, this.#connection)
  }

  pragma (source, options) {
    return this.#connection.track(this.#pragma(source, options))
  }

  async #pragma (source, options) {
    options ??= {}
    requireString(source)
    if (typeof options !== 'object') throw new TypeError('Expected second argument to be an options object')
    const simple = getBooleanOption(options, 'simple')
    const connection = this.#connection
    connection.requireOpen()
    const sql = `PRAGMA ${source}`
    const flags = connection.int64 ? FLAG.INT64 : 0
    return connection.compileFirst(() => connection.compile(sql, FLAG.PRAGMA), async (entry) => {
      // A setting, or a pragma with an argument, which does no harm there.
      if (/[=(]/.test(source)) connection.setEverywhere(sql)
      if (simple) return connection.execute(OP.GET, entry, flags | FLAG.PLUCK, PLUCK, [], finishGet)
      return connection.execute(OP.ALL, entry, flags, FLAT, [], finishAll)
    })
  }

  explain (source) {
    return this.#connection.track(this.#explain(source))
  }

  async #explain (source) {
    requireString(source)
    const connection = this.#connection
    connection.requireOpen()
    const compile = () => connection.compile(`EXPLAIN ${source}`, FLAG.EXPLAIN)
    return connection.compileFirst(compile, async (entry) => {
      return connection.execute(OP.ALL, entry, 0, FLAT, [], finishAll)
    })
  }

  async serialize (options) {
    options ??= {}
    if (typeof options !== 'object') throw new TypeError('Expected first argument to be an options object')
    const attached = 'attached' in options ? options.attached : 'main'
    if (typeof attached !== 'string') throw new TypeError('Expected the "attached" option to be a string')
    if (!attached) throw new TypeError('The "attached" option cannot be an empty string')
    return this.#connection.ask(OP.SERIALIZE, 0, [attached], ([[bytes]]) => bytes)
  }

  async rekey (encryptionKey) {
    const key = encryptionKey === null ? null : readKey(encryptionKey, 'Expected first argument')
    this.#connection.requireOpen()
    if (this.#connection.options.remote !== null) throw notRemote('rekey()')
    await this.#connection.rekey(key)
    return this
  }

  async loadExtension (file, entryPoint) {
    requireString(file)
    if (arguments.length > 1 && typeof entryPoint !== 'string') {
      throw new TypeError('Expected second argument to be a string')
    }
    const values = entryPoint === undefined ? [file] : [file, entryPoint]
    this.#connection.keepPrivate()
    await this.#connection.ask(OP.LOAD_EXTENSION, 0, values)
    return this
  }

  async unsafeMode (on) {
    const extra = readToggle(arguments) ? 1 : 0
    await this.#connection.ask(OP.UNSAFE_MODE, 0, [], null, { extra })
    return this
  }

  batch (statements, mode = 'deferred') {
    return this.#connection.track(this.#batch(statements, mode))
  }

  async #batch (statements, mode) {
    const connection = this.#connection
    connection.requireOpen()
    if (connection.options.remote !== null) {
      const { finishBatch, packBatch } = require('../remote/batch')
      const { root, port } = connection
      const inside = root.current() !== root || port.inTransaction
      const flags = connection.int64 ? FLAG.INT64 : 0
      const values = packBatch(statements, mode, inside)
      return connection.ask(OP.BATCH, 0, values, finishBatch, { flags })
    }
    const { readBatch } = require('../batch')
    const { list, version } = readBatch(statements, mode)
    const run = this.transaction(async () => {
      const results = []
      for (const [sql, params] of list) results.push(await this.#runOne(sql, params))
      return results
    })
    return run[version]()
  }

  async #runOne (sql, params) {
    requireString(sql)
    const connection = this.#connection
    const entry = await connection.cached(sql)
    const statement = new Statement(KEY, connection, entry, sql, this)
    if (!entry.reader) return { columns: [], rows: [], ...await statement.run(...params) }
    const rows = await statement.all(...params)
    const columns = (await statement.columns()).map(({ name }) => name)
    const flags = connection.int64 ? FLAG.INT64 : 0
    const last = await connection.ask(OP.CHANGES, 0, [], finishRun, { flags })
    return { columns, rows, ...last, changes: entry.readonly ? 0 : last.changes }
  }

  async function (name, options, fn) {
    const { int64 } = this.#connection
    const { parseFunction } = require('../functions')
    const parsed = parseFunction(name, options, fn, int64)
    const { scalar } = require('./callbacks')
    return this.#register(parsed, 0, scalar(parsed.name, parsed.fn))
  }

  async aggregate (name, options) {
    const { int64 } = this.#connection
    const { parseAggregate } = require('../functions')
    const parsed = parseAggregate(name, options, int64)
    const { aggregate } = require('./callbacks')
    const flags = FLAG.AGGREGATE | (parsed.callbacks.inverse === null ? 0 : FLAG.WINDOW)
    return this.#register(parsed, flags, aggregate(name, parsed.callbacks))
  }

  async #register ({ name, argCount, int64, deterministic, directOnly }, flags, fn) {
    const connection = this.#connection
    connection.requireOpen()
    if (connection.options.remote !== null) {
      throw notRemote(flags & FLAG.AGGREGATE ? 'aggregate()' : 'function()')
    }
    if (int64) flags |= FLAG.INT64
    if (deterministic) flags |= FLAG.DETERMINISTIC
    if (directOnly) flags |= FLAG.DIRECT_ONLY
    connection.keepPrivate()
    const number = connection.nextNumber()
    connection.port.functions.set(number, fn)
    const job = new Job()
    const scope = connection.root.current()
    await connection.submit(scope, job, OP.FUNCTION, number, 0, flags, [name, argCount])
    return this
  }

  async table (name, definition) {
    const connection = this.#connection
    connection.requireOpen()
    const { readTable } = require('../table')
    const { tables } = require('./callbacks')
    const [factory, , eponymous] = readTable(name, definition, () => connection.int64)
    const { functions } = connection.port
    const define = (fn) => {
      const number = connection.nextNumber()
      functions.set(number, fn)
      return number
    }
    connection.keepPrivate()
    const number = define(tables(name, factory, define))
    await connection.ask(OP.TABLE, number, [name], null, { extra: eponymous ? 1 : 0 })
    return this
  }

  async createSession (options) {
    const connection = this.#connection
    connection.requireOpen()
    const [database, table] = require('../session').readSessionOptions(options)
    const { Session } = require('./session')
    const number = connection.nextNumber()
    await connection.ask(OP.SESSION, number, table === null ? [database] : [database, table])
    return new Session(connection, number)
  }

  async applyChangeset (changeset, options) {
    const connection = this.#connection
    connection.requireOpen()
    const { readApplyOptions } = require('../session')
    const [bytes, filter, onConflict] = readApplyOptions(changeset, options)
    const { functions } = connection.port
    const numbers = [filter, onConflict].map((fn) => {
      if (fn === null) return 0
      const number = connection.nextNumber()
      functions.set(number, (ask, group, [argument]) => Number(fn(argument)))
      return number
    })
    try {
      return await connection.ask(OP.APPLY, 0, [bytes, ...numbers], ([[applied]]) => applied === 1)
    } finally {
      for (const number of numbers) functions.delete(number)
    }
  }

  async authorizer (rules) {
    const connection = this.#connection
    connection.requireOpen()
    const args = require('../authorizer').readRules(rules)
    connection.keepPrivate()
    connection.port.leaveAuthorizer(...args)
    await connection.ask(OP.AUTHORIZER, 0, [])
    return this
  }

  on (event, listener) {
    this.#changes().add(event, listener)
    return this
  }

  off (event, listener) {
    this.#changes().remove(event, listener)
    return this
  }

  #changes () {
    const connection = this.#connection
    connection.requireOpen()
    if (connection.options.remote !== null) throw notRemote('on()')
    if (connection.changes === null) {
      const { Changes } = require('../changes')
      connection.changes = new Changes(() => connection.int64, (tell) => {
        connection.port.onChange = tell
        connection.ask(OP.WATCH, 0, [], null, { extra: tell === null ? 0 : 1 }).catch(() => {})
      })
    }
    return connection.changes
  }

  async backup (filename, options) {
    const { readBackup, runBackup } = require('../backup')
    const connection = this.#connection
    connection.requireOpen()
    const { file, attached, progress, isNew } = await readBackup(filename, options)
    const call = readCallOptions(options)
    const number = connection.nextNumber()
    await connection.ask(OP.BACKUP, number, [attached, file], null, { extra: isNew ? 1 : 0 })
    const finish = ([[totalPages, remainingPages]]) => ({ totalPages, remainingPages })
    const step = (pages) => {
      return connection.ask(OP.BACKUP_STEP, number, [], finish, { extra: pages, options: call })
    }
    return runBackup(step, () => connection.ask(OP.BACKUP_CLOSE, number, []), progress)
  }

  defaultSafeIntegers (on) {
    this.#connection.int64 = readToggle(arguments)
    return this
  }

  /** Ends the first of the calls that have not ended; those behind it go on. */
  interrupt () {
    // What it still waits for can be stopped while it closes.
    if (!this.#connection.isClosing) this.#connection.requireOpen()
    this.#connection.interrupt()
    return this
  }

  /** Closes once all calls before it have ended. */
  async close () {
    await this.#connection.close()
    return this
  }

  [Symbol.for('nodejs.util.inspect.custom')] () {
    const { name, open, inTransaction, readonly, memory } = this
    return Object.assign(new DatabaseInspection(), { name, open, inTransaction, readonly, memory })
  }

  async [Symbol.asyncDispose ?? Symbol.for('nodejs.asyncDispose')] () {
    await this.close()
  }
}

const DatabaseInspection = function Database () {}

/** Of the same kind, with what it has now. */
/** As readValues(), but options in the place of parameters are a mistake and no parameters. */
function readParams (given, names) {
  const [params] = given
  if (names.length === 0 && isNamed(params) && !Array.isArray(params)) {
    const keys = Object.keys(params)
    if (keys.length !== 0 && keys.every((key) => OPTIONS.includes(key))) {
      throw new TypeError('The options of a call come after its parameters: (sql, params, options)')
    }
  }
  return readValues(given, names)
}

function copyOf (params) {
  if (Array.isArray(params)) return params.map(copyOfBytes)
  if (!isNamed(params)) return copyOfBytes(params)
  const copy = Object.assign(Object.create(Object.getPrototypeOf(params)), params)
  for (const name of Object.keys(copy)) copy[name] = copyOfBytes(copy[name])
  return copy
}

function copyOfBytes (value) {
  if (!ArrayBuffer.isView(value)) return value
  return new Uint8Array(value.buffer, value.byteOffset, value.byteLength).slice()
}

function readExecOptions (options) {
  if (options?.queryTimeout === undefined) return readCallOptions(options)
  return readCallOptions({ signal: options.signal, timeout: options.queryTimeout })
}

function readLease (options) {
  const timeout = options?.leaseTimeout ?? DEFAULT_LEASE
  if (!Number.isInteger(timeout) || timeout < 1) {
    throw new TypeError('Expected the "leaseTimeout" option to be a positive integer')
  }
  if (timeout > 0x7fffffff) {
    throw new RangeError('Option "leaseTimeout" cannot be greater than 2147483647')
  }
  return timeout
}

function notOpen () {
  return new TypeError('The database connection is not open')
}

function requireString (value) {
  if (typeof value !== 'string') throw new TypeError('Expected first argument to be a string')
}

module.exports = { Database }
