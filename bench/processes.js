'use strict'

// Runs workloads one after another, each in a fresh process, and collects what they say.

const { spawnSync } = require('node:child_process')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')

const { drivers } = require('./drivers')
const { home } = require('./peers')

// Forced collections must not throw compiled code away.
const flags = ['--expose-gc', '--no-flush-bytecode', '--disable-warning=ExperimentalWarning']

function runWorkload (name, { slice, rounds }) {
  return runChild(path.join(__dirname, 'child.js'), name, slice, rounds)
}

// What the child says of `name`; it gets a folder of its own.
function runChild (file, name, ...more) {
  const folder = fs.mkdtempSync(path.join(process.env.BENCH_FOLDER || home, 'run-'))
  try {
    const args = [...flags, file, name, folder, ...more]
    const { stdout, status, signal, error } = spawnSync(process.execPath, args.map(String), {
      encoding: 'utf8',
      maxBuffer: 1 << 26,
      stdio: ['ignore', 'pipe', 'inherit']
    })
    if (error) throw error
    if (status !== 0) throw new Error(`"${name}" ended with ${signal ?? `status ${status}`}`)
    return JSON.parse(stdout)
  } finally {
    fs.rmSync(folder, { recursive: true, force: true })
  }
}

function machine () {
  const versions = {}
  for (const label of ['better-sqlite3', 'node:sqlite', 'libsql', 'ferrolite']) {
    const db = drivers[label].open(':memory:')
    const { v } = db.prepare('SELECT sqlite_version() AS v').get()
    db.close()
    versions[label] = { version: drivers[label].version(), sqlite: v }
  }
  return surroundings(versions)
}

// What a figure cannot be judged without.
function surroundings (versions) {
  return {
    node: process.versions.node,
    platform: `${process.platform} ${process.arch}`,
    cpu: os.cpus()[0].model.trim(),
    cores: os.availableParallelism(),
    date: new Date().toISOString().slice(0, 10),
    versions
  }
}

function describe ({ node, platform, cpu, cores, date, versions }) {
  const list = Object.entries(versions)
    .map(([label, { version, sqlite }]) => `${label} ${version}${sqlite ? ` (SQLite ${sqlite})` : ''}`)
  return `Node ${node}, ${platform}, ${cores} cores, ${cpu}, ${date}\n${list.join(', ')}`
}

module.exports = { describe, flags, machine, runChild, runWorkload, surroundings }
