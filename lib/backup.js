'use strict'

const fs = require('node:fs')
const path = require('node:path')
const { setImmediate } = require('node:timers/promises')

/** Checks the arguments of `db.backup()`; a promise, so that what is wrong becomes a rejection. */
async function readBackup (file, options) {
  options ??= {}
  if (typeof file !== 'string') throw new TypeError('Expected first argument to be a string')
  if (typeof options !== 'object') throw new TypeError('Expected second argument to be an options object')
  file = file.trim()
  const attached = 'attached' in options ? options.attached : 'main'
  const progress = 'progress' in options ? options.progress : null
  if (!file) throw new TypeError('Backup filename cannot be an empty string')
  if (file === ':memory:') throw new TypeError('Invalid backup filename ":memory:"')
  if (typeof attached !== 'string') throw new TypeError('Expected the "attached" option to be a string')
  if (!attached) throw new TypeError('The "attached" option cannot be an empty string')
  if (progress != null && typeof progress !== 'function') throw new TypeError('Expected the "progress" option to be a function')

  const { access } = fs.promises
  await access(path.dirname(file)).catch(() => {
    throw new TypeError('Cannot save backup because the directory does not exist')
  })
  const isNew = await access(file).then(() => false, () => true)
  return { file, attached, progress: progress ?? null, isNew }
}

/**
 * Copies 100 pages each time the event loop turns; the first turn only counts them. `step` and
 * `close` may be async.
 */
async function runBackup (step, close, progress) {
  let rate = 0
  let useDefault = true
  try {
    for (;;) {
      await setImmediate()
      const state = await step(rate)
      if (!state.remainingPages) return state
      if (useDefault) {
        useDefault = false
        rate = 100
      }
      if (progress !== null) rate = readRate(progress(state), rate)
    }
  } finally {
    await close()
  }
}

function readRate (value, rate) {
  if (value === undefined) return rate
  if (typeof value === 'number' && !Number.isNaN(value)) return Math.max(0, Math.min(0x7fffffff, Math.round(value)))
  throw new TypeError('Expected progress callback to return a number or undefined')
}

module.exports = { readBackup, runBackup }
