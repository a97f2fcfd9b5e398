'use strict'

// What the table of lib/capabilities.js says is missing is missing, and the rest is there: on this
// machine, on a server and in a replica, in both APIs.

const assert = require('node:assert/strict')
const Sync = require('../..')
const { COLUMNS } = require('../../lib/capabilities')
const promise = require('../../promise')
const { mapStore } = require('../../stores/map')
const { startSqld, served } = require('../servers/sqld')
const { cleanup, tempFile } = require('../support')

const nothing = () => {}

// How each line of the table is called; `prepare` gives a statement that reads.
const CALLS = {
  'sync()': db => db.sync(),
  'syncUntil()': db => db.syncUntil(0),
  'resync()': db => db.resync(),
  'maxWriteReplicationIndex()': async db => db.maxWriteReplicationIndex(),
  lastSync: async db => db.lastSync,
  lag: async db => db.lag,
  "on('sync')": async db => db.on('sync', nothing),
  "off('sync')": async db => db.off('sync', nothing),
  "on('uncertain')": async db => db.on('uncertain', nothing),
  "off('uncertain')": async db => db.off('uncertain', nothing),
  'refresh()': db => db.refresh(),
  'flush()': db => db.flush(),
  'history()': db => db.history(),
  'restore()': db => db.restore(1),
  'function()': db => db.function('f', () => 1),
  'aggregate()': db => db.aggregate('g', { step: () => 1 }),
  'table()': db => db.table('v', { columns: ['a'], * rows () {} }),
  'loadExtension()': db => db.loadExtension('./no-such-library'),
  'authorizer()': db => db.authorizer(null),
  'unsafeMode()': db => db.unsafeMode(false),
  limits: db => db instanceof Sync ? db.limits.length : undefined,
  "on('update')": async db => db.on('update', nothing),
  "off('update')": async db => db.off('update', nothing),
  "on('build')": async db => db.on('build', nothing),
  "off('build')": async db => db.off('build', nothing),
  'backup()': (db, t) => db.backup(tempFile(t)),
  'serialize()': db => db.serialize(),
  'rekey()': db => db.rekey('key'),
  'createSession()': db => db.createSession(),
  'applyChangeset()': db => db.applyChangeset(Buffer.alloc(0)),
  'stmt.expand()': async db => (await db.prepare('SELECT 1')).expand(),
  'stmt.expand() inside a transaction': async db => {
    const stmt = (await db.prepare('SELECT 1')).expand()
    await db.exec('BEGIN')
    try {
      await stmt.get()
    } finally {
      await db.exec('ROLLBACK')
    }
  }
}

const OPTIONS = {
  readonly: true,
  fileMustExist: true,
  vfs: 'unix',
  limits: { length: 1000 },
  encryptionKey: 'key',
  encryptionCipher: 'aes256cbc',
  readers: 1
}

const REFUSED = /is not available for|is for replicas: open|: the events are "update"|cannot have readers$/

async function isRefused (call) {
  try {
    await call()
    return false
  } catch (error) {
    return error instanceof TypeError && REFUSED.test(error.message)
  }
}

function names (kind) {
  return Object.keys(COLUMNS[kind].lacks)
}

served('each kind of database lacks what the table says, and nothing else', async t => {
  const { url } = await startSqld(t)
  // Something to wait for, in syncUntil().
  const primary = new Sync(url)
  primary.exec('CREATE TABLE t (a)')
  primary.close()
  const places = {
    local: () => [tempFile(t), {}],
    remote: () => [url, {}],
    replica: () => [tempFile(t), { syncUrl: url }],
    kv: () => ['a', { store: mapStore() }]
  }
  assert.deepEqual(Object.keys(places), Object.keys(COLUMNS))
  const lines = new Set(Object.keys(COLUMNS).flatMap(names))
  const known = [...Object.keys(CALLS), ...Object.keys(OPTIONS).map(name => `option ${name}`)]
  assert.deepEqual([...lines].sort(), known.sort())
  for (const [kind, place] of Object.entries(places)) {
    for (const Database of [Sync, promise.Database]) {
      const api = Database === Sync ? 'sync' : 'promise'
      const [file, options] = place()
      const db = new Database(file, options)
      cleanup(t, () => db.close())
      const refused = []
      for (const [line, call] of Object.entries(CALLS)) {
        // The promise API has no limits to change.
        if (line === 'limits' && api === 'promise') {
          if (names(kind).includes(line)) refused.push(line)
        } else if (await isRefused(async () => call(db, t))) {
          refused.push(line)
        }
      }
      for (const [name, value] of Object.entries(OPTIONS)) {
        const open = async () => {
          const [file, options] = place()
          const db = new Database(file, { ...options, [name]: value })
          await db.close()
        }
        const isPassedOver = name === 'readers' && api === 'sync'
        if (isPassedOver ? names(kind).includes('option readers') : await isRefused(open)) {
          refused.push(`option ${name}`)
        }
      }
      assert.deepEqual(refused.sort(), names(kind).sort(), `${kind}, ${api}`)
    }
  }
})

served('what is missing says where', async t => {
  const { url } = await startSqld(t)
  const remote = new Sync(url)
  const replica = new promise.Database(tempFile(t), { syncUrl: url })
  cleanup(t, () => Promise.all([remote.close(), replica.close()]))
  const texts = [
    [() => remote.function('f', nothing), 'function() is not available for remote databases: the server cannot call JavaScript'],
    [() => remote.limits, 'limits is not available for remote databases: the server has its own'],
    [() => remote.on('update', nothing), 'on() is not available for remote databases: it needs the tables in this process'],
    [() => remote.prepare('SELECT 1').expand(), 'expand() is not available for remote databases: ' +
      'the protocol does not say which table a column is of'],
    [() => remote.sync(), 'sync() is for replicas: open the database with the "syncUrl" option'],
    [() => replica.createSession(), 'createSession() is not available for replicas: writes run on the primary'],
    [() => replica.off('update', nothing), 'off() is not available for replicas: writes run on the primary']
  ]
  for (const [call, message] of texts) {
    await assert.rejects(async () => call(), { name: 'TypeError', message })
  }
})
