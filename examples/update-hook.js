'use strict'

// Hear of every row that this connection changes, for instance to drop it from a cache.

const assert = require('node:assert/strict')
const Database = require('ferrolite')

const db = new Database(':memory:')
db.exec('CREATE TABLE user (id INTEGER PRIMARY KEY, name TEXT)')

const cache = new Map()
const select = db.prepare('SELECT name FROM user WHERE id = ?').pluck()
function nameOf (id) {
  if (!cache.has(id)) cache.set(id, select.get(id))
  return cache.get(id)
}

const seen = []
const listener = ({ operation, table, rowid }) => {
  seen.push(`${operation} ${table} ${rowid}`)
  cache.delete(rowid)
}
db.on('update', listener)

db.exec("INSERT INTO user VALUES (1, 'Ada'), (2, 'Bob')")
assert.equal(nameOf(2), 'Bob')
db.prepare('UPDATE user SET name = ? WHERE id = ?').run('Grace', 2)
assert.equal(nameOf(2), 'Grace')
console.log('user 2 is', nameOf(2))

db.off('update', listener)
db.exec('DELETE FROM user WHERE id = 1')
console.log(seen)
assert.deepEqual(seen, ['insert user 1', 'insert user 2', 'update user 2'])

db.close()
