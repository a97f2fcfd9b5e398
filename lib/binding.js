'use strict'

const fs = require('node:fs')
const path = require('node:path')
const { addonOf, folder, isSingleExecutable, loadFile, nearby } = require('./addon')
const { names, requirePackage, version } = require('./packages')
const { requireSupportedRuntime } = require('./runtime')
const { target } = require('./current-target')

let loaded = null

/** The native addon: the one given, FERROLITE_BINDING, the platform's package, or a file nearby. */
function getBinding (nativeBinding) {
  if (nativeBinding == null && loaded !== null) return loaded
  requireSupportedRuntime()
  if (nativeBinding == null) return (loaded = loadDefault())
  return typeof nativeBinding === 'string' ? loadGiven(nativeBinding) : requireAddon(nativeBinding)
}

function loadGiven (file) {
  if (file === '') throw new TypeError('The "nativeBinding" option cannot be an empty string')
  let addon
  try {
    addon = loadFile(file)
  } catch (error) {
    const failure = new Error(`Cannot load the "nativeBinding" option: ${reason(error)}`, { cause: error })
    throw Object.assign(failure, { code: error?.code })
  }
  return requireAddon(addon)
}

function requireAddon (given) {
  if (typeof given.init === 'function') return given
  throw new TypeError('The "nativeBinding" option is not the addon of Ferrolite')
}

function loadDefault () {
  const override = process.env.FERROLITE_BINDING
  if (override) return firstOf([[`FERROLITE_BINDING=${override}`, () => loadFile(override)]])
  return firstOf(candidates(target()))
}

// One at a time: where the package loads, nothing else is looked for.
function * candidates (name) {
  // There, require() finds no package, and older Node.js warns that it does not.
  if (isSingleExecutable()) yield * nearby(name)
  if (names.includes(name)) yield [`@ferrolite/${name}`, () => addonOf(requirePackage(name))]
  if (!isSingleExecutable()) yield * nearby(name)
  const local = path.join(folder() ?? '', '..', 'packages', name, 'ferrolite.node')
  // Only a source checkout has this folder.
  if (fs.existsSync(path.dirname(local))) yield [local, () => loadFile(local)]
}

function firstOf (candidates) {
  const tried = []
  for (const [name, load] of candidates) {
    try {
      return load()
    } catch (error) {
      tried.push({ name, error })
    }
  }
  throw cannotLoad(tried)
}

function cannotLoad (tried) {
  const name = target()
  const known = names.includes(name)
  const libc = process.platform === 'linux' ? `, libc ${name.includes('musl') ? 'musl' : 'glibc'}` : ''
  const lines = [
    'Ferrolite found no native binary that loads here: ' +
    `platform ${process.platform}, arch ${process.arch}${libc}, Node.js ${process.versions.node}`
  ]
  for (const { name, error } of tried) lines.push(`- tried ${name}: ${reason(error)}`)
  if (!known) lines.push(`- there is no package for ${name}, only for ${names.join(', ')}`)
  lines.push(known
    ? `To install it: npm install @ferrolite/${name}@${version} (in a source checkout: npm run build)`
    : 'Build it from source, and give its path as FERROLITE_BINDING or as the option "nativeBinding"')
  // Not needed where all is well.
  lines.push(...require('./bundled').advice())
  const error = new Error(lines.join('\n'), { cause: tried.at(-1)?.error })
  return Object.assign(error, { code: 'ERR_FERROLITE_BINDING' })
}

function reason (error) {
  // Node adds its require stack below the first line.
  return String(error?.message ?? error).split('\n', 1)[0]
}

module.exports = { getBinding, target }
