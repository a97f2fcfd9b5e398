'use strict'

const { KEY } = require('../../key')
const { HEADER, ROLE } = require('../../protocol')
const { Session } = require('../../session')
const { createClasses } = require('../../statement')
const { MAX_CACHED, MAX_CACHED_LENGTH, StatementCache } = require('../../statement-cache')
const tracing = require('../../tracing')
const { createController, createTransaction } = require('../../transaction')
const { backendOf } = require('./backend-of')

// Most programs do not need these: loading them at first use halves the time of require().
const lazy = {
  get batch () { return require('./batch') },
  get callbacks () { return require('../../callbacks') },
  get listeners () { return require('../../listeners') },
  get limits () { return require('../../arguments/limits') },
  get stats () { return require('../../stats') }
}

const MAX_EXEC_LENGTH = 128

/** A database in this thread: a file, one in memory, or the file of a replica. */
class LocalBackend {
  kind = 'local'
  // What tracing calls it.
  role = 'writer'
  cache = new StatementCache()
  // One-statement scripts that exec() has run.
  executed = new Set()
  int64 = false
  #controller = null
  #listeners = null
  #limits = null
  #parametersOf

  /** @param {import('../../engine').Environment} environment */
  constructor (environment, options, key, role = ROLE.ONLY) {
    const { natives, block } = environment
    const { Entry, Statement, parametersOf } = classesOf(environment)
    this.environment = environment
    this.natives = natives
    this.block = block
    this.Statement = Statement
    this.Entry = Entry
    this.#parametersOf = parametersOf
    this.options = options
    this.handle = this.openHandle(role, key)
    if (options.limits !== null) Object.assign(this.limits, options.limits)
  }

  /** The connection of the addon. */
  openHandle (role, key) {
    const { natives, options } = this
    return natives.databaseOpen(
      options.file, options.readonly, options.fileMustExist, options.timeout, options.verbose,
      options.buffer, options.vfs, options.uri, options.defaultQueryTimeout,
      key, role, options.name, options.hideParameters
    )
  }

  get file () { return this }

  get open () {
    return this.natives.databaseIsOpen.call(this.handle)
  }

  get inTransaction () {
    return this.natives.databaseInTransaction.call(this.handle)
  }

  /** Whether an iterator is open. */
  get isReading () {
    return this.natives.databaseIsReading.call(this.handle)
  }

  requireOpen () {
    this.natives.databaseRequireOpen.call(this.handle)
  }

  prepare (sql, database) {
    return this.statement(this.entry(sql), sql, database)
  }

  /** Compiles a statement that may come again: the same SQL gives the same one where it can. */
  entry (sql) {
    const cached = this.cache.get(sql)
    if (cached !== undefined && this.natives.statementReuse.call(cached.handle)) {
      cached.users++
      return cached
    }
    const entry = this.compile(sql, false, false)
    if (sql.length <= MAX_CACHED_LENGTH) this.cache.set(sql, entry)
    return entry
  }

  /** Compiles a statement of its own, without the cache. */
  compile (sql, pragma, explain) {
    return new this.Entry(this.natives.statementPrepare.call(this.handle, sql, pragma, explain))
  }

  statement (entry, sql, database) {
    return new this.Statement(KEY, entry, sql, database, this.int64)
  }

  /** Null for a statement of a server. */
  parametersOf (statement) {
    return this.#parametersOf(statement)
  }

  pragma (sql, database) {
    return this.statement(this.compile(sql, true, false), sql, database)
  }

  explain (sql, database) {
    return this.statement(this.compile(sql, false, true), sql, database)
  }

  exec (sql, timeout) {
    if (tracing.on) this.#execTraced(sql, timeout)
    else this.#exec(sql, timeout)
  }

  #execTraced (sql, timeout) {
    this.#trace(sql, () => this.#exec(sql, timeout))
  }

  #exec (sql, timeout) {
    const { natives, handle, cache } = this
    if (timeout !== undefined) {
      natives.databaseExec.call(handle, sql, timeout)
      return
    }
    const cached = sql.length <= MAX_EXEC_LENGTH ? cache.get(sql) : undefined
    if (cached !== undefined && natives.statementReuse.call(cached.handle)) {
      natives.statementExec.call(cached.handle)
    } else if (natives.databaseExec.call(handle, sql, -1) && sql.length <= MAX_EXEC_LENGTH) {
      // BEGIN, COMMIT and the like come again and again: the second time it is kept compiled.
      if (this.executed.has(sql)) this.#keep(sql)
      if (this.executed.size >= MAX_CACHED) this.executed.clear()
      this.executed.add(sql)
    }
  }

  /** Keeps a script of one statement compiled, unless a listener has taken its table away. */
  #keep (sql) {
    try {
      this.cache.set(sql, this.compile(sql, false, false))
    } catch {
      this.executed.delete(sql)
    }
  }

  /** Runs what is no Statement, and traces it. */
  #trace (sql, call) {
    const context = tracing.contextOf('exec', sql, this.options.name, this.role)
    return tracing.traceSync(context, call)
  }

  transaction (fn, database) {
    const { natives, handle } = this
    this.#controller ??= createController((sql) => {
      const statement = natives.statementPrepare.call(handle, sql, false, false)
      const run = () => natives.statementRun.call(statement)
      return () => tracing.on ? this.#trace(sql, run) : run()
    })
    return createTransaction(fn, database, this.#controller, this.#isInTransaction)
  }

  #isInTransaction = () => this.natives.databaseInTransaction.call(this.handle)

  batch (list, options, database) {
    const { natives, block } = this
    const { CHANGES, ROWID, ROWID_INT64 } = HEADER
    return lazy.batch.runBatch(natives, database, list, options, () => {
      natives.databaseLastChanges.call(this.handle)
      const lastInsertRowid = this.int64 ? block.bigints[ROWID_INT64] : block.numbers[ROWID]
      return { changes: block.numbers[CHANGES], lastInsertRowid }
    })
  }

  defaultSafeIntegers (on) {
    this.int64 = on
  }

  interrupt () {
    this.natives.databaseInterrupt.call(this.handle)
  }

  close () {
    this.natives.databaseClose.call(this.handle)
    this.cache.clear()
    this.#listeners = null
  }

  listeners () {
    const { natives, handle } = this
    this.#listeners ??= new lazy.listeners.FileListeners(() => this.int64, {
      update: (listener) => natives.databaseOnChange.call(handle, listener),
      build: (listener) => natives.databaseOnWork.call(handle, listener)
    })
    return this.#listeners
  }

  get limits () {
    const limit = (index, value) => this.natives.databaseLimit.call(this.handle, index, value)
    this.#limits ??= lazy.limits.createLimits(limit)
    return this.#limits
  }

  stats () {
    const numbers = this.natives.databaseStats.call(this.handle)
    return { ...lazy.stats.sum([numbers]), cachedStatements: this.cache.size }
  }

  unsafeMode (on) {
    this.natives.databaseUnsafeMode.call(this.handle, on)
  }

  loadExtension (file, entryPoint) {
    this.natives.databaseLoadExtension.call(this.handle, file, entryPoint)
  }

  authorizer (rules, otherwise) {
    this.natives.databaseAuthorizer.call(this.handle, rules, otherwise)
  }

  serialize (attached) {
    return this.natives.databaseSerialize.call(this.handle, attached)
  }

  rekey (key) {
    this.natives.databaseRekey.call(this.handle, key)
  }

  /** Begins a backup: what the engine reports of both files, and functions to go on and to end. */
  backup (attached, file, from = false) {
    const { natives, handle, options: { uri } } = this
    const [backup, ...opened] = natives.databaseBackup.call(handle, attached, file, uri, from)
    return {
      opened,
      step: (pages) => natives.backupStep.call(backup, pages),
      close: () => natives.backupClose.call(backup)
    }
  }

  session (name, table) {
    return new Session(this.natives, this.natives.databaseSession.call(this.handle, name, table))
  }

  applyChangeset (bytes, filter, onConflict) {
    return this.natives.databaseApplyChangeset.call(this.handle, bytes, filter, onConflict)
  }

  /** A function, as `parseFunction()` has read it. */
  function ({ name, fn, argCount, int64, deterministic, directOnly }) {
    const trampoline = lazy.callbacks.scalarTrampoline(this.block, fn, argCount, name)
    this.natives.databaseFunction.call(
      this.handle, trampoline, name, argCount, int64, deterministic, directOnly)
  }

  /** An aggregate, as `parseAggregate()` has read it. */
  aggregate ({ name, callbacks, argCount, int64, deterministic, directOnly }) {
    const trampolines = lazy.callbacks.aggregateTrampolines(this.block, callbacks, argCount, name)
    this.natives.databaseAggregate.call(
      this.handle, ...trampolines, name, argCount, int64, deterministic, directOnly)
  }

  table (factory, name, eponymous) {
    this.natives.databaseTable.call(this.handle, factory, name, eponymous)
  }
}

/** The classes of statements of one addon. */
function classesOf (environment) {
  if (environment.classes === null) {
    const classes = environment.classes = createClasses(environment)
    tracing.whenOn(() => require('../../traced').traceStatements(classes, placeOf))
  }
  return environment.classes
}

/** The database and the connection of a statement that runs in this thread, for tracing. */
function placeOf (database) {
  const { options, file } = backendOf(database)
  return [options.name, file.role]
}

module.exports = { LocalBackend, classesOf }
