'use strict'

const assert = require('node:assert/strict')
const fs = require('node:fs')
const path = require('node:path')
const test = require('node:test')
const { open: openLmdb } = require('lmdb')
const { checkStore } = require('../../stores/check')
const { directoryStore } = require('../../stores/directory')
const { lmdbStore } = require('../../stores/lmdb')
const { mapStore } = require('../../stores/map')
const { Database, cleanup, tempDir, typeError } = require('../support')

const bytes = text => Buffer.from(text)

function lmdb (t, folder = tempDir(t)) {
  const db = openLmdb({ path: folder, keyEncoding: 'binary', encoding: 'binary' })
  cleanup(t, () => db.close())
  return lmdbStore(db)
}

// As few as there can be: what is slow are the disks.
const QUICK = { rounds: 3, late: 20 }

const STORES = {
  map: () => mapStore(),
  directory: t => directoryStore(tempDir(t)),
  lmdb: t => lmdb(t)
}

for (const [name, make] of Object.entries(STORES)) {
  test(`the store "${name}" passes the check`, async t => {
    const store = make(t)
    const { fenced, calls } = await checkStore(store, QUICK)
    assert.equal(fenced, true)
    assert.ok(calls > 100)
    assert.deepEqual(store.list(bytes('check')), [])
  })

  test(`a database in the store "${name}" is there when it is opened again`, t => {
    const store = make(t)
    for (const database of ['a', 'A', '..', 'é/b', 'x'.repeat(200), 'é'.repeat(100)]) {
      const db = new Database(database, { store })
      db.exec('CREATE TABLE t (x)')
      db.run('INSERT INTO t VALUES (?)', Buffer.alloc(300000, 1))
      db.run('INSERT INTO t VALUES (?)', database)
      db.close()
    }
    for (const database of ['a', 'A', '..', 'é/b', 'x'.repeat(200), 'é'.repeat(100)]) {
      const db = new Database(database, { store })
      assert.deepEqual(db.prepare('SELECT x FROM t').pluck().all(), [Buffer.alloc(300000, 1), database])
      db.close()
    }
    assert.ok(store.list(bytes('a/')).length > 3)
    assert.ok(store.list(bytes('a/')).every(key => key.toString().startsWith('a/')))
    assert.equal(store.list(bytes('nobody/')).length, 0)
  })
}

test('the directory store keeps what is in it below it, and removes what was left half done', t => {
  const folder = path.join(tempDir(t), 'new', 'store')
  const store = directoryStore(folder)
  const db = new Database('../../escape', { store })
  db.exec('CREATE TABLE t (x)')
  db.close()
  assert.deepEqual(fs.readdirSync(path.dirname(folder)), ['store'])
  const half = path.join(folder, '=half')
  assert.deepEqual(fs.readdirSync(half), [])
  fs.writeFileSync(path.join(half, 'old'), '')
  fs.writeFileSync(path.join(half, 'new'), '')
  fs.utimesSync(path.join(half, 'old'), 1, 1)
  directoryStore(folder)
  assert.deepEqual(fs.readdirSync(half), ['new'])
  for (const wrong of [undefined, '', 5, null]) typeError(() => directoryStore(wrong), /^Expected first argument/)
})

test('a large transaction reaches the disk of a directory in a file for each batch', t => {
  const folder = tempDir(t)
  const db = new Database('a', { store: directoryStore(folder) })
  db.exec('CREATE TABLE t (x)')
  let synced = 0
  const { fsyncSync } = fs
  fs.fsyncSync = fd => { synced++; fsyncSync(fd) }
  cleanup(t, () => { fs.fsyncSync = fsyncSync })
  db.run('INSERT INTO t VALUES (randomblob(20000000))')
  // 2,442 pages, in batches of 128
  assert.ok(synced < 80, `${synced}`)
  db.close()
  const again = new Database('a', { store: directoryStore(folder), readonly: true })
  assert.deepEqual(again.get('SELECT length(x) AS length FROM t'), { length: 20000000 })
  assert.equal(again.pragma('kv_verify', { simple: true }), 'ok')
})

test('a batch in a directory is one file, and leaves the disk with its last keys', t => {
  const folder = tempDir(t)
  const store = directoryStore(folder)
  const keys = Array.from({ length: 40 }, (_, i) => bytes(`a/P/${i}/1`))
  const valueOf = i => Buffer.alloc(8000 + i, i)
  const filesOf = list => new Set(list.map(key => fs.statSync(path.join(folder, 'a', '+p', `${key.toString().slice(4).replace('/', '!')}`)).ino))
  store.putBatch(keys.map((key, i) => [key, valueOf(i)]))
  assert.equal(filesOf(keys).size, 1)
  const [first] = filesOf(keys)
  store.deleteBatch(keys.slice(0, 29))
  assert.deepEqual([...filesOf(keys.slice(29))], [first])
  store.deleteBatch([keys[29]])
  const left = keys.slice(30)
  assert.equal(filesOf(left).size, 1)
  assert.ok(!filesOf(left).has(first))
  assert.deepEqual(store.getBatch(keys), keys.map((_, i) => i < 30 ? null : valueOf(i)))
  assert.deepEqual(store.list(bytes('a/P/')).map(String).sort(), left.map(String).sort())
  // One of them is written anew, alone and with others, twice in one batch.
  store.put(left[0], valueOf(1))
  store.putBatch([[left[0], valueOf(2)], [left[1], Buffer.alloc(0)], [left[0], valueOf(3)]])
  assert.deepEqual(store.getBatch(left.slice(0, 3)), [valueOf(3), Buffer.alloc(0), valueOf(32)])
  store.putBatch(Array.from({ length: 1200 }, (_, i) => [bytes(`b/P/${i}/1`), Buffer.from(`${i}`)]))
  assert.equal(store.list(bytes('b/')).length, 1200)
  assert.equal(String(store.get(bytes('b/P/1199/1'))), '1199')
  store.deleteBatch(keys)
  assert.deepEqual(store.list(bytes('a/')), [])
  assert.deepEqual(fs.readdirSync(path.join(folder, '=half')), [])
})

test('a directory that cannot be made is an error, and one that is damaged, too', t => {
  if (process.platform === 'linux') {
    assert.throws(() => directoryStore('/proc/nope/deeper'), { code: 'ENOENT' })
  }
  const folder = tempDir(t)
  fs.writeFileSync(path.join(folder, 'file'), '')
  assert.throws(() => directoryStore(path.join(folder, 'file', 'below')))
  const store = directoryStore(folder)
  store.putBatch([[bytes('a/P/1/1'), Buffer.alloc(50)], [bytes('a/P/2/1'), Buffer.alloc(50)]])
  const file = path.join(folder, 'a', '+p', '1!1')
  const half = fs.readFileSync(file).subarray(0, 40)
  for (const damaged of [Buffer.alloc(0), Buffer.of(9), Buffer.of(1, 2), half]) {
    fs.writeFileSync(file, damaged)
    assert.throws(() => store.get(bytes('a/P/1/1')), /^Error: the file/)
  }
})

test('the lmdb store refuses what would lose data, or is none', t => {
  typeError(() => lmdbStore(undefined), /^Expected first argument to be a database of the package lmdb/)
  typeError(() => lmdbStore({}), /^Expected first argument/)
  const db = openLmdb({ path: tempDir(t) })
  cleanup(t, () => db.close())
  typeError(() => lmdbStore(db), /must be opened with/)
  for (const wrong of [{}, new WeakMap(), 5, null]) typeError(() => mapStore(wrong), 'Expected first argument to be a Map')
})
