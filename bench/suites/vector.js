'use strict'

// Vector tables beside usearch, vectorlite, sqlite-vec and libsql's index, on data made from seeds
// and on words: building, searching, filters, writes, memory, starts. BENCH_MINUTES ends it early:
// what takes longest is left out.

const PEERS = { vectorlite: '0.2.0', 'sqlite-vec': '0.1.9', usearch: '2.26.2' }
const quick = process.argv.includes('--quick')

function prepare () {
  return require('../peers').preparePeers(PEERS)
}

function names () {
  return require('../vector/steps').steps(quick)
}

function machine () {
  const { surroundings } = require('../processes')
  return surroundings(require('../vector/engines').versions())
}

async function measure (chosen, options) {
  if (process.platform !== 'linux') throw new Error('This one reads /proc, which only Linux has')
  return await require('../vector/steps').runSteps(chosen, options)
}

function print (run) {
  const { table } = require('../table')
  const { tablesOf } = require('../vector/report')
  for (const [text, rows] of tablesOf(run)) console.log(`${text}\n\n${table(rows)}\n`)
  if (run.leftOut.length > 0) console.log(`${leftOut(run)}\n`)
  console.log(`All in ${Math.round(run.seconds)} s`)
}

const leftOut = ({ leftOut }) => `Left out, for lack of time: ${leftOut.join('; ')}.`

async function publish (run) {
  const { drawVectors } = require('../charts/vector')
  const { markdown, measuredOn, put, putImage } = require('../figures')
  const { tablesOf } = require('../vector/report')
  for (const [file, picture] of Object.entries(await drawVectors(run))) putImage(file, picture)
  put('bench:vector', [
    measuredOn(run.machine),
    ...tablesOf(run).flatMap(([text, rows]) => [text, markdown(rows)]),
    ...run.leftOut.length > 0 ? [leftOut(run)] : []
  ].join('\n\n'))
}

module.exports = { machine, measure, names, prepare, print, publish }
