'use strict'

// What encryption costs: an encrypted and a plain file side by side, and a second plain one to show
// the noise. `node --expose-gc bench/encryption.js [rounds]`, or `npm run bench:encryption`.

const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const Database = require('../..')
const { measure, median, pairedRatio } = require('../measure')
const { duration, table } = require('../table')

const ROWS = 10_000
const SLICE = 40
const ROUNDS = Number(process.argv[2] ?? 25)
const TEXT = 'x'.repeat(80)
const DRIVERS = { plain: null, again: null, encrypted: 'a passphrase of some length' }

const folder = fs.mkdtempSync(path.join(process.env.BENCH_FOLDER ?? os.tmpdir(), 'ferrolite-'))

// As the other benches have it; `pages` is what the cache holds.
function open (name, encryptionKey, pages) {
  const db = new Database(path.join(folder, name), { encryptionKey })
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

async function compare ([name, workload, pages], index) {
  const databases = Object.entries(DRIVERS).map(([driver, key]) => open(`${index}-${driver}.db`, key, pages))
  try {
    const entries = databases.map((db) => workload(db))
    const [plain, again, encrypted] = await measure(entries, { slice: SLICE, rounds: ROUNDS })
    const times = [plain, encrypted].map((samples) => duration(median(samples)))
    // How many times as long.
    const ratios = [encrypted, again].map((samples) => (1 / pairedRatio(plain, samples)).toFixed(2))
    return [name, ...times, ...ratios]
  } finally {
    for (const db of databases) db.close()
  }
}

async function main () {
  const rows = [['workload', 'plain', 'encrypted', 'ratio', 'control']]
  for (const [index, workload] of WORKLOADS.entries()) rows.push(await compare(workload, index))
  console.log(`Node ${process.versions.node}, ${os.cpus().length} cores (${os.cpus()[0].model})\n`)
  console.log(table(rows))
}

main().finally(() => fs.rmSync(folder, { recursive: true, force: true }))
