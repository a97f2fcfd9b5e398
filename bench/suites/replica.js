'use strict'

// An embedded replica beside a plain file with the same content and beside libsql's replica, all
// of one libSQL server on this machine. `npm run bench:replica [-- ROUNDS [WORDS ...]]`; without
// arguments it publishes its tables in docs/performance.md.

const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { home, start } = require('../peers')
const { duration, perSecond, ratio, table } = require('../table')

const ROUNDS = Number(process.argv[2] ?? 15)
const WORDS = process.argv.slice(3)
const OF_LOCAL = 0.95
const OF_LIBSQL = 2

const child = path.join(__dirname, '..', 'replica', 'child.js')

const FILL = `
  CREATE TABLE item (id INTEGER PRIMARY KEY, text TEXT, real REAL);
  CREATE TABLE log (id INTEGER PRIMARY KEY, text TEXT);
  WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
  INSERT INTO item SELECT i, 'text of row ' || i, i + 0.5 FROM n`

async function main () {
  const { startSqld } = require('../../test/servers/sqld')
  const undo = []
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'ferrolite-bench-'))
  try {
    const { url } = await startSqld({ after: fn => undo.push(fn) }, { dir })
    const Database = require('../..')
    const db = new Database(url)
    db.exec(FILL)
    db.close()
    compare(url)
  } finally {
    for (const fn of undo) await fn()
    fs.rmSync(dir, { recursive: true, force: true })
  }
}

function compare (url) {
  const { describe, runChild, surroundings } = require('../processes')
  const manifest = path.join(home, 'node_modules', 'libsql', 'package.json')
  const { version } = JSON.parse(fs.readFileSync(manifest, 'utf8'))
  const machine = surroundings({ libsql: { version, sqlite: '3.45.1' } })
  console.log(`${describe(machine)}\n`)
  const results = []
  for (const { name } of require('../replica/workloads')) {
    if (WORDS.length > 0 && !WORDS.some(word => name.includes(word))) continue
    process.stderr.write(`${name}\n`)
    results.push({ name, ...runChild(child, name, url, ROUNDS) })
  }
  const parts = partsOf(results)
  for (const { text, rows } of parts) if (rows.length > 1) console.log(`${text}\n\n${table(rows)}\n`)
  if (process.argv.length === 2) publish(machine, parts)
}

function floor (value, least) {
  if (value === undefined) return '-'
  return ratio(value) + (value < least ? ' (missed)' : '')
}

function partsOf (results) {
  const reads = results.filter(({ kind }) => kind === 'read')
  const writes = results.filter(({ kind }) => kind !== 'read')
  return [{
    text: 'Reads, time of one. `to local` and `to libsql`: how many times as fast a replica of ' +
      `Ferrolite is as a plain file (at least ${OF_LOCAL}) and as a replica of libsql (at least ` +
      `${OF_LIBSQL}); control: a second plain file beside the first.`,
    rows: [['workload', 'local file', 'replica', 'libsql', 'to local', 'to libsql', 'control'],
      ...reads.map(({ name, times, toLocal, toLibsql, control }) => [name,
        ...['local', 'replica', 'libsql'].map(who => times[who] ? duration(times[who]) : '-'),
        floor(toLocal, OF_LOCAL), floor(toLibsql, OF_LIBSQL), ratio(control)])]
  }, {
    text: 'A write with a read of what was written, and syncs, on the same server.',
    rows: [['workload', 'libsql', 'ferrolite', 'ratio', 'control'],
      ...writes.map(({ name, kind, times, toLibsql, control }) => {
        const show = kind === 'pair' ? perSecond : duration
        return [name, times.libsql ? show(times.libsql) : '-', show(times.replica), ratio(toLibsql), ratio(control)]
      })]
  }]
}

function publish (machine, parts) {
  const { markdown, measuredOn, put } = require('../figures')
  put('bench:replica', [
    measuredOn(machine),
    ...parts.flatMap(({ text, rows }) => [text, markdown(rows)])
  ].join('\n\n'))
  console.log('Published in docs/performance.md')
}

start(main)
