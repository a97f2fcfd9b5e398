'use strict'

// This machine as the name of a package.

const fs = require('node:fs')

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
  /** @type {any} */
  const report = process.report
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

module.exports = { isMusl, target }
