'use strict'

// Files of databases, over node:fs (crates/node/src/sys/wasm/files.rs). Node has no locks on files:
// a thread has a database alone, by a file beside it; its own connections share it as those of
// SQLite do.

const fs = require('node:fs')
const path = require('node:path')
const { acquire, release } = require('./lock-file')

// https://www.sqlite.org/rescode.html
const BUSY = 5
const FULL = 13
const CANTOPEN = 14
const IOERR = 10
const READONLY_DIRECTORY = 1544
const IOERR_READ = 266
const IOERR_WRITE = 778
const IOERR_FSYNC = 1034
const IOERR_TRUNCATE = 1546
const IOERR_FSTAT = 1802
const IOERR_DELETE = 2570
const IOERR_DELETE_NOENT = 5898

const FULL_DISK = ['EDQUOT', 'ENOSPC']

const DATABASE = 0
const [NONE, SHARED, RESERVED, PENDING, EXCLUSIVE] = [0, 1, 2, 3, 4]

/**
 * The connections of this thread to one file.
 * @typedef {object} Sharing
 * @property {number} open
 * @property {string | null} lockFile
 * @property {number} readers
 * @property {number} writer
 * @property {boolean} pending
 */

/** The functions of an instance with this memory, for files. */
function filesOf (memory) {
  const files = new Map()
  /** @type {Map<string, Sharing>} */
  const shared = new Map()
  let last = 0

  // A result code in the place of an exception.
  const guarded = (code, body) => {
    try {
      return body()
    } catch (error) {
      return -(FULL_DISK.includes(error.code) ? FULL : error.sqlite ?? code)
    }
  }
  const nameAt = (at, length) => memory.utf8(at, length)

  function open (name, kind, readonly, create) {
    const { fd, isReadonly, isNew } = openFile(name, readonly, create)
    const number = ++last
    const sharing = kind === DATABASE ? shared.get(name) ?? newSharing() : null
    if (sharing !== null) {
      shared.set(name, sharing)
      sharing.open++
    }
    files.set(number, { fd, name, isReadonly, isNew, level: NONE, sharing })
    return number
  }

  function lock (number, level) {
    const file = files.get(number)
    const { sharing } = file
    if (sharing === null || file.level >= level) return 0
    if (file.level === NONE) {
      if (sharing.pending && sharing.writer !== number) return -BUSY
      sharing.lockFile ??= acquire(file.name, file.isReadonly)
      if (sharing.lockFile === null) return -BUSY
      sharing.readers++
      file.level = SHARED
    }
    if (level === SHARED) return 0
    if (sharing.writer !== 0 && sharing.writer !== number) return -BUSY
    sharing.writer = number
    file.level = RESERVED
    if (level === RESERVED) return 0
    // Nobody begins to read from now on.
    sharing.pending = true
    file.level = PENDING
    if (sharing.readers > 1) return -BUSY
    file.level = EXCLUSIVE
    return 0
  }

  function unlock (number, level) {
    const file = files.get(number)
    const { sharing } = file
    if (sharing === null || file.level <= level) return 0
    if (file.level > SHARED && sharing.writer === number) {
      sharing.writer = 0
      sharing.pending = false
    }
    if (level === NONE) sharing.readers--
    file.level = level
    return 0
  }

  function close (number) {
    const file = files.get(number)
    unlock(number, NONE)
    files.delete(number)
    fs.closeSync(file.fd)
    const { sharing } = file
    if (sharing !== null && --sharing.open === 0) {
      shared.delete(file.name)
      if (sharing.lockFile !== null) release(sharing.lockFile)
    }
    return 0
  }

  const imports = {
    file_open: (at, length, kind, readonly, create) => guarded(CANTOPEN, () =>
      open(nameAt(at, length), kind, readonly !== 0, create !== 0)),
    file_is_readonly: (number) => files.get(number).isReadonly ? 1 : 0,
    file_read: (number, at, length, offset) => guarded(IOERR_READ, () =>
      readAll(files.get(number).fd, memory.bytes(), at >>> 0, length, offset)),
    file_write: (number, at, length, offset) => guarded(IOERR_WRITE, () =>
      writeAll(files.get(number).fd, memory.bytes(), at >>> 0, length, offset)),
    file_truncate: (number, size) => guarded(IOERR_TRUNCATE, () => {
      fs.ftruncateSync(files.get(number).fd, size)
      return 0
    }),
    file_sync: (number) => guarded(IOERR_FSYNC, () => {
      const file = files.get(number)
      fs.fsyncSync(file.fd)
      if (file.isNew) syncFolder(file.name)
      file.isNew = false
      return 0
    }),
    file_size: (number) => guarded(IOERR_FSTAT, () => fs.fstatSync(files.get(number).fd).size),
    file_lock: (number, level) => guarded(IOERR, () => lock(number, level)),
    file_unlock: (number, level) => guarded(IOERR, () => unlock(number, level)),
    file_is_reserved: (number) => (files.get(number).sharing?.writer ?? 0) === 0 ? 0 : 1,
    file_close: (number) => guarded(IOERR, () => close(number)),
    file_delete: (at, length) => guarded(IOERR_DELETE, () => {
      const name = nameAt(at, length)
      deleteFile(name)
      syncFolder(name)
      return 0
    }),
    // An empty journal is none.
    file_exists: (at, length) => sizeOf(nameAt(at, length)) > 0 ? 1 : 0,
    file_full_name: (at, length, out, room) => guarded(CANTOPEN, () => {
      const full = fullName(nameAt(at, length))
      return Buffer.byteLength(full) < room ? memory.write(full, out, room) : -CANTOPEN
    })
  }

  /** After a trap: nothing is written any more, and others may have the files. */
  function abandon () {
    for (const { fd } of files.values()) attempt(() => fs.closeSync(fd))
    for (const { lockFile } of shared.values()) attempt(() => release(lockFile ?? ''))
    files.clear()
    shared.clear()
  }

  return { imports, abandon }
}

/** @returns {Sharing} */
function newSharing () {
  return { open: 0, lockFile: null, readers: 0, writer: 0, pending: false }
}

function sizeOf (name) {
  return fs.statSync(name, { throwIfNoEntry: false })?.size ?? 0
}

function attempt (body) {
  try { body() } catch {}
}

const { O_CREAT, O_EXCL, O_RDONLY, O_RDWR, O_NOFOLLOW = 0 } = fs.constants
const MODE = 0o644
const DENIED = ['EACCES', 'EPERM', 'EROFS']

function openFile (name, readonly, create) {
  if (readonly) return { fd: openToRead(name), isReadonly: true, isNew: false }
  try {
    return { fd: fs.openSync(name, O_RDWR | O_NOFOLLOW), isReadonly: false, isNew: false }
  } catch (error) {
    if (error.code === 'ENOENT' && create) {
      const fd = fs.openSync(name, O_RDWR | O_CREAT | O_EXCL, MODE)
      return { fd, isReadonly: false, isNew: true }
    }
    // As SQLite does: what may not be written is read.
    if (!DENIED.includes(error.code)) throw error
    if (!fs.existsSync(name)) throw Object.assign(error, { sqlite: READONLY_DIRECTORY })
    return { fd: openToRead(name), isReadonly: true, isNew: false }
  }
}

function openToRead (name) {
  const fd = fs.openSync(name, O_RDONLY)
  if (!fs.fstatSync(fd).isDirectory()) return fd
  fs.closeSync(fd)
  throw Object.assign(new Error('It is a folder'), { sqlite: IOERR_READ })
}

function readAll (fd, bytes, at, length, offset) {
  let done = 0
  while (done < length) {
    const got = fs.readSync(fd, bytes, at + done, length - done, offset + done)
    if (got === 0) break
    done += got
  }
  return done
}

function writeAll (fd, bytes, at, length, offset) {
  for (let done = 0; done < length;) {
    done += fs.writeSync(fd, bytes, at + done, length - done, offset + done)
  }
  return 0
}

function deleteFile (name) {
  try {
    fs.unlinkSync(name)
  } catch (error) {
    if (error.code === 'ENOENT') throw Object.assign(error, { sqlite: IOERR_DELETE_NOENT })
    throw error
  }
}

// A file that was made or removed is so only once its folder is on disk.
function syncFolder (name) {
  if (process.platform === 'win32') return
  attempt(() => {
    const fd = fs.openSync(path.dirname(name), O_RDONLY)
    try { fs.fsyncSync(fd) } finally { fs.closeSync(fd) }
  })
}

/** One name for one file, whatever links lead there. */
function fullName (name) {
  try {
    return fs.realpathSync.native(name)
  } catch {
    // Not by path.resolve(), for which "link/.." is the folder of the link.
    const end = name.lastIndexOf('/') + 1
    try {
      return path.join(fs.realpathSync.native(name.slice(0, end) || '.'), name.slice(end))
    } catch {
      return path.resolve(name)
    }
  }
}

module.exports = { filesOf }
