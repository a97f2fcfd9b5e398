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
  error: InstanceType<BetterSqlite3.SqliteError>
  transaction: BetterSqlite3.Transaction<(a: number) => string>
}
new Database('app.db', theirs.options)
const run: Database.RunResult = theirs.run
const columns: Database.ColumnDefinition = theirs.columns
const error: Database.SqliteError = theirs.error

export { columns, constructor, db, error, loose, named, object, run, transaction }
export type { Pairs }
