'use strict'

// The engine is compiled by what it did before: how often each branch went which way, counted while
// scripts/profile/train.js ran (scripts/take-profile.js).
//
// A profile fits one compiler, by its version, and one source, by its branches: what does not
// fit is compiled without it. scripts/profile/sources.json says of which engine the profiles
// are. FERROLITE_PROFILE=0 builds without.

const crypto = require('node:crypto')
const fs = require('node:fs')
const path = require('node:path')
const { flagsOfConfig } = require('./engine')
const { ROOT, WINDOWS, output } = require('./run')

const FOLDER = path.join(__dirname, 'profile')
const SOURCES = path.join(FOLDER, 'sources.json')

/** The compiler as the profiles name it, such as `gcc-12.2`; null for others than GCC. */
function compilerName (cc = process.env.CC ?? 'cc') {
  if (WINDOWS || !/Free Software Foundation/.test(output(cc, ['--version']) ?? '')) return null
  const version = /^(\d+\.\d+)/.exec(output(cc, ['-dumpfullversion']) ?? '')?.[1]
  return version === undefined ? null : `gcc-${version}`
}

// Functions are known by their number in the source and not by their file, whose folder differs;
// the profile is a file of its own and not beside the object.
function placeFlags (folder, name) {
  const place = ['-dumpdir', `${folder}/`, '-dumpbase', `${name}.c`, '-dumpbase-ext', '.c']
  return [...place, '--param=profile-func-internal-id=1']
}

/** The environment in which cargo compiles the engine with these flags. */
function engineEnvironment (flags) {
  return {
    CMAKE_C_COMPILER: path.join(FOLDER, 'cc'),
    FERROLITE_CC: process.env.CC ?? 'cc',
    FERROLITE_ENGINE_FLAGS: flags.join(' ')
  }
}

/** The environment in which cargo uses the profile of this compiler; {} if there is none. */
function profileEnvironment () {
  if (process.env.FERROLITE_PROFILE === '0') return {}
  const name = compilerName()
  // A shell splits the flags at spaces.
  if (name === null || /\s/.test(FOLDER) || !fs.existsSync(profileFile(name))) return {}
  return engineEnvironment(['-fprofile-use', ...placeFlags(FOLDER, name), '-Wno-coverage-mismatch'])
}

function profileFile (name) {
  return path.join(FOLDER, `${name}.gcda`)
}

/** What the profiles are of: the crate with the engine, and the flags it is compiled with. */
function engineSources () {
  const lock = fs.readFileSync(path.join(ROOT, 'Cargo.lock'), 'utf8')
  const entry = /name = "libsql-ffi"\nversion = "([^"]+)"\n.*\nchecksum = "([^"]+)"/
  const [, version, checksum] = entry.exec(lock)
  const flags = crypto.createHash('sha256').update(flagsOfConfig()).digest('hex')
  return { 'libsql-ffi': version, checksum, flags }
}

module.exports = {
  FOLDER,
  SOURCES,
  compilerName,
  engineEnvironment,
  engineSources,
  placeFlags,
  profileEnvironment,
  profileFile
}
