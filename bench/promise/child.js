'use strict'

// One workload in a process of its own, with all drivers in it.

const fs = require('node:fs')
const path = require('node:path')
const { isDeepStrictEqual } = require('node:util')

const { writeFixture } = require('../fixtures')
const { measure, median, pairedRatio } = require('../measure')
const { plain } = require('../plain')
const { drivers, labels, openCopy } = require('./drivers')
const { calibrate, readersEntry, variants } = require('./readers')
const { SUM, measureStalls, names } = require('./stalls')

const [, , name, folder, slice, rounds, left] = process.argv
const leftOut = left.split(',')
const fixture = path.join(folder, 'fixture.db')

// Each driver gets its own copy of the code, as in ../child.js.
function fresh () {
  for (const file of ['./drivers', './lanes', './workloads']) {
    delete require.cache[require.resolve(file)]
  }
  const workload = require('./workloads').find(workload => workload.name === name)
  return { workload, drivers: require('./drivers').drivers }
}

const open = (label, as = label) =>
  openCopy(drivers[label], fixture, path.join(folder, as.replaceAll(' ', '-')))

function figures (entries, samples) {
  return Object.fromEntries(entries.map(({ label, latencies }, i) => [label, {
    nanoseconds: median(samples[i]),
    ratio: pairedRatio(samples[0], samples[i]),
    p50: median(latencies.map(({ p50 }) => p50)),
    p99: median(latencies.map(({ p99 }) => p99))
  }]))
}

async function rates ({ group, tables, withSync, long }) {
  writeFixture(fixture, tables)
  const entries = []
  const missing = {}
  const wrong = []
  let expected
  const list = [...labels, ...withSync ? ['ferrolite sync'] : [], 'control']
    .filter(label => !leftOut.includes(label))
  // better-sqlite3 says what is right.
  for (const label of ['better-sqlite3', ...list.filter(label => label !== 'better-sqlite3')]) {
    try {
      const { workload, drivers } = fresh()
      const entry = await workload.start(drivers[label], await open(label))
      const answer = plain(await entry.check())
      expected ??= answer
      if (!isDeepStrictEqual(answer, expected)) wrong.push(label)
      entries.push({ ...entry, label })
    } catch (error) {
      if (['better-sqlite3', 'libsql', 'ferrolite', 'control'].includes(label)) throw error
      missing[label] = error.message
    }
  }
  entries.sort((a, b) => list.indexOf(a.label) - list.indexOf(b.label))
  const samples = await measure(entries, { slice: slice * (long ? 4 : 1), rounds: Number(rounds) })
  return { name, group, drivers: figures(entries, samples), missing, wrong }
}

async function readers () {
  writeFixture(fixture, ['mixed'])
  const entries = []
  let n
  for (const { label, readers } of variants) {
    const file = path.join(folder, label)
    const db = await openCopy(drivers.ferrolite, fixture, file, { readers })
    n ??= await calibrate(await db.prepare(SUM))
    entries.push({ ...await readersEntry(db, n), label })
  }
  const { s } = await entries[0].check()
  for (const { check } of entries) {
    if ((await check()).s !== s) throw new Error('A reader gives another result')
  }
  const samples = await measure(entries, { slice: slice * 4, rounds: Number(rounds) })
  return { name, drivers: figures(entries, samples) }
}

async function stalls () {
  writeFixture(fixture, ['mixed'])
  const opened = {}
  for (const label of labels) {
    if (!leftOut.includes(label)) opened[label] = await open(label)
  }
  return { name, drivers: await measureStalls(name, opened, Number(rounds)) }
}

async function main () {
  const { workload } = fresh()
  const ask = name === 'readers' ? readers : names.includes(name) ? stalls : () => rates(workload)
  fs.writeSync(1, JSON.stringify(await ask()) + '\n')
  // Threads of a driver may want to stay.
  process.exit()
}

main().catch(error => {
  console.error(error)
  process.exit(1)
})
