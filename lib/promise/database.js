'use strict'

const { NAMES } = require('../arguments/names')
const { attach } = require('../environment')
const { KEY } = require('../key')
const { getBooleanOption, readKey, readOptions, readToggle } = require('../connection-options')
const { lazy } = require('../lazy')
const { requireFolder, requirePlain, resolveLibrary } = require('../paths')
const { BACKUP_FROM, FLAG, OP, STORE_TASK } = require('../protocol')
const { FLAT, PLUCK } = require('../rows')
const { hasParameter } = require('../sql')
const { lifecycle } = require('../occasions')
const { Job } = require('../worker/job')
const { Connection } = require('./connection')
const { readLease, readReaders } = require('./options')

const modules = lazy({
  call: () => require('../arguments/call'),
  modes: () => require('../transaction'),
  moments: () => require('../kv/moments'),
  params: () => require('../params'),
  statement: () => require('../worker/statement'),
  transaction: () => require('./transaction')
})

// The known options of each method, beside those of any call.
const PRAGMA_OPTIONS = [...NAMES, 'simple']
const SERIALIZE_OPTIONS = [...NAMES, 'attached']
const BACKUP_OPTIONS = [...NAMES, 'attached', 'progress', 'store', 'singleWriter']
const APPLY_OPTIONS = [...NAMES, 'filter', 'onConflict']

class Database {
  #connection
  #getBinding

  constructor (getBinding, filename, given, allowNativeBinding) {
    if (filename === undefined || filename === null) {
      throw new TypeError("Expected first argument to be a string: a path or a URL, or '' for a temporary database (is a variable not set?)")
    }
    const { key, ...options } = readOptions(filename, given, allowNativeBinding)
    if (options.store?.resident) throw new TypeError('A resident database is one of the sync API: connect() opens it')
    requireFolder(options)
    const environment = attach(getBinding(options.nativeBinding))
    if (environment.backend === 'wasm') {
      require('../capabilities').requireNative(environment, 'promises')
    }
    requirePlain(environment.natives, options)
    const own = { leaseTimeout: readLease(given), readers: readReaders(given, options), key }
    this.#getBinding = getBinding
    const open = () => { this.#connection = new Connection(environment, options, own) }
    const occasion = lifecycle('open')
    if (occasion === null) {
      open()
    } else {
      occasion.begin(require('../lifecycle').describe(options), () => {
        open()
        return this.#connection.opened
      })
    }
  }

  static opened (database) {
    return database.#connection.opened
  }

  get name () { return this.#connection.options.name }
  get open () { return !this.#connection.closed }
  get inTransaction () { return this.#connection.inTransaction }
  get readonly () { return this.#connection.options.readonly }
  get memory () { return this.#connection.options.anonymous }
  get backend () { return 'native' }
  get queueLength () { return this.#connection.queueLength }

  async prepare (sql, options) {
    requireString(sql)
    const connection = this.#connection
    connection.requireOpen()
    const call = modules.call.readCallOptions(options)
    const entry = await connection.compiler.compileInTurn(sql, call)
    return new modules.statement.Statement(KEY, connection, entry, sql, this)
  }

  run (sql, ...params) {
    return this.#connection.track(this.#direct(OP.RUN, sql, params, modules.statement.finishRun))
  }

  get (sql, ...params) {
    return this.#connection.track(this.#direct(OP.GET, sql, params, modules.statement.finishGet))
  }

  all (sql, ...params) {
    return this.#connection.track(this.#direct(OP.ALL, sql, params, modules.statement.finishAll))
  }

  async #direct (op, sql, params, finish) {
    requireString(sql)
    const connection = this.#connection
    connection.requireOpen()
    const flags = connection.int64 ? FLAG.INT64 : 0
    const execute = (entry, given) => {
      const call = { ...this.#readCall(given, entry), flags, mode: FLAT }
      return connection.execute(op, entry, call, finish)
    }
    const known = connection.compiler.known(sql)
    if (known !== null) return execute(known, params)
    const options = this.#likelyOptions(sql, params)
    // As they are now.
    const given = params.map(modules.params.copyParams)
    const read = (entry) => ({ ...this.#readCall([...given], entry), flags, mode: FLAT })
    const executing = connection.compiler.executeNew(op, sql, options, read, finish)
    if (executing !== null) return executing
    const compile = () => connection.compiler.cached(sql, options)
    return connection.compileFirst(compile, async (entry) => execute(entry, given), options, sql)
  }

  #likelyOptions (sql, params) {
    try {
      return likelyOptions(sql, params)
    } catch (error) {
      throw this.#connection.about(error, sql)
    }
  }

  #readCall (given, entry) {
    try {
      const { readCallOptions, takeOptions } = modules.call
      const options = takeOptions(given, entry.parameters, readCallOptions) ?? null
      const { readValues } = modules.statement
      return { options, values: readValues(withoutUndefined(given, entry), entry) }
    } catch (error) {
      throw this.#connection.about(error, entry.sql)
    }
  }

  iterate (sql, ...params) {
    const generator = this.#iterate(sql, params)
    const next = generator.next.bind(generator)
    const value = () => this.#connection.track(next())
    return Object.defineProperty(generator, 'next', { value })
  }

  async * #iterate (sql, params) {
    requireString(sql)
    const connection = this.#connection
    connection.requireOpen()
    const call = this.#likelyOptions(sql, params)
    const given = params.map(modules.params.copyParams)
    const start = async (entry) => {
      const statement = new modules.statement.Statement(KEY, connection, entry, sql, this)
      const iterator = statement.iterate(...withoutUndefined(given, entry))
      return { iterator, first: iterator.next() }
    }
    const compile = () => connection.compiler.cached(sql, call)
    const { iterator, first } = await connection.compileFirst(compile, start, call, sql)
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
    await connection.exec(sql, modules.call.readExecOptions(options))
    return this
  }

  transaction (fn) {
    if (typeof fn !== 'function') throw new TypeError('Expected first argument to be a function')
    modules.modes.requireNoMode(arguments[1])
    this.#connection.requireOpen()
    return modules.transaction.createTransaction(fn, this, this.#connection)
  }

  pragma (source, options) {
    return this.#connection.track(this.#pragma(source, options))
  }

  async #pragma (source, options) {
    options ??= {}
    requireString(source)
    if (typeof options !== 'object') throw new TypeError('Expected second argument to be an options object')
    const simple = getBooleanOption(options, 'simple')
    const given = modules.call.readCallOptions(options, PRAGMA_OPTIONS)
    const connection = this.#connection
    connection.requireOpen()
    const sql = `PRAGMA ${source}`
    const flags = connection.int64 ? FLAG.INT64 : 0
    const compile = () => connection.compiler.compile(sql, FLAG.PRAGMA, given)
    return connection.compileFirst(compile, async (entry) => {
      const call = { values: [], flags, mode: FLAT, options: given }
      if (!simple) return connection.execute(OP.ALL, entry, call, modules.statement.finishAll)
      const plucked = { ...call, flags: flags | FLAG.PLUCK, mode: PLUCK }
      return connection.execute(OP.GET, entry, plucked, modules.statement.finishGet)
    }, given, sql)
  }

  explain (source, options) {
    return this.#connection.track(this.#explain(source, options))
  }

  async #explain (source, options) {
    requireString(source)
    const given = modules.call.readCallOptions(options)
    const connection = this.#connection
    connection.requireOpen()
    const sql = `EXPLAIN ${source}`
    const compile = () => connection.compiler.compile(sql, FLAG.EXPLAIN, given)
    return connection.compileFirst(compile, async (entry) => {
      const call = { values: [], flags: 0, mode: FLAT, options: given }
      return connection.execute(OP.ALL, entry, call, modules.statement.finishAll)
    }, given, sql)
  }

  async serialize (options) {
    options ??= {}
    if (typeof options !== 'object') throw new TypeError('Expected first argument to be an options object')
    const attached = 'attached' in options ? options.attached : 'main'
    if (typeof attached !== 'string') throw new TypeError('Expected the "attached" option to be a string')
    if (!attached) throw new TypeError('The "attached" option cannot be an empty string')
    const call = modules.call.readCallOptions(options, SERIALIZE_OPTIONS)
    const finish = ([[bytes]]) => bytes
    return this.#connection.ask(OP.SERIALIZE, 0, [attached], finish, { options: call })
  }

  async rekey (encryptionKey) {
    const key = encryptionKey === null ? null : readKey(encryptionKey, 'Expected first argument')
    this.#connection.requireOpen()
    this.#connection.requireCapability('rekey()')
    await this.#connection.rekey(key)
    return this
  }

  async loadExtension (file, entryPoint) {
    requireString(file)
    if (arguments.length > 1 && typeof entryPoint !== 'string') {
      throw new TypeError('Expected second argument to be a string')
    }
    const library = resolveLibrary(file)
    const values = entryPoint === undefined ? [library] : [library, entryPoint]
    this.#connection.keepPrivate()
    await this.#connection.ask(OP.LOAD_EXTENSION, 0, values)
    return this
  }

  async sync (options) {
    return this.#routeWith('sync()').sync(modules.call.readCallOptions(options))
  }

  async syncUntil (replicationIndex, options) {
    return this.#routeWith('syncUntil()').syncUntil(replicationIndex, modules.call.readCallOptions(options))
  }

  async resync (options) {
    return this.#routeWith('resync()').resync(modules.call.readCallOptions(options))
  }

  async refresh (options) {
    const connection = this.#storeOf('refresh()')
    if (!connection.options.readonly) throw new TypeError('refresh() is for databases that are open for reading: the "readonly" option')
    const call = modules.call.readCallOptions(options)
    return this.#task(STORE_TASK.REFRESH, call, ([[moved]]) => moved === 1)
  }

  async flush (options) {
    this.#storeOf('flush()')
    await this.#task(STORE_TASK.FLUSH, modules.call.readCallOptions(options))
    return this
  }

  async history (options) {
    this.#storeOf('history()')
    const call = modules.call.readCallOptions(options)
    return this.#task(STORE_TASK.HISTORY, call, (rows) => rows.map(modules.moments.readMoment))
  }

  async restore (epoch, options) {
    this.#storeOf('restore()')
    const number = modules.moments.readEpoch(epoch)
    await this.#task(STORE_TASK.RESTORE, modules.call.readCallOptions(options), null, number)
    return this
  }

  #storeOf (method) {
    const connection = this.#connection
    connection.requireOpen()
    connection.requireCapability(method)
    return connection
  }

  #task (task, options, finish = null, target = 0) {
    return this.#connection.ask(OP.STORE, target, [], finish, { extra: task, options })
  }

  get lastSync () { return this.#routeWith('lastSync').lastSync }
  get lag () { return this.#routeWith('lag').lag }

  maxWriteReplicationIndex () {
    return this.#routeWith('maxWriteReplicationIndex()').maxWriteReplicationIndex()
  }

  /** The route of the connection; throws if its kind lacks `method`. */
  #routeWith (method) {
    const connection = this.#connection
    connection.requireOpen()
    connection.requireCapability(method)
    return connection.route
  }

  /** Waits for calls that its threads have, but not for transactions of others. */
  async stats (options) {
    const connection = this.#connection
    const call = modules.call.readCallOptions(options)
    connection.requireOpen()
    return connection.stats(call)
  }

  async unsafeMode (on) {
    const extra = readToggle(arguments) ? 1 : 0
    await this.#connection.ask(OP.UNSAFE_MODE, 0, [], null, { extra })
    return this
  }

  batch (statements, options) {
    return this.#connection.track(this.#batch(statements, options))
  }

  async #batch (statements, options) {
    const connection = this.#connection
    connection.requireOpen()
    return require('./batch').runBatch(this, connection, statements, options)
  }

  async function (name, options, fn) {
    const { int64 } = this.#connection
    const { parseFunction } = require('../arguments/function')
    const parsed = parseFunction(name, options, fn, int64)
    const { scalar } = require('../worker/callbacks')
    return this.#register(parsed, 0, scalar(parsed.name, parsed.fn))
  }

  async aggregate (name, options) {
    const { int64 } = this.#connection
    const { parseAggregate } = require('../arguments/function')
    const parsed = parseAggregate(name, options, int64)
    const { aggregate } = require('../worker/callbacks')
    const flags = FLAG.AGGREGATE | (parsed.callbacks.inverse === null ? 0 : FLAG.WINDOW)
    return this.#register(parsed, flags, aggregate(name, parsed.callbacks))
  }

  async #register ({ name, argCount, int64, deterministic, directOnly }, flags, fn) {
    const connection = this.#connection
    connection.requireOpen()
    connection.requireCapability(flags & FLAG.AGGREGATE ? 'aggregate()' : 'function()')
    if (int64) flags |= FLAG.INT64
    if (deterministic) flags |= FLAG.DETERMINISTIC
    if (directOnly) flags |= FLAG.DIRECT_ONLY
    connection.keepPrivate()
    const number = connection.nextNumber()
    connection.port.functions.set(number, fn)
    const job = new Job(OP.FUNCTION, number)
    job.flags = flags
    job.values = [name, argCount]
    await connection.submit(connection.root.current(), job)
    return this
  }

  async table (name, definition) {
    const connection = this.#connection
    connection.requireOpen()
    const { readTable } = require('../arguments/table')
    const { tables } = require('../worker/callbacks')
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
    const [database, table] = require('../arguments/session').readSessionOptions(options)
    const { Session } = require('./session')
    const number = connection.nextNumber()
    await connection.ask(OP.SESSION, number, table === null ? [database] : [database, table])
    return new Session(connection, number)
  }

  async applyChangeset (changeset, options) {
    const connection = this.#connection
    connection.requireOpen()
    const { readApplyOptions } = require('../arguments/session')
    const [bytes, filter, onConflict] = readApplyOptions(changeset, options)
    const call = modules.call.readCallOptions(options, APPLY_OPTIONS)
    const { functions } = connection.port
    const numbers = [filter, onConflict].map((/** @type {Function | null} */ fn) => {
      if (fn === null) return 0
      const number = connection.nextNumber()
      functions.set(number, (ask, group, [argument]) => Number(fn(argument)))
      return number
    })
    try {
      const finish = ([[applied]]) => applied === 1
      return await connection.ask(OP.APPLY, 0, [bytes, ...numbers], finish, { options: call })
    } finally {
      for (const number of numbers) functions.delete(number)
    }
  }

  async authorizer (rules) {
    const connection = this.#connection
    connection.requireOpen()
    const args = require('../arguments/authorizer').readRules(rules)
    connection.keepPrivate()
    connection.port.leaveAuthorizer(...args)
    await connection.ask(OP.AUTHORIZER, 0, [])
    return this
  }

  on (event, listener) {
    this.#listeners('on', event).add(event, listener)
    return this
  }

  off (event, listener) {
    this.#listeners('off', event).remove(event, listener)
    return this
  }

  #listeners (method, event) {
    this.#connection.requireOpen()
    return this.#connection.route.listeners(method, event)
  }

  async backup (filename, options) {
    const { isToStore, readBackup, runBackup } = require('../arguments/backup')
    const connection = this.#connection
    connection.requireOpen()
    if (isToStore(options)) return this.#backupToStore(filename, options)
    const { uri } = connection.options
    const { file, attached, progress } = await readBackup(filename, options, uri)
    const call = modules.call.readCallOptions(options, BACKUP_OPTIONS)
    const { opened, step, close } = await this.#beginBackup([attached, file], uri ? 1 : 0, call)
    return runBackup(file, opened, step, close, progress)
  }

  async #beginBackup (files, extra, options) {
    const connection = this.#connection
    const number = connection.nextNumber()
    const first = ([row]) => row
    const opened = await connection.ask(OP.BACKUP, number, files, first, { extra })
    return {
      opened,
      step: (pages) => {
        return connection.ask(OP.BACKUP_STEP, number, [], first, { extra: pages, options })
      },
      close: () => connection.ask(OP.BACKUP_CLOSE, number, [])
    }
  }

  async #backupToStore (name, given) {
    const { runBackup } = require('../arguments/backup')
    const { backupToStore, growing } = require('../kv/backup')
    const call = modules.call.readCallOptions(given, BACKUP_OPTIONS)
    this.#connection.requireCapability('backup()')
    const copy = async (attached, file) => {
      const { opened, step, close } = await this.#beginBackup([attached, file], 0, call)
      await runBackup(file, opened, step, close, growing())
    }
    const open = async (name, options) => {
      const target = new Database(this.#getBinding, name, options, true)
      await target.#connection.opened
      return {
        pageSize: () => target.pragma('page_size', { simple: true }),
        begin: (file) => target.#beginBackup(['main', file], BACKUP_FROM, call),
        close: () => target.close()
      }
    }
    return backupToStore(name, given, copy, open)
  }

  defaultSafeIntegers (on) {
    this.#connection.int64 = readToggle(arguments)
    return this
  }

  /** Ends the first of the calls that have not ended; those behind it go on. */
  interrupt () {
    // Calls that close() waits for can be interrupted.
    if (!this.#connection.isClosing) this.#connection.requireOpen()
    this.#connection.interrupt()
    return this
  }

  /** Closes once all calls before it have ended, or after a time ends them. */
  async close (options) {
    await this.#connection.close(modules.call.readCloseOptions(options))
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

/** The parameters of a call by SQL: one that is undefined is none where the statement has none. */
function withoutUndefined (params, { parameters }) {
  return params.length === 1 && params[0] === undefined && parameters.length === 0 ? [] : params
}

/**
 * The options of a call whose statement is not compiled yet. They apply to compiling too, unless
 * they may be values of its parameters.
 */
function likelyOptions (sql, params) {
  const last = params.at(-1)
  if (!modules.params.isPlainObject(last) || Array.isArray(last)) return null
  const keys = Object.keys(last)
  const isOption = (key) => NAMES.includes(key) && !hasParameter(sql, key)
  return keys.length !== 0 && keys.every(isOption) ? modules.call.readCallOptions(last) : null
}

function requireString (value) {
  if (typeof value !== 'string') throw new TypeError('Expected first argument to be a string')
}

module.exports = { Database }
