'use strict'

// A libSQL server of a suite's own, with its files in a folder that goes with it.

const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')

async function withServer (body) {
  const { startSqld } = require('../test/servers/sqld')
  const undo = []
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'ferrolite-bench-'))
  try {
    return await body(await startSqld({ after: fn => undo.push(fn) }, { dir }))
  } finally {
    for (const fn of undo) await fn()
    fs.rmSync(dir, { recursive: true, force: true })
  }
}

module.exports = { withServer }
