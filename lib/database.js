'use strict'

const { readRules } = require('./arguments/authorizer')
const { NAMES, readStepOptions, readSyncExecOptions, readSyncOptions } = require('./arguments/call')
const { readApplyOptions, readSessionOptions } = require('./arguments/session')
const { ROLE, attach } = require('./environment')
const { abortError } = require('./errors')
const { KEY } = require('./key')
const { getBooleanOption, readKey, readOptions, readToggle } = require('./options')
const { requireFolder, requirePlain } = require('./paths')
const { HEADER } = require('./rows')
const { Session } = require('./session')
const statements = require('./statement')
const { MAX_CACHED, MAX_CACHED_LENGTH, StatementCache } = require('./statement-cache')
const tracing = require('./tracing')
const { createController, createTransaction } = require('./transaction')

// Rooms that most programs never enter are loaded at the door: it halves the time of require().
const lazy = {
  get backup () { return require('./arguments/backup') },
  get batch () { return require('./arguments/batch') },
  get changes () { return require('./changes') },
  get functions () { return require('./arguments/function') },
  get limits () { return require('./arguments/limits') },
  get notRemote () { return require('./remote/options').notRemote },
  get parametersOf () { return require('./worker/statement').parametersOf },
  get remote () { return require('./backends/remote') },
  get replica () { return require('./backends/replica') },
  get replicaOptions () { return require('./replica/options') },
  get table () { return require('./arguments/table') }
}

const MAX_EXEC_LENGTH = 128

// What the options of each may be; those of a call are there or refused.
const PRAGMA_OPTIONS = [...NAMES, 'simple']
const SERIALIZE_OPTIONS = [...NAMES, 'attached']
const BACKUP_OPTIONS = [...NAMES, 'attached', 'progress']

// A class body is the only place for #private fields, and a function the only constructor that
// works without `new`: this one puts the field on an object that the function made.
class Return {
  constructor (object) {
    return object
  }
}

class Connection extends Return {
  #state

  constructor (database, state) {
    super(database)
    this.#state = state
  }

  static of (database) {
    if (typeof database !== 'object' || database === null || !(#state in database)) {
      throw new TypeError('Illegal invocation')
    }
    return database.#state
  }
}

const stateOf = Connection.of

/** What a connection consists of, in JavaScript. */
class State {
  constructor (environment, handle, options) {
    this.natives = environment.natives
    this.block = environment.block
    this.classes = environment.classes
    this.Statement = environment.classes.Statement
    this.Entry = environment.classes.Entry
    this.handle = handle
    this.cache = new StatementCache()
    // One-statement scripts that exec() has run.
    this.executed = new Set()
    this.int64 = false
    this.options = options
    this.controller = null
    this.changes = null
    this.limits = null
    // Its tables are on a server; in a replica the file has them too.
    this.remote = null
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

  /** Whether an iterator is open. */
  isReading () {
    return this.natives.databaseIsReading.call(this.handle)
  }

  close () {
    this.natives.databaseClose.call(this.handle)
    this.cache.clear()
    this.changes = null
  }

  /** Compiles a statement of its own, without the cache. */
  compile (sql, pragma, explain) {
    return new this.Entry(this.natives.statementPrepare.call(this.handle, sql, pragma, explain))
  }

  statement (entry, sql, database) {
    return new this.Statement(KEY, entry, sql, database, this.int64)
  }

  inTransaction = () => {
    if (this.remote !== null) return this.remote.inTransaction
    return this.natives.databaseInTransaction.call(this.handle)
  }
}

/** Keeps a script of one statement compiled, unless a listener has taken its table away. */
function keep (state, sql) {
  try {
    state.cache.set(sql, state.compile(sql, false, false))
  } catch {
    state.executed.delete(sql)
  }
}

function open (database, getBinding, filename, given, allowNativeBinding) {
  const { key, ...options } = readOptions(filename, given, allowNativeBinding)
  const environment = attach(getBinding(options.nativeBinding))
  environment.classes ??= createClasses(environment)
  if (options.remote !== null && options.replica === null) {
    return openRemote(database, environment, options)
  }
  requireFolder(options)
  requirePlain(environment.natives, options)
  try {
    const openState = options.replica === null ? openLocal : openReplica
    return new Connection(database, openState(environment, options, key))
  } finally {
    key?.fill(0)
  }
}

function createClasses (environment) {
  const classes = statements.createClasses(environment)
  tracing.whenOn(() => require('./traced').traceStatements(classes, placeOf))
  return classes
}

/** What a statement that runs on this machine is about, for those who are told of it. */
function placeOf (database) {
  const { options, remote } = stateOf(database)
  return [options.name, remote === null ? 'writer' : 'file']
}

/** Runs what is no Statement, and tells those who listen. */
function traceExec (sql, { options }, call) {
  return tracing.traceSync(tracing.contextOf('exec', sql, options.name, 'writer'), call)
}

function openLocal (environment, options, key, role = ROLE.ONLY) {
  const handle = environment.natives.databaseOpen(
    options.file, options.readonly, options.fileMustExist, options.timeout, options.verbose,
    options.buffer, options.vfs, options.uri, options.defaultQueryTimeout,
    key, role, options.name
  )
  const state = new State(environment, handle, options)
  if (options.limits !== null) Object.assign(limitsOf(state), options.limits)
  return state
}

/** A replica: its file is for reading. */
function openReplica (environment, options, key) {
  const forReading = { ...options, readonly: true, fileMustExist: true }
  const open = () => openLocal(environment, forReading, key, ROLE.REPLICA)
  const remote = new lazy.replica.ReplicaDatabase(environment, options, key, open)
  return Object.assign(remote.local, { remote, options })
}

function openRemote (database, environment, options) {
  const state = new State(environment, null, options)
  state.remote = new lazy.remote.RemoteDatabase(environment, options)
  return new Connection(database, state)
}

/** The state of a database that is on this machine; `method` is what only that has. */
function localOf (database, method) {
  const state = stateOf(database)
  if (state.handle === null) throw lazy.notRemote(method)
  return state
}

/** As localOf(), for what only a file has that is written to here. */
function ownOf (database, method) {
  const state = localOf(database, method)
  if (state.remote !== null) throw lazy.replicaOptions.notReplica(method)
  return state
}

/** What keeps a replica up to date. */
function replicaOf (database, method) {
  const { handle, remote } = stateOf(database)
  if (handle === null || remote === null) throw lazy.replicaOptions.onlyReplica(method)
  return remote
}

function limitsOf (state) {
  const { natives, handle } = state
  const limit = (index, value) => natives.databaseLimit.call(handle, index, value)
  state.limits ??= lazy.limits.createLimits(limit)
  return state.limits
}

/** Who listens to a local database, or to a replica. */
function listenersOf (database, method, event) {
  const state = localOf(database, `${method}()`)
  const { natives, handle, remote } = state
  if (remote !== null) return remote.listeners(method, event)
  const subscribe = (tell) => natives.databaseOnChange.call(handle, tell)
  state.changes ??= new lazy.changes.Changes(() => state.int64, subscribe)
  return state.changes
}

// Own and enumerable, as better-sqlite3 has them: they show in console.log.
const getters = {
  name: { get () { return stateOf(this).options.name }, enumerable: true },
  open: {
    get () {
      const { natives, handle, remote } = stateOf(this)
      return remote === null ? natives.databaseIsOpen.call(handle) : remote.open
    },
    enumerable: true
  },
  inTransaction: { get () { return stateOf(this).inTransaction() }, enumerable: true },
  readonly: { get () { return stateOf(this).options.readonly }, enumerable: true },
  memory: { get () { return stateOf(this).options.anonymous }, enumerable: true }
}

/** A statement for these parameters: one that is undefined is none where the statement has none. */
function prepareFor (database, sql, params) {
  const statement = methods.prepare.call(database, sql)
  if (params.length === 1 && params[0] === undefined) {
    const { classes } = stateOf(database)
    const names = classes.parametersOf(statement) ?? lazy.parametersOf(statement)
    if (names.length === 0) params.pop()
  }
  return statement
}

const methods = {
  prepare (sql) {
    const state = stateOf(this)
    requireString(sql)
    if (state.remote !== null) return state.remote.prepare(sql, this)
    return state.statement(state.entry(sql), sql, this)
  },

  run (sql, ...params) {
    return prepareFor(this, sql, params).run(...params)
  },

  get (sql, ...params) {
    return prepareFor(this, sql, params).get(...params)
  },

  all (sql, ...params) {
    return prepareFor(this, sql, params).all(...params)
  },

  iterate (sql, ...params) {
    return prepareFor(this, sql, params).iterate(...params)
  },

  transaction (fn) {
    if (typeof fn !== 'function') throw new TypeError('Expected first argument to be a function')
    const state = stateOf(this)
    const { natives, handle, remote } = state
    if (remote !== null) return remote.transaction(fn, this)
    state.controller ??= createController((sql) => {
      const statement = natives.statementPrepare.call(handle, sql, false, false)
      const run = () => natives.statementRun.call(statement)
      return () => tracing.on ? traceExec(sql, state, run) : run()
    })
    return createTransaction(fn, this, state.controller, state.inTransaction)
  },

  pragma (source, options) {
    options ??= {}
    requireString(source)
    if (typeof options !== 'object') throw new TypeError('Expected second argument to be an options object')
    const simple = getBooleanOption(options, 'simple')
    const timeout = readSyncOptions(options, PRAGMA_OPTIONS)
    const state = stateOf(this)
    const sql = `PRAGMA ${source}`
    const statement = state.remote === null
      ? state.statement(state.compile(sql, true, false), sql, this)
      : state.remote.pragma(sql, this)
    if (timeout !== undefined) statement.timeout(timeout)
    return simple ? statement.pluck().get() : statement.all()
  },

  explain (source, options) {
    requireString(source)
    const timeout = readSyncOptions(options)
    const state = stateOf(this)
    const sql = `EXPLAIN ${source}`
    const statement = state.remote === null
      ? state.statement(state.compile(sql, false, true), sql, this)
      : state.remote.explain(sql, this)
    if (timeout !== undefined) statement.timeout(timeout)
    return statement.all()
  },

  async backup (filename, options) {
    const state = localOf(this, 'backup()')
    const { readBackup, runBackup } = lazy.backup
    const { natives, handle, options: { uri } } = state
    const { file, attached, progress } = await readBackup(filename, options, uri)
    const signal = readStepOptions(options, BACKUP_OPTIONS, 'backup()', true)?.signal
    const [backup, ...opened] = natives.databaseBackup.call(handle, attached, file, uri)
    const step = (pages) => {
      if (signal?.aborted) throw abortError(signal)
      return natives.backupStep.call(backup, pages)
    }
    return runBackup(file, opened, step, () => natives.backupClose.call(backup), progress)
  },

  serialize (options) {
    options ??= {}
    if (typeof options !== 'object') throw new TypeError('Expected first argument to be an options object')
    const attached = 'attached' in options ? options.attached : 'main'
    if (typeof attached !== 'string') throw new TypeError('Expected the "attached" option to be a string')
    if (!attached) throw new TypeError('The "attached" option cannot be an empty string')
    readStepOptions(options, SERIALIZE_OPTIONS, 'serialize()', false)
    const { natives, handle } = localOf(this, 'serialize()')
    return natives.databaseSerialize.call(handle, attached)
  },

  rekey (encryptionKey) {
    const { natives, handle } = ownOf(this, 'rekey()')
    const key = encryptionKey === null ? null : readKey(encryptionKey, 'Expected first argument')
    try {
      natives.databaseRekey.call(handle, key)
    } finally {
      key?.fill(0)
    }
    return this
  },

  function (name, options, fn) {
    const { natives, block, handle, int64 } = localOf(this, 'function()')
    const { readFunction } = lazy.functions
    natives.databaseFunction.apply(handle, readFunction(block, name, options, fn, int64))
    return this
  },

  aggregate (name, options) {
    const { natives, block, handle, int64 } = localOf(this, 'aggregate()')
    const { readAggregate } = lazy.functions
    natives.databaseAggregate.apply(handle, readAggregate(block, name, options, int64))
    return this
  },

  table (name, definition) {
    const state = localOf(this, 'table()')
    const args = lazy.table.readTable(name, definition, () => state.int64)
    state.natives.databaseTable.apply(state.handle, args)
    return this
  },

  loadExtension (file, entryPoint) {
    requireString(file)
    if (arguments.length > 1 && typeof entryPoint !== 'string') {
      throw new TypeError('Expected second argument to be a string')
    }
    const { natives, handle } = localOf(this, 'loadExtension()')
    natives.databaseLoadExtension.call(handle, file, entryPoint)
    return this
  },

  exec (sql, options, list) {
    requireString(sql)
    const state = stateOf(this)
    const timeout = options === undefined ? undefined : readSyncExecOptions(sql, options, list)
    if (state.remote !== null) {
      state.remote.exec(sql, timeout)
      return this
    }
    if (tracing.on) traceExec(sql, state, () => execHere(state, sql, timeout))
    else execHere(state, sql, timeout)
    return this
  },

  batch (statements, options) {
    const state = stateOf(this)
    const { natives, block, handle, remote } = state
    if (remote !== null) return remote.batch(statements, options)
    const { CHANGES, ROWID, ROWID_INT64 } = HEADER
    return lazy.batch.runBatch(natives, this, statements, options, () => {
      natives.databaseLastChanges.call(handle)
      const lastInsertRowid = state.int64 ? block.bigints[ROWID_INT64] : block.numbers[ROWID]
      return { changes: block.numbers[CHANGES], lastInsertRowid }
    })
  },

  close () {
    const state = stateOf(this)
    if (state.remote === null) state.close()
    else state.remote.close()
    return this
  },

  defaultSafeIntegers (on) {
    const state = stateOf(this)
    state.int64 = readToggle(arguments)
    state.remote?.defaultSafeIntegers(arguments)
    return this
  },

  sync () {
    return replicaOf(this, 'sync()').sync()
  },

  syncUntil (replicationIndex) {
    return replicaOf(this, 'syncUntil()').syncUntil(replicationIndex)
  },

  resync () {
    return replicaOf(this, 'resync()').resync()
  },

  maxWriteReplicationIndex () {
    return replicaOf(this, 'maxWriteReplicationIndex()').maxWriteReplicationIndex()
  },

  unsafeMode (on) {
    const { natives, handle } = localOf(this, 'unsafeMode()')
    natives.databaseRequireOpen.call(handle)
    natives.databaseUnsafeMode.call(handle, readToggle(arguments))
    return this
  },

  interrupt () {
    const { natives, handle, remote } = stateOf(this)
    // A call to a server is over before anybody can interrupt it.
    remote?.requireOpen()
    if (handle !== null) natives.databaseInterrupt.call(handle)
    return this
  },

  authorizer (rules) {
    const { natives, handle } = localOf(this, 'authorizer()')
    natives.databaseAuthorizer.apply(handle, readRules(rules))
    return this
  },

  createSession (options) {
    const { natives, handle } = ownOf(this, 'createSession()')
    return new Session(natives, natives.databaseSession.apply(handle, readSessionOptions(options)))
  },

  applyChangeset (changeset, options) {
    const { natives, handle } = ownOf(this, 'applyChangeset()')
    return natives.databaseApplyChangeset.apply(handle, readApplyOptions(changeset, options))
  },

  on (event, listener) {
    listenersOf(this, 'on', event).add(event, listener)
    return this
  },

  off (event, listener) {
    listenersOf(this, 'off', event).remove(event, listener)
    return this
  },

  [Symbol.dispose ?? Symbol.for('nodejs.dispose')] () {
    this.close()
  },

  [Symbol.for('nodejs.util.inspect.custom')] () {
    return Object.assign(new DatabaseInspection(), this)
  }
}

/** Runs a script on this machine. */
function execHere (state, sql, timeout) {
  const { natives, handle, cache } = state
  if (timeout !== undefined) {
    natives.databaseExec.call(handle, sql, timeout)
    return
  }
  const cached = sql.length <= MAX_EXEC_LENGTH ? cache.get(sql) : undefined
  if (cached !== undefined && natives.statementReuse.call(cached.handle)) {
    natives.statementExec.call(cached.handle)
  } else if (natives.databaseExec.call(handle, sql, -1) && sql.length <= MAX_EXEC_LENGTH) {
    // BEGIN, COMMIT and the like come again and again: the second time it is kept compiled.
    if (state.executed.has(sql)) keep(state, sql)
    if (state.executed.size >= MAX_CACHED) state.executed.clear()
    state.executed.add(sql)
  }
}

const DatabaseInspection = function Database () {}

function requireString (value) {
  if (typeof value !== 'string') throw new TypeError('Expected first argument to be a string')
}

/** Gives a Database constructor its methods. */
function defineMethods (prototype) {
  for (const key of Reflect.ownKeys(methods)) {
    Object.defineProperty(prototype, key, {
      value: methods[key], writable: true, enumerable: false, configurable: true
    })
  }
  Object.defineProperty(prototype, 'limits', {
    get () { return limitsOf(localOf(this, 'limits')) },
    enumerable: false,
    configurable: true
  })
}

module.exports = { defineMethods, getters, open }
