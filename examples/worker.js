'use strict'

// Slow queries off the main thread: every thread opens its own connection to the file.

const assert = require('node:assert/strict')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { Worker, isMainThread, parentPort, workerData } = require('node:worker_threads')
const Database = require('ferrolite')

if (isMainThread) {
  main()
} else {
  const { file, from, to } = workerData
  const db = new Database(file, { readonly: true })
  const sum = db.prepare('SELECT sum(n) FROM number WHERE n BETWEEN ? AND ?').pluck()
  parentPort.postMessage(sum.get(from, to))
  db.close()
}

async function main () {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ferrolite-'))
  const file = path.join(folder, 'numbers.db')
  const db = new Database(file)
  db.pragma('journal_mode = WAL') // readers and a writer do not wait for each other
  db.exec(`
    CREATE TABLE number (n INTEGER PRIMARY KEY);
    WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 100000)
    INSERT INTO number SELECT n FROM c;
  `)

  const sums = await Promise.all([
    inWorker({ file, from: 1, to: 50000 }),
    inWorker({ file, from: 50001, to: 100000 })
  ])
  console.log('the halves:', sums, 'in all:', sums[0] + sums[1])
  assert.equal(sums[0] + sums[1], 5000050000)

  db.close()
  fs.rmSync(folder, { recursive: true })
}

function inWorker (workerData) {
  return new Promise((resolve, reject) => {
    const worker = new Worker(__filename, { workerData })
    let answer
    worker.on('message', (message) => { answer = message })
    worker.on('error', reject)
    worker.on('exit', () => resolve(answer))
  })
}
