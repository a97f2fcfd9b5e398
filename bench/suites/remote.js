'use strict'

// Ferrolite and libsql on one libSQL server on this machine, side by side.
// `npm run bench:remote [-- ROUNDS]`. Publishes its table in docs/performance.md.

const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { measure, median, pairedRatio } = require('../measure')
const { home, start } = require('../peers')
const { duration, table } = require('../table')

// Under whatever Node it is that runs this in the end.
require('node:v8').setFlagsFromString('--expose-gc')
globalThis.gc = require('node:vm').runInNewContext('gc')

const ROUNDS = Number(process.argv[2] ?? 15)
const SLICE = 100
const ROWS = 1000
const BATCH = 100
const IN_TRANSACTION = 10

const again = (n, step) => { for (let i = 0; i < n; ++i) step(i) }

function get (db) {
  const stmt = db.prepare('SELECT id, text, real FROM item WHERE id = ?')
  return { run: n => again(n, i => stmt.get(1 + i % ROWS)) }
}

function all (db) {
  const stmt = db.prepare('SELECT id, text, real FROM item WHERE id > ? LIMIT 100')
  return { run: n => again(n, i => stmt.all(i % (ROWS - 100))) }
}

function insert (db) {
  const stmt = db.prepare('INSERT INTO log (text) VALUES (?)')
  return { run: n => again(n, () => stmt.run('some text')) }
}

// Of Ferrolite alone: on a server, libsql 0.5.29 forgets what BEGIN and transaction() have begun.
function transaction (db, isFerrolite) {
  if (!isFerrolite) return null
  const stmt = db.prepare('INSERT INTO log (text) VALUES (?)')
  const fn = db.transaction(() => again(IN_TRANSACTION, () => stmt.run('some text')))
  return { run: n => again(n, fn) }
}

// Time of one statement of a hundred: libsql 0.5.29 has no batch with parameters for it.
function batch (db, isFerrolite) {
  if (!isFerrolite) return insert(db)
  const statement = ['INSERT INTO log (text) VALUES (?)', ['some text']]
  const list = Array.from({ length: BATCH }, () => statement)
  return { run: n => again(Math.ceil(n / BATCH), () => db.batch(list)) }
}

const WORKLOADS = {
  get,
  'all 100 rows': all,
  insert,
  'transaction of 10 inserts': transaction,
  'insert in a batch of 100': batch
}

async function main () {
  const { startSqld } = require('../../test/servers/sqld')
  const undo = []
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'ferrolite-bench-'))
  try {
    const server = await startSqld({ after: fn => undo.push(fn) }, { dir })
    await compare(server.url)
  } finally {
    for (const fn of undo) await fn()
    fs.rmSync(dir, { recursive: true, force: true })
  }
}

async function compare (url) {
  const { describe, surroundings } = require('../processes')
  const manifest = path.join(home, 'node_modules', 'libsql', 'package.json')
  const { version } = JSON.parse(fs.readFileSync(manifest, 'utf8'))
  const versions = { libsql: { version, sqlite: 'that of sqld' } }
  const machine = surroundings(versions)
  console.log(`${describe(machine)}\n`)
  const [Libsql, Ferrolite] = [require(path.join(home, 'node_modules', 'libsql')), require('../..')]
  const databases = [Libsql, Libsql, Ferrolite].map(Class => new Class(url))
  prepare(databases[2])
  const rows = [['workload', 'libsql', 'ferrolite', 'ratio', 'control']]
  for (const [name, workload] of Object.entries(WORKLOADS)) {
    const entries = databases.map(db => workload(db, db instanceof Ferrolite))
    const settings = { slice: SLICE, rounds: ROUNDS }
    if (entries.includes(null)) {
      const [alone] = await measure(entries.slice(-1), settings)
      rows.push([name, '-', duration(median(alone)), '-', '-'])
    } else {
      const [libsql, control, ferrolite] = await measure(entries, settings)
      const ratios = [ferrolite, control].map(samples => pairedRatio(libsql, samples).toFixed(2))
      rows.push([name, duration(median(libsql)), duration(median(ferrolite)), ...ratios])
    }
    databases[2].exec('DELETE FROM log')
  }
  for (const db of databases) db.close()
  console.log(`Time of one, and how many times as fast Ferrolite is:\n\n${table(rows)}`)
  if (process.argv.length === 2) publish(machine, rows)
}

function prepare (db) {
  db.exec('CREATE TABLE item (id INTEGER PRIMARY KEY, text TEXT, real REAL)')
  db.exec('CREATE TABLE log (text TEXT)')
  const insert = 'INSERT INTO item (text, real) VALUES (?, ?)'
  db.batch(Array.from({ length: ROWS }, (_, i) => [insert, [`text of row ${i}`, i + 0.5]]))
}

function publish (machine, rows) {
  const { markdown, measuredOn, put } = require('../figures')
  put('bench:remote', [
    measuredOn(machine),
    'Time of one, both on the same `sqld` on this machine; the ratio is how many times as fast ' +
    'Ferrolite is, the control is libsql beside itself.',
    markdown(rows)
  ].join('\n\n'))
  console.log('\nPublished in docs/performance.md')
}

start(main)
