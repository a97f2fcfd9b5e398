'use strict'

// The promise API of Ferrolite beside those of libsql and Turso, sqlite3, and better-sqlite3 on the
// event loop: calls a second, latency, the longest stall of the event loop, several readers.

const path = require('node:path')

const { measureEach } = require('../choose')
const { preparePromisePeers } = require('../peers')

const PACES = {
  full: { slice: 100, rounds: 15, stallRounds: 5 },
  quick: { slice: 20, rounds: 5, stallRounds: 1 }
}

const CHILD = path.join(__dirname, '..', 'promise', 'child.js')

// With the key of a run that the result goes to.
function names () {
  const stalls = require('../promise/stalls').names
  return [
    ...require('../promise/workloads').map(({ name, group }) => ({ name, group, kind: 'results' })),
    ...stalls.map(name => ({ name, group: 'stall', kind: 'stalls' })),
    { name: 'readers', group: 'readers', kind: 'readers' }
  ]
}

// The versions of the drivers that are there, and why others are not.
async function machine () {
  const { drivers, labels, probe } = require('../promise/drivers')
  const { surroundings } = require('../processes')
  const versions = {}
  const leftOut = {}
  for (const label of labels) {
    const found = await probe(label)
    if (found === undefined) leftOut[label] = drivers[label].optional
    else versions[drivers[label].title] = found
  }
  return { ...surroundings(versions), leftOut }
}

async function measure (chosen, { quick }) {
  const { runChild } = require('../processes')
  const { slice, rounds, stallRounds } = quick ? PACES.quick : PACES.full
  const { leftOut } = await machine()
  const run = { leftOut, results: [], stalls: [] }
  const failures = measureEach(chosen, ({ name, kind }) => {
    const count = kind === 'stalls' ? stallRounds : rounds
    const result = runChild(CHILD, name, slice, count, Object.keys(leftOut).join())
    if (kind === 'readers') run.readers = result
    else run[kind].push(result)
  })
  return { ...run, failures }
}

function print (run) {
  const { parts, remarks } = require('../promise/report')
  const { table } = require('../table')
  for (const { text, rows } of parts(run)) console.log(`${text}\n\n${table(rows)}\n`)
  for (const line of remarks(run)) console.log(line)
}

async function publish (run) {
  const { drawPromise } = require('../charts/promise')
  const { markdown, measuredOn, put, putImage } = require('../figures')
  const { parts, remarks } = require('../promise/report')
  putImage('promise.svg', await drawPromise(run))
  const quick = run.quick ? ['From a quick run; the figures are rough.'] : []
  put('bench:promise', [
    '![Speed and stalls of the promise API beside others](images/promise.svg)',
    measuredOn(run.machine),
    ...quick,
    ...parts(run).flatMap(({ text, rows }) => [text, markdown(rows)]),
    remarks(run).map(line => `- ${line}`).join('\n')
  ].join('\n\n'))
}

module.exports = { machine, measure, names, prepare: preparePromisePeers, print, publish }
