'use strict'

// Databases that @rivetkit/sqlite-vfs 2 keeps in a store: chunks of a file, and of its journal.

const fs = require('node:fs')
const Database = require('..')

// Of its src/kv.ts: bytes of a chunk, keys of a batch, what keys begin with, kinds of keys
// and of files.
const CHUNK = 4096
const BATCH = 128
const PREFIX = [8, 1]
const META = 0
const DATA = 1
const FILES = [[0, ''], [1, '-journal'], [2, '-wal']]
const SUFFIXES = ['', '-journal', '-wal', '-shm']

function keyOf (file, index) {
  const key = new Uint8Array(8)
  key.set([...PREFIX, DATA, file])
  new DataView(key.buffer).setUint32(4, index)
  return key
}

// What it writes of a file: the version of this value, and the bytes of the file.
async function sizeOf (store, file) {
  const value = await store.get(Uint8Array.from([...PREFIX, META, file]))
  if (value === null || value === undefined) return null
  const meta = Buffer.from(value.buffer, value.byteOffset, value.byteLength)
  if (meta.length !== 10 || meta.readUInt16LE(0) !== 1) {
    throw new TypeError('The store has a database of another version of @rivetkit/sqlite-vfs')
  }
  return Number(meta.readBigUInt64LE(2))
}

async function write (store, file, size, target) {
  const output = await fs.promises.open(target, 'wx')
  try {
    const chunks = Math.ceil(size / CHUNK)
    for (let first = 0; first < chunks; first += BATCH) {
      const count = Math.min(BATCH, chunks - first)
      const keys = Array.from({ length: count }, (_, i) => keyOf(file, first + i))
      const values = await store.getBatch(keys)
      for (const [i, value] of values.entries()) {
        // A chunk that is missing is of zeros, as it reads them.
        if (value) await output.write(value, 0, Math.min(value.length, CHUNK), (first + i) * CHUNK)
      }
    }
    await output.truncate(size)
    await output.sync()
  } finally {
    await output.close()
  }
}

// Rolls back what was going on, and looks at every page.
function check (file) {
  const db = new Database(file, { fileMustExist: true })
  try {
    db.pragma('journal_mode = DELETE')
    const faults = db.pragma('integrity_check', { simple: true })
    if (faults !== 'ok') throw new Error(`The database in the store is damaged: ${faults}`)
  } finally {
    db.close()
  }
}

/**
 * Copies a database of @rivetkit/sqlite-vfs 2 out of a store into a file that does not exist yet.
 * What a process was doing when it was killed is rolled back.
 */
async function importRivet (store, file) {
  if (typeof store?.get !== 'function' || typeof store.getBatch !== 'function') {
    throw new TypeError('Expected first argument to be a store with the methods get() and getBatch()')
  }
  if (typeof file !== 'string' || file === '') throw new TypeError('Expected second argument to be a path')
  const sizes = []
  for (const [number] of FILES) sizes.push(await sizeOf(store, number))
  if (!sizes[0]) throw new TypeError('The store has no database of @rivetkit/sqlite-vfs')
  for (const suffix of SUFFIXES) {
    if (fs.existsSync(file + suffix)) throw new TypeError(`${file + suffix} exists already`)
  }
  try {
    for (const [i, [number, suffix]] of FILES.entries()) {
      if (sizes[i]) await write(store, number, sizes[i], file + suffix)
    }
    check(file)
  } catch (error) {
    for (const suffix of SUFFIXES) fs.rmSync(file + suffix, { force: true })
    throw error
  }
}

module.exports = { importRivet }
