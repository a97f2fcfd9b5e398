'use strict'

// What the build needs of the machine: Rust, a C compiler, make; and CMake, which we provide.

const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { fromPyPI } = require('./pip')
const { ROOT, ScriptError, TOOLS, WINDOWS, find, output, say } = require('./run')

const CMAKE_VERSION = '4.4.4'
const CMAKE_OLDEST = [3, 18] // what the engine's CMakeLists.txt asks for

const ADVICE = {
  linux: 'Debian: apt install build-essential; Fedora: dnf install gcc make; Alpine: apk add build-base',
  darwin: 'xcode-select --install',
  win32: 'install "Desktop development with C++" of the Visual Studio Build Tools'
}

/** Checks the machine, provides CMake, and returns the environment in which cargo must run. */
async function toolchain () {
  const env = { ...process.env, PATH: withCargo(process.env.PATH ?? '') }
  delete env.Path
  requireRust(env.PATH)
  requireCompiler(env.PATH)
  if (!recentEnough(find('cmake', env.PATH), CMAKE_OLDEST)) {
    env.PATH = await provideCmake() + path.delimiter + env.PATH
  }
  return env
}

function withCargo (searchPath) {
  if (find('cargo', searchPath) !== null) return searchPath
  const home = process.env.CARGO_HOME ?? path.join(os.homedir(), '.cargo')
  return path.join(home, 'bin') + path.delimiter + searchPath
}

// The oldest Rust: Cargo.toml names it, and nothing else does.
function oldestRust () {
  const manifest = fs.readFileSync(path.join(ROOT, 'Cargo.toml'), 'utf8')
  return /^rust-version = "(\d+)\.(\d+)"$/m.exec(manifest).slice(1).map(Number)
}

function requireRust (searchPath) {
  const cargo = find('cargo', searchPath)
  const oldest = oldestRust()
  const advice = `Rust ${oldest.join('.')} or newer: install it from https://rustup.rs`
  if (cargo === null) throw new ScriptError(`cargo is missing. Building Ferrolite needs ${advice}`)
  if (!recentEnough(cargo, oldest)) {
    throw new ScriptError(`${cargo} is too old or does not run. Building Ferrolite needs ${advice}`)
  }
}

function requireCompiler (searchPath) {
  if (WINDOWS) return // cargo and CMake find Visual Studio, and say so when it is missing.
  const names = process.env.CC ? [process.env.CC.split(' ')[0]] : ['cc', 'gcc', 'clang']
  const has = (name) => path.isAbsolute(name) || find(name, searchPath) !== null
  const missing = []
  if (!names.some(has)) missing.push('a C compiler')
  if (!has('make')) missing.push('make')
  if (missing.length === 0) return
  throw new ScriptError(`Missing: ${missing.join(', ')}. The SQLite engine is written in C. ` +
    (ADVICE[process.platform] ?? 'Install it with the package manager of this system'))
}

function recentEnough (command, oldest) {
  if (command === null) return false
  const version = output(command, ['--version'])?.match(/(\d+)\.(\d+)/)
  if (!version) return false
  const [major, minor] = [Number(version[1]), Number(version[2])]
  return major > oldest[0] || (major === oldest[0] && minor >= oldest[1])
}

async function provideCmake () {
  const home = path.join(TOOLS, `cmake-${CMAKE_VERSION}`)
  const folder = path.join(home, 'cmake', 'data', 'bin')
  const provided = () => recentEnough(find('cmake', folder), CMAKE_OLDEST)
  if (provided()) return folder

  say(`CMake is missing: fetching CMake ${CMAKE_VERSION} into ${path.relative(process.cwd(), home)}`)
  await fromPyPI(`cmake==${CMAKE_VERSION}`, home, provided).catch((error) => {
    throw new ScriptError(`CMake is missing: install CMake 3.18 or newer. ${error.message}`)
  })
  return folder
}

module.exports = { toolchain }
