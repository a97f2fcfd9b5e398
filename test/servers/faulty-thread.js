'use strict'

// The proxy of faulty.js on a thread of its own, for calls of the sync API, which block this one.

const { once } = require('node:events')
const { Worker, isMainThread, parentPort, workerData } = require('node:worker_threads')
const { faults, startFaulty } = require('./faulty')
const { cleanup } = require('../support')

/**
 * Gives `url`, and `meets(...names)`: what to do with the next pipelines, by the names of faults,
 * each alone or in a list with its arguments; then all pass again.
 */
async function startFaultyThread (t, { target }) {
  const worker = new Worker(__filename, { workerData: { target } })
  cleanup(t, async () => {
    worker.postMessage(null)
    await once(worker, 'exit')
  })
  const [url] = await once(worker, 'message')
  const meets = async (...names) => {
    worker.postMessage(names)
    await once(worker, 'message')
  }
  return { url, meets }
}

function faultOf (name) {
  if (!Array.isArray(name)) return faults[name]
  const [make, ...args] = name
  return faults[make](...args)
}

async function serve () {
  const undo = []
  const proxy = await startFaulty({ after: (fn) => undo.push(fn) }, workerData)
  parentPort.on('message', async (names) => {
    if (names === null) {
      for (const fn of undo) await fn()
      return parentPort.close()
    }
    for (const name of names) proxy.next('pipeline', faultOf(name))
    parentPort.postMessage(names.length)
  })
  parentPort.postMessage(proxy.url)
}

if (!isMainThread && workerData?.target !== undefined) serve()

module.exports = { startFaultyThread }
