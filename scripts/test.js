'use strict'

// `npm test`: every check of both languages, every supported Node version, Bun and Deno.
// `npm run test:node [file ...]`: the JavaScript tests alone, on the Node that runs this, in full.
// `npm run test:wasm`: those on the engine in WASM, on the Node that runs this.

const { spawnSync } = require('node:child_process')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { codeSteps } = require('./check')
const { checkBinary } = require('./check-binary')
const { buildDebug } = require('./debug')
const { moto, unavailable: noMoto } = require('./moto')
const {
  NO_EVAL, debugTests, noEvalTests, nodeTests, otherNodeTests, otherPromiseTests, promiseEnv,
  promiseTests, serverTests, storeTests, testArguments, wasmTests
} = require('./node-tests')
const { prepare } = require('./prepare')
const { redis, unavailable: noRedis } = require('./redis')
const { ROOT, ScriptError, main, run, say } = require('./run')
const runtimes = require('./runtimes')
const { sqld, unavailable: noSqld } = require('./sqld')
const { Steps } = require('./steps')
const { isShared, testFiles } = require('./test-files')
const { toolchain } = require('./toolchain')
const { BINARY: WASM, buildWasm, missing: noWasm } = require('./wasm')

const EXAMPLES = ['readme.js', 'promises.js', 'cancellation.js']
  .map((file) => path.join(ROOT, 'examples', file))

async function everything () {
  const steps = new Steps()
  const step = steps.step.bind(steps)
  if (await codeSteps(step)) {
    await step('check-binary', () => checkBinary())
    await step('sqld', prepareSqld)
    await step('moto', prepareMoto)
    await step('redis', prepareRedis)
    await step('wasm', prepareWasm)
    await runtimeSteps(step)
  } else {
    say('\nWithout the addon, no JavaScript test can run.')
  }
  steps.summary()
}

async function runtimeSteps (step) {
  const current = runtimes.CURRENT_NODE
  await step(`node ${current}`, () => nodeTests(process.execPath, `node-${current}`))
  await step(`node ${current} promises`, () => promiseTests(process.execPath, `node-${current}`))
  for (const place of ['server', 'replica']) {
    const name = `node-${current}-${place}`
    await step(`node ${current} on ${place}s`, () => serverTests(process.execPath, name, place))
  }
  await step(`node ${current} in a key-value store`, () => storeTests(process.execPath, `node-${current}`))
  if (fs.existsSync(WASM)) await step(`node ${current} in WASM`, () => wasmTests(process.execPath, `node-${current}`))
  await step(`node ${current} ${NO_EVAL}`, () => noEvalTests(process.execPath, `node-${current}`))
  let checked = null
  if (await step('debug build', async () => { checked = await buildDebug() })) {
    await step(`node ${current} debug`, () => debugTests(process.execPath, `node-${current}`, checked))
  }
  for (const major of runtimes.SUPPORTED_NODES) {
    if (major === current) continue
    await step(`node ${major}`, () => onRuntime(runtimes.node(major), otherNodeTests, `node-${major}`))
    await step(`node ${major} promises`, () => {
      return onRuntime(runtimes.node(major), otherPromiseTests, `node-${major}`)
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

// Without it, its tests are skipped and say so.
async function prepareWasm () {
  const reason = await noWasm(await toolchain())
  if (reason !== null) return say(`Not built: the engine in WASM. ${reason}`)
  await buildWasm(true)
}

async function prepareRedis () {
  if (noRedis() !== null) return say(`Not run: the tests of the store of Redis. ${noRedis()}`)
  say(`redis: ${path.relative(ROOT, (await redis()).command)}`)
}

async function onRuntime (binary, body, ...args) {
  const file = await binary
  if (file === null) return say(`Not run: ${runtimes.unavailable()}`)
  await body(file, ...args)
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

async function wasmOnly () {
  await prepare()
  if (!fs.existsSync(WASM)) await buildWasm()
  const name = `node-${runtimes.CURRENT_NODE}`
  await nodeTests(process.execPath, `${name}-of-wasm`, [], { files: testFiles().filter((file) => /[\\/]wasm[\\/]/.test(file)) })
  await wasmTests(process.execPath, name)
}

const [mode, ...files] = process.argv.slice(2)
const MODES = { node: () => nodeOnly(files), wasm: wasmOnly }
main(MODES[mode] ?? everything)
