'use strict'

// One start in a process of its own; the answer is a line of JSON. Nothing but what is measured is
// loaded before the answer is there.

const { createRequire } = require('node:module')
const path = require('node:path')

const [, , label, ferrolite, home] = process.argv
const peer = createRequire(path.join(home, 'package.json'))
const now = () => Number(process.hrtime.bigint()) / 1e6

const starts = {
  'better-sqlite3': () => firstRow(peer('better-sqlite3')),
  ferrolite: () => firstRow(require(ferrolite)),
  'ferrolite/promise': () => firstRowLater(require(path.join(ferrolite, 'promise.js')))
}

const before = process.cpuUsage()
const began = now()

function opened () {
  const milliseconds = now() - began
  const { user, system } = process.cpuUsage(before)
  const files = Object.keys(require.cache).filter(name => name !== __filename && name.endsWith('.js'))
  return { opened: milliseconds, busy: (user + system) / 1000, files: files.length }
}

function answer (figures) {
  process.stdout.write(JSON.stringify({ ...figures, row: now() - began }))
}

function firstRow (Database) {
  const db = new Database(':memory:')
  const figures = opened()
  db.prepare('SELECT 1').get()
  answer(figures)
}

async function firstRowLater ({ connect }) {
  const db = await connect(':memory:')
  const figures = opened()
  await db.get('SELECT 1')
  answer(figures)
  await db.close()
}

starts[label]()
