'use strict'

// Transactions with promises: what their function calls runs inside, all others wait.

const assert = require('node:assert/strict')
const { connect } = require('ferrolite/promise')
const { setTimeout: sleep } = require('node:timers/promises')

async function main () {
  const db = await connect(':memory:', { leaseTimeout: 5000 })
  await db.exec(`
    CREATE TABLE account (name TEXT PRIMARY KEY, cents INTEGER CHECK (cents >= 0));
    INSERT INTO account VALUES ('Ada', 10000), ('Bob', 500);
  `)
  const add = await db.prepare('UPDATE account SET cents = cents + ? WHERE name = ?')
  const select = await db.prepare('SELECT cents FROM account ORDER BY name')
  const balances = () => select.pluck().all()

  const move = db.transaction(async (from, to, cents) => {
    await add.run(cents, to)
    await sleep(10)
    await add.run(-cents, from)
  })

  // The sum of money is the same at any time: this read waits for the transaction.
  const moving = move.immediate('Ada', 'Bob', 2500)
  console.log('after the first move:', await balances())
  await moving
  assert.deepEqual(await balances(), [7500, 3000])

  // Bob cannot pay: what Ada was given is taken back, and the error goes on.
  await assert.rejects(move('Bob', 'Ada', 9999), { code: 'SQLITE_CONSTRAINT_CHECK' })
  console.log('after the failed one:', await balances())
  assert.deepEqual(await balances(), [7500, 3000])

  // Inside another transaction it is a savepoint: a part fails, the rest is kept.
  const moveAll = db.transaction(async (moves) => {
    const ended = await Promise.allSettled(moves.map((args) => move(...args)))
    return ended.filter(({ status }) => status === 'rejected').length
  })
  const failed = await moveAll([['Ada', 'Bob', 100], ['Bob', 'Ada', 9999], ['Ada', 'Bob', 200]])
  console.log(`after three more, of which ${failed} failed:`, await balances())
  assert.equal(failed, 1)
  assert.deepEqual(await balances(), [7200, 3300])

  // A missing await is found, and nothing is committed.
  const forgetful = db.transaction(async () => { add.run(1, 'Ada') })
  await assert.rejects(forgetful(), /is an await missing/)
  console.log('after the forgetful one:', await balances())
  assert.deepEqual(await balances(), [7200, 3300])

  await db.close()
}

main()
