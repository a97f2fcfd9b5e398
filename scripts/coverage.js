'use strict'

// `npm run coverage`: what of lib/ the tests reach, and what of the crates theirs do. The report is
// in target/coverage; it fails below what was reached when this was written.

const fs = require('node:fs')
const path = require('node:path')
const { promiseEnv, testArguments } = require('./node-tests')
const { prepare } = require('./prepare')
const { ROOT, find, main, run, say } = require('./run')
const { npmTools } = require('./runtimes')
const { sqld, unavailable: noSqld } = require('./sqld')
const { isShared, runsOn, runsOnOneNode, testFiles } = require('./test-files')
const { toolchain } = require('./toolchain')

const VERSIONS = { c8: '12.0.0' }
const FOLDER = path.join(ROOT, 'target', 'coverage')
const RAW = path.join(FOLDER, 'raw')
// In percent, rounded down.
const GATE = { lines: 97, functions: 96, branches: 95 }

async function coverage () {
  await prepare()
  if (noSqld() === null) await sqld()
  fs.rmSync(FOLDER, { recursive: true, force: true })
  await runTests()
  await report()
  await crates()
}

// Tests that fail are the business of `npm test`, but what they would reach is not counted.
async function runTests () {
  const all = testFiles().filter((file) => !runsOnOneNode(file))
  const promises = promiseEnv()
  for (const [files, env] of [
    [all, process.env],
    [all.filter(isShared), promises],
    ...['server', 'replica'].flatMap((place) => [process.env, promises].map((env) => {
      return [all.filter((file) => runsOn(place, file)), { ...env, TEST_ON: place }]
    }))
  ]) {
    const options = { env: { ...env, NODE_V8_COVERAGE: RAW }, filter: () => {} }
    await run(process.execPath, testArguments(files), options).catch(({ message }) => say(message))
  }
}

async function report () {
  const c8 = path.join(await npmTools('coverage', VERSIONS), 'c8', 'bin', 'c8.js')
  const reporters = ['text', 'lcovonly', 'json-summary'].flatMap((name) => ['--reporter', name])
  const files = ['index.js', 'promise.js', 'lib/**/*.js'].flatMap((name) => ['--include', name])
  const gate = Object.entries(GATE).flatMap(([name, percent]) => [`--${name}`, String(percent)])
  await run(process.execPath, [
    c8, 'report', '--temp-directory', RAW, '--reports-dir', FOLDER, '--merge-async', '--all',
    ...files, '--exclude', 'lib/targets/**', ...reporters, '--check-coverage', ...gate
  ])
  fs.rmSync(RAW, { recursive: true, force: true })
}

// LLVM's tools of the very version that rustc has are a component of rustup.
async function crates () {
  const env = await toolchain()
  if (find('cargo-llvm-cov', env.PATH) === null) {
    return say('\nNot measured: the crates. rustup component add llvm-tools; cargo install cargo-llvm-cov')
  }
  await run('cargo', ['llvm-cov', '--locked', '--workspace', '--summary-only'], { env })
}

main(coverage)
