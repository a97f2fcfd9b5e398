'use strict'

// Ferrolite and libsql on one libSQL server on this machine, side by side.

const fs = require('node:fs')
const path = require('node:path')
const { measure, median, pairedRatio } = require('../measure')
const { home } = require('../peers')
const { withServer } = require('../servers')
const { duration, table } = require('../table')

const PACES = {
  full: { slice: 100, rounds: 15 },
  quick: { slice: 30, rounds: 3 }
}
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

function names () {
  return Object.keys(WORKLOADS).map(name => ({ name }))
}

function machine () {
  const { surroundings } = require('../processes')
  const manifest = path.join(home, 'node_modules', 'libsql', 'package.json')
  const { version } = JSON.parse(fs.readFileSync(manifest, 'utf8'))
  return surroundings({ libsql: { version, sqlite: 'that of sqld' } })
}

function run (chosen, { quick }) {
  return withServer(({ url }) => compare(url, chosen, quick ? PACES.quick : PACES.full))
}

async function compare (url, chosen, pace) {
  const [Libsql, Ferrolite] = [require(path.join(home, 'node_modules', 'libsql')), require('../..')]
  const databases = [Libsql, Libsql, Ferrolite].map(Class => new Class(url))
  prepare(databases[2])
  const results = []
  for (const { name } of chosen) {
    const entries = databases.map(db => WORKLOADS[name](db, db instanceof Ferrolite))
    if (entries.includes(null)) {
      const [alone] = await measure(entries.slice(-1), pace)
      results.push({ name, ferrolite: median(alone) })
    } else {
      const [libsql, control, ferrolite] = await measure(entries, pace)
      results.push({
        name,
        libsql: median(libsql),
        ferrolite: median(ferrolite),
        ratio: pairedRatio(libsql, ferrolite),
        control: pairedRatio(libsql, control)
      })
    }
    databases[2].exec('DELETE FROM log')
  }
  for (const db of databases) db.close()
  return { results }
}

function prepare (db) {
  db.exec('CREATE TABLE item (id INTEGER PRIMARY KEY, text TEXT, real REAL)')
  db.exec('CREATE TABLE log (text TEXT)')
  const insert = 'INSERT INTO item (text, real) VALUES (?, ?)'
  db.batch(Array.from({ length: ROWS }, (_, i) => [insert, [`text of row ${i}`, i + 0.5]]))
}

function rows (results) {
  const cell = (value, show) => value === undefined ? '-' : show(value)
  const two = value => value.toFixed(2)
  return [['workload', 'libsql', 'ferrolite', 'ratio', 'control'],
    ...results.map(({ name, libsql, ferrolite, ratio, control }) => [name, cell(libsql, duration),
      duration(ferrolite), cell(ratio, two), cell(control, two)])]
}

function print ({ results }) {
  console.log(`Time of one, and how many times as fast Ferrolite is:\n\n${table(rows(results))}`)
}

function publish ({ machine, results }) {
  const { markdown, measuredOn, put } = require('../figures')
  put('bench:remote', [
    measuredOn(machine),
    'Time of one, both on the same `sqld` on this machine; the ratio is how many times as fast ' +
    'Ferrolite is, the control is libsql beside itself.',
    markdown(rows(results))
  ].join('\n\n'))
}

module.exports = { machine, measure: run, names, print, publish }
