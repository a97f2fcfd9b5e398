'use strict'

// One of several threads that search: says that it is warm, waits, says how many a second.

const { parentPort, workerData } = require('node:worker_threads')

const { SETS, queriesOf } = require('./data')
const { ENGINES, openFile } = require('./engines')
const { perSecond } = require('./time')

const db = openFile(workerData.source)
const search = ENGINES.ferrolite.search(db)
const queries = queriesOf(SETS[workerData.set])
for (const query of queries) search(query)
parentPort.on('message', () => {
  parentPort.postMessage(perSecond(search, queries, workerData.milliseconds))
})
parentPort.postMessage('warm')
