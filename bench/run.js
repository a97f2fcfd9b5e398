'use strict'

// node bench/run.js SUITE [words ...] [--quick] [--memory] [--json FILE] [--draw FILE]
//
// Runs one of the suites in bench/suites: sync, promise, remote, replica, load, scale, encryption,
// startup, kv, vector. `npm run bench` runs sync; `npm run bench vector` runs that one.
// Words choose its workloads, by group or by part of the name. --quick takes shorter rounds,
// --memory databases in memory (sync only). --json keeps the results, --draw publishes kept results
// again. A full run publishes its own: figures in docs/performance.md, pictures in docs/images.
//
// A suite has
//   prepare()                     installs what it is measured against; the Node to run under
//   machine()                     what the figures were measured on
//   names                         of its workloads, with their groups: what words can choose
//   measure(chosen, { quick })    the results, which JSON can keep; `failures` says what has none
//   print(run)                    the results as text
//   publish(run)                  puts them into the documentation

const fs = require('node:fs')
const path = require('node:path')
const { parseArgs } = require('node:util')

const { choose } = require('./choose')
const { preparePeers, start } = require('./peers')

const SUITES = fs.readdirSync(path.join(__dirname, 'suites')).map(file => path.basename(file, '.js'))
const OPTIONS = {
  quick: { type: 'boolean', default: false },
  memory: { type: 'boolean', default: false },
  json: { type: 'string' },
  draw: { type: 'string' }
}

function read (args) {
  const { values, positionals } = parseArgs({ args, allowPositionals: true, options: OPTIONS })
  if (positionals[0] === 'sync' && SUITES.includes(positionals[1])) positionals.shift()
  const [name, ...words] = positionals
  if (!SUITES.includes(name)) throw new Error(`Name a suite: ${SUITES.join(', ')}`)
  if (values.memory && name !== 'sync') throw new Error('--memory is for the suite sync')
  return { name, words, options: values }
}

async function measure (suite, words, { quick, memory, json }) {
  const { describe } = require('./processes')
  const chosen = choose(suite.names(), words)
  const machine = await suite.machine()
  console.log(`${describe(machine).trim()}\n`)
  const { failures = [], ...results } = await suite.measure(chosen, { quick })
  const run = { machine, quick, ...results }
  suite.print(run)
  if (json) fs.writeFileSync(json, JSON.stringify(run, null, 1) + '\n')
  if (failures.length > 0) throw new Error(`Not measured: ${failures.join('; ')}`)
  // Only whole figures of Ferrolite itself are worth keeping.
  const whole = words.length === 0 && !quick && !memory && !process.env.BENCH_FERROLITE_MODULE
  if (whole) await publish(suite, run)
}

async function publish (suite, run) {
  await suite.publish(run)
  console.log('\nPublished in docs/performance.md')
}

function main () {
  const { name, words, options } = read(process.argv.slice(2))
  const suite = require(`./suites/${name}`)
  if (options.memory) process.env.BENCH_MEMORY = '1'
  // Suites that measure in this very process collect garbage between slices.
  require('node:v8').setFlagsFromString('--expose-gc')
  globalThis.gc = require('node:vm').runInNewContext('gc')
  start(async () => {
    if (options.draw) await publish(suite, JSON.parse(fs.readFileSync(options.draw, 'utf8')))
    else await measure(suite, words, options)
  }, suite.prepare ?? preparePeers)
}

try {
  main()
} catch (error) {
  console.error(error.message)
  process.exitCode = 1
}
