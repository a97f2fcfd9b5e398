'use strict'

// One job in a process of its own: a file of jobs/, a set, a folder for its files, and options.

const fs = require('node:fs')
const path = require('node:path')

const { SETS } = require('./data')

const [, , job, set, folder, options] = process.argv

async function main () {
  const run = require(path.join(__dirname, 'jobs', `${job}.js`))
  const result = await run(SETS[set], folder, JSON.parse(options))
  fs.writeSync(1, JSON.stringify(result) + '\n')
}

main().catch(error => {
  console.error(error)
  process.exitCode = 1
})
