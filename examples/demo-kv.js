'use strict'

// A database in a key-value store, live: each commit is one write, now and then a checkpoint moves
// commits into pages; then the process is killed in the middle of a large transaction, and the next
// one finds every commit that was said to be one, and nothing of the large transaction.

const assert = require('node:assert/strict')
const { fork } = require('node:child_process')
const { once } = require('node:events')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { setTimeout: sleep } = require('node:timers/promises')
const Database = require('ferrolite')
const { directoryStore } = require('ferrolite/stores/directory')

const COMMITS = 300
const live = process.stdout.isTTY
// Writes of the large transaction after which the process is killed.
const KILL_AFTER = 3

/** The process that writes: tells its parent of each call that writes, and of each commit. */
async function write (folder) {
  const tell = (what) => new Promise((resolve) => process.send(what, resolve))
  const store = directoryStore(folder)
  let writes = 0
  const counted = { ...store }
  for (const name of ['put', 'putBatch', 'putIfAbsent']) {
    counted[name] = (...args) => {
      writes++
      return store[name](...args)
    }
  }
  const db = new Database('demo', { store: counted })
  db.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, text TEXT)')
  const insert = db.prepare('INSERT INTO t (text) VALUES (?)')
  for (let i = 1; i <= COMMITS; i++) {
    writes = 0
    insert.run(`row ${i}`)
    await tell({ commit: i, writes })
    if (live) await sleep(8)
  }
  // Larger than what stays in memory: its pages go to the store before it counts.
  let large = 0
  for (const name of ['put', 'putBatch', 'putIfAbsent']) {
    counted[name] = (...args) => {
      const done = store[name](...args)
      if (++large >= KILL_AFTER) process.kill(process.pid, 'SIGKILL')
      return done
    }
  }
  db.exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 80000)
    INSERT INTO t (text) SELECT hex(randomblob(500)) FROM n`)
}

const BAR = '▁▂▃▄▅▆▇█'

/** One character a commit: how high says how many writes it took. */
function bar (writes) {
  return BAR[Math.min(BAR.length, writes) - 1] ?? ' '
}

async function watch (folder) {
  const child = fork(__filename, ['write', folder])
  const commits = []
  console.log('Writes of each commit, one column a commit:\n')
  child.on('message', ({ commit, writes }) => {
    commits.push(writes)
    if (live) process.stdout.write(bar(writes))
    if (commit % 60 === 0) line(commits)
  })
  const [code, signal] = await once(child, 'exit')
  console.log(`\nKilled in the middle of a large transaction: ${signal ?? code}`)
  return commits
}

function line (commits) {
  const last = commits.slice(-60)
  const sum = last.reduce((all, writes) => all + writes, 0)
  console.log(`${live ? '' : last.map(bar).join('')}  ${commits.length} commits, ${(sum / 60).toFixed(2)} writes each`)
}

async function main () {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ferrolite-demo-kv-'))
  try {
    const commits = await watch(folder)
    const start = performance.now()
    const db = new Database('demo', { store: directoryStore(folder) })
    const { rows, most } = db.get('SELECT count(*) AS rows, max(id) AS most FROM t')
    console.log(`Opened again in ${(performance.now() - start).toFixed(0)} ms: ${rows} rows, ${commits.length} commits had returned`)
    assert.deepEqual([commits.length, rows, most], [COMMITS, COMMITS, COMMITS])
    console.log(`Every value is sound: ${db.pragma('kv_verify', { simple: true })}`)
    console.log(`Pages that the killed transaction left behind: ${db.pragma('kv_gc', { simple: true })} keys, deleted`)
    db.close()
  } finally {
    fs.rmSync(folder, { recursive: true, force: true })
  }
}

if (process.argv[2] === 'write') write(process.argv[3])
else main()
