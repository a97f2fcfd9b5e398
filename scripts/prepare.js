'use strict'

// Gives a fresh clone what it lacks: npm packages, CMake, the built addon. Needs only Node and npm.

const fs = require('node:fs')
const path = require('node:path')
const { buildIfStale } = require('./build')
const { ROOT, main, npm, run, say, seconds } = require('./run')

const LOCK = path.join(ROOT, 'package-lock.json')
const INSTALLED = path.join(ROOT, 'node_modules', '.package-lock.json')

async function installPackages () {
  if (packagesAreCurrent()) return
  const started = Date.now()
  say('Installing the npm packages')
  await run(...npm('ci', '--no-audit', '--no-fund', '--loglevel=error'))
  say(`Installed the npm packages in ${seconds(started)}`)
}

function packagesAreCurrent () {
  const wanted = lockedPackages(LOCK)
  const installed = lockedPackages(INSTALLED)
  return Object.entries(wanted).every(([name, { optional, version }]) => {
    return name === '' || optional || installed[name]?.version === version
  })
}

function lockedPackages (file) {
  try {
    return JSON.parse(fs.readFileSync(file, 'utf8')).packages
  } catch {
    return {}
  }
}

async function prepare () {
  await installPackages()
  await buildIfStale()
}

if (require.main === module) main(prepare)

module.exports = { installPackages, prepare }
