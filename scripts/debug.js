'use strict'

// Builds the addon in the debug profile, over an engine that checks itself and its caller: a failed
// assertion aborts, and so does a misuse of the C API (crates/sqlite/src/engine.rs).
// `node scripts/debug.js` prints where it is; FERROLITE_BINDING makes tests use it.

const fs = require('node:fs')
const path = require('node:path')
const { hostTarget, libraryName } = require('./build')
const { ROOT, ScriptError, WINDOWS, main, run, say, seconds } = require('./run')
const { toolchain } = require('./toolchain')

const FOLDER = path.join(ROOT, 'target', 'checked')
const CONFIG = path.join(ROOT, '.cargo', 'config.toml')
const CHECKS = ['-DSQLITE_DEBUG', '-DSQLITE_ENABLE_API_ARMOR']
// CMake asks for -O3 behind all other flags, which takes far longer to compile.
const UNOPTIMIZED = `#if defined(__clang__)
#pragma clang optimize off
#elif defined(__GNUC__)
#pragma GCC optimize ("O0")
#endif
`

async function buildDebug () {
  const started = Date.now()
  say('Building the addon in the debug profile, over an engine with assertions')
  const env = {
    ...await toolchain(),
    CARGO_TARGET_DIR: FOLDER,
    // The tests need nothing of what debuggers do.
    CARGO_PROFILE_DEV_DEBUG: '0'
  }
  // The file forces its flags on the environment; the command line goes before the file.
  const given = [engineFlags(), ...CHECKS, ...unoptimized()].join(' ')
  const flags = `env.CFLAGS.value=${JSON.stringify(given)}`
  await run('cargo', ['build', '--locked', '--package', 'ferrolite-node', '--config', flags], { env })
  const addon = path.join(FOLDER, 'ferrolite.node')
  fs.copyFileSync(path.join(FOLDER, 'debug', libraryName(hostTarget())), addon)
  say(`Built ${path.relative(ROOT, addon)} in ${seconds(started)}`)
  return addon
}

function unoptimized () {
  const header = path.join(FOLDER, 'unoptimized.h')
  if (WINDOWS || /\s/.test(header)) return []
  fs.mkdirSync(FOLDER, { recursive: true })
  fs.writeFileSync(header, UNOPTIMIZED)
  return ['-include', header]
}

function engineFlags () {
  const found = /^CFLAGS = \{ value = "([^"]*)"/m.exec(fs.readFileSync(CONFIG, 'utf8'))
  if (found === null) throw new ScriptError(`${CONFIG} has no CFLAGS`)
  return found[1]
}

if (require.main === module) main(async () => say(await buildDebug()))

module.exports = { buildDebug }
