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
  BatchOptions, BatchResult, BatchStatement, BindValue, BuildEvent, ColumnDefinition, ConnectionContext, Constants,
  AsyncStore, Expanded, Limits, Moment, Options as SyncOptions, Plucked, PragmaOptions as SyncPragmaOptions, QueryEvent, QueryOptions, Raw,
  RegistrationOptions, RunResult, SerializeOptions as SyncSerializeOptions, SessionOptions,
  SqliteError as SyncSqliteError, Stats as SyncStats, SyncContext, SyncEvent, SyncResult, SyncStore,
  TlsOptions, TransactionMode, UncertainEvent, UpdateEvent, Value, VirtualTableFactory,
  VirtualTableOptions
} from './index'
import SyncDatabase = require('./index')

/**
 * Opens a database, and waits until it is open.
 *
 * @param filename a path, `':memory:'`, `''` (temporary), a Buffer of `serialize()`, a file
 *   descriptor (with `journalFd`; it stays open at least until the promise is resolved), or the URL
 *   of a libSQL server (`libsql:`, `https:`, `http:`). Opening does not contact a server: the first
 *   call fails if it is down.
 * @returns a promise of the connection.
 * @throws what the constructor throws, as a rejection.
 * @throws {SqliteError} as a rejection, if the file cannot be opened (SQLITE_CANTOPEN), or its key
 *   is wrong (SQLITE_NOTADB); for a replica, SYNC_FOREIGN, SYNC_LOCKED or SYNC_DAMAGED.
 */
declare function connect (filename: string | Buffer | number, options?: Options | null): Promise<Database>
/**
 * Opens a database in a key-value store with all its pages in memory.
 *
 * @param name its name in the store.
 * @returns a promise of a database of the sync API.
 * @throws {TypeError} for options that are not valid.
 * @throws {SqliteError} KV_STORE, KV_CORRUPT and the like; SQLITE_BUSY if this thread writes the
 *   database already; SQLITE_CANTOPEN with `readonly` if it is not there.
 */
declare function connect (name: string, options: ResidentOptions): Promise<ResidentDatabase>
/**
 * Opens a temporary database, which is deleted when it is closed.
 *
 * @returns a promise of the connection.
 * @throws {Error} with code ERR_FERROLITE_BINDING, as a rejection, if no native binary loads.
 */
declare function connect (): Promise<Database>

/**
 * One connection to one database, on a thread of its own. Calls run in the order they are made.
 * Every method that returns a promise rejects with what its `@throws` lists, and never throws.
 * After `close()` calls reject with a TypeError: "closed" below.
 */
declare class Database {
  /**
   * Opens a database without waiting for it. If that fails, each call rejects with the reason.
   *
   * @param filename a path, `':memory:'`, `''` (temporary), a Buffer of `serialize()`, a file
   *   descriptor (with `journalFd`; it stays open at least until the first call has ended), or the
   *   URL of a libSQL server (`libsql:`, `https:`, `http:`). Opening does not contact a server: the
   *   first call fails if it is down.
   * @throws {TypeError} for arguments or options of the wrong type, misspelled options, and a
   *   missing directory.
   * @throws {RangeError} for `timeout`, `defaultQueryTimeout` and `leaseTimeout` above 2147483647
   *   ms, and for limits above 2147483647.
   * @throws {SqliteError} SYNC_REPLICA if the file is a replica and `syncUrl` is missing.
   * @throws {Error} with code ERR_FERROLITE_BINDING if no native binary loads.
   */
  constructor (filename: string | Buffer | number, options?: Options | null)
  /**
   * Opens a temporary database, which is deleted when it is closed.
   *
   * @throws {Error} with code ERR_FERROLITE_BINDING if no native binary loads.
   */
  constructor ()

  /** Whether the connection is open: true until `close()` is called. */
  get open (): boolean
  /** Whether a transaction was open when the last result arrived. */
  get inTransaction (): boolean
  /**
   * The filename as it was given; `':memory:'` for a Buffer, `''` for a temporary database, the URL
   * without its token for a server.
   */
  get name (): string
  /** Whether the database is in memory or in a temporary file. */
  get memory (): boolean
  /** Whether the connection was opened with `readonly: true`. */
  get readonly (): boolean
  /** What runs it: the native binary; the engine in WASM has no promises. */
  get backend (): 'native'
  /** How many calls have not ended: those that run, and those that wait. */
  get queueLength (): number

  /**
   * Compiles one SQL statement.
   *
   * @param source exactly one statement; comments and a semicolon may follow.
   * @throws {TypeError} if `source` is not a string; if closed.
   * @throws {RangeError} if `source` has no statement, more than one, or a NUL.
   * @throws {SqliteError} if it does not compile; SQLITE_INTERRUPT after `timeout` ms.
   * @throws {Error} an AbortError if `signal` aborts.
   */
  prepare<BindParameters extends unknown[] | {} = unknown[], Result = unknown>(
    source: string,
    options?: CallOptions | null
  ): Promise<Statement<BindParameters, Result>>

  /**
   * Runs a statement to its end. Equal SQL is compiled once.
   *
   * @param params the values of its parameters; `CallOptions` may be the last argument.
   * @returns a promise of how many rows changed, and of the rowid inserted last.
   * @throws what `prepare` and `PreparedStatement.run` throw.
   */
  run (source: string, ...params: CallParameters): Promise<RunResult>

  /**
   * Runs a statement until its first row. Equal SQL is compiled once.
   *
   * @param params the values of its parameters; `CallOptions` may be the last argument.
   * @returns a promise of the first row as an object, or of undefined.
   * @throws what `prepare` and `PreparedStatement.get` throw.
   */
  get<Row = Record<string, Value>>(
    source: string,
    ...params: CallParameters
  ): Promise<Row | undefined>

  /**
   * Runs a statement to its end. Equal SQL is compiled once.
   *
   * @param params the values of its parameters; `CallOptions` may be the last argument.
   * @returns a promise of all rows as objects, in order.
   * @throws what `prepare` and `PreparedStatement.all` throw.
   */
  all<Row = Record<string, Value>>(
    source: string,
    ...params: CallParameters
  ): Promise<Row[]>

  /**
   * Runs a statement row by row, for `for await`.
   *
   * @param params the values of its parameters; `CallOptions` may be the last argument.
   * @returns an async iterator of the rows as objects.
   * @throws what `prepare` and `PreparedStatement.get` throw, as a rejection of the first `next()`.
   */
  iterate<Row = Record<string, Value>>(
    source: string,
    ...params: CallParameters
  ): AsyncIterableIterator<Row>

  /**
   * Runs any number of statements without parameters, and discards their rows. If one fails, those
   * before it stay executed, unless they are inside a transaction.
   *
   * @returns a promise of this database.
   * @throws {TypeError} if `source` is not a string, or `options` are not options of a call; if
   *   closed.
   * @throws {RangeError} if `source` has a NUL.
   * @throws {SqliteError} if a statement fails, with its number as `statementIndex`;
   *   SQLITE_INTERRUPT after `timeout` ms.
   * @throws {Error} an AbortError if `signal` aborts.
   */
  exec (source: string, options?: CallOptions | null): Promise<this>

  /**
   * Wraps a function, async or not: each call of the result runs it in a transaction, which is
   * committed when its promise is fulfilled and rolled back when it is rejected. Calls that it
   * makes run inside; calls of others wait until the transaction has ended. Inside another
   * transaction it is a savepoint.
   *
   * @param fn its `this`, arguments and result are passed through. It has to await every call that
   *   it makes.
   * @throws {TypeError} (thrown, not rejected) if `fn` is not a function, or a second argument is a
   *   mode; if closed.
   */
  transaction<F extends AnyFunction>(fn: F): Transaction<F>

  /**
   * Runs a PRAGMA.
   *
   * @param source what follows the word PRAGMA, such as `'journal_mode = WAL'`.
   * @returns a promise of all rows as objects; with `simple: true` of the first column of the first
   *   row, or undefined.
   * @throws {TypeError} for arguments of the wrong type; if closed.
   * @throws {SqliteError} if it fails; SQLITE_INTERRUPT after `timeout` ms.
   * @throws {Error} an AbortError if `signal` aborts.
   */
  pragma (source: string, options?: PragmaOptions | null): Promise<unknown>

  /**
   * Runs `EXPLAIN source`. Put `QUERY PLAN` before the SQL for a query plan. Parameters need no
   * values.
   *
   * @returns a promise of the rows of EXPLAIN as objects.
   * @throws {TypeError} for arguments of the wrong type; if closed.
   * @throws {SqliteError} if it does not compile; SQLITE_INTERRUPT after `timeout` ms.
   * @throws {Error} an AbortError if `signal` aborts.
   */
  explain<Row = Record<string, Value>>(
    source: string,
    options?: CallOptions | null
  ): Promise<Row[]>

  /**
   * Runs statements in one transaction, or in a savepoint inside a transaction. An error rolls all
   * of them back.
   *
   * @param options a mode, or an object; `timeout` (ms) is for all statements together.
   * @returns a promise of one result for each statement, in order.
   * @throws {TypeError} for arguments of the wrong type, and for statements that begin or end that
   *   transaction, before anything runs; if closed.
   * @throws {RangeError} for too few or too many values of parameters.
   * @throws {SqliteError} if a statement fails, with its number as `statementIndex`;
   *   SQLITE_INTERRUPT after `timeout` ms.
   * @throws {Error} an AbortError if `signal` aborts.
   */
  batch<Row = Record<string, Value>>(
    statements: readonly BatchStatement[],
    options?: TransactionMode | (BatchOptions & CallOptions) | null
  ): Promise<Array<BatchResult<Row>>>

  /**
   * Copies the database to a file while it stays in use, 100 pages at a time. The copy is encrypted
   * if `encryptionKey` was given.
   *
   * @param destinationFile path of the copy; an existing file is overwritten.
   * @returns a promise of `{ totalPages, remainingPages: 0 }`. If it rejects, a file that did not
   *   exist before is deleted.
   * @throws {TypeError} for arguments of the wrong type and a missing directory; if closed; for a
   *   remote database.
   * @throws {SqliteError} SQLITE_BUSY if a lock is held for longer than the option `timeout` of the
   *   connection; SQLITE_ERROR if the destination is the database itself; SQLITE_NOTADB if it is a
   *   file with another key.
   * @throws {Error} an AbortError if `signal` aborts; what `progress` throws.
   */
  backup (destinationFile: string, options?: BackupOptions | null): Promise<BackupMetadata>

  /**
   * Returns the database as the bytes that a file would have. They are never encrypted.
   *
   * @returns a promise of a Buffer that `new Database(buffer)` opens.
   * @throws {TypeError} for options of the wrong type; if closed; for a remote database.
   * @throws {Error} "Out of memory" if memory is short or the database does not exist; an
   *   AbortError if `signal` aborts.
   * @throws {SqliteError} if the database cannot be read; SQLITE_INTERRUPT after `timeout` ms.
   */
  serialize (options?: SerializeOptions | null): Promise<Buffer>

  /**
   * Encrypts the file with another key; `null` decrypts it. Every page is written again, in one
   * transaction; later calls wait for it.
   *
   * @param key a non-empty string or Uint8Array, of which the first 32 bytes count; or null.
   * @returns a promise of this database.
   * @throws {TypeError} for a key of the wrong type, and for in-memory and temporary databases; if
   *   closed; for a server or a replica.
   * @throws {SqliteError} inside a transaction, while an iterator is open, on a read-only
   *   connection; SQLITE_BUSY if the file is in WAL mode and has connections besides this one and
   *   its readers.
   */
  rekey (key: string | Uint8Array | null): Promise<this>

  /**
   * Replica: brings the file up to date with the primary, in one transaction.
   *
   * @returns a promise of how many frames were fetched, and of the last frame of the file.
   * @throws {TypeError} if this is not a replica; if closed.
   * @throws {SqliteError} with a REMOTE_ or SYNC_ code; SQLITE_INTERRUPT after `timeout` ms.
   * @throws {Error} an AbortError if `signal` aborts.
   */
  sync (options?: CallOptions | null): Promise<SyncResult>

  /**
   * Replica: as `sync()`, until the file has a frame.
   *
   * @param replicationIndex number of the frame, an integer >= 0.
   * @returns a promise of how many frames were fetched, and of the last frame of the file.
   * @throws {TypeError} if `replicationIndex` is not an integer >= 0; otherwise as `sync()`.
   * @throws {SqliteError} REMOTE_TIMEOUT if the primary does not have the frame within
   *   `requestTimeout` ms; otherwise as `sync()`.
   */
  syncUntil (replicationIndex: number, options?: CallOptions | null): Promise<SyncResult>

  /**
   * Replica: fetches the whole database again, in one transaction.
   *
   * @returns a promise of how many frames were fetched, and of the last frame of the file.
   * @throws what `sync()` throws.
   */
  resync (options?: CallOptions | null): Promise<SyncResult>

  /**
   * Key-value stores: moves a database that is open for reading to the newest state.
   *
   * @returns a promise of whether that is another one.
   * @throws {TypeError} if the database is not in a key-value store or not `readonly`, or is in a
   *   transaction; if closed.
   * @throws {SqliteError} KV_STORE, KV_CORRUPT or KV_STALE; SQLITE_ERROR with the option `epoch`,
   *   and while an iterator is open.
   */
  refresh (options?: CallOptions | null): Promise<boolean>

  /**
   * Key-value stores: waits until the store has every transaction that was committed. Only after
   * `PRAGMA synchronous = OFF` there is anything to wait for.
   *
   * @returns a promise of this database.
   * @throws {TypeError} if the database is not in a key-value store; if closed.
   * @throws {SqliteError} KV_STORE and the like, with how many transactions are lost: then every
   *   later call fails with it.
   */
  flush (options?: CallOptions | null): Promise<this>

  /**
   * Key-value stores: the epochs that are kept, which the option `epoch` opens and `restore()` goes
   * back to.
   *
   * @returns a promise of them, the oldest first.
   * @throws {TypeError} if the database is not in a key-value store; if closed.
   * @throws {SqliteError} KV_STORE, KV_CORRUPT and the like.
   */
  history (options?: CallOptions | null): Promise<Moment[]>

  /**
   * Key-value stores: commits the state of an epoch once more, in one transaction.
   *
   * @param epoch one of `history()`.
   * @returns a promise of this database.
   * @throws {TypeError} if it is not an integer >= 1; if the database is not in a key-value store;
   *   if closed.
   * @throws {SqliteError} SQLITE_ERROR if the epoch is not kept, in a transaction, while an iterator
   *   is open, and for a reader; KV_STORE and the like.
   */
  restore (epoch: number, options?: CallOptions | null): Promise<this>

  /**
   * Replica: the last frame that this connection has written.
   *
   * @returns number of the frame, or undefined before the first write.
   * @throws {TypeError} if this is not a replica; if closed.
   */
  maxWriteReplicationIndex (): number | undefined

  /**
   * Registers a scalar SQL function. SQL calls it by `name` with `fn.length` arguments, or with any
   * number if `varargs` is true. It runs on the JavaScript thread, and cannot be async.
   *
   * @param fn gets and returns numbers, bigints, strings, Buffers or null; undefined is NULL. The
   *   call that runs the SQL rejects with what it throws.
   * @returns a promise of this database.
   * @throws {TypeError} for arguments of the wrong type and an empty name; if closed; for a remote
   *   database.
   * @throws {RangeError} for more than 100 arguments.
   */
  function (name: string, fn: (...args: any[]) => FunctionResult): Promise<this>
  /**
   * Registers a scalar SQL function. SQL calls it by `name` with `fn.length` arguments, or with any
   * number if `varargs` is true. It runs on the JavaScript thread, and cannot be async.
   *
   * @param fn gets and returns numbers, bigints, strings, Buffers or null; undefined is NULL. The
   *   call that runs the SQL rejects with what it throws.
   * @returns a promise of this database.
   * @throws {TypeError} for arguments of the wrong type and an empty name; if closed; for a remote
   *   database.
   * @throws {RangeError} for more than 100 arguments.
   */
  function (
    name: string,
    options: RegistrationOptions | null | undefined,
    fn: (...args: any[]) => FunctionResult
  ): Promise<this>

  /**
   * Registers an aggregate function, or with `inverse` a window function. Its functions run on the
   * JavaScript thread, and cannot be async.
   *
   * @returns a promise of this database.
   * @throws {TypeError} for arguments of the wrong type, an empty name and a missing `step`; if
   *   closed; for a remote database.
   * @throws {RangeError} for more than 100 arguments.
   */
  aggregate<T>(name: string, options: AggregateOptions<T>): Promise<this>

  /**
   * Registers a virtual table. A definition makes a table-valued function; a factory makes a module
   * for `CREATE VIRTUAL TABLE`. Its generator runs on the JavaScript thread, and cannot be async.
   *
   * @returns a promise of this database.
   * @throws {TypeError} for arguments or a definition of the wrong type, and for duplicate names;
   *   if closed; for a remote database.
   * @throws {RangeError} for no columns, or more than 32 parameters.
   */
  table (
    name: string,
    definition: VirtualTableOptions | VirtualTableFactory
  ): Promise<this>

  /**
   * Loads an SQLite extension from a shared library.
   *
   * @param path its path; the suffix may be left out.
   * @param entryPoint name of its init function. Default: what SQLite derives from the file name.
   * @returns a promise of this database.
   * @throws {TypeError} for arguments of the wrong type; if closed; for a remote database.
   * @throws {SqliteError} SQLITE_ERROR if it cannot be loaded.
   */
  loadExtension (path: string, entryPoint?: string): Promise<this>

  /**
   * Replica: when the last successful sync of this connection began; null before the first.
   *
   * @throws {TypeError} if this is not a replica; if closed.
   */
  get lastSync (): Date | null

  /**
   * Replica: how many ms ago the last successful sync began; null before the first. Rows that are
   * read are at most this old.
   *
   * @throws {TypeError} if this is not a replica; if closed.
   */
  get lag (): number | null

  /**
   * Sets whether statements, functions, aggregates and tables that are made from now on return
   * integers as bigints.
   *
   * @param toggleState default: true.
   * @returns this database.
   * @throws {TypeError} if `toggleState` is not a boolean.
   */
  defaultSafeIntegers (toggleState?: boolean): this

  /**
   * Allows what SQLite's defensive mode refuses.
   *
   * @param unsafe default: true.
   * @returns a promise of this database.
   * @throws {TypeError} if `unsafe` is not a boolean; if closed; for a remote database.
   */
  unsafeMode (unsafe?: boolean): Promise<this>

  /**
   * Allows, denies or ignores what SQL does when it is compiled: by table, or by ordered rules;
   * `null` removes them. A denied statement rejects with SQLITE_AUTH from then on.
   *
   * @returns a promise of this database.
   * @throws {TypeError} for rules of the wrong type or with unknown keys; if closed; for a remote
   *   database.
   */
  authorizer (rules: AuthorizerTables | AuthorizerConfig | null): Promise<this>

  /**
   * Starts to record changes of one table or of all tables with a primary key.
   *
   * @returns a promise of the session, which has changesets that `applyChangeset` takes.
   * @throws {TypeError} for options of the wrong type; if closed; for a server or a replica.
   * @throws {SqliteError} if the session cannot be made.
   */
  createSession (options?: SessionOptions | null): Promise<Session>

  /**
   * Applies a changeset or patchset, all of it or nothing. `filter` and `onConflict` run on the
   * JavaScript thread, and cannot be async.
   *
   * @param changeset bytes of `session.changeset()` or `session.patchset()`.
   * @returns a promise of true if it was applied, of false if a conflict aborted it.
   * @throws {TypeError} for arguments of the wrong type, and if `onConflict` returns no integer; if
   *   closed; for a server or a replica.
   * @throws {SqliteError} SQLITE_CORRUPT if it is malformed; what SQLite reports if a change fails;
   *   SQLITE_INTERRUPT after `timeout` ms.
   * @throws {Error} an AbortError if `signal` aborts; what `filter` and `onConflict` throw.
   */
  applyChangeset (
    changeset: Uint8Array,
    options?: ApplyChangesetOptions | null
  ): Promise<boolean>

  /**
   * Calls `listener` for every row that this connection inserts, updates or deletes, before the
   * promise of the statement that did it is settled. What it throws is an uncaught exception.
   *
   * @returns this database.
   * @throws {TypeError} for another event, and if `listener` is not a function; if closed; for a
   *   server or a replica.
   */
  on (event: 'update', listener: (change: UpdateEvent) => void): this

  /**
   * Stops calling `listener`.
   *
   * @returns this database.
   * @throws {TypeError} for another event, and if `listener` is not a function; if closed; for a
   *   server or a replica.
   */
  off (event: 'update', listener: (change: UpdateEvent) => void): this

  /**
   * Calls `listener` while the graph of a vector table is built: when it begins, at most ten times
   * a second, and when it is done, before the promise of the call is settled. What it throws is an
   * uncaught exception; the build goes on.
   *
   * @returns this database.
   * @throws {TypeError} for another event, and if `listener` is not a function; if closed; for a
   *   server or a replica.
   */
  on (event: 'build', listener: (build: BuildEvent) => void): this

  /**
   * Stops calling `listener`.
   *
   * @returns this database.
   * @throws {TypeError} for another event, and if `listener` is not a function; if closed; for a
   *   server or a replica.
   */
  off (event: 'build', listener: (build: BuildEvent) => void): this

  /**
   * Replica: calls `listener` when a write failed and it is not known whether the primary has
   * executed it. Reads go on without waiting for it.
   *
   * @returns this database.
   * @throws {TypeError} if this is not a replica; if `listener` is not a function; if closed.
   */
  on (event: 'uncertain', listener: (event: UncertainEvent) => void): this
  /**
   * Replica: stops calling `listener`.
   *
   * @returns this database.
   * @throws {TypeError} if this is not a replica; if `listener` is not a function; if closed.
   */
  off (event: 'uncertain', listener: (event: UncertainEvent) => void): this

  /**
   * Replica: calls `listener` after each sync, whatever started it.
   *
   * @returns this database.
   * @throws {TypeError} if this is not a replica; if `listener` is not a function; if closed.
   */
  on (event: 'sync', listener: (event: SyncEvent) => void): this
  /**
   * Replica: stops calling `listener`.
   *
   * @returns this database.
   * @throws {TypeError} if this is not a replica; if `listener` is not a function; if closed.
   */
  off (event: 'sync', listener: (event: SyncEvent) => void): this

  /**
   * Returns the memory, the pages and the statements of the connection and its readers, and how
   * many calls had not ended when it was called.
   *
   * @throws {TypeError} if closed.
   * @throws {SqliteError} SQLITE_INTERRUPT after `timeout` ms.
   * @throws {Error} an AbortError if `signal` aborts.
   */
  stats (options?: CallOptions | null): Promise<Stats>

  /**
   * Stops the first call that has not ended: it rejects with SQLITE_INTERRUPT. Later calls go on.
   *
   * @returns this database.
   * @throws {TypeError} if closed.
   */
  interrupt (): this

  /**
   * Closes the connection once all calls made before have ended, or after a time stops them.
   * Closing twice does nothing.
   *
   * @returns a promise of this database.
   * @throws {TypeError} for options of the wrong type.
   * @throws {SqliteError} SQLITE_BUSY if a transaction takes longer than `leaseTimeout` ms; the
   *   connection stays open.
   */
  close (options?: CloseOptions | null): Promise<this>

  /**
   * The same as `close()`, for `await using db = await connect(...)`.
   *
   * @throws {SqliteError} SQLITE_BUSY as `close()` does.
   */
  [Symbol.asyncDispose] (): Promise<void>
}

/** The class of every error that SQLite, a server or a replica reports: that of the sync API. */
declare const SqliteError: typeof SyncDatabase.SqliteError
/** An instance of that class. */
type SqliteError = SyncSqliteError

/** The policies of an authorizer: `ALLOW`, `DENY` and `IGNORE`. */
declare const Authorization: Readonly<AuthorizationValues>

/** SQLite's action codes, by which the rules of an authorizer select. */
declare const Action: Readonly<ActionValues>

/** The numbers that `applyChangeset` passes to `onConflict` and takes from it. */
declare const constants: Readonly<Constants>

/** Options of a connection: those of the sync API, and its own. */
interface Options extends Omit<SyncOptions, 'store' | 'mode'> {
  /**
   * The key-value store that the pages of the database are in: its methods may return promises. The
   * path is then a name of 1 to 200 bytes.
   *
   * @throws {TypeError} if it is no store, or is given an option that such databases lack.
   */
  store?: SyncStore | AsyncStore | undefined
  /**
   * Called with the SQL of a statement when its result arrives, with the values of its parameters;
   * long values are cut, and encryption keys are `***`. What it throws is an uncaught exception.
   * Default: none.
   *
   * @throws {TypeError} if it is not a function.
   */
  verbose?: SyncOptions['verbose']
  /**
   * Milliseconds that a call waits for a transaction on this connection to end before it rejects
   * with SQLITE_BUSY: an integer from 1 to 2147483647. Default: 60000.
   *
   * @throws {TypeError} if it is not an integer >= 1.
   * @throws {RangeError} if it is larger than 2147483647.
   */
  leaseTimeout?: number | undefined
  /**
   * How many more connections, each on a thread of its own, share the reads outside of
   * transactions: an integer from 0 to 64. Default: 0.
   *
   * @throws {TypeError} for another value; for in-memory, temporary and remote databases and for
   *   replicas.
   */
  readers?: number | undefined
}

/** Options of `connect()` for a database with all its pages in memory. */
interface ResidentOptions extends Omit<Options, 'store' | 'mode' | 'leaseTimeout' | 'readers'> {
  /**
   * The key-value store that the pages of the database are in.
   *
   * @throws {TypeError} if it is no store, or is given an option that such databases lack.
   */
  store: SyncStore | AsyncStore
  /**
   * All pages are read at once, and are in memory. Calls do not wait: a commit returns when it is
   * queued.
   *
   * @throws {TypeError} for another value.
   */
  mode: 'resident'
}

/**
 * A database of the sync API whose pages are all in memory, and which is stored in a key-value store
 * meanwhile: `connect(name, { store, mode: 'resident' })`.
 */
interface ResidentDatabase extends Omit<
  SyncDatabase, 'flush' | 'history' | 'refresh' | 'restore' | 'close' | typeof Symbol.dispose
> {
  /**
   * Waits until the store has every transaction that was committed before.
   *
   * @throws {SqliteError} KV_STORE and the like, with how many transactions are lost: then every
   *   later call fails with it.
   */
  flush(): Promise<this>
  /**
   * The epochs that are kept, the oldest first.
   *
   * @throws {SqliteError} KV_STORE, KV_CORRUPT and the like.
   */
  history(): Promise<Moment[]>
  /**
   * Moves a database that is open for reading to the newest state, once nothing reads it.
   *
   * @returns a promise of whether that is another one.
   * @throws {TypeError} if it is not `readonly`, while it iterates or is in a transaction; if closed.
   * @throws {SqliteError} KV_STORE, KV_CORRUPT or KV_STALE.
   */
  refresh(): Promise<boolean>
  /**
   * Commits the state of an epoch once more. Meanwhile commits are refused.
   *
   * @param epoch one of `history()`.
   * @throws {TypeError} if it is not an integer >= 1; while it iterates or is in a transaction.
   * @throws {SqliteError} SQLITE_ERROR if the epoch is not kept, and for a reader; KV_STORE and the
   *   like.
   */
  restore(epoch: number): Promise<this>
  /**
   * Stores what is queued, and closes.
   *
   * @throws {TypeError} while it iterates.
   * @throws {SqliteError} KV_STORE and the like, with how many transactions are lost: it is closed
   *   all the same.
   */
  close(): Promise<this>
  /**
   * The same as `close()`, for `await using db = await connect(...)`.
   *
   * @throws {SqliteError} KV_STORE and the like.
   */
  [Symbol.asyncDispose](): Promise<void>
}

/** The result of `db.stats()`. */
interface Stats extends SyncStats {
  /** How many calls had not ended when it was called: those that ran, and those that waited. */
  queueLength: number
}

/** Options of one call. */
interface CallOptions {
  /**
   * Ends the call when it aborts, also while it waits: it rejects with an AbortError. Default:
   * none.
   *
   * @throws {TypeError} if it is not an AbortSignal.
   */
  signal?: AbortSignal | undefined
  /**
   * Milliseconds from the call, with the time that it waits, until it rejects with
   * SQLITE_INTERRUPT: an integer from 0 to 2147483647, 0 for no limit. Default: that of the
   * statement, or else of the connection.
   *
   * @throws {TypeError} for another value.
   */
  timeout?: number | undefined
  /**
   * The same as `timeout`, under libsql's name.
   *
   * @throws {TypeError} for another value, and if both are given and differ.
   */
  queryTimeout?: number | undefined
}

/** Options of a call after the values of its parameters; at least one key is there. */
type LastOptions = CallOptions & (
  { signal: AbortSignal | undefined } | { timeout: number | undefined } |
  { queryTimeout: number | undefined }
)

/** Options of `db.pragma()`. `signal` and `timeout` are for compiling and running. */
interface PragmaOptions extends SyncPragmaOptions, CallOptions {}
/** Options of `db.serialize()`. */
interface SerializeOptions extends SyncSerializeOptions, CallOptions {}
/** Options of `db.applyChangeset()`. */
interface ApplyChangesetOptions extends SyncApplyChangesetOptions, CallOptions {}

/** Options of `db.close()`. */
interface CloseOptions {
  /**
   * Milliseconds after which calls that have not ended are stopped: an integer from 0 to
   * 2147483647, 0 for never. Default: 0.
   *
   * @throws {TypeError} for another value.
   */
  timeout?: number | undefined
  /**
   * Stops calls that have not ended at once. Default: false.
   *
   * @throws {TypeError} if it is not a boolean.
   */
  interrupt?: boolean | undefined
}

/** Options of `db.backup()`. `signal` ends the copying; `timeout` (ms) is for each of its steps. */
interface BackupOptions extends Omit<SyncBackupOptions, 'store'>, CallOptions {
  /**
   * A key-value store to copy the database into: `destinationFile` is its name there. What has that
   * name is replaced, in one transaction. Its pages are not encrypted. Default: none, the copy is a
   * file.
   *
   * @throws {TypeError} if it is no store, and for a database that is encrypted.
   */
  store?: SyncStore | AsyncStore | undefined
}

/**
 * Values, arrays of them, and an object for named parameters; `CallOptions` may be the last one.
 */
type CallParameters = Array<BindValue | object>

/** What a function in SQL may return. A promise is a TypeError. */
type FunctionResult = BindValue | void

/**
 * A compiled statement. `BindParameters` is a tuple of the values, or the type of one object of
 * names.
 */
type Statement<
  BindParameters extends unknown[] | {} = unknown[],
  Result = unknown
> = BindParameters extends unknown[]
  ? PreparedStatement<BindParameters, Result>
  : PreparedStatement<[BindParameters], Result>

/**
 * A compiled statement, made by `db.prepare()`. Its methods take the values of its parameters: one
 * argument for each `?`, or arrays of them; one plain object for those with names. They keep the
 * values as they are at the call.
 */
interface PreparedStatement<BindParameters extends unknown[], Result = unknown> {
  /** The database that prepared it. */
  readonly database: Database
  /** The SQL that it was prepared from. */
  readonly source: string
  /** Whether it returns rows. */
  readonly reader: boolean
  /** Whether it leaves the database as it is; true for `BEGIN` and `COMMIT`, too. */
  readonly readonly: boolean

  /**
   * Runs the statement to its end; rows are discarded.
   *
   * @param params the values of its parameters; `CallOptions` may be the last argument.
   * @returns a promise of how many rows changed, and of the rowid inserted last.
   * @throws {TypeError} for a value that SQLite cannot store, and for named parameters without an
   *   object; if closed.
   * @throws {RangeError} for too few or too many values, a missing name, and a bigint beyond 64
   *   bits.
   * @throws {SqliteError} if it fails; SQLITE_INTERRUPT after its time limit; SQLITE_BUSY after
   *   waiting `leaseTimeout` ms for a transaction.
   * @throws {Error} an AbortError if `signal` aborts; inside a transaction that has ended.
   */
  run(...params: [...params: unknown[], options: LastOptions]): Promise<RunResult>
  /**
   * Runs the statement to its end; rows are discarded.
   *
   * @param params the values of its parameters; `CallOptions` may be the last argument.
   * @returns a promise of how many rows changed, and of the rowid inserted last.
   * @throws {TypeError} for a value that SQLite cannot store, and for named parameters without an
   *   object; if closed.
   * @throws {RangeError} for too few or too many values, a missing name, and a bigint beyond 64
   *   bits.
   * @throws {SqliteError} if it fails; SQLITE_INTERRUPT after its time limit; SQLITE_BUSY after
   *   waiting `leaseTimeout` ms for a transaction.
   * @throws {Error} an AbortError if `signal` aborts; inside a transaction that has ended.
   */
  run(...params: BindParameters): Promise<RunResult>

  /**
   * Runs the statement until its first row.
   *
   * @param params the values of its parameters; `CallOptions` may be the last argument.
   * @returns a promise of the first row, or of undefined if there is none.
   * @throws {TypeError} if the statement returns no data; otherwise as `run`.
   * @throws {RangeError} as `run`.
   * @throws {SqliteError} as `run`.
   * @throws {Error} as `run`.
   */
  get(...params: [...params: unknown[], options: LastOptions]): Promise<Result | undefined>
  /**
   * Runs the statement until its first row.
   *
   * @param params the values of its parameters; `CallOptions` may be the last argument.
   * @returns a promise of the first row, or of undefined if there is none.
   * @throws {TypeError} if the statement returns no data; otherwise as `run`.
   * @throws {RangeError} as `run`.
   * @throws {SqliteError} as `run`.
   * @throws {Error} as `run`.
   */
  get(...params: BindParameters): Promise<Result | undefined>

  /**
   * Runs the statement to its end.
   *
   * @param params the values of its parameters; `CallOptions` may be the last argument.
   * @returns a promise of all rows, in order.
   * @throws what `get` throws.
   */
  all(...params: [...params: unknown[], options: LastOptions]): Promise<Result[]>
  /**
   * Runs the statement to its end.
   *
   * @param params the values of its parameters; `CallOptions` may be the last argument.
   * @returns a promise of all rows, in order.
   * @throws what `get` throws.
   */
  all(...params: BindParameters): Promise<Result[]>

  /**
   * Runs the statement row by row, for `for await`. It begins at the first `next()`.
   *
   * @param params the values of its parameters; `CallOptions` may be the last argument.
   * @returns an async iterator of the rows.
   * @throws {TypeError} (thrown, not rejected) if the statement returns no data, for a value that
   *   SQLite cannot store, and for options of the wrong type; if closed.
   * @throws {RangeError} for wrong values of parameters: thrown, or as a rejection of the first
   *   `next()`.
   */
  iterate(...params: [...params: unknown[], options: LastOptions]): StatementIterator<Result>
  /**
   * Runs the statement row by row, for `for await`. It begins at the first `next()`.
   *
   * @param params the values of its parameters; `CallOptions` may be the last argument.
   * @returns an async iterator of the rows.
   * @throws {TypeError} (thrown, not rejected) if the statement returns no data, for a value that
   *   SQLite cannot store, and for options of the wrong type; if closed.
   * @throws {RangeError} for wrong values of parameters: thrown, or as a rejection of the first
   *   `next()`.
   */
  iterate(...params: BindParameters): StatementIterator<Result>

  /**
   * Returns the same statement with options for each of its calls.
   *
   * @returns a new statement; this one keeps its own options.
   * @throws {TypeError} (thrown, not rejected) if `signal` is not an AbortSignal, or `timeout` not
   *   an integer from 0 to 2147483647.
   */
  with(options: CallOptions | null): this

  /**
   * Returns the first column of each row instead of the row. Switches `raw` and `expand` off.
   *
   * @param toggleState default: true.
   * @returns this statement, with the type of what its rows are now; `T` may say it.
   * @throws {TypeError} if the statement returns no data, or `toggleState` is not a boolean.
   */
  pluck<T = Plucked<Result>>(toggleState?: true): PreparedStatement<BindParameters, T>
  /**
   * Returns the first column of each row instead of the row. Switches `raw` and `expand` off.
   *
   * @param toggleState whether it does.
   * @returns this statement.
   * @throws {TypeError} if the statement returns no data, or `toggleState` is not a boolean.
   */
  pluck(toggleState?: boolean): this
  /**
   * Returns rows as `{ [table]: { [column]: value } }`; expressions are under `$`. Switches `raw`
   * and `pluck` off.
   *
   * @param toggleState default: true.
   * @returns this statement, with the type of what its rows are now; `T` may say it.
   * @throws {TypeError} if the statement returns no data, or `toggleState` is not a boolean; for
   *   remote databases.
   */
  expand<T = Expanded<Result>>(toggleState?: true): PreparedStatement<BindParameters, T>
  /**
   * Returns rows as `{ [table]: { [column]: value } }`; expressions are under `$`. Switches `raw`
   * and `pluck` off.
   *
   * @param toggleState whether it does.
   * @returns this statement.
   * @throws {TypeError} if the statement returns no data, or `toggleState` is not a boolean; for
   *   remote databases.
   */
  expand(toggleState?: boolean): this
  /**
   * Returns rows as arrays. Switches `pluck` and `expand` off.
   *
   * @param toggleState default: true.
   * @returns this statement, with the type of what its rows are now; `T` may say it.
   * @throws {TypeError} if the statement returns no data, or `toggleState` is not a boolean.
   */
  raw<T = Raw<Result>>(toggleState?: true): PreparedStatement<BindParameters, T>
  /**
   * Returns rows as arrays. Switches `pluck` and `expand` off.
   *
   * @param toggleState whether it does.
   * @returns this statement.
   * @throws {TypeError} if the statement returns no data, or `toggleState` is not a boolean.
   */
  raw(toggleState?: boolean): this
  /**
   * Returns integers as bigints.
   *
   * @param toggleState default: true.
   * @returns this statement.
   * @throws {TypeError} if `toggleState` is not a boolean.
   */
  safeIntegers(toggleState?: boolean): this
  /**
   * Binds the values of its parameters for good; Buffers are copied. After it, calls take no
   * values.
   *
   * @returns this statement.
   * @throws {TypeError} if it is called twice, and for a value that SQLite cannot store; if closed.
   * @throws {RangeError} for too few or too many values, and a missing name.
   */
  bind(...params: BindParameters): this
  /**
   * Sets how long each call may take, with the time that it waits, before it rejects with
   * SQLITE_INTERRUPT.
   *
   * @param milliseconds an integer from 0 to 2147483647; 0 for no limit.
   * @returns this statement.
   * @throws {TypeError} for another value.
   */
  timeout(milliseconds: number): this
  /**
   * Adds `duration` (seconds) to the result of `run`, and `_metadata: { duration }` to rows of
   * `get`.
   *
   * @param toggleState default: true.
   * @returns this statement.
   * @throws {TypeError} if `toggleState` is not a boolean.
   */
  timing(toggleState?: boolean): this
  /**
   * Describes the columns of the result, as they were when it was last executed or compiled.
   *
   * @returns one definition for each column, in order.
   * @throws {TypeError} if the statement returns no data; if closed.
   */
  columns(): ColumnDefinition[]
  /**
   * Stops the calls of this statement that have not ended: they reject with SQLITE_INTERRUPT. Never
   * throws.
   *
   * @returns this statement.
   */
  interrupt(): this
  /** Returns the SQL, as `source`. Never throws. */
  toString(): string
}

/**
 * An open iteration of a statement; up to 1024 rows are read ahead. `next()` may be called again
 * before its promise is settled.
 */
interface StatementIterator<Result> extends AsyncIterableIterator<Result> {
  /** The statement that is iterated. */
  readonly statement: PreparedStatement<any[], Result>
  /**
   * Returns a promise of the next row, or of `{ value: undefined, done: true }` at the end, which
   * closes it.
   *
   * @throws {TypeError} as a rejection, if closed.
   * @throws {RangeError} as a rejection, for too few or too many values of parameters.
   * @throws {SqliteError} as a rejection, if the statement fails; SQLITE_INTERRUPT after its time
   *   limit.
   * @throws {Error} as a rejection, an AbortError if `signal` aborts.
   */
  next(): Promise<IteratorResult<Result, undefined>>
  /**
   * Ends the iteration early. `break` in a `for await` loop calls it.
   *
   * @throws {SqliteError} as a rejection, if the commit that it causes fails.
   */
  return(): Promise<IteratorResult<Result, undefined>>
  /** Returns itself, for `for await` loops. Never throws. */
  [Symbol.asyncIterator](): StatementIterator<Result>
  /**
   * The same as `return()`, for `await using`.
   *
   * @throws {SqliteError} as `return()` does.
   */
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * What `db.transaction(fn)` returns: `fn` in a transaction, and a variant for each way to begin
 * one.
 */
interface Transaction<F extends AnyFunction = AnyFunction> {
  /**
   * Runs `fn` in a transaction that begins with BEGIN.
   *
   * @returns a promise of what `fn` returns, or of what its promise is fulfilled with.
   * @throws {TypeError} if `fn` returns a generator; if closed.
   * @throws {SqliteError} if the transaction cannot begin or commit; SQLITE_BUSY after waiting
   *   `leaseTimeout` ms for another one.
   * @throws {Error} if `fn` ends before the calls that it made.
   * @throws what `fn` throws or rejects with; the transaction is rolled back.
   */
  (this: ThisParameterType<F>, ...params: ArgumentTypes<F>): Promise<Awaited<ReturnType<F>>>
  /**
   * Runs `fn` in a transaction that begins with BEGIN.
   *
   * @returns a promise of what `fn` returns, or of what its promise is fulfilled with.
   * @throws {TypeError} if `fn` returns a generator; if closed.
   * @throws {SqliteError} if the transaction cannot begin or commit; SQLITE_BUSY after waiting
   *   `leaseTimeout` ms for another one.
   * @throws {Error} if `fn` ends before the calls that it made.
   * @throws what `fn` throws or rejects with; the transaction is rolled back.
   */
  default(
    this: ThisParameterType<F>, ...params: ArgumentTypes<F>
  ): Promise<Awaited<ReturnType<F>>>
  /**
   * Runs `fn` in a transaction that begins with BEGIN DEFERRED: it takes a lock at the first read
   * or write.
   *
   * @throws what the function itself throws.
   */
  deferred(
    this: ThisParameterType<F>, ...params: ArgumentTypes<F>
  ): Promise<Awaited<ReturnType<F>>>
  /**
   * Runs `fn` in a transaction that begins with BEGIN IMMEDIATE: it takes the write lock at once.
   *
   * @throws what the function itself throws; SQLITE_BUSY if another connection holds the lock.
   */
  immediate(
    this: ThisParameterType<F>, ...params: ArgumentTypes<F>
  ): Promise<Awaited<ReturnType<F>>>
  /**
   * Runs `fn` in a transaction that begins with BEGIN EXCLUSIVE: others cannot read, unless in WAL
   * mode.
   *
   * @throws what the function itself throws; SQLITE_BUSY if another connection holds a lock.
   */
  exclusive(
    this: ThisParameterType<F>, ...params: ArgumentTypes<F>
  ): Promise<Awaited<ReturnType<F>>>
  /** The database that it belongs to. */
  readonly database: Database
}

/** Records changes until it is closed, or its connection is. */
interface Session {
  /**
   * Returns the changes so far, with old values, by which conflicts are found and the changeset can
   * be inverted.
   *
   * @throws {TypeError} if the session or its connection is closed.
   * @throws {SqliteError} if memory is short.
   */
  changeset(): Promise<Buffer>
  /**
   * Returns the changes so far, smaller: of the old values only the primary key.
   *
   * @throws {TypeError} if the session or its connection is closed.
   * @throws {SqliteError} if memory is short.
   */
  patchset(): Promise<Buffer>
  /**
   * Stops recording. Closing twice does nothing.
   *
   * @throws {TypeError} if `db.close()` was called and has not ended.
   */
  close(): Promise<void>
  /**
   * The same as `close()`, for `await using`.
   *
   * @throws {TypeError} as `close()` does.
   */
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
    FunctionResult, LastOptions, Options, PragmaOptions, PreparedStatement, ResidentDatabase, ResidentOptions, SerializeOptions,
    Session, Statement, Stats, StatementIterator, Transaction, ActionValues, AggregateOptions,
    AuthorizationValues, AuthorizerConfig, AuthorizerTables, BackupMetadata, BatchOptions,
    BatchResult, BatchStatement, BindValue, BuildEvent, ColumnDefinition, ConnectionContext, Constants, Expanded, Limits, Moment, Plucked, QueryEvent,
    QueryOptions, Raw, RegistrationOptions, RunResult, SessionOptions, SyncContext, SyncEvent, SyncResult, TlsOptions,
    TransactionMode, UncertainEvent, UpdateEvent, Value, VirtualTableFactory,
    VirtualTableOptions
  }
}

export = Database
