'use strict'

// A transaction on a server that ends in the middle: nothing of what is called behind it happens.

const assert = require('node:assert/strict')
const { tempFile } = require('../support')
const { faults, startFaulty } = require('../servers/faulty')
const { all, open, primary } = require('../servers/replica')
const { served } = require('../servers/sqld')

const ENDED = 'The transaction has ended: it was rolled back when a call inside it failed'
const ENDLESS = 'WITH c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT max(n) FROM c'
const SETUP = 'CREATE TABLE acc (id INTEGER PRIMARY KEY, b INTEGER); INSERT INTO acc VALUES (1, 100), (2, 0)'
const TAKE = 'UPDATE acc SET b = b - 60 WHERE id = 1'
const GIVE = 'UPDATE acc SET b = b + 60 WHERE id = 2'

const KINDS = {
  'a server': (t, { url }, api) => open(t, url, {}, api),
  'a replica': (t, { url }, api) => open(t, tempFile(t), { syncUrl: url }, api)
}

async function isUnchanged (t, server, text) {
  const there = await open(t, server.url)
  assert.deepEqual(await all(there, 'SELECT b FROM acc ORDER BY id'), [{ b: 100 }, { b: 0 }], text)
  there.close()
}

served('a read that runs out of time inside a transaction ends it', async t => {
  const server = await primary(t, {}, SETUP)
  for (const [kind, make] of Object.entries(KINDS)) {
    const db = await make(t, server, 'promises')
    const endless = await db.prepare(ENDLESS)
    let first, second, read
    const move = db.transaction(async () => {
      await db.run(TAKE)
      await endless.get({ timeout: 500 }).catch((error) => { first = error })
      await db.run(GIVE).catch((error) => { second = error })
      await db.get('SELECT * FROM acc').catch((error) => { read = error })
      await db.run(GIVE)
    })
    await assert.rejects(move(), (error) => error === first, kind)
    assert.equal(first.code, 'SQLITE_INTERRUPT')
    for (const error of [second, read]) {
      assert.deepEqual([error.message, error.cause], [ENDED, first], kind)
    }
    await isUnchanged(t, server, kind)
  }
})

served('so does one of the sync API', async t => {
  const server = await primary(t, {}, SETUP)
  for (const [kind, make] of Object.entries(KINDS)) {
    const db = await make(t, server, 'sync')
    const endless = db.prepare(ENDLESS)
    const calls = [() => db.run(GIVE), () => db.get('SELECT * FROM acc'), () => db.batch([GIVE]),
      () => db.pragma('user_version'), () => db.exec(GIVE)]
    let first
    const move = db.transaction(() => {
      db.run(TAKE)
      try {
        endless.get({ timeout: 500 })
      } catch (error) {
        first = error
      }
      for (const call of calls) assert.throws(call, { message: ENDED, cause: first }, kind)
    })
    assert.throws(move, (error) => error === first && error.code === 'SQLITE_INTERRUPT', kind)
    assert.equal(db.inTransaction, false)
    await isUnchanged(t, server, kind)
    // Where it is not caught, the error is the same.
    const inner = db.transaction(() => endless.get({ timeout: 500 }))
    for (const fn of [() => endless.get({ timeout: 500 }), () => { db.run(TAKE); inner() }]) {
      assert.throws(db.transaction(fn), { code: 'SQLITE_INTERRUPT' }, kind)
      assert.equal(db.inTransaction, false)
    }
    db.transaction(() => db.run('UPDATE acc SET b = b'))()
    await isUnchanged(t, server, kind)
  }
})

served('each statement of a transaction tried again does not commit the half of it', async t => {
  const tries = { 'a server': 'resetAfter', 'a replica': 'wrongBaton' }
  await Promise.all(Object.entries(tries).map(async ([kind, fault]) => {
    const server = await primary(t, {}, SETUP)
    const proxy = await startFaulty(t, { target: server.url })
    const db = await KINDS[kind](t, proxy, 'promises')
    const errors = []
    const again = async (sql) => {
      for (let i = 0; i < 3; i++) {
        try {
          return await db.run(sql)
        } catch (error) {
          errors.push(error)
        }
      }
    }
    await assert.rejects(db.transaction(async () => {
      await again(TAKE)
      proxy.next('pipeline', faults[fault])
      await again(GIVE)
    })(), (error) => error === errors[0] && /rolled back/.test(error.message), kind)
    assert.deepEqual(errors.slice(1).map(({ message, cause }) => [message, cause]),
      [[ENDED, errors[0]], [ENDED, errors[0]]], kind)
    await isUnchanged(t, server, kind)
  }))
})

served('what another context compiles may end it, too', async t => {
  const server = await primary(t, {}, SETUP)
  const proxy = await startFaulty(t, { target: server.url })
  const db = await open(t, proxy.url, {}, 'promises')
  await db.prepare(GIVE)
  let error
  let prepare
  const outside = new Promise((resolve) => { prepare = resolve })
    .then(() => db.prepare('SELECT 1 AS one'))
    .catch((reason) => { error = reason })
  const move = db.transaction(async () => {
    await db.run(TAKE)
    proxy.next('pipeline', faults.resetAfter)
    prepare()
    await outside
    await db.run(GIVE)
  })
  await assert.rejects(move(), (reason) => reason === error)
  await isUnchanged(t, server)
})
