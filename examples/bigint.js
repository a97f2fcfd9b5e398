'use strict'

// SQLite's integers have 64 bits, JavaScript's numbers 53: where that matters, ask for bigints.

const assert = require('node:assert/strict')
const Database = require('ferrolite')

const db = new Database(':memory:')
db.exec('CREATE TABLE message (id INTEGER PRIMARY KEY, text TEXT)')
const insert = db.prepare('INSERT INTO message VALUES (?, ?)')
insert.run(2n ** 60n + 1n, 'a snowflake')

const byText = db.prepare('SELECT id FROM message WHERE text = ?').pluck()
console.log('as a number:', byText.get('a snowflake'), '(rounded)')
console.log('as a bigint:', byText.safeIntegers().get('a snowflake'))
assert.equal(byText.get('a snowflake'), 1152921504606846977n)

// For every statement and function made from now on.
db.defaultSafeIntegers()
const { changes, lastInsertRowid } = db.prepare("INSERT INTO message (text) VALUES ('next')").run()
console.log('lastInsertRowid:', lastInsertRowid, 'changes:', changes)
assert.equal(lastInsertRowid, 1152921504606846978n)
assert.equal(changes, 1)

// A number is bound as a float, a bigint as an integer; 64 bits are all there is.
const types = db.prepare('SELECT typeof(?), typeof(?)').raw().get(1, 1n)
console.log('bound as:', types)
assert.deepEqual(types, ['real', 'integer'])
assert.throws(() => insert.run(2n ** 63n, 'too big'), RangeError)

db.close()
