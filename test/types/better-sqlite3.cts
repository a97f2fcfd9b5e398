// Code typed against @types/better-sqlite3 takes Ferrolite; what has no additions goes both ways.

import Database = require('ferrolite')
import BetterSqlite3 = require('better-sqlite3')

// A library that wants better-sqlite3's class, connection, statement or transaction gets ours.
const constructor: typeof BetterSqlite3 = Database
const db: BetterSqlite3.Database = new Database(':memory:')
const named: BetterSqlite3.Statement<[number], string> =
  new Database().prepare<[number], string>('SELECT ?')
const loose: BetterSqlite3.Statement = new Database().prepare('SELECT ?')
const object: BetterSqlite3.Statement<{ a: number }> =
  new Database().prepare<{ a: number }>('SELECT :a')
const transaction: BetterSqlite3.Transaction<(a: number) => string> =
  new Database().transaction((a: number) => String(a))

function prepare (db: BetterSqlite3.Database): string | undefined {
  return db.prepare<[number], string>('SELECT ?').pluck().get(1)
}
prepare(new Database())

// Plain data and options go both ways.
type Takes<A extends B, B> = A
type Mutual<A extends B2, B extends A2, A2 = A, B2 = B> = [A, B]

interface Pairs {
  options: Takes<BetterSqlite3.Options, Database.Options>
  run: Mutual<Database.RunResult, BetterSqlite3.RunResult>
  columns: Mutual<Database.ColumnDefinition, BetterSqlite3.ColumnDefinition>
  pragma: Mutual<Database.PragmaOptions, BetterSqlite3.PragmaOptions>
  serialize: Takes<BetterSqlite3.SerializeOptions, Database.SerializeOptions>
  registration: Mutual<Database.RegistrationOptions, BetterSqlite3.RegistrationOptions>
  backup: Takes<BetterSqlite3.BackupOptions, Database.BackupOptions>
  progress: Mutual<Database.BackupMetadata, BetterSqlite3.BackupMetadata>
  aggregate: Takes<BetterSqlite3.AggregateOptions, Database.AggregateOptions>
}

declare const theirs: {
  options: BetterSqlite3.Options
  run: BetterSqlite3.RunResult
  columns: BetterSqlite3.ColumnDefinition
  transaction: BetterSqlite3.Transaction<(a: number) => string>
}
new Database('app.db', theirs.options)
const run: Database.RunResult = theirs.run
const columns: Database.ColumnDefinition = theirs.columns

// What is written for the type of the class, under the same name, means our errors as well.
function codeOf (error: InstanceType<Database.SqliteError>): string {
  return error instanceof Database.SqliteError ? error.code : ''
}
const error: InstanceType<BetterSqlite3.SqliteError> = new Database.SqliteError('', 'SQLITE_ERROR')
codeOf(new Database.SqliteError('', 'SQLITE_ERROR'))

// Rows of `pluck()` and `raw()` as they are typed for better-sqlite3.
const plucked: string | undefined = new Database().prepare('SELECT 1').pluck().get() as string
const names: string[] = new Database().prepare<[], string>('SELECT 1').pluck().all()
const pairs: Array<[number, string]> = new Database().prepare<[], [number, string]>('SELECT 1').raw().all()
const bytes: Buffer | undefined = new Database().prepare<[], Buffer>('SELECT 1').pluck().get()

export { bytes, columns, constructor, db, error, loose, named, names, object, pairs, plucked, run, transaction }
export type { Pairs }
