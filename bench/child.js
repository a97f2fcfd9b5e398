'use strict'

// One workload in a process of its own, with all drivers in it.

const fs = require('node:fs')
const path = require('node:path')
const { isDeepStrictEqual } = require('node:util')

const { Unsupported, drivers } = require('./drivers')
const { openCopy, writeFixture } = require('./fixtures')
const { measure, median, pairedRatio } = require('./measure')
const { plain } = require('./plain')

const [, , name, folder, slice, rounds] = process.argv

// Each driver gets its own copy of the code: a loop shared by all of them would see four shapes of
// everything and be fast for none.
function freshWorkload () {
  for (const file of Object.keys(require.cache)) {
    if (file.startsWith(path.join(__dirname, 'workloads'))) delete require.cache[file]
  }
  const list = name.startsWith('growth') ? './workloads/growth' : './workloads'
  return require(list).find(workload => workload.name === name)
}

function startAll (fixture) {
  const started = []
  const missing = {}
  let expected
  for (const label of ['better-sqlite3', 'node:sqlite', 'libsql', 'ferrolite', 'control']) {
    const driver = drivers[label]
    const workload = freshWorkload()
    const db = openCopy(driver, fixture, path.join(folder, label.replace(':', '-')), workload.tables)
    try {
      const entry = workload.start(driver, db)
      const answer = plain(entry.check())
      expected ??= answer
      if (!isDeepStrictEqual(answer, expected)) throw new Unsupported('gives another result')
      started.push({ ...entry, label })
    } catch (error) {
      if (label === 'better-sqlite3' || label === 'ferrolite') throw error
      missing[label] = error.message
    }
  }
  return { started, missing }
}

// Stepping alone, nothing built: what is left when reading costs nothing.
function startLimit (fixture) {
  const workload = freshWorkload()
  if (workload.limit === undefined) return []
  const db = openCopy(drivers.ferrolite, fixture, path.join(folder, 'stepping'), workload.tables)
  return [{ ...workload.limit(drivers.ferrolite, db), label: 'stepping' }]
}

async function main () {
  const workload = freshWorkload()
  const fixture = path.join(folder, 'fixture.db')
  writeFixture(fixture, workload.tables, workload.rows)
  const { started, missing } = startAll(fixture)
  const entries = [...started, ...startLimit(fixture)]
  const samples = await measure(entries, { slice: Number(slice), rounds: Number(rounds) })
  const result = { name, group: workload.group, floor: workload.floor, drivers: {}, missing }
  const rows = workload.rowsPerOperation ?? 1
  for (const [i, { label }] of entries.entries()) {
    const nanoseconds = median(samples[i]) / rows
    result.drivers[label] = { nanoseconds, ratio: pairedRatio(samples[0], samples[i]) }
  }
  const { kind, rows: size } = workload
  if (size !== undefined) Object.assign(result, { kind, rows: size })
  fs.writeSync(1, JSON.stringify(result) + '\n')
}

main().catch(error => {
  console.error(error)
  process.exitCode = 1
})
