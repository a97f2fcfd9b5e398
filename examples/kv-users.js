'use strict'

// One database a user, all of them in one directory: a file for each value, without a server.

const assert = require('node:assert/strict')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const Database = require('ferrolite')
const { directoryStore } = require('ferrolite/stores/directory')

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ferrolite-'))
const store = directoryStore(folder)

/** Calls `action` with the database of a user, which is created at its first use. */
function withUser (name, action) {
  const db = new Database(`user-${name}`, { store })
  try {
    db.exec('CREATE TABLE IF NOT EXISTS note (id INTEGER PRIMARY KEY, text TEXT NOT NULL)')
    return action(db)
  } finally {
    db.close()
  }
}

const add = (name, text) => withUser(name, (db) => db.run('INSERT INTO note (text) VALUES (?)', text))
const notes = (name) => withUser(name, (db) => db.prepare('SELECT text FROM note').pluck().all())

add('ann', 'buy milk')
add('bob', 'call ann')
add('ann', 'call bob')
for (const name of ['ann', 'bob']) console.log(`${name}: ${notes(name).join(', ')}`)

assert.deepEqual(notes('ann'), ['buy milk', 'call bob'])
assert.deepEqual(notes('bob'), ['call ann'])

// All that a user has is below one name.
fs.rmSync(path.join(folder, 'user-ann'), { recursive: true })
console.log(`ann: ${notes('ann').length} notes`)
assert.deepEqual(notes('ann'), [])

fs.rmSync(folder, { recursive: true })
