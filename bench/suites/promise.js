'use strict'

// node bench/promise.js [words ...] [--quick] [--json FILE] [--draw FILE]
//
// Measures the promise API of Ferrolite beside those of libsql and Turso, sqlite3, and
// better-sqlite3 on the event loop. Words choose workloads by group (get, all, insert, stall,
// readers) or by part of the name. --quick takes shorter rounds. --json keeps the results, --draw
// publishes kept results again. A full run publishes its own: a picture in docs/images and a
// section of docs/performance.md.

const fs = require('node:fs')
const path = require('node:path')
const { parseArgs } = require('node:util')

const { preparePromisePeers, root, start } = require('../peers')

const { values: options, positionals: words } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean' },
    json: { type: 'string' },
    draw: { type: 'string' }
  }
})

const paces = {
  full: { slice: 100, rounds: 15, stallRounds: 5 },
  quick: { slice: 20, rounds: 5, stallRounds: 1 }
}

const child = path.join(__dirname, '..', 'promise', 'child.js')

// The versions of the drivers that are there, and why others are not.
async function lookAround () {
  const { drivers, labels, probe } = require('../promise/drivers')
  const versions = {}
  const leftOut = {}
  for (const label of labels) {
    const found = await probe(label)
    if (found === undefined) leftOut[label] = drivers[label].optional
    else versions[drivers[label].title] = found
  }
  const { surroundings } = require('../processes')
  return { machine: surroundings(versions), leftOut }
}

// [workload, group, key of a run that its result goes to].
function chosen () {
  const { names } = require('../promise/stalls')
  const list = [
    ...require('../promise/workloads').map(({ name, group }) => ({ name, group, kind: 'results' })),
    ...names.map(name => ({ name, group: 'stall', kind: 'stalls' })),
    { name: 'readers', group: 'readers', kind: 'readers' }
  ]
  const groups = new Set(list.map(({ group }) => group))
  return list.filter(({ name, group }) => words.length === 0 ||
    words.some(word => groups.has(word) ? word === group : name.includes(word)))
}

function measureAll (workloads, run) {
  const { runChild } = require('../processes')
  const { slice, rounds, stallRounds } = options.quick ? paces.quick : paces.full
  const leftOut = Object.keys(run.leftOut).join()
  const failures = []
  for (const [i, { name, kind }] of workloads.entries()) {
    process.stderr.write(`[${i + 1}/${workloads.length}] ${name}\n`)
    try {
      const count = kind === 'stalls' ? stallRounds : rounds
      const result = runChild(child, name, slice, count, leftOut)
      if (kind === 'readers') run.readers = result
      else run[kind].push(result)
    } catch (error) {
      failures.push(error.message)
    }
  }
  return failures
}

function print (run) {
  const { parts, remarks } = require('../promise/report')
  const { table } = require('../table')
  for (const { text, rows } of parts(run)) console.log(`${text}\n\n${table(rows)}\n`)
  for (const line of remarks(run)) console.log(line)
}

function publish (run) {
  const { markdown, measuredOn, put } = require('../figures')
  const { drawPromise } = require('../promise/chart')
  const { parts, remarks } = require('../promise/report')
  const images = path.join(root, 'docs', 'images')
  fs.mkdirSync(images, { recursive: true })
  fs.writeFileSync(path.join(images, 'promise.svg'), drawPromise(run))
  const quick = run.quick ? ['From a quick run; the figures are rough.'] : []
  put('bench:promise', [
    '![Speed and stalls of the promise API beside others](images/promise.svg)',
    measuredOn(run.machine),
    ...quick,
    ...parts(run).flatMap(({ text, rows }) => [text, markdown(rows)]),
    remarks(run).map(line => `- ${line}`).join('\n')
  ].join('\n\n'))
  console.log('\nPublished in docs/performance.md and docs/images')
}

async function main () {
  const { describe } = require('../processes')
  const { machine, leftOut } = await lookAround()
  console.log(describe(machine) + '\n')
  const workloads = chosen()
  if (workloads.length === 0) throw new Error(`No workload is named ${words.join(' or ')}`)
  const quick = options.quick === true
  const run = { machine, quick, leftOut, results: [], stalls: [], readers: undefined }
  const failures = measureAll(workloads, run)
  print(run)
  if (options.json) fs.writeFileSync(options.json, JSON.stringify(run, null, 1) + '\n')
  if (failures.length > 0) throw new Error(`Not measured: ${failures.join('; ')}`)
  // Only whole figures of Ferrolite itself are worth keeping.
  if (words.length === 0 && !quick && !process.env.BENCH_FERROLITE_MODULE) publish(run)
}

start(async () => {
  if (options.draw) publish(JSON.parse(fs.readFileSync(options.draw, 'utf8')))
  else await main()
}, preparePromisePeers)
