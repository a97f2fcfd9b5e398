'use strict'

// `node scripts/check-binary.js [target]`: what the addon exports, its size, the glibc it needs.
// CHECK_GLIBC=1 enforces the oldest glibc that a release supports; a local build has its machine's.

const fs = require('node:fs')
const path = require('node:path')
const { ROOT, ScriptError, find, main, output, say } = require('./run')
const { binaryFile, hostTarget } = require('./build')
const { TARGETS } = require('./targets')

const LARGEST = 9_000_000
const OLDEST_GLIBC = [2, 28]
// What Node looks up in an addon. The engine's own symbols must not meet those of another SQLite.
const NODE_API = /^_?(napi_register_module_v\d+|node_api_module_get_api_version_v\d+)$/
// Rust exports these all the same: the bounds of Neon's export table, a callback of crate libsql.
// Node loads addons with local scope, so that nothing else in the process can see or replace them.
const HARMLESS = /^_*(start|stop)_linkm[e2]_[A-Z]+$|^_?update_hook_cb$/

async function checkBinary (target = hostTarget()) {
  const file = binaryFile(target)
  if (!fs.existsSync(file)) throw new ScriptError(`${file} is missing: npm run build`)
  const faults = [...checkSize(file), ...checkExports(file), ...checkGlibc(file, target)]
  if (faults.length > 0) throw new ScriptError(`${path.relative(ROOT, file)}: ${faults.join('; ')}`)
}

function checkSize (file) {
  const { size } = fs.statSync(file)
  say(`size     ${(size / 1e6).toFixed(2)} MB of at most ${LARGEST / 1e6} MB`)
  return size > LARGEST ? [`${size} bytes is more than ${LARGEST}`] : []
}

function checkExports (file) {
  const symbols = exportedSymbols(file)
  if (symbols === null) {
    say('exports  not checked: this machine has no nm that reads the file')
    return []
  }
  const foreign = symbols.filter((symbol) => !NODE_API.test(symbol) && !HARMLESS.test(symbol))
  say(`exports  ${symbols.filter((symbol) => NODE_API.test(symbol)).join(', ')}`)
  const faults = foreign.length ? [`exports ${foreign.slice(0, 5).join(', ')}${foreign.length > 5 ? ', ...' : ''}`] : []
  if (!symbols.some((symbol) => symbol.includes('napi_register_module'))) faults.push('does not export the addon')
  return faults
}

function exportedSymbols (file) {
  const nm = find('nm')
  if (nm === null) return null
  const flags = process.platform === 'darwin' ? ['-gU'] : ['-D', '--defined-only']
  const lines = output(nm, [...flags, file])?.split('\n').filter(Boolean)
  return lines?.map((line) => line.trim().split(/\s+/).pop().split('@')[0]) ?? null
}

function checkGlibc (file, target) {
  if (TARGETS[target].libc !== 'glibc') return []
  const versions = [...fs.readFileSync(file, 'latin1').matchAll(/GLIBC_(\d+)\.(\d+)/g)]
    .map(([, major, minor]) => [Number(major), Number(minor)])
  const newest = versions.sort(compare).at(-1) ?? [0, 0]
  const enforced = Boolean(process.env.CHECK_GLIBC)
  say(`glibc    needs ${newest.join('.')}; a release must run on ${OLDEST_GLIBC.join('.')}${enforced ? '' : ' (not enforced here)'}`)
  return enforced && compare(newest, OLDEST_GLIBC) > 0 ? [`needs glibc ${newest.join('.')}`] : []
}

function compare (a, b) {
  return a[0] - b[0] || a[1] - b[1]
}

if (require.main === module) main(() => checkBinary(process.argv[2]))

module.exports = { checkBinary }
