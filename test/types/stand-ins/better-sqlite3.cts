// The stand-in of better-sqlite3 has the types of @types/better-sqlite3: each takes the other.

import Original = require('better-sqlite3')
import Database = require('@ferrolite/better-sqlite3')

const there: typeof Original = Database
const back: typeof Database = Original
const db: Original.Database = new Database(':memory:', { timeout: 1000 })
const original: Database.Database = new Original(':memory:')

type Mutual<A extends B2, B extends A2, A2 = A, B2 = B> = [A, B]

interface Pairs {
  aggregate: Mutual<Database.AggregateOptions, Original.AggregateOptions>
  backup: Mutual<Database.BackupOptions, Original.BackupOptions>
  columns: Mutual<Database.ColumnDefinition, Original.ColumnDefinition>
  error: Mutual<InstanceType<Database.SqliteError>, InstanceType<Original.SqliteError>>
  options: Mutual<Database.Options, Original.Options>
  pragma: Mutual<Database.PragmaOptions, Original.PragmaOptions>
  progress: Mutual<Database.BackupMetadata, Original.BackupMetadata>
  registration: Mutual<Database.RegistrationOptions, Original.RegistrationOptions>
  run: Mutual<Database.RunResult, Original.RunResult>
  serialize: Mutual<Database.SerializeOptions, Original.SerializeOptions>
  statement: Mutual<Database.Statement<[number], string>, Original.Statement<[number], string>>
  transaction: Mutual<Database.Transaction<(a: number) => string>, Original.Transaction<(a: number) => string>>
}

const names: string[] = new Database().prepare<[], string>('SELECT name FROM user').pluck().all()
// @ts-expect-error better-sqlite3 has no sessions
new Database().createSession()

export { back, db, names, original, there }
export type { Pairs }
