'use strict'

const assert = require('node:assert/strict')
const { execFileSync } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')
const { Database, child, exited, ours, tempDir, tempFile } = require('../support')

// The binary that this process has loaded.
function binary () {
  const { getBinding, target } = require('../../lib/binding')
  getBinding()
  const local = path.join(__dirname, '..', '..', 'packages', target(), 'ferrolite.node')
  return process.env.FERROLITE_BINDING || local
}

ours('the same binary under a second path is independent of the first', async t => {
  const copy = path.join(tempDir(t), 'copy.node')
  fs.copyFileSync(binary(), copy)
  const result = exited(await child((copy, file) => {
    const one = new Database(file)
    const two = new Database(file, { nativeBinding: copy })
    const three = new Database(file, { nativeBinding: copy.replace(/\.node$/, '') })
    one.exec('CREATE TABLE t (a)')
    one.function('f', () => 'one')
    two.function('f', () => 'two')
    two.prepare('INSERT INTO t VALUES (?)').run('from two')
    const kinds = [one, two, three].map(db => db.prepare('SELECT 1').constructor)
    process.stdout.write(JSON.stringify([
      one.prepare('SELECT a FROM t').pluck().get(), one.prepare('SELECT f()').pluck().get(), two.prepare('SELECT f()').pluck().get(),
      kinds[1] === kinds[2]
    ]))
    for (const db of [one, two, three]) db.close()
  }, { args: [copy, tempFile(t)] }))
  assert.deepEqual(JSON.parse(result.stdout), ['from two', 'one', 'two', true])
})

ours('a statement of one copy is foreign to the other', async t => {
  const copy = path.join(tempDir(t), 'copy.node')
  fs.copyFileSync(binary(), copy)
  exited(await child(copy => {
    const one = new Database(':memory:')
    const two = new Database(':memory:', { nativeBinding: copy })
    const [a, b] = [one.prepare('SELECT 1 AS one'), two.prepare('SELECT 2 AS two')]
    for (const call of [() => a.get.call(b), () => b.get.call(a), () => one.exec.call(two, 'SELECT 1')]) {
      try {
        call()
      } catch (error) {
        if (!(error instanceof TypeError)) throw error
      }
    }
    if (a.get().one !== 1 || b.get().two !== 2) process.exit(3)
  }, { args: [copy] }))
})

ours('better-sqlite3 in the same process has its own engine and its own rows', async t => {
  let other
  try {
    other = require.resolve('better-sqlite3')
  } catch {
    return t.skip('better-sqlite3 is not installed')
  }
  if (Number(process.versions.node.split('.')[0]) < 22) return t.skip('better-sqlite3 needs Node.js 22')
  for (const order of ['first', 'last']) {
    const result = exited(await child(`
      const load = () => require(${JSON.stringify(other)})
      ${order === 'first' ? '' : 'new Database(\':memory:\').exec(\'SELECT 1\')'} // eslint-disable-line quotes
      const Other = load()
      const file = ${JSON.stringify(tempFile(t))}
      const [ours, theirs] = [new Database(file), new Other(file)]
      ours.exec("CREATE TABLE t (a); INSERT INTO t VALUES ('ours')")
      theirs.exec("INSERT INTO t VALUES ('theirs')")
      ours.function('who', () => 'ours')
      theirs.function('who', () => 'theirs')
      const all = db => [db.prepare('SELECT a, who() FROM t').raw().all(), db.prepare('SELECT sqlite_version()').pluck().get()]
      const foreign = []
      for (const call of [() => ours.prepare('SELECT 1').get.call(theirs.prepare('SELECT 1')),
        () => theirs.prepare('SELECT 1').get.call(ours.prepare('SELECT 1'))]) {
        try {
          call()
          foreign.push('none')
        } catch (error) {
          foreign.push(error.name)
        }
      }
      let error
      try {
        ours.exec('nonsense')
      } catch (reason) {
        error = [reason instanceof Database.SqliteError, reason instanceof Other.SqliteError]
      }
      process.stdout.write(JSON.stringify({ ours: all(ours), theirs: all(theirs), foreign, error }))
      ours.close()
      theirs.close()
    `))
    const { ours, theirs, foreign, error } = JSON.parse(result.stdout)
    assert.deepEqual(ours[0], [['ours', 'ours'], ['theirs', 'ours']])
    assert.deepEqual(theirs[0], [['ours', 'theirs'], ['theirs', 'theirs']])
    assert.notEqual(ours[1], theirs[1])
    assert.deepEqual([foreign, error], [['TypeError', 'TypeError'], [true, false]])
  }
})

ours('node:sqlite in the same process has its own engine', async t => {
  try {
    require('node:sqlite')
  } catch {
    return t.skip('this runtime has no node:sqlite')
  }
  const result = exited(await child(`
    const { DatabaseSync } = require('node:sqlite')
    const file = ${JSON.stringify(tempFile(t))}
    const [ours, theirs] = [new Database(file), new DatabaseSync(file)]
    ours.exec("CREATE TABLE t (a); INSERT INTO t VALUES ('kept')")
    process.stdout.write(theirs.prepare('SELECT a FROM t').get().a)
    ours.close()
    theirs.close()
  `))
  assert.equal(result.stdout, 'kept')
})

ours('the binary exports what Node.js needs of it, and no name of SQLite', { skip: process.platform !== 'linux' }, t => {
  let symbols
  try {
    symbols = execFileSync('nm', ['-D', '--defined-only', binary()], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  } catch {
    return t.skip('no nm')
  }
  const names = symbols.trim().split('\n').map(line => line.split(' ').at(-1))
  const needed = /^(napi_register_module_v1|node_api_module_get_api_version_v1)$/
  // One callback of the crate libsql is exported by name; the others mark sections of the linker.
  const harmless = /^(update_hook_cb|__(start|stop)_linkm[e2]_[A-Z]+)$/
  assert.deepEqual(names.filter(name => !needed.test(name) && !harmless.test(name)), [])
  assert.ok(names.some(name => needed.test(name)))
})
