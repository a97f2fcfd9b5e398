'use strict'

// Replicas of a real server, what is in them, and how they differ from it.

const assert = require('node:assert/strict')
const fs = require('node:fs')
const path = require('node:path')
const Sync = require('../..')
const { connect } = require('../../promise')
const { cleanup, isSqliteError, tempFile } = require('../support')
const { startSqld } = require('./sqld')

// How long requests may take where they fail by that, in ms.
const LIMIT = 1000
const MARKER = 'a text that is nowhere else'
const SETUP = `CREATE TABLE t (a, b); CREATE INDEX i ON t (a);
  INSERT INTO t VALUES (1, 'one'), (2, 'two'), (3, '${MARKER}')`
const MANY = 'WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i <'
// An open() that fails throws in the one API and rejects in the other.
const APIS = { sync: async (...args) => new Sync(...args), promises: connect }

async function primary (t, options, setup = SETUP) {
  const server = await startSqld(t, options)
  write(server, setup)
  return server
}

/** Runs SQL on a server, with a new connection: one that was kept may be to one that has ended. */
function write ({ url }, sql, options) {
  const db = new Sync(url, options)
  db.exec(sql)
  db.close()
}

async function open (t, file, options, api = 'sync') {
  const db = await APIS[api](file, options)
  cleanup(t, () => db.close())
  return db
}

/** A replica that has all that the server has. What is behind a proxy of ours must not block. */
async function replica (t, server, { api, file = tempFile(t), ...options } = {}) {
  api ??= server.script ? 'promises' : 'sync'
  const db = await open(t, file, { syncUrl: server.url, ...options }, api)
  await db.sync()
  return db
}

async function all (db, sql) {
  return (await db.prepare(sql)).all()
}

/** The whole content: what two databases with the same content have in common. */
async function dump (db) {
  const schema = await all(db, 'SELECT type, name, sql FROM sqlite_schema ORDER BY type, name')
  const content = { schema }
  for (const { type, name } of schema) {
    if (type === 'table') content[name] = await all(db, `SELECT rowid, * FROM "${name}" ORDER BY rowid`)
  }
  return content
}

async function isSound (db, content) {
  assert.deepEqual(await db.pragma('integrity_check'), [{ integrity_check: 'ok' }])
  if (content !== undefined) assert.deepEqual(await dump(db), content)
}

/** After a sync, the replica has what the server has. */
async function follows (db, server) {
  const synced = await db.sync()
  await isIdentical(db, server)
  return synced
}

async function isIdentical (db, { url }) {
  const there = new Sync(url)
  const content = await dump(there)
  there.close()
  assert.ok(content.schema.length > 0)
  await isSound(db, content)
}

async function fails (call, code, message) {
  const start = performance.now()
  await assert.rejects(async () => call(), isSqliteError(code, message))
  return performance.now() - start
}

/** All files beside `file` and itself, with their bytes. */
function bytesOf (file) {
  const dir = path.dirname(file)
  const names = fs.readdirSync(dir).sort()
  return Object.fromEntries(names.map(name => [name, fs.readFileSync(path.join(dir, name))]))
}

/** A replica that was synced twice, so that it has two records, and is closed. */
async function closedReplica (t, server, options) {
  const file = tempFile(t)
  const db = await replica(t, server, { ...options, file })
  write(server, 'INSERT INTO t VALUES (4, NULL)')
  await db.sync()
  const content = await dump(db)
  db.close()
  return { file, content }
}

module.exports = {
  APIS,
  LIMIT,
  MANY,
  MARKER,
  SETUP,
  all,
  bytesOf,
  closedReplica,
  dump,
  fails,
  follows,
  isIdentical,
  isSound,
  open,
  primary,
  replica,
  write
}
