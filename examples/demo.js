'use strict'

// A small HTTP server under load, five ways: better-sqlite3, Ferrolite in its place, promises, a
// report that is cancelled, and a database server that dies. Every number is measured meanwhile.

const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const Database = require('ferrolite')
const { connect } = require('ferrolite/promise')
const { sqld, unavailable } = require('../scripts/sqld')
const { startSqld } = require('../test/servers/sqld')
const { load } = require('./cities')
const { askAndLeave, pause, quantile, startLoad, startServer } = require('./demo/load')
const { bar, bold, dim, explain, judged, live, say, settle, time } = require('./demo/screen')

const RATE = 300
const REPORT_EVERY = 1000
const FRAME = 250
const [major] = process.versions.node.split('.').map(Number)

// 1 is half a minute in all; the tests take less.
const scale = Number(process.argv[2] ?? 1)
const lasts = (seconds) => seconds * 1000 * scale
const number = (n) => n.toLocaleString('en')

async function main (folder, undo) {
  const noServer = await whyNoServer()
  const file = path.join(folder, 'cities.db')
  const ids = makeDatabase(file)
  say(`One small HTTP server. ${RATE} requests a second ask for one city each, and once a`)
  say('second somebody asks for a report on all of them. The bars are the slowest')
  say(`answer of each quarter of a second: ${[2, 15, 60, 400].map(bar).join(' ')} is 2, 15, 60, 400 ms.\n`)

  const before = await betterSqlite3(undo, file, ids)
  const changed = await changedImport(undo, file, ids, before)
  const promises = await withPromises(undo, file, ids, before ?? changed)
  await cancelled(undo, file, ids)
  await killed(undo, folder, ids, noServer)

  const first = before ?? changed
  say(`${bold('In short')}: p99 from ${judged(first.p99)} to ${judged(promises.p99)}, ` +
    `the longest stall from ${judged(first.stall)} to ${judged(promises.stall)}.`)
}

function makeDatabase (file) {
  const db = new Database(file)
  const start = performance.now()
  load(db)
  const ids = db.prepare('SELECT id FROM city ORDER BY population DESC LIMIT 10000').pluck().all()
  const count = number(db.prepare('SELECT count(*) FROM city').pluck().get())
  db.close()
  const size = (fs.statSync(file).size / 1e6).toFixed(0)
  say(dim(`${count} cities of the world in a file of ${size} MB, made in ${time(performance.now() - start)}\n`))
  // In an order that caches do not like.
  return ids.map((_, i) => ids[i * 7919 % ids.length])
}

async function betterSqlite3 (undo, file, ids) {
  title(1, 'better-sqlite3', "require('better-sqlite3')")
  const missing = lacks()
  if (missing) return explain(`Left out: ${missing}.`)
  const seen = await serve(undo, ids, { driver: 'better-sqlite3', args: [file], every: REPORT_EVERY })
  explain(`A report takes ${time(seen.report)}, and nothing else is answered meanwhile.`)
  return seen
}

// It crashes on older ones.
function lacks () {
  if (major < 22) return `better-sqlite3 13 needs Node.js 22, and this is ${process.version}`
  try {
    new (require('better-sqlite3'))(':memory:').close()
  } catch (error) {
    return `better-sqlite3 cannot be loaded (${error.message.split('\n')[0]})`
  }
}

async function changedImport (undo, file, ids, before) {
  title(2, 'one line is changed', "require('ferrolite')")
  const seen = await serve(undo, ids, { driver: 'ferrolite', args: [file], every: REPORT_EVERY })
  const compared = before ? ` instead of ${time(before.report)}` : ''
  explain(`The same code. A report takes ${time(seen.report)}${compared}, and still holds up everybody.`)
  return seen
}

async function withPromises (undo, file, ids, before) {
  title(3, 'promises', "await connect('cities.db', { readers: 2 })")
  const seen = await serve(undo, ids, { driver: 'promise', args: [file], every: REPORT_EVERY })
  explain(`Reports run on threads of their own: p99 is ${time(seen.p99)} instead of ${time(before.p99)}.`)
  return seen
}

async function cancelled (undo, file, ids) {
  title(4, 'a report is cancelled', 'report.all({ signal })')
  const rounds = 3
  const busy = []
  const seen = await serve(undo, ids, {
    driver: 'promise',
    args: [file],
    during: async (server) => {
      for (let i = 0; i < rounds; i++) {
        askAndLeave(server, '/endless', lasts(0.7))
        await pause(lasts(0.68))
        busy.push(server.busy)
        await pause(lasts(0.4))
        busy.push(server.busy)
      }
    }
  })
  const latest = Math.max(...seen.server.stopped.map(({ stopped }) => stopped))
  const percent = (i) => `${Math.round(busy.filter((_, at) => at % 2 === i).reduce((a, b) => a + b) / rounds * 100)} %`
  explain(`${rounds} times somebody asked for a report that takes minutes, and went away. Within ` +
    `${time(latest)} it was stopped: the process used ${percent(0)} of a core before, ${percent(1)} after.`)
}

// It is fetched here, and not while something is measured.
async function whyNoServer () {
  if (unavailable() !== null) return unavailable()
  return await sqld().then(() => null, ({ message }) => message)
}

async function killed (undo, folder, ids, noServer) {
  title(5, 'the database server is killed', "connect('replica.db', { syncUrl })")
  if (noServer) return explain(`Left out: ${noServer}.`)
  const server = await startSqld({ after: (fn) => undo.push(fn) }, { dir: path.join(folder, 'sqld') })
  const primary = await connect(server.url)
  undo.push(() => primary.close())
  await copyCities(path.join(folder, 'cities.db'), primary)

  let dead
  let back
  const seen = await serve(undo, ids, {
    driver: 'replica',
    args: [path.join(folder, 'replica.db'), server.url],
    during: async (web, load) => {
      await pause(lasts(1.2))
      const [from, failed] = [load.times.length, load.failed]
      await server.kill()
      await pause(lasts(2.4))
      const times = load.times.slice(from)
      dead = { p99: quantile(times, 0.99), failed: load.failed - failed, answered: times.length }
      await server.start()
      back = await catchUp(primary, web, ids[0])
    },
    notes: () => dead ? 'it is back' : server.pid === null ? 'kill -9' : ''
  })
  if (seen.failed > 0) throw new Error(`${seen.failed} requests failed`)
  explain(`While libSQL server (sqld) was dead, ${number(dead.answered)} requests were answered and ` +
    `${dead.failed} failed, p99 ${time(dead.p99)}: they read a file that follows it. ${time(back)} ` +
    'after its return, a new write had come by itself.')
}

async function copyCities (file, primary) {
  const from = new Database(file, { readonly: true })
  const rows = from.prepare('SELECT * FROM city ORDER BY population DESC LIMIT 10000').raw().all()
  from.close()
  await primary.exec('CREATE TABLE city (id INTEGER PRIMARY KEY, name, code, population, lat, lon)')
  const insert = 'INSERT INTO city VALUES (?, ?, ?, ?, ?, ?)'
  for (let i = 0; i < rows.length; i += 2000) {
    await primary.batch(rows.slice(i, i + 2000).map((row) => [insert, row]))
  }
}

// A write to the primary, until the server that reads the replica shows it.
async function catchUp (primary, { port }, id) {
  const start = performance.now()
  await primary.run('UPDATE city SET population = 1 WHERE id = ?', [id])
  while (performance.now() - start < 20_000) {
    const answer = await fetch(`http://127.0.0.1:${port}/city/${id}`)
    if ((await answer.json()).population === 1) return performance.now() - start
    await pause(5)
  }
  throw new Error('The replica does not catch up')
}

/** Runs the server under load and shows what it does; gives what was seen. */
async function serve (undo, ids, { driver, args, every = 0, during, notes }) {
  const server = await startServer(undo, driver, ...args)
  // Of every kind of request once before it counts: caches are full, code is compiled.
  const warm = startLoad(server, ids, { rate: RATE, every: every && REPORT_EVERY })
  await pause(lasts(0.4))
  await warm.stop()

  server.stalls = []
  const load = startLoad(server, ids, { rate: RATE, every: every * Math.min(1, scale * 4) })
  let bars = ''
  const line = () => {
    const { p99, stall } = figures(server, load)
    return `   p99 ${judged(p99, 7)}   event loop stalled ${judged(stall, 7)}   ${bars}`
  }
  const timer = setInterval(() => {
    bars += bar(Math.max(0, ...load.recent))
    load.recent = []
    live(`${line()} ${notes?.() ?? ''}`)
  }, FRAME)
  try {
    await (during ? during(server, load) : pause(lasts(4.4)))
  } finally {
    clearInterval(timer)
    await load.stop()
  }
  settle(line())
  await server.end()
  const { reports, failed } = load
  return { ...figures(server, load), report: quantile(reports, 0.5), failed, server }
}

function figures ({ stalls }, { times }) {
  return { p99: quantile(times, 0.99), stall: Math.max(0, ...stalls) }
}

const title = (n, text, code) => say(`${bold(`${n}. ${text}`)}   ${dim(code)}`)

async function withCleanup () {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ferrolite-demo-'))
  fs.mkdirSync(path.join(folder, 'sqld'))
  const undo = []
  try {
    await main(folder, undo)
  } finally {
    for (const fn of undo.reverse()) await fn()
    fs.rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  }
}

withCleanup().catch((error) => {
  console.error(error.message)
  process.exitCode = 1
})
