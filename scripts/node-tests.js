'use strict'

// Runs test files on a Node: all of them, those of promises, those of servers and replicas.

const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { ROOT, run, say } = require('./run')
const { unavailable: noSqld } = require('./sqld')
const {
  isShared, runsInDebug, runsOn, runsOnOneNode, runsWithoutEval, testFiles
} = require('./test-files')

// How the reporter begins seeds and totals.
const INFORMATION = /^\s*\u2139 /
const LOGS = path.join(ROOT, 'target', 'test-logs')
const FILE_TIMEOUT = 900_000
const NO_EVAL = '--disallow-code-generation-from-strings'

// Prints what failed, the seeds and the closing lines; the whole output goes to a log.
async function nodeTests (binary, name, flags = [], options = {}) {
  const { files = testFiles(), env } = options
  fs.mkdirSync(LOGS, { recursive: true })
  const log = path.join(LOGS, `${name}.log`)
  const file = fs.createWriteStream(log)
  const failing = []
  const filter = (line) => {
    file.write(`${line}\n`)
    if (failing.length > 0 || line.includes('failing tests:')) failing.push(line)
    if (failing.length > 0 || INFORMATION.test(line)) say(line)
  }
  try {
    await run(binary, [...flags, ...testArguments(files)], { filter, env })
  } catch (error) {
    throw Object.assign(error, { failing })
  } finally {
    file.end()
    say(`All lines: ${path.relative(ROOT, log)}`)
  }
}

// But for what has run on one Node.js, which is enough.
function otherNodeTests (binary, name, flags = []) {
  const files = testFiles().filter((file) => !runsOnOneNode(file))
  return nodeTests(binary, name, flags, { files })
}

// As under a content security policy: the plain row decoder takes over from the compiled one. What
// runs in processes of its own would not see it.
function noEvalTests (binary, name) {
  const options = { files: testFiles().filter(runsWithoutEval) }
  return nodeTests(binary, `${name}-no-eval`, [NO_EVAL], options)
}

function promiseTests (binary, name) {
  return withPromises(binary, name, testFiles())
}

function otherPromiseTests (binary, name) {
  return withPromises(binary, name, testFiles().filter((file) => !runsOnOneNode(file)))
}

function withPromises (binary, name, all) {
  const options = { files: all.filter(isShared), env: promiseEnv() }
  return nodeTests(binary, `${name}-promises`, [], options)
}

// Databases and statements, in both APIs, on an addon and an engine that check themselves.
async function debugTests (binary, name, addon) {
  const files = testFiles().filter(runsInDebug)
  for (const [api, env] of [['sync', process.env], ['promises', promiseEnv()]]) {
    const chosen = api === 'sync' ? files : files.filter(isShared)
    const options = { files: chosen, env: { ...env, FERROLITE_BINDING: addon } }
    await nodeTests(binary, `${name}-debug-${api}`, [], options)
  }
}

// The statements of the sync API and of promises, on a real libSQL server or a replica of one.
async function serverTests (binary, name, place) {
  if (noSqld() !== null) return say(`Not run: ${noSqld()}`)
  const files = testFiles().filter((file) => runsOn(place, file))
  for (const env of [process.env, promiseEnv()]) {
    const api = env.TEST_API ?? 'sync'
    const options = { files, env: { ...env, TEST_ON: place } }
    await nodeTests(binary, `${name}-${api}`, [], options)
  }
}

// The statements of both APIs in a key-value store in memory, which answers promises later; those
// of the sync API once more with all pages here.
async function storeTests (binary, name) {
  const files = testFiles().filter((file) => runsOn('kv', file))
  for (const env of [process.env, promiseEnv()]) {
    const api = env.TEST_API ?? 'sync'
    await nodeTests(binary, `${name}-kv-${api}`, [], { files, env: { ...env, TEST_ON: 'kv' } })
  }
  const env = { ...process.env, TEST_ON: 'resident' }
  await nodeTests(binary, `${name}-resident`, [], { files, env })
}

// The sync API on the engine in WASM.
async function wasmTests (binary, name) {
  const files = testFiles().filter((file) => runsOn('wasm', file))
  await nodeTests(binary, `${name}-wasm`, [], { files, env: { ...process.env, TEST_ON: 'wasm' } })
}

function promiseEnv () {
  return { ...process.env, TEST_API: 'promise' }
}

function testArguments (files) {
  // Node itself takes one core less than there are: of two, one would have nothing to do.
  const atOnce = `--test-concurrency=${os.availableParallelism()}`
  return ['--test', '--test-reporter=spec', `--test-timeout=${FILE_TIMEOUT}`, atOnce, ...files]
}

module.exports = {
  NO_EVAL,
  debugTests,
  noEvalTests,
  nodeTests,
  otherNodeTests,
  otherPromiseTests,
  promiseEnv,
  promiseTests,
  serverTests,
  storeTests,
  testArguments,
  wasmTests
}
