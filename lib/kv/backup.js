'use strict'

// Backups into key-value stores, of both APIs. The database is copied into a file first: a store
// that is slow keeps no lock on it, and what others write meanwhile does not make it begin again.

const fs = require('node:fs/promises')
const os = require('node:os')
const path = require('node:path')
const { readBackup, runBackup } = require('../arguments/backup')
const { readStore } = require('../arguments/store')
const { makeError } = require('../errors')

const MAGIC = 'SQLite format 3\0'

/**
 * `copy(attached, file)` makes the file; `open(name, options)` opens the database in the store:
 * `pageSize`, `begin(file)`, which gives `opened`, `step` and `close` of a backup, and `close`.
 * All of them may be async.
 */
async function backupToStore (name, options, copy, open) {
  if (typeof name !== 'string') throw new TypeError('Expected first argument to be a string')
  const { store, singleWriter = false } = options
  readStore(name, { store, singleWriter }, false)
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), `ferrolite-backup-${process.pid}-`))
  try {
    const file = path.join(folder, 'backup')
    const { attached, progress } = await readBackup(file, options, false)
    await copy(attached, file)
    const pageSize = await readPageSize(file)
    const target = await open(name, { store, singleWriter, pageSize })
    try {
      return await write(name, file, target, pageSize, progress)
    } finally {
      await target.close()
    }
  } finally {
    await fs.rm(folder, { recursive: true, force: true })
  }
}

/** More pages at each step: a database that others write all the time is copied all the same. */
function growing () {
  let pages = 100
  return () => {
    pages *= 2
    return pages
  }
}

async function write (name, file, target, pageSize, progress) {
  const there = await target.pageSize()
  if (there !== pageSize) {
    throw makeError(`The database "${name}" in the store has pages of ${there} bytes, and the one that is to be copied there of ${pageSize}: choose another name`, 'SQLITE_ERROR', 1)
  }
  const { opened: [timeout], step, close } = await target.begin(file)
  // Both are known to be distinct.
  return runBackup(file, [timeout, '', file], step, close, progress)
}

/** Of the file of a database. */
async function readPageSize (file) {
  const handle = await fs.open(file)
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(100), 0, 100, 0)
    if (bytesRead === 0) return undefined
    if (buffer.toString('latin1', 0, MAGIC.length) !== MAGIC) {
      throw new TypeError('An encrypted database cannot be copied into a store: there its pages would not be encrypted. Decrypt a copy with rekey(null), and encrypt the values in the store')
    }
    // 1 stands for 65,536.
    const size = buffer.readUInt16BE(16)
    return size === 1 ? 65536 : size
  } finally {
    await handle.close()
  }
}

module.exports = { backupToStore, growing }
