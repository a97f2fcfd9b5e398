'use strict'

const fs = require('node:fs')
const path = require('node:path')
const { requireSupportedRuntime } = require('./runtime')

// Written out one by one, because a bundler follows only a literal require.
const packages = {
  'darwin-arm64': () => require('@ferrolite/darwin-arm64'),
  'darwin-x64': () => require('@ferrolite/darwin-x64'),
  'linux-arm-gnueabihf': () => require('@ferrolite/linux-arm-gnueabihf'),
  'linux-arm-musleabihf': () => require('@ferrolite/linux-arm-musleabihf'),
  'linux-arm64-gnu': () => require('@ferrolite/linux-arm64-gnu'),
  'linux-arm64-musl': () => require('@ferrolite/linux-arm64-musl'),
  'linux-x64-gnu': () => require('@ferrolite/linux-x64-gnu'),
  'linux-x64-musl': () => require('@ferrolite/linux-x64-musl'),
  'win32-arm64-msvc': () => require('@ferrolite/win32-arm64-msvc'),
  'win32-x64-msvc': () => require('@ferrolite/win32-x64-msvc')
}

let loaded = null

/** The native addon: the one given, FERROLITE_BINDING, the platform's package, or a local build. */
function getBinding (nativeBinding) {
  if (nativeBinding == null && loaded !== null) return loaded
  requireSupportedRuntime()
  if (nativeBinding == null) return (loaded = loadDefault())
  return typeof nativeBinding === 'string' ? loadFile(nativeBinding) : nativeBinding
}

function loadDefault () {
  const override = process.env.FERROLITE_BINDING
  if (override) return firstOf([[`FERROLITE_BINDING=${override}`, () => loadFile(override)]])

  const name = target()
  const local = path.join(__dirname, '..', 'packages', name, 'ferrolite.node')
  const candidates = []
  if (Object.hasOwn(packages, name)) candidates.push([`@ferrolite/${name}`, packages[name]])
  // Only a source checkout has this folder.
  if (fs.existsSync(path.dirname(local))) candidates.push([local, () => loadFile(local)])
  return firstOf(candidates)
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

function loadFile (file) {
  // createRequire keeps bundlers from following a path that is known only at run time.
  const requireFile = require('node:module').createRequire(__filename)
  return requireFile(path.resolve(file).replace(/(\.node)?$/, '.node'))
}

/** This machine as the name of a package, such as linux-x64-gnu. */
function target () {
  const { platform, arch } = process
  if (platform === 'linux') {
    const abi = isMusl() ? 'musl' : 'gnu'
    return arch === 'arm' ? `linux-arm-${abi}eabihf` : `linux-${arch}-${abi}`
  }
  return platform === 'win32' ? `win32-${arch}-msvc` : `${platform}-${arch}`
}

function isMusl () {
  // Seeing which C library is mapped takes a tenth of a millisecond, a report many.
  try {
    const maps = fs.readFileSync('/proc/self/maps', 'latin1')
    if (/\/ld-musl-[^/\s]*\.so/.test(maps)) return true
    if (/\/(?:ld-linux[^/\s]*|libc)\.so\.\d/.test(maps)) return false
  } catch {}
  return reportsMusl()
}

function reportsMusl () {
  const { report } = process
  if (typeof report?.getReport !== 'function') return false
  const { excludeNetwork } = report
  // With the network in it, a report may wait for name servers.
  report.excludeNetwork = true
  try {
    return require('@neon-rs/load').currentPlatform().endsWith('-musl')
  } catch {
    return false
  } finally {
    report.excludeNetwork = excludeNetwork
  }
}

function cannotLoad (tried) {
  const name = target()
  const version = require('../package.json').version
  const known = Object.hasOwn(packages, name)
  const libc = process.platform === 'linux' ? `, libc ${name.includes('musl') ? 'musl' : 'glibc'}` : ''
  const lines = [
    'Ferrolite found no native binary that loads here: ' +
    `platform ${process.platform}, arch ${process.arch}${libc}, Node.js ${process.versions.node}`
  ]
  for (const { name, error } of tried) lines.push(`- tried ${name}: ${reason(error)}`)
  if (!known) lines.push(`- there is no package for ${name}, only for ${Object.keys(packages).join(', ')}`)
  lines.push(known
    ? `To install it: npm install @ferrolite/${name}@${version} (in a source checkout: npm run build)`
    : 'Build it from source, and give its path as FERROLITE_BINDING or as the option "nativeBinding"')
  const error = new Error(lines.join('\n'), { cause: tried.at(-1)?.error })
  error.code = 'ERR_FERROLITE_BINDING'
  return error
}

function reason (error) {
  // Node adds its require stack below the first line.
  return String(error?.message ?? error).split('\n', 1)[0]
}

module.exports = { getBinding, target }
