'use strict'

// Names of files, resolved when they are passed: a thread opens them later, when the current
// folder may be another one.

const fs = require('node:fs')
const path = require('node:path')
const { mistake } = require('./errors')

const isWindows = process.platform === 'win32'

// What @ferrolite/libsql says: in libsql all of them are.
const URI = Symbol.for('ferrolite.uri')

/** Whether `file:` names are URIs. */
function usesUris (options) {
  return options[URI] === true || process.env.SQLITE_USE_URI === '1'
}

/** Also as @libsql/client spells it; there is no shared cache in this engine. */
function isInMemory (file) {
  return file === ':memory:' || /^file::memory:($|\?)/.test(file)
}

/** Whether a name is that of no file: a database in memory, or a temporary one. */
function isAnonymous (file) {
  return file === '' || isInMemory(file)
}

/** The absolute path of a database or a backup. */
function resolveFile (file, uri, vfs) {
  if (isAnonymous(file) || !namesFiles(vfs)) return file
  if (uri && file.startsWith('file:')) return resolveUri(file)
  return resolvePath(file)
}

/** Throws if the folder is missing: the engine's error would not say so. */
function requireFolder ({ name, file, anonymous, isDescriptor }) {
  if (file === null || anonymous || isDescriptor || name.trimStart().startsWith('file:')) return
  if (!fs.existsSync(path.dirname(file))) {
    throw mistake('TypeError', `Cannot open database because the directory does not exist: ${file}`, undefined, name)
  }
}

/** Custom VFSs may have names that are not paths. */
function namesFiles (vfs) {
  return vfs === undefined || /^(unix|win32)/.test(vfs)
}

function resolvePath (file) {
  // A drive has a folder of its own there.
  if (isWindows) return path.resolve(file)
  // Not normalized: `link/..` depends on the target of the link.
  return path.isAbsolute(file) ? file : inFolder((folder) => `${folder.replace(/\/$/, '')}/${file}`, file)
}

// https://www.sqlite.org/uri.html
function resolveUri (uri) {
  const [, name, query = ''] = /^file:([^?#]*)(?:\?([^#]*))?/s.exec(uri)
  if (name === '' || name.startsWith('/') || name === ':memory:') return uri
  if (isWindows && /^[a-z]:/i.test(name)) return uri
  const { URLSearchParams } = require('node:url')
  const parameters = new URLSearchParams(query)
  if (parameters.get('mode') === 'memory' || !namesFiles(parameters.get('vfs') ?? undefined)) return uri
  const rest = uri.slice('file:'.length)
  const { pathToFileURL } = require('node:url')
  return inFolder((folder) => `file:${pathToFileURL(folder + path.sep).pathname}${rest}`, uri)
}

/** The current folder; a removed one has no name, and then opening the file fails. */
function inFolder (resolve, file) {
  let folder
  try {
    folder = process.cwd()
  } catch {
    return file
  }
  return resolve(folder)
}

/** The path of a library; the system searches for a bare name itself. */
function resolveLibrary (file) {
  return /[/\\]/.test(file) && (isWindows || file.includes('/')) ? resolvePath(file) : file
}

/**
 * Refuses to open the file of a replica for writing: it would not equal its primary any more.
 * @param {import('./engine').Natives} natives
 */
function requirePlain (natives, options) {
  const { file, uri } = options
  if (options.readonly || options.anonymous || options.kind !== 'local') return
  const target = realFile(uri ? fileOfUri(file) : file)
  if (target === null) return
  const beside = MARKS.map((mark) => target + mark).find((mark) => fs.existsSync(mark))
  if (beside === undefined) return
  require('./replica/plain').requireDetached(natives, target, beside, options.detachReplica)
}

// Suffixes of the file beside a replica: ours, and libsql's.
const MARKS = ['-replica', '-client_wal_index']

/** The file that the engine opens, or null if it does not exist yet. */
function realFile (file) {
  try {
    return file === null ? null : fs.realpathSync.native(file)
  } catch {
    return null
  }
}

/** The target of a path that is a symbolic link, else the path itself. */
function followLink (file) {
  try {
    return fs.lstatSync(file).isSymbolicLink() ? fs.realpathSync.native(file) : file
  } catch {
    return file
  }
}

/** The path of a URI, or null if it is not opened for writing. */
function fileOfUri (name) {
  const [, file, query = ''] = /^file:(?:\/\/[^/]*)?([^?#]*)(?:\?([^#]*))?/i.exec(name) ?? []
  if (file === undefined) return name
  const { URLSearchParams } = require('node:url')
  const parameters = new URLSearchParams(query)
  if (/^(ro|memory)$/.test(parameters.get('mode')) || parameters.get('immutable') === '1') return null
  try {
    return decodeURIComponent(file)
  } catch {
    return file
  }
}

module.exports = {
  followLink,
  isAnonymous,
  isInMemory,
  requireFolder,
  requirePlain,
  resolveFile,
  resolveLibrary,
  usesUris
}
