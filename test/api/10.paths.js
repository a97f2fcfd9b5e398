'use strict'

// A relative path is of the folder that the process is in when it is given.

const assert = require('node:assert/strict')
const fs = require('node:fs')
const path = require('node:path')
const { Database, PROMISES, cleanup, needs, open, ours, oursSyncOnly, tempDir } = require('../support')

const promisesOnly = { skip: !PROMISES && 'only with promises' }
const unixOnly = { skip: process.platform === 'win32' && 'not on Windows' }

/** Goes to a folder with a database, and gives what goes to another with one of that name. */
async function setup (t, name = 'test.db') {
  const before = process.cwd()
  cleanup(t, () => process.chdir(before))
  const [here, there] = [tempDir(t), tempDir(t)].map(dir => fs.realpathSync(dir))
  await fill(path.join(here, name), 'here')
  await fill(path.join(there, name), 'there')
  process.chdir(here)
  return { here, there, leave: () => process.chdir(there) }
}

async function fill (file, place) {
  const db = new Database(file)
  await db.exec(`PRAGMA journal_mode = WAL; CREATE TABLE t (a); INSERT INTO t VALUES ('${place}')`)
  await db.close()
}

const read = async db => (await db.prepare('SELECT a FROM t')).pluck().all()

ours('a database is opened in the folder that it was named in', async t => {
  const { here, there, leave } = await setup(t)
  const db = open(t, 'test.db')
  const fresh = open(t, './new.db')
  leave()
  assert.deepEqual(await read(db), ['here'])
  await fresh.exec('CREATE TABLE t (a)')
  assert.deepEqual([db.name, fresh.name], ['test.db', './new.db'])
  assert.equal(fs.existsSync(path.join(here, 'new.db')), true)
  assert.deepEqual(fs.readdirSync(there), ['test.db'])
})

ours('readers read the same file', promisesOnly, async t => {
  const { leave } = await setup(t)
  const db = open(t, 'test.db', { readers: 2 })
  await db.pragma('user_version')
  leave()
  const all = Array.from({ length: 8 }, () => db.get('SELECT a FROM t'))
  assert.deepEqual(await Promise.all(all), Array(8).fill({ a: 'here' }))
})

ours('readers that come back with a new key read the same file', promisesOnly, async t => {
  const { here, leave } = await setup(t)
  const db = open(t, 'secret.db', { readers: 1, encryptionKey: 'one' })
  await db.exec("PRAGMA journal_mode = WAL; CREATE TABLE t (a); INSERT INTO t VALUES ('here')")
  assert.deepEqual(await read(db), ['here'])
  leave()
  await db.rekey('two')
  assert.deepEqual(await read(db), ['here'])
  assert.equal(fs.existsSync(path.join(here, 'secret.db')), true)
})

ours('a backup goes to the folder that it was named in', async t => {
  const { here, there, leave } = await setup(t)
  const db = open(t, 'test.db')
  const promise = db.backup('copy.db')
  leave()
  await promise
  assert.equal(fs.existsSync(path.join(here, 'copy.db')), true)
  assert.deepEqual(fs.readdirSync(there), ['test.db'])
  await db.backup('copy.db')
  assert.deepEqual(fs.readdirSync(there).sort(), ['copy.db', 'test.db'])
})

ours('a URI is of the folder that it was given in', async t => {
  const name = 'a b%#.db'
  const { here, leave } = await setup(t, name)
  process.env.SQLITE_USE_URI = '1'
  cleanup(t, () => { delete process.env.SQLITE_USE_URI })
  const odd = path.join(here, 'odd?#% folder')
  fs.mkdirSync(odd)
  process.chdir(odd)
  const uri = `file:../${encodeURIComponent(name)}?mode=ro#x`
  const db = open(t, uri)
  const memory = open(t, 'file:none.db?mode=memory')
  const copied = db.backup('file:copy.db?x=1')
  leave()
  assert.deepEqual(await read(db), ['here'])
  assert.equal(db.name, uri)
  await memory.exec('CREATE TABLE t (a)')
  await copied
  assert.deepEqual(fs.readdirSync(odd), ['copy.db'])
})

ours('file: is a name like any other without SQLITE_USE_URI', unixOnly, async t => {
  const { here, there, leave } = await setup(t)
  const db = open(t, 'file:x.db')
  leave()
  await db.exec('CREATE TABLE t (a)')
  assert.equal(fs.existsSync(path.join(here, 'file:x.db')), true)
  assert.deepEqual(fs.readdirSync(there), ['test.db'])
})

ours('what is behind a link is where the link leads to', unixOnly, async t => {
  const { here, there, leave } = await setup(t)
  fs.mkdirSync(path.join(there, 'inner'))
  fs.symlinkSync(path.join(there, 'inner'), path.join(here, 'link'))
  const db = open(t, 'link/../test.db')
  leave()
  assert.deepEqual(await read(db), ['there'])
})

needs('option vfs', ours)('names of a VFS are paths where it has files', unixOnly, async t => {
  const { there, leave } = await setup(t)
  const db = open(t, 'test.db', { vfs: 'unix-excl' })
  // By its name alone, this one is not shared between connections.
  const one = open(t, 'x', { vfs: 'memdb' })
  const two = open(t, 'x', { vfs: 'memdb' })
  leave()
  assert.deepEqual(await read(db), ['here'])
  await one.exec('CREATE TABLE t (a)')
  await two.exec('CREATE TABLE t (a)')
  assert.deepEqual(fs.readdirSync(there), ['test.db'])
})

oursSyncOnly('a folder that was removed is an error', { skip: process.platform !== 'linux' && 'only on Linux' }, async t => {
  const { there } = await setup(t)
  const gone = path.join(there, 'gone')
  fs.mkdirSync(gone)
  process.chdir(gone)
  fs.rmdirSync(gone)
  assert.throws(() => new Database('test.db'))
})
