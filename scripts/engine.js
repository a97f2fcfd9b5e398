'use strict'

// How cargo compiles the engine with other flags than .cargo/config.toml gives it.

const fs = require('node:fs')
const path = require('node:path')
const { ROOT, ScriptError, WINDOWS } = require('./run')

const CONFIG = path.join(ROOT, '.cargo', 'config.toml')

/** Arguments of cargo, which builds into `folder`: more flags, another level of optimization. */
function engineArguments (folder, flags, level) {
  const given = [flagsOfConfig(), ...flags, ...optimizedLess(folder, level)].join(' ')
  // The file forces its flags on the environment; the command line goes before the file.
  return ['--config', `env.CFLAGS.value=${JSON.stringify(given)}`]
}

/** The flags that .cargo/config.toml gives the engine, as one text. */
function flagsOfConfig () {
  const found = /^CFLAGS = \{ value = "([^"]*)"/m.exec(fs.readFileSync(CONFIG, 'utf8'))
  if (found === null) throw new ScriptError(`${CONFIG} has no CFLAGS`)
  return found[1]
}

// CMake asks for -O3 behind all other flags, which takes far longer to compile.
function optimizedLess (folder, level) {
  const header = path.join(folder, 'optimized.h')
  if (WINDOWS || /\s/.test(header)) return []
  fs.mkdirSync(folder, { recursive: true })
  fs.writeFileSync(header, `#if defined(__clang__)
#pragma clang optimize off
#elif defined(__GNUC__)
#pragma GCC optimize ("${level}")
#endif
`)
  return ['-include', header]
}

module.exports = { engineArguments, flagsOfConfig }
