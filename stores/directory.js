'use strict'

const { createHash, randomBytes } = require('node:crypto')
const fs = require('node:fs')
const path = require('node:path')

// Where values are written before they have their names; no key begins so.
const HALF = '=half'
// File systems have names of up to 255 bytes.
const LONGEST = 200
// Nobody writes one file for so long, in ms.
const OLD = 60 * 60 * 1000

/**
 * A store in a directory: a file for each key. Several processes may use it at once, without a
 * server: a name is given once, by `link()`. What was written has reached the disk.
 */
function directoryStore (folder) {
  if (typeof folder !== 'string' || folder === '') throw new TypeError('Expected first argument to be the path of a directory')
  const root = path.resolve(folder)
  const half = path.join(root, HALF)
  fs.mkdirSync(half, { recursive: true })
  removeOld(half)
  const fileOf = (key) => path.join(root, ...toText(key).split('/').map(encode))

  const put = (key, value) => {
    const file = fileOf(key)
    prepare(file)
    fs.renameSync(write(half, value), file)
    return path.dirname(file)
  }

  return {
    get: (key) => read(fileOf(key)),
    getBatch: (keys) => keys.map((key) => read(fileOf(key))),
    put (key, value) {
      syncFolder(put(key, value))
    },
    putBatch (entries) {
      const folders = new Set(entries.map(([key, value]) => put(key, value)))
      for (const folder of folders) syncFolder(folder)
    },
    deleteBatch (keys) {
      for (const key of keys) fs.rmSync(fileOf(key), { force: true })
    },
    putIfAbsent (key, value) {
      const file = fileOf(key)
      if (fs.existsSync(file)) return false
      prepare(file)
      const temporary = write(half, value)
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
    },
    list (prefix) {
      const text = toText(prefix)
      // A name that is hashed cannot be read back: what the prefix says of it can.
      const whole = text.slice(0, text.lastIndexOf('/') + 1)
      const start = path.join(root, ...whole.split('/').slice(0, -1).map(encode))
      const keys = []
      walk(start, whole, keys)
      return keys.filter((key) => key.startsWith(text)).map((key) => Buffer.from(key, 'latin1'))
    }
  }
}

function toText (key) {
  return Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString('latin1')
}

/** A part of a key as a name that every file system keeps apart from others. */
function encode (part) {
  const name = part.replace(/[^a-z0-9_%-]/g, (char) => {
    return /[A-Z]/.test(char) ? `+${char.toLowerCase()}` : `~${char.charCodeAt(0).toString(16).padStart(2, '0')}`
  })
  if (name.length <= LONGEST) return name
  return `=${createHash('sha256').update(part).digest('hex')}`
}

function decode (name) {
  return name.replace(/\+([a-z])|~([0-9a-f]{2})/g, (_, letter, code) => {
    return letter === undefined ? String.fromCharCode(parseInt(code, 16)) : letter.toUpperCase()
  })
}

function read (file) {
  try {
    return fs.readFileSync(file)
  } catch (error) {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return null
    throw error
  }
}

/** A new file with this value, whole and on the disk. */
function write (half, value) {
  const file = path.join(half, `${process.pid}-${randomBytes(8).toString('hex')}`)
  const fd = fs.openSync(file, 'wx')
  try {
    fs.writeFileSync(fd, value)
    fs.fsyncSync(fd)
  } catch (error) {
    fs.rmSync(file, { force: true })
    throw error
  } finally {
    fs.closeSync(fd)
  }
  return file
}

/** Makes the folder of a file, and the names of those that are new durable. */
function prepare (file) {
  const folder = path.dirname(file)
  if (fs.existsSync(folder)) return
  const first = fs.mkdirSync(folder, { recursive: true })
  if (first === undefined) return
  for (let made = folder; made.length >= first.length; made = path.dirname(made)) {
    syncFolder(path.dirname(made))
  }
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

function walk (folder, prefix, keys) {
  let names
  try {
    names = fs.readdirSync(folder, { withFileTypes: true })
  } catch (error) {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return
    throw error
  }
  for (const entry of names) {
    if (entry.name.startsWith('=')) continue
    const key = prefix + decode(entry.name)
    if (entry.isDirectory()) walk(path.join(folder, entry.name), `${key}/`, keys)
    else keys.push(key)
  }
}

/** Values of processes that were killed before they could name them. */
function removeOld (half) {
  for (const name of fs.readdirSync(half)) {
    const file = path.join(half, name)
    const stats = fs.statSync(file, { throwIfNoEntry: false })
    if (stats !== undefined && Date.now() - stats.mtimeMs > OLD) fs.rmSync(file, { force: true })
  }
}

module.exports = { directoryStore }
