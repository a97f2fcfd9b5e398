'use strict'

// A counter service whose database is in Redis. It is killed in the middle of its work and started
// again, and goes on where it was: nothing that it said is lost.
//
//   node examples/kv-counter.js                    starts a Redis of its own
//   node examples/kv-counter.js redis://localhost  takes yours: `appendonly yes`, `appendfsync always`

const assert = require('node:assert/strict')
const { spawn } = require('node:child_process')
const { once } = require('node:events')
const { createInterface } = require('node:readline')
const { connect } = require('ferrolite/promise')
const { redisStore } = require('ferrolite/stores/redis')

async function serve (url) {
  const { Redis } = require('ioredis')
  // A command whose connection is cut fails at once: the database asks what became of it.
  const client = new Redis(url, { maxRetriesPerRequest: 0 })
  const db = await connect('counter', { store: redisStore(client) })
  await db.exec('CREATE TABLE IF NOT EXISTS counter (name TEXT PRIMARY KEY, n INTEGER NOT NULL)')
  const add = await db.prepare(`INSERT INTO counter VALUES ('visits', 1)
    ON CONFLICT DO UPDATE SET n = n + 1 RETURNING n`)
  for (;;) {
    const { n } = await add.get()
    // Once it is said, it is stored.
    console.log(n)
  }
}

/** Runs the service up to so many numbers, kills it, and gives them. */
async function runService (url, count) {
  const service = spawn(process.execPath, [__filename, 'serve', url], { stdio: ['ignore', 'pipe', 'inherit'] })
  const numbers = []
  for await (const line of createInterface(service.stdout)) {
    numbers.push(Number(line))
    if (numbers.length === count) service.kill('SIGKILL')
  }
  if (service.exitCode === null && service.signalCode === null) await once(service, 'exit')
  return numbers
}

async function main (url) {
  let last = 0
  for (let run = 1; run <= 3; run++) {
    const numbers = await runService(url, 50)
    console.log(`run ${run}: counted from ${numbers[0]} to ${numbers.at(-1)}, then killed`)
    // The kill may have come after a commit and before it was said.
    assert.ok(numbers[0] >= last + 1 && numbers[0] <= last + 2, `${numbers[0]} after ${last}`)
    numbers.forEach((n, i) => assert.equal(n, numbers[0] + i))
    last = numbers.at(-1)
  }
}

async function start () {
  const [first, url] = process.argv.slice(2)
  if (first === 'serve') return serve(url)
  if (first) return main(first)
  const { startRedis, unavailable } = require('../test/servers/redis')
  if (unavailable()) return console.log(`No Redis: ${unavailable()}`)
  const undo = []
  try {
    const { port } = await startRedis({ after: (fn) => undo.push(fn) })
    await main(`redis://127.0.0.1:${port}`)
  } finally {
    for (const fn of undo.reverse()) await fn()
  }
}

start()
