'use strict'

const { KEY } = require('../../key')
const { lazy } = require('../../lazy')
const { HEADER, ROLE } = require('../../layout')
const { MAX_CACHED, MAX_CACHED_LENGTH, StatementCache } = require('../../statement-cache')
const { backendOf } = require('./backend-of')

const modules = lazy({
  batch: () => require('./batch'),
  callbacks: () => require('../../callbacks'),
  limits: () => require('../../arguments/limits'),
  listeners: () => require('../../listeners'),
  session: () => require('../../session'),
  statement: () => require('../../statement'),
  stats: () => require('../../stats'),
  tracing: () => require('../../tracing'),
  transaction: () => require('../../transaction')
})

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
  // Classes of statements, which come with the first: most of the time of opening would be theirs.
  /** @type {any} */
  Entry = null
  /** @type {any} */
  Statement = null
  #parametersOf

  /** @param {import('../../engine').Environment} environment */
  constructor (environment, options, key, role = ROLE.ONLY) {
    const { natives, block } = environment
    this.environment = environment
    this.natives = natives
    this.block = block
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
      key, role, options.name, options.hideParameters, options.quotedStrings
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
    if (this.Entry === null) this.#takeClasses()
    return new this.Entry(this.natives.statementPrepare.call(this.handle, sql, pragma, explain))
  }

  #takeClasses () {
    const { Entry, Statement, parametersOf } = classesOf(this.environment)
    Object.assign(this, { Entry, Statement })
    this.#parametersOf = parametersOf
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
    if (modules.tracing.on) this.#execTraced(sql, timeout)
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
    const context = modules.tracing.contextOf('exec', sql, this.options.name, this.role)
    return modules.tracing.traceSync(context, call)
  }

  transaction (fn, database) {
    const { natives, handle } = this
    this.#controller ??= modules.transaction.createController((sql) => {
      const statement = natives.statementPrepare.call(handle, sql, false, false)
      const run = () => natives.statementRun.call(statement)
      return () => modules.tracing.on ? this.#trace(sql, run) : run()
    })
    const { createTransaction } = modules.transaction
    return createTransaction(fn, database, this.#controller, this.#isInTransaction)
  }

  #isInTransaction = () => this.natives.databaseInTransaction.call(this.handle)

  batch (list, options, database) {
    const { natives, block } = this
    const { CHANGES, ROWID, ROWID_INT64 } = HEADER
    return modules.batch.runBatch(natives, database, list, options, () => {
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
    this.#listeners ??= new modules.listeners.FileListeners(() => this.int64, {
      update: (listener) => natives.databaseOnChange.call(handle, listener),
      build: (listener) => natives.databaseOnWork.call(handle, listener)
    })
    return this.#listeners
  }

  get limits () {
    const limit = (index, value) => this.natives.databaseLimit.call(this.handle, index, value)
    this.#limits ??= modules.limits.createLimits(limit)
    return this.#limits
  }

  stats () {
    const numbers = this.natives.databaseStats.call(this.handle)
    return { ...modules.stats.sum([numbers]), cachedStatements: this.cache.size }
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
    const handle = this.natives.databaseSession.call(this.handle, name, table)
    return new modules.session.Session(this.natives, handle)
  }

  applyChangeset (bytes, filter, onConflict) {
    return this.natives.databaseApplyChangeset.call(this.handle, bytes, filter, onConflict)
  }

  /** A function, as `parseFunction()` has read it. */
  function ({ name, fn, argCount, int64, deterministic, directOnly }) {
    const trampoline = modules.callbacks.scalarTrampoline(this.block, fn, argCount, name)
    this.natives.databaseFunction.call(
      this.handle, trampoline, name, argCount, int64, deterministic, directOnly)
  }

  /** An aggregate, as `parseAggregate()` has read it. */
  aggregate ({ name, callbacks, argCount, int64, deterministic, directOnly }) {
    const { aggregateTrampolines } = modules.callbacks
    const trampolines = aggregateTrampolines(this.block, callbacks, argCount, name)
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
    const classes = environment.classes = modules.statement.createClasses(environment)
    modules.tracing.whenOn(() => require('../../traced').traceStatements(classes, placeOf))
  }
  return environment.classes
}

/** The database and the connection of a statement that runs in this thread, for modules.tracing. */
function placeOf (database) {
  const { options, file } = backendOf(database)
  return [options.name, file.role]
}

module.exports = { LocalBackend, classesOf }
