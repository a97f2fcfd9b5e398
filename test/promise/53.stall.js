'use strict'

// The event loop has its turn while work is under way. How long it stalls is a figure of
// `npm run bench:promise`: what a busy machine does to a clock says nothing of Ferrolite.

const assert = require('node:assert/strict')
const { openAsync, ours, tempFile } = require('../support')

const numbers = n => `WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT ${n})`

// How often the event loop turned while `work` was under way; a loop that waits for it turns once.
async function turns (t, work) {
  let count = 0
  let ended = false
  const turn = () => {
    if (ended) return
    count++
    setImmediate(turn)
  }
  setImmediate(turn)
  const start = performance.now()
  await work()
  ended = true
  t.diagnostic(`${count} turns in ${(performance.now() - start).toFixed(0)} ms`)
  return count
}

ours('the event loop turns during a long query', async t => {
  const db = openAsync(t)
  const stmt = await db.prepare(`${numbers(1000000)} SELECT count(*) AS n FROM n`)
  assert.ok(await turns(t, () => stmt.get()) >= 20)
})

ours('the event loop turns while 100,000 rows are written', async t => {
  const db = openAsync(t, tempFile(t))
  await db.exec('CREATE TABLE t (a, b)')
  const stmt = await db.prepare(`INSERT INTO t ${numbers(100000)} SELECT x, 'text ' || x FROM n`)
  assert.ok(await turns(t, () => stmt.run()) >= 20)
})

ours('the event loop turns while 200,000 rows arrive', async t => {
  const db = openAsync(t)
  await db.exec(`CREATE TABLE t (a, b, c); INSERT INTO t ${numbers(200000)} SELECT x, 'text ' || x, x / 3.0 FROM n`)
  const stmt = await db.prepare('SELECT * FROM t')
  const work = async () => assert.equal((await stmt.all()).length, 200000)
  assert.ok(await turns(t, work) >= 5)
})

ours('the event loop turns while an iterator gives 200,000 rows', async t => {
  const db = openAsync(t)
  const stmt = await db.prepare(`${numbers(200000)} SELECT x, 'text ' || x AS b FROM n`)
  const work = async () => {
    let n = 0
    for await (const { x } of stmt.iterate()) n += x
    assert.equal(n, 200000 * 200001 / 2)
  }
  assert.ok(await turns(t, work) >= 5)
})

ours('the event loop turns while 20,000 calls end', async t => {
  const db = openAsync(t)
  const stmt = await db.prepare('SELECT ? AS a')
  const work = () => Promise.all(Array.from({ length: 20000 }, (_, i) => stmt.get(i)))
  assert.ok(await turns(t, work) >= 3)
})

ours('the event loop turns while calls are awaited one by one', async t => {
  const db = openAsync(t)
  const stmt = await db.prepare('SELECT ? AS a')
  const work = async () => {
    for (let i = 0; i < 10000; ++i) assert.deepEqual(await stmt.get(i), { a: i })
  }
  assert.ok(await turns(t, work) >= 5)
})
