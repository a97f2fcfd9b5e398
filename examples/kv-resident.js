'use strict'

// A game server whose database is in a slow store, and never waits for it: all pages are in memory,
// calls of the sync API answer at once, and the store gets the moves of a turn in one write.
//
//   node examples/kv-resident.js

const assert = require('node:assert/strict')
const { setTimeout: sleep } = require('node:timers/promises')
const { connect } = require('ferrolite/promise')
const { mapStore } = require('ferrolite/stores/map')

/** A store as it is at the other end of a network: each call takes 20 ms. */
function farAway (store) {
  const calls = { reads: 0, writes: 0 }
  const later = (name, kind) => async (...args) => {
    calls[kind]++
    await sleep(20)
    return store[name](...args)
  }
  const reads = ['get', 'getBatch', 'list'].map((name) => [name, later(name, 'reads')])
  const writes = ['put', 'putBatch', 'putIfAbsent', 'deleteBatch'].map((name) => [name, later(name, 'writes')])
  return { calls, store: Object.fromEntries([...reads, ...writes]) }
}

async function main () {
  const { calls, store } = farAway(mapStore())
  const db = await connect('game', { store, mode: 'resident' })
  db.exec('CREATE TABLE move (id INTEGER PRIMARY KEY, player TEXT NOT NULL, square INTEGER NOT NULL)')
  const add = db.prepare('INSERT INTO move (player, square) VALUES (?, ?)')
  await db.flush()

  const before = calls.writes
  for (let i = 0; i < 1000; i++) add.run(i % 2 === 0 ? 'ann' : 'bob', i % 64)
  const { moves } = db.get("SELECT count(*) AS moves FROM move WHERE player = 'ann'")
  console.log(`1,000 moves, each a transaction; ${moves} are Ann's`)
  assert.equal(calls.writes, before, 'nobody waited for the store')

  // From here on a crash loses none of them.
  await db.flush()
  console.log(`stored by ${calls.writes - before} writes`)
  assert.ok(calls.writes - before < 10)
  await db.close()

  const again = await connect('game', { store, mode: 'resident' })
  assert.deepEqual(again.get('SELECT count(*) AS moves FROM move'), { moves: 1000 })
  console.log('opened again, with all of them')
  await again.close()
}
main()
