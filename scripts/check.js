'use strict'

// `npm run check`, before a commit: what `npm test` asks of both languages, and the tests on the
// Node that runs this, but for those that take long.

const { build } = require('./build')
const { cargoDeny } = require('./deny')
const { clippy, eslint, rustfmt, types } = require('./lint')
const { otherNodeTests, otherPromiseTests } = require('./node-tests')
const { installPackages } = require('./prepare')
const { main, run } = require('./run')
const { CURRENT_NODE } = require('./runtimes')
const { Steps } = require('./steps')
const { toolchain } = require('./toolchain')
const { typos } = require('./typos')

/** Everything but the tests of JavaScript; true if the addon was built. */
async function codeSteps (step) {
  let env = process.env
  await step('npm packages', installPackages)
  await step('tools', async () => { env = await toolchain() })
  await step('cargo fmt', () => rustfmt(env))
  await step('eslint', () => eslint())
  await step('types', types)
  await step('typos', typos)
  const built = await step('build', build)
  await step('clippy', () => clippy(env))
  await step('cargo test', () => run('cargo', ['test', '--release', '--locked', '--workspace'], { env }))
  await step('models of threads', () => threadModels(env))
  await step('cargo deny', () => cargoDeny(env))
  return built
}

// The tests of what threads share, in every order of their steps.
async function threadModels (env) {
  for (const crate of ['vector', 'worker']) {
    const args = ['test', '--release', '--locked', '--manifest-path', `crates/${crate}/model/Cargo.toml`]
    await run('cargo', [...args, '--target-dir', 'target/model'], { env })
  }
}

async function check () {
  const steps = new Steps()
  const step = steps.step.bind(steps)
  if (await codeSteps(step)) {
    const name = `node-${CURRENT_NODE}`
    await step(`node ${CURRENT_NODE}`, () => otherNodeTests(process.execPath, name))
    await step(`node ${CURRENT_NODE} promises`, () => otherPromiseTests(process.execPath, name))
  }
  steps.summary()
}

if (require.main === module) main(check)

module.exports = { codeSteps }
