'use strict'

// `npm test`: every check of both languages, every supported Node version, Bun and Deno.
// `npm run test:node [file ...]`: the JavaScript tests alone, on the Node that runs this, in full.

const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { build } = require('./build')
const { checkBinary } = require('./check-binary')
const { clippy, eslint, rustfmt } = require('./lint')
const { installPackages, prepare } = require('./prepare')
const { ROOT, ScriptError, main, run, say, seconds } = require('./run')
const runtimes = require('./runtimes')
const { toolchain } = require('./toolchain')

// Test files are named like 20.run.js; these folders are searched, in this order.
const FOLDERS = ['test', 'test/differential', 'test/fault', 'test/orm', 'test/types', 'test/pack']
const TEST_FILE = /^\d\d\.[\w-]+\.m?js$/
const LOGS = path.join(ROOT, 'target', 'test-logs')
const FILE_TIMEOUT = 900_000
const EXAMPLE = path.join(ROOT, 'examples', 'readme.js')

async function everything () {
  const started = Date.now()
  const results = []

  async function step (name, body) {
    say(`\n=== ${name}`)
    const begun = Date.now()
    const error = await body().then(() => null, (error) => error)
    if (error) say(`${name} failed: ${error instanceof ScriptError ? error.message : error.stack}`)
    results.push({ name, ok: error === null, time: seconds(begun) })
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
    await runtimeSteps(step)
  } else {
    say('\nWithout the addon, no JavaScript test can run.')
  }
  summary(results, started)
}

async function runtimeSteps (step) {
  const current = runtimes.CURRENT_NODE
  await step(`node ${current}`, () => nodeTests(process.execPath, `node-${current}`))
  for (const major of runtimes.SUPPORTED_NODES) {
    if (major === current) continue
    await step(`node ${major}`, () => onRuntime(runtimes.node(major), nodeTests, `node-${major}`))
  }
  await step('bun', () => onRuntime(runtimes.bun(), example, []))
  await step('deno', () => onRuntime(runtimes.deno(), example, ['run', '--allow-all']))
}

async function onRuntime (binary, body, ...args) {
  const file = await binary
  if (file === null) return say(`Not run: ${runtimes.unavailable()}`)
  await body(file, ...args)
}

// Prints what failed and the closing lines; the whole output goes to a log.
async function nodeTests (binary, name) {
  fs.mkdirSync(LOGS, { recursive: true })
  const log = path.join(LOGS, `${name}.log`)
  const file = fs.createWriteStream(log)
  let failing = false
  const filter = (line) => {
    file.write(`${line}\n`)
    failing ||= line.includes('failing tests:')
    if (failing || /^\S* ?(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) [\d.]+$/.test(line)) say(line)
  }
  try {
    await run(binary, testArguments(testFiles()), { filter })
  } finally {
    file.end()
    say(`All lines: ${path.relative(ROOT, log)}`)
  }
}

async function example (binary, args) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ferrolite-example-'))
  try {
    const env = { ...process.env, DENO_NO_UPDATE_CHECK: '1' }
    await run(binary, [...args, EXAMPLE], { cwd: folder, env })
  } finally {
    fs.rmSync(folder, { recursive: true, force: true })
  }
}

function testArguments (files) {
  return ['--test', '--test-reporter=spec', `--test-timeout=${FILE_TIMEOUT}`, ...files]
}

function testFiles () {
  const files = []
  for (const folder of FOLDERS.filter((name) => fs.existsSync(path.join(ROOT, name)))) {
    const names = fs.readdirSync(path.join(ROOT, folder)).filter((name) => TEST_FILE.test(name))
    files.push(...names.sort().map((name) => path.join(folder, name)))
  }
  requireEveryTest(files)
  return files
}

// A misnamed test file would pass by never running.
function requireEveryTest (files) {
  for (const name of fs.readdirSync(path.join(ROOT, 'test'), { recursive: true })) {
    const file = path.join('test', name)
    if (files.includes(file) || !/\.m?js$/.test(name)) continue
    if (/^(test|describe|it)\(/m.test(fs.readFileSync(path.join(ROOT, file), 'utf8'))) {
      throw new ScriptError(`${file} has tests but would not run: name it like 20.run.js, in a folder of scripts/test.js`)
    }
  }
}

function summary (results, started) {
  const width = Math.max(...results.map(({ name }) => name.length))
  const failed = results.filter(({ ok }) => !ok)
  say('\n=== Summary')
  for (const { name, ok, time } of results) say(`${ok ? 'ok    ' : 'FAILED'}  ${name.padEnd(width)}  ${time}`)
  say(`\n${results.length - failed.length} of ${results.length} steps passed in ${seconds(started)}`)
  if (failed.length > 0) throw new ScriptError(`Failed: ${failed.map(({ name }) => name).join(', ')}`)
}

async function nodeOnly (files) {
  await prepare()
  await run(process.execPath, testArguments(files.length > 0 ? files : testFiles()))
}

const [mode, ...files] = process.argv.slice(2)
main(() => mode === 'node' ? nodeOnly(files) : everything())
