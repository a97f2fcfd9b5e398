'use strict'

// The crates that are in the addon, of all platforms together, and in the engine in WASM: what
// Cargo links, without what only builds or tests need.

const fs = require('node:fs')
const path = require('node:path')
const { ROOT, ScriptError, output } = require('./run')
const { TARGETS } = require('./targets')

/**
 * Name, version, licence, folder, authors and repository of each crate of others, sorted. With
 * `offline` Cargo fetches nothing; null where it would have to, and where there is no Cargo.
 */
function crates ({ offline = false } = {}) {
  const all = [...Object.values(TARGETS).map(({ rust }) => rust), 'wasm32-wasip1']
  const platforms = all.flatMap((rust) => ['--filter-platform', rust])
  const flags = ['--format-version', '1', '--locked', ...platforms, ...(offline ? ['--offline'] : [])]
  const text = output('cargo', ['metadata', ...flags])
  if (text === null && offline) return null
  if (text === null) throw new ScriptError('cargo metadata failed')
  const { packages, resolve } = JSON.parse(text)
  const known = new Map(packages.map((one) => [one.id, one]))
  const found = linked(known, new Map(resolve.nodes.map((node) => [node.id, node.deps])))
  return found.map((one) => ({ ...one, folder: path.dirname(one.manifest_path) })).sort(byName)
}

function linked (known, dependencies) {
  const [root] = [...known.values()].filter(({ name }) => name === 'ferrolite-node')
  const seen = new Set([root.id])
  // A set visits what is added to it on the way.
  for (const id of seen) {
    for (const { pkg, dep_kinds: kinds } of dependencies.get(id)) {
      const isMacro = known.get(pkg).targets.some(({ kind }) => kind.includes('proc-macro'))
      if (!isMacro && kinds.some(({ kind }) => kind === null)) seen.add(pkg)
    }
  }
  return [...seen].map((id) => known.get(id)).filter(({ source }) => source !== null)
}

function byName (a, b) {
  return a.name < b.name || (a.name === b.name && a.version < b.version) ? -1 : 1
}

/** Name, version and checksum of all crates that Cargo.lock has, those of tests too. */
function lockedCrates () {
  const text = fs.readFileSync(path.join(ROOT, 'Cargo.lock'), 'utf8').replaceAll('\r\n', '\n')
  const entry = /^name = "(.+)"\nversion = "(.+)"\nsource = ".+"\nchecksum = "(.+)"$/gm
  return [...text.matchAll(entry)].map(([, name, version, checksum]) => {
    return { name, version, checksum }
  })
}

module.exports = { crates, lockedCrates }
