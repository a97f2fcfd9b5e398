'use strict'

// What `require` and the first open load: a file more is a piece of the time that a process needs
// to start. `npm run bench:startup` measures it.

const assert = require('node:assert/strict')
const { spawnSync } = require('node:child_process')
const path = require('node:path')
const test = require('node:test')

const ROOT = path.join(__dirname, '..', '..')

// Of both APIs.
const BOTH = [
  'addon', 'arguments/constants', 'arguments/names', 'binding', 'block', 'caller', 'connection-options',
  'current-target', 'environment', 'errors', 'key', 'layout', 'lazy', 'occasions', 'packages', 'paths',
  'runtime', 'sql', 'statement-cache', 'timers'
]
const SYNC = ['backends/sync/backend-of', 'backends/sync/index', 'backends/sync/local', 'create', 'database']
const PROMISE = [
  'backends/promise/index', 'backends/promise/single', 'channels', 'promise/compiler', 'promise/connection',
  'promise/create', 'promise/database', 'promise/options', 'promise/queue', 'promise/scope', 'protocol', 'rows',
  'tracing', 'views', 'worker/entry', 'worker/hub', 'worker/job', 'worker/message', 'worker/port', 'worker/watch'
]

/** The files of lib/ that a program has loaded when it prints them. */
function loadedBy (program) {
  const text = `
    const print = () => process.stdout.write(JSON.stringify(Object.keys(require.cache)))
    ${program}`
  const options = { cwd: ROOT, encoding: 'utf8' }
  const { status, stdout, stderr } = spawnSync(process.execPath, ['-e', text], options)
  assert.equal(status, 0, stderr)
  const lib = path.join(ROOT, 'lib') + path.sep
  return JSON.parse(stdout).filter((name) => name.startsWith(lib))
    .map((name) => name.slice(lib.length, -'.js'.length).replaceAll(path.sep, '/')).sort()
}

test('the sync API loads what opening needs, and no more', () => {
  const loaded = loadedBy("new (require('./index'))(':memory:'); print()")
  assert.deepEqual(loaded, [...BOTH, ...SYNC].sort())
})

test('the promise API loads what opening needs, and no more', () => {
  const loaded = loadedBy("require('./promise').connect(':memory:').then((db) => { print(); return db.close() })")
  assert.deepEqual(loaded, [...BOTH, ...PROMISE].sort())
})

test('a first statement loads what statements need', () => {
  const loaded = loadedBy("new (require('./index'))(':memory:').prepare('SELECT 1').get(); print()")
  const more = loaded.filter((name) => ![...BOTH, ...SYNC].includes(name))
  assert.deepEqual(more, ['arguments/call', 'channels', 'entry', 'iterator', 'params', 'rows', 'statement', 'tracing', 'views'])
})

test('clocks and timers are taken by require(), before a test runner can put others there', () => {
  for (const file of ['./index', './promise']) {
    assert.ok(loadedBy(`require('${file}'); print()`).includes('timers'), file)
  }
})
