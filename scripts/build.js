'use strict'

// Builds the addon and puts it where npm publishes it from: packages/<target>/ferrolite.node.
// `--target <name>` builds for another platform, `--zig` with cargo-zigbuild for the oldest glibc.

const fs = require('node:fs')
const path = require('node:path')
const { parseArgs } = require('node:util')
const { target: currentTarget } = require('../lib/binding')
const { profileEnvironment } = require('./profile')
const { ROOT, ScriptError, main, run, say, seconds } = require('./run')
const { TARGETS } = require('./targets')
const { toolchain } = require('./toolchain')

const SOURCES = ['.cargo', 'Cargo.lock', 'Cargo.toml', 'crates']

const OLDEST_GLIBC = '2.28'

/** Builds the addon for this machine; cargo itself decides what has changed. */
async function build () {
  const env = { ...await toolchain(), ...profileEnvironment() }
  return compile(hostTarget(), 'build', [], path.join(targetFolder(env), 'release'), env)
}

async function buildFor (target, zig) {
  const { rust, libc } = requireTarget(target)
  const env = await toolchain()
  // A shared library for musl must not bring a C library of its own.
  if (libc === 'musl') env.RUSTFLAGS = `${env.RUSTFLAGS ?? ''} -C target-feature=-crt-static`.trim()
  const triple = zig && libc === 'glibc' ? `${rust}.${OLDEST_GLIBC}` : rust
  const folder = path.join(targetFolder(env), rust, 'release')
  return compile(target, zig ? 'zigbuild' : 'build', ['--target', triple], folder, env)
}

async function compile (target, command, flags, folder, env) {
  const started = Date.now()
  say(`Building the addon for ${target} (the first build compiles SQLite and takes some minutes)`)
  const args = [command, '--release', '--locked', '--package', 'ferrolite-node', ...flags]
  await run('cargo', args, { env })
  const binary = install(target, path.join(folder, libraryName(target)), started)
  say(`Built ${path.relative(ROOT, binary)} in ${seconds(started)}`)
  return binary
}

/** Builds the addon unless the one at hand is newer than every source. */
async function buildIfStale () {
  const binary = binaryFile(hostTarget())
  const built = fs.statSync(binary, { throwIfNoEntry: false })?.mtimeMs ?? 0
  return newest(SOURCES) < built ? binary : build()
}

function hostTarget () {
  const target = currentTarget()
  requireTarget(target)
  return target
}

function requireTarget (target) {
  if (Object.hasOwn(TARGETS, target)) return TARGETS[target]
  throw new ScriptError(`Ferrolite has no package for ${target}; add it to scripts/targets.js`)
}

function binaryFile (target) {
  return path.join(ROOT, 'packages', target, 'ferrolite.node')
}

function targetFolder (env) {
  return path.resolve(ROOT, env.CARGO_TARGET_DIR ?? 'target')
}

function libraryName (target) {
  const names = { darwin: 'libferrolite_node.dylib', win32: 'ferrolite_node.dll' }
  return names[TARGETS[target].os] ?? 'libferrolite_node.so'
}

// A process may have the old file mapped: writing into it would crash that process, a rename not.
function install (target, library, started) {
  const binary = binaryFile(target)
  const fresh = `${binary}.${process.pid}.tmp`
  if (sameBytes(library, binary)) return stamp(binary, started)
  fs.copyFileSync(library, fresh)
  if (process.platform === 'win32') fs.rmSync(`${binary}.old`, { force: true })
  if (process.platform === 'win32' && fs.existsSync(binary)) fs.renameSync(binary, `${binary}.old`)
  fs.renameSync(fresh, binary)
  return stamp(binary, started)
}

function sameBytes (a, b) {
  return fs.existsSync(b) && fs.statSync(a).size === fs.statSync(b).size &&
    fs.readFileSync(a).equals(fs.readFileSync(b))
}

// The time of the start, so that a source edited while cargo ran counts as newer.
function stamp (binary, started) {
  fs.utimesSync(binary, started / 1000, started / 1000)
  return binary
}

function newest (names, folder = ROOT) {
  let time = 0
  for (const name of names) {
    const file = path.join(folder, name)
    const stats = fs.statSync(file)
    time = Math.max(time, stats.isDirectory() ? newest(fs.readdirSync(file), file) : stats.mtimeMs)
  }
  return time
}

async function command () {
  const { values } = parseArgs({ options: { target: { type: 'string' }, zig: { type: 'boolean' } } })
  return values.target ? buildFor(values.target, values.zig) : build()
}

if (require.main === module) main(command)

module.exports = { binaryFile, build, buildIfStale, hostTarget, libraryName }
