'use strict'

// What an index holds on to: a process that opens it and searches a thousand times, less one that
// does so with an empty table.

const { queriesOf } = require('../data')
const { ENGINES, openFile } = require('../engines')
const { resident } = require('../time')

function run (set, folder, { source }) {
  const db = openFile(source)
  const search = ENGINES.ferrolite.search(db)
  const queries = queriesOf(set)
  for (let i = 0; i < 1000; i++) search(queries[i % queries.length])
  globalThis.gc?.()
  const { now } = resident()
  db.close()
  return { bytes: now }
}

module.exports = run
