'use strict'

// Checks the style of both languages and the types of lib/, warnings as errors; with --fix it mends
// what can be mended.

const path = require('node:path')
const { ROOT, main, run } = require('./run')
const { installPackages } = require('./prepare')
const { toolchain } = require('./toolchain')

const ESLINT = path.join(ROOT, 'node_modules', 'eslint', 'bin', 'eslint.js')
const TSC = path.join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc')

function eslint (fix = false) {
  const args = [ESLINT, '--max-warnings', '0', ...(fix ? ['--fix'] : []), '.']
  return run(process.execPath, args)
}

/** lib/ against the contracts that it has: lib/engine.d.ts above all. */
function types () {
  return run(process.execPath, [TSC, '-p', ROOT])
}

function rustfmt (env, fix = false) {
  return run('cargo', ['fmt', '--all', ...(fix ? [] : ['--check'])], { env })
}

function clippy (env) {
  // The release profile is the one that `cargo build` has compiled the engine for already.
  const args = ['clippy', '--release', '--locked', '--workspace', '--all-targets', '--', '-D', 'warnings']
  return run('cargo', args, { env })
}

async function lint () {
  const fix = process.argv.includes('--fix')
  await installPackages()
  const env = await toolchain()
  await rustfmt(env, fix)
  await eslint(fix)
  if (fix) return
  await types()
  await clippy(env)
}

if (require.main === module) main(lint)

module.exports = { clippy, eslint, rustfmt, types }
