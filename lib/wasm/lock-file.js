'use strict'

// The file beside a database that says which process has it, and which thread. Native SQLite does
// not look at it.

const fs = require('node:fs')

// Which process has a file, and which of its threads. node:worker_threads takes 2 ms to load.
let ours = ''

function self () {
  ours ||= `${process.pid} ${require('node:worker_threads').threadId}\n`
  return ours
}

/**
 * -> the name of the lock file, '' if none can be made nor is needed, or null if somebody else has
 * the database
 */
function acquire (database, isReadonly) {
  const file = `${database}-lock`
  for (let tries = 0; tries < 3; ++tries) {
    try {
      fs.writeFileSync(file, self(), { flag: 'wx' })
      // Two that found the same stale file may both have removed it.
      return read(file) === self() ? file : null
    } catch (error) {
      if (error.code !== 'EEXIST') {
        if (isReadonly) return ''
        throw error
      }
    }
    if (!removeStale(file)) return null
  }
  return null
}

// What a process left that was killed: false if it runs.
function removeStale (file) {
  const found = read(file)
  if (found === null) return true
  if (found === self() || isAlive(Number.parseInt(found, 10))) return false
  fs.rmSync(file, { force: true })
  return true
}

function read (file) {
  try {
    return fs.readFileSync(file, 'latin1')
  } catch {
    return null
  }
}

function isAlive (pid) {
  if (!(pid > 0)) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code !== 'ESRCH'
  }
}

function release (file) {
  if (file !== '' && read(file) === self()) fs.rmSync(file, { force: true })
}

module.exports = { acquire, release }
