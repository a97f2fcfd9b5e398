'use strict'

// `TEST_SECONDS` is how long, `TEST_SEED` what they do.

const assert = require('node:assert/strict')
const { execFile } = require('node:child_process')
const path = require('node:path')
const { promisify } = require('node:util')
const { Worker } = require('node:worker_threads')
const { Database, openAsync, ours, tempFile } = require('../support')
const { setup } = require('./concurrent')

const SECONDS = Number(process.env.TEST_SECONDS ?? 3)
const SEED = Number(process.env.TEST_SEED ?? Date.now() % 1e6)
const ACTOR = path.join(__dirname, 'concurrent.js')

function thread (workerData) {
  return new Promise((resolve, reject) => {
    new Worker(ACTOR, { workerData }).once('message', resolve).once('error', reject)
  })
}

async function run (data) {
  const { stdout } = await promisify(execFile)(process.execPath, [ACTOR, JSON.stringify(data)])
  return JSON.parse(stdout)
}

// A statement is one snapshot.
const WHOLE = `WITH s AS (SELECT rowid AS id, n FROM graph WHERE vector MATCH '[1,2,3,4]' AND k = 100000)
  SELECT count(*) AS found, (SELECT count(*) FROM plain) AS there, ifnull(sum(p.id IS NULL OR p.n IS NOT s.n), 0) AS wrong
  FROM s LEFT JOIN plain p ON p.id = s.id`

ours(`two processes and three threads write and search one file for ${SECONDS} s`, async t => {
  console.log(`TEST_SEED=${SEED}`)
  const file = tempFile(t)
  const db = new Database(file)
  setup(db)
  const data = i => ({ module: require.resolve('../../index.js'), file, seed: SEED + i, seconds: SECONDS })
  const actors = [thread(data(1)), thread(data(2)), thread(data(3)), run(data(4)), run(data(5))]
  // Readers of the promise API beside them.
  const reader = openAsync(t, file, { readers: 2, timeout: 30000 })
  const actorsAre = { done: false }
  const read = async () => {
    let count = 0
    for (; !actorsAre.done; ++count) {
      const { found, there, wrong } = await reader.get(WHOLE)
      assert.deepEqual([found, wrong], [there, 0])
    }
    return count
  }
  const reads = Promise.all([read(), read()])
  reads.catch(() => {})
  const counts = await Promise.all(actors)
  actorsAre.done = true
  console.log(counts.map(count => JSON.stringify(count)).join('\n'), await reads)
  for (const { writes, searches } of counts) assert.ok(writes > 0 && searches > 0)
  assert.ok(counts.some(({ builds }) => builds > 0))
  for (const table of ['exact', 'graph']) db.exec(`INSERT INTO ${table}(${table}) VALUES ('verify')`)
  assert.equal(db.pragma('integrity_check', { simple: true }), 'ok')
  db.close()
})
