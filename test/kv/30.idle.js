'use strict'

// Checkpoints of databases that nobody writes to for a while.

const assert = require('node:assert/strict')
const test = require('node:test')
const { connect } = require('../../promise')
const { mapStore } = require('../../stores/map')
const { Database, child, cleanup, exited } = require('../support')

const OPTIONS = { checkpointIdle: 20 }

// A store that counts its writes; `later`: it returns promises.
function counted (later = false, change = {}) {
  const base = mapStore()
  const store = { map: base.map, writes: 0 }
  for (const name of ['get', 'getBatch', 'put', 'putBatch', 'deleteBatch', 'putIfAbsent']) {
    const call = (...args) => {
      if (!name.startsWith('get')) store.writes++
      return (change[name] ?? base[name])(...args)
    }
    store[name] = later ? async (...args) => call(...args) : call
  }
  return store
}

// Of each kind: opens a database in a store.
const KINDS = {
  'the sync API': async (store, options) => new Database('a', { store, ...options }),
  'the promise API': (store, options) => connect('a', { store, ...options }),
  'a resident database': (store, options) => connect('a', { store, mode: 'resident', ...options })
}
const isLater = kind => kind !== 'the sync API'

async function until (condition, what) {
  const end = Date.now() + 30000
  while (!await condition()) {
    assert.ok(Date.now() < end, `it takes too long until ${what}`)
    await new Promise(resolve => setTimeout(resolve, 5))
  }
}

// Commits of the newest epoch that are not in pages.
function slotsOf ({ map }) {
  const epochs = [...map.keys()].filter(key => key.startsWith('a/E/')).sort()
  const newest = epochs.at(-1)?.slice('a/E/'.length)
  return [...map.keys()].filter(key => key.startsWith(`a/L/${newest}/`)).length
}

for (const [kind, open] of Object.entries(KINDS)) {
  test(`${kind} makes a checkpoint when nobody writes, and no second one`, async t => {
    const store = counted(isLater(kind))
    const db = await open(store, OPTIONS)
    cleanup(t, () => db.close())
    await db.exec('CREATE TABLE t (x); INSERT INTO t VALUES (1)')
    await db.flush()
    const hasRoot = () => [...store.map.keys()].some(key => key.startsWith('a/R/'))
    await until(() => hasRoot() && slotsOf(store) === 0, 'the commits are moved')
    // What follows the epoch is written, too.
    await new Promise(resolve => setTimeout(resolve, 100))
    const { writes } = store
    await new Promise(resolve => setTimeout(resolve, 200))
    assert.equal(store.writes, writes)
    await db.exec('INSERT INTO t VALUES (2)')
    await db.flush()
    assert.equal(slotsOf(store), 1)
    await until(() => slotsOf(store) === 0, 'the next one is moved')
    const reader = new Database('a', { store: mapStore(store.map), readonly: true })
    cleanup(t, () => reader.close())
    assert.deepEqual(reader.all('SELECT x FROM t'), [{ x: 1 }, { x: 2 }])
  })

  test(`${kind} makes none with checkpointIdle: 0, as a reader, and after close()`, async t => {
    const store = counted(isLater(kind))
    const db = await open(store, { checkpointIdle: 0 })
    await db.exec('CREATE TABLE t (x); INSERT INTO t VALUES (1)')
    await db.flush()
    const reader = await open(store, { readonly: true, ...OPTIONS })
    const { writes } = store
    await new Promise(resolve => setTimeout(resolve, 200))
    assert.equal(store.writes, writes)
    await reader.close()
    await db.close()
    const other = await open(store, OPTIONS)
    await other.close()
    const closed = store.writes
    await new Promise(resolve => setTimeout(resolve, 100))
    assert.equal(store.writes, closed)
  })

  test(`a process ends while ${kind} waits for its idle checkpoint`, async () => {
    const result = exited(await child(`
      const { mapStore } = require(MODULE + '/stores/map')
      const { connect } = require(MODULE + '/promise')
      const open = ${open}
      open(mapStore(), { checkpointIdle: 2147483647 }).then(async db => {
        await db.exec('CREATE TABLE t (x)')
        console.log('written')
      })
    `))
    assert.equal(result.stdout, 'written\n')
  })
}

for (const kind of ['the sync API', 'the promise API']) {
  test(`${kind} makes none within a transaction, and one after it`, async t => {
    const store = counted(isLater(kind))
    const db = await KINDS[kind](store, OPTIONS)
    cleanup(t, () => db.close())
    await db.exec('CREATE TABLE t (x); BEGIN; INSERT INTO t VALUES (1)')
    const slots = slotsOf(store)
    assert.equal(slots, 1)
    await new Promise(resolve => setTimeout(resolve, 200))
    assert.equal(slotsOf(store), slots)
    await db.exec('COMMIT')
    await until(() => slotsOf(store) === 0, 'it is moved')
    assert.deepEqual(await db.all('SELECT x FROM t'), [{ x: 1 }])
  })

  test(`a failure of an idle checkpoint of ${kind} is seen by the store and ends nothing`, async t => {
    let fails = false
    const errors = []
    const base = mapStore()
    const store = Object.assign(counted(isLater(kind), {
      putBatch (entries) {
        if (fails) throw new Error('full')
        return base.putBatch(entries)
      }
    }), { timeout: 50, onError: error => errors.push(error.message) })
    const db = await KINDS[kind](store, OPTIONS)
    cleanup(t, () => db.close())
    fails = true
    await db.exec('CREATE TABLE t (x)')
    await until(() => errors.length > 0, 'it has failed')
    await db.exec('INSERT INTO t VALUES (1)')
    fails = false
    assert.deepEqual(await db.all('SELECT x FROM t'), [{ x: 1 }])
    assert.equal(new Set(errors).size, 1)
  })

  test(`an idle checkpoint of ${kind} that finds another writer is reported by the next commit`, async t => {
    const store = counted(isLater(kind))
    const db = await KINDS[kind](store, OPTIONS)
    cleanup(t, () => db.close())
    await db.exec('CREATE TABLE t (x)')
    const other = new Database('a', { store: mapStore(store.map), checkpointIdle: 0 })
    cleanup(t, () => other.close())
    other.exec('INSERT INTO t VALUES (1)')
    await new Promise(resolve => setTimeout(resolve, 200))
    await assert.rejects(async () => { await db.exec('INSERT INTO t VALUES (2)') }, { code: 'KV_FENCED' })
    assert.deepEqual(other.all('SELECT x FROM t'), [{ x: 1 }])
  })
}
