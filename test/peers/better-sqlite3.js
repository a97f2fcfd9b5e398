'use strict'

// better-sqlite3's own tests, on its stand-in: node test/peers/better-sqlite3.js <checkout>
// The checkout is of its repository; Node.js 22 or newer and `cc` are needed, SQLite's headers come
// from its npm package. What fails must be what docs/differences.md says, with its reason.

const { spawnSync } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')
const { ROOT, ScriptError, main, run, say } = require('../../scripts/run')
const { npmTools } = require('../../scripts/runtimes')
const { target } = require('../../lib/binding')
const { installed } = require('../pack/project')

const TOOLS = { chai: '4.5.0', 'fs-extra': '11.3.2', mocha: '11.7.5' }
const PAGE = path.join(ROOT, 'docs', 'differences.md')

async function suite (checkout) {
  if (checkout === undefined) throw new ScriptError('Say where a checkout of better-sqlite3 is')
  const { project } = installed(['better-sqlite3'])
  try {
    await prepare(path.resolve(checkout), project)
    const tests = mocha(project, await npmTools('mocha', TOOLS))
    report(tests)
  } finally {
    fs.rmSync(project, { recursive: true, force: true })
  }
}

// What its tests load: `..`, ../lib/<platform>, and what a build leaves in ../build/Release.
async function prepare (checkout, project) {
  fs.cpSync(path.join(checkout, 'test'), path.join(project, 'test'), { recursive: true })
  const build = path.join(project, 'build', 'Release')
  const own = `${process.platform}-${process.arch}`
  for (const folder of ['lib', 'prebuilds', 'build/Release']) {
    fs.mkdirSync(path.join(project, folder), { recursive: true })
  }
  fs.writeFileSync(path.join(project, 'index.js'), "module.exports = require('better-sqlite3')\n")
  fs.writeFileSync(path.join(project, 'lib', `${own}.js`), `module.exports = require('better-sqlite3/${own}')\n`)
  const addon = path.join(project, 'node_modules', '@ferrolite', target(), 'ferrolite.node')
  fs.copyFileSync(addon, path.join(build, 'better_sqlite3.node'))
  const deps = path.join(ROOT, 'node_modules', 'better-sqlite3', 'deps')
  const extension = path.join(build, 'test_extension.node')
  const undefinedSymbols = process.platform === 'darwin' ? ['-undefined', 'dynamic_lookup'] : []
  await run('cc', ['-shared', '-fPIC', ...undefinedSymbols, `-I${path.join(deps, 'sqlite3')}`,
    path.join(deps, 'test_extension.c'), '-o', extension])
}

function mocha (project, tools) {
  const file = path.join(project, 'results.json')
  const args = [path.join(tools, 'mocha', 'bin', 'mocha.js'), '--exit', '--timeout=60000',
    '--reporter=json', `--reporter-option=output=${file}`]
  const env = { ...process.env, NODE_PATH: tools, FERROLITE_BINDING: undefined }
  const { stderr } = spawnSync(process.execPath, args, { cwd: project, env, encoding: 'utf8' })
  if (!fs.existsSync(file)) throw new ScriptError(`mocha did not run: ${stderr}`)
  return JSON.parse(fs.readFileSync(file, 'utf8'))
}

// The first column of the table below the page's heading.
function explained () {
  const [, section] = fs.readFileSync(PAGE, 'utf8').split('## The tests of better-sqlite3\n')
  return [...section.split('\n## ')[0].matchAll(/^\| `(.+?)` \|/gm)].map(([, name]) => name)
}

function report ({ stats, failures }) {
  const names = explained()
  say(`${stats.passes} of ${stats.tests} tests of better-sqlite3 pass`)
  for (const { fullTitle, err } of failures) {
    say(`${names.includes(fullTitle) ? 'explained' : 'FAILED'}  ${fullTitle}: ${err.message}`)
  }
  const failed = failures.map(({ fullTitle }) => fullTitle)
  const passed = names.filter((name) => !failed.includes(name))
  for (const name of passed) say(`PASSED  ${name}, which docs/differences.md says fails`)
  const unexplained = failed.filter((name) => !names.includes(name))
  if (unexplained.length + passed.length > 0) throw new ScriptError('docs/differences.md is not right')
}

main(() => suite(process.argv[2]))
