'use strict'

// libsql-js's own tests, on its stand-in: node scripts/libsql-tests.js <checkout>
// The checkout is of its repository; nothing of it is kept.

const { spawnSync } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')
const { installed } = require('../test/pack/project')
const { ScriptError, main, say } = require('./run')
const { npmTools } = require('./runtimes')

const TOOLS = { ava: '5.3.1' }

async function suite (checkout) {
  if (checkout === undefined) throw new ScriptError('Say where a checkout of libsql-js is')
  const { project } = installed(['libsql'])
  try {
    const folder = prepare(path.resolve(checkout), project, await npmTools('ava', TOOLS))
    const files = fs.readdirSync(path.join(folder, 'tests')).filter((name) => name.endsWith('.test.js'))
    // One after the other: they share a database.
    const failed = files.filter((name) => !passes(folder, name))
    if (failed.length > 0) throw new ScriptError(`Not all pass in ${failed.join(', ')}`)
  } finally {
    fs.rmSync(project, { recursive: true, force: true })
  }
}

// What its tests load: `ava`, `libsql` and `libsql/promise`.
function prepare (checkout, project, tools) {
  const modules = path.join(project, 'node_modules')
  fs.symlinkSync(path.join(tools, 'ava'), path.join(modules, 'ava'), 'junction')
  const folder = path.join(project, 'suite')
  fs.cpSync(path.join(checkout, 'integration-tests', 'tests'), path.join(folder, 'tests'), { recursive: true })
  fs.writeFileSync(path.join(folder, 'package.json'), '{ "type": "module" }\n')
  return folder
}

function passes (folder, name) {
  const ava = path.join(folder, '..', 'node_modules', 'ava', 'entrypoints', 'cli.mjs')
  const env = { ...process.env, PROVIDER: 'libsql', LIBSQL_JS_DEV: '1', FERROLITE_BINDING: undefined }
  const { status, stdout, stderr } = spawnSync(process.execPath, [ava, '--tap', '--timeout=5m', `tests/${name}`], {
    cwd: folder, env, encoding: 'utf8'
  })
  const count = (of) => Number(new RegExp(`^# ${of} (\\d+)`, 'm').exec(stdout)?.[1] ?? 0)
  say(`${name}: ${count('pass')} of ${count('tests')} pass`)
  for (const line of stdout.match(/^not ok .*$/gm) ?? []) say(line)
  if (count('tests') === 0) say(stderr)
  return status === 0 && count('tests') > 0
}

main(() => suite(process.argv[2]))
