'use strict'

// Files over node:fs: who may have one, and what a process leaves that was killed.

const assert = require('node:assert/strict')
const { spawn, spawnSync } = require('node:child_process')
const { once } = require('node:events')
const fs = require('node:fs')
const path = require('node:path')
const Database = require('../..')
const { ROOT, engine, tempDir, wasm } = require('./support')

function open (t, file, options) {
  const db = new Database(file, { nativeBinding: engine(), ...options })
  t.after(() => db.open && db.close())
  return db
}

const script = body => `
  process.env.FERROLITE_BACKEND = 'wasm'
  const Database = require(${JSON.stringify(ROOT)})
  const file = process.argv[1]
  ${body}`

// Another process, which says that it is ready and is then killed.
async function killed (file, body) {
  const child = spawn(process.execPath, ['-e', script(`${body}; console.log('ready'); setInterval(() => {}, 1000)`), file])
  const errors = []
  child.stderr.on('data', data => errors.push(data))
  const [said] = await Promise.race([once(child.stdout, 'data'), once(child, 'exit')])
  assert.equal(String(said).trim(), 'ready', Buffer.concat(errors).toString())
  return {
    async kill () {
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
  }
}

wasm('a file is read and written by native SQLite as it is here', t => {
  const file = path.join(tempDir(t), 'a.db')
  const db = open(t, file)
  db.exec("CREATE TABLE t (a); INSERT INTO t VALUES (1), ('two'), (x'03')")
  db.close()
  assert.equal(fs.existsSync(`${file}-lock`), false)
  const native = new Database(file)
  assert.deepEqual(native.prepare('SELECT a FROM t').pluck().all(), [1, 'two', Buffer.from([3])])
  native.exec('INSERT INTO t VALUES (4.5)')
  native.close()
  assert.deepEqual(open(t, file).prepare('SELECT count(*) FROM t').pluck().get(), 4)
})

wasm('two processes do not have a file at once, and a lock file of a killed one is passed over', async t => {
  const file = path.join(tempDir(t), 'a.db')
  const other = await killed(file, `
    const db = new Database(file)
    db.exec('CREATE TABLE t (a); INSERT INTO t VALUES (1)')`)
  const db = open(t, file, { timeout: 50 })
  assert.throws(() => db.prepare('SELECT * FROM t'), { code: 'SQLITE_BUSY' })
  await other.kill()
  assert.equal(fs.existsSync(`${file}-lock`), true)
  assert.deepEqual(db.prepare('SELECT a FROM t').all(), [{ a: 1 }])
})

wasm('a hot journal is rolled back', async t => {
  const file = path.join(tempDir(t), 'a.db')
  const other = await killed(file, `
    const db = new Database(file)
    db.pragma('cache_size = 5')
    db.exec('CREATE TABLE t (a, b)')
    const insert = db.prepare('INSERT INTO t VALUES (?, ?)')
    for (let i = 0; i < 500; ++i) insert.run(i, 'x'.repeat(200))
    db.exec("BEGIN; UPDATE t SET b = 'torn'")`)
  await other.kill()
  assert.ok(fs.statSync(`${file}-journal`).size > 0)
  const db = open(t, file)
  assert.deepEqual(db.prepare("SELECT count(*), count(*) FILTER (WHERE b = 'torn') FROM t").raw().get(), [500, 0])
  assert.equal(db.pragma('integrity_check', { simple: true }), 'ok')
})

wasm('connections of one process share a file as SQLite has them share it', t => {
  const file = path.join(tempDir(t), 'a.db')
  const own = engine()
  const [a, b] = [0, 1].map(() => new Database(file, { nativeBinding: own, timeout: 20 }))
  t.after(() => { a.close(); b.close() })
  a.exec('CREATE TABLE t (a)')
  a.exec('BEGIN IMMEDIATE; INSERT INTO t VALUES (1)')
  assert.throws(() => b.exec('BEGIN IMMEDIATE'), { code: 'SQLITE_BUSY' })
  assert.deepEqual(b.prepare('SELECT count(*) FROM t').pluck().get(), 0)
  a.exec('COMMIT')
  assert.deepEqual(b.prepare('SELECT count(*) FROM t').pluck().get(), 1)
})

wasm('an encrypted file is that of the native engine', t => {
  const file = path.join(tempDir(t), 'a.db')
  const native = new Database(file, { encryptionKey: 'a key' })
  native.exec('CREATE TABLE t (a); INSERT INTO t VALUES (7)')
  native.close()
  const db = open(t, file, { encryptionKey: 'a key' })
  assert.equal(db.prepare('SELECT a FROM t').pluck().get(), 7)
  assert.throws(() => open(t, file, { encryptionKey: 'another' }).prepare('SELECT a FROM t'), { code: 'SQLITE_NOTADB' })
})

wasm('a file beyond 2 GiB is read and written', t => {
  const file = path.join(tempDir(t), 'a.db')
  const db = open(t, file)
  db.exec('CREATE TABLE t (a)')
  db.close()
  // A hole, and the header says that the pages of it are there: on the list of free ones are none.
  const pages = 600_000
  const fd = fs.openSync(file, 'r+')
  const size = Buffer.alloc(4)
  size.writeUInt32BE(pages)
  fs.writeSync(fd, size, 0, 4, 28)
  fs.ftruncateSync(fd, pages * 4096)
  fs.closeSync(fd)
  const grown = open(t, file)
  grown.prepare('INSERT INTO t VALUES (zeroblob(20000))').run()
  assert.equal(grown.prepare('SELECT length(a) FROM t').pluck().get(), 20000)
  assert.ok(grown.pragma('page_count', { simple: true }) > pages)
})

wasm('what a process has open at its end is closed', t => {
  const file = path.join(tempDir(t), 'a.db')
  const { status, stderr } = spawnSync(process.execPath, ['-e', script(`
    const db = new Database(file)
    db.exec('CREATE TABLE t (a)')`), file], { encoding: 'utf8' })
  assert.equal(status, 0, stderr)
  assert.deepEqual(fs.readdirSync(path.dirname(file)), ['a.db'])
})
