'use strict'

// A database on a libSQL server: its URL is the argument or DATABASE_URL, its token AUTH_TOKEN.

const assert = require('node:assert/strict')
const { connect } = require('ferrolite/promise')

async function main (url) {
  const db = await connect(url, { authToken: process.env.AUTH_TOKEN })
  await db.exec(`
    DROP TABLE IF EXISTS ferrolite_account;
    CREATE TABLE ferrolite_account (name TEXT PRIMARY KEY, balance INTEGER)
  `)

  // One round trip for all statements, in a transaction.
  const insert = 'INSERT INTO ferrolite_account VALUES (?, ?)'
  const results = await db.batch([[insert, ['Ada', 100]], [insert, ['Grace', 0]]])
  console.log(`${results.length} accounts at ${db.name}`)

  const add = await db.prepare('UPDATE ferrolite_account SET balance = balance + ? WHERE name = ?')
  const move = db.transaction(async (from, to, amount) => {
    const changed = await Promise.all([add.run(-amount, from), add.run(amount, to)])
    if (changed.some(({ changes }) => changes !== 1)) throw new Error('no such account')
  })
  await move.immediate('Ada', 'Grace', 60)
  await assert.rejects(move.immediate('Ada', 'nobody', 30), { message: 'no such account' })

  const accounts = await db.all('SELECT * FROM ferrolite_account ORDER BY name')
  console.table(accounts)
  assert.deepEqual(accounts, [{ name: 'Ada', balance: 40 }, { name: 'Grace', balance: 60 }])

  await db.exec('DROP TABLE ferrolite_account')
  await db.close()
}

const url = process.argv[2] || process.env.DATABASE_URL
if (url) {
  main(url)
} else {
  console.error('Usage: node examples/remote.js URL, such as http://127.0.0.1:8080')
  process.exitCode = 1
}
