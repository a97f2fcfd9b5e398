'use strict'

// The native addon as bundlers leave it: loaded, a path, bytes, a file beside the bundle, an asset.

const fs = require('node:fs')
const { createRequire } = require('node:module')
const path = require('node:path')

const FILE = 'ferrolite.node'

/** The addon at a path. */
function loadFile (file) {
  const absolute = path.resolve(file).replace(/(\.node)?$/, '.node')
  // Bundlers do not follow this require; a bundled ES module has no __filename to give it.
  return createRequire(absolute)(absolute)
}

/**
 * The addon that a `require` gave, or what a bundler has put there: a path, a URL or bytes.
 * @param {{ addon?: any, error?: Error }} found
 * @returns {import('./engine').Engine}
 */
function addonOf ({ addon, error }) {
  if (error !== undefined) throw error
  const given = addon?.default ?? addon
  if (typeof given === 'string') return loadFile(placeOf(given))
  return given instanceof Uint8Array ? loadFile(extracted(given)) : given
}

function placeOf (given) {
  return path.resolve(folder() ?? '', asPath(given))
}

function asPath (place) {
  return place.startsWith('file:') ? require('node:url').fileURLToPath(place) : place
}

/** Where else a program that was bundled has a platform's addon: pairs of a name and a function. */
function nearby (name) {
  const asset = seaAsset()
  /** @type {[name: string, load: () => import('./engine').Engine][]} */
  const all = []
  if (asset !== null) {
    all.push([`the asset ${FILE}`, () => loadFile(extracted(new Uint8Array(asset)))])
  }
  const here = folder()
  // A chunk may stand one folder below the bundle.
  const files = here === null ? [] : [path.join(here, FILE), path.join(here, '..', FILE)]
  for (const file of files) if (fs.existsSync(file)) all.push([file, () => loadFile(file)])
  if (isBundled() && here !== null) {
    // A bundled ES module has no `require`, but may stand beside node_modules.
    const load = () => createRequire(path.join(here, FILE))(`@ferrolite/${name}`)
    all.push([`@ferrolite/${name} beside ${here}`, load])
  }
  return all
}

/** Whether this file is part of a bundle: then no module has a file of its own. */
function isBundled () {
  const here = folder()
  return here === null || !fs.existsSync(path.join(here, 'addon.js'))
}

function isSingleExecutable () {
  return typeof __filename === 'string' && __filename === process.execPath
}

// What Node's single executable carries under the addon's name, or null.
function seaAsset () {
  try {
    const sea = createRequire(process.execPath)('node:sea')
    return sea.isSea() ? sea.getRawAsset(FILE) : null
  } catch {
    return null
  }
}

/** The folder of this file, which is the bundle's in a bundle; null where it cannot be known. */
function folder () {
  if (typeof __dirname === 'string') return __dirname
  // A bundled ES module has no __dirname, and import.meta is a syntax error in CommonJS.
  const { prepareStackTrace } = Error
  try {
    Error.prepareStackTrace = (_, sites) => sites[0].getFileName()
    const { stack } = new Error()
    return path.dirname(asPath(stack))
  } catch {
    return null
  } finally {
    try { Error.prepareStackTrace = prepareStackTrace } catch {}
  }
}

// One path for the same bytes: two copies in a process would break each other's locks on files.
function extracted (bytes) {
  const { createHash, randomBytes } = require('node:crypto')
  const hash = createHash('sha256').update(bytes).digest('hex')
  const file = path.join(privateFolder(), `${hash.slice(0, 32)}.node`)
  if (fs.statSync(file, { throwIfNoEntry: false })?.size === bytes.length) return file
  const fresh = `${file}.${randomBytes(8).toString('hex')}.tmp`
  fs.writeFileSync(fresh, bytes, { flag: 'wx', mode: 0o600 })
  try {
    fs.renameSync(fresh, file)
  } catch (error) {
    fs.rmSync(fresh, { force: true })
    // Windows does not replace a file that another process has loaded meanwhile.
    if (!fs.existsSync(file)) throw error
  }
  return file
}

// What another user could write there would run here as this one.
function privateFolder () {
  const uid = process.getuid?.()
  const home = path.join(require('node:os').tmpdir(), uid === undefined ? 'ferrolite' : `ferrolite-${uid}`)
  fs.mkdirSync(home, { recursive: true, mode: 0o700 })
  if (uid === undefined) return home
  const found = fs.lstatSync(home)
  if (found.isDirectory() && found.uid === uid && (found.mode & 0o077) === 0) return home
  throw new Error(`The native binary cannot be extracted: ${home} must be a folder that only this user may open`)
}

module.exports = { addonOf, folder, isBundled, isSingleExecutable, loadFile, nearby }
