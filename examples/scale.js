'use strict'

// The same reads by one process, two and four: over HTTP from a primary and from its read replicas,
// and from embedded replicas, which have the data themselves. node examples/scale.js [SECONDS]
// Each figure takes that long, one second by default; `npm run bench:scale` measures more.

const assert = require('node:assert/strict')
const { fork } = require('node:child_process')
const { once } = require('node:events')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { setTimeout: sleep } = require('node:timers/promises')

const ROWS = 1000
const CLIENTS = [1, 2, 4]
const CATCH_UP = 10_000
const INSERT = 'INSERT INTO item (name, price) VALUES (?, ?)'

// In a process of its own: reads for a given time, and reports how often.
function client (url, file) {
  const Database = require('ferrolite')
  const db = file ? new Database(file, { syncUrl: url }) : new Database(url)
  if (file) db.sync()
  const byId = db.prepare('SELECT name, price FROM item WHERE id = ?')
  process.on('message', (ms) => {
    const start = performance.now()
    let count = 0
    while (performance.now() - start < ms) {
      for (let i = 0; i < 8; i++) byId.get(1 + count++ % ROWS)
    }
    process.send(count * 1000 / (performance.now() - start))
  })
  process.on('disconnect', () => db.close())
  process.send('ready')
}

async function main (ms, folder, undo) {
  const { connect } = require('ferrolite/promise')
  const { primary, followers } = await startServers(folder, undo)
  const db = await connect(primary.url)
  await db.exec('CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT, price REAL)')
  await db.batch(Array.from({ length: ROWS }, (_, i) => [INSERT, [`item ${i}`, i / 2]]))
  const remotes = await Promise.all(followers.map(({ url }) => connect(url)))
  // A read replica begins to fetch with its first request: until then, its database is empty.
  for (const remote of remotes) await until(remote, ROWS)
  console.log(`A primary and two read replicas of it, ${ROWS} rows; ` +
    `servers and clients share ${os.availableParallelism()} cores.\n`)

  line('reads a second', CLIENTS.map((k) => `${k} client${k > 1 ? 's' : ''}`))
  await compare('over HTTP, the primary', ms, undo, () => [primary.url])
  await compare('over HTTP, two read replicas', ms, undo, (i) => [followers[i % 2].url])
  await compare('embedded replicas', ms, undo, (i) => {
    return [primary.url, path.join(folder, `client-${i}.db`)]
  })

  const options = { syncUrl: primary.url, syncPeriod: 0.01 }
  const replica = await connect(path.join(folder, 'replica.db'), options)
  await replica.sync()
  await spread(db, remotes, replica)
  for (const one of [db, ...remotes, replica]) await one.close()
}

async function startServers (folder, undo) {
  const { startSqld } = require('../test/servers/sqld')
  const start = (options) => {
    const dir = fs.mkdtempSync(path.join(folder, 'server-'))
    return startSqld({ after: (fn) => undo.push(fn) }, { ...options, dir })
  }
  const primary = await start({})
  const followers = []
  for (let i = 0; i < 2; i++) followers.push(await start({ primary: primary.grpcUrl }))
  return { primary, followers }
}

// The same reads by more and more clients; `argsOf(i)` says where client i reads.
async function compare (name, ms, undo, argsOf) {
  const clients = []
  for (let i = 0; i < CLIENTS.at(-1); i++) {
    const child = fork(__filename, argsOf(i))
    clients.push(child)
    undo.push(() => child.connected && child.disconnect())
    await once(child, 'message')
  }
  const totals = []
  for (const k of CLIENTS) totals.push(await readsPerSecond(clients.slice(0, k), ms))
  line(name, totals.map((total) => Math.round(total).toLocaleString('en')))
  await Promise.all(clients.map((child) => {
    child.disconnect()
    return once(child, 'exit')
  }))
}

// What is written through a read replica, which sends it on to the primary, gets everywhere.
async function spread (db, remotes, replica) {
  await remotes[0].run(INSERT, ['one more', 1])
  const written = performance.now()
  const waits = await Promise.all([db, remotes[1], replica].map(async (db) => {
    await until(db, ROWS + 1)
    return `${(performance.now() - written).toFixed(1)} ms`
  }))
  console.log(`
A row that was written through one read replica was seen on the primary after ${waits[0]},
on the other read replica after ${waits[1]}, in an embedded replica after ${waits[2]}.`)

  await until(remotes[0], ROWS + 1)
  const all = await Promise.all([db, ...remotes, replica].map((db) => db.all('SELECT * FROM item')))
  for (const rows of all) assert.deepEqual(rows, all[0])
  console.log(`All four have the same ${all[0].length} rows.`)
}

async function readsPerSecond (clients, ms) {
  const each = await Promise.all(clients.map(async (child) => {
    child.send(ms)
    const [count] = await once(child, 'message')
    return count
  }))
  return each.reduce((sum, count) => sum + count, 0)
}

async function until (db, n) {
  for (const start = Date.now(); await count(db) < n; await sleep(1)) {
    if (Date.now() - start > CATCH_UP) throw new Error(`${db.name} does not follow`)
  }
}

async function count (db) {
  try {
    return (await db.get('SELECT count(*) AS n FROM item')).n
  } catch (error) {
    if (error.message === 'no such table: item') return 0
    throw error
  }
}

function line (name, cells) {
  console.log(name.padEnd(28) + cells.map((cell) => cell.padStart(12)).join(''))
}

async function withCleanup (seconds) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ferrolite-scale-'))
  const undo = []
  try {
    await main(seconds * 1000, folder, undo)
  } finally {
    for (const fn of undo.reverse()) await fn()
    fs.rmSync(folder, { recursive: true, force: true })
  }
}

if (process.send) {
  client(...process.argv.slice(2))
} else {
  withCleanup(Number(process.argv[2] ?? 1)).catch((error) => {
    console.error(error.message)
    process.exitCode = 1
  })
}
