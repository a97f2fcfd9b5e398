// The same package from an ES module.

import assert from 'node:assert/strict'
import Database, { SqliteError } from 'ferrolite'

const db = new Database(':memory:')
const answer = db.prepare('SELECT 6 * 7').pluck().get()
console.log('the answer:', answer)
assert.equal(answer, 42)
assert.throws(() => db.prepare('nonsense'), SqliteError)
db.close()
