'use strict'

// The files of a directory: written whole, on the disk, and only then named.

const { randomBytes } = require('node:crypto')
const fs = require('node:fs')
const path = require('node:path')
const { wallTime } = require('../../timers')
const { indexEnd, pack, readIndex, single } = require('./pack')

// Where values are written before they have their names; no key begins so.
const HALF = '=half'
// Nobody writes one file for so long, in ms.
const OLD = 60 * 60 * 1000
// NTFS has at most 1,023 names of one file.
const MOST_NAMES = 500
// A page, or the index of a batch with its first values.
const FIRST_READ = 16384
// A pack with fewer of its keys left is written anew, without what is gone.
const LEAST_USED = 1 / 4

class Files {
  #half

  constructor (root) {
    this.#half = path.join(root, HALF)
    makeFolder(root)
    makeFolder(this.#half)
    removeOld(this.#half)
  }

  /** The value of a key, or null. */
  read (file, key) {
    let fd
    try {
      fd = fs.openSync(file, 'r')
    } catch (error) {
      if (isAbsent(error)) return null
      throw error
    }
    try {
      const start = readAt(fd, 0, FIRST_READ)
      const end = indexEnd(start)
      if (end === null) return readSingle(fd, start)
      const item = readIndex(within(fd, start, 0, end)).find((one) => one.key === key)
      return item === undefined ? null : within(fd, start, item.offset, item.length)
    } finally {
      fs.closeSync(fd)
    }
  }

  /** Several `{ key, file, value }` at once. */
  put (all) {
    // Of a key that is there twice, the last value.
    const entries = [...new Map(all.map((entry) => [entry.file, entry])).values()]
    const folders = new Set()
    for (let at = 0; at < entries.length; at += MOST_NAMES) {
      const some = entries.slice(at, at + MOST_NAMES)
      const temporary = this.#write(some.length === 1 ? single(some[0].value) : pack(some))
      try {
        for (const { file } of some) this.#name(temporary, file)
      } finally {
        fs.rmSync(temporary, { force: true })
      }
      for (const { file } of some) folders.add(path.dirname(file))
    }
    for (const folder of folders) syncFolder(folder)
  }

  /** Whether it was not there. */
  create ({ file, value }) {
    if (fs.existsSync(file)) return false
    makeFolder(path.dirname(file))
    const temporary = this.#write(single(value))
    try {
      fs.linkSync(temporary, file)
    } catch (error) {
      if (error.code === 'EEXIST') return false
      throw error
    } finally {
      fs.rmSync(temporary, { force: true })
    }
    syncFolder(path.dirname(file))
    return true
  }

  /** Removes names, and what is left of packs of which little is needed. */
  remove (files, fileOf) {
    const packs = new Map()
    for (const file of files) {
      try {
        const { ino, nlink } = statOf(file) ?? {}
        if (ino === undefined) continue
        if (nlink > 1n && !packs.has(ino)) packs.set(ino, readPack(file))
        fs.unlinkSync(file)
      } catch (error) {
        if (!isAbsent(error)) throw error
      }
    }
    for (const [ino, items] of packs) this.#shrink(ino, items, fileOf)
  }

  /** Keys of batches are written once: nobody changes them meanwhile. */
  #shrink (ino, items, fileOf) {
    const isLeft = ({ file }) => statOf(file)?.ino === ino
    const left = items.map(({ key }) => ({ key, file: fileOf(key) })).filter(isLeft)
    if (left.length === 0 || left.length > items.length * LEAST_USED) return
    const values = left.map((entry) => ({ ...entry, value: this.read(entry.file, entry.key) }))
    this.put(values.filter(({ value }) => value !== null))
  }

  /** Gives a file one more name, in the place of whatever has it. */
  #name (temporary, file) {
    try {
      fs.linkSync(temporary, file)
    } catch (error) {
      if (error.code === 'ENOENT') {
        makeFolder(path.dirname(file))
        return this.#name(temporary, file)
      }
      if (error.code !== 'EEXIST') throw error
      const other = this.#newName()
      fs.linkSync(temporary, other)
      fs.renameSync(other, file)
    }
  }

  #newName () {
    return path.join(this.#half, `${process.pid}-${randomBytes(8).toString('hex')}`)
  }

  /** A new file, whole and on the disk. */
  #write (pieces) {
    const file = this.#newName()
    const fd = fs.openSync(file, 'wx')
    try {
      fs.writeFileSync(fd, pieces.length === 1 ? pieces[0] : Buffer.concat(pieces))
      fs.fsyncSync(fd)
    } catch (error) {
      fs.rmSync(file, { force: true })
      throw error
    } finally {
      fs.closeSync(fd)
    }
    return file
  }
}

/** Numbers of files are larger than those of JavaScript. */
function statOf (file) {
  return fs.lstatSync(file, { bigint: true, throwIfNoEntry: false })
}

function isAbsent (error) {
  return error.code === 'ENOENT' || error.code === 'ENOTDIR'
}

function readAt (fd, offset, length) {
  const bytes = Buffer.allocUnsafe(length)
  let done = 0
  while (done < length) {
    const read = fs.readSync(fd, bytes, done, length - done, offset + done)
    if (read === 0) break
    done += read
  }
  return bytes.subarray(0, done)
}

/** A part of a file, of which the beginning was read. */
function within (fd, start, offset, length) {
  if (offset + length <= start.length) return start.subarray(offset, offset + length)
  const bytes = readAt(fd, offset, length)
  if (bytes.length < length) throw new Error('the file is shorter than it says')
  return bytes
}

function readSingle (fd, start) {
  if (start.length < FIRST_READ) return start.subarray(1)
  const rest = fs.fstatSync(fd).size - start.length
  if (rest <= 0) return start.subarray(1)
  return Buffer.concat([start.subarray(1), readAt(fd, start.length, rest)])
}

/** The index of a pack, by one of its names; empty for a file of one value. */
function readPack (file) {
  const fd = fs.openSync(file, 'r')
  try {
    const start = readAt(fd, 0, FIRST_READ)
    const end = indexEnd(start)
    return end === null ? [] : readIndex(within(fd, start, 0, end))
  } finally {
    fs.closeSync(fd)
  }
}

/** Makes a folder and those above it, and their names durable. */
function makeFolder (folder) {
  if (fs.existsSync(folder)) return
  const above = path.dirname(folder)
  // Not `recursive`, which does not end below /proc.
  if (above !== folder) makeFolder(above)
  try {
    fs.mkdirSync(folder)
  } catch (error) {
    if (error.code !== 'EEXIST') throw error
  }
  syncFolder(above)
}

function syncFolder (folder) {
  // Windows has no such call: there the name is in the journal of the file system.
  if (process.platform === 'win32') return
  const fd = fs.openSync(folder, 'r')
  try {
    fs.fsyncSync(fd)
  } finally {
    fs.closeSync(fd)
  }
}

/** Values of processes that were killed before they could name them. */
function removeOld (half) {
  for (const name of fs.readdirSync(half)) {
    const file = path.join(half, name)
    const stats = fs.statSync(file, { throwIfNoEntry: false })
    if (stats !== undefined && wallTime() - stats.mtimeMs > OLD) fs.rmSync(file, { force: true })
  }
}

module.exports = { Files }
