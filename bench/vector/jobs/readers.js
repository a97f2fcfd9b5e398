'use strict'

// Threads that search one file at the same time, beside one alone.

const { once } = require('node:events')
const path = require('node:path')
const { Worker } = require('node:worker_threads')

async function together (count, workerData) {
  const workers = Array.from({ length: count }, () => new Worker(path.join(__dirname, '..', 'reader.js'), { workerData }))
  await Promise.all(workers.map(worker => once(worker, 'message')))
  for (const worker of workers) worker.postMessage('go')
  const answers = await Promise.all(workers.map(worker => once(worker, 'message')))
  await Promise.all(workers.map(worker => worker.terminate()))
  return answers.reduce((sum, [rate]) => sum + rate, 0)
}

async function run (set, folder, { source, milliseconds }) {
  const data = { set: set.name, source, milliseconds: milliseconds * 2 }
  return { one: await together(1, data), two: await together(2, data) }
}

module.exports = run
