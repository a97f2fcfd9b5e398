// The engine's contract: what an addon gives, and so what any other build of the engine has to give.
// `tsc` checks lib/ against it (`npm run lint`), and test/pack/01.binding.js the addon's names.
//
// Rows, and what else is numbers, do not cross as values: they are in the block (`rows.js`), a piece
// of memory that both sides share. Positions in its header are named HEADER.X here.

import type { Block } from './rows'

/** What `require()` of an addon gives. */
export interface Engine {
  /** Of the engine in WASM. */
  backend?: 'wasm'
  /** Whether it has trapped: nothing of it can be called any more. */
  isBroken? (): boolean
  /** Binds the functions to one environment: the main thread, or a worker. Once for each. */
  init (environment: {
    /** The memory of the block. */
    buffer: ArrayBuffer
    /** Values that do not fit in the block: `extras`, and `result` of a callback. */
    shared: { extras: unknown[], result: unknown }
    /** Its only element is the exception on its way through SQLite. */
    exception: [unknown]
    makeError: MakeError
    makeMistake: MakeMistake
    /** Whether this is a worker, whose folder cannot change. */
    worker: boolean
  }): Natives
}

/**
 * Called for each error of SQLite. `byte` is where in `sql` it is, `statement` which one of a list
 * has failed, -1 where that is not known.
 */
export type MakeError = (
  message: string,
  code: string,
  rawCode?: number,
  byte?: number,
  statement?: number,
  sql?: string,
  database?: string,
  isTimeout?: boolean,
  /** Of a key-value store. */
  key?: string,
  /** Its `error` is the cause. */
  host?: { error?: unknown }
) => Error

/** How a database in a key-value store is opened. */
export interface StoreSettings {
  fenced: boolean
  lists: boolean
  singleWriter: boolean
  pageSize: number
  /** The one to open for reading; 0 for the newest state. */
  epoch: number
  keepEpochs: number
  maxQueuedBytes: number
  /** All pages are in memory. */
  resident: boolean
}

/** A synchronous key-value store, as the addon sees it. */
export interface StoreHost extends StoreSettings {
  /**
   * Calls method `operation` of OPERATIONS in `arguments/store.js`. -> the answer, checked: null for
   * nothing; a string says why there is none.
   */
  call (operation: number, keys: Buffer[], values: Buffer[]): Answer | string
  /** After a failure: what the store threw. */
  error?: unknown
  /** After a failure: the same call would fail again. */
  final: boolean
  limits: { maxKeys: number, maxReadKeys: number, maxValueBytes: number, maxBatchBytes: number }
}

type Answer = Uint8Array | Array<Uint8Array | null> | string[] | boolean | null

/** Called for each mistake in calling; `name` is that of the error's class. */
export type MakeMistake = (
  name: 'TypeError' | 'RangeError' | 'Error',
  message: string,
  sql?: string,
  database?: string
) => Error

declare const kind: unique symbol
/** An object that only its own functions take as `this`; dropping it frees what it stands for. */
interface HandleOf<Kind extends string> { readonly [kind]: Kind }

/** A connection; it closes when it is dropped, its statements first. */
export type ConnectionHandle = HandleOf<'connection'>
/** A compiled statement. */
export type StatementHandle = HandleOf<'statement'>
/** A backup on its way. */
export type BackupHandle = HandleOf<'backup'>
export type SessionHandle = HandleOf<'session'>
/** A connection on a thread of its own; dropping it ends the thread when its work is done. */
export type WorkerHandle = HandleOf<'worker'>

/** What can be bound: a DataView is a text in UTF-8 that `params.js` has made. */
export type Param = null | undefined | number | bigint | string | ArrayBufferView
/** What the rows of the block have of text in Latin-1, or null if they have none. */
export type Text = string | null
/** Where a file or a VFS may be named otherwise, or a time limited by the connection's own. */
type Default = -1

/** A number of `ROLE` in `environment.js`. */
type Role = number
/** A number of `Authorization`. */
type Policy = number

/** Action codes or null, then a name and whether it is a glob, for each of what a rule may name. */
export type Rule = [
  actions: number[] | null,
  table: string | null, isGlob: boolean,
  column: string | null, isGlob: boolean,
  entity: string | null, isGlob: boolean,
  accessor: string | null, isGlob: boolean,
  policy: Policy
]

/** Arguments are in the block, and so is the result: `callbacks.js`. */
type Trampoline = (...large: unknown[]) => void

type Row = Array<null | number | bigint | string | Buffer>

/** What makes a virtual table of the arguments of CREATE VIRTUAL TABLE. */
export type Factory = (module: string, database: string, table: string, ...args: string[]) => [
  sql: string,
  rows: ((...args: unknown[]) => Iterator<Row>) & { width: number },
  parameters: string[],
  int64: boolean,
  directOnly: boolean
]

/** Where a server is; `headers` has a name and a value in turn, a line each. Times are in ms. */
export type Server = [
  url: string,
  token: string | undefined,
  headers: string,
  connectTimeout: number,
  requestTimeout: number,
  ca: string | undefined,
  cert: string | undefined,
  key: string | undefined,
  acceptAny: boolean
]

/** A resident database, as the addon sees it. */
export interface ResidentHost extends StoreSettings {
  /** Called in the middle of a commit: there is something to take. */
  queued (): void
  /** What the store threw last. */
  error?: unknown
}

/** What a worker knows of a key-value store. */
export interface AskedStore extends StoreSettings {
  limits: { maxKeys: number, maxReadKeys: number, maxValueBytes: number, maxBatchBytes: number, concurrency: number }
  /** ms of one call */
  timeout: number
}

/** How a worker opens a file; its job 1 is the opening. */
export type WorkerFile = [
  path: string,
  readonly: boolean,
  mustExist: boolean,
  timeout: number,
  vfs: string | undefined,
  uri: boolean,
  /** What the database is at first. */
  image: Buffer | null,
  /** LOG: what the `verbose` logger sees. */
  logs: number,
  role: Role,
  key: Uint8Array | null,
  /** Text in double quotes may be a string. */
  quotedStrings: boolean
]

/** What a connection to a database in a store is opened with. */
type StoredConnection = [
  name: string,
  readonly: boolean,
  /** ms to wait for locks of attached files */
  timeout: number,
  verbose: ((sql: string) => void) | null,
  defaultTimeout: number,
  role: Role,
  hideParameters: boolean
]

/** Executes with parameters: false means that JavaScript is to put them in order first. */
type Execute<Result> = (this: StatementHandle, ...params: Param[]) => Result | false

/** All throw what is wrong, as better-sqlite3 words it, and `TypeError`s for what is closed. */
export interface Natives {
  // Connections in this thread

  databaseOpen (
    path: string,
    readonly: boolean,
    mustExist: boolean,
    /** ms to wait for locks */
    timeout: number,
    verbose: ((sql: string) => void) | null,
    /** What the database is at first. */
    image: Buffer | null,
    vfs: string | undefined,
    uri: boolean,
    /** ms a statement may run, 0 for no limit */
    defaultTimeout: number,
    key: Uint8Array | null,
    role: Role,
    /** What errors say that they are about. */
    name: string,
    hideParameters: boolean,
    /** Text in double quotes may be a string. */
    quotedStrings: boolean
  ): ConnectionHandle
  databaseOpenStore (host: StoreHost, ...connection: StoredConnection): ConnectionHandle
  /** Moves a reader of a store to the newest state -> whether that is another one. */
  databaseRefresh (this: ConnectionHandle): boolean
  /** Waits until the store has all that was committed. */
  databaseFlush (this: ConnectionHandle): void
  /** Makes a checkpoint of a database in a store -> whether no transaction was in its way. */
  databaseCheckpoint (this: ConnectionHandle): boolean
  /** -> number, time in ms since 1970 and pages of each epoch of a store, one after the other */
  databaseHistory (this: ConnectionHandle): number[]
  /** Commits the state of an epoch of a store once more. */
  databaseRestore (this: ConnectionHandle, epoch: number): void
  /** A resident database, with the state that its worker has left. */
  databaseOpenResident (worker: WorkerHandle, host: ResidentHost, ...connection: StoredConnection): ConnectionHandle
  /** -> whether anything is queued, which the worker takes over */
  databaseTakeBatch (this: ConnectionHandle, worker: WorkerHandle): boolean
  /** What became of the last batch; throws if it is lost. */
  databaseSettle (this: ConnectionHandle, worker: WorkerHandle): void
  /** Takes over the state that the worker has left. */
  databaseReplace (this: ConnectionHandle, worker: WorkerHandle): void
  /** Whether nothing can be committed. */
  databaseFreeze (this: ConnectionHandle, on: boolean): void
  /** -> transactions that the store does not have; throws once some are lost */
  databaseQueued (this: ConnectionHandle): number
  databaseClose (this: ConnectionHandle): void
  databaseIsOpen (this: ConnectionHandle): boolean
  databaseRequireOpen (this: ConnectionHandle): void
  databaseInTransaction (this: ConnectionHandle): boolean
  /** Whether a statement has begun and not ended. */
  databaseIsReading (this: ConnectionHandle): boolean
  /** Runs a script -> whether it was one plain statement, which may be compiled once and kept. */
  databaseExec (this: ConnectionHandle, sql: string, timeout: number | Default): boolean
  databaseUnsafeMode (this: ConnectionHandle, on: boolean): void
  databaseLoadExtension (this: ConnectionHandle, path: string, entryPoint?: string): void
  /** Encrypts by another key, or with null not any more. */
  databaseRekey (this: ConnectionHandle, key: Uint8Array | null): void
  databaseSerialize (this: ConnectionHandle, database: string): Buffer
  /** Ends what runs; it is called from a function that SQLite has called. */
  databaseInterrupt (this: ConnectionHandle): void
  /** HEADER.CHANGES and HEADER.ROWID of the last statement. */
  databaseLastChanges (this: ConnectionHandle): void
  /** `index` is that in `LIMITS` of `connection-options.js` -> the value before; -1 only asks. */
  databaseLimit (this: ConnectionHandle, index: number, value: number | -1): number
  databaseStats (this: ConnectionHandle): number[]
  databaseAuthorizer (this: ConnectionHandle, rules: Rule[] | null, otherwise: Policy): void
  databaseOnChange (
    this: ConnectionHandle,
    listener: ((operation: string, database: string, table: string, rowid: bigint) => void) | null
  ): void
  /** `listener` is called while a table does long work, which ends if it throws. */
  databaseOnWork (
    this: ConnectionHandle,
    listener: ((table: string, done: number, total: number) => void) | null
  ): void
  databaseFunction (
    this: ConnectionHandle,
    call: Trampoline,
    name: string,
    /** -1 for any number */
    argCount: number,
    int64: boolean,
    deterministic: boolean,
    directOnly: boolean
  ): void
  databaseAggregate (
    this: ConnectionHandle,
    start: Trampoline,
    step: Trampoline,
    inverse: Trampoline | null,
    value: Trampoline,
    finish: Trampoline,
    name: string,
    argCount: number,
    int64: boolean,
    deterministic: boolean,
    directOnly: boolean
  ): void
  databaseTable (this: ConnectionHandle, factory: Factory, name: string, eponymous: boolean): void

  // Backups and sessions

  /**
   * `from` the file into this connection, or back. -> the backup, how long locks are waited for in
   * ms, and the files of both.
   */
  databaseBackup (this: ConnectionHandle, database: string, path: string, uri: boolean, from: boolean):
  [backup: BackupHandle, timeout: number, source: string, target: string]
  backupStep (this: BackupHandle, pages: number): [totalPages: number, remainingPages: number, done: 0 | 1]
  backupClose (this: BackupHandle): void
  /** Records the changes of a table, or of all with null. */
  databaseSession (this: ConnectionHandle, database: string, table: string | null): SessionHandle
  sessionChangeset (this: SessionHandle, isPatchset: boolean): Buffer
  /** -> false if it was closed before */
  sessionClose (this: SessionHandle): boolean
  /** -> whether all of it was applied. */
  databaseApplyChangeset (
    this: ConnectionHandle,
    changeset: Uint8Array,
    filter: ((table: string) => boolean) | null,
    onConflict: ((type: number) => number) | null
  ): boolean

  // What is asked about SQL that is not compiled

  /** Throws if one of the statements would begin or end the transaction of a batch. */
  sqlCheckBatch (sqls: string[], savepoint: string): void
  /** The names of its parameters, null for each `?`; undefined if it is not one statement. */
  sqlParameterNames (sql: string): (string | null)[] | undefined
  /** Of a query or a change of rows whose words say which; undefined if it has to be compiled first. */
  sqlOutline (sql: string): [reader: boolean, parameters: (string | null)[]] | undefined
  /** What readers are to do meanwhile, 0: nothing; 1: rest; 2: let go of the file. */
  sqlFileNeed (sql: string, isScript: boolean): 0 | 1 | 2
  /** What a log may show of it. */
  sqlWithoutKeys (sql: string): string
  sqlIsPragma (sql: string): boolean
  /** Whether there is a parameter of that name, as `:name`, `@name` or `$name`. */
  sqlHasParameter (sql: string, name: string): boolean

  // Statements in this thread

  /** HEADER.READER, READONLY and SHARED say what kind of statement it is. */
  statementPrepare (this: ConnectionHandle, sql: string, isPragma: boolean, isExplain: boolean): StatementHandle
  /** Whether it may serve another `prepare()` of the same SQL; throws where that would. */
  statementReuse (this: StatementHandle): boolean
  /** Another one of the same SQL, which is compiled when it is used. */
  statementClone (this: StatementHandle): StatementHandle
  statementColumnNames (this: StatementHandle): string[]
  statementColumns (this: StatementHandle): Array<{
    name: string
    column: string | null
    table: string | null
    database: string | null
    type: string | null
  }>
  /** The table that each column comes from, null for expressions. */
  statementTables (this: StatementHandle): Array<string | null>
  /** The name of each parameter, null for a plain `?`. */
  statementParameterNames (this: StatementHandle): Array<string | null>
  /** The SQL with what is bound for good, or null if nothing is. */
  statementExpandedSql (this: StatementHandle): string | null
  /** Whether an iterator is open on it. */
  statementBusy (this: StatementHandle): boolean
  /** Throws if its mode cannot be changed now. */
  statementRequireIdle (this: StatementHandle): void
  /** Throws if its connection is executing. */
  statementRequireNotBusy (this: StatementHandle): void
  /** Throws what an execution would, were its arguments right. */
  statementCheck (this: StatementHandle, writes: boolean, argCount: number): void
  statementTimeout (this: StatementHandle, ms: number | Default): void
  /** Binds for good. */
  statementBind: Execute<undefined>
  /** Runs to the end, without parameters; rows are dropped. */
  statementExec (this: StatementHandle): void
  /** HEADER.CHANGES, ROWID and ROWID_INT64 have what came of it. */
  statementRun: Execute<undefined>
  /** The first row is in the block; undefined if there is none. */
  statementGet: Execute<Text | undefined>
  statementGetInt64: Execute<Text | undefined>
  statementPluck: Execute<Text | undefined>
  statementPluckInt64: Execute<Text | undefined>
  /** HEADER.ROWS are in the block; unless HEADER.DONE is 1, `statementMore` has others. */
  statementAll: Execute<Text>
  statementAllInt64: Execute<Text>
  statementAllPluck: Execute<Text>
  statementAllPluckInt64: Execute<Text>
  statementMore (this: StatementHandle): Text
  /** Gives up the rest of an `all()`. */
  statementEnd (this: StatementHandle): void
  /** Opens an iterator. */
  statementIterate: Execute<true>
  /** Up to `max` rows; bit 0 of `mode` is BigInt, bit 1 pluck. HEADER.DONE with the last of them. */
  statementNext (this: StatementHandle, max: number, mode: number): Text
  /** Closes the iterator, if it is open. */
  statementReturn (this: StatementHandle): void

  // Workers: the numbers that cross are in `protocol.js`, jobs are packed in `worker/message.js`

  /** `onWake` is called when replies have come. */
  workerOnWake (onWake: () => void): void
  workerOpen (...file: WorkerFile): WorkerHandle
  /** Opens a replica's file once the worker that fills it, which is `this`, has done so. */
  workerOpenBehind (this: WorkerHandle, ...file: WorkerFile): WorkerHandle
  workerOpenRemote (...server: Server): WorkerHandle
  /** The worker that stores a resident database; called for each of its requests. */
  workerOpenResident (name: string, readonly: boolean, store: AskedStore): WorkerHandle
  /** A database in a key-value store, which the worker asks for; called for each of its requests. */
  workerOpenStore (
    name: string,
    readonly: boolean,
    /** ms to wait for locks of attached files */
    timeout: number,
    log: 0 | 1 | 2,
    role: Role,
    store: AskedStore
  ): WorkerHandle
  /** `onRequest` is called when workers ask for something. */
  workerOnRequest (onRequest: () => void): void
  /** -> the next request: its number, one of STORE_CALL, keys and values */
  workerTakeRequest (this: WorkerHandle): [number, number, Buffer[], Buffer[]] | undefined
  /** Answers one by one of STORE_ANSWER; `reason` is what a failure is known by. */
  workerAnswerRequest (this: WorkerHandle, request: number, kind: number, answer: unknown, reason: number): void
  /** The worker that fills a replica's file; `this` writes to its primary. `period` is in ms, 0: none. */
  workerOpenReplica (
    this: WorkerHandle,
    path: string,
    timeout: number,
    renew: boolean,
    key: Uint8Array | null,
    period: number,
    ...server: Server
  ): WorkerHandle
  /** -> nothing, or a code, a line feed and why the replica there could not be made a plain database. */
  replicaDetach (path: string): string | undefined
  /** How often something was written to the primary, and 2^32 for each time that is not known. */
  workerWrites (this: WorkerHandle): number
  /** The last frame of the primary's log that was written from here. */
  workerWritten (this: WorkerHandle): number | undefined
  /** Whether syncs are reported: replies of job 0. */
  workerReportSyncs (this: WorkerHandle, on: boolean): void
  /** -> when the last sync that succeeded began, in ms since 1970, and how many ms ago. */
  workerLastSync (this: WorkerHandle): [number, number] | undefined
  workerPost (this: WorkerHandle, jobs: Uint8Array): void
  /** -> 0: it was queued and will not run; 1: it runs and is interrupted; 2: it has ended; 3: it was sent. */
  workerInterrupt (this: WorkerHandle, job: number): 0 | 1 | 2 | 3
  /** -> whether replies came within that time. */
  workerWait (this: WorkerHandle, ms: number): boolean
  /** -> whether replies came within a moment, for which the event loop is not woken. */
  workerSpin (this: WorkerHandle): boolean
  /** The next replies: they are in the block, HEADER.PARTS of them; undefined if there are none. */
  workerTake (this: WorkerHandle): Text | undefined
  /** Whether the event loop goes on while nothing else keeps it. */
  workerRef (on: boolean): void
  /** What a function returned, or that it has failed. */
  workerAnswer (this: WorkerHandle, question: number, failed: boolean, value: Param): void
  /** Leaves rules for the job that is posted next. */
  workerAuthorizer (this: WorkerHandle, rules: Rule[] | null, otherwise: Policy): void
}

/** What one environment has of an addon: `environment.js`. */
export interface Environment {
  natives: Natives
  block: Block
  backend: 'native' | 'wasm'
  /** The classes of its statements, once one was compiled. */
  classes: null | object
}
