'use strict'

// Record what changes in one database and replay it in another.

const assert = require('node:assert/strict')
const Database = require('ferrolite')

const schema = 'CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT)'
const laptop = new Database(':memory:').exec(schema)
const phone = new Database(':memory:').exec(schema)
const notes = (db) => db.prepare('SELECT text FROM note ORDER BY id').pluck().all()

const session = laptop.createSession({ table: 'note' })
laptop.exec("INSERT INTO note VALUES (1, 'buy milk'), (2, 'call Ada')")
const changeset = session.changeset()
session.close()

console.log(`a changeset of ${changeset.length} bytes`)
assert.equal(phone.applyChangeset(changeset), true)
console.log('on the phone:', notes(phone))
assert.deepEqual(notes(phone), ['buy milk', 'call Ada'])

// Row 2 is there already, so applying again conflicts: the callback decides.
phone.exec("DELETE FROM note WHERE id = 1; UPDATE note SET text = 'call Bob' WHERE id = 2")
const { SQLITE_CHANGESET_CONFLICT, SQLITE_CHANGESET_OMIT } = Database.constants
const conflicts = []
phone.applyChangeset(changeset, {
  filter: (table) => table === 'note',
  onConflict (type) {
    conflicts.push(type)
    return SQLITE_CHANGESET_OMIT
  }
})
console.log('after a conflict:', notes(phone))
assert.deepEqual(conflicts, [SQLITE_CHANGESET_CONFLICT])
assert.deepEqual(notes(phone), ['buy milk', 'call Bob'])

laptop.close()
phone.close()
