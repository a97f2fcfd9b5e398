/// <reference types="node" />

// One name for a value, a type and a namespace is how the three become one export.
/* eslint-disable @typescript-eslint/no-redeclare */

/**
 * Ferrolite: SQLite for JavaScript, in Rust. A drop-in for better-sqlite3.
 *
 * ```js
 * const Database = require('ferrolite')
 * const db = new Database('app.db')
 * const row = db.prepare('SELECT * FROM user WHERE id = ?').get(1)
 * ```
 */
declare const Database: Database.DatabaseConstructor

/** One connection to one database. */
interface Database {
  /** Whether the connection is open. */
  readonly open: boolean
  /** Whether a transaction is open. */
  readonly inTransaction: boolean
  /** The filename as it was given. */
  readonly name: string
  /** Whether the database lives in memory or in a temporary file. */
  readonly memory: boolean
  /** Whether the connection refuses writes. */
  readonly readonly: boolean
  /** SQLite's upper bounds for this connection; each can be read and lowered. */
  readonly limits: Database.Limits

  /** Compile exactly one SQL statement. */
  prepare<BindParameters extends unknown[] | {} = unknown[], Result = unknown>(
    source: string
  ): BindParameters extends unknown[]
    ? Database.PreparedStatement<BindParameters, Result>
    : Database.PreparedStatement<[BindParameters], Result>

  /** Compile and run a statement; tell what changed. `QueryOptions` may stand at the end. */
  run(source: string, ...params: unknown[]): Database.RunResult

  /** The first row, or undefined. Throws a TypeError if the statement returns no data. */
  get<Row = Record<string, Database.Value>>(source: string, ...params: unknown[]): Row | undefined

  /** All rows. Throws a TypeError if the statement returns no data. */
  all<Row = Record<string, Database.Value>>(source: string, ...params: unknown[]): Row[]

  /** The rows one by one. Throws a TypeError if the statement returns no data. */
  iterate<Row = Record<string, Database.Value>>(
    source: string,
    ...params: unknown[]
  ): IterableIterator<Row>

  /** Run any number of statements and discard their rows. */
  exec(source: string, options?: Database.QueryOptions | null): this

  /**
   * Wrap a function so that each call of it runs in a transaction: committed when it returns,
   * rolled back when it throws. Inside another transaction it is a savepoint.
   */
  transaction<F extends Database.AnyFunction>(fn: F): Database.Transaction<F>

  /** Run a PRAGMA. All rows, or with `simple` the first column of the first row. */
  pragma(source: string, options?: Database.PragmaOptions | null): unknown

  /** The rows of `EXPLAIN source`; start with `QUERY PLAN` for a query plan. */
  explain<Row = Record<string, Database.Value>>(
    source: string,
    options?: Database.QueryOptions | null
  ): Row[]

  /** Run statements in one transaction, one result each. An error rolls all of them back. */
  batch<Row = Record<string, Database.Value>>(
    statements: readonly Database.BatchStatement[],
    options?: Database.TransactionMode | (Database.BatchOptions & Database.QueryOptions) | null
  ): Array<Database.BatchResult<Row>>

  /** Copy the database to a file while it stays in use; encrypted if `encryptionKey` was given. */
  backup(
    destinationFile: string,
    options?: Database.BackupOptions | null
  ): Promise<Database.BackupMetadata>

  /** The bytes of the database, as a file would hold them; never encrypted. */
  serialize(options?: Database.SerializeOptions | null): Buffer

  /**
   * Encrypt the file with another key, a non-empty string or Uint8Array; `null` decrypts it. Every
   * page is written again, in one transaction. Throws a TypeError for another key and for in-memory
   * or temporary databases, and a SqliteError inside a transaction, while statements are in
   * progress, and when the file is read-only or, in WAL mode, has other connections.
   */
  rekey(key: string | Uint8Array | null): this

  /** Register a scalar SQL function. */
  function(name: string, fn: (...args: any[]) => any): this
  function(
    name: string,
    options: Database.RegistrationOptions | null | undefined,
    fn: (...args: any[]) => any
  ): this

  /** Register an aggregate function, or with `inverse` a window function. */
  aggregate<T>(name: string, options: Database.AggregateOptions<T>): this

  /**
   * Register a virtual table: a definition makes a table-valued function, a factory makes a
   * module for `CREATE VIRTUAL TABLE`, called with the words in its parentheses.
   */
  table(name: string, definition: Database.VirtualTableOptions | Database.VirtualTableFactory): this

  /** Load an SQLite extension from a shared library. */
  loadExtension(path: string, entryPoint?: string): this

  /**
   * Replica: bring the file up to what the primary has now, in one transaction. Throws a
   * SqliteError with a REMOTE_ or SYNC_ code, a TypeError if this is no replica.
   */
  sync(): Database.SyncResult

  /**
   * Replica: as `sync()`, until the file has that frame, an integer >= 0. Throws REMOTE_TIMEOUT if
   * the primary does not have it within `requestTimeout`.
   */
  syncUntil(replicationIndex: number): Database.SyncResult

  /** Replica: fetch the whole database again, in one transaction. Throws as `sync()` does. */
  resync(): Database.SyncResult

  /** Replica: the last frame that this connection has written; undefined before the first. */
  maxWriteReplicationIndex(): number | undefined

  /**
   * Replica: when the last sync that succeeded began; null before the first of this connection.
   * Throws a TypeError if this is no replica, or is closed.
   */
  readonly lastSync: Date | null

  /**
   * Replica: how many milliseconds ago that was. What is read is at most so old. Throws as
   * `lastSync` does.
   */
  readonly lag: number | null

  /** Whether statements and functions made from now on give integers as bigints. */
  defaultSafeIntegers(toggleState?: boolean): this

  /** Allow what can break things: writes while iterating, and what defensive mode refuses. */
  unsafeMode(unsafe?: boolean): this

  /** Allow, deny or ignore access by table, or by ordered rules; `null` removes them. */
  authorizer(rules: Database.AuthorizerTables | Database.AuthorizerConfig | null): this

  /** Record changes from now on, of one table or of all, to be replayed elsewhere. */
  createSession(options?: Database.SessionOptions | null): Database.Session

  /** Apply a changeset or patchset. False when a conflict aborted it; malformed ones throw. */
  applyChangeset(changeset: Uint8Array, options?: Database.ApplyChangesetOptions | null): boolean

  /**
   * Call `listener` for every row inserted, updated or deleted through this connection, after the
   * statement. It may use the connection.
   */
  on(event: 'update', listener: (change: Database.UpdateEvent) => void): this

  /** Remove a listener. */
  off(event: 'update', listener: (change: Database.UpdateEvent) => void): this

  /**
   * Replicas: calls `listener` when a write failed, and whether it has happened is not known; reads
   * go on without it. Throws a TypeError if this is no replica, or is closed.
   */
  on(event: 'uncertain', listener: (event: Database.UncertainEvent) => void): this
  /** Replicas: stops calling `listener`. */
  off(event: 'uncertain', listener: (event: Database.UncertainEvent) => void): this

  /**
   * Replicas: calls `listener` after each sync, whoever asked for it. Throws a TypeError if this is
   * no replica, or is closed.
   */
  on(event: 'sync', listener: (event: Database.SyncEvent) => void): this
  /** Replicas: stops calling `listener`. */
  off(event: 'sync', listener: (event: Database.SyncEvent) => void): this

  /** What this connection holds. Throws a TypeError when it is closed. */
  stats(): Database.Stats

  /** Stop whatever this connection is running; it throws SQLITE_INTERRUPT. */
  interrupt(): this

  /** Close the connection and finalize its statements. Harmless when already closed. */
  close(): this

  /** The same as `close()`, for `using db = new Database(...)`. */
  [Symbol.dispose](): void
}

type Connection = Database

declare namespace Database {
  /** What SQLite can store, as it comes out of a query. Safe integers are bigints. */
  type Value = number | bigint | string | Buffer | null

  /** What can be bound to a parameter. `undefined` binds NULL; any typed array binds a blob. */
  type BindValue = number | bigint | string | NodeJS.ArrayBufferView | null | undefined

  /** How a transaction starts. `read` is `deferred` and `write` is `immediate`, libsql's names. */
  type TransactionMode = 'deferred' | 'immediate' | 'exclusive' | 'read' | 'write'

  /** The same type as `Database` itself. */
  type Database = Connection

  type AnyFunction = (...args: any[]) => unknown
  type ArgumentTypes<F extends AnyFunction> = F extends (...args: infer A) => unknown ? A : never

  interface DatabaseConstructor {
    /**
     * Open a database.
     *
     * @param filename A path, `':memory:'`, `''` (temporary), a Buffer of `serialize()`, or the URL
     *   of a libSQL server (`libsql:`, `https:`, `http:`), of which nothing is asked yet.
     */
    new (filename?: string | Buffer | null, options?: Options | null): Database
    /** Open a database; `new` may be left out. */
    (filename?: string | Buffer | null, options?: Options | null): Database

    readonly prototype: Database
    /** The class of every error that SQLite reports. */
    readonly SqliteError: typeof SqliteErrorClass
    /** What an authorizer may answer. */
    readonly Authorization: Readonly<AuthorizationValues>
    /** SQLite's codes for what an authorizer is asked about. */
    readonly Action: Readonly<ActionValues>
    /** Numbers that `applyChangeset` takes and gives. */
    readonly constants: Readonly<Constants>
    /** The same class, for `import { Database } from 'ferrolite'`. */
    readonly Database: DatabaseConstructor
    /** The same class, for `import Database from 'ferrolite'` through a transpiler. */
    readonly default: DatabaseConstructor
  }

  interface Options {
    /**
     * Key of an encrypted file, of which the first 32 bytes count; a string counts as its UTF-8.
     * A wrong one, or one for a plain file, throws SQLITE_NOTADB. Not for in-memory or temporary
     * databases. Default: null, which is none, as undefined is.
     */
    encryptionKey?: string | Uint8Array | null | undefined
    /** The cipher of `encryptionKey`. There is one. Default: 'aes256cbc'. */
    encryptionCipher?: 'aes256cbc' | undefined
    /** Refuse every write. Not for in-memory or temporary databases. Default: false. */
    readonly?: boolean | undefined
    /** Throw when the file does not exist instead of creating it. Default: false. */
    fileMustExist?: boolean | undefined
    /** Milliseconds to wait for a lock before SQLITE_BUSY, 0 to 2147483647. Default: 5000. */
    timeout?: number | undefined
    /** Called with the SQL of every statement that runs, its parameters filled in. */
    verbose?: ((message?: any, ...additionalArgs: any[]) => void) | null | undefined
    /** Give `verbose` the SQL without the values of its parameters. Default: false. */
    hideParameters?: boolean | undefined
    /** Path of a native binary to load (`.node` may be left out), or the addon object itself. */
    nativeBinding?: string | object | null | undefined
    /** Milliseconds that a statement may run before SQLITE_INTERRUPT; 0 is none. Default: 0. */
    defaultQueryTimeout?: number | undefined
    /** Upper bounds of SQLite, for SQL or data that is not trusted. See `db.limits`. */
    limits?: Partial<Limits> | undefined
    /** Name of the SQLite VFS to open the file with. Default: the platform's own. */
    vfs?: string | undefined

    /**
     * Make a plain database of a file that was a replica. Without it, such a file is opened for
     * writing with `syncUrl` only: SYNC_REPLICA. Default: false.
     */
    detachReplica?: boolean | undefined

    // For replicas of a database on a server, with the options above but `readonly`,
    // `fileMustExist` and `vfs`, and those for URLs below.

    /**
     * Replica: URL of the primary that the file follows. Reads come from the file, all else goes
     * there. Throws a TypeError if it is no valid URL; the constructor throws SYNC_FOREIGN if the
     * file is there and no replica, SYNC_LOCKED if it is open elsewhere, SYNC_DAMAGED if it cannot
     * be read. Default: none.
     */
    syncUrl?: string | undefined
    /**
     * Replica: seconds between syncs that happen by themselves, 0 to 2147483; another value throws
     * a TypeError. Default: 0, which is none.
     */
    syncPeriod?: number | undefined
    /** Replica: reads wait until the file has what this connection wrote. Default: true. */
    readYourWrites?: boolean | undefined
    /**
     * Replica: reads wait, too, for a write of which it is not known whether it happened.
     * Default: false.
     */
    waitForUncertain?: boolean | undefined
    /** Replica: fetch all of the database again before anything is read. Default: false. */
    resync?: boolean | undefined

    // For URLs of servers, which of those above take `defaultQueryTimeout` and `nativeBinding` only.

    /**
     * Remote: JWT that the server asks for. Throws a TypeError if it is no string, has spaces, or
     * would cross the network unencrypted. Default: `?authToken=` of the URL, or none.
     */
    authToken?: string | undefined
    /**
     * Remote: milliseconds that connecting may take before REMOTE_TIMEOUT, 1 to 2147483647; another
     * value throws a TypeError. Default: 10000.
     */
    connectTimeout?: number | undefined
    /**
     * Remote: milliseconds that a request may take, from connecting to the end of the reply, before
     * REMOTE_TIMEOUT, 1 to 2147483647; another value throws a TypeError. Default: 30000.
     */
    requestTimeout?: number | undefined
    /**
     * Remote: sent with every request. A value that is no string or has more than one line throws a
     * TypeError, a name that HTTP does not allow a SqliteError with code REMOTE_PROTOCOL.
     */
    headers?: Record<string, string> | undefined
    /**
     * Remote: the database on a server with namespaces. Throws a TypeError if it is no string or
     * empty. Default: what the server chooses.
     */
    namespace?: string | undefined
    /** Remote: whom to trust, and who this is. A wrong type throws a TypeError. */
    tls?: TlsOptions | undefined
    /** Remote: let a token cross the network unencrypted, over `http:`. Default: false. */
    allowInsecure?: boolean | undefined
  }

  /**
   * What a connection holds, as SQLite counts it. For a server there is `cachedStatements` alone,
   * and with promises `queueLength`.
   */
  interface Stats {
    /** Bytes of the page cache. */
    cacheUsed?: number
    /** Bytes of the schema. */
    schemaUsed?: number
    /** Bytes of compiled statements. */
    stmtUsed?: number
    /** Pages that were in the cache when they were read. */
    cacheHit?: number
    /** Pages that had to come from the file. */
    cacheMiss?: number
    /** Pages that were written to the file or its log. */
    cacheWrite?: number
    /** Statements that are compiled. */
    statements?: number
    /** Those of them that run. */
    running?: number
    /** SQL whose statement is kept for the next use of it. */
    cachedStatements: number
  }

  /** What a sync came to; the names are libsql's. */
  interface SyncResult {
    /** Frames (changed pages) that came. */
    frames_synced: number
    /** The last frame that the file has; 0 if there is none. */
    frame_no: number
  }

  /** As Node's `tls` module names them. PEM that cannot be read throws REMOTE_TLS. */
  interface TlsOptions {
    /** PEM of the authorities to trust instead of Mozilla's. */
    ca?: string | Buffer | undefined
    /** PEM of the client's certificate; goes with `key`. */
    cert?: string | Buffer | undefined
    /** PEM of the key of `cert`. */
    key?: string | Buffer | undefined
    /** Refuse a server whose certificate is not to be trusted. Default: true. */
    rejectUnauthorized?: boolean | undefined
  }

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
    /** Whether it is being iterated. */
    readonly busy: boolean

    /** Run it to its end and tell what changed. */
    run(...params: [...params: unknown[], options: LastOptions]): RunResult
    run(...params: BindParameters): RunResult

    /** The first row, or undefined. */
    get(...params: [...params: unknown[], options: LastOptions]): Result | undefined
    get(...params: BindParameters): Result | undefined

    /** All rows. */
    all(...params: [...params: unknown[], options: LastOptions]): Result[]
    all(...params: BindParameters): Result[]

    /** The rows one by one. */
    iterate(...params: [...params: unknown[], options: LastOptions]): StatementIterator<Result>
    iterate(...params: BindParameters): StatementIterator<Result>

    /** Give the first column only. Excludes `raw` and `expand`. */
    pluck(toggleState?: boolean): this
    /** Give rows as objects by table name, expressions under `$`. Excludes `raw` and `pluck`. */
    expand(toggleState?: boolean): this
    /** Give rows as arrays. Excludes `pluck` and `expand`. */
    raw(toggleState?: boolean): this
    /** Give integers as bigints. */
    safeIntegers(toggleState?: boolean): this
    /** Bind parameters once and for all. */
    bind(...params: BindParameters): this
    /** Milliseconds that each execution may take before SQLITE_INTERRUPT; 0 is none. */
    timeout(milliseconds: number): this
    /** Have `run` tell its `duration` in seconds, and rows of `get` in `_metadata`. */
    timing(toggleState?: boolean): this
    /** The columns of the result. */
    columns(): ColumnDefinition[]
    /** Stop it where it runs; it throws SQLITE_INTERRUPT. */
    interrupt(): this
    /** The SQL, with the values of `bind()` filled in. */
    toString(): string
  }

  interface StatementIterator<Result> extends Iterator<Result, undefined, undefined> {
    next(): IteratorResult<Result, undefined>
    /** Stop early and release the statement. */
    return(): IteratorResult<Result, undefined>
    [Symbol.iterator](): StatementIterator<Result>
  }

  /** Options of one call. As parameters of a name, what is named so is no option. */
  interface QueryOptions {
    /**
     * Milliseconds that this execution may take before SQLITE_INTERRUPT; 0 is none. Checked between
     * VM instructions and after each JavaScript callback.
     */
    timeout?: number | undefined
    /** The same: libsql's name of it. */
    queryTimeout?: number | undefined
  }

  /** Options behind parameters, which say what they are by a name. */
  type LastOptions = QueryOptions &
    ({ timeout: number | undefined } | { queryTimeout: number | undefined })

  interface RunResult {
    /** Rows inserted, updated or deleted, without those of triggers and foreign key actions. */
    changes: number
    /** The rowid of the last row inserted; a bigint under safe integers. */
    lastInsertRowid: number | bigint
    /** Seconds that it took, after `stmt.timing()` only. */
    duration?: number
  }

  interface ColumnDefinition {
    /** The name in the result, or its alias. */
    name: string
    /** The column it comes from, or null for an expression. */
    column: string | null
    /** The table it comes from, or null. */
    table: string | null
    /** The database it comes from (`main`, `temp`, or as attached), or null. */
    database: string | null
    /** The type as declared, or null. */
    type: string | null
  }

  /** The function given to `db.transaction`, in a transaction; and one for each way to begin. */
  interface Transaction<F extends AnyFunction = AnyFunction> {
    (this: ThisParameterType<F>, ...params: ArgumentTypes<F>): ReturnType<F>
    /** Begins with BEGIN. */
    default(this: ThisParameterType<F>, ...params: ArgumentTypes<F>): ReturnType<F>
    /** Begins with BEGIN DEFERRED: locks at the first read or write. */
    deferred(this: ThisParameterType<F>, ...params: ArgumentTypes<F>): ReturnType<F>
    /** Begins with BEGIN IMMEDIATE: locks for writing at once. */
    immediate(this: ThisParameterType<F>, ...params: ArgumentTypes<F>): ReturnType<F>
    /** Begins with BEGIN EXCLUSIVE. */
    exclusive(this: ThisParameterType<F>, ...params: ArgumentTypes<F>): ReturnType<F>
    /** The connection it belongs to. */
    readonly database: Database
  }

  interface PragmaOptions extends QueryOptions {
    /** Give the first column of the first row. Default: false. */
    simple?: boolean | undefined
  }

  interface SerializeOptions {
    /** Name of the database: `main`, `temp`, or as attached. Default: `main`. */
    attached?: string | undefined
  }

  interface BackupOptions {
    /** Name of the database to copy: `main`, `temp`, or as attached. Default: `main`. */
    attached?: string | undefined
    /** Called between steps; may return how many pages the next one copies (0 pauses). */
    progress?: ((info: BackupMetadata) => number | void) | null | undefined
  }

  interface BackupMetadata {
    totalPages: number
    remainingPages: number
  }

  interface RegistrationOptions {
    /** Take any number of arguments. Default: false. */
    varargs?: boolean | undefined
    /** Equal arguments give equal results, so SQLite may call it less often. Default: false. */
    deterministic?: boolean | undefined
    /** Get integers as bigints. Default: as `defaultSafeIntegers` says. */
    safeIntegers?: boolean | undefined
    /** Not to be called from views, triggers, or the schema. Default: false. */
    directOnly?: boolean | undefined
  }

  interface AggregateOptions<T = any> extends RegistrationOptions {
    /** The first total, or a function that makes it. Default: null. */
    start?: T | (() => T)
    /** Add a row. Returning nothing keeps the total. */
    step: (total: T, ...values: any[]) => T | void
    /** Take a row away, which makes it a window function. */
    inverse?: ((total: T, ...dropped: any[]) => T | void) | null | undefined
    /** Make the result from the total. Default: the total itself. */
    result?: ((total: T) => unknown) | null | undefined
  }

  interface VirtualTableOptions {
    /** Names of the columns. */
    columns: readonly string[]
    /** A generator function that yields rows as arrays or as objects. */
    rows: (...params: any[]) => Generator
    /** Names of the parameters, as hidden columns; 32 at most. Default: `$1`, `$2` ... */
    parameters?: readonly string[] | undefined
    /** Get integers as bigints. Default: as `defaultSafeIntegers` says. */
    safeIntegers?: boolean | undefined
    /** Not to be used from views, triggers, or the schema. Default: false. */
    directOnly?: boolean | undefined
  }

  type VirtualTableFactory = (
    this: VirtualTableContext,
    ...args: string[]
  ) => VirtualTableOptions

  /** What a virtual table is being made for. */
  interface VirtualTableContext {
    module: string
    database: string
    table: string
  }

  type BatchStatement =
    | string
    | { sql: string, args?: readonly unknown[] | Record<string, unknown> }
    | readonly [sql: string, args?: readonly unknown[] | Record<string, unknown>]

  interface BatchOptions {
    /** How the transaction begins. Default: `'deferred'`. */
    mode?: TransactionMode | undefined
    /** Give rows as arrays. Default: false. */
    raw?: boolean | undefined
  }

  interface BatchResult<Row = Record<string, Value>> {
    /** Names of the columns; empty when the statement returns no rows. */
    columns: string[]
    /** Their declared types, '' where there is none. */
    columnTypes: string[]
    rows: Row[]
    changes: number
    /** The same as `changes`. */
    rowsAffected: number
    lastInsertRowid: number | bigint
  }

  /** Upper bounds of one connection; none can exceed what SQLite was built with. */
  interface Limits {
    /** Bytes of a string, blob or row; 1000000000 at most. */
    length: number
    /** Bytes of an SQL statement; 1000000000 at most. */
    sqlLength: number
    /** Columns of a table, index or result. */
    column: number
    /** Depth of an expression. */
    exprDepth: number
    /** Terms of a compound SELECT. */
    compoundSelect: number
    /** Instructions of a compiled statement. */
    vdbeOp: number
    /** Arguments of a function. */
    functionArg: number
    /** Attached databases. */
    attach: number
    /** Bytes of a LIKE or GLOB pattern. */
    likePatternLength: number
    /** Highest number of a parameter. */
    variableNumber: number
    /** Depth of trigger recursion. */
    triggerDepth: number
  }

  interface AuthorizationValues {
    readonly ALLOW: 0
    readonly DENY: 1
    /** Columns that are read are NULL. */
    readonly IGNORE: 2
  }

  interface ActionValues {
    readonly CREATE_INDEX: 1
    readonly CREATE_TABLE: 2
    readonly CREATE_TEMP_INDEX: 3
    readonly CREATE_TEMP_TABLE: 4
    readonly CREATE_TEMP_TRIGGER: 5
    readonly CREATE_TEMP_VIEW: 6
    readonly CREATE_TRIGGER: 7
    readonly CREATE_VIEW: 8
    readonly DELETE: 9
    readonly DROP_INDEX: 10
    readonly DROP_TABLE: 11
    readonly DROP_TEMP_INDEX: 12
    readonly DROP_TEMP_TABLE: 13
    readonly DROP_TEMP_TRIGGER: 14
    readonly DROP_TEMP_VIEW: 15
    readonly DROP_TRIGGER: 16
    readonly DROP_VIEW: 17
    readonly INSERT: 18
    readonly PRAGMA: 19
    readonly READ: 20
    readonly SELECT: 21
    readonly TRANSACTION: 22
    readonly UPDATE: 23
    readonly ATTACH: 24
    readonly DETACH: 25
    readonly ALTER_TABLE: 26
    readonly REINDEX: 27
    readonly ANALYZE: 28
    readonly CREATE_VTABLE: 29
    readonly DROP_VTABLE: 30
    readonly FUNCTION: 31
    readonly SAVEPOINT: 32
    readonly RECURSIVE: 33
  }

  /** A value of Authorization. */
  type AuthorizerPolicy = 0 | 1 | 2

  /** Policy by table name; a table that is not named is denied. */
  type AuthorizerTables = Record<string, AuthorizerPolicy>

  interface AuthorizerConfig {
    /** The first rule that matches decides. */
    rules: readonly AuthorizerRule[]
    /** The AuthorizerPolicy that holds when no rule matches. Default: DENY. */
    defaultPolicy?: number
  }

  interface AuthorizerRule {
    /** One or more values of Action; all when left out. */
    action?: number | readonly number[]
    table?: AuthorizerPattern
    column?: AuthorizerPattern
    entity?: AuthorizerPattern
    accessor?: AuthorizerPattern
    /** An AuthorizerPolicy. */
    policy: number
  }

  /** An exact name, or a pattern of `*` and `?`. */
  type AuthorizerPattern = string | { glob: string }

  interface SessionOptions {
    /** Record this table only, once it exists. Default: all tables with a primary key. */
    table?: string | undefined
    /** Name of the database, once it exists: `main`, `temp`, or as attached. Default: `main`. */
    db?: string | undefined
  }

  interface Session {
    /** What changed so far, with old values: it can be inverted and checked for conflicts. */
    changeset(): Buffer
    /** What changed so far, smaller: without old values. */
    patchset(): Buffer
    /** Stop recording. Harmless when already closed. */
    close(): void
    /** The same as `close()`, for `using`. */
    [Symbol.dispose](): void
  }

  interface ApplyChangesetOptions {
    /** Whether to apply the changes of this table. Default: all. */
    filter?: ((table: string) => boolean) | null | undefined
    /** Given a conflict type, returns SQLITE_CHANGESET_OMIT, REPLACE or ABORT. Default: ABORT. */
    onConflict?: ((type: number) => number) | null | undefined
  }

  interface Constants {
    readonly SQLITE_CHANGESET_OMIT: 0
    readonly SQLITE_CHANGESET_REPLACE: 1
    readonly SQLITE_CHANGESET_ABORT: 2
    readonly SQLITE_CHANGESET_DATA: 1
    readonly SQLITE_CHANGESET_NOTFOUND: 2
    readonly SQLITE_CHANGESET_CONFLICT: 3
    readonly SQLITE_CHANGESET_CONSTRAINT: 4
    readonly SQLITE_CHANGESET_FOREIGN_KEY: 5
  }

  interface UpdateEvent {
    operation: 'insert' | 'update' | 'delete'
    /** Name of the database: `main`, `temp`, or as attached. */
    database: string
    table: string
    /** A bigint under `defaultSafeIntegers`. */
    rowid: number | bigint
  }

  /** It is not known whether a write has happened. */
  interface UncertainEvent {
    /** What the call that wrote failed with. */
    error: Error
  }

  /** A sync of a replica has ended. */
  interface SyncEvent {
    /** `sync()` and the like, a read that waited for it, after a write, or `syncPeriod`. */
    reason: 'call' | 'read' | 'write' | 'period'
    /** How many frames came, a page each. */
    frames: number
    /** The last frame that the file has. */
    frame: number | null
    /** Milliseconds. */
    duration: number
    /** Why it failed. */
    error?: Error | undefined
  }

  /** What listeners of `tracing:ferrolite:sync:*` get, of both APIs; undefined until it has ended. */
  interface SyncContext {
    /** `db.name`. */
    database: string
    reason: SyncEvent['reason']
    frames: number | undefined
    frame: number | null | undefined
    duration: number | undefined
    error?: unknown
  }

  /** What listeners of `tracing:ferrolite:open:*` and `close` get, of both APIs. */
  interface ConnectionContext {
    /** `db.name`; of a server, its URL without a token. */
    database: string
    kind: 'file' | 'memory' | 'server' | 'replica'
    readonly: boolean
    /** Milliseconds; undefined until it has ended. */
    duration: number | undefined
    /** What it has failed with. */
    error?: unknown
  }

  /** What listeners of the diagnostics channels `tracing:ferrolite:query:*` get, of both APIs. */
  interface QueryEvent {
    /** Without the values of its parameters, and without encryption keys. */
    sql: string
    /** `db.name`. */
    database: string
    /** `prepare` is told of only where SQL cannot be compiled, with its error. */
    kind: 'get' | 'all' | 'run' | 'iterate' | 'exec' | 'batch' | 'pragma' | 'prepare'
    /** What it ran on; null until that is known. */
    connection: 'writer' | 'reader' | 'primary' | 'file' | null
    rows: number | undefined
    changes: number | undefined
    /** Milliseconds of the call that are not in `run`; undefined until it has ended. */
    waited: number | undefined
    /** Milliseconds that it took to run; undefined until it has ended, or if it has not run. */
    run: number | undefined
    /** What the call has failed with. */
    error?: unknown
  }

  /** An error that SQLite reports. */
  type SqliteError = SqliteErrorClass
}

declare class SqliteErrorClass extends Error {
  constructor (message: string, code: string, rawCode?: number)
  /** `'SqliteError'` */
  name: string
  message: string
  /**
   * SQLite's extended result code by name, such as `SQLITE_CONSTRAINT_UNIQUE`; of remote databases
   * also `REMOTE_TIMEOUT` and the like.
   */
  code: string
  /** The same as a number, such as 2067. */
  rawCode?: number
  /** Remote databases: the HTTP status of a reply that is no success, such as 401. */
  status?: number
  /** The SQL that failed, without what follows `KEY`. */
  sql?: string
  /** Name of the database, as `db.name` has it. */
  database?: string
  /**
   * Where in `sql` it is: the token that SQLite names, or where the statement begins in a script or
   * a batch.
   */
  offset?: number
  /** Which statement of a script or a batch failed, from 0. */
  statementIndex?: number
  /** After a time limit: an error with the name `TimeoutError`. */
  cause?: unknown
}

export = Database
