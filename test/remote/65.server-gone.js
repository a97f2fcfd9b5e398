'use strict'

// What becomes of writes and reads when the server goes away between two calls, or during one.

const assert = require('node:assert/strict')
const { tempFile, typeError, until } = require('../support')
const { faults, startFaulty } = require('../servers/faulty')
const { APIS, all, open, primary } = require('../servers/replica')
const { served } = require('../servers/sqld')

const KINDS = {
  'a server': (t, { url }, api) => open(t, url, {}, api),
  'a replica': (t, { url }, api, options) => open(t, tempFile(t), { syncUrl: url, ...options }, api),
  'a replica with syncPeriod': (t, { url }, api) => open(t, tempFile(t), { syncUrl: url, syncPeriod: 0.05 }, api)
}
const COUNT = 'SELECT count(*) AS n FROM t'

async function count (db) {
  const [{ n }] = await all(db, COUNT)
  return n
}

async function countThere (t, { url }) {
  return count(await open(t, url))
}

async function insert (db) {
  return (await db.prepare('INSERT INTO t (a) VALUES (4)')).run()
}

/** What comes of `uncertain`. */
function listen (db) {
  const events = []
  db.on('uncertain', (event) => events.push(event))
  return events
}

served('a write to a server that has gone since the last call has not happened, and reads go on', async t => {
  for (const how of ['stop', 'kill']) {
    for (const api of Object.keys(APIS)) {
      const server = await primary(t)
      const opened = []
      for (const [kind, make] of Object.entries(KINDS)) {
        const db = await make(t, server, api)
        const text = `${kind}, ${api}, ${how}`
        assert.equal((await insert(db)).changes, 1)
        assert.equal(await count(db), 4 + opened.length, text)
        opened.push({ kind, db, text })
      }
      for (const { kind, db } of opened) if (kind !== 'a server') await db.sync()
      await server[how]()
      for (const { kind, db, text } of opened) {
        const events = kind === 'a server' ? [] : listen(db)
        const { host } = new URL(server.url)
        const message = new RegExp(`^Cannot connect to the server at ${host}: [^(]+ \\(os error \\d+\\)$`)
        const isRefused = { code: 'REMOTE_UNREACHABLE', message }
        for (let i = 0; i < 2; i++) await assert.rejects(() => insert(db), isRefused, text)
        if (kind !== 'a server') assert.equal(await count(db), 6, text)
        assert.deepEqual(events, [], text)
      }
      await server.start()
      for (const [i, { db, text }] of opened.entries()) {
        assert.equal((await insert(db)).changes, 1, text)
        assert.equal(await count(db), 7 + i, text)
      }
    }
  }
})

served('a server that was started again meanwhile gets each write once', async t => {
  for (const api of Object.keys(APIS)) {
    const server = await primary(t)
    let expected = 3
    for (const [kind, make] of Object.entries(KINDS)) {
      const db = await make(t, server, api)
      for (const how of ['stop', 'kill', 'stop']) {
        await insert(db)
        await server[how]()
        await server.start()
        await insert(db)
        assert.equal(await count(db), expected += 2, `${kind}, ${api}, ${how}`)
      }
    }
  }
})

served('reads go on without a write of which nobody knows, and see it later', async t => {
  for (const api of Object.keys(APIS)) {
    for (const syncPeriod of [0, 0.05]) {
      const text = `${api}, ${syncPeriod}`
      const server = await primary(t)
      const db = await KINDS['a replica'](t, server, api, { syncPeriod, requestTimeout: 500 })
      await insert(db)
      assert.equal(await count(db), 4, text)
      const events = listen(db)
      await server.pause()
      const isUncertain = { code: 'REMOTE_TIMEOUT', message: /whether it was executed is not known/ }
      let thrown
      await assert.rejects(async () => insert(db), (error) => {
        thrown = error
        return assert.throws(() => { throw error }, isUncertain) ?? true
      })
      assert.deepEqual(events, [{ error: thrown }], text)
      assert.equal(events[0].error, thrown, text)
      for (let i = 0; i < 3; i++) assert.equal(await count(db), 4, text)
      server.resume()
      // It was in the server's socket, and may be executed now.
      await insert(db)
      assert.ok(await count(db) >= 5, text)
      await until(async () => {
        await db.sync()
        return await count(db) === await countThere(t, server)
      }, text)
      assert.equal(events.length, 1, text)
    }
  }
})

served('reads wait for such a write where the option says so', async t => {
  for (const api of Object.keys(APIS)) {
    const server = await primary(t)
    const db = await KINDS['a replica'](t, server, api, { waitForUncertain: true, requestTimeout: 500 })
    await insert(db)
    assert.equal(await count(db), 4)
    const events = listen(db)
    await server.pause()
    await assert.rejects(async () => insert(db), { code: 'REMOTE_TIMEOUT' })
    assert.equal(events.length, 1)
    await assert.rejects(() => count(db), { code: 'REMOTE_TIMEOUT' })
    server.resume()
    // The server may come to it later still.
    const there = await countThere(t, server)
    await until(() => count(db).then((n) => n >= there, () => false), 'the write')
  }
})

served('a write whose reply is lost is told, with each reply, and without readYourWrites too', async t => {
  const server = await primary(t)
  const proxy = await startFaulty(t, { target: server.url })
  for (const readYourWrites of [true, false]) {
    const db = await KINDS['a replica'](t, proxy, 'promises', { readYourWrites })
    const before = await count(db)
    const events = listen(db)
    proxy.next('pipeline', faults.resetAfter)
    await assert.rejects(insert(db), { code: 'REMOTE_UNREACHABLE' })
    if (readYourWrites) assert.equal(await count(db), before + 1)
    assert.deepEqual(events.map(({ error }) => error.code), ['REMOTE_UNREACHABLE'])
    // Without being asked, and without a read that waits.
    await until(async () => await count(db) === before + 1, 'the write')
    const listener = () => assert.fail('it was removed')
    db.on('uncertain', listener).off('uncertain', listener)
    proxy.next('pipeline', faults.resetAfter)
    await assert.rejects(db.exec('DELETE FROM t WHERE rowid = 5'), { code: 'REMOTE_UNREACHABLE' })
    assert.equal(events.length, 2)
    typeError(() => db.on('certain', listener), 'Unknown event "certain": the events are "uncertain" and "sync"')
    typeError(() => db.on('uncertain'), 'Expected second argument to be a function')
  }
})
