'use strict'

// An embedded replica: a file that follows a database on a libSQL server, which is read like any
// local file. The server's URL is the argument or DATABASE_URL, its token AUTH_TOKEN.

const assert = require('node:assert/strict')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { connect } = require('ferrolite/promise')

async function main (syncUrl) {
  const authToken = process.env.AUTH_TOKEN
  // Keep the file, and the next start goes on from what is there, even without the server.
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ferrolite-'))
  const file = path.join(folder, 'replica.db')
  const replica = await connect(file, { syncUrl, authToken })

  // What writes goes to the primary; whoever wrote reads it from then on.
  await replica.exec(`
    DROP TABLE IF EXISTS ferrolite_note;
    CREATE TABLE ferrolite_note (id INTEGER PRIMARY KEY, text TEXT)
  `)
  await replica.run('INSERT INTO ferrolite_note (text) VALUES (?)', 'through the replica')
  console.log(await replica.all('SELECT * FROM ferrolite_note'))

  // What others write comes with sync(), or by itself with the option syncPeriod.
  const other = await connect(syncUrl, { authToken })
  await other.run('INSERT INTO ferrolite_note (text) VALUES (?)', 'from elsewhere')
  const { frame_no: frame } = await replica.sync()
  const notes = await replica.all('SELECT text FROM ferrolite_note ORDER BY id')
  console.log(`Up to frame ${frame} of the primary's log: ${notes.length} notes`)
  assert.deepEqual(notes, [{ text: 'through the replica' }, { text: 'from elsewhere' }])

  const byId = await replica.prepare('SELECT text FROM ferrolite_note WHERE id = ?')
  const start = performance.now()
  for (let i = 0; i < 1000; ++i) await byId.get(1 + i % 2)
  console.log(`1,000 reads from the file took ${(performance.now() - start).toFixed(1)} ms`)

  await replica.exec('DROP TABLE ferrolite_note')
  await Promise.all([replica.close(), other.close()])
  fs.rmSync(folder, { recursive: true })
}

const url = process.argv[2] || process.env.DATABASE_URL
if (url) {
  main(url)
} else {
  console.error('Usage: node examples/replica.js URL, such as http://127.0.0.1:8080')
  process.exitCode = 1
}
