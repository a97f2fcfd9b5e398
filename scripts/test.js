'use strict'

// `npm test`: every check of both languages, every supported Node version, Bun and Deno.
// `npm run test:node [file ...]`: the JavaScript tests alone, on the Node that runs this, in full.

const { spawnSync } = require('node:child_process')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { build } = require('./build')
const { checkBinary } = require('./check-binary')
const { clippy, eslint, rustfmt } = require('./lint')
const { moto, unavailable: noMoto } = require('./moto')
const { installPackages, prepare } = require('./prepare')
const { ROOT, ScriptError, main, run, say, seconds } = require('./run')
const runtimes = require('./runtimes')
const { sqld, unavailable: noSqld } = require('./sqld')
const { toolchain } = require('./toolchain')

// Anywhere below test/, a test file is named like 20.run.js.
const TEST_FILE = /^\d\d\.[\w-]+\.m?js$/
// What a test file says that runs with the sync API and again with promises: test/support.js.
const SHARED = /^\/\/ Runs with both APIs(, and on servers)?\.$/m
// What takes long and is about the engine and servers, not about the Node that runs it.
const ON_ONE_NODE = /^\/\/ Runs on one Node\.js\.$/m
const ON_SERVERS = /^\/\/ Runs with both APIs, and on servers\.$/m
// How the reporter begins seeds and totals.
const INFORMATION = /^\s*\u2139 /
const BIG = path.join('test', 'big')
const LOGS = path.join(ROOT, 'target', 'test-logs')
const FILE_TIMEOUT = 900_000
// So much the summary says again of the failing tests of a step.
const SHOWN_LINES = 60
const EXAMPLES = ['readme.js', 'promises.js', 'cancellation.js']
  .map((file) => path.join(ROOT, 'examples', file))

async function everything () {
  const started = Date.now()
  const results = []

  async function step (name, body) {
    say(`\n=== ${name}`)
    const begun = Date.now()
    const error = await body().then(() => null, (error) => error)
    if (error) say(`${name} failed: ${error instanceof ScriptError ? error.message : error.stack}`)
    results.push({ name, ok: error === null, time: seconds(begun), failing: error?.failing ?? [] })
    return error === null
  }

  await step('npm packages', installPackages)
  let env = process.env
  await step('tools', async () => { env = await toolchain() })
  await step('cargo fmt', () => rustfmt(env))
  await step('eslint', () => eslint())
  const built = await step('build', build)
  await step('clippy', () => clippy(env))
  await step('cargo test', () => run('cargo', ['test', '--release', '--locked', '--workspace'], { env }))
  if (built) {
    await step('check-binary', () => checkBinary())
    await step('sqld', prepareSqld)
    await step('moto', prepareMoto)
    await runtimeSteps(step)
  } else {
    say('\nWithout the addon, no JavaScript test can run.')
  }
  summary(results, started)
}

async function runtimeSteps (step) {
  const current = runtimes.CURRENT_NODE
  await step(`node ${current}`, () => nodeTests(process.execPath, `node-${current}`))
  await step(`node ${current} promises`, () => promiseTests(process.execPath, `node-${current}`))
  for (const place of ['server', 'replica']) {
    const name = `node-${current}-${place}`
    await step(`node ${current} on ${place}s`, () => serverTests(process.execPath, name, place))
  }
  // As under a content security policy: the plain row decoder takes over from the compiled one.
  const noEval = '--disallow-code-generation-from-strings'
  await step(`node ${current} ${noEval}`, () => {
    return otherNodeTests(process.execPath, `node-${current}-no-eval`, [noEval])
  })
  for (const major of runtimes.SUPPORTED_NODES) {
    if (major === current) continue
    await step(`node ${major}`, () => onRuntime(runtimes.node(major), otherNodeTests, `node-${major}`))
    await step(`node ${major} promises`, () => {
      return onRuntime(runtimes.node(major), promiseTests, `node-${major}`)
    })
  }
  await step('node 18 is refused', () => onRuntime(runtimes.node(18), isRefused))
  await step('bun', () => onRuntime(runtimes.bun(), example, []))
  await step('deno', () => onRuntime(runtimes.deno(), example, ['run', '--allow-all']))
}

async function prepareSqld () {
  if (noSqld() !== null) return say(`Not run: the tests of remote databases. ${noSqld()}`)
  say(`sqld: ${path.relative(ROOT, await sqld())}`)
}

async function prepareMoto () {
  const reason = noSqld() ?? noMoto()
  if (reason !== null) return say(`Not run: the tests of backups to S3. ${reason}`)
  say(`moto: ${path.relative(ROOT, (await moto()).env.PYTHONPATH)}`)
}

async function onRuntime (binary, body, ...args) {
  const file = await binary
  if (file === null) return say(`Not run: ${runtimes.unavailable()}`)
  await body(file, ...args)
}

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
  const files = testFiles().filter((file) => !says(file, ON_ONE_NODE))
  return nodeTests(binary, name, flags, { files })
}

function promiseTests (binary, name) {
  const options = { files: testFiles().filter(isShared), env: promiseEnv() }
  return nodeTests(binary, `${name}-promises`, [], options)
}

// The statements of the sync API and of promises, on a real libSQL server or a replica of one.
async function serverTests (binary, name, place) {
  if (noSqld() !== null) return say(`Not run: ${noSqld()}`)
  const files = testFiles().filter((file) => says(file, ON_SERVERS))
  for (const env of [process.env, promiseEnv()]) {
    const api = env.TEST_API ?? 'sync'
    const options = { files, env: { ...env, TEST_ON: place } }
    await nodeTests(binary, `${name}-${api}`, [], options)
  }
}

function isShared (file) {
  return says(file, SHARED)
}

function says (name, line) {
  const file = path.resolve(ROOT, name)
  const isFile = fs.statSync(file, { throwIfNoEntry: false })?.isFile()
  return isFile && line.test(fs.readFileSync(file, 'utf8'))
}

function promiseEnv () {
  return { ...process.env, TEST_API: 'promise' }
}

async function isRefused (binary) {
  const open = `new (require(${JSON.stringify(ROOT)}))(':memory:')`
  const { signal, status, stderr } = spawnSync(binary, ['-e', open], { encoding: 'utf8' })
  if (signal === null && status === 1 && /Error: Ferrolite needs Node\.js 20/.test(stderr)) return
  throw new ScriptError(`ended with ${signal ?? `exit code ${status}`}:\n${stderr}`)
}

async function example (binary, args) {
  for (const file of EXAMPLES) await runExample(binary, args, file)
}

async function runExample (binary, args, file) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ferrolite-example-'))
  try {
    const env = { ...process.env, DENO_NO_UPDATE_CHECK: '1' }
    await run(binary, [...args, file], { cwd: folder, env })
  } finally {
    fs.rmSync(folder, { recursive: true, force: true })
  }
}

function testArguments (files) {
  return ['--test', '--test-reporter=spec', `--test-timeout=${FILE_TIMEOUT}`, ...files]
}

function testFiles () {
  const names = fs.readdirSync(path.join(ROOT, 'test'), { recursive: true }).sort()
  const files = names.filter((name) => /\.m?js$/.test(name)).map((name) => path.join('test', name))
  const isTest = (file) => TEST_FILE.test(path.basename(file))
  // A misnamed test file would pass by never running.
  // test/big needs more memory than a test run may take: npm run test:big.
  const missed = files.find((file) => !isTest(file) && !file.startsWith(BIG) && hasTests(file))
  if (missed) throw new ScriptError(`${missed} has tests that would not run: name it like 20.run.js`)
  return files.filter(isTest)
}

function hasTests (file) {
  return /^(test|describe|it)\(/m.test(fs.readFileSync(path.join(ROOT, file), 'utf8'))
}

function summary (results, started) {
  const width = Math.max(...results.map(({ name }) => name.length))
  const failed = results.filter(({ ok }) => !ok)
  say('\n=== Summary')
  for (const { name, ok, time } of results) say(`${ok ? 'ok    ' : 'FAILED'}  ${name.padEnd(width)}  ${time}`)
  // Once more where it is looked for first, when a log is long or was cut.
  for (const { name, failing } of failed) {
    if (failing.length > 0) say(`\n${name}: ${failing.slice(0, SHOWN_LINES).join('\n')}`)
  }
  say(`\n${results.length - failed.length} of ${results.length} steps passed in ${seconds(started)}`)
  if (failed.length > 0) throw new ScriptError(`Failed: ${failed.map(({ name }) => name).join(', ')}`)
}

async function nodeOnly (files) {
  await prepare()
  // Without it, the tests that need it fail and say so; the others can still run.
  await prepareSqld().catch((error) => say(error.message))
  const chosen = files.length > 0 ? files : testFiles()
  const shared = chosen.filter(isShared)
  let failure = null
  const keep = (error) => { failure ??= error }
  await run(process.execPath, testArguments(chosen)).catch(keep)
  if (shared.length > 0) {
    say('\nAgain with promises:')
    await run(process.execPath, testArguments(shared), { env: promiseEnv() }).catch(keep)
  }
  if (failure !== null) throw failure
}

const [mode, ...files] = process.argv.slice(2)
main(() => mode === 'node' ? nodeOnly(files) : everything())
