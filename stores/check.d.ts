import type { AsyncStore, SyncStore } from '..'

/** What a store does that it must not do. */
export declare class StoreFault extends Error {
  /** `'StoreFault'` */
  name: string
  /** A line for each kind of fault. */
  faults: string[]
}

interface CheckOptions {
  /** Gives another client of the same data, as after a restart, which must find everything. */
  reopen?: (() => SyncStore | AsyncStore | Promise<SyncStore | AsyncStore>) | null
  /** How often what goes wrong now and then is tried. Default: 60. */
  rounds?: number
  /** How long a write that comes late is waited for, in ms. Default: 300. */
  late?: number
  /** Whether a store without `putIfAbsent()` is taken. Default: true. */
  singleWriter?: boolean
}

/**
 * Tries out what a database relies on. It writes keys that begin with `check-`, and deletes them.
 *
 * @returns whether the store is fenced, how many calls were made, and its limits.
 * @throws {StoreFault} as a rejection, if the store cannot hold a database.
 * @throws {TypeError} as a rejection, if a method is missing, and for wrong or unknown options.
 * @throws {RangeError} as a rejection, for numbers that are too small or too large.
 */
export declare function checkStore (store: SyncStore | AsyncStore, options?: CheckOptions): Promise<{
  fenced: boolean
  calls: number
  limits: { maxKeys: number, maxReadKeys: number, maxValueBytes: number, maxBatchBytes: number, concurrency: number }
}>
