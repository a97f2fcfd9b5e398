'use strict'

// One primary, two read replicas (sqld) and processes with embedded replicas, on this machine:
// reads and writes per second, how late a replica sees a commit, and how many bytes that takes.

const { setTimeout: sleep } = require('node:timers/promises')
const { median } = require('../measure')
const { perSecond, table } = require('../table')

const ROUNDS = { full: 7, quick: 1 }
const SLICE = 1000
const WARM_UP = 300
const CLIENTS = [1, 2, 4]
const COMMITS_A_ROUND = 50
const PAUSE = [10, 50]
const SYNCS = 20
const MORE = 1000

const rate = perSec => perSecond(1e9 / perSec)
const counted = k => `${k} client${k > 1 ? 's' : ''}`
const milliseconds = ns => `${(ns / 1e6).toFixed(1)} ms`

// Each works for a slice, all of a group at the same time; groups take turns.
async function rates (groups, what, rounds) {
  const samples = groups.map(() => [])
  const refusals = groups.map(() => 0)
  // Code and caches are warmed up first.
  for (const { clients } of groups) await Promise.all(clients.map(({ ask }) => ask(what, WARM_UP)))
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < groups.length; i++) {
      const k = (i + round) % groups.length
      const { clients, during } = groups[k]
      const stop = during?.()
      const each = await Promise.all(clients.map(({ ask }) => ask(what, SLICE)))
      await stop?.()
      samples[k].push(each.reduce((sum, { rate }) => sum + rate, 0))
      refusals[k] += each.reduce((sum, { refused }) => sum + refused, 0)
    }
  }
  return { values: samples.map(median), refusals }
}

// A write every 20 ms until the returned function is called.
function writing (db) {
  const over = new AbortController()
  const running = (async () => {
    while (!over.signal.aborted) {
      await db.run('INSERT INTO log (text) VALUES (?)', 'text of a row')
      await sleep(20)
    }
  })()
  return () => {
    over.abort()
    return running
  }
}

async function measureReads (cluster, db, rounds) {
  const { primary, replicas } = cluster
  const many = async open => {
    const list = []
    for (let i = 0; i < CLIENTS.at(-1); i++) list.push(await open(i))
    return list
  }
  const kinds = {
    'embedded replicas': await many(i => cluster.client(primary.url, `embedded-${i}`, 0)),
    'the same, following 50 commits a second':
      await many(i => cluster.client(primary.url, `following-${i}`, 0.1)),
    'remote, two read replicas': await many(i => cluster.client(replicas[i % 2].url)),
    'remote, the primary': await many(() => cluster.client(primary.url))
  }
  const rows = [['reads of one row', ...CLIENTS.map(counted),
    `each of ${CLIENTS.at(-1)}`]]
  const groups = Object.entries(kinds).flatMap(([name, clients]) => CLIENTS.map(k => ({
    clients: clients.slice(0, k),
    during: name.includes('following') ? () => writing(db) : undefined
  })))
  const { values } = await rates(groups, 'reads', rounds)
  for (const name of Object.keys(kinds)) {
    const some = values.splice(0, CLIENTS.length)
    rows.push([name, ...some.map(rate), rate(some.at(-1) / CLIENTS.at(-1))])
  }
  for (const { leave } of Object.values(kinds).flat()) await leave()
  return rows
}

async function measureWrites (cluster, db, rounds) {
  const { primary, replicas } = cluster
  const remote = []
  for (let i = 0; i < CLIENTS.at(-1); i++) remote.push(await cluster.client(primary.url))
  const others = {
    'one embedded replica': await cluster.client(primary.url, 'writer', 0),
    'one client of a read replica': await cluster.client(replicas[0].url)
  }
  const groups = [
    ...CLIENTS.map(k => ({ name: `${counted(k)} of the primary`, clients: remote.slice(0, k) })),
    ...Object.entries(others).map(([name, client]) => ({ name, clients: [client] }))
  ]
  const single = await rates(groups, 'writes', rounds)
  const batches = await rates(groups, 'batches', rounds)
  for (const { leave } of [...remote, ...Object.values(others)]) await leave()
  return [['rows written by', 'commits of one', 'batches of 100', 'refused'],
    ...groups.map(({ name }, i) => [name, rate(single.values[i]), rate(batches.values[i]),
      String(single.refusals[i] + batches.refusals[i])])]
}

// The time from the server's word that it has committed to the first read that shows it.
async function lag (client, insert, count, explicit) {
  const { lastInsertRowid: last } = insert.run('begin')
  await sleep(300)
  const watching = client.ask('watch', { last, count, explicit })
  await sleep(300)
  const committed = {}
  for (let i = 0; i < count; i++) {
    const { lastInsertRowid } = insert.run('text of a row')
    committed[lastInsertRowid] = process.hrtime.bigint()
    await sleep(PAUSE[0] + Math.random() * (PAUSE[1] - PAUSE[0]))
  }
  const seen = await watching
  // It can be there before the one who wrote it hears of it.
  const lags = Object.entries(committed)
    .map(([id, time]) => Math.max(0, Number(BigInt(seen[id]) - time)))
    .sort((a, b) => a - b)
  return [0.5, 0.99].map(part => milliseconds(lags[Math.floor(part * (lags.length - 1))]))
}

async function measureLag (cluster, _, rounds) {
  const Database = require('../..')
  const { primary, replicas } = cluster
  const db = new Database(primary.url)
  const insert = db.prepare('INSERT INTO log (text) VALUES (?)')
  const watchers = {
    'embedded, syncPeriod 0.1': [primary.url, 'slow', 0.1],
    'embedded, syncPeriod 0.01': [primary.url, 'quick', 0.01],
    'embedded, sync() in a loop': [primary.url, 'loop', 0],
    'a read replica': [replicas[0].url],
    'embedded, sync() in a loop from a read replica': [replicas[0].url, 'behind', 0],
    'the primary itself, asked in a loop': [primary.url]
  }
  const rows = [['visible after a commit', 'p50', 'p99']]
  for (const [name, args] of Object.entries(watchers)) {
    const watcher = await cluster.client(...args)
    rows.push([name, ...await lag(watcher, insert, rounds * COMMITS_A_ROUND, name.includes('loop'))])
    await watcher.leave()
  }
  db.close()
  return rows
}

const inserts = rows => Array.from({ length: rows },
  () => ['INSERT INTO log (text) VALUES (?)', ['text of a row']])
const number = n => Math.round(n).toLocaleString('en-US')

async function measureBytes (cluster, db) {
  const { connect } = require('../../promise')
  const { primary, dir } = cluster
  const meter = await cluster.meter(primary.httpPort)
  const open = name => connect(`${dir}/${name}.db`, { syncUrl: meter.url })
  const rows = [['sync() of an embedded replica', 'frames', 'to the server', 'from it']]
  const first = async (replica, what) => {
    meter.take()
    const { frames_synced: frames } = await replica.sync()
    const { up, down } = meter.take()
    const { page_count: pages } = await replica.get('SELECT page_count FROM pragma_page_count')
    rows.push([`the first, ${number(pages)} pages of 4 KiB${what}`, ...[frames, up, down].map(number)])
  }
  const replica = await open('metered')
  await first(replica, ', just made')
  const kinds = { 'of nothing': 0, 'of a commit of 1 row': 1, 'of a commit of 100 rows': 100 }
  for (const [name, count] of Object.entries(kinds)) {
    const samples = { frames: [], up: [], down: [] }
    for (let i = 0; i < SYNCS; i++) {
      if (count > 0) await db.batch(inserts(count))
      meter.take()
      samples.frames.push((await replica.sync()).frames_synced)
      const { up, down } = meter.take()
      samples.up.push(up)
      samples.down.push(down)
    }
    rows.push([name, ...Object.values(samples).map(list => number(median(list)))])
  }
  for (let i = 0; i < MORE; i++) await db.batch(inserts(1))
  const late = await open('late')
  await first(late, `, ${number(MORE)} commits later`)
  for (const one of [replica, late]) await one.close()
  return rows
}

// What a read replica fetches by itself, for whoever reads from it.
async function measureStream (cluster, db) {
  const meter = await cluster.meter(new URL(cluster.primary.grpcUrl).port)
  await cluster.follower(meter.url)
  await sleep(2000)
  meter.take()
  await sleep(5000)
  const idle = meter.take()
  const rows = [['what a read replica fetches', 'to the primary', 'from it']]
  rows.push(['per second of nothing', ...Object.values(idle).map(n => number(n / 5))])
  for (const count of [1, 100]) {
    for (let i = 0; i < SYNCS; i++) {
      await db.batch(inserts(count))
      await sleep(50)
    }
    await sleep(1000)
    rows.push([`per commit of ${count} row${count > 1 ? 's' : ''}`,
      ...Object.values(meter.take()).map(n => number(n / SYNCS))])
  }
  return rows
}

// Each part has servers of its own.
const PARTS = [{
  name: 'reads',
  text: 'Reads per second, of all clients together; each client is a process and makes one call at a time.',
  followers: 2,
  run: measureReads
}, {
  name: 'writes',
  text: 'Rows written per second, one call at a time by each; whoever writes, the primary commits. ' +
    'Refused: calls that ended with SQLITE_BUSY, in all rounds.',
  followers: 1,
  run: measureWrites
}, {
  name: 'lag',
  text: "From the primary's word that it has committed to the first read that shows it.",
  followers: 1,
  run: measureLag
}, {
  name: 'bytes',
  text: 'Bytes between an embedded replica and the primary.',
  followers: 0,
  run: measureBytes
}, {
  name: 'stream',
  text: 'Bytes between a read replica and the primary.',
  followers: 0,
  run: measureStream
}]

async function measurePart ({ followers, run }, rounds) {
  const { connect } = require('../../promise')
  const { Cluster } = require('../scale/cluster')
  const cluster = new Cluster()
  try {
    await cluster.start(followers)
    const db = await connect(cluster.primary.url)
    const rows = await run(cluster, db, rounds)
    await db.close()
    return rows
  } finally {
    await cluster.close()
  }
}

function names () {
  return PARTS
}

function machine () {
  return require('../processes').surroundings({})
}

async function measure (chosen, { quick }) {
  const parts = []
  for (const part of chosen) {
    process.stderr.write(`${part.name}\n`)
    const rows = await measurePart(part, quick ? ROUNDS.quick : ROUNDS.full)
    parts.push({ text: part.text, rows })
  }
  return { parts }
}

const shared = ({ cores }) => `Servers and clients share the ${cores} cores of this machine: more ` +
  'clients than that cannot be faster than it is.'

function print ({ machine, parts }) {
  console.log(`${shared(machine)}\n`)
  for (const { text, rows } of parts) console.log(`${text}\n\n${table(rows)}\n`)
}

function publish ({ machine, parts }) {
  const { markdown, put } = require('../figures')
  const { date, node, platform, cores, cpu } = machine
  put('bench:scale', [
    `Measured on ${date}: Node ${node}, ${platform}, ${cores} cores (${cpu}).`,
    shared(machine),
    ...parts.flatMap(({ text, rows }) => [text, markdown(rows)])
  ].join('\n\n'))
}

module.exports = { machine, measure, names, print, publish }
