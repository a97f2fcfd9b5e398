'use strict'

// node bench/index.js [words ...] [--quick] [--memory] [--json FILE] [--draw FILE]
//
// Measures better-sqlite3, node:sqlite, libsql and Ferrolite side by side. Words choose workloads
// by group or by part of the name (get, all, growth ...). --quick takes shorter rounds, --memory
// databases in memory instead of WAL files. --json keeps the results, --draw publishes kept results
// again. A full run publishes its own: the pictures in docs/images, the tables in
// docs/performance.md.

const fs = require('node:fs')
const path = require('node:path')
const { parseArgs } = require('node:util')

const { root, start } = require('../peers')

const { values: options, positionals: words } = parseArgs({
  allowPositionals: true,
  options: {
    memory: { type: 'boolean' },
    quick: { type: 'boolean' },
    json: { type: 'string' },
    draw: { type: 'string' }
  }
})

function chosen (workloads) {
  const groups = new Set(workloads.map(({ group }) => group))
  return workloads.filter(({ name, group }) => words.length === 0 ||
    words.some(word => groups.has(word) ? word === group : name.includes(word)))
}

function publish (run) {
  const { machine, results, growth } = run
  const { putBench } = require('../figures')
  const { drawGrowth } = require('../growth-chart')
  const { drawRatios } = require('../ratio-chart')
  const images = path.join(root, 'docs', 'images')
  fs.mkdirSync(images, { recursive: true })
  fs.writeFileSync(path.join(images, 'bench.svg'), drawRatios(results, machine))
  fs.writeFileSync(path.join(images, 'growth.svg'), drawGrowth(growth, machine))
  putBench(run)
  console.log('\nPublished in docs/performance.md and docs/images')
}

function main () {
  const { report } = require('../report')
  const { describe, machine, paces, runWorkload } = require('../processes')
  const here = machine()
  console.log(describe(here) + '\n')
  const workloads = chosen([...require('../workloads'), ...require('../workloads/growth')])
    .filter(({ rows }) => !options.quick || rows === undefined || rows <= 100_000)
  const pace = options.quick ? paces.quick : paces.full
  if (workloads.length === 0) throw new Error(`No workload is named ${words.join(' or ')}`)
  const failures = []
  const run = { machine: here, results: [], growth: [] }
  for (const [i, { name, group, rows }] of workloads.entries()) {
    process.stderr.write(`[${i + 1}/${workloads.length}] ${name}\n`)
    const rounds = rows >= 100_000 ? Math.min(pace.rounds, 5) : pace.rounds
    try {
      const result = runWorkload(name, { ...pace, rounds })
      ;(group === 'growth' ? run.growth : run.results).push(result)
    } catch (error) {
      failures.push(error.message)
    }
  }
  console.log(report(run))
  if (options.json) fs.writeFileSync(options.json, JSON.stringify(run, null, 1) + '\n')
  if (failures.length > 0) throw new Error(`Not measured: ${failures.join('; ')}`)
  // Only whole figures of Ferrolite itself are worth keeping.
  const whole = words.length === 0 && !options.quick && !options.memory
  if (whole && !process.env.BENCH_FERROLITE_MODULE) publish(run)
}

if (options.memory) process.env.BENCH_MEMORY = '1'

start(async () => {
  if (options.draw) publish(JSON.parse(fs.readFileSync(options.draw, 'utf8')))
  else await main()
})
