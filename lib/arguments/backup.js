'use strict'

const fs = require('node:fs')
const path = require('node:path')
const { makeError } = require('../errors')
const { isInMemory, resolveFile } = require('../paths')
const { nextTurn, now, sleep } = require('../timers')

// What @ferrolite/sqlite3 marks the function with whose steps are asked for one by one.
const ASYNC = Symbol.for('ferrolite.async')

// Suffixes of the files that SQLite writes beside a database.
const BESIDE = ['', '-journal', '-wal', '-shm']

// How long to wait before a locked file is tried again, in ms; then the last of them.
const DELAYS = [1, 2, 5, 10, 15, 20, 25, 50]

/** Whether `db.backup()` goes into a key-value store. */
function isToStore (options) {
  if (typeof options !== 'object' || options === null) return false
  if (!('store' in options) && options.singleWriter != null) {
    throw new TypeError('The "singleWriter" option is for databases in key-value stores, and the "store" option is not set')
  }
  return 'store' in options
}

/** Checks the arguments of `db.backup()`. Async, so that a mistake becomes a rejection. */
async function readBackup (file, options, uri) {
  options ??= {}
  if (typeof file !== 'string') throw new TypeError('Expected first argument to be a string')
  if (typeof options !== 'object') throw new TypeError('Expected second argument to be an options object')
  file = file.trim()
  const attached = 'attached' in options ? options.attached : 'main'
  const progress = 'progress' in options ? options.progress : null
  if (!file) throw new TypeError('Backup filename cannot be an empty string')
  if (isInMemory(file)) throw invalid(file)
  if (typeof attached !== 'string') throw new TypeError('Expected the "attached" option to be a string')
  if (!attached) throw new TypeError('The "attached" option cannot be an empty string')
  if (progress != null && typeof progress !== 'function') throw new TypeError('Expected the "progress" option to be a function')

  const target = resolveFile(file, uri)
  const directory = uri && file.startsWith('file:') ? null : path.dirname(target)
  if (directory !== null) {
    await fs.promises.access(directory).catch(() => {
      throw new TypeError(`Cannot save backup because the directory does not exist: ${target}`)
    })
  }
  return { file: target, attached, progress: progress ?? null }
}

/**
 * Copies 100 pages each time the event loop turns; the first turn only counts them. `step` and
 * `close` may be async.
 */
async function runBackup (file, [timeout, source, target], step, close, progress) {
  let rate = 0
  let useDefault = true
  try {
    if (target === '') throw invalid(file)
    if (await isOfDatabase(target, source)) {
      throw makeError('source and destination must be distinct', 'SQLITE_ERROR', 1)
    }
    for (;;) {
      await nextTurn()
      const [totalPages, remainingPages, done] = await stepWhenFree(step, rate, timeout)
      if (done) return { totalPages, remainingPages }
      if (useDefault) {
        useDefault = false
        rate = 100
      }
      if (progress === null) continue
      const next = progress({ totalPages, remainingPages })
      rate = readRate(progress[ASYNC] === true ? await next : next, rate)
    }
  } finally {
    await close()
  }
}

function invalid (file) {
  return new TypeError(`Invalid backup filename "${file}"`)
}

/** Whether a file is that of a database, by any name, or belongs to it. */
async function isOfDatabase (file, database) {
  if (database === '') return false
  const identity = await identify(file)
  for (const suffix of BESIDE) {
    const other = database + suffix
    if (file === other) return true
    if (identity !== null && identity === await identify(other)) return true
  }
  return false
}

async function identify (file) {
  const found = await fs.promises.stat(file, { bigint: true }).catch(() => null)
  // Some file systems have no numbers.
  return found === null || found.ino === 0n ? null : `${found.dev} ${found.ino}`
}

/** Waits for a lock as long as a statement does, while the event loop turns. */
async function stepWhenFree (step, rate, timeout) {
  const end = now() + timeout
  for (let tries = 0; ; ++tries) {
    try {
      return await step(rate)
    } catch (error) {
      const left = end - now()
      if (!isLocked(error) || left <= 0) throw error
      await sleep(Math.min(DELAYS[tries] ?? DELAYS.at(-1), left))
    }
  }
}

function isLocked (error) {
  return /^SQLITE_(BUSY|LOCKED)/.test(error?.code)
}

function readRate (value, rate) {
  if (value === undefined) return rate
  if (typeof value === 'number' && !Number.isNaN(value)) return Math.max(0, Math.min(0x7fffffff, Math.round(value)))
  throw new TypeError('Expected progress callback to return a number or undefined')
}

module.exports = { isToStore, readBackup, runBackup }
