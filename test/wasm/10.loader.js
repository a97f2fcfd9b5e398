'use strict'

// When the engine in WASM is used, and when not.

const assert = require('node:assert/strict')
const { spawnSync } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')
const { target } = require('../../lib/binding')
const { PACKAGE, ROOT, tempDir, wasm } = require('./support')

// As npm installs it, without the native binary: what it is instead is given.
function installed (t, { native, withWasm = true } = {}) {
  const dir = tempDir(t)
  const modules = path.join(dir, 'node_modules')
  const scope = path.join(modules, '@ferrolite')
  fs.mkdirSync(path.join(modules, 'ferrolite'), { recursive: true })
  fs.mkdirSync(scope)
  for (const name of ['index.js', 'promise.js', 'package.json', 'lib', 'stores']) {
    fs.cpSync(path.join(ROOT, name), path.join(modules, 'ferrolite', name), { recursive: true })
  }
  if (withWasm) fs.cpSync(PACKAGE, path.join(scope, 'wasm'), { recursive: true })
  if (native !== undefined) {
    const home = path.join(scope, target())
    fs.mkdirSync(home)
    for (const [name, text] of Object.entries(native)) fs.writeFileSync(path.join(home, name), text)
  }
  return dir
}

function run (cwd, script, env = {}, flags = []) {
  const own = { ...process.env, NODE_TEST_CONTEXT: undefined }
  const none = { FERROLITE_BINDING: undefined, FERROLITE_BACKEND: undefined }
  const options = { cwd, encoding: 'utf8', env: { ...own, ...none, ...env } }
  const result = spawnSync(process.execPath, [...flags, '-e', script], options)
  assert.equal(result.signal, null, result.stderr)
  return { code: result.status, stdout: result.stdout.trim(), stderr: result.stderr }
}

const BACKEND = "const db = new (require('ferrolite'))(':memory:'); console.log(db.backend, db.prepare('SELECT 6 * 7').pluck().get())"

wasm('without a native binary, the engine in WASM takes over', t => {
  const { stdout, stderr } = run(installed(t), BACKEND)
  assert.equal(stdout, 'wasm 42', stderr)
})

wasm('a binary that cannot be loaded is as none', t => {
  const broken = { 'package.json': '{ "main": "ferrolite.node" }', 'ferrolite.node': 'this is no library' }
  const { stdout, stderr } = run(installed(t, { native: broken }), BACKEND)
  assert.equal(stdout, 'wasm 42', stderr)
})

wasm('any other error of the native binary is thrown', t => {
  const failing = { 'index.js': "throw new Error('a fault of its own')" }
  const { code, stderr } = run(installed(t, { native: failing }), BACKEND)
  assert.equal(code, 1)
  assert.match(stderr, /a fault of its own/)
})

wasm('FERROLITE_BACKEND=native forbids it, any other value is refused', t => {
  const dir = installed(t)
  assert.match(run(dir, BACKEND, { FERROLITE_BACKEND: 'native' }).stderr, /found no native binary that loads here/)
  assert.match(run(dir, BACKEND, { FERROLITE_BACKEND: 'jit' }).stderr, /FERROLITE_BACKEND is "jit", but has to be "native" or "wasm"/)
})

wasm('without either package, the error names both', t => {
  const { stderr } = run(installed(t, { withWasm: false }), BACKEND)
  assert.match(stderr, /npm install @ferrolite\/wasm@/)
  assert.match(stderr, new RegExp(`npm install @ferrolite/${target()}@`))
})

wasm('a name of a platform that does not exist is no hindrance', t => {
  const script = `Object.defineProperty(process, 'arch', { value: 'vax' }); ${BACKEND}`
  const { stdout, stderr } = run(installed(t), script)
  assert.equal(stdout, 'wasm 42', stderr)
})

wasm('it needs no code from strings', t => {
  const { stdout, stderr } = run(installed(t), BACKEND, {}, ['--disallow-code-generation-from-strings'])
  assert.equal(stdout, 'wasm 42', stderr)
})

wasm('what it lacks says so', t => {
  const script = `
    const Database = require('ferrolite')
    const { Database: Later } = require('ferrolite/promise')
    const db = new Database(':memory:')
    for (const call of [
      () => new Later(':memory:'), () => new Database('libsql://localhost'), () => db.loadExtension('x'),
      () => new Database(0, { journalFd: 1 })
    ]) try { call() } catch (error) { console.log(error.name + ': ' + error.message) }`
  const dir = installed(t)
  const { stdout, stderr } = run(dir, script.replace("require('ferrolite/promise')", "require('./node_modules/ferrolite/promise')"))
  assert.deepEqual(stdout.split('\n'), [
    'TypeError: Promises are not available in WASM: there are no threads',
    'TypeError: Remote databases are not available in WASM: there are no sockets',
    'TypeError: loadExtension() is not available in WASM: there are no shared libraries',
    'TypeError: Databases of file descriptors are not available in WASM: node:fs has no locks'
  ], stderr)
})
