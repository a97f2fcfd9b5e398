'use strict'

// Names of files, resolved when they are given: a thread opens them later, in whatever folder the
// process is by then.

const fs = require('node:fs')
const path = require('node:path')

const isWindows = process.platform === 'win32'

/** Whether `file:` names are URIs. */
function usesUris () {
  return process.env.SQLITE_USE_URI === '1'
}

/** Also as @libsql/client spells it; there is no shared cache in this engine. */
function isInMemory (file) {
  return file === ':memory:' || /^file::memory:($|\?)/.test(file)
}

/** Whether that names no file: a database in memory, or a temporary one. */
function isAnonymous (file) {
  return file === '' || isInMemory(file)
}

/** The file that a database or a backup is, whatever folder the process goes to. */
function resolveFile (file, uri, vfs) {
  if (isAnonymous(file) || !namesFiles(vfs)) return file
  if (uri && file.startsWith('file:')) return resolveUri(file)
  return resolvePath(file)
}

/** An error of its own, for the engine's is the same for all that cannot be opened. */
function requireFolder ({ name, file, anonymous }) {
  if (file === null || anonymous || name.trimStart().startsWith('file:')) return
  if (!fs.existsSync(path.dirname(file))) {
    throw new TypeError('Cannot open database because the directory does not exist')
  }
}

/** VFSs of others may have names that are no paths. */
function namesFiles (vfs) {
  return vfs === undefined || /^(unix|win32)/.test(vfs)
}

function resolvePath (file) {
  // A drive has a folder of its own there.
  if (isWindows) return path.resolve(file)
  // Not normalized: `link/..` is where the link leads to.
  return path.isAbsolute(file) ? file : inFolder((folder) => `${folder.replace(/\/$/, '')}/${file}`, file)
}

// https://www.sqlite.org/uri.html
function resolveUri (uri) {
  const [, name, query = ''] = /^file:([^?#]*)(?:\?([^#]*))?/s.exec(uri)
  if (name === '' || name.startsWith('/') || name === ':memory:') return uri
  if (isWindows && /^[a-z]:/i.test(name)) return uri
  const parameters = new URLSearchParams(query)
  if (parameters.get('mode') === 'memory' || !namesFiles(parameters.get('vfs') ?? undefined)) return uri
  const rest = uri.slice('file:'.length)
  const { pathToFileURL } = require('node:url')
  return inFolder((folder) => `file:${pathToFileURL(folder + path.sep).pathname}${rest}`, uri)
}

/** A folder that was removed has no name: opening the file says so. */
function inFolder (resolve, file) {
  let folder
  try {
    folder = process.cwd()
  } catch {
    return file
  }
  return resolve(folder)
}

/** A library by its path; a bare name is looked for where the system has its libraries. */
function resolveLibrary (file) {
  return /[/\\]/.test(file) && (isWindows || file.includes('/')) ? resolvePath(file) : file
}

/**
 * A replica that was written to as a plain file would be no copy of its primary any more.
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

// What stands beside a replica: ours, and libsql's.
const MARKS = ['-replica', '-client_wal_index']

/** The file that is opened in the end, or null where there is none yet. */
function realFile (file) {
  try {
    return file === null ? null : fs.realpathSync.native(file)
  } catch {
    return null
  }
}

/** What a file is called in the end, if it is a symbolic link to one. */
function followLink (file) {
  try {
    return fs.lstatSync(file).isSymbolicLink() ? fs.realpathSync.native(file) : file
  } catch {
    return file
  }
}

/** The path of a URI, or null where it is not opened for writing. */
function fileOfUri (name) {
  const [, file, query = ''] = /^file:(?:\/\/[^/]*)?([^?#]*)(?:\?([^#]*))?/i.exec(name) ?? []
  if (file === undefined) return name
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
