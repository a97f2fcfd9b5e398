'use strict'

// The names of keys in a directory. `name/P/00000001/0000000100000001` is in the folder `name/+p`:
// a folder of its own for each page would have to reach the disk, too.

const { createHash } = require('node:crypto')
const fs = require('node:fs')
const path = require('node:path')

// File systems have names of up to 255 bytes.
const LONGEST = 200
// Between the parts of a key in one name.
const BETWEEN = '!'
// Names that are not of keys begin so.
const RESERVED = '='

/** Where the value of a key is. */
function fileOf (root, key) {
  const parts = key.split('/')
  const folders = parts.slice(0, Math.min(2, parts.length - 1)).map(encode)
  return path.join(root, ...folders, shorten(parts.slice(folders.length).map(escape).join(BETWEEN)))
}

/** The keys that are there and begin so. */
function keysUnder (root, prefix) {
  // A name that is hashed cannot be read back: what the prefix says of it can.
  const parts = prefix.split('/').slice(0, -1).slice(0, 2)
  const start = path.join(root, ...parts.map(encode))
  const keys = []
  walk(start, parts.map((part) => `${part}/`).join(''), parts.length, keys)
  return keys.filter((key) => key.startsWith(prefix))
}

function walk (folder, prefix, depth, keys) {
  let names
  try {
    names = fs.readdirSync(folder, { withFileTypes: true })
  } catch (error) {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return
    throw error
  }
  for (const entry of names) {
    if (entry.name.startsWith(RESERVED)) continue
    const key = prefix + decode(entry.name)
    if (!entry.isDirectory()) keys.push(key)
    else if (depth < 2) walk(path.join(folder, entry.name), `${key}/`, depth + 1, keys)
  }
}

/** A part of a key as a name that every file system keeps apart from others. */
function encode (part) {
  return shorten(escape(part))
}

function escape (part) {
  return part.replace(/[^a-z0-9_%-]/g, (char) => {
    return /[A-Z]/.test(char) ? `+${char.toLowerCase()}` : `~${char.charCodeAt(0).toString(16).padStart(2, '0')}`
  })
}

function shorten (name) {
  return name.length <= LONGEST ? name : `${RESERVED}${createHash('sha256').update(name).digest('hex')}`
}

function decode (name) {
  return name.replace(/\+([a-z])|~([0-9a-f]{2})|!/g, (found, letter, code) => {
    if (found === BETWEEN) return '/'
    return letter === undefined ? String.fromCharCode(parseInt(code, 16)) : letter.toUpperCase()
  })
}

module.exports = { fileOf, keysUnder }
