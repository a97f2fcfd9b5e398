'use strict'

// Every test runner with its environments and fakes: what its test file says, and how it is run.

const path = require('node:path')

const NO_FAKES = { fakes: 'no fakes' }
// Fakes that are there before Ferrolite is loaded, and those of a single test.
const timesOf = (fake) => [NO_FAKES, { fakes: 'fakes', after: fake }, { fakes: 'fakes, then the package', before: fake }]

const stopped = `
  let moved = false
  setTimeout(() => { moved = true }, 0)
  afterwards = () => { if (moved) throw new Error('the fakes did not stand still') }`

/** A test that takes the package before or after the fakes. */
function body ({ before = '', after = '' }) {
  const isFake = before + after !== ''
  return `
  let afterwards = () => {}
  ${before}
  const { work } = require('./work')
  ${after}
  ${isFake ? stopped : ''}
  await work()
  afterwards()`
}

function jest (environment, times, config = {}) {
  const settings = { testEnvironment: environment, testMatch: ['**/runner.test.js'], ...config }
  return {
    runner: 'jest',
    environment,
    fakes: times.fakes,
    files: {
      'jest.config.js': `module.exports = ${JSON.stringify(settings)}`,
      'runner.test.js': `test('works', async () => {${body(times)}\n}, 60000)`
    },
    command: (tools) => [process.execPath, [path.join(tools, 'jest', 'bin', 'jest.js'), '--ci', '--watchman=false', '--cache=false', '-i']]
  }
}

const globally = (legacyFakeTimers) => ({ fakeTimers: { enableGlobally: true, legacyFakeTimers } })
const JEST = ['node', 'jsdom'].flatMap((environment) => [
  ...timesOf('jest.useFakeTimers()').map((times) => jest(environment, times)),
  jest(environment, { fakes: 'legacy fakes', after: 'jest.useFakeTimers({ legacyFakeTimers: true })' }),
  jest(environment, { fakes: 'fakes by setting', before: ' ' }, globally(false)),
  jest(environment, { fakes: 'legacy fakes by setting', before: ' ' }, globally(true))
])

const EVERYTHING = "vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'queueMicrotask', 'nextTick', 'hrtime', 'performance', 'Date'] })"

function vitest (environment, pool, times) {
  return {
    runner: 'vitest',
    environment: `${environment}, ${pool}`,
    fakes: times.fakes,
    files: {
      'vitest.config.mjs': `export default ${JSON.stringify({ test: { environment, pool, include: ['runner.test.mjs'], testTimeout: 60000 } })}`,
      'runner.test.mjs': `import { test, vi } from 'vitest'
import { createRequire } from 'node:module'
const require = createRequire(import.meta.url)
  test('works', async () => {${body(times).replace("const { work } = require('./work')", "const { work } = (await import('./work.js')).default")}
  vi.useRealTimers()
})`
    },
    command: (tools) => [process.execPath, [path.join(tools, 'vitest', 'vitest.mjs'), 'run', '--no-cache']]
  }
}

// vitest cannot fake nextTick in the pool of processes.
const VITEST = [['node', 'threads'], ['node', 'forks'], ['node', 'vmThreads'], ['jsdom', 'threads'], ['jsdom', 'vmThreads']]
  .flatMap(([environment, pool]) => timesOf(pool === 'forks' ? EVERYTHING.replace(" 'nextTick',", '') : EVERYTHING)
    .map((times) => vitest(environment, pool, times)))

function nodeTest (times) {
  return {
    runner: 'node:test',
    environment: 'node',
    fakes: times.fakes,
    files: { 'runner.test.js': `require('node:test')('works', async ({ mock }) => {${body(times)}\n})` },
    command: () => [process.execPath, ['--test', '--test-reporter=tap', 'runner.test.js']]
  }
}

function sinon (times) {
  return {
    runner: '@sinonjs/fake-timers',
    environment: 'node',
    fakes: times.fakes,
    files: {
      'runner.test.js': `const FakeTimers = require('@sinonjs/fake-timers')
;(async () => {${body(times)}\n})().then(() => process.exit(0), (error) => { console.error(error); process.exit(1) })`
    },
    command: () => [process.execPath, ['runner.test.js']]
  }
}

function bun (times) {
  return {
    runner: 'bun test',
    environment: 'bun',
    fakes: times.fakes,
    files: { 'runner.test.js': `const { jest, test } = require('bun:test')\ntest('works', async () => {${body(times)}\n  jest.useRealTimers()\n}, 60000)` },
    command: (tools, bun) => [bun, ['test', './runner.test.js']]
  }
}

const CASES = [
  ...JEST,
  ...VITEST,
  ...timesOf('mock.timers.enable()').map(nodeTest),
  ...timesOf('FakeTimers.install()').map(sinon),
  ...timesOf('jest.useFakeTimers()').map(bun)
]

module.exports = { CASES, name: ({ runner, environment, fakes }) => `${runner} in ${environment}: ${fakes}` }
