'use strict'

const { NAMES } = require('./arguments/names')
const { backendOf, setBackend } = require('./backends/sync/backend-of')
const { addMethods } = require('./caller')
const { attach } = require('./environment')
const { abortError } = require('./errors')
const { getBooleanOption, readKey, readOptions, readToggle } = require('./connection-options')
const { lazy } = require('./lazy')
const { lifecycle } = require('./occasions')
const { requireFolder, requirePlain } = require('./paths')

const modules = lazy({
  authorizer: () => require('./arguments/authorizer'),
  backup: () => require('./arguments/backup'),
  call: () => require('./arguments/call'),
  capabilities: () => require('./capabilities'),
  functions: () => require('./arguments/function'),
  kv: () => require('./backends/sync/kv'),
  lifecycle: () => require('./lifecycle'),
  moments: () => require('./kv/moments'),
  session: () => require('./arguments/session'),
  storeBackup: () => require('./kv/backup'),
  table: () => require('./arguments/table'),
  tracing: () => require('./tracing'),
  transaction: () => require('./transaction')
})

// The known options of each method. Some methods refuse options of a call.
const PRAGMA_OPTIONS = [...NAMES, 'simple']
const SERIALIZE_OPTIONS = [...NAMES, 'attached']
const BACKUP_OPTIONS = [...NAMES, 'attached', 'progress', 'store', 'singleWriter']

/** `openBackend(environment, options, key)` returns the backend of the database. */
function open (database, filename, given, { getBinding, allowNativeBinding, openBackend }) {
  const { key, ...options } = readOptions(filename, given, allowNativeBinding)
  const run = () => openWith(database, getBinding, openBackend, options, key)
  const occasion = lifecycle('open')
  if (occasion === null) run()
  else occasion.sync(modules.lifecycle.describe(options), run)
}

function openWith (database, getBinding, openBackend, options, key) {
  const environment = attach(getBinding(options.nativeBinding))
  requireFolder(options)
  requirePlain(environment.natives, options)
  try {
    setBackend(database, openBackend(environment, options, key))
  } finally {
    key?.fill(0)
  }
}

/** The backend of a database; throws if its kind lacks `method`. */
function ableTo (database, method) {
  const backend = backendOf(database)
  modules.capabilities.requireCapability(backend.kind, method)
  return backend
}

/** The local file of a database, for a method that needs one. */
function fileOf (database, method) {
  return ableTo(database, method).file
}

// Own and enumerable, as better-sqlite3 has them: they show in console.log.
const getters = {
  name: { get () { return backendOf(this).options.name }, enumerable: true },
  open: { get () { return backendOf(this).open }, enumerable: true },
  inTransaction: { get () { return backendOf(this).inTransaction }, enumerable: true },
  readonly: { get () { return backendOf(this).options.readonly }, enumerable: true },
  memory: { get () { return backendOf(this).options.anonymous }, enumerable: true }
}

// On its own: a function that closes over its arguments costs each call of the one around it.
function prepareTraced (backend, sql, database) {
  const { traceCompile } = modules.tracing
  return traceCompile(sql, backend.options.name, () => backend.prepare(sql, database))
}

/** A parameter that is undefined is none, where the statement has none. */
function dropUndefined (database, statement, params) {
  const names = backendOf(database).parametersOf(statement)
  if (names.length === 0) params.pop()
}

/** What `compile` returns; tracing reports it if it fails. */
function compiled (backend, sql, compile) {
  const { on, traceCompile } = modules.tracing
  return on ? traceCompile(sql, backend.options.name, compile) : compile()
}

/** A backup whose steps end when a signal says so. */
function stepsOf ({ opened, step, close }, signal) {
  const check = (pages) => {
    if (signal?.aborted) throw abortError(signal)
    return step(pages)
  }
  return { opened, step: check, close }
}

async function backupToStore (source, name, given) {
  const signal = modules.call.readStepOptions(given, BACKUP_OPTIONS, 'backup()', true)?.signal
  const copy = (attached, file) => {
    const { opened, step, close } = stepsOf(source.backup(attached, file), signal)
    return modules.backup.runBackup(file, opened, step, close, modules.storeBackup.growing())
  }
  const open = (name, options) => {
    const { key, ...all } = readOptions(name, options, true)
    const target = new modules.kv.KvBackend(source.environment, all, key)
    return {
      pageSize: () => target.pragma('PRAGMA page_size', null).pluck().get(),
      begin: (file) => stepsOf(target.backup('main', file, true), signal),
      close: () => target.close()
    }
  }
  return modules.storeBackup.backupToStore(name, given, copy, open)
}

const methods = {
  prepare (sql) {
    const backend = backendOf(this)
    requireString(sql)
    return modules.tracing.on ? prepareTraced(backend, sql, this) : backend.prepare(sql, this)
  },

  run (sql, ...params) {
    const statement = methods.prepare.call(this, sql)
    if (params.length === 1 && params[0] === undefined) dropUndefined(this, statement, params)
    return statement.run(...params)
  },

  get (sql, ...params) {
    const statement = methods.prepare.call(this, sql)
    if (params.length === 1 && params[0] === undefined) dropUndefined(this, statement, params)
    return statement.get(...params)
  },

  all (sql, ...params) {
    const statement = methods.prepare.call(this, sql)
    if (params.length === 1 && params[0] === undefined) dropUndefined(this, statement, params)
    return statement.all(...params)
  },

  iterate (sql, ...params) {
    const statement = methods.prepare.call(this, sql)
    if (params.length === 1 && params[0] === undefined) dropUndefined(this, statement, params)
    return statement.iterate(...params)
  },

  transaction (fn) {
    if (typeof fn !== 'function') throw new TypeError('Expected first argument to be a function')
    modules.transaction.requireNoMode(arguments[1])
    return backendOf(this).transaction(fn, this)
  },

  pragma (source, options) {
    options ??= {}
    requireString(source)
    if (typeof options !== 'object') throw new TypeError('Expected second argument to be an options object')
    const simple = getBooleanOption(options, 'simple')
    const timeout = modules.call.readSyncOptions(options, PRAGMA_OPTIONS)
    const backend = backendOf(this)
    const sql = `PRAGMA ${source}`
    const statement = compiled(backend, sql, () => backend.pragma(sql, this))
    if (timeout !== undefined) statement.timeout(timeout)
    return simple ? statement.pluck().get() : statement.all()
  },

  explain (source, options) {
    requireString(source)
    const timeout = modules.call.readSyncOptions(options)
    const backend = backendOf(this)
    const sql = `EXPLAIN ${source}`
    const statement = compiled(backend, sql, () => backend.explain(sql, this))
    if (timeout !== undefined) statement.timeout(timeout)
    return statement.all()
  },

  async backup (filename, options) {
    const source = fileOf(this, 'backup()')
    const { isToStore, readBackup, runBackup } = modules.backup
    if (isToStore(options)) return backupToStore(source, filename, options)
    const { file, attached, progress } = await readBackup(filename, options, source.options.uri)
    const signal = modules.call.readStepOptions(options, BACKUP_OPTIONS, 'backup()', true)?.signal
    const { opened, step, close } = stepsOf(source.backup(attached, file), signal)
    return runBackup(file, opened, step, close, progress)
  },

  serialize (options) {
    options ??= {}
    if (typeof options !== 'object') throw new TypeError('Expected first argument to be an options object')
    const attached = 'attached' in options ? options.attached : 'main'
    if (typeof attached !== 'string') throw new TypeError('Expected the "attached" option to be a string')
    if (!attached) throw new TypeError('The "attached" option cannot be an empty string')
    modules.call.readStepOptions(options, SERIALIZE_OPTIONS, 'serialize()', false)
    return fileOf(this, 'serialize()').serialize(attached)
  },

  rekey (encryptionKey) {
    const file = fileOf(this, 'rekey()')
    const key = encryptionKey === null ? null : readKey(encryptionKey, 'Expected first argument')
    try {
      file.rekey(key)
    } finally {
      key?.fill(0)
    }
    return this
  },

  function (name, options, fn) {
    const file = fileOf(this, 'function()')
    file.function(modules.functions.parseFunction(name, options, fn, file.int64))
    return this
  },

  aggregate (name, options) {
    const file = fileOf(this, 'aggregate()')
    file.aggregate(modules.functions.parseAggregate(name, options, file.int64))
    return this
  },

  table (name, definition) {
    const file = fileOf(this, 'table()')
    file.table(...modules.table.readTable(name, definition, () => file.int64))
    return this
  },

  loadExtension (file, entryPoint) {
    requireString(file)
    if (arguments.length > 1 && typeof entryPoint !== 'string') {
      throw new TypeError('Expected second argument to be a string')
    }
    fileOf(this, 'loadExtension()').loadExtension(file, entryPoint)
    return this
  },

  exec (sql, options, list) {
    requireString(sql)
    const backend = backendOf(this)
    if (options === undefined) backend.exec(sql, undefined)
    else backend.exec(sql, modules.call.readSyncExecOptions(sql, options, list))
    return this
  },

  batch (statements, options) {
    return backendOf(this).batch(statements, options, this)
  },

  close (options) {
    const backend = backendOf(this)
    if (options !== undefined) modules.call.refuseCloseOptions(options)
    const occasion = lifecycle('close')
    if (occasion === null || !backend.open) backend.close()
    else occasion.sync(modules.lifecycle.describe(backend.options), () => backend.close())
    return this
  },

  defaultSafeIntegers (on) {
    backendOf(this).defaultSafeIntegers(readToggle(arguments))
    return this
  },

  sync () {
    return ableTo(this, 'sync()').sync()
  },

  syncUntil (replicationIndex) {
    return ableTo(this, 'syncUntil()').syncUntil(replicationIndex)
  },

  resync () {
    return ableTo(this, 'resync()').resync()
  },

  maxWriteReplicationIndex () {
    return ableTo(this, 'maxWriteReplicationIndex()').maxWriteReplicationIndex()
  },

  refresh () {
    const backend = ableTo(this, 'refresh()')
    if (!backend.options.readonly) throw new TypeError('refresh() is for databases that are open for reading: the "readonly" option')
    return backend.refresh()
  },

  flush () {
    ableTo(this, 'flush()').flush()
    return this
  },

  history () {
    return ableTo(this, 'history()').history()
  },

  restore (epoch) {
    const backend = ableTo(this, 'restore()')
    backend.restore(modules.moments.readEpoch(epoch))
    return this
  },

  stats () {
    return backendOf(this).stats()
  },

  unsafeMode (on) {
    const file = fileOf(this, 'unsafeMode()')
    file.requireOpen()
    file.unsafeMode(readToggle(arguments))
    return this
  },

  interrupt () {
    backendOf(this).interrupt()
    return this
  },

  authorizer (rules) {
    const file = fileOf(this, 'authorizer()')
    file.authorizer(...modules.authorizer.readRules(rules))
    return this
  },

  createSession (options) {
    const file = fileOf(this, 'createSession()')
    return file.session(...modules.session.readSessionOptions(options))
  },

  applyChangeset (changeset, options) {
    const file = fileOf(this, 'applyChangeset()')
    return file.applyChangeset(...modules.session.readApplyOptions(changeset, options))
  },

  on (event, listener) {
    backendOf(this).listeners('on', event).add(event, listener)
    return this
  },

  off (event, listener) {
    backendOf(this).listeners('off', event).remove(event, listener)
    return this
  },

  [Symbol.dispose ?? Symbol.for('nodejs.dispose')] () {
    this.close()
  },

  [Symbol.for('nodejs.util.inspect.custom')] () {
    return Object.assign(new DatabaseInspection(), this)
  }
}

const DatabaseInspection = function Database () {}

function requireString (value) {
  if (typeof value !== 'string') throw new TypeError('Expected first argument to be a string')
}

/** Gives a Database constructor its methods. */
function defineMethods (prototype) {
  addMethods('database.js', methods, { Database: prototype.constructor })
  for (const key of Reflect.ownKeys(methods)) {
    Object.defineProperty(prototype, key, {
      value: methods[key], writable: true, enumerable: false, configurable: true
    })
  }
  const hidden = {
    backend () { return backendOf(this).environment.backend },
    limits () { return fileOf(this, 'limits').limits },
    lastSync () { return ableTo(this, 'lastSync').lastSync },
    lag () { return ableTo(this, 'lag').lag }
  }
  for (const [name, get] of Object.entries(hidden)) {
    Object.defineProperty(prototype, name, { get, enumerable: false, configurable: true })
  }
}

module.exports = { defineMethods, getters, open }
