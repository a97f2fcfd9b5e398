'use strict'

// An encrypted file: its key, a wrong one, and a new one.

const assert = require('node:assert/strict')
const crypto = require('node:crypto')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const Database = require('ferrolite')

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ferrolite-'))
const file = path.join(folder, 'private.db')
const [first, second] = [crypto.randomBytes(32), crypto.randomBytes(32)]

const db = new Database(file, { encryptionKey: first })
db.exec("CREATE TABLE note (text); INSERT INTO note VALUES ('nobody else reads this')")
assert.equal(fs.readFileSync(file).includes('nobody'), false)
console.log('the file holds no plaintext')

db.rekey(second)
db.close()
try {
  const refused = new Database(file, { encryptionKey: first })
  refused.close()
} catch ({ code }) {
  assert.equal(code, 'SQLITE_NOTADB')
  console.log('the old key does not open it any more')
}

const reader = new Database(file, { encryptionKey: second, readonly: true })
const { text } = reader.prepare('SELECT text FROM note').get()
assert.equal(text, 'nobody else reads this')
console.log(`the new one does: ${text}`)
reader.close()
fs.rmSync(folder, { recursive: true })
