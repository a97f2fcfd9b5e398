// What is written for the types of libsql compiles with those of its stand-in.

import Database = require('@ferrolite/libsql')
import promise = require('@ferrolite/libsql/promise')
import Ferrolite = require('ferrolite')

const db: Database.Database = new Database('libsql://db.example', { timeout: 1000, syncUrl: 'https://db.example' })
db.sync()
const statement: Database.Statement<[number]> = db.prepare<[number]>('SELECT ?')
statement.raw().all(1)
statement.pluck(true).get(1)
const options: Database.Options = { readonly: true, fileMustExist: true, verbose: console.log }
const result: Database.RunResult = Database(':memory:', options).prepare('SELECT 1').run()
const transaction: Database.Transaction<(a: number) => string> = db.transaction((a: number) => String(a))
const error: InstanceType<Database.SqliteError> = new Database.SqliteError('', 'SQLITE_ERROR', 1)
const same: typeof Ferrolite = Database

async function main (): Promise<void> {
  const db = await promise.connect(':memory:')
  const found: unknown = await (await db.prepare('SELECT 1')).get()
  await db.exec('SELECT 1')
  await db.close()
  console.log(found)
}

export { error, main, result, same, transaction }
