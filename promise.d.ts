/// <reference types="node" />

// One name for a value and a type is how an error's class is exported.
/* eslint-disable @typescript-eslint/no-redeclare */

/**
 * Ferrolite's promise API: every connection has a thread of its own, and calls return promises.
 *
 * ```js
 * const { connect } = require('ferrolite/promise')
 * const db = await connect('app.db')
 * const row = await db.get('SELECT * FROM user WHERE id = ?', 1)
 * ```
 *
 * What SQLite reports is a rejection with a SqliteError, a mistake in using the API one with a
 * TypeError or RangeError. Methods that return no promise throw.
 */

import type {
  ActionValues, AggregateOptions, AnyFunction,
  ApplyChangesetOptions as SyncApplyChangesetOptions, ArgumentTypes, AuthorizationValues, AuthorizerConfig, AuthorizerTables, BackupMetadata,
  BackupOptions as SyncBackupOptions,
  BatchOptions, BatchResult, BatchStatement, BindValue, ColumnDefinition, ConnectionContext, Constants,
  Limits, Options as SyncOptions, PragmaOptions as SyncPragmaOptions, QueryEvent, QueryOptions,
  RegistrationOptions, RunResult, SerializeOptions as SyncSerializeOptions, SessionOptions,
  SqliteError as SyncSqliteError, Stats as SyncStats, SyncContext, SyncEvent, SyncResult,
  TlsOptions, TransactionMode, UncertainEvent, UpdateEvent, Value, VirtualTableFactory,
  VirtualTableOptions
} from './index'
import SyncDatabase = require('./index')

/**
 * Open a database.
 *
 * @param filename A path, `':memory:'`, `''` (temporary), a Buffer of `serialize()`, or the URL of a
 *   libSQL server (`libsql:`, `https:`, `http:`), of which nothing is asked yet.
 * @returns A promise of the connection. Rejects with a TypeError or RangeError for wrong arguments
 *   and a missing directory, with a SqliteError if the file cannot be opened.
 */
declare function connect (filename: string | Buffer, options?: Options | null): Promise<Database>
/** Open a temporary database. */
declare function connect (): Promise<Database>

/** One connection to one database, on a thread of its own. Calls run in the order they are made. */
declare class Database {
  /**
   * Open a database without waiting for it: if that fails, each call rejects with the reason.
   * Throws a TypeError or RangeError for wrong arguments and a missing directory.
   *
   * @param filename A path, `':memory:'`, `''` (temporary), a Buffer of `serialize()`, or the URL of
   *   a libSQL server (`libsql:`, `https:`, `http:`), of which nothing is asked yet.
   */
  constructor (filename: string | Buffer, options?: Options | null)
  /** Open a temporary database. */
  constructor ()

  /** Whether `close()` has not been called. */
  get open (): boolean
  /** Whether a transaction was open when the last result arrived. */
  get inTransaction (): boolean
  /** The filename as it was given. */
  get name (): string
  /** Whether the database lives in memory or in a temporary file. */
  get memory (): boolean
  /** Whether the connection refuses writes. */
  get readonly (): boolean
  /** Calls that have not ended: those that run, and those that wait. */
  get queueLength (): number

  /** Compile exactly one SQL statement. Rejects with what is wrong with it. */
  prepare<BindParameters extends unknown[] | {} = unknown[], Result = unknown>(
    source: string,
    options?: CallOptions | null
  ): Promise<Statement<BindParameters, Result>>

  /** Run a statement to its end and tell what changed. Equal SQL is compiled once. */
  run (source: string, ...params: CallParameters): Promise<RunResult>

  /** The first row, or undefined. Rejects with a TypeError if the statement returns no data. */
  get<Row = Record<string, Value>>(
    source: string,
    ...params: CallParameters
  ): Promise<Row | undefined>

  /** All rows. Rejects with a TypeError if the statement returns no data. */
  all<Row = Record<string, Value>>(
    source: string,
    ...params: CallParameters
  ): Promise<Row[]>

  /** The rows one by one, for `for await`. What is wrong is told by the first `next()`. */
  iterate<Row = Record<string, Value>>(
    source: string,
    ...params: CallParameters
  ): AsyncIterableIterator<Row>

  /** Run any number of statements and discard their rows. */
  exec (source: string, options?: CallOptions | null): Promise<this>

  /**
   * Wrap a function, async or not, so that each call of it runs in a transaction: committed when
   * its promise is fulfilled, rolled back when it is rejected. Calls made by it and by what it
   * calls run inside; calls of others wait until it has ended. Inside another transaction it is a
   * savepoint. Throws a TypeError if `fn` is no function.
   */
  transaction<F extends AnyFunction>(fn: F): Transaction<F>

  /** Run a PRAGMA. All rows, or with `simple` the first column of the first row. */
  pragma (source: string, options?: PragmaOptions | null): Promise<unknown>

  /** The rows of `EXPLAIN source`; start with `QUERY PLAN` for a query plan. */
  explain<Row = Record<string, Value>>(
    source: string,
    options?: CallOptions | null
  ): Promise<Row[]>

  /** Run statements in one transaction, one result each. An error rolls all of them back. */
  batch<Row = Record<string, Value>>(
    statements: readonly BatchStatement[],
    options?: TransactionMode | (BatchOptions & CallOptions) | null
  ): Promise<Array<BatchResult<Row>>>

  /**
   * Copy the database to a file while it stays in use; encrypted if `encryptionKey` was given.
   * Rejects with a TypeError for wrong arguments, with a SqliteError, or with what `progress` throws; a file that
   * was not there before is deleted then.
   */
  backup (destinationFile: string, options?: BackupOptions | null): Promise<BackupMetadata>

  /** The bytes of the database, as a file would hold them; never encrypted. */
  serialize (options?: SerializeOptions | null): Promise<Buffer>

  /**
   * Encrypt the file with another key, a non-empty string or Uint8Array; `null` decrypts it. Every
   * page is written again, in one transaction; calls behind it wait. Rejects with a TypeError for
   * another key and for in-memory or temporary databases, and with a SqliteError inside a
   * transaction, while an iterator is open, and when the file is read-only or, in WAL mode, has
   * connections other than this one and its readers.
   */
  rekey (key: string | Uint8Array | null): Promise<this>

  /**
   * Replica: bring the file up to what the primary has now, in one transaction. Rejects with a
   * SqliteError with a REMOTE_ or SYNC_ code, with a TypeError if this is no replica.
   */
  sync (options?: CallOptions | null): Promise<SyncResult>

  /**
   * Replica: as `sync()`, until the file has that frame, an integer >= 0. Rejects with
   * REMOTE_TIMEOUT if the primary does not have it within `requestTimeout`.
   */
  syncUntil (replicationIndex: number, options?: CallOptions | null): Promise<SyncResult>

  /** Replica: fetch the whole database again, in one transaction. Rejects as `sync()` does. */
  resync (options?: CallOptions | null): Promise<SyncResult>

  /** Replica: the last frame that this connection has written; undefined before the first. */
  maxWriteReplicationIndex (): number | undefined

  /**
   * Register a scalar SQL function. It runs on the JavaScript thread while the worker waits for
   * it, and cannot be async. What it throws is what the call that needed it rejects with.
   */
  function (name: string, fn: (...args: any[]) => FunctionResult): Promise<this>
  function (
    name: string,
    options: RegistrationOptions | null | undefined,
    fn: (...args: any[]) => FunctionResult
  ): Promise<this>

  /**
   * Register an aggregate function, or with `inverse` a window function. Its functions run on the
   * JavaScript thread and cannot be async.
   */
  aggregate<T>(name: string, options: AggregateOptions<T>): Promise<this>

  /**
   * Register a virtual table: a definition makes a table-valued function, a factory makes a
   * module for `CREATE VIRTUAL TABLE`. Its generator runs on the JavaScript thread.
   */
  table (
    name: string,
    definition: VirtualTableOptions | VirtualTableFactory
  ): Promise<this>

  /** Load an SQLite extension from a shared library. */
  loadExtension (path: string, entryPoint?: string): Promise<this>

  /**
   * Replica: when the last sync that succeeded began; null before the first of this connection.
   * Throws a TypeError if this is no replica, or is closed.
   */
  get lastSync (): Date | null

  /**
   * Replica: how many milliseconds ago that was. What is read is at most so old. Throws as
   * `lastSync` does.
   */
  get lag (): number | null

  /** Whether statements and functions made from now on give integers as bigints. */
  defaultSafeIntegers (toggleState?: boolean): this

  /** Allow what SQLite's defensive mode refuses. */
  unsafeMode (unsafe?: boolean): Promise<this>

  /** Allow, deny or ignore access by table, or by ordered rules; `null` removes them. */
  authorizer (rules: AuthorizerTables | AuthorizerConfig | null): Promise<this>

  /** Record changes from now on, of one table or of all, to be replayed elsewhere. */
  createSession (options?: SessionOptions | null): Promise<Session>

  /**
   * Apply a changeset or patchset. False when a conflict aborted it; rejects for malformed ones.
   * `filter` and `onConflict` run on the JavaScript thread and cannot be async.
   */
  applyChangeset (
    changeset: Uint8Array,
    options?: ApplyChangesetOptions | null
  ): Promise<boolean>

  /**
   * Call `listener` for every row inserted, updated or deleted through this connection, before the
   * promise of the statement that did it is settled. What it throws is an uncaught exception.
   * Throws a TypeError for another event and when the connection is closed.
   */
  on (event: 'update', listener: (change: UpdateEvent) => void): this

  /** Remove a listener. */
  off (event: 'update', listener: (change: UpdateEvent) => void): this

  /**
   * Replicas: calls `listener` when a write failed, and whether it has happened is not known; reads
   * go on without it. Throws a TypeError if this is no replica, or is closed.
   */
  on (event: 'uncertain', listener: (event: UncertainEvent) => void): this
  /** Replicas: stops calling `listener`. */
  off (event: 'uncertain', listener: (event: UncertainEvent) => void): this

  /**
   * Replicas: calls `listener` after each sync, whoever asked for it. Throws a TypeError if this is
   * no replica, or is closed.
   */
  on (event: 'sync', listener: (event: SyncEvent) => void): this
  /** Replicas: stops calling `listener`. */
  off (event: 'sync', listener: (event: SyncEvent) => void): this

  /**
   * What the connection and its readers hold, and how many calls had not ended when it was called.
   * Rejects with a TypeError when the connection is closed.
   */
  stats (options?: CallOptions | null): Promise<Stats>

  /**
   * Stop the first of the calls that have not ended; it rejects with SQLITE_INTERRUPT. Those behind
   * it go on.
   */
  interrupt (): this

  /**
   * Close the connection once all calls made before have ended, or after a time stop them. Harmless
   * when already closed.
   * Rejects with SQLITE_BUSY, and stays open, if a transaction takes longer than `leaseTimeout`.
   */
  close (options?: CloseOptions | null): Promise<this>

  /** The same as `close()`, for `await using db = await connect(...)`. */
  [Symbol.asyncDispose] (): Promise<void>
}

/** An error that SQLite reports. The class is the sync API's. */
declare const SqliteError: typeof SyncDatabase.SqliteError
type SqliteError = SyncSqliteError

/** What an authorizer may answer. */
declare const Authorization: Readonly<AuthorizationValues>

/** SQLite's codes for what an authorizer is asked about. */
declare const Action: Readonly<ActionValues>

/** Numbers that `applyChangeset` takes and gives. */
declare const constants: Readonly<Constants>

interface Options extends SyncOptions {
  /**
   * Called with the SQL of a statement when its result arrives, its parameters filled in. What it
   * throws is an uncaught exception.
   */
  verbose?: SyncOptions['verbose']
  /**
   * Milliseconds that a call waits for a transaction on this connection to end before it rejects
   * with SQLITE_BUSY, 1 to 2147483647. Default: 60000.
   */
  leaseTimeout?: number | undefined
  /**
   * How many more connections, each on a thread of its own, share the reads outside of
   * transactions, 0 to 64. Not for in-memory or temporary databases. Default: 0.
   */
  readers?: number | undefined
}

/** What `db.stats()` gives. */
interface Stats extends SyncStats {
  /** Calls that had not ended when it was called, those that waited included. */
  queueLength: number
}

/** What one call may be given. */
interface CallOptions {
  /** Ends the call when it aborts, also while it waits; it rejects with an AbortError. */
  signal?: AbortSignal | undefined
  /**
   * Milliseconds from the call until it rejects with SQLITE_INTERRUPT, its waiting included, 0 to
   * 2147483647; 0 is none. Default: the statement's `timeout()`, or `defaultQueryTimeout`.
   */
  timeout?: number | undefined
  /** The same: libsql's name of it. */
  queryTimeout?: number | undefined
}

/** Options behind parameters, which say what they are by a name. */
type LastOptions = CallOptions & (
  { signal: AbortSignal | undefined } | { timeout: number | undefined } |
  { queryTimeout: number | undefined }
)

/** `signal` and `timeout` are for compiling and running. */
interface PragmaOptions extends SyncPragmaOptions, CallOptions {}
interface SerializeOptions extends SyncSerializeOptions, CallOptions {}
interface ApplyChangesetOptions extends SyncApplyChangesetOptions, CallOptions {}

/** `signal` ends the copying; `timeout` is for each of its steps. */
interface CloseOptions {
  /** Milliseconds after which calls that have not ended are stopped; 0 is never. Default: 0. */
  timeout?: number | undefined
  /** Stop them at once. Default: false. */
  interrupt?: boolean | undefined
}

interface BackupOptions extends SyncBackupOptions, CallOptions {}

/** Values, arrays of them, an object for named parameters; the options of the call come last. */
type CallParameters = Array<BindValue | object>

/** What a function may return: a promise is an error. */
type FunctionResult = BindValue | void

/** A compiled statement. `BindParameters` is a tuple, or the type of one object of names. */
type Statement<
  BindParameters extends unknown[] | {} = unknown[],
  Result = unknown
> = BindParameters extends unknown[]
  ? PreparedStatement<BindParameters, Result>
  : PreparedStatement<[BindParameters], Result>

interface PreparedStatement<BindParameters extends unknown[], Result = unknown> {
  /** The connection that prepared it. */
  readonly database: Database
  /** The SQL it was prepared from. */
  readonly source: string
  /** Whether it returns rows. */
  readonly reader: boolean
  /** Whether it leaves the database as it is. */
  readonly readonly: boolean

  /** Run it to its end and tell what changed. */
  run(...params: [...params: unknown[], options: LastOptions]): Promise<RunResult>
  run(...params: BindParameters): Promise<RunResult>

  /** The first row, or undefined. Rejects with a TypeError if it returns no data. */
  get(...params: [...params: unknown[], options: LastOptions]): Promise<Result | undefined>
  get(...params: BindParameters): Promise<Result | undefined>

  /** All rows. Rejects with a TypeError if it returns no data. */
  all(...params: [...params: unknown[], options: LastOptions]): Promise<Result[]>
  all(...params: BindParameters): Promise<Result[]>

  /**
   * The rows one by one, for `for await`. Throws for wrong parameters and if the statement returns
   * no data; what goes wrong later is told by `next()`.
   */
  iterate(...params: [...params: unknown[], options: LastOptions]): StatementIterator<Result>
  iterate(...params: BindParameters): StatementIterator<Result>

  /**
   * The same statement, whose calls have these options. Throws a TypeError if `signal` is no
   * AbortSignal or `timeout` no integer.
   */
  with(options: CallOptions | null): this

  /** Give the first column only. Excludes `raw` and `expand`. */
  pluck(toggleState?: boolean): this
  /** Give rows as objects by table name, expressions under `$`. Excludes `raw` and `pluck`. */
  expand(toggleState?: boolean): this
  /** Give rows as arrays. Excludes `pluck` and `expand`. */
  raw(toggleState?: boolean): this
  /** Give integers as bigints. */
  safeIntegers(toggleState?: boolean): this
  /** Bind parameters once and for all. Throws for wrong ones and when it is done twice. */
  bind(...params: BindParameters): this
  /** Milliseconds that each call may take, as `CallOptions.timeout`; 0 is none. */
  timeout(milliseconds: number): this
  /** Have `run` tell its `duration` in seconds, and rows of `get` in `_metadata`. */
  timing(toggleState?: boolean): this
  /**
   * The columns of the result, as of its last execution. Throws a TypeError if it returns no data.
   */
  columns(): ColumnDefinition[]
  /** Stop its calls that have not ended; they reject with SQLITE_INTERRUPT. */
  interrupt(): this
  /** The SQL, as `source`. */
  toString(): string
}

/** Rows one by one; some are read ahead. Calls of `next()` may be made before others end. */
interface StatementIterator<Result> extends AsyncIterableIterator<Result> {
  /** The statement that is iterated. */
  readonly statement: PreparedStatement<any[], Result>
  next(): Promise<IteratorResult<Result, undefined>>
  /** Stop early and close the query. */
  return(): Promise<IteratorResult<Result, undefined>>
  [Symbol.asyncIterator](): StatementIterator<Result>
  /** The same as `return()`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>
}

/** The function given to `db.transaction`, in a transaction; and one for each way to begin. */
interface Transaction<F extends AnyFunction = AnyFunction> {
  (this: ThisParameterType<F>, ...params: ArgumentTypes<F>): Promise<Awaited<ReturnType<F>>>
  /** Begins with BEGIN. */
  default(
    this: ThisParameterType<F>, ...params: ArgumentTypes<F>
  ): Promise<Awaited<ReturnType<F>>>
  /** Begins with BEGIN DEFERRED: locks at the first read or write. */
  deferred(
    this: ThisParameterType<F>, ...params: ArgumentTypes<F>
  ): Promise<Awaited<ReturnType<F>>>
  /** Begins with BEGIN IMMEDIATE: locks for writing at once. */
  immediate(
    this: ThisParameterType<F>, ...params: ArgumentTypes<F>
  ): Promise<Awaited<ReturnType<F>>>
  /** Begins with BEGIN EXCLUSIVE. */
  exclusive(
    this: ThisParameterType<F>, ...params: ArgumentTypes<F>
  ): Promise<Awaited<ReturnType<F>>>
  /** The connection it belongs to. */
  readonly database: Database
}

/** Records changes until it is closed, or its connection is. */
interface Session {
  /** What changed so far, with old values. Rejects with a TypeError once it is closed. */
  changeset(): Promise<Buffer>
  /** What changed so far, smaller: without old values. Rejects with a TypeError once closed. */
  patchset(): Promise<Buffer>
  /** Stop recording. Harmless when already closed. */
  close(): Promise<void>
  /** The same as `close()`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>
}

// What is required is the class; all else is on it, and so is the class itself.
import PromiseDatabase = Database

declare namespace Database {
  export {
    Action, Authorization, PromiseDatabase as Database, PromiseDatabase as default, SqliteError,
    connect, constants
  }
  export type {
    ApplyChangesetOptions, BackupOptions, CallOptions, CallParameters, CloseOptions,
    FunctionResult, LastOptions, Options, PragmaOptions, PreparedStatement, SerializeOptions,
    Session, Statement, Stats, StatementIterator, Transaction, ActionValues, AggregateOptions,
    AuthorizationValues, AuthorizerConfig, AuthorizerTables, BackupMetadata, BatchOptions,
    BatchResult, BatchStatement, BindValue, ColumnDefinition, ConnectionContext, Constants, Limits, QueryEvent,
    QueryOptions, RegistrationOptions, RunResult, SessionOptions, SyncContext, SyncEvent, SyncResult, TlsOptions,
    TransactionMode, UncertainEvent, UpdateEvent, Value, VirtualTableFactory,
    VirtualTableOptions
  }
}

export = Database
