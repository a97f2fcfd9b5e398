'use strict'

// Databases in key-value stores: calls and times by page size, beside @rivetkit/sqlite-vfs and
// native files, behind a network of some milliseconds, and in real stores.

const RIVET = '2.2.1'

function prepare () {
  return require('../peers').preparePeers({ '@rivetkit/sqlite-vfs': RIVET })
}

function names () {
  return require('../kv/steps').steps()
}

function machine () {
  const { surroundings } = require('../processes')
  const { version } = require('../../package.json')
  const Database = require('../..')
  const sqlite = new Database(':memory:').prepare('SELECT sqlite_version()').pluck().get()
  const { version: better } = require('../kv/stores').peer('better-sqlite3/package.json')
  return surroundings({
    ferrolite: { version, sqlite },
    '@rivetkit/sqlite-vfs': { version: RIVET },
    'better-sqlite3': { version: better }
  })
}

async function measure (chosen, options) {
  return await require('../kv/steps').runSteps(chosen, options)
}

function print (run) {
  const { table } = require('../table')
  for (const [text, rows] of require('../kv/report').tablesOf(run)) console.log(`${text}\n\n${table(rows)}\n`)
}

async function publish (run) {
  const { drawKv } = require('../charts/kv')
  const { markdown, measuredOn, put, putImage } = require('../figures')
  const { tablesOf } = require('../kv/report')
  putImage('kv.svg', await drawKv(run))
  const tables = tablesOf(run).flatMap(([text, rows]) => [text, markdown(rows)])
  put('bench:kv', [measuredOn(run.machine), ...tables].join('\n\n'))
}

module.exports = { machine, measure, names, prepare, print, publish }
