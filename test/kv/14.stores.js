'use strict'

const assert = require('node:assert/strict')
const fs = require('node:fs')
const path = require('node:path')
const test = require('node:test')
const { open: openLmdb } = require('lmdb')
const { StoreFault, checkStore } = require('../../stores/check')
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

test('the lmdb store refuses what would lose data, or is none', t => {
  typeError(() => lmdbStore(undefined), /^Expected first argument to be a database of the package lmdb/)
  typeError(() => lmdbStore({}), /^Expected first argument/)
  const db = openLmdb({ path: tempDir(t) })
  cleanup(t, () => db.close())
  typeError(() => lmdbStore(db), /must be opened with/)
  typeError(() => mapStore({}), 'Expected first argument to be a Map')
})

// Wrappers of a good store, each with one fault, and what the check says of it.
const FAULTS = {
  'condition ignored': [/^the condition of putIfAbsent is ignored/, store => ({
    putIfAbsent (key, value) {
      store.put(key, value)
      return true
    }
  })],
  'condition ignored, value kept': [/^the condition of putIfAbsent is ignored/, store => ({
    putIfAbsent (key, value) {
      store.putIfAbsent(key, value)
      return true
    }
  })],
  'condition ignored now and then': [/^the condition of putIfAbsent is ignored/, (store, next) => ({
    putIfAbsent (key, value) {
      if (next(10) !== 0) return store.putIfAbsent(key, value)
      store.put(key, value)
      return true
    }
  })],
  'a race that two win': [/of 8 calls at once/, store => ({
    async putIfAbsent (key, value) {
      if (store.get(key)) return false
      await null
      store.put(key, value)
      return true
    }
  })],
  'batch torn': [/^batches are torn/, store => ({
    putBatch: entries => store.putBatch(entries.slice(0, -1))
  })],
  'batch torn in the middle': [/^batches are torn|^writes are lost/, (store, next) => ({
    putBatch: entries => store.putBatch(entries.filter(() => next(50) !== 0))
  })],
  'batch of more keys than it takes': [/^batches are torn/, store => ({
    putBatch: entries => store.putBatch(entries.slice(0, 100))
  })],
  'answers reordered': [/^answers are reordered/, store => ({
    getBatch: keys => store.getBatch(keys).reverse()
  })],
  'answers without what is missing': [/store.getBatch returned \d+ values/, store => ({
    getBatch: keys => store.getBatch(keys).filter(Boolean)
  })],
  'answers sorted by key': [/^answers are reordered|^writes are lost/, store => ({
    getBatch: keys => store.getBatch([...keys].sort(Buffer.compare))
  })],
  'values truncated': [/^values are truncated/, store => ({
    put: (key, value) => store.put(key, value.subarray(0, 65535))
  })],
  'values truncated at the limit': [/^values are truncated/, store => ({
    get: key => store.get(key)?.subarray(0, 131071)
  })],
  'values as text': [/^values are changed/, store => ({
    put: (key, value) => store.put(key, Buffer.from(Buffer.from(value).toString('utf8')))
  })],
  'values cut at a zero': [/^values are truncated/, store => ({
    put (key, value) {
      const end = value.indexOf(0)
      store.put(key, end === -1 ? value : value.subarray(0, end))
    }
  })],
  'reads stale': [/reads are stale/, (store, next, known = new Map()) => ({
    get (key) {
      const name = key.toString()
      if (!known.has(name) || next(3) === 0) known.set(name, store.get(key))
      return known.get(name)
    }
  })],
  'absence remembered': [/reads are stale/, (store, next, absent = new Set()) => ({
    get (key) {
      const value = absent.has(key.toString()) ? undefined : store.get(key)
      if (value === undefined) absent.add(key.toString())
      return value
    }
  })],
  'deleted values read': [/^reads are stale/, store => ({ deleteBatch () {} })],
  'writes lost': [/^writes are lost/, store => ({ put () {} })],
  'writes lost now and then': [/writes are lost/, (store, next) => ({
    put: (key, value) => next(30) === 0 ? undefined : store.put(key, value)
  })],
  'writes of putIfAbsent lost': [/writes are lost|is ignored/, (store, next) => ({
    putIfAbsent: (key, value) => next(20) === 0 ? true : store.putIfAbsent(key, value)
  })],
  'writes late': [/writes are lost/, store => ({
    put: (key, value) => { setTimeout(() => store.put(key, value), 5) }
  })],
  'writes repeated late': [/^writes come late/, (store, next) => ({
    put (key, value) {
      store.put(key, value)
      if (next(3) === 0) setTimeout(() => store.put(key, value), 10)
    }
  })],
  'wrong types: text': [/store.get returned a string/, store => ({
    get: key => store.get(key)?.toString() ?? null
  })],
  'wrong types: a number': [/store.putIfAbsent returned a number/, store => ({
    putIfAbsent: (key, value) => Number(store.putIfAbsent(key, value))
  })],
  'wrong types: an empty value for none': [/a key that was never written has a value/, store => ({
    get: key => store.get(key) ?? new Uint8Array()
  })],
  'wrong types: false': [/store.put returned false/, store => ({ put: () => false })],
  'a list of all': [/^list gives/, store => ({ list: () => store.list(bytes('')) })],
  'it throws': [/quota/, store => ({ put () { throw new Error('quota') } })],
  // eslint-disable-next-line no-throw-literal
  'it throws null': [/null was thrown/, store => ({ get () { throw null } })]
}

for (const [name, [message, plant]] of Object.entries(FAULTS)) {
  test(`the check finds a planted fault: ${name}`, async () => {
    const store = mapStore()
    const options = { late: 50 }
    let calls = 0
    const faulty = { ...store, ...plant(store, every => ++calls % every) }
    await assert.rejects(checkStore(faulty, options), error => {
      assert.ok(error instanceof StoreFault, error.stack)
      assert.equal(error.name, 'StoreFault')
      assert.ok(error.faults.some(fault => message.test(fault)), error.message)
      return true
    })
  })
}

test('the check takes stores of promises, those with small limits, and those without putIfAbsent', async t => {
  const store = mapStore()
  const methods = Object.entries(store).filter(([, method]) => typeof method === 'function')
  const later = Object.fromEntries(methods.map(([name, method]) => [name, async (...args) => {
    await new Promise(resolve => setImmediate(resolve))
    return method(...args)
  }]))
  await checkStore(later, QUICK)
  const { putIfAbsent, list, ...plain } = store
  const limits = { maxKeys: 1, maxReadKeys: 10, maxValueBytes: 65536 }
  assert.equal((await checkStore({ ...plain, limits }, QUICK)).fenced, false)
})

test('the check opens the store again, and sees what was lost', async t => {
  const folder = tempDir(t)
  await checkStore(directoryStore(folder), { ...QUICK, reopen: () => directoryStore(folder) })
  const forgetful = checkStore(mapStore(), { ...QUICK, reopen: () => mapStore() })
  await assert.rejects(forgetful, /writes are lost.*: getBatch after opening again/)
  await assert.rejects(checkStore({}), { name: 'TypeError', message: /^The store lacks get/ })
  await assert.rejects(checkStore(mapStore(), { rounds: 0 }), { name: 'TypeError' })
  await assert.rejects(checkStore(mapStore(), { reopen: 5 }), { name: 'TypeError' })
})
