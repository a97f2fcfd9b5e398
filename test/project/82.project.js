'use strict'

// What is written in several places of the project is the same in each.

const assert = require('node:assert/strict')
const { spawnSync } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')
const test = require('node:test')
const { SUPPORTED_NODES } = require('../../scripts/runtimes')

const ROOT = path.join(__dirname, '..', '..')
const WORKFLOW = '.github/workflows/ci.yml'

function read (name) {
  return fs.readFileSync(path.join(ROOT, name), 'utf8').replaceAll('\r\n', '\n')
}

function found (name, expression) {
  return [...read(name).matchAll(expression)].map(([, text]) => text)
}

test('one version of Rust is asked for', () => {
  const [oldest, ...others] = found('Cargo.toml', /^rust-version = "(.+)"$/gm)
  assert.deepEqual(others, [])
  assert.deepEqual(found('CONTRIBUTING.md', /\[Rust\]\(.+?\) ([\d.]+)/g), [oldest])
  for (const workflow of fs.readdirSync(path.join(ROOT, '.github/workflows'))) {
    // It needs no Rust.
    if (workflow === 'site.yml') continue
    assert.deepEqual(found(`.github/workflows/${workflow}`, /RUSTUP_TOOLCHAIN: (.+)$/gm), [`${oldest}.0`])
  }
  // A number would have rustup fetch what is there already by the name of "stable".
  assert.deepEqual(found('rust-toolchain.toml', /^channel = "(.+)"$/gm), ['stable'])
})

test('the crates have the version of the package', () => {
  assert.deepEqual(found('Cargo.toml', /^version = "(.+)"$/gm), [JSON.parse(read('package.json')).version])
})

test('the workflow runs every Node.js that is supported', () => {
  const list = `[${SUPPORTED_NODES.join(', ')}]`
  const lists = found(WORKFLOW, /^ +node: (\[.+\])$/gm)
  assert.notEqual(lists.length, 0)
  for (const nodes of lists) assert.equal(nodes, list)
  assert.equal(JSON.parse(read('package.json')).engines.node, `>=${SUPPORTED_NODES[0]}`)
})

test('a pull request is asked the questions of CONTRIBUTING.md', () => {
  const questions = /^- \[ \] ([^`\n]+(?:`close\(\)`)?\?)$/gm
  const list = found('CONTRIBUTING.md', questions)
  assert.equal(list.length, 13)
  assert.deepEqual(found('.github/pull_request_template.md', questions), list)
})

test('each command of a bench runs a suite, and each suite has one', () => {
  const { scripts } = JSON.parse(read('package.json'))
  const commands = Object.entries(scripts).filter(([name]) => /^bench(:|$)/.test(name))
  const suites = fs.readdirSync(path.join(ROOT, 'bench', 'suites')).map((file) => path.basename(file, '.js'))
  const expected = suites.map((suite) => [
    suite === 'sync' ? 'bench' : `bench:${suite}`, `node scripts/prepare.js && node bench/run.js ${suite}`
  ])
  assert.deepEqual(commands.sort(), expected.sort())
  for (const suite of suites) {
    const { machine, measure, names, print, publish } = require(`../../bench/suites/${suite}`)
    for (const fn of [machine, measure, names, print, publish]) assert.equal(typeof fn, 'function', suite)
    assert.ok(names().every(({ name }) => typeof name === 'string'), suite)
  }
})

test('a bench refuses what it does not know before it measures', () => {
  for (const [args, message] of [
    [[], /^Name a suite: /], [['nothing'], /^Name a suite: /], [['remote', '--rounds', '3'], /Unknown option/],
    [['remote', '--memory'], /^--memory is for the suite sync/]
  ]) {
    const options = { cwd: ROOT, encoding: 'utf8' }
    const { status, stderr } = spawnSync(process.execPath, ['bench/run.js', ...args], options)
    assert.equal(status, 1)
    assert.match(stderr, message)
  }
})
