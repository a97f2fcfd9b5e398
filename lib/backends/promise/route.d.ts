// What `lib/promise/connection.js` needs of a route to its workers. A new kind of database is a class
// like this, a line in `backends/promise/index.js` and a column in `capabilities.js`.

/** `worker/port.js`: the way to one worker. */
type Port = InstanceType<typeof import('../../worker/port').Port>
/** `worker/job.js`: one call that waits for its reply. */
type Job = InstanceType<typeof import('../../worker/job').Job>
/** `worker/entry.js`: a compiled statement. */
type Entry = InstanceType<typeof import('../../worker/entry').Entry>
/** `promise/scope.js`: the connection itself, or a transaction. */
type Scope = object

/** How long a call may take, in ms, and what ends it before; null for neither. */
type CallOptions = { timeout?: number, signal?: AbortSignal } | null

/** What readers are to do while something else runs. */
declare const enum Need {
  nothing = 0,
  rest = 1,
  /** Those that have nothing to do close their files, too. */
  leave = 2
}

export interface Route {
  /** The worker for all that no other is meant for. */
  readonly port: Port
  /** Settles once opening has come to an end. */
  readonly opened: Promise<unknown>
  readonly inTransaction: boolean
  /** Whether the connection shows SQL to `verbose`; else a worker does, as it runs. */
  readonly logsStatements: boolean
  readonly logsScripts: boolean
  /** Whether a batch is one job, and not a transaction of its statements. */
  readonly batches: boolean

  /** Sends a job whose turn has come in its scope. */
  start (scope: Scope, job: Job): void
  /** Sends what waits for no turn: what begins and ends transactions, and what is given back. */
  send (job: Job): Promise<unknown>
  /** Compiles a statement; `number` is what it is known by from then on. */
  compile (number: number, sql: string, flags: number, options: CallOptions): Promise<Entry>
  /**
   * Sends what compiles a statement ahead of the job that executes it: that is posted in the same
   * tick. Null if it has to be compiled first, to know where it runs.
   */
  compileAlong (entry: Entry, options: CallOptions): Job | null
  /** Whether a statement stays what it was compiled to. */
  keeps (entry: Entry): boolean
  /** Nobody has the statement of that number any more. */
  forget (number: number): void

  /** What other workers are to do while this runs alone. */
  needOf (entry: Entry): Need
  needOfScript (sql: string): Need
  /** Settles once what readers do now has ended. */
  rest (): Promise<void>
  /** Readers that are no longer used, to be closed: those that have nothing to do, or all. */
  leave (onlyIdle?: boolean): Port[]
  /** The key of workers to come; null for none. */
  useKey (key: Uint8Array | null): void
  /** From now on the connection has what others do not have: functions, an authorizer. */
  keepPrivate (): void

  /** Jobs that have had their turn, and were not sent yet. */
  held (): Job[]
  /** All workers, in the order to close them in. */
  ports (): Port[]
  /** Nothing begins any more: what has begun is to end. Gives what close() is to reject with. */
  beforeClose (): Promise<{ error: unknown } | undefined | void>
  /** All workers have ended. */
  closed? (): void
  /** Who listens to it; `method` is `on` or `off`. */
  listeners (method: string, event: unknown): {
    add (event: unknown, listener: unknown): void
    remove (event: unknown, listener: unknown): void
  }

  // Of what keeps a file like its primary

  sync? (options: CallOptions): Promise<object>
  syncUntil? (frame: unknown, options: CallOptions): Promise<object>
  resync? (options: CallOptions): Promise<object>
  maxWriteReplicationIndex? (): number | undefined
  /** When the last sync that succeeded began, and how many ms ago; null before the first. */
  readonly lastSync?: Date | null
  readonly lag?: number | null
}
