'use strict'

// What a replica tells of its syncs.

const assert = require('node:assert/strict')
const channels = require('node:diagnostics_channel')
const { cleanup, child, exited, tempFile, typeError, until } = require('../support')
const { APIS, all, open, primary, replica, write } = require('../servers/replica')
const { served } = require('../servers/sqld')

const NAMES = ['start', 'end', 'asyncStart', 'asyncEnd', 'error']

function listen (db) {
  const events = []
  db.on('sync', (event) => events.push(event))
  return events
}

/** Contexts of the channel, each with the names that it was told by. */
function listenToChannel (t) {
  const channel = channels.tracingChannel('ferrolite:sync')
  const told = []
  const tell = Object.fromEntries(NAMES.map((name) => [name, (context) => {
    const known = told.find((each) => each.context === context)
    if (known === undefined) told.push({ context, names: [name] })
    else known.names.push(name)
  }]))
  channel.subscribe(tell)
  cleanup(t, () => channel.unsubscribe(tell))
  return told
}

const pick = ({ reason, frames, error }) => ({ reason, frames, error: error?.code })

for (const api of Object.keys(APIS)) {
  served(`sync() is told of, with what came: ${api}`, async t => {
    const server = await primary(t)
    const db = await open(t, tempFile(t), { syncUrl: server.url }, api)
    assert.deepEqual([db.lastSync, db.lag], [null, null])
    const events = listen(db)
    const told = listenToChannel(t)
    const before = Date.now()
    const synced = await db.sync()
    const after = Date.now()
    await until(() => events.length === 1, 'the event')
    const [{ reason, frames, frame, duration, error }] = events
    assert.ok(frames > 0)
    assert.deepEqual({ reason, frames, frame, error },
      { reason: 'call', frames: synced.frames_synced, frame: synced.frame_no, error: undefined })
    assert.ok(duration > 0 && duration <= after - before + 1, `${duration} ${after - before}`)
    assert.ok(db.lastSync instanceof Date)
    assert.ok(db.lastSync >= before - 1 && db.lastSync <= after, `${db.lastSync.getTime()} ${before} ${after}`)
    assert.ok(db.lag >= 0 && db.lag <= Date.now() - before + 1, `${db.lag}`)

    write(server, "INSERT INTO t VALUES (4, 'four')")
    const last = db.lastSync
    await db.sync()
    await db.sync()
    await until(() => events.length === 3, 'three events')
    assert.equal(events[1].frames > 0, true)
    assert.deepEqual(pick(events[2]), { reason: 'call', frames: 0, error: undefined })
    assert.equal(events[2].frame, events[1].frame)
    assert.ok(db.lastSync > last)

    // Nothing is asked of the server for what is there.
    const then = db.lastSync.getTime()
    await db.syncUntil(events[2].frame)
    assert.equal(db.lastSync.getTime(), then)
    await db.resync()
    await until(() => events.length === 4, 'four events')
    assert.ok(events[3].frames >= synced.frames_synced)

    const calls = told.filter(({ context }) => context.reason === 'call')
    const order = api === 'sync' ? ['start', 'end'] : ['start', 'end', 'asyncStart', 'asyncEnd']
    for (const { context, names } of calls) {
      assert.deepEqual(names, order)
      assert.equal(context.database, db.name)
      assert.ok(context.duration > 0)
    }
    const asked = [0, 1, 2, 3].map((i) => events[i].frames)
    const expected = [asked[0], asked[1], asked[2], 0, asked[3]]
    assert.deepEqual(calls.map(({ context }) => context.frames), expected)
  })

  served(`reads, writes and the period are told apart: ${api}`, async t => {
    const server = await primary(t)
    const db = await open(t, tempFile(t), { syncUrl: server.url }, api)
    const events = listen(db)
    const told = listenToChannel(t)
    assert.equal((await all(db, 'SELECT * FROM t')).length, 3)
    await until(() => events.length === 1, 'the first read')
    assert.equal(events[0].reason, 'read')
    await db.exec("INSERT INTO t VALUES (4, 'four')")
    // Nobody reads, and it follows all the same.
    await until(() => events.length === 2, 'what follows a write')
    assert.equal(events[1].reason, 'write')
    assert.ok(events[1].frames > 0)
    assert.deepEqual(told.map(({ context, names }) => [context.reason, names.at(-1)]),
      [['read', api === 'sync' ? 'end' : 'asyncEnd'], ['write', 'end']])
    assert.deepEqual(told[1].names, ['start', 'end'])
    assert.equal(told[1].context.frames, events[1].frames)

    const file = tempFile(t)
    const other = await open(t, file, { syncUrl: server.url, syncPeriod: 0.02 }, api)
    const others = listen(other)
    await until(() => others.length > 2, 'the period')
    const isOfPeriod = ({ reason, error }) => reason === 'period' && error === undefined
    assert.ok(others.every(isOfPeriod), JSON.stringify(others))
    const at = other.lastSync
    write(server, "INSERT INTO t VALUES (5, 'five')")
    await until(() => others.some(({ frames }, i) => i > 0 && frames > 0), 'what others wrote')
    await until(() => other.lastSync > at, 'a later sync')
    assert.ok(told.some(({ context }) => context.database === file && context.reason === 'period'))
  })

  served(`what fails is told of with its error, and the lag grows: ${api}`, async t => {
    const server = await primary(t)
    const db = await replica(t, server, { api, syncPeriod: 0.02 })
    const events = listen(db)
    const told = listenToChannel(t)
    await until(() => events.length > 0, 'a sync')
    await server.stop()
    await until(() => events.some(({ error }) => error), 'a failure')
    const { reason, frames, error } = events.find(({ error }) => error)
    assert.deepEqual([reason, frames, error.code, error.database], ['period', 0, 'REMOTE_UNREACHABLE', db.name])
    const last = db.lastSync
    const lag = db.lag
    await assert.rejects(async () => db.sync(), { code: 'REMOTE_UNREACHABLE' })
    await until(() => events.some(({ reason, error }) => reason === 'call' && error), 'the failure of sync()')
    assert.deepEqual(db.lastSync, last)
    assert.ok(db.lag > lag)
    const names = told.find(({ context }) => context.reason === 'call').names
    assert.deepEqual(names, api === 'sync' ? ['start', 'error', 'end'] : ['start', 'end', 'error', 'asyncStart', 'asyncEnd'])
    await server.start()
    const count = events.length
    await until(() => events.slice(count).some(({ error }) => !error), 'a sync that succeeds')
    assert.ok(db.lag < lag + 10000)
  })

  served(`listeners can use the database, and what they throw is uncaught: ${api}`, async t => {
    const server = await primary(t)
    const db = await replica(t, server, { api })
    const rows = []
    const listener = async () => { rows.push(...await all(db, 'SELECT a FROM t ORDER BY a')) }
    db.on('sync', listener)
    write(server, "INSERT INTO t VALUES (4, 'four')")
    await db.sync()
    await until(() => rows.length === 4, 'the rows')
    assert.equal(db.off('sync', listener), db)
    const events = listen(db)
    await db.sync()
    await until(() => events.length === 1, 'the event')
    assert.equal(rows.length, 4)
    await db.close()
    typeError(() => db.on('sync', listener), 'The database connection is not open')
    typeError(() => db.lastSync, 'The database connection is not open')
    typeError(() => db.lag, 'The database connection is not open')
  })

  served(`a listener keeps no process running, and a replica that is dropped is closed: ${api}`, async t => {
    const server = await primary(t)
    const result = await child(`
      const { Database: Class } = ${api === 'promises'} ? require(MODULE + '/promise') : Database
      const { tracingChannel } = require('node:diagnostics_channel')
      const run = async () => {
        tracingChannel('ferrolite:sync').subscribe({ end () {} })
        const db = new Class('replica.db', { syncUrl: process.env.URL, syncPeriod: 0.02 })
        let heard = 0
        db.on('sync', () => { heard++ })
        await db.sync()
        const began = Date.now()
        while (heard < 3 && Date.now() - began < 10000) await new Promise(resolve => setTimeout(resolve, 5))
        console.log(heard >= 3)
      }
      run()`, { env: { URL: server.url } })
    assert.equal(exited(result).stdout, 'true\n')
  })
}

served('a database that is no replica has no syncs', async t => {
  const server = await primary(t)
  for (const api of Object.keys(APIS)) {
    for (const place of [tempFile(t), server.url]) {
      const db = await open(t, place, {}, api)
      typeError(() => db.lastSync, 'lastSync is for replicas: open the database with the "syncUrl" option')
      typeError(() => db.lag, 'lag is for replicas: open the database with the "syncUrl" option')
      typeError(() => db.on('sync', () => {}))
    }
  }
})

served('a program that never comes to its event loop is held up by no listener', async t => {
  const server = await primary(t)
  const result = await child(`
    const db = new Database('replica.db', { syncUrl: process.env.URL, syncPeriod: 0.001 })
    db.on('sync', () => {})
    db.sync()
    const until = Date.now() + 10000
    const syncs = new Set()
    while (Date.now() < until && syncs.size < 20) {
      db.prepare('SELECT count(*) AS n FROM t').get()
      syncs.add(Number(db.lastSync))
    }
    db.close()
    console.log(syncs.size)`, { env: { URL: server.url } })
  assert.equal(exited(result).stdout, '20\n')
})
