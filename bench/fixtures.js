'use strict'

// The tables that workloads read, written once by better-sqlite3 and copied for each driver, so
// that all of them read the same bytes.

const fs = require('node:fs')

const { drivers } = require('./drivers')

const ROWS = 10_000
const MEGABYTE = 1 << 20

function blob (seed, length) {
  return Buffer.from(Array.from({ length }, (_, i) => (seed * 31 + i * 17) & 0xff))
}

const text = i => `row ${i} `.padEnd(16, 'abcdefghijklmnop')
// 16 characters that take one, two, three and four bytes of UTF-8.
const foreign = i => `z\u00fcrich \u6771\u4eac \u{1f600} ${i} `.padEnd(16, '\u00e9')
const mixed = i => [null, i * 104729, i + 0.25, text(i), blob(i, 16)]

const twenty = Array.from({ length: 20 }, (_, c) => `c${c}`)

const tables = {
  mixed: {
    columns: 'id INTEGER PRIMARY KEY, z, i INTEGER, r REAL, t TEXT, b BLOB',
    rows: ROWS,
    row: i => [i, ...mixed(i)]
  },
  ints: {
    columns: `id INTEGER PRIMARY KEY, ${twenty.map(name => `${name} INTEGER`).join(', ')}`,
    rows: ROWS,
    row: i => [i, ...twenty.map((_, c) => i * 1000 + c)]
  },
  texts: {
    columns: 'id INTEGER PRIMARY KEY, t TEXT, f TEXT, b BLOB',
    rows: ROWS,
    row: i => [i, text(i), foreign(i), blob(i, 16)]
  },
  big: {
    columns: 'id INTEGER PRIMARY KEY, t TEXT, f TEXT, b BLOB',
    rows: 1,
    row: i => [i, 'abcdefgh'.repeat(MEGABYTE / 8), '\u00e9'.repeat(MEGABYTE / 2), blob(i, MEGABYTE)]
  },
  sink: {
    columns: 'id INTEGER PRIMARY KEY, i INTEGER, r REAL, t TEXT, b BLOB',
    rows: 0
  }
}

function writeFixture (file, names, rowsOf) {
  const db = drivers['better-sqlite3'].open(file)
  db.pragma('journal_mode = WAL')
  for (const name of names) {
    const { columns, rows, row } = tables[name]
    const width = columns.split(',').length
    db.exec(`CREATE TABLE ${name} (${columns})`)
    const insert = db.prepare(`INSERT INTO ${name} VALUES (${Array(width).fill('?').join()})`)
    const count = rows === 0 ? 0 : rowsOf ?? rows
    db.transaction(() => { for (let i = 1; i <= count; i++) insert.run(row(i)) })()
  }
  db.close()
}

function openInMemory (driver, fixture, names) {
  const db = driver.open(':memory:')
  db.exec(`ATTACH '${fixture}' AS fixture`)
  for (const name of names) {
    db.exec(`CREATE TABLE ${name} (${tables[name].columns})`)
    db.exec(`INSERT INTO ${name} SELECT * FROM fixture.${name}`)
  }
  db.exec('DETACH fixture')
  return db
}

function openFile (driver, fixture, file) {
  fs.copyFileSync(fixture, file)
  return driver.open(file)
}

// One connection per driver, each to its own copy, all with the same settings.
function openCopy (driver, fixture, file, names) {
  const db = process.env.BENCH_MEMORY
    ? openInMemory(driver, fixture, names)
    : openFile(driver, fixture, file)
  db.exec('PRAGMA journal_mode = WAL')
  db.exec('PRAGMA synchronous = NORMAL')
  db.exec('PRAGMA cache_size = -16000')
  db.exec('PRAGMA wal_autocheckpoint = 0')
  return db
}

module.exports = { MEGABYTE, ROWS, blob, mixed, openCopy, text, writeFixture }
