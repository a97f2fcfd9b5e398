'use strict'

const assert = require('node:assert/strict')
const test = require('node:test')
const { connect } = require('../../promise')
const { mapStore } = require('../../stores/map')
const { Database, cleanup, isSqliteError, sqliteError } = require('../support')

const ask = (db, pragma) => db.pragma(pragma, { simple: true })
const count = db => db.get('SELECT count(*) AS n FROM t').n

// Another client of the same data.
const other = store => ({ ...store })

function open (t, store) {
  const db = new Database('a', { store })
  cleanup(t, () => db.close())
  return db
}

test('kv_stats counts, kv_flush moves commits into pages, kv_verify reads them', t => {
  const db = open(t, mapStore())
  db.exec('CREATE TABLE t (x)')
  for (let i = 0; i < 5; i++) db.run('INSERT INTO t VALUES (randomblob(9000))')
  const before = JSON.parse(ask(db, 'kv_stats'))
  assert.deepEqual([before.commits, before.checkpoints, before.slots], [6, 0, 6])
  assert.equal(ask(db, 'kv_flush'), 'ok')
  const after = JSON.parse(ask(db, 'kv_stats'))
  assert.deepEqual([after.commits, after.checkpoints, after.slots], [6, 1, 0])
  assert.ok(after.keysWritten > before.keysWritten)
  assert.equal(ask(db, 'kv_verify'), 'ok')
  assert.equal(ask(db, 'kv_check'), 'ok')
})

test('kv_gc deletes what nothing refers to, and nothing else', t => {
  const store = mapStore()
  const dead = open(t, store)
  dead.exec('CREATE TABLE t (x)')
  dead.run('INSERT INTO t VALUES (1)')
  // What its process leaves that is killed before a large transaction counts.
  const page = Buffer.from('a/P/00000001/0000000100000999')
  store.put(page, Buffer.from('x'))
  const db = open(t, other(store))
  ask(db, 'kv_flush')
  assert.ok(Number(ask(db, 'kv_gc')) >= 1)
  assert.equal(store.get(page), undefined)
  assert.equal(Number(ask(db, 'kv_gc')), 0)
  assert.equal(ask(db, 'kv_verify'), 'ok')
  assert.equal(count(db), 1)
  const { list, ...listless } = other(mapStore())
  const without = open(t, listless)
  sqliteError(() => ask(without, 'kv_gc'), 'SQLITE_ERROR', /list/)
})

test('kv_check and the next commit say that another connection writes now', t => {
  const store = mapStore()
  const old = open(t, store)
  old.exec('CREATE TABLE t (x)')
  const db = open(t, other(store))
  db.run('INSERT INTO t VALUES (1)')
  sqliteError(() => ask(old, 'kv_check'), 'KV_FENCED')
  sqliteError(() => old.run('INSERT INTO t VALUES (2)'), 'KV_FENCED')
  assert.equal(count(db), 1)
})

test('with synchronous = OFF commits wait for kv_flush or close()', t => {
  const store = mapStore()
  const db = open(t, store)
  db.exec('CREATE TABLE t (x)')
  db.pragma('synchronous = OFF')
  for (let i = 0; i < 3; i++) db.run('INSERT INTO t VALUES (1)')
  assert.equal(count(db), 3)
  assert.equal(JSON.parse(ask(db, 'kv_stats')).queued, 3)
  const seen = () => {
    const reader = new Database('a', { store: other(store), readonly: true })
    try {
      return count(reader)
    } finally {
      reader.close()
    }
  }
  assert.equal(seen(), 0)
  ask(db, 'kv_flush')
  assert.deepEqual([seen(), JSON.parse(ask(db, 'kv_stats')).queued], [3, 0])
  db.run('INSERT INTO t VALUES (1)')
  assert.equal(seen(), 3)
  db.close()
  assert.equal(seen(), 4)
})

test('what was queued and is lost is told, and every later call fails', t => {
  const store = mapStore()
  const db = open(t, store)
  db.exec('CREATE TABLE t (x)')
  db.pragma('synchronous = OFF')
  for (let i = 0; i < 2; i++) db.run('INSERT INTO t VALUES (1)')
  const winner = open(t, other(store))
  for (const call of [() => ask(db, 'kv_flush'), () => count(db), () => db.run('INSERT INTO t VALUES (1)'), () => count(db)]) {
    sqliteError(call, 'KV_FENCED', /^2 transactions .* lost/)
  }
  assert.equal(count(winner), 0)
})

test('the pragmas do the same with promises', async t => {
  const store = mapStore()
  const db = await connect('a', { store })
  cleanup(t, () => db.close())
  await db.exec('CREATE TABLE t (x)')
  await db.pragma('synchronous = OFF')
  await db.run('INSERT INTO t VALUES (1)')
  assert.equal(JSON.parse(await ask(db, 'kv_stats')).queued, 1)
  for (const pragma of ['kv_flush', 'kv_check', 'kv_verify']) assert.equal(await ask(db, pragma), 'ok')
  assert.equal(JSON.parse(await ask(db, 'kv_stats')).queued, 0)
  const winner = open(t, other(store))
  assert.equal(count(winner), 1)
  await assert.rejects(ask(db, 'kv_check'), isSqliteError('KV_FENCED'))
})
