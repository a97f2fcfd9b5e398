'use strict'

// One workload in a process of its own, with all replicas and plain files in it.

const fs = require('node:fs')
const path = require('node:path')
const { isDeepStrictEqual } = require('node:util')

const { measure, median, pairedRatio, turn } = require('../measure')
const { home } = require('../peers')
const { plain } = require('../plain')

const [, , name, folder, url, rounds] = process.argv
const SLICE = { read: 40, pair: 100, sync: 100 }
const NEW_ROWS = `
  WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
  INSERT INTO log (text) SELECT 'text of row ' || i FROM n`

const Database = require('../..')
const { connect } = require('../../promise')

function freshWorkload () {
  delete require.cache[require.resolve('./workloads')]
  return require('./workloads').find(workload => workload.name === name)
}

const place = file => path.join(folder, `${file}.db`)

async function openReplica (promises) {
  const options = { syncUrl: url }
  const db = promises ? await connect(place('replica'), options) : new Database(place('replica'), options)
  await db.sync()
  return db
}

// The state of the replica too: what it has in its log is in that of the copy.
function openCopy (file, promises) {
  for (const suffix of ['', '-wal']) {
    fs.copyFileSync(place('replica') + suffix, place(file) + suffix)
  }
  return promises ? connect(place(file)) : new Database(place(file))
}

// libsql/promise 0.5.29 cannot open a replica: "failed to downcast any to boolean".
function openLibsql (file = 'libsql') {
  const Libsql = require(path.join(home, 'node_modules', 'libsql'))
  const db = new Libsql(place(file), { syncUrl: url, readYourWrites: true })
  db.sync()
  return db
}

async function openAll ({ kind, promises }) {
  const replica = await openReplica(promises)
  if (kind !== 'read') {
    return promises ? { replica } : { libsql: openLibsql(), replica, control: openLibsql('control') }
  }
  const files = {
    local: await openCopy('local', promises),
    replica,
    control: await openCopy('control', promises)
  }
  if (!promises) files.libsql = openLibsql()
  return files
}

async function syncsOfRows (entries) {
  const primary = new Database(url)
  const samples = entries.map(() => [])
  for (let round = 0; round < Number(rounds); round++) {
    primary.exec(NEW_ROWS)
    for (let i = 0; i < entries.length; i++) {
      const k = (round + i) % entries.length
      globalThis.gc()
      await turn()
      const start = performance.now()
      entries[k].sync()
      samples[k].push((performance.now() - start) * 1e6)
    }
  }
  const counts = entries.map(entry => entry.check())
  if (new Set(counts).size > 1) throw new Error(`Replicas have ${counts.join(', ')} rows`)
  primary.close()
  return samples
}

async function main () {
  const { kind, promises } = freshWorkload()
  const databases = await openAll({ kind, promises })
  const entries = {}
  for (const [who, db] of Object.entries(databases)) {
    entries[who] = await freshWorkload().start(db, db instanceof Database)
  }
  const labels = Object.keys(entries)
  if (kind === 'read') {
    const answers = await Promise.all(labels.map(async who => plain(await entries[who].check())))
    const same = answers.every(answer => isDeepStrictEqual(answer, answers[0]))
    if (!same) throw new Error('Not all read the same')
  }
  const list = Object.values(entries)
  const samples = Object.fromEntries((kind === 'rows'
    ? await syncsOfRows(list)
    : await measure(list, { slice: SLICE[kind], rounds: Number(rounds) }))
    .map((values, i) => [labels[i], values]))
  const times = Object.fromEntries(labels.map(who => [who, median(samples[who])]))
  const { local, libsql, replica, control } = samples
  const result = {
    kind,
    times,
    toLocal: local && pairedRatio(local, replica),
    toLibsql: libsql && pairedRatio(libsql, replica),
    control: control && pairedRatio(local ?? libsql, control)
  }
  fs.writeSync(1, JSON.stringify(result) + '\n')
  for (const db of Object.values(databases)) await db.close()
}

main().catch(error => {
  console.error(error)
  process.exitCode = 1
})
