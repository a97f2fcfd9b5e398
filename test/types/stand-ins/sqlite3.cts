// What is written for the types of sqlite3 compiles with those of its stand-in.

import sqlite3 = require('@ferrolite/sqlite3')
import { Database, OPEN_CREATE, OPEN_READWRITE, verbose } from '@ferrolite/sqlite3'

interface User { id: number, name: string }

const driver: sqlite3.sqlite3 = verbose()
const db: sqlite3.Database = new driver.Database(':memory:', OPEN_READWRITE | OPEN_CREATE, (error: Error | null) => {
  console.log(error?.message)
})
const shared: Database = sqlite3.cached.Database('app.db')
db.configure('busyTimeout', 1000)
db.serialize(() => {
  db.run('INSERT INTO user (name) VALUES (?)', ['Ada'], function (error: Error | null) {
    const id: number = this.lastID
    console.log(error, id, this.changes)
  })
  db.get<User>('SELECT * FROM user WHERE id = ?', 1, (error, row) => console.log(error?.message, row.name))
  db.all<User>('SELECT * FROM user', (_error: Error | null, rows: User[]) => rows.map(({ id }) => id))
  db.each<User>('SELECT * FROM user', (_error, { name }) => name, (_error, count: number) => count)
  const statement: sqlite3.Statement = db.prepare('SELECT ?', 1)
  statement.get<User>([1], function (error, row) { console.log(error, row?.name, this.changes) })
  statement.finalize()
})
db.on('trace', (sql: string) => sql.length)
db.on('profile', (sql, nanoseconds) => sql.length + nanoseconds)
db.on('change', (type: string, database: string, table: string, rowid: number) => [type, database, table, rowid])
db.close((error: Error | null) => console.log(error))
// @ts-expect-error the option is a name that the driver knows
db.configure('busy', 1)

const numbers: number[] = [sqlite3.BUSY, sqlite3.LIMIT_LENGTH, sqlite3.OPEN_URI, sqlite3.VERSION_NUMBER]

export { numbers, shared }
