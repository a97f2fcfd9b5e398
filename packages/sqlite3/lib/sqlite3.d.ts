/// <reference types="node" />

import { EventEmitter } from 'node:events'

export type ErrorCallback<This> = (this: This, error: SqliteError | null) => void

/** An error of the engine: `errno` and `code` are of its primary result code. */
export interface SqliteError extends Error {
  errno: number
  code: string
}

export const OK: number
export const ERROR: number
export const INTERNAL: number
export const PERM: number
export const ABORT: number
export const BUSY: number
export const LOCKED: number
export const NOMEM: number
export const READONLY: number
export const INTERRUPT: number
export const IOERR: number
export const CORRUPT: number
export const NOTFOUND: number
export const FULL: number
export const CANTOPEN: number
export const PROTOCOL: number
export const EMPTY: number
export const SCHEMA: number
export const TOOBIG: number
export const CONSTRAINT: number
export const MISMATCH: number
export const MISUSE: number
export const NOLFS: number
export const AUTH: number
export const FORMAT: number
export const RANGE: number
export const NOTADB: number

export const OPEN_READONLY: number
export const OPEN_READWRITE: number
export const OPEN_CREATE: number
export const OPEN_URI: number
export const OPEN_FULLMUTEX: number
export const OPEN_SHAREDCACHE: number
export const OPEN_PRIVATECACHE: number

export const LIMIT_LENGTH: number
export const LIMIT_SQL_LENGTH: number
export const LIMIT_COLUMN: number
export const LIMIT_EXPR_DEPTH: number
export const LIMIT_COMPOUND_SELECT: number
export const LIMIT_VDBE_OP: number
export const LIMIT_FUNCTION_ARG: number
export const LIMIT_ATTACHED: number
export const LIMIT_LIKE_PATTERN_LENGTH: number
export const LIMIT_VARIABLE_NUMBER: number
export const LIMIT_TRIGGER_DEPTH: number
export const LIMIT_WORKER_THREADS: number

/** Of the engine: SQLite's version, as a text and as a number, and its source. */
export const VERSION: string
export const VERSION_NUMBER: number
export const SOURCE_ID: string

export interface RunResult extends Statement {
  lastID: number
  changes: number
}

export class Statement extends EventEmitter {
  readonly sql: string

  bind (callback?: ErrorCallback<this>): this
  bind (...params: any[]): this
  reset (callback?: (error: null) => void): this
  finalize (callback?: (error?: Error) => void): Database
  run (callback?: ErrorCallback<RunResult>): this
  run (params: any, callback?: ErrorCallback<RunResult>): this
  run (...params: any[]): this
  get<T> (callback?: (this: RunResult, error: SqliteError | null, row?: T) => void): this
  get<T> (params: any, callback?: (this: RunResult, error: SqliteError | null, row?: T) => void): this
  get (...params: any[]): this
  all<T> (callback?: (this: RunResult, error: SqliteError | null, rows: T[]) => void): this
  all<T> (params: any, callback?: (this: RunResult, error: SqliteError | null, rows: T[]) => void): this
  all (...params: any[]): this
  each<T> (callback?: (this: RunResult, error: SqliteError | null, row: T) => void, complete?: (error: SqliteError | null, count: number) => void): this
  each<T> (params: any, callback?: (this: RunResult, error: SqliteError | null, row: T) => void, complete?: (error: SqliteError | null, count: number) => void): this
  each (...params: any[]): this
  map (...params: any[]): this
}

export class Backup extends EventEmitter {
  readonly idle: boolean
  readonly completed: boolean
  readonly failed: boolean
  readonly remaining: number
  readonly pageCount: number
  retryErrors: number[]

  step (pages: number, callback?: (this: Backup, error: SqliteError | null, completed: boolean) => void): this
  finish (callback?: ErrorCallback<Backup>): this
}

export class Database extends EventEmitter {
  readonly filename: string
  readonly mode: number
  readonly open: boolean

  constructor (filename: string, callback?: ErrorCallback<Database>)
  constructor (filename: string, mode?: number, callback?: ErrorCallback<Database>)

  close (callback?: ErrorCallback<this>): void
  run (sql: string, callback?: ErrorCallback<RunResult>): this
  run (sql: string, params: any, callback?: ErrorCallback<RunResult>): this
  run (sql: string, ...params: any[]): this
  get<T> (sql: string, callback?: (this: Statement, error: SqliteError | null, row: T) => void): this
  get<T> (sql: string, params: any, callback?: (this: Statement, error: SqliteError | null, row: T) => void): this
  get (sql: string, ...params: any[]): this
  all<T> (sql: string, callback?: (this: Statement, error: SqliteError | null, rows: T[]) => void): this
  all<T> (sql: string, params: any, callback?: (this: Statement, error: SqliteError | null, rows: T[]) => void): this
  all (sql: string, ...params: any[]): this
  each<T> (sql: string, callback?: (this: Statement, error: SqliteError | null, row: T) => void, complete?: (error: SqliteError | null, count: number) => void): this
  each<T> (sql: string, params: any, callback?: (this: Statement, error: SqliteError | null, row: T) => void, complete?: (error: SqliteError | null, count: number) => void): this
  each (sql: string, ...params: any[]): this
  map (sql: string, ...params: any[]): this
  exec (sql: string, callback?: ErrorCallback<this>): this
  prepare (sql: string, callback?: ErrorCallback<Statement>): Statement
  prepare (sql: string, params: any, callback?: ErrorCallback<Statement>): Statement
  prepare (sql: string, ...params: any[]): Statement
  serialize (callback?: () => void): void
  parallelize (callback?: () => void): void
  wait (callback?: ErrorCallback<this>): this
  interrupt (): void
  loadExtension (filename: string, callback?: ErrorCallback<this>): this
  backup (filename: string, callback?: ErrorCallback<Backup>): Backup
  backup (filename: string, source: string, destination: string, filenameIsDestination: boolean, callback?: ErrorCallback<Backup>): Backup
  configure (option: 'busyTimeout', ms: number): void
  configure (option: 'limit', id: number, value: number): void
  configure (option: 'trace' | 'profile' | 'change', on: boolean): void

  on (event: 'trace', listener: (sql: string) => void): this
  on (event: 'profile', listener: (sql: string, nanoseconds: number) => void): this
  on (event: 'change', listener: (operation: string, database: string, table: string, rowid: number) => void): this
  on (event: 'error', listener: (error: Error) => void): this
  on (event: 'open' | 'close', listener: () => void): this
  on (event: string, listener: (...args: any[]) => void): this
}

export const cached: {
  Database: {
    (filename: string, callback?: ErrorCallback<Database>): Database
    (filename: string, mode?: number, callback?: ErrorCallback<Database>): Database
    new (filename: string, callback?: ErrorCallback<Database>): Database
    new (filename: string, mode?: number, callback?: ErrorCallback<Database>): Database
  }
}

export type sqlite3 = typeof import('./sqlite3')

export function verbose (): sqlite3
