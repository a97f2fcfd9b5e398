'use strict'

// Every vector compared: a table whose rows wait to be linked, and sqlite-vec, which has no index.

const path = require('node:path')

const { queriesOf, recallOf, truthOf } = require('../data')
const { ENGINES } = require('../engines')
const { perSecond } = require('../time')

function run (set, folder, { milliseconds }) {
  const { ferrolite } = ENGINES
  const file = path.join(folder, 'scan.db')
  const empty = ferrolite.open(set, file)
  empty.exec("INSERT INTO t(t) VALUES ('automerge=0')")
  empty.close()
  const queries = queriesOf(set)
  const truth = truthOf(set).slice(0, 100)
  const result = {}
  for (const name of ['ferrolite', 'sqlite-vec']) {
    const engine = ENGINES[name]
    const index = engine.build(set, name === 'ferrolite' ? file : path.join(folder, 'vec.db'))
    const search = index.search()
    const found = truth.map((_, i) => engine.ids(search(queries[i])))
    const rate = perSecond(search, queries, milliseconds)
    result[name] = { recall: recallOf(found, truth), perSecond: rate }
    index.close()
  }
  return result
}

module.exports = run
