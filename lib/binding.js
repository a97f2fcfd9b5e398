'use strict'

const fs = require('node:fs')
const { createRequire } = require('node:module')
const path = require('node:path')
const { addonOf, folder, isSingleExecutable, loadFile, nearby } = require('./addon')
const { names, requirePackage, version } = require('./packages')
const { requireSupportedRuntime } = require('./runtime')
const { target } = require('./current-target')

let loaded = null

/** The native addon: the one given, FERROLITE_BINDING, the platform's package, or a file nearby. */
function getBinding (nativeBinding) {
  if (nativeBinding == null && loaded !== null && loaded.isBroken?.() !== true) return loaded
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

const BACKENDS = ['native', 'wasm']

// What says that there is no binary, or none that loads; any other error is a fault to be seen.
const NOT_HERE = ['MODULE_NOT_FOUND', 'ERR_MODULE_NOT_FOUND', 'ERR_DLOPEN_FAILED']

function loadDefault () {
  const backend = process.env.FERROLITE_BACKEND || null
  if (backend !== null && !BACKENDS.includes(backend)) {
    throw new TypeError(`FERROLITE_BACKEND is "${backend}", but has to be "native" or "wasm"`)
  }
  const override = process.env.FERROLITE_BINDING
  if (backend === 'wasm') return wasm()
  if (override) return firstOf([[`FERROLITE_BINDING=${override}`, () => loadFile(override)]])
  try {
    return firstOf(candidates(target()))
  } catch (error) {
    if (backend === 'native' || !error.tried.every(isNotHere)) throw error
    return wasm(error)
  }
}

function isNotHere ({ error }) {
  return NOT_HERE.includes(error?.code)
}

// The engine in WASM; `instead` is why it is asked for.
function wasm (instead) {
  const { addon = ofCheckout(), error } = requirePackage('wasm')
  if (addon !== undefined) return require('./wasm/load').loadWasm(addon.default ?? addon)
  if (instead !== undefined) throw instead
  const message = `FERROLITE_BACKEND is "wasm", and the package is missing: npm install @ferrolite/wasm@${version}` +
    ' (in a source checkout: npm run build:wasm)'
  throw Object.assign(new Error(message, { cause: error }), { code: 'ERR_FERROLITE_BINDING' })
}

function ofCheckout () {
  const local = path.join(folder() ?? '', '..', 'packages', 'wasm')
  // Bundlers do not follow this require.
  if (fs.existsSync(path.join(local, 'ferrolite.wasm'))) return createRequire(path.join(local, 'index.js'))('./index.js')
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
  lines.push(`Or, slower, without a native binary: npm install @ferrolite/wasm@${version}`)
  // Not needed where all is well.
  lines.push(...require('./bundled').advice())
  const error = new Error(lines.join('\n'), { cause: tried.at(-1)?.error })
  Object.defineProperty(error, 'tried', { value: tried })
  return Object.assign(error, { code: 'ERR_FERROLITE_BINDING' })
}

function reason (error) {
  // Node adds its require stack below the first line.
  return String(error?.message ?? error).split('\n', 1)[0]
}

module.exports = { getBinding, target }
