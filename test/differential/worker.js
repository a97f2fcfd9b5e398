'use strict'

const os = require('node:os')
const path = require('node:path')
const { interpret } = require('./interpret')
const { EXTRAS } = require('./known')
const { mutate } = require('./mutant')

// Runs programs on one package: `node worker.js <module> [N]`; with N, a fault is planted in it.

const [, , file, oneIn] = process.argv
const loaded = require(file)
const Database = oneIn ? mutate(loaded, Number(oneIn)) : loaded
const dir = path.join(os.tmpdir(), `ferrolite-differential-${process.pid}`)

process.on('message', async ({ id, program }) => {
  try {
    process.send({ id, trace: await interpret(program, Database, dir, EXTRAS) })
  } catch (error) {
    process.send({ id, broken: error.stack })
  }
})
process.on('disconnect', () => process.exit())
const version = new Database(':memory:').prepare('SELECT sqlite_version()').pluck().get()
process.send({ ready: version })
