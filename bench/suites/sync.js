'use strict'

// better-sqlite3, node:sqlite, libsql and Ferrolite side by side, on one thread.

const { measureEach } = require('../choose')

const PACES = {
  full: { slice: 40, rounds: 15 },
  quick: { slice: 10, rounds: 7 }
}
// A table of more rows takes minutes to fill.
const QUICK_ROWS = 100_000
const MANY_ROWS = 100_000
const ROUNDS_OF_MANY = 5

function names () {
  return [...require('../workloads'), ...require('../workloads/growth')]
}

function machine () {
  return require('../processes').machine()
}

function measure (chosen, { quick }) {
  const { runWorkload } = require('../processes')
  const pace = quick ? PACES.quick : PACES.full
  const run = { results: [], growth: [] }
  const list = chosen.filter(({ rows }) => !quick || rows === undefined || rows <= QUICK_ROWS)
  const failures = measureEach(list, ({ name, group, rows }) => {
    const rounds = rows >= MANY_ROWS ? Math.min(pace.rounds, ROUNDS_OF_MANY) : pace.rounds
    const result = runWorkload(name, { ...pace, rounds })
    ;(group === 'growth' ? run.growth : run.results).push(result)
  })
  return { ...run, failures }
}

function print (run) {
  const { report } = require('../report')
  console.log(report(run))
}

async function publish (run) {
  const { drawGrowth } = require('../charts/growth')
  const { drawRatios } = require('../charts/ratios')
  const { putBench, putImage } = require('../figures')
  putImage('bench.svg', await drawRatios(run.results, run.machine))
  putImage('growth.svg', await drawGrowth(run.growth, run.machine))
  putBench(run)
}

module.exports = { machine, measure, names, print, publish }
