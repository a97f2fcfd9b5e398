'use strict'

// The promise API: a connection with a thread of its own, and the event loop goes on.

const assert = require('node:assert/strict')
const { connect } = require('ferrolite/promise')

async function main () {
  const db = await connect(':memory:')
  await db.exec('CREATE TABLE city (id INTEGER PRIMARY KEY, name TEXT, people INTEGER)')

  // Calls that are made together cross to the thread together, and run in this order.
  const insert = await db.prepare('INSERT INTO city (name, people) VALUES (?, ?)')
  const cities = [['Oslo', 717000], ['Bergen', 291000], ['Tromsø', 78000]]
  const results = await Promise.all(cities.map((city) => insert.run(city)))
  console.log('ids:', results.map(({ lastInsertRowid }) => lastInsertRowid))
  assert.equal(results.length, 3)

  // SQL without a statement: one value, an array, or an object of names.
  const oslo = await db.get('SELECT * FROM city WHERE name = :name', { name: 'Oslo' })
  console.log('found:', oslo)
  assert.deepEqual(oslo, { id: 1, name: 'Oslo', people: 717000 })

  const names = []
  for await (const { name } of db.iterate('SELECT name FROM city ORDER BY people')) names.push(name)
  console.log('by size:', names)
  assert.deepEqual(names, ['Tromsø', 'Bergen', 'Oslo'])

  // A long query leaves this thread to others.
  let ticks = 0
  const timer = setInterval(() => ticks++, 1)
  const { s } = await db.get(`
    WITH c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c LIMIT 1000000) SELECT sum(n) AS s FROM c
  `)
  clearInterval(timer)
  console.log(`the sum is ${s}; timers ran meanwhile: ${ticks > 0}`)
  assert.equal(s, 500000500000)
  assert.ok(ticks > 0)

  await db.close()
}

main()
