'use strict'

// What encryption costs: an encrypted and a plain file side by side, and a second plain one to show
// the noise.

const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { measure, median, pairedRatio } = require('../measure')
const { duration, table } = require('../table')

const ROWS = 10_000
const PACES = {
  full: { slice: 40, rounds: 25 },
  quick: { slice: 10, rounds: 5 }
}
const TEXT = 'x'.repeat(80)
const DRIVERS = { plain: null, again: null, encrypted: 'a passphrase of some length' }

// As the other benches have it; `pages` is what the cache holds.
function open (file, encryptionKey, pages) {
  const Database = require('../..')
  const db = new Database(file, { encryptionKey })
  db.pragma('journal_mode = WAL')
  db.pragma('synchronous = NORMAL')
  db.pragma(`cache_size = ${pages}`)
  db.pragma('wal_autocheckpoint = 0')
  db.exec('CREATE TABLE item (id INTEGER PRIMARY KEY, text TEXT); CREATE TABLE log (id INTEGER PRIMARY KEY, text TEXT)')
  const insert = db.prepare('INSERT INTO item (text) VALUES (?)')
  db.transaction(() => { for (let i = 0; i < ROWS; ++i) insert.run(TEXT) })()
  db.pragma('wal_checkpoint(TRUNCATE)')
  return db
}

function get (db) {
  const stmt = db.prepare('SELECT id, text FROM item WHERE id = ?')
  let id = 0
  return {
    run (n) {
      // Meets every row, and comes back to a page only after many others.
      for (let i = 0; i < n; ++i) stmt.get(1 + (id = (id + 3701) % ROWS))
    }
  }
}

function all (db) {
  const stmt = db.prepare('SELECT id, text FROM item')
  return { run (n) { for (let i = 0; i < n; ++i) stmt.all() } }
}

function writing (db, run) {
  return {
    run,
    reset () {
      db.exec('DELETE FROM log')
      db.pragma('wal_checkpoint(TRUNCATE)')
    }
  }
}

function insertMany (db) {
  const stmt = db.prepare('INSERT INTO log (text) VALUES (?)')
  const insert = db.transaction((n) => { for (let i = 0; i < n; ++i) stmt.run(TEXT) })
  return writing(db, (n) => insert(n))
}

function insertOne (db) {
  const stmt = db.prepare('INSERT INTO log (text) VALUES (?)')
  return writing(db, (n) => { for (let i = 0; i < n; ++i) stmt.run(TEXT) })
}

// With room for 40 pages of the file's 270, pages are read and decrypted again and again.
const WORKLOADS = [
  ['get', get, 4000],
  ['all, 10,000 rows', all, 4000],
  ['insert in a transaction', insertMany, 4000],
  ['insert, one by one', insertOne, 4000],
  ['get, small cache', get, 40],
  ['all, 10,000 rows, small cache', all, 40]
]

async function compare ([name, workload, pages], folder, pace) {
  const databases = Object.entries(DRIVERS)
    .map(([driver, key]) => open(path.join(folder, `${driver}.db`), key, pages))
  try {
    const entries = databases.map((db) => workload(db))
    const [plain, again, encrypted] = await measure(entries, pace)
    // How many times as long.
    const longer = samples => 1 / pairedRatio(plain, samples)
    const [times, ratios] = [[plain, encrypted].map(median), [encrypted, again].map(longer)]
    return { name, plain: times[0], encrypted: times[1], ratio: ratios[0], control: ratios[1] }
  } finally {
    for (const db of databases) db.close()
  }
}

function names () {
  return WORKLOADS.map(([name]) => ({ name }))
}

function machine () {
  const { surroundings } = require('../processes')
  const Database = require('../..')
  const db = new Database(':memory:')
  const sqlite = db.prepare('SELECT sqlite_version()').pluck().get()
  db.close()
  const { version } = require('../../package.json')
  return surroundings({ ferrolite: { version, sqlite } })
}

async function run (chosen, { quick }) {
  const results = []
  for (const { name } of chosen) {
    process.stderr.write(`${name}\n`)
    const folder = fs.mkdtempSync(path.join(process.env.BENCH_FOLDER ?? os.tmpdir(), 'ferrolite-'))
    try {
      const workload = WORKLOADS.find(([other]) => other === name)
      results.push(await compare(workload, folder, quick ? PACES.quick : PACES.full))
    } finally {
      fs.rmSync(folder, { recursive: true, force: true })
    }
  }
  return { results }
}

function rows (results) {
  return [['workload', 'plain', 'encrypted', 'ratio', 'control'],
    ...results.map(({ name, plain, encrypted, ratio, control }) => [name, duration(plain),
      duration(encrypted), ratio.toFixed(2), control.toFixed(2)])]
}

function print ({ results }) {
  console.log(table(rows(results)))
}

function publish ({ machine, results }) {
  const { markdown, measuredOn, put } = require('../figures')
  put('bench:encryption', [measuredOn(machine), markdown(rows(results))].join('\n\n'))
}

module.exports = { machine, measure: run, names, print, publish }
