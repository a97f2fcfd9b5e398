'use strict'

// node-sqlite3's own tests, on its stand-in: node test/peers/sqlite3.js <checkout>
// The checkout is of its repository; nothing of it is kept. Add --big for those of a million rows.

const { spawnSync } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')
const { ScriptError, main, say } = require('../../scripts/run')
const { npmTools } = require('../../scripts/runtimes')
const { installed } = require('../pack/project')

const TOOLS = { chai: '4.5.0', 'fs-extra': '11.3.2', mocha: '11.7.5' }
// What fails, and why.
const EXPLAINED = {
  'backup can backup from main to temp': 'a backup is written to another file only',
  'limit should support applying limits via configure': 'limits are set when a connection is opened'
}
// Those that read a file of a million rows, which they make first, and an extension that is built.
const BIG = ['each.test.js']
const NO_DATABASE = ['extension.test.js']

async function suite (checkout, ...flags) {
  if (checkout === undefined) throw new ScriptError('Say where a checkout of node-sqlite3 is')
  const { project } = installed(['sqlite3'])
  try {
    fs.cpSync(path.join(path.resolve(checkout), 'test'), path.join(project, 'test'), { recursive: true })
    for (const file of ['index.js', path.join('lib', 'sqlite3.js')]) {
      fs.mkdirSync(path.dirname(path.join(project, file)), { recursive: true })
      fs.writeFileSync(path.join(project, file), "module.exports = require('sqlite3')\n")
    }
    if (flags.includes('--big')) makeBig(project)
    report(mocha(project, await npmTools('mocha', TOOLS), flags.includes('--big') ? NO_DATABASE : [...BIG, ...NO_DATABASE]))
  } finally {
    fs.rmSync(project, { recursive: true, force: true })
  }
}

function makeBig (project) {
  const { status } = spawnSync(process.execPath, ['test/support/createdb.js'], { cwd: project, stdio: 'inherit' })
  if (status !== 0) throw new ScriptError('The file of a million rows could not be made')
}

function mocha (project, tools, without) {
  const file = path.join(project, 'results.json')
  const tests = fs.readdirSync(path.join(project, 'test')).filter((name) => name.endsWith('.test.js') && !without.includes(name))
  const args = [path.join(tools, 'mocha', 'bin', 'mocha.js'), '--exit', '--timeout=480000', '--reporter=json',
    `--reporter-option=output=${file}`, ...tests.map((name) => path.join('test', name))]
  const env = { ...process.env, FERROLITE_BINDING: undefined }
  const { stderr } = spawnSync(process.execPath, args, { cwd: project, env, encoding: 'utf8' })
  if (!fs.existsSync(file)) throw new ScriptError(`mocha did not run: ${stderr}`)
  return JSON.parse(fs.readFileSync(file, 'utf8'))
}

function report ({ stats, failures }) {
  say(`${stats.passes} of ${stats.tests} tests of node-sqlite3 pass`)
  const reason = ({ fullTitle }) => EXPLAINED[fullTitle]
  for (const failure of failures) {
    say(`${reason(failure) === undefined ? 'FAILED' : 'explained'}  ${failure.fullTitle}: ${reason(failure) ?? failure.err.message}`)
  }
  if (failures.some((failure) => reason(failure) === undefined)) throw new ScriptError('Not all pass')
}

main(() => suite(...process.argv.slice(2)))
