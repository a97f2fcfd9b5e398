'use strict'

// The README's example, in a folder of its own.
const fs = require('node:fs')
const folder = fs.mkdtempSync(`${require('node:os').tmpdir()}/ferrolite-`)
process.chdir(folder)
process.on('exit', () => {
  process.chdir('..')
  fs.rmSync(folder, { recursive: true, force: true })
})

// The example.
const Database = require('ferrolite')

const db = new Database('app.db')
db.pragma('journal_mode = WAL')
db.exec('CREATE TABLE IF NOT EXISTS user (id INTEGER PRIMARY KEY, name TEXT UNIQUE, born INTEGER)')

const insert = db.prepare('INSERT OR IGNORE INTO user (name, born) VALUES (:name, :born)')
const insertAll = db.transaction((users) => users.map((user) => insert.run(user).changes))
insertAll([{ name: 'Ada', born: 1815 }, { name: 'Grace', born: 1906 }])

const byName = db.prepare('SELECT * FROM user WHERE name = ?')
console.log(byName.get('Ada')) // -> { id: 1, name: 'Ada', born: 1815 }

db.function('century', (year) => Math.ceil(year / 100))
for (const { name, c } of db.prepare('SELECT name, century(born) AS c FROM user').iterate()) {
  console.log(`${name}: century ${c}`)
} // -> Ada: century 19
//    Grace: century 20
db.close()
