'use strict'

// What stands in the way of a backup: locks of others, and the files of the database itself.

const assert = require('node:assert/strict')
const fs = require('node:fs')
const path = require('node:path')
const {
  PROMISES, cleanup, isSqliteError, open, ours, tempDir, tempFile, until
} = require('../support')

const BUSY = isSqliteError('SQLITE_BUSY', 'database is locked')
const SAME = isSqliteError('SQLITE_ERROR', 'source and destination must be distinct')
const DONE = { totalPages: 2, remainingPages: 0 }
const KEY = 'correct horse battery staple'
// Longer than any machine takes for what it is the limit of.
const LONG = 60000

const setup = (t, options, file = tempFile(t)) => {
  return open(t, file, options).exec('CREATE TABLE t (a); INSERT INTO t VALUES (1), (2)')
}

const read = async db => (await db.prepare('SELECT a FROM t')).pluck().all()

// Another connection, of the sync API, that has a file for itself.
function lock (t, file, options) {
  const Sync = require('../..')
  const db = new Sync(file, options)
  cleanup(t, () => db.close())
  db.exec('BEGIN EXCLUSIVE')
  return db
}

// Lets go after some turns of the event loop: whoever stops that waits in vain.
function unlockLater (db) {
  let turns = 20
  const turn = () => {
    if (--turns === 0) db.exec('COMMIT')
    else setTimeout(turn, 1)
  }
  turn()
}

ours('a locked destination is waited for while the event loop turns', async t => {
  for (const options of [{}, { encryptionKey: KEY }]) {
    const db = await setup(t, { ...options, timeout: LONG })
    const file = tempFile(t)
    const other = lock(t, file, options)
    other.exec('CREATE TABLE other (x)')
    unlockLater(other)
    assert.deepEqual(await db.backup(file), DONE)
    assert.deepEqual(await read(open(t, file, options)), [1, 2])
  }
})

ours('a locked source is waited for while the event loop turns', async t => {
  const db = await setup(t, { timeout: LONG })
  const file = tempFile(t)
  const other = lock(t, db.name)
  other.exec('INSERT INTO t VALUES (3)')
  unlockLater(other)
  assert.deepEqual(await db.backup(file), DONE)
  assert.deepEqual(await read(open(t, file)), [1, 2, 3])
})

ours('a source that is locked in the middle is waited for', async t => {
  const db = await setup(t, { timeout: LONG })
  const file = tempFile(t)
  let other = null
  await db.backup(file, {
    progress () {
      if (other === null) {
        other = lock(t, db.name)
        other.exec('UPDATE t SET a = a + 10')
        unlockLater(other)
      }
      return 1
    }
  })
  assert.deepEqual(await read(open(t, file)), [11, 12])
})

ours('a destination that stays locked is SQLITE_BUSY and as it was', async t => {
  const file = tempFile(t)
  await (await setup(t, {}, file)).close()
  const db = await setup(t, { timeout: 5 })
  lock(t, file)
  const seen = []
  await assert.rejects(db.backup(file, { progress (state) { seen.push(state) } }), BUSY)
  assert.deepEqual(seen, [])
  assert.deepEqual(await read(db), [1, 2])
})

ours('a source that stays locked is SQLITE_BUSY and leaves no file', async t => {
  const db = await setup(t, { timeout: 5 })
  lock(t, db.name)
  const file = tempFile(t)
  await assert.rejects(db.backup(file), BUSY)
  assert.equal(fs.existsSync(file), false)
})

ours('a write of the connection itself is waited for', async t => {
  const db = await setup(t, { timeout: 5 })
  await db.exec('BEGIN; INSERT INTO t VALUES (3)')
  const file = tempFile(t)
  await assert.rejects(db.backup(file), BUSY)
  assert.equal(fs.existsSync(file), false)
  await db.pragma(`busy_timeout = ${LONG}`)
  const promise = db.backup(file)
  await until(() => fs.existsSync(file), 'the beginning')
  await db.exec('COMMIT')
  assert.deepEqual(await promise, DONE)
  assert.deepEqual(await read(open(t, file)), [1, 2, 3])
})

ours('what the busy timeout is set to later counts, and is as it was after a backup', async t => {
  const db = await setup(t, { timeout: LONG })
  await db.pragma('busy_timeout = 7')
  const file = tempFile(t)
  const other = lock(t, file)
  await assert.rejects(db.backup(file), BUSY)
  other.exec('COMMIT')
  await db.backup(file)
  assert.equal(await db.pragma('busy_timeout', { simple: true }), 7)
})

ours('two backups to one new file do not take it from each other', async t => {
  const slow = await setup(t, { timeout: LONG })
  const hasty = await setup(t, { timeout: 0 })
  const file = tempFile(t)
  let hold = 0
  const first = slow.backup(file, { progress: () => hold })
  await until(() => fs.existsSync(file), 'the beginning')
  await assert.rejects(hasty.backup(file), BUSY)
  hold = 1
  assert.deepEqual(await first, DONE)
  assert.deepEqual(await read(open(t, file)), [1, 2])
})

ours('a backup that ends leaves the file to another that waits for it', async t => {
  const slow = await setup(t, { timeout: LONG })
  const other = await setup(t, { timeout: LONG })
  lock(t, slow.name)
  const file = tempFile(t)
  // It has made the file and cannot read its own.
  const first = slow.backup(file)
  const rejected = assert.rejects(first, { message: 'The database connection is not open' })
  await until(() => fs.existsSync(file), 'the file')
  let hold = 0
  const seen = []
  const second = other.backup(file, { progress: state => { seen.push(state); return hold } })
  await until(() => seen.length !== 0, 'the lock')
  await slow.close()
  await rejected
  hold = 1
  assert.deepEqual(await second, DONE)
  assert.deepEqual(await read(open(t, file)), [1, 2])
})

ours('a signal ends the waiting', { skip: !PROMISES && 'only with promises' }, async t => {
  const db = await setup(t, { timeout: LONG })
  const file = tempFile(t)
  lock(t, file)
  const controller = new AbortController()
  const rejected = assert.rejects(db.backup(file, { signal: controller.signal }), { name: 'AbortError' })
  setTimeout(() => controller.abort(), 5)
  await rejected
})

ours('the database itself is no destination, by whatever name', async t => {
  for (const mode of ['DELETE', 'WAL']) {
    const db = await setup(t)
    await db.pragma(`journal_mode = ${mode}`)
    const folder = path.dirname(db.name)
    const symbolic = path.join(folder, 'symbolic.db')
    const hard = path.join(tempDir(t), 'hard.db')
    const dir = path.join(tempDir(t), 'dir')
    fs.symlinkSync(db.name, symbolic)
    fs.linkSync(db.name, hard)
    fs.symlinkSync(folder, dir, 'junction')
    const names = [
      db.name, ` ${db.name}`, path.relative(process.cwd(), db.name), `${folder}/./test.db`,
      symbolic, hard, path.join(dir, 'test.db')
    ]
    for (const name of names) await assert.rejects(db.backup(name), SAME, name)
    // Under another name it is attached here.
    const other = open(t)
    await (await other.prepare('ATTACH ? AS x')).run(symbolic)
    await assert.rejects(other.backup(db.name, { attached: 'x' }), SAME)
    assert.deepEqual(await read(db), [1, 2])
    assert.equal(await db.pragma('integrity_check', { simple: true }), 'ok')
  }
})

ours('what belongs to the database is no destination', async t => {
  for (const mode of ['DELETE', 'WAL']) {
    const db = await setup(t)
    await db.pragma(`journal_mode = ${mode}`)
    await db.exec('INSERT INTO t VALUES (3)')
    for (const suffix of ['-wal', '-shm', '-journal']) {
      const before = fs.existsSync(db.name + suffix)
      await assert.rejects(db.backup(db.name + suffix), isSqliteError('SQLITE_ERROR'), suffix)
      assert.equal(fs.existsSync(db.name + suffix), before, suffix)
    }
    assert.deepEqual(await read(db), [1, 2, 3])
  }
})

function useUris (t) {
  process.env.SQLITE_USE_URI = '1'
  cleanup(t, () => { delete process.env.SQLITE_USE_URI })
}

ours('with SQLITE_USE_URI=1 a destination may be a URI', async t => {
  useUris(t)
  const db = await setup(t)
  const file = tempFile(t, 'a copy?#%.db')
  const { href } = require('node:url').pathToFileURL(file)
  assert.deepEqual(await db.backup(href), DONE)
  assert.deepEqual(await read(open(t, href)), [1, 2])
  assert.equal(fs.statSync(file).size, 8192)
  await assert.rejects(db.backup(`${href}?mode=ro`), isSqliteError('SQLITE_READONLY'))
  const missing = require('node:url').pathToFileURL(tempFile(t))
  await assert.rejects(db.backup(`${missing}?mode=rw`), isSqliteError('SQLITE_CANTOPEN'))
  const { href: own } = require('node:url').pathToFileURL(db.name)
  for (const name of [own, `${own}?cache=private`, own.replace('test', '%74est')]) {
    await assert.rejects(db.backup(name), SAME, name)
  }
  await assert.rejects(open(t, own).backup(db.name), SAME)
})

ours('with SQLITE_USE_URI=1 a URI that names no file is no destination', async t => {
  useUris(t)
  const db = await setup(t)
  for (const name of ['file::memory:', 'file::memory:?x', 'file:x?mode=memory', 'file:', 'file:?mode=memory']) {
    await assert.rejects(db.backup(name), { name: 'TypeError', message: `Invalid backup filename "${name}"` })
  }
  assert.equal(fs.existsSync('x'), false)
})

const onWindows = process.platform === 'win32' && 'no such names on Windows'

ours('file: is a name like any other without it', { skip: onWindows }, async t => {
  const db = await setup(t)
  const folder = tempDir(t)
  const before = process.cwd()
  process.chdir(folder)
  try {
    await db.backup('file:x.db?mode=memory')
  } finally {
    process.chdir(before)
  }
  assert.deepEqual(fs.readdirSync(folder), ['file:x.db?mode=memory'])
})

ours('close() ends the waiting', async t => {
  const db = await setup(t, { timeout: LONG })
  const file = tempFile(t)
  lock(t, file)
  let state = 'waits'
  const promise = db.backup(file).catch(error => { state = error.message })
  await new Promise(resolve => setImmediate(resolve))
  assert.equal(state, 'waits')
  await db.close()
  await promise
  assert.equal(state, 'The database connection is not open')
})
