/// <reference types="node" />

// One name for a value, a type and a namespace is how the three become one export.
/* eslint-disable @typescript-eslint/no-redeclare */

/**
 * One connection to one database. A method that executes SQL throws a TypeError while SQLite calls
 * back into JavaScript, and every method but `close`, `defaultSafeIntegers` and the properties once
 * the connection is closed: these two are "busy" and "closed" below. `docs/api.md` has a table of
 * what may be called when.
 */
declare const Database: Database.DatabaseConstructor

/** One connection to one database. */
interface Database {
  /** Whether the connection is open: true until `close()`. */
  readonly open: boolean
  /** Whether a transaction is open, begun by `transaction()` or by `BEGIN`. */
  readonly inTransaction: boolean
  /**
   * The filename as it was given; `':memory:'` for a Buffer, `''` for a temporary database, the URL
   * without its token for a server.
   */
  readonly name: string
  /** Whether the database is in memory or in a temporary file. */
  readonly memory: boolean
  /** Whether the connection was opened with `readonly: true`. */
  readonly readonly: boolean
  /** What runs it: the native binary, or the engine in WASM where that is missing or cannot be loaded. */
  readonly backend: 'native' | 'wasm'
  /**
   * SQLite's upper bounds for this connection. Each can be read, and set to an integer >= 0; a
   * value above the maximum that SQLite was built with sets that maximum.
   *
   * @throws {TypeError} for a value that is not an integer >= 0; if closed; for a remote database.
   * @throws {RangeError} for a value above 2147483647.
   */
  readonly limits: Database.Limits

  /**
   * Compiles one SQL statement. Equal SQL uses the compiled statement again.
   *
   * @param source exactly one statement; comments and a semicolon may follow.
   * @throws {TypeError} if `source` is not a string; if busy or closed.
   * @throws {RangeError} if `source` has no statement, more than one, or a NUL.
   * @throws {SqliteError} if it does not compile.
   */
  prepare<BindParameters extends unknown[] | {} = unknown[], Result = unknown>(
    source: string
  ): BindParameters extends unknown[]
    ? Database.PreparedStatement<BindParameters, Result>
    : Database.PreparedStatement<[BindParameters], Result>

  /**
   * Compiles and runs a statement, as `prepare(source).run(...params)`.
   *
   * @param params the values of its parameters; `QueryOptions` may be the last argument.
   * @returns how many rows changed, and the rowid inserted last.
   * @throws what `prepare` and `PreparedStatement.run` throw.
   */
  run(source: string, ...params: unknown[]): Database.RunResult

  /**
   * Compiles and runs a statement, as `prepare(source).get(...params)`.
   *
   * @param params the values of its parameters; `QueryOptions` may be the last argument.
   * @returns the first row as an object, or undefined if there is none.
   * @throws what `prepare` and `PreparedStatement.get` throw.
   */
  get<Row = Record<string, Database.Value>>(source: string, ...params: unknown[]): Row | undefined

  /**
   * Compiles and runs a statement, as `prepare(source).all(...params)`.
   *
   * @param params the values of its parameters; `QueryOptions` may be the last argument.
   * @returns all rows as objects, in order.
   * @throws what `prepare` and `PreparedStatement.all` throw.
   */
  all<Row = Record<string, Database.Value>>(source: string, ...params: unknown[]): Row[]

  /**
   * Compiles and runs a statement, as `prepare(source).iterate(...params)`.
   *
   * @param params the values of its parameters; `QueryOptions` may be the last argument.
   * @returns an iterator of the rows as objects.
   * @throws what `prepare` and `PreparedStatement.iterate` throw.
   */
  iterate<Row = Record<string, Database.Value>>(
    source: string,
    ...params: unknown[]
  ): IterableIterator<Row>

  /**
   * Runs any number of statements without parameters, and discards their rows. If one fails, those
   * before it stay executed, unless they are inside a transaction.
   *
   * @returns this database.
   * @throws {TypeError} if `source` is not a string, or `options` are not options of a call; if
   *   busy, iterating or closed.
   * @throws {RangeError} if `source` has a NUL.
   * @throws {SqliteError} if a statement fails, with its number as `statementIndex`;
   *   SQLITE_INTERRUPT after `timeout` ms.
   */
  exec(source: string, options?: Database.QueryOptions | null): this

  /**
   * Wraps a function: each call of the result runs `fn` in a transaction, which is committed when
   * `fn` returns and rolled back when it throws. Inside another transaction it is a savepoint.
   *
   * @param fn a synchronous function; its `this`, arguments and result are passed through.
   * @throws {TypeError} if `fn` is not a function, or a second argument is a mode; if busy or
   *   closed, at the latest when the result is called.
   */
  transaction<F extends Database.AnyFunction>(fn: F): Database.Transaction<F>

  /**
   * Runs a PRAGMA.
   *
   * @param source what follows the word PRAGMA, such as `'journal_mode = WAL'`.
   * @returns all rows as objects; with `simple: true` the first column of the first row, or
   *   undefined.
   * @throws {TypeError} for arguments of the wrong type; if busy, iterating or closed.
   * @throws {SqliteError} if it fails; SQLITE_INTERRUPT after `timeout` ms.
   */
  pragma(source: string, options?: Database.PragmaOptions | null): unknown

  /**
   * Runs `EXPLAIN source`. Put `QUERY PLAN` before the SQL for a query plan. Parameters need no
   * values.
   *
   * @returns the rows of EXPLAIN as objects.
   * @throws {TypeError} for arguments of the wrong type; if busy or closed.
   * @throws {SqliteError} if it does not compile.
   */
  explain<Row = Record<string, Database.Value>>(
    source: string,
    options?: Database.QueryOptions | null
  ): Row[]

  /**
   * Runs statements in one transaction, or in a savepoint inside a transaction. An error rolls all
   * of them back.
   *
   * @param options a mode, or an object; `timeout` (ms) is for all statements together.
   * @returns one result for each statement, in order.
   * @throws {TypeError} for arguments of the wrong type, and for statements that begin or end that
   *   transaction, before anything runs; if busy, iterating or closed.
   * @throws {RangeError} for too few or too many values of parameters.
   * @throws {SqliteError} if a statement fails, with its number as `statementIndex`;
   *   SQLITE_INTERRUPT after `timeout` ms.
   */
  batch<Row = Record<string, Database.Value>>(
    statements: readonly Database.BatchStatement[],
    options?: Database.TransactionMode | (Database.BatchOptions & Database.QueryOptions) | null
  ): Array<Database.BatchResult<Row>>

  /**
   * Copies the database to a file while it stays in use, 100 pages at a time between turns of the
   * event loop. The copy is encrypted if `encryptionKey` was given.
   *
   * @param destinationFile path of the copy; an existing file is overwritten.
   * @returns a promise of `{ totalPages, remainingPages: 0 }`. It rejects with what `@throws`
   *   lists; a file that did not exist before is deleted then.
   * @throws {TypeError} for arguments of the wrong type and a missing directory; if closed; for a
   *   remote database.
   * @throws {SqliteError} SQLITE_BUSY if a lock is held for longer than the option `timeout` of the
   *   connection; SQLITE_ERROR if the destination is the database itself; SQLITE_NOTADB if it is a
   *   file with another key.
   * @throws what `progress` throws; an AbortError if `signal` aborts.
   */
  backup(
    destinationFile: string,
    options?: Database.BackupOptions | null
  ): Promise<Database.BackupMetadata>

  /**
   * Returns the database as the bytes that a file would have. They are never encrypted.
   *
   * @returns a Buffer that `new Database(buffer)` opens.
   * @throws {TypeError} for options of the wrong type; if busy, iterating or closed; for a remote
   *   database.
   * @throws {Error} "Out of memory", as in better-sqlite3, if memory is short or the database does
   *   not exist.
   * @throws {SqliteError} if the database cannot be read.
   */
  serialize(options?: Database.SerializeOptions | null): Buffer

  /**
   * Encrypts the file with another key; `null` decrypts it. Every page is written again, in one
   * transaction.
   *
   * @param key a non-empty string or Uint8Array, of which the first 32 bytes count; or null.
   * @returns this database.
   * @throws {TypeError} for a key of the wrong type, and for in-memory and temporary databases; if
   *   busy, iterating or closed; for a server or a replica.
   * @throws {SqliteError} inside a transaction, while statements run, on a read-only connection;
   *   SQLITE_BUSY if the file is in WAL mode and has other connections.
   */
  rekey(key: string | Uint8Array | null): this

  /**
   * Registers a scalar SQL function. SQL calls it by `name` with `fn.length` arguments, or with any
   * number if `varargs` is true.
   *
   * @param fn gets and returns numbers, bigints, strings, Buffers or null; undefined is NULL. What
   *   it throws is thrown by the call that runs the SQL.
   * @returns this database.
   * @throws {TypeError} for arguments of the wrong type and an empty name; if busy, iterating or
   *   closed; for a remote database.
   * @throws {RangeError} for more than 100 arguments.
   */
  function(name: string, fn: (...args: any[]) => any): this
  /**
   * Registers a scalar SQL function. SQL calls it by `name` with `fn.length` arguments, or with any
   * number if `varargs` is true.
   *
   * @param fn gets and returns numbers, bigints, strings, Buffers or null; undefined is NULL. What
   *   it throws is thrown by the call that runs the SQL.
   * @returns this database.
   * @throws {TypeError} for arguments of the wrong type and an empty name; if busy, iterating or
   *   closed; for a remote database.
   * @throws {RangeError} for more than 100 arguments.
   */
  function(
    name: string,
    options: Database.RegistrationOptions | null | undefined,
    fn: (...args: any[]) => any
  ): this

  /**
   * Registers an aggregate function, or with `inverse` a window function.
   *
   * @returns this database.
   * @throws {TypeError} for arguments of the wrong type, an empty name and a missing `step`; if
   *   busy, iterating or closed; for a remote database.
   * @throws {RangeError} for more than 100 arguments.
   */
  aggregate<T>(name: string, options: Database.AggregateOptions<T>): this

  /**
   * Registers a virtual table. A definition makes a table-valued function; a factory makes a module
   * for `CREATE VIRTUAL TABLE`, called with the arguments in its parentheses as strings.
   *
   * @returns this database.
   * @throws {TypeError} for arguments or a definition of the wrong type, and for duplicate names;
   *   if busy, iterating or closed; for a remote database.
   * @throws {RangeError} for no columns, or more than 32 parameters.
   */
  table(name: string, definition: Database.VirtualTableOptions | Database.VirtualTableFactory): this

  /**
   * Loads an SQLite extension from a shared library.
   *
   * @param path its path; the suffix may be left out.
   * @param entryPoint name of its init function. Default: what SQLite derives from the file name.
   * @returns this database.
   * @throws {TypeError} for arguments of the wrong type; if busy, iterating or closed; for a remote
   *   database.
   * @throws {SqliteError} SQLITE_ERROR if it cannot be loaded.
   */
  loadExtension(path: string, entryPoint?: string): this

  /**
   * Replica: brings the file up to date with the primary, in one transaction.
   *
   * @returns how many frames were fetched, and the last frame of the file.
   * @throws {TypeError} if this is not a replica; if closed.
   * @throws {SqliteError} with a REMOTE_ or SYNC_ code; SQLITE_INTERRUPT after
   *   `defaultQueryTimeout` ms.
   */
  sync(): Database.SyncResult

  /**
   * Replica: as `sync()`, until the file has a frame.
   *
   * @param replicationIndex number of the frame, an integer >= 0.
   * @returns how many frames were fetched, and the last frame of the file.
   * @throws {TypeError} if `replicationIndex` is not an integer >= 0; if this is not a replica; if
   *   closed.
   * @throws {SqliteError} REMOTE_TIMEOUT if the primary does not have the frame within
   *   `requestTimeout` ms; otherwise as `sync()`.
   */
  syncUntil(replicationIndex: number): Database.SyncResult

  /**
   * Replica: fetches the whole database again, in one transaction.
   *
   * @returns how many frames were fetched, and the last frame of the file.
   * @throws what `sync()` throws.
   */
  resync(): Database.SyncResult

  /**
   * Replica: the last frame that this connection has written.
   *
   * @returns number of the frame, or undefined before the first write.
   * @throws {TypeError} if this is not a replica.
   */
  maxWriteReplicationIndex(): number | undefined

  /**
   * Key-value stores: moves a database that is open for reading to the newest state.
   *
   * @returns whether that is another one.
   * @throws {TypeError} if the database is not in a key-value store or not `readonly`, while it
   *   iterates or is in a transaction; if closed.
   * @throws {SqliteError} KV_STORE, KV_CORRUPT or KV_STALE; SQLITE_ERROR with the option `epoch`.
   */
  refresh(): boolean

  /**
   * Key-value stores: waits until the store has every transaction that was committed. Only after
   * `PRAGMA synchronous = OFF` there is anything to wait for.
   *
   * @returns this database.
   * @throws {TypeError} if the database is not in a key-value store, while it iterates; if closed.
   * @throws {SqliteError} KV_STORE and the like, with how many transactions are lost: then every
   *   later call fails with it.
   */
  flush(): this

  /**
   * Key-value stores: the epochs that are kept, which the option `epoch` opens and `restore()` goes
   * back to.
   *
   * @returns the oldest first.
   * @throws {TypeError} if the database is not in a key-value store, while it iterates; if closed.
   * @throws {SqliteError} KV_STORE, KV_CORRUPT and the like.
   */
  history(): Database.Moment[]

  /**
   * Key-value stores: commits the state of an epoch once more, in one transaction.
   *
   * @param epoch one of `history()`.
   * @returns this database.
   * @throws {TypeError} if it is not an integer >= 1; if the database is not in a key-value store,
   *   while it iterates; if closed.
   * @throws {SqliteError} SQLITE_ERROR if the epoch is not kept, in a transaction, and for a reader;
   *   KV_STORE and the like.
   */
  restore(epoch: number): this

  /**
   * Replica: when the last successful sync of this connection began; null before the first.
   *
   * @throws {TypeError} if this is not a replica; if closed.
   */
  readonly lastSync: Date | null

  /**
   * Replica: how many ms ago the last successful sync began; null before the first. Rows that are
   * read are at most this old.
   *
   * @throws {TypeError} if this is not a replica; if closed.
   */
  readonly lag: number | null

  /**
   * Sets whether statements, functions, aggregates and tables that are made from now on return
   * integers as bigints.
   *
   * @param toggleState default: true.
   * @returns this database.
   * @throws {TypeError} if `toggleState` is not a boolean.
   */
  defaultSafeIntegers(toggleState?: boolean): this

  /**
   * Allows writes while an iterator is open, and what SQLite's defensive mode refuses.
   *
   * @param unsafe default: true.
   * @returns this database.
   * @throws {TypeError} if `unsafe` is not a boolean; if closed; for a remote database.
   */
  unsafeMode(unsafe?: boolean): this

  /**
   * Allows, denies or ignores what SQL does when it is compiled: by table, or by ordered rules;
   * `null` removes them. A denied statement throws SQLITE_AUTH from then on.
   *
   * @returns this database.
   * @throws {TypeError} for rules of the wrong type or with unknown keys; if busy or closed; for a
   *   remote database.
   */
  authorizer(rules: Database.AuthorizerTables | Database.AuthorizerConfig | null): this

  /**
   * Starts to record changes of one table or of all tables with a primary key.
   *
   * @returns the session, which has changesets that `applyChangeset` takes.
   * @throws {TypeError} for options of the wrong type; if busy or closed; for a server or a
   *   replica.
   * @throws {SqliteError} if the session cannot be made.
   */
  createSession(options?: Database.SessionOptions | null): Database.Session

  /**
   * Applies a changeset or patchset, all of it or nothing.
   *
   * @param changeset bytes of `session.changeset()` or `session.patchset()`.
   * @returns true if it was applied, false if a conflict aborted it.
   * @throws {TypeError} for arguments of the wrong type, and if `onConflict` returns no integer; if
   *   busy, iterating or closed; for a server or a replica.
   * @throws {SqliteError} SQLITE_CORRUPT if it is malformed; what SQLite reports if a change fails.
   * @throws what `filter` and `onConflict` throw.
   */
  applyChangeset(changeset: Uint8Array, options?: Database.ApplyChangesetOptions | null): boolean

  /**
   * Calls `listener` for every row that this connection inserts, updates or deletes, after the
   * statement that did it. It may use the connection. What it throws is thrown by the call that
   * changed the rows.
   *
   * @returns this database.
   * @throws {TypeError} for another event, and if `listener` is not a function; if closed; for a
   *   server or a replica.
   */
  on(event: 'update', listener: (change: Database.UpdateEvent) => void): this

  /**
   * Stops calling `listener`.
   *
   * @returns this database.
   * @throws {TypeError} for another event, and if `listener` is not a function; if closed; for a
   *   server or a replica.
   */
  off(event: 'update', listener: (change: Database.UpdateEvent) => void): this

  /**
   * Calls `listener` while the graph of a vector table is built: when it begins, at most ten times
   * a second, and when it is done. It must not use the connection, but it may `interrupt()` it. What
   * it throws ends the build, rolls the transaction back, and is thrown by the call that builds.
   *
   * @returns this database.
   * @throws {TypeError} for another event, and if `listener` is not a function; if closed; for a
   *   server or a replica.
   */
  on(event: 'build', listener: (build: Database.BuildEvent) => void): this

  /**
   * Stops calling `listener`.
   *
   * @returns this database.
   * @throws {TypeError} for another event, and if `listener` is not a function; if closed; for a
   *   server or a replica.
   */
  off(event: 'build', listener: (build: Database.BuildEvent) => void): this

  /**
   * Replica: calls `listener` when a write failed and it is not known whether the primary has
   * executed it. Reads go on without waiting for it.
   *
   * @returns this database.
   * @throws {TypeError} if this is not a replica; if `listener` is not a function; if closed.
   */
  on(event: 'uncertain', listener: (event: Database.UncertainEvent) => void): this
  /**
   * Replica: stops calling `listener`.
   *
   * @returns this database.
   * @throws {TypeError} if this is not a replica; if `listener` is not a function; if closed.
   */
  off(event: 'uncertain', listener: (event: Database.UncertainEvent) => void): this

  /**
   * Replica: calls `listener` after each sync, whatever started it.
   *
   * @returns this database.
   * @throws {TypeError} if this is not a replica; if `listener` is not a function; if closed.
   */
  on(event: 'sync', listener: (event: Database.SyncEvent) => void): this
  /**
   * Replica: stops calling `listener`.
   *
   * @returns this database.
   * @throws {TypeError} if this is not a replica; if `listener` is not a function; if closed.
   */
  off(event: 'sync', listener: (event: Database.SyncEvent) => void): this

  /**
   * Returns the memory, the pages and the statements of this connection.
   *
   * @throws {TypeError} if closed.
   */
  stats(): Database.Stats

  /**
   * Stops what this connection is running: that throws SQLITE_INTERRUPT. It is called from a
   * callback or while an iterator is open; otherwise it does nothing.
   *
   * @returns this database.
   * @throws {TypeError} if closed.
   */
  interrupt(): this

  /**
   * Closes the connection and finalizes its statements. The last connection to a file in WAL mode
   * checkpoints it. Closing twice does nothing.
   *
   * @returns this database.
   * @throws {TypeError} if busy or iterating.
   */
  close(): this

  /**
   * The same as `close()`, for `using db = new Database(...)`.
   *
   * @throws {TypeError} if busy or iterating.
   */
  [Symbol.dispose](): void
}

/** The type `Database`, under a name that the namespace does not hide. */
type Connection = Database

declare namespace Database {
  /** A value that SQLite stores, as it is read; integers are bigints under safe integers. */
  type Value = number | bigint | string | Buffer | null

  /**
   * A value that a parameter takes. undefined binds NULL; a Buffer, typed array or DataView binds a
   * blob.
   */
  type BindValue = number | bigint | string | NodeJS.ArrayBufferView | null | undefined

  /**
   * How a transaction begins. `read` is `deferred` and `write` is `immediate`, under libsql's
   * names.
   */
  type TransactionMode = 'deferred' | 'immediate' | 'exclusive' | 'read' | 'write'

  /** The same type as `Database` itself. */
  type Database = Connection

  /** A function with any arguments. */
  type AnyFunction = (...args: any[]) => unknown
  /** The arguments of a function, as a tuple. */
  type ArgumentTypes<F extends AnyFunction> = F extends (...args: infer A) => unknown ? A : never

  /** The class `Database`. */
  interface DatabaseConstructor {
    /**
     * Opens a database. `new` may be left out.
     *
     * @param filename a path, `':memory:'`, `''` or nothing (temporary), a Buffer of `serialize()`,
     *   a file descriptor (with `journalFd`), or the URL of a libSQL server (`libsql:`, `https:`,
     *   `http:`). Opening does not contact a server: the first call fails if it is down.
     * @throws {TypeError} for arguments or options of the wrong type, misspelled options, and a
     *   missing directory.
     * @throws {RangeError} for `timeout` and `defaultQueryTimeout` above 2147483647 ms, and for
     *   limits above 2147483647.
     * @throws {SqliteError} if the file cannot be opened (SQLITE_CANTOPEN), or its key is wrong
     *   (SQLITE_NOTADB); for a replica, SYNC_FOREIGN, SYNC_LOCKED or SYNC_DAMAGED; SYNC_REPLICA if
     *   the file is a replica and `syncUrl` is missing.
     * @throws {Error} with code ERR_FERROLITE_BINDING if no native binary loads.
     */
    new (filename?: string | Buffer | number | null, options?: Options | null): Database
    /**
     * Opens a database. `new` may be left out.
     *
     * @param filename a path, `':memory:'`, `''` or nothing (temporary), a Buffer of `serialize()`,
     *   a file descriptor (with `journalFd`), or the URL of a libSQL server (`libsql:`, `https:`,
     *   `http:`). Opening does not contact a server: the first call fails if it is down.
     * @throws {TypeError} for arguments or options of the wrong type, misspelled options, and a
     *   missing directory.
     * @throws {RangeError} for `timeout` and `defaultQueryTimeout` above 2147483647 ms, and for
     *   limits above 2147483647.
     * @throws {SqliteError} if the file cannot be opened (SQLITE_CANTOPEN), or its key is wrong
     *   (SQLITE_NOTADB); for a replica, SYNC_FOREIGN, SYNC_LOCKED or SYNC_DAMAGED; SYNC_REPLICA if
     *   the file is a replica and `syncUrl` is missing.
     * @throws {Error} with code ERR_FERROLITE_BINDING if no native binary loads.
     */
    (filename?: string | Buffer | number | null, options?: Options | null): Database

    /** The prototype of all databases. */
    readonly prototype: Database
    /** The class of every error that SQLite, a server or a replica reports. */
    readonly SqliteError: typeof SqliteErrorClass
    /** The policies of an authorizer: `ALLOW`, `DENY` and `IGNORE`. */
    readonly Authorization: Readonly<AuthorizationValues>
    /** SQLite's action codes, by which the rules of an authorizer select. */
    readonly Action: Readonly<ActionValues>
    /** The numbers that `applyChangeset` passes to `onConflict` and takes from it. */
    readonly constants: Readonly<Constants>
    /** The same class, for `import { Database } from 'ferrolite'`. */
    readonly Database: DatabaseConstructor
    /** The same class, for `import Database from 'ferrolite'` through a transpiler. */
    readonly default: DatabaseConstructor
  }

  /** How much a key-value store takes in one call. */
  interface StoreLimits {
    /** Keys of a batch that writes or deletes. Default: 128. */
    maxKeys?: number
    /** Keys of a batch that reads. Default: `maxKeys`. */
    maxReadKeys?: number
    /** Bytes of one value, at least 40000. Default: 131072. */
    maxValueBytes?: number
    /** Bytes of all values of one batch. Default: 4194304, or `maxValueBytes` if that is more. */
    maxBatchBytes?: number
    /** Calls that may be on their way at once, for a store that returns promises. Default: 8. */
    concurrency?: number
  }

  /** An epoch of a database in a key-value store: `db.history()`. */
  interface Moment {
    /** Its number. */
    epoch: number
    /** When it was made. */
    time: Date
    /** Pages of the database. */
    pages: number
  }

  /** What both kinds of key-value stores may have beside their methods. */
  interface StoreSettings {
    /** How much it takes in one call. */
    limits?: StoreLimits
    /** Milliseconds that one call may take, for a store that returns promises. Default: 30000. */
    timeout?: number
    /** Called with what a call of the store has failed with; what it throws itself is ignored. */
    onError?: ((error: unknown, call: { operation: string, key: string }) => void) | null
  }

  /** The methods of a key-value store that answers at once. */
  interface StoreMethods {
    /**
     * The value of a key.
     *
     * @throws whatever it likes: that becomes the `cause` of a SqliteError.
     */
    get(key: Uint8Array): Uint8Array | null | undefined
    /**
     * The values of keys, in their order.
     *
     * @throws whatever it likes: that becomes the `cause` of a SqliteError.
     */
    getBatch(keys: Uint8Array[]): Array<Uint8Array | null | undefined>
    /**
     * Sets the value of a key.
     *
     * @throws whatever it likes: that becomes the `cause` of a SqliteError.
     */
    put(key: Uint8Array, value: Uint8Array): unknown
    /**
     * Sets the values of keys.
     *
     * @throws whatever it likes: that becomes the `cause` of a SqliteError.
     */
    putBatch(entries: Array<[key: Uint8Array, value: Uint8Array]>): unknown
    /**
     * Deletes keys; those that are not there are no error.
     *
     * @throws whatever it likes: that becomes the `cause` of a SqliteError.
     */
    deleteBatch(keys: Uint8Array[]): unknown
    /**
     * Writes the value if the key has none, as one step, and says whether it did. Without it the
     * option `singleWriter` must be set.
     *
     * @throws whatever it likes: that becomes the `cause` of a SqliteError.
     */
    putIfAbsent?(key: Uint8Array, value: Uint8Array): boolean
    /**
     * The keys that begin with a prefix, in any order.
     *
     * @throws whatever it likes: that becomes the `cause` of a SqliteError.
     */
    list?(prefix: Uint8Array): Uint8Array[]
  }

  /**
   * A key-value store that answers at once. Keys are ASCII. A missing value is null or undefined.
   * No batch needs to be atomic; a write that was acknowledged must stay, and reads must see it.
   */
  type SyncStore = StoreMethods & StoreSettings

  /** A key-value store whose methods return promises, for `ferrolite/promise`. */
  type AsyncStore = StoreSettings & {
    [M in keyof StoreMethods]: NonNullable<StoreMethods[M]> extends (...args: infer A) => infer R
      ? (...args: A) => PromiseLike<R>
      : never
  }

  /** A key-value store of `ferrolite/stores` whose methods return promises: it has all but the settings. */
  type PromisedStore = { limits: Required<Omit<StoreLimits, 'concurrency'>> } & {
    [M in keyof StoreMethods]-?: NonNullable<StoreMethods[M]> extends (...args: infer A) => infer R
      ? (...args: A) => Promise<R>
      : never
  }

  /** Options of a connection. Every one may be undefined, which is the same as leaving it out. */
  interface Options {
    /**
     * Key of an encrypted file, of which the first 32 bytes count; a string is encoded as UTF-8.
     * Default: null, no encryption.
     *
     * @throws {TypeError} for an empty key or another type, and for in-memory, temporary and remote
     *   databases.
     * @throws {SqliteError} SQLITE_NOTADB if the key is wrong, or the file is not encrypted.
     */
    encryptionKey?: string | Uint8Array | null | undefined
    /**
     * The cipher of `encryptionKey`. There is only one. Default: `'aes256cbc'`.
     *
     * @throws {TypeError} for another value.
     */
    encryptionCipher?: 'aes256cbc' | undefined
    /**
     * Refuses every write. Default: false.
     *
     * @throws {TypeError} for in-memory and temporary databases, servers and replicas, and if it is
     *   not a boolean.
     */
    readonly?: boolean | undefined
    /**
     * Throws if the file does not exist, instead of creating it. Default: false.
     *
     * @throws {SqliteError} SQLITE_CANTOPEN if the file does not exist.
     * @throws {TypeError} for servers and replicas, and if it is not a boolean.
     */
    fileMustExist?: boolean | undefined
    /**
     * The file descriptor of the rollback journal, the file `<database>-journal`, if the database is
     * given by its descriptor: an integer from 0 to 2147483647. Default: none.
     *
     * @throws {TypeError} if only one of both is a descriptor, if one is not of a regular file that
     *   is open for reading and, without `readonly`, for writing, if both are of one file, if the
     *   database is in WAL mode, with `vfs`, `encryptionKey`, `store` or options of servers, and on
     *   Windows.
     * @throws {SqliteError} SQLITE_CANTOPEN if this process has the database open with another
     *   journal.
     */
    journalFd?: number | undefined
    /**
     * Milliseconds to wait for a lock of another connection before SQLITE_BUSY: an integer from 0
     * to 2147483647. Default: 5000.
     *
     * @throws {TypeError} if it is not an integer >= 0.
     * @throws {RangeError} if it is larger than 2147483647.
     */
    timeout?: number | undefined
    /**
     * Called with the SQL of every statement that runs, with the values of its parameters; long
     * values are cut, and encryption keys are `***`. What it throws stops the statement. Default:
     * none.
     *
     * @throws {TypeError} if it is not a function.
     */
    verbose?: ((message?: any, ...additionalArgs: any[]) => void) | null | undefined
    /**
     * Passes the SQL to `verbose` without the values of its parameters. Default: false.
     *
     * @throws {TypeError} if it is not a boolean.
     */
    hideParameters?: boolean | undefined
    /**
     * Path of the native binary to load (`.node` may be left out), or the addon object itself.
     * Default: the package of this platform.
     *
     * @throws {TypeError} for another type, an empty string, or an object that is not the addon.
     * @throws {Error} if the binary cannot be loaded.
     */
    nativeBinding?: string | object | null | undefined
    /**
     * Milliseconds that a statement may run before SQLITE_INTERRUPT: an integer from 0 to
     * 2147483647, 0 for no limit. Default: 0.
     *
     * @throws {TypeError} if it is not an integer >= 0.
     * @throws {RangeError} if it is larger than 2147483647.
     */
    defaultQueryTimeout?: number | undefined
    /**
     * Upper bounds of SQLite to set at once, for SQL or data that is not trusted. See `db.limits`.
     * Default: none.
     *
     * @throws {TypeError} for an unknown name, or a value that is not an integer >= 0; for remote
     *   databases.
     * @throws {RangeError} for a value above 2147483647.
     */
    limits?: Partial<Limits> | undefined
    /**
     * Name of the SQLite VFS that opens the file. Default: that of the platform.
     *
     * @throws {TypeError} if it is empty or not a string; for servers and replicas.
     * @throws {SqliteError} if there is no VFS of that name.
     */
    vfs?: string | undefined

    /**
     * Opens the file of a replica for writing as a plain database, which it is from then on.
     * Default: false, and then such a file opens for writing only with `syncUrl`.
     *
     * @throws {SqliteError} SYNC_REPLICA without it, if the file is a replica.
     * @throws {TypeError} together with `syncUrl`, and if it is not a boolean.
     */
    detachReplica?: boolean | undefined

    // For databases in key-value stores.

    /**
     * The key-value store that the pages of the database are in. The path is then a name of 1 to
     * 200 bytes, with which its keys begin; it is created if it is not there. Default: none.
     *
     * @throws {TypeError} if a method is missing or no function, if a limit is not valid, and if it
     *   returns promises, for which there is `connect()` of `ferrolite/promise`; together with
     *   `syncUrl`, `vfs`, `fileMustExist` or `encryptionKey`.
     * @throws {RangeError} if the name is too long.
     * @throws {SqliteError} KV_STORE, KV_CORRUPT and the like; SQLITE_BUSY if this thread writes the
     *   database already; SQLITE_CANTOPEN with `readonly` if it is not there.
     */
    store?: SyncStore | undefined
    /**
     * Key-value stores: nobody else writes the database. A store without `putIfAbsent()` needs it,
     * as a second writer would destroy the database. Default: false.
     *
     * @throws {TypeError} if it is not a boolean, and without `store`.
     */
    singleWriter?: boolean | undefined
    /**
     * Key-value stores: bytes of a page of a database that is created, a power of two from 512 to
     * 65536. Default: 8192.
     *
     * @throws {TypeError} for another value, and without `store`.
     * @throws {SqliteError} if values of the store are too short for it.
     */
    pageSize?: number | undefined
    /**
     * Key-value stores: all pages are read when it is opened and stay in memory, and commits do not
     * wait, as after `PRAGMA synchronous = OFF`. Stores that return promises take it in `connect()`
     * of `ferrolite/promise`. Default: none.
     *
     * @throws {TypeError} for another value, and without `store`.
     */
    mode?: 'resident' | undefined
    /**
     * Key-value stores: bytes that may wait for the store after `PRAGMA synchronous = OFF`, at least
     * 1. A commit beyond that waits until the store has them. Default: 16 MiB.
     *
     * @throws {TypeError} for another value, and without `store`.
     */
    maxQueuedBytes?: number | undefined
    /**
     * Key-value stores: ms without a write after which commits are moved into pages, so that whoever
     * opens the database next reads little. It keeps no process alive; 0 turns it off. Default: 2000.
     *
     * @throws {TypeError} for another value, and without `store`.
     */
    checkpointIdle?: number | undefined
    /**
     * Key-value stores: how many epochs are kept, the newest included; at least 1. A checkpoint makes
     * one. Default: 2.
     *
     * @throws {TypeError} for another value, and without `store`.
     */
    keepEpochs?: number | undefined
    /**
     * Key-value stores: the number of an epoch of `history()`, which is opened as it was, with
     * `readonly`. Default: the newest state.
     *
     * @throws {TypeError} if it is not an integer >= 1, and without `store`.
     * @throws {SqliteError} SQLITE_ERROR if it is not kept.
     */
    epoch?: number | undefined

    // For replicas of a database on a server, with the options above but `readonly`,
    // `fileMustExist` and `vfs`, and those for URLs below.

    /**
     * Replica: URL of the primary that the file follows. Reads come from the file, everything else
     * goes to the primary. Default: none.
     *
     * @throws {TypeError} if it is not a valid URL; for in-memory, temporary and remote databases.
     * @throws {SqliteError} SYNC_FOREIGN if the file exists and is not a replica, SYNC_LOCKED if it
     *   is open in another connection, SYNC_DAMAGED if it cannot be read.
     */
    syncUrl?: string | undefined
    /**
     * Replica: seconds between automatic syncs, from 0 to 2147483; 0 for none. Default: 0.
     *
     * @throws {TypeError} for another value, and without `syncUrl`.
     */
    syncPeriod?: number | undefined
    /**
     * Replica: a read waits until the file has what this connection wrote before. Default: true.
     *
     * @throws {TypeError} if it is not a boolean, and without `syncUrl`.
     */
    readYourWrites?: boolean | undefined
    /**
     * Replica: a read also waits for a write of which it is not known whether it was executed.
     * Default: false.
     *
     * @throws {TypeError} if it is not a boolean, and without `syncUrl`.
     */
    waitForUncertain?: boolean | undefined
    /**
     * Replica: fetches the whole database again before anything is read. Default: false.
     *
     * @throws {TypeError} if it is not a boolean, and without `syncUrl`.
     */
    resync?: boolean | undefined

    // For databases on a server, and for replicas.

    /**
     * Remote and replica: JWT that is sent to the server. Default: `?authToken=` of the URL, or
     * none.
     *
     * @throws {TypeError} if it is not a string, has spaces, or would cross the network
     *   unencrypted.
     */
    authToken?: string | undefined
    /**
     * Remote and replica: milliseconds that connecting may take before REMOTE_TIMEOUT: an integer
     * from 1 to 2147483647. Default: 10000.
     *
     * @throws {TypeError} for another value.
     */
    connectTimeout?: number | undefined
    /**
     * Remote and replica: milliseconds that a request may take, from connecting to the end of the
     * reply, before REMOTE_TIMEOUT: an integer from 1 to 2147483647. Default: 30000.
     *
     * @throws {TypeError} for another value.
     */
    requestTimeout?: number | undefined
    /**
     * Remote and replica: headers that are sent with every request. Default: none.
     *
     * @throws {TypeError} for a value that is not a string of one line.
     * @throws {SqliteError} REMOTE_PROTOCOL for a name that HTTP does not allow.
     */
    headers?: Record<string, string> | undefined
    /**
     * Remote and replica: name of the database on a server with namespaces. Default: the server
     * chooses.
     *
     * @throws {TypeError} if it is empty or not a string.
     */
    namespace?: string | undefined
    /**
     * Remote and replica: which certificates to trust, and the client's own. Default: Mozilla's
     * authorities, no certificate.
     *
     * @throws {TypeError} for options of the wrong type or unknown names.
     */
    tls?: TlsOptions | undefined
    /**
     * Remote and replica: allows a token or a secret header over `http:` to another machine.
     * Default: false.
     *
     * @throws {TypeError} if it is not a boolean.
     */
    allowInsecure?: boolean | undefined
  }

  /**
   * What a connection holds, as SQLite counts it. A remote database has `cachedStatements` only;
   * the promise API adds `queueLength`.
   */
  interface Stats {
    /** Bytes of the page cache. */
    cacheUsed?: number
    /** Bytes of the schema. */
    schemaUsed?: number
    /** Bytes of compiled statements. */
    stmtUsed?: number
    /** Pages that were in the cache when they were read, since the connection was opened. */
    cacheHit?: number
    /** Pages that were read from the file, since the connection was opened. */
    cacheMiss?: number
    /**
     * Pages that were written to the file or its write-ahead log, since the connection was opened.
     */
    cacheWrite?: number
    /** How many statements are compiled. */
    statements?: number
    /** How many of them run: open iterators, mostly. */
    running?: number
    /** How many SQL texts have a compiled statement that the next `prepare()` uses; up to 256. */
    cachedStatements: number
  }

  /** The result of a sync; libsql's names. */
  interface SyncResult {
    /** How many frames were fetched. A frame is one changed page. */
    frames_synced: number
    /** Number of the last frame that the file has; 0 if it has none. */
    frame_no: number
  }

  /** TLS of a remote database, named as in Node's `tls` module. */
  interface TlsOptions {
    /**
     * Authorities to trust, in PEM. Default: Mozilla's.
     *
     * @throws {SqliteError} REMOTE_TLS if the PEM cannot be read.
     */
    ca?: string | Buffer | undefined
    /**
     * The client's certificate, in PEM; it needs `key`. Default: none.
     *
     * @throws {TypeError} without `key`.
     * @throws {SqliteError} REMOTE_TLS if the PEM cannot be read.
     */
    cert?: string | Buffer | undefined
    /**
     * The private key of `cert`, in PEM. Default: none.
     *
     * @throws {TypeError} without `cert`.
     * @throws {SqliteError} REMOTE_TLS if the PEM cannot be read.
     */
    key?: string | Buffer | undefined
    /**
     * Refuses a server whose certificate is not trusted. Default: true.
     *
     * @throws {TypeError} if it is not a boolean.
     */
    rejectUnauthorized?: boolean | undefined
  }

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
   * The first column of a row: one of its values, as the type of a row does not say which comes
   * first. A `Result` that is no row is the type of the column itself.
   */
  type Plucked<Result> = 0 extends 1 & Result ? any
    : unknown extends Result ? Value
      : Result extends readonly [infer First, ...unknown[]] ? First
        : Result extends ReadonlyArray<infer Column> ? Column
          : Result extends Uint8Array ? Result
            : Result extends string | number | bigint ? Result
              : Result extends object ? Result[keyof Result] : Result

  /** A row as an array of its values. A `Result` that is an array is the type of the row itself. */
  type Raw<Result> = 0 extends 1 & Result ? any
    : unknown extends Result ? Value[]
      : [Result] extends [readonly unknown[]] ? Result
          : Array<Plucked<Result>>

  /** A row as an object for each table; a `Result` that is known is the type of the row itself. */
  type Expanded<Result> = unknown extends Result
    ? 0 extends 1 & Result ? any : Record<string, Record<string, Value>>
    : Result

  /**
   * A compiled statement, made by `db.prepare()`. Its methods take the values of its parameters:
   * one argument for each `?`, or arrays of them; one plain object for those with names.
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
    /** Whether an iterator of it is open. */
    readonly busy: boolean

    /**
     * Runs the statement to its end; rows are discarded.
     *
     * @param params the values of its parameters; `QueryOptions` may be the last argument.
     * @returns how many rows changed, and the rowid inserted last.
     * @throws {TypeError} for a value that SQLite cannot store, and for named parameters without an
     *   object; if busy, iterating or closed.
     * @throws {RangeError} for too few or too many values, a missing name, and a bigint beyond 64
     *   bits.
     * @throws {SqliteError} if it fails; SQLITE_INTERRUPT after its time limit.
     */
    run(...params: [...params: unknown[], options: LastOptions]): RunResult
    /**
     * Runs the statement to its end; rows are discarded.
     *
     * @param params the values of its parameters; `QueryOptions` may be the last argument.
     * @returns how many rows changed, and the rowid inserted last.
     * @throws {TypeError} for a value that SQLite cannot store, and for named parameters without an
     *   object; if busy, iterating or closed.
     * @throws {RangeError} for too few or too many values, a missing name, and a bigint beyond 64
     *   bits.
     * @throws {SqliteError} if it fails; SQLITE_INTERRUPT after its time limit.
     */
    run(...params: BindParameters): RunResult

    /**
     * Runs the statement until its first row.
     *
     * @param params the values of its parameters; `QueryOptions` may be the last argument.
     * @returns the first row, or undefined if there is none.
     * @throws {TypeError} if the statement returns no data, and for a value that SQLite cannot
     *   store; if busy or closed.
     * @throws {RangeError} for too few or too many values, a missing name, and a bigint beyond 64
     *   bits; for a text in the row beyond 536870888 characters.
     * @throws {SqliteError} if it fails; SQLITE_INTERRUPT after its time limit.
     */
    get(...params: [...params: unknown[], options: LastOptions]): Result | undefined
    /**
     * Runs the statement until its first row.
     *
     * @param params the values of its parameters; `QueryOptions` may be the last argument.
     * @returns the first row, or undefined if there is none.
     * @throws {TypeError} if the statement returns no data, and for a value that SQLite cannot
     *   store; if busy or closed.
     * @throws {RangeError} for too few or too many values, a missing name, and a bigint beyond 64
     *   bits; for a text in the row beyond 536870888 characters.
     * @throws {SqliteError} if it fails; SQLITE_INTERRUPT after its time limit.
     */
    get(...params: BindParameters): Result | undefined

    /**
     * Runs the statement to its end.
     *
     * @param params the values of its parameters; `QueryOptions` may be the last argument.
     * @returns all rows, in order.
     * @throws what `get` throws.
     */
    all(...params: [...params: unknown[], options: LastOptions]): Result[]
    /**
     * Runs the statement to its end.
     *
     * @param params the values of its parameters; `QueryOptions` may be the last argument.
     * @returns all rows, in order.
     * @throws what `get` throws.
     */
    all(...params: BindParameters): Result[]

    /**
     * Runs the statement row by row. While the iterator is open, the connection refuses writes
     * (unless in unsafe mode) and this statement cannot run again.
     *
     * @param params the values of its parameters; `QueryOptions` may be the last argument.
     * @returns an iterator of the rows, which also is iterable.
     * @throws what `get` throws; errors of later rows are thrown by `next()`.
     */
    iterate(...params: [...params: unknown[], options: LastOptions]): StatementIterator<Result>
    /**
     * Runs the statement row by row. While the iterator is open, the connection refuses writes
     * (unless in unsafe mode) and this statement cannot run again.
     *
     * @param params the values of its parameters; `QueryOptions` may be the last argument.
     * @returns an iterator of the rows, which also is iterable.
     * @throws what `get` throws; errors of later rows are thrown by `next()`.
     */
    iterate(...params: BindParameters): StatementIterator<Result>

    /**
     * Returns the first column of each row instead of the row. Switches `raw` and `expand` off.
     *
     * @param toggleState default: true.
     * @returns this statement, with the type of what its rows are now; `T` may say it.
     * @throws {TypeError} if the statement returns no data, or `toggleState` is not a boolean; if
     *   busy or iterating.
     */
    pluck<T = Plucked<Result>>(toggleState?: true): PreparedStatement<BindParameters, T>
    /**
     * Returns the first column of each row instead of the row. Switches `raw` and `expand` off.
     *
     * @param toggleState whether it does.
     * @returns this statement.
     * @throws {TypeError} if the statement returns no data, or `toggleState` is not a boolean; if
     *   busy or iterating.
     */
    pluck(toggleState?: boolean): this
    /**
     * Returns rows as `{ [table]: { [column]: value } }`; expressions are under `$`. Switches `raw`
     * and `pluck` off.
     *
     * @param toggleState default: true.
     * @returns this statement, with the type of what its rows are now; `T` may say it.
     * @throws {TypeError} if the statement returns no data, or `toggleState` is not a boolean; if
     *   busy or iterating; for remote databases.
     */
    expand<T = Expanded<Result>>(toggleState?: true): PreparedStatement<BindParameters, T>
    /**
     * Returns rows as `{ [table]: { [column]: value } }`; expressions are under `$`. Switches `raw`
     * and `pluck` off.
     *
     * @param toggleState whether it does.
     * @returns this statement.
     * @throws {TypeError} if the statement returns no data, or `toggleState` is not a boolean; if
     *   busy or iterating; for remote databases.
     */
    expand(toggleState?: boolean): this
    /**
     * Returns rows as arrays. Switches `pluck` and `expand` off.
     *
     * @param toggleState default: true.
     * @returns this statement, with the type of what its rows are now; `T` may say it.
     * @throws {TypeError} if the statement returns no data, or `toggleState` is not a boolean; if
     *   busy or iterating.
     */
    raw<T = Raw<Result>>(toggleState?: true): PreparedStatement<BindParameters, T>
    /**
     * Returns rows as arrays. Switches `pluck` and `expand` off.
     *
     * @param toggleState whether it does.
     * @returns this statement.
     * @throws {TypeError} if the statement returns no data, or `toggleState` is not a boolean; if
     *   busy or iterating.
     */
    raw(toggleState?: boolean): this
    /**
     * Returns integers as bigints.
     *
     * @param toggleState default: true.
     * @returns this statement.
     * @throws {TypeError} if `toggleState` is not a boolean; if busy or iterating.
     */
    safeIntegers(toggleState?: boolean): this
    /**
     * Binds the values of its parameters for good; Buffers are copied. After it, calls take no
     * values.
     *
     * @returns this statement.
     * @throws {TypeError} if it is called twice, and for a value that SQLite cannot store; if busy
     *   or closed.
     * @throws {RangeError} for too few or too many values, and a missing name.
     */
    bind(...params: BindParameters): this
    /**
     * Sets how long each execution may run before SQLITE_INTERRUPT.
     *
     * @param milliseconds an integer from 0 to 2147483647; 0 for no limit.
     * @returns this statement.
     * @throws {TypeError} for another value; if busy or iterating.
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
     * Describes the columns of the result, as they were when the statement was last compiled.
     *
     * @returns one definition for each column, in order.
     * @throws {TypeError} if the statement returns no data; if busy or closed.
     */
    columns(): ColumnDefinition[]
    /**
     * Stops what its connection is running, as `db.interrupt()`.
     *
     * @returns this statement.
     * @throws {TypeError} if closed.
     */
    interrupt(): this
    /** Returns the SQL; after `bind()`, with the values filled in. Never throws. */
    toString(): string
  }

  /** An open iteration of a statement. */
  interface StatementIterator<Result> extends Iterator<Result, undefined, undefined> {
    /**
     * Returns the next row, or `{ value: undefined, done: true }` at the end, which closes it.
     *
     * @throws {TypeError} if busy or closed.
     * @throws {SqliteError} if the statement fails; SQLITE_INTERRUPT after its time limit.
     */
    next(): IteratorResult<Result, undefined>
    /**
     * Ends the iteration early, and resets the statement. `break` in a `for` loop calls it.
     *
     * @throws {TypeError} if busy.
     * @throws {SqliteError} if the commit that it causes fails.
     */
    return(): IteratorResult<Result, undefined>
    /** Returns itself, for `for` loops. Never throws. */
    [Symbol.iterator](): StatementIterator<Result>
  }

  /**
   * Options of one call. Among the values of named parameters, a key that is the name of a
   * parameter is a value and not an option.
   */
  interface QueryOptions {
    /**
     * Milliseconds that this execution may take before SQLITE_INTERRUPT: an integer from 0 to
     * 2147483647, 0 for no limit. It is checked between VM instructions and after each callback.
     * Default: that of the statement, or else of the connection.
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
  type LastOptions = QueryOptions &
    ({ timeout: number | undefined } | { queryTimeout: number | undefined })

  /** What a statement that was run has changed. */
  interface RunResult {
    /**
     * How many rows were inserted, updated or deleted, without those of triggers and foreign key
     * actions.
     */
    changes: number
    /** The rowid that the connection inserted last; a bigint under safe integers. */
    lastInsertRowid: number | bigint
    /** Seconds that it took; only after `stmt.timing()`. */
    duration?: number
  }

  /** Where a column of a result comes from. */
  interface ColumnDefinition {
    /** Its name in the result: the alias, or the text of the expression. */
    name: string
    /** The column that it comes from; null for an expression. */
    column: string | null
    /** The table that it comes from; null for an expression. */
    table: string | null
    /** The database that it comes from (`main`, `temp`, or as attached); null for an expression. */
    database: string | null
    /** The declared type; null for an expression, or if none was declared. */
    type: string | null
  }

  /**
   * What `db.transaction(fn)` returns: `fn` in a transaction, and a variant for each way to begin
   * one.
   */
  interface Transaction<F extends AnyFunction = AnyFunction> {
    /**
     * Runs `fn` in a transaction that begins with BEGIN.
     *
     * @returns what `fn` returns.
     * @throws {TypeError} if `fn` returns a promise or a generator; if busy, iterating or closed.
     * @throws {SqliteError} if the transaction cannot begin or commit.
     * @throws what `fn` throws; the transaction is rolled back.
     */
    (this: ThisParameterType<F>, ...params: ArgumentTypes<F>): ReturnType<F>
    /**
     * Runs `fn` in a transaction that begins with BEGIN.
     *
     * @returns what `fn` returns.
     * @throws {TypeError} if `fn` returns a promise or a generator; if busy, iterating or closed.
     * @throws {SqliteError} if the transaction cannot begin or commit.
     * @throws what `fn` throws; the transaction is rolled back.
     */
    default(this: ThisParameterType<F>, ...params: ArgumentTypes<F>): ReturnType<F>
    /**
     * Runs `fn` in a transaction that begins with BEGIN DEFERRED: it takes a lock at the first read
     * or write.
     *
     * @throws what the function itself throws.
     */
    deferred(this: ThisParameterType<F>, ...params: ArgumentTypes<F>): ReturnType<F>
    /**
     * Runs `fn` in a transaction that begins with BEGIN IMMEDIATE: it takes the write lock at once.
     *
     * @throws what the function itself throws; SQLITE_BUSY if another connection holds the lock.
     */
    immediate(this: ThisParameterType<F>, ...params: ArgumentTypes<F>): ReturnType<F>
    /**
     * Runs `fn` in a transaction that begins with BEGIN EXCLUSIVE: others cannot read, unless in
     * WAL mode.
     *
     * @throws what the function itself throws; SQLITE_BUSY if another connection holds a lock.
     */
    exclusive(this: ThisParameterType<F>, ...params: ArgumentTypes<F>): ReturnType<F>
    /** The database that it belongs to. */
    readonly database: Database
  }

  /** Options of `db.pragma()`. */
  interface PragmaOptions extends QueryOptions {
    /**
     * Returns the first column of the first row instead of all rows. Default: false.
     *
     * @throws {TypeError} if it is not a boolean.
     */
    simple?: boolean | undefined
  }

  /** Options of `db.serialize()`. */
  interface SerializeOptions {
    /**
     * Name of the database: `main`, `temp`, or as attached. Default: `'main'`.
     *
     * @throws {TypeError} if it is empty or not a string.
     */
    attached?: string | undefined
  }

  /** Options of `db.backup()`. */
  interface BackupOptions {
    /**
     * Name of the database to copy: `main`, `temp`, or as attached. Default: `'main'`.
     *
     * @throws {TypeError} if it is empty or not a string.
     */
    attached?: string | undefined
    /**
     * Called after each step, at first before any page is copied. It returns how many pages the
     * next step copies: 0 pauses, Infinity copies all the rest, undefined changes nothing. Default:
     * 100 pages each.
     *
     * @throws {TypeError} if it is not a function, or returns another type.
     */
    progress?: ((info: BackupMetadata) => number | void) | null | undefined
    /**
     * A key-value store to copy the database into: `destinationFile` is its name there. What has
     * that name is replaced, in one transaction. Its pages are not encrypted. Default: none, the
     * copy is a file.
     *
     * @throws {TypeError} if it is no store, and for a database that is encrypted.
     */
    store?: SyncStore | undefined
    /**
     * Key-value stores: nobody else writes the copy. A store without `putIfAbsent()` needs it.
     * Default: false.
     *
     * @throws {TypeError} if it is not a boolean, and without `store`.
     */
    singleWriter?: boolean | undefined
    /**
     * Ends the copying between two steps: the promise rejects with an AbortError. Default: none.
     *
     * @throws {TypeError} if it is not an AbortSignal.
     */
    signal?: AbortSignal | undefined
  }

  /** How far a backup is. */
  interface BackupMetadata {
    /** Pages of the database. */
    totalPages: number
    /** Pages that are not copied yet. */
    remainingPages: number
  }

  /** Options of a function in SQL. */
  interface RegistrationOptions {
    /**
     * Takes any number of arguments. Default: false.
     *
     * @throws {TypeError} if it is not a boolean.
     */
    varargs?: boolean | undefined
    /**
     * Equal arguments give equal results: SQLite may call it less often, and use it in indexes.
     * Default: false.
     *
     * @throws {TypeError} if it is not a boolean.
     */
    deterministic?: boolean | undefined
    /**
     * Passes integers as bigints. Default: as set by `defaultSafeIntegers`.
     *
     * @throws {TypeError} if it is not a boolean.
     */
    safeIntegers?: boolean | undefined
    /**
     * Refuses calls from views, triggers and the schema. Default: false.
     *
     * @throws {TypeError} if it is not a boolean.
     */
    directOnly?: boolean | undefined
  }

  /** Options of an aggregate function. `T` is the type of its total. */
  interface AggregateOptions<T = any> extends RegistrationOptions {
    /** The first total of each group, or a function that returns it. Default: null. */
    start?: T | (() => T)
    /**
     * Adds a row: gets the total and the arguments, returns the new total; undefined keeps the
     * total.
     */
    step: (total: T, ...values: any[]) => T | void
    /**
     * Removes a row from the total, which makes it a window function. Default: none.
     *
     * @throws {TypeError} if it is not a function.
     */
    inverse?: ((total: T, ...dropped: any[]) => T | void) | null | undefined
    /**
     * Makes the result from the total. Default: the total itself.
     *
     * @throws {TypeError} if it is not a function.
     */
    result?: ((total: T) => unknown) | null | undefined
  }

  /** The definition of a virtual table. */
  interface VirtualTableOptions {
    /** Names of its columns; at least one. */
    columns: readonly string[]
    /**
     * A generator function that gets the arguments of the table, and yields rows: arrays, or
     * objects with exactly these columns.
     */
    rows: (...params: any[]) => Generator
    /**
     * Names of its arguments, which are hidden columns; 32 at most. Default: `$1`, `$2` and so on,
     * one for each parameter of `rows`.
     */
    parameters?: readonly string[] | undefined
    /** Passes integers as bigints. Default: as set by `defaultSafeIntegers`. */
    safeIntegers?: boolean | undefined
    /** Refuses use in views, triggers and the schema. Default: false. */
    directOnly?: boolean | undefined
  }

  /**
   * A module for `CREATE VIRTUAL TABLE`: gets the arguments in its parentheses as strings, and
   * returns the definition of the table.
   */
  type VirtualTableFactory = (
    this: VirtualTableContext,
    ...args: string[]
  ) => VirtualTableOptions

  /** The `this` of a factory: the table that is made. */
  interface VirtualTableContext {
    /** Name of the module. */
    module: string
    /** Name of the database: `main`, `temp`, or as attached. */
    database: string
    /** Name of the table. */
    table: string
  }

  /**
   * A statement of a batch: SQL, or SQL with the values of its parameters, an array or an object of
   * names.
   */
  type BatchStatement =
    | string
    | { sql: string, args?: readonly unknown[] | Record<string, unknown> }
    | readonly [sql: string, args?: readonly unknown[] | Record<string, unknown>]

  /** Options of `db.batch()`. */
  interface BatchOptions {
    /**
     * How the transaction begins. Default: `'deferred'`.
     *
     * @throws {TypeError} for another value.
     */
    mode?: TransactionMode | undefined
    /**
     * Returns rows as arrays. Default: false.
     *
     * @throws {TypeError} if it is not a boolean.
     */
    raw?: boolean | undefined
  }

  /** The result of one statement of a batch. */
  interface BatchResult<Row = Record<string, Value>> {
    /** Names of the columns; empty if the statement returns no rows. */
    columns: string[]
    /** Declared types of the columns; '' where none was declared. */
    columnTypes: string[]
    /**
     * All rows, as objects, or as arrays with `raw: true`; empty if the statement returns no rows.
     */
    rows: Row[]
    /** How many rows it has inserted, updated or deleted; 0 for a statement that only reads. */
    changes: number
    /** The same as `changes`, under libsql's name. */
    rowsAffected: number
    /** The rowid that the connection inserted last; a bigint under `defaultSafeIntegers`. */
    lastInsertRowid: number | bigint
  }

  /**
   * Upper bounds of one connection. Each is an integer from 0 to the maximum that SQLite was built
   * with. What exceeds one throws a SqliteError.
   */
  interface Limits {
    /** Bytes of a string, a blob or a row. Default: 536870888, at most 1000000000. */
    length: number
    /** Bytes of an SQL statement. Default: 536870888, at most 1000000000. */
    sqlLength: number
    /** Columns of a table, an index or a result. Default and maximum: 2000. */
    column: number
    /** Depth of an expression. Default and maximum: 1000. */
    exprDepth: number
    /** Terms of a compound SELECT. Default and maximum: 500. */
    compoundSelect: number
    /** VM instructions of a compiled statement. Default and maximum: 250000000. */
    vdbeOp: number
    /** Arguments of a function. Default and maximum: 127. */
    functionArg: number
    /** Attached databases. Default and maximum: 10. */
    attach: number
    /** Bytes of a LIKE or GLOB pattern. Default and maximum: 50000. */
    likePatternLength: number
    /** The highest number of a parameter. Default and maximum: 32766. */
    variableNumber: number
    /** Depth of trigger recursion. Default and maximum: 1000. */
    triggerDepth: number
  }

  /** The policies of an authorizer. */
  interface AuthorizationValues {
    /** The statement compiles. */
    readonly ALLOW: 0
    /** Compiling throws SQLITE_AUTH. */
    readonly DENY: 1
    /**
     * The statement compiles without it: a column that is read is NULL, and one that is updated
     * keeps its value.
     */
    readonly IGNORE: 2
  }

  /** SQLite's action codes, each with what it is about. */
  interface ActionValues {
    /** `SQLITE_CREATE_INDEX`: index name, table name. */
    readonly CREATE_INDEX: 1
    /** `SQLITE_CREATE_TABLE`: table name. */
    readonly CREATE_TABLE: 2
    /** `SQLITE_CREATE_TEMP_INDEX`: index name, table name. */
    readonly CREATE_TEMP_INDEX: 3
    /** `SQLITE_CREATE_TEMP_TABLE`: table name. */
    readonly CREATE_TEMP_TABLE: 4
    /** `SQLITE_CREATE_TEMP_TRIGGER`: trigger name, table name. */
    readonly CREATE_TEMP_TRIGGER: 5
    /** `SQLITE_CREATE_TEMP_VIEW`: view name. */
    readonly CREATE_TEMP_VIEW: 6
    /** `SQLITE_CREATE_TRIGGER`: trigger name, table name. */
    readonly CREATE_TRIGGER: 7
    /** `SQLITE_CREATE_VIEW`: view name. */
    readonly CREATE_VIEW: 8
    /** `SQLITE_DELETE`: table name. */
    readonly DELETE: 9
    /** `SQLITE_DROP_INDEX`: index name, table name. */
    readonly DROP_INDEX: 10
    /** `SQLITE_DROP_TABLE`: table name. */
    readonly DROP_TABLE: 11
    /** `SQLITE_DROP_TEMP_INDEX`: index name, table name. */
    readonly DROP_TEMP_INDEX: 12
    /** `SQLITE_DROP_TEMP_TABLE`: table name. */
    readonly DROP_TEMP_TABLE: 13
    /** `SQLITE_DROP_TEMP_TRIGGER`: trigger name, table name. */
    readonly DROP_TEMP_TRIGGER: 14
    /** `SQLITE_DROP_TEMP_VIEW`: view name. */
    readonly DROP_TEMP_VIEW: 15
    /** `SQLITE_DROP_TRIGGER`: trigger name, table name. */
    readonly DROP_TRIGGER: 16
    /** `SQLITE_DROP_VIEW`: view name. */
    readonly DROP_VIEW: 17
    /** `SQLITE_INSERT`: table name. */
    readonly INSERT: 18
    /** `SQLITE_PRAGMA`: pragma name, its argument. */
    readonly PRAGMA: 19
    /** `SQLITE_READ`: table name, column name. */
    readonly READ: 20
    /** `SQLITE_SELECT`: nothing. */
    readonly SELECT: 21
    /** `SQLITE_TRANSACTION`: operation. */
    readonly TRANSACTION: 22
    /** `SQLITE_UPDATE`: table name, column name. */
    readonly UPDATE: 23
    /** `SQLITE_ATTACH`: filename. */
    readonly ATTACH: 24
    /** `SQLITE_DETACH`: database name. */
    readonly DETACH: 25
    /** `SQLITE_ALTER_TABLE`: database name, table name. */
    readonly ALTER_TABLE: 26
    /** `SQLITE_REINDEX`: index name. */
    readonly REINDEX: 27
    /** `SQLITE_ANALYZE`: table name. */
    readonly ANALYZE: 28
    /** `SQLITE_CREATE_VTABLE`: table name, module name. */
    readonly CREATE_VTABLE: 29
    /** `SQLITE_DROP_VTABLE`: table name, module name. */
    readonly DROP_VTABLE: 30
    /** `SQLITE_FUNCTION`: function name. */
    readonly FUNCTION: 31
    /** `SQLITE_SAVEPOINT`: operation, savepoint name. */
    readonly SAVEPOINT: 32
    /** `SQLITE_RECURSIVE`: nothing. */
    readonly RECURSIVE: 33
  }

  /** A value of `Authorization`. */
  type AuthorizerPolicy = 0 | 1 | 2

  /**
   * A policy for each table, by name. Tables that are not named are denied, and so is everything
   * else but SELECT.
   */
  type AuthorizerTables = Record<string, AuthorizerPolicy>

  /** Ordered rules of an authorizer. */
  interface AuthorizerConfig {
    /** The rules; the first one that matches decides. */
    rules: readonly AuthorizerRule[]
    /** The policy if no rule matches. Default: `DENY`. */
    defaultPolicy?: number
  }

  /** A rule of an authorizer. What is left out matches everything. */
  interface AuthorizerRule {
    /** One value of `Action`, or several. */
    action?: number | readonly number[]
    /** The table. */
    table?: AuthorizerPattern
    /** The column, of READ and UPDATE. */
    column?: AuthorizerPattern
    /** The index, trigger, view, pragma, function or other object. */
    entity?: AuthorizerPattern
    /** The trigger or view whose SQL does it. */
    accessor?: AuthorizerPattern
    /** The policy: a value of `Authorization`. */
    policy: number
  }

  /** An exact name, or a pattern in which `*` stands for any text and `?` for one character. */
  type AuthorizerPattern = string | { glob: string }

  /** Options of `db.createSession()`. */
  interface SessionOptions {
    /**
     * Records this table only; it may be created later. Default: all tables with a primary key.
     *
     * @throws {TypeError} if it is not a string.
     */
    table?: string | undefined
    /**
     * Name of the database: `main`, `temp`, or as attached; it may be attached later. Default:
     * `'main'`.
     *
     * @throws {TypeError} if it is not a string.
     */
    db?: string | undefined
  }

  /** Records changes until it is closed, or its connection is. */
  interface Session {
    /**
     * Returns the changes so far, with old values, by which conflicts are found and the changeset
     * can be inverted.
     *
     * @throws {TypeError} if the session or its connection is closed; if busy.
     * @throws {SqliteError} if memory is short.
     */
    changeset(): Buffer
    /**
     * Returns the changes so far, smaller: of the old values only the primary key.
     *
     * @throws {TypeError} if the session or its connection is closed; if busy.
     * @throws {SqliteError} if memory is short.
     */
    patchset(): Buffer
    /**
     * Stops recording. Closing twice does nothing.
     *
     * @throws {TypeError} if busy.
     */
    close(): void
    /**
     * The same as `close()`, for `using`.
     *
     * @throws {TypeError} if busy.
     */
    [Symbol.dispose](): void
  }

  /** Options of `db.applyChangeset()`. */
  interface ApplyChangesetOptions {
    /**
     * Returns whether to apply the changes of a table. Default: all tables.
     *
     * @throws {TypeError} if it is not a function.
     */
    filter?: ((table: string) => boolean) | null | undefined
    /**
     * Gets the type of a conflict, and returns `SQLITE_CHANGESET_OMIT`, `SQLITE_CHANGESET_REPLACE`
     * or `SQLITE_CHANGESET_ABORT`. Default: abort.
     *
     * @throws {TypeError} if it is not a function, or returns no integer.
     */
    onConflict?: ((type: number) => number) | null | undefined
  }

  /** Numbers of `applyChangeset`, named as in `node:sqlite`. */
  interface Constants {
    /** Action: skip the change. */
    readonly SQLITE_CHANGESET_OMIT: 0
    /** Action: overwrite the row; only for DATA and CONFLICT. */
    readonly SQLITE_CHANGESET_REPLACE: 1
    /** Action: undo the whole changeset. */
    readonly SQLITE_CHANGESET_ABORT: 2
    /** Conflict: the row exists with other values. */
    readonly SQLITE_CHANGESET_DATA: 1
    /** Conflict: the row does not exist. */
    readonly SQLITE_CHANGESET_NOTFOUND: 2
    /** Conflict: a row with the same key exists. */
    readonly SQLITE_CHANGESET_CONFLICT: 3
    /** Conflict: the change violates a constraint. */
    readonly SQLITE_CHANGESET_CONSTRAINT: 4
    /** Conflict: the changeset leaves foreign keys violated. */
    readonly SQLITE_CHANGESET_FOREIGN_KEY: 5
  }

  /** A changed row. */
  interface UpdateEvent {
    /** What happened to the row. */
    operation: 'insert' | 'update' | 'delete'
    /** Name of the database: `main`, `temp`, or as attached. */
    database: string
    /** Name of the table. */
    table: string
    /** Its rowid, after the change; a bigint under `defaultSafeIntegers`. */
    rowid: number | bigint
  }

  /** How far the graph of a vector table is. */
  interface BuildEvent {
    /** Name of the table. */
    table: string
    /** Rows that are linked, or taken out. */
    done: number
    /** Rows to link or to take out in this build. */
    total: number
  }

  /** A write failed, and it is not known whether the primary has executed it. */
  interface UncertainEvent {
    /** The error that the call that wrote ended with. */
    error: Error
  }

  /** A sync of a replica has ended. */
  interface SyncEvent {
    /**
     * What started it: `sync()` and the like, a read that waited for it, a write before, or
     * `syncPeriod`.
     */
    reason: 'call' | 'read' | 'write' | 'period'
    /** How many frames were fetched; a frame is one changed page. */
    frames: number
    /** Number of the last frame that the file has; null if it has none. */
    frame: number | null
    /** Milliseconds that it took. */
    duration: number
    /** The error that it failed with; undefined if it succeeded. */
    error?: Error | undefined
  }

  /**
   * What subscribers of `tracing:ferrolite:sync:*` get, of both APIs. Numbers are undefined until
   * it has ended.
   */
  interface SyncContext {
    /** The name of the database, as `db.name`. */
    database: string
    /** What started it. */
    reason: SyncEvent['reason']
    /** How many frames were fetched. */
    frames: number | undefined
    /** Number of the last frame that the file has; null if it has none. */
    frame: number | null | undefined
    /** Milliseconds that it took. */
    duration: number | undefined
    /** The error that it failed with. */
    error?: unknown
  }

  /**
   * What subscribers of `tracing:ferrolite:open:*` and `tracing:ferrolite:close:*` get, of both
   * APIs.
   */
  interface ConnectionContext {
    /** The name of the database, as `db.name`; for a server, its URL without a token. */
    database: string
    /** What kind of database it is. */
    kind: 'file' | 'memory' | 'server' | 'replica'
    /** Whether it is opened with `readonly: true`. */
    readonly: boolean
    /** Milliseconds that it took; undefined until it has ended. */
    duration: number | undefined
    /** The error that it failed with. */
    error?: unknown
  }

  /** What subscribers of the diagnostics channels `tracing:ferrolite:query:*` get, of both APIs. */
  interface QueryEvent {
    /** The SQL, without the values of its parameters and without encryption keys. */
    sql: string
    /** The name of the database, as `db.name`. */
    database: string
    /** The kind of call. `prepare` is reported only if the SQL does not compile. */
    kind: 'get' | 'all' | 'run' | 'iterate' | 'exec' | 'batch' | 'pragma' | 'prepare'
    /** The connection that it ran on; null until that is known. */
    connection: 'writer' | 'reader' | 'primary' | 'file' | null
    /** How many rows it returned; undefined if it returns none. */
    rows: number | undefined
    /** How many rows it changed; undefined if that is not known. */
    changes: number | undefined
    /** Milliseconds of the call outside of `run`; undefined until it has ended. */
    waited: number | undefined
    /** Milliseconds that it ran; undefined until it has ended, and if it has not run. */
    run: number | undefined
    /** The error that the call failed with. */
    error?: unknown
  }

  /**
   * An instance of `Database.SqliteError`. `InstanceType<Database.SqliteError>` is the same, as
   * `@types/better-sqlite3` has the type of the class under this name.
   */
  type SqliteError = SqliteErrorClass
}

/** What `InstanceType` asks of a type; errors cannot be called with `new`. */
interface SqliteErrorClass {
  /**
   * Of the class, not of an error.
   *
   * @throws {TypeError} if it is called on an error.
   */
  new (message: string, code: string, rawCode?: number): SqliteErrorClass
}

/**
 * An error that SQLite, a server or a replica reports. Mistakes in using the API are a TypeError or
 * a RangeError.
 */
declare class SqliteErrorClass extends Error {
  /**
   * Makes such an error.
   *
   * @param code name of the result code.
   * @param rawCode number of the result code.
   * @throws {TypeError} if `code` is not a string.
   */
  constructor (message: string, code: string, rawCode?: number)
  /** `'SqliteError'` */
  name: string
  /** SQLite's message, or that of the server. */
  message: string
  /**
   * Name of SQLite's extended result code, such as `SQLITE_CONSTRAINT_UNIQUE`; for servers and
   * replicas also `REMOTE_TIMEOUT`, `SYNC_LOCKED` and the like; for key-value stores `KV_STORE`,
   * `KV_TIMEOUT`, `KV_CORRUPT`, `KV_FENCED`, `KV_INDETERMINATE` and `KV_STALE`.
   */
  code: string
  /** The number of the result code, such as 2067; undefined for REMOTE_ and SYNC_ codes. */
  rawCode?: number
  /** Key-value stores: the key that the error is about. */
  key?: string
  /** The HTTP status of a server's reply that is not a success, such as 401. */
  status?: number
  /**
   * Remote databases, and what a replica sends to its primary: whether the call has happened.
   * `'not-executed'`: it has changed nothing, and may be called again. `'rolled-back'`: the
   * transaction that it was in has ended, and nothing of that has happened. `'unknown'`: it may have
   * happened, or a part of it; of a script, the statements before `statementIndex` have.
   */
  outcome?: 'not-executed' | 'rolled-back' | 'unknown'
  /** The SQL that failed, without what follows `KEY`. */
  sql?: string
  /** The name of the database, as `db.name`. */
  database?: string
  /**
   * Position in `sql`, in UTF-16 code units: of the token that SQLite names, or of the statement in
   * a script or a batch.
   */
  offset?: number
  /** Number of the statement of a script or a batch that failed, from 0. */
  statementIndex?: number
  /** After a time limit, an error with the name `TimeoutError`. */
  cause?: unknown
}

export = Database
