'use strict'

// Many statements in one transaction and one call, a result for each.

const assert = require('node:assert/strict')
const Database = require('ferrolite')

const db = new Database(':memory:')
const results = db.batch([
  'CREATE TABLE user (id INTEGER PRIMARY KEY, name TEXT UNIQUE)',
  { sql: 'INSERT INTO user (name) VALUES (?), (?)', args: ['Ada', 'Bob'] },
  { sql: 'UPDATE user SET name = :to WHERE name = :from', args: { from: 'Bob', to: 'Grace' } },
  ['SELECT * FROM user WHERE id > ?', [0]]
], 'immediate')

console.log(results[1])
console.log(results[3])
assert.equal(results[1].changes, 2)
assert.deepEqual(results[3].columns, ['id', 'name'])
assert.deepEqual(results[3].rows, [{ id: 1, name: 'Ada' }, { id: 2, name: 'Grace' }])

// One error and nothing of it has happened.
assert.throws(() => db.batch([
  'DELETE FROM user WHERE id = 1',
  "INSERT INTO user (name) VALUES ('Grace')"
]), { code: 'SQLITE_CONSTRAINT_UNIQUE' })
const count = db.prepare('SELECT count(*) FROM user').pluck().get()
console.log('after a failed batch:', count, 'users')
assert.equal(count, 2)

db.close()
