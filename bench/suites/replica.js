'use strict'

// An embedded replica beside a plain file with the same content and beside libsql's replica, all
// of one libSQL server on this machine.

const fs = require('node:fs')
const path = require('node:path')
const { measureEach } = require('../choose')
const { home } = require('../peers')
const { withServer } = require('../servers')
const { duration, perSecond, ratio, table } = require('../table')

const ROUNDS = { full: 15, quick: 3 }
const OF_LOCAL = 0.95
const OF_LIBSQL = 2

const CHILD = path.join(__dirname, '..', 'replica', 'child.js')

const FILL = `
  CREATE TABLE item (id INTEGER PRIMARY KEY, text TEXT, real REAL);
  CREATE TABLE log (id INTEGER PRIMARY KEY, text TEXT);
  WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
  INSERT INTO item SELECT i, 'text of row ' || i, i + 0.5 FROM n`

function names () {
  return require('../replica/workloads')
}

function machine () {
  const { surroundings } = require('../processes')
  const manifest = path.join(home, 'node_modules', 'libsql', 'package.json')
  const { version } = JSON.parse(fs.readFileSync(manifest, 'utf8'))
  return surroundings({ libsql: { version, sqlite: '3.45.1' } })
}

function measure (chosen, { quick }) {
  const { runChild } = require('../processes')
  return withServer(({ url }) => {
    const Database = require('../..')
    const db = new Database(url)
    db.exec(FILL)
    db.close()
    const results = []
    const failures = measureEach(chosen, ({ name }) => {
      const rounds = quick ? ROUNDS.quick : ROUNDS.full
      results.push({ name, ...runChild(CHILD, name, url, rounds) })
    })
    return { results, failures }
  })
}

function print ({ results }) {
  for (const { text, rows } of partsOf(results)) {
    if (rows.length > 1) console.log(`${text}\n\n${table(rows)}\n`)
  }
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

function publish ({ machine, results }) {
  const { markdown, measuredOn, put } = require('../figures')
  put('bench:replica', [
    measuredOn(machine),
    ...partsOf(results).flatMap(({ text, rows }) => [text, markdown(rows)])
  ].join('\n\n'))
}

module.exports = { machine, measure, names, print, publish }
