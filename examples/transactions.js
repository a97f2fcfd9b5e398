'use strict'

// A transaction is a function: it commits when it returns and rolls back when it throws.

const assert = require('node:assert/strict')
const Database = require('ferrolite')

const db = new Database(':memory:')
db.exec(`
  CREATE TABLE account (name TEXT PRIMARY KEY, cents INTEGER CHECK (cents >= 0));
  INSERT INTO account VALUES ('Ada', 10000), ('Bob', 500);
`)
const add = db.prepare('UPDATE account SET cents = cents + ? WHERE name = ?')
const balances = () => db.prepare('SELECT cents FROM account ORDER BY name').pluck().all()

const move = db.transaction((from, to, cents) => {
  add.run(cents, to)
  add.run(-cents, from)
})

move('Ada', 'Bob', 2500)
console.log('after the first move:', balances())
assert.deepEqual(balances(), [7500, 3000])

// Bob cannot pay: what Ada was given is taken back, and the error goes on.
assert.throws(() => move('Bob', 'Ada', 9999), { code: 'SQLITE_CONSTRAINT_CHECK' })
console.log('after the failed one:', balances())
assert.deepEqual(balances(), [7500, 3000])

// Inside another transaction it is a savepoint: a part fails, the rest is kept.
const moveAll = db.transaction((moves) => {
  let failed = 0
  for (const args of moves) {
    try {
      move(...args)
    } catch (error) {
      if (!db.inTransaction) throw error // SQLite itself gave the whole transaction up
      failed++
    }
  }
  return failed
})

// Locks for writing at the start, not at the first write.
const failed = moveAll.immediate([['Ada', 'Bob', 100], ['Bob', 'Ada', 9999], ['Ada', 'Bob', 200]])
console.log(`after three more, of which ${failed} failed:`, balances())
assert.equal(failed, 1)
assert.deepEqual(balances(), [7200, 3300])

db.close()
