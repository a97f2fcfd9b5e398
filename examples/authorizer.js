'use strict'

// Decide what SQL may touch, before it runs.

const assert = require('node:assert/strict')
const Database = require('ferrolite')

const { ALLOW, DENY } = Database.Authorization
const db = new Database(':memory:')
db.exec(`
  CREATE TABLE post (id, title); INSERT INTO post VALUES (1, 'Hello');
  CREATE TABLE secret (token); INSERT INTO secret VALUES ('s3cret');
  CREATE TABLE log_2024 (line); CREATE TABLE log_2025 (line);
`)
const allowed = (sql) => {
  try {
    db.prepare(sql)
    return true
  } catch (error) {
    assert.equal(error.code, 'SQLITE_AUTH')
    return false
  }
}

// By table; a table that is not named is denied.
db.authorizer({ post: ALLOW, secret: DENY })
console.log('post:', allowed('SELECT * FROM post'), 'secret:', allowed('SELECT * FROM secret'))
assert.equal(allowed('SELECT * FROM post'), true)
assert.equal(allowed('SELECT * FROM secret'), false)
assert.equal(allowed('SELECT * FROM log_2024'), false)

// By rules; the first that matches decides. 20 and 21 are SQLITE_READ and SQLITE_SELECT.
db.authorizer({
  rules: [
    { action: 20, table: { glob: 'log_*' }, policy: ALLOW },
    { action: 21, policy: ALLOW }
  ],
  defaultPolicy: DENY
})
console.log('read a log:', allowed('SELECT * FROM log_2025'))
console.log('empty a log:', allowed('DELETE FROM log_2025'))
assert.equal(allowed('SELECT * FROM log_2025'), true)
assert.equal(allowed('DELETE FROM log_2025'), false)
assert.equal(allowed('SELECT * FROM post'), false)

db.authorizer(null)
assert.equal(allowed('SELECT * FROM secret'), true)
db.close()
