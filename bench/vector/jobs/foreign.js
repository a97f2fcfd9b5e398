'use strict'

// A search right after another process has committed a row, beside those before it.

const { fork } = require('node:child_process')
const { once } = require('node:events')
const fs = require('node:fs')
const path = require('node:path')

const { median } = require('../../measure')
const { queriesOf } = require('../data')
const { ENGINES, openFile } = require('../engines')

const ROUNDS = 15

async function run (set, folder, { source }) {
  const file = path.join(folder, 'foreign.db')
  fs.copyFileSync(source, file)
  const db = openFile(file)
  const search = ENGINES.ferrolite.search(db)
  const queries = queriesOf(set)
  for (const query of queries) search(query)
  const writer = fork(path.join(__dirname, '..', 'writer.js'), [file], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  const [usual, after] = [[], []]
  const time = query => {
    const start = performance.now()
    search(query)
    return performance.now() - start
  }
  for (let round = 0; round < ROUNDS; round++) {
    writer.send(Array.from(queries[round]))
    await once(writer, 'message')
    // The same query: the first time it meets the new row.
    after.push(time(queries[100 + round]))
    usual.push(time(queries[100 + round]))
  }
  writer.disconnect()
  await once(writer, 'exit')
  db.close()
  fs.rmSync(file, { force: true })
  return { usual: median(usual), after: median(after) }
}

module.exports = run
