// What `lib/database.js` needs of a backend: a file, a server, a replica, or one of yours.
// A new kind is a class like this, a line in `backends/sync/index.js` and a column in `capabilities.js`.

/** The Database of the user, which statements and transactions lead back to. */
type Database = object

export interface Options {
  /** As the user named the database. */
  readonly name: string
  readonly kind: string
  readonly readonly: boolean
  readonly anonymous: boolean
}

/** What `stmt.run()`, `get()`, `all()` and so on are called on. */
export interface Statement {
  readonly reader: boolean
  readonly readonly: boolean
  readonly source: string
  readonly database: Database
  run (...params: unknown[]): { changes: number, lastInsertRowid: number | bigint }
  get (...params: unknown[]): unknown
  all (...params: unknown[]): unknown[]
  iterate (...params: unknown[]): IterableIterator<unknown>
  pluck (on?: boolean): this
  timeout (ms: number): this
}

export interface Backend {
  /** Its column in `capabilities.js`: what that says is missing is never asked for. */
  readonly kind: string
  readonly options: Options
  /** False from `close()` on. */
  readonly open: boolean
  readonly inTransaction: boolean
  /** What has a file in this thread, for what only that has; null where there is none. */
  readonly file: File | null

  /** Compiles SQL of one statement; throws where it cannot. */
  prepare (sql: string, database: Database): Statement
  /** The name of each parameter of one of its statements, null for a plain `?`. */
  parametersOf (statement: Statement): Array<string | null>
  /** As `prepare()`, for SQL that begins with PRAGMA, which may give rows or not. */
  pragma (sql: string, database: Database): Statement
  /** As `prepare()`, for SQL that begins with EXPLAIN, whose parameters need no values. */
  explain (sql: string, database: Database): Statement
  /** Runs a script; `timeout` is in ms, undefined for the connection's own. */
  exec (sql: string, timeout?: number): void
  /** `fn` in a transaction, in the versions that link to each other. */
  transaction (fn: Function, database: Database): Function
  /** All statements in one transaction, or none. `list` and `options` are as the user gave them. */
  batch (list: unknown, options: unknown, database: Database): object[]

  /** Whether statements to come give integers as BigInt. */
  defaultSafeIntegers (on: boolean): void
  /** Ends what runs; throws once it is closed, if there is nothing to end. */
  interrupt (): void
  /** Who listens to it; `method` is `on` or `off`. */
  listeners (method: string, event: unknown): {
    add (event: unknown, listener: unknown): void
    remove (event: unknown, listener: unknown): void
  }
  /** Numbers of what it holds, by name; those that nobody knows are not there. */
  stats (): { cachedStatements: number }
  /** Ends its statements and gives back what it holds; the second time there is nothing to do. */
  close (): void

  /** Of a reader of a key-value store: moves to the newest state, and says whether it was another. */
  refresh? (): boolean
  // Of a key-value store: waits until it has all that was committed; the epochs that are kept, and
  // going back to one.
  flush? (): void
  history? (): object[]
  restore? (epoch: number): void

  // Of what keeps a file like its primary

  sync? (): object
  syncUntil? (frame: unknown): object
  resync? (): object
  maxWriteReplicationIndex? (): number | undefined
  /** When the last sync that succeeded began, and how many ms ago; null before the first. */
  readonly lastSync?: Date | null
  readonly lag?: number | null
}

/** `backends/sync/local.js`, which has the methods that need the engine in this thread. */
type File = InstanceType<typeof import('./local').LocalBackend>
