'use strict'

const assert = require('node:assert/strict')
const { inspect } = require('node:util')
const { APIS, LIMIT, open, primary } = require('../servers/replica')
const { served } = require('../servers/sqld')
const { collect, tempFile } = require('../support')

// What fails while the server is down, and the SQL that its error names.
const WAYS = {
  'get() of what the file does not know': ['SELECT * FROM unknown', db => db.get('SELECT * FROM unknown')],
  'prepare() of the same': ['SELECT * FROM unknown', db => db.prepare('SELECT * FROM unknown')],
  'run()': ['INSERT INTO t VALUES (4, 4)', db => db.run('INSERT INTO t VALUES (4, 4)')],
  'exec()': ['DELETE FROM t', db => db.exec('DELETE FROM t')],
  'pragma()': ['PRAGMA user_version = 7', db => db.pragma('user_version = 7')],
  'sync()': [undefined, db => db.sync()],
  'syncUntil()': [undefined, db => db.syncUntil(1000)]
}

async function failure (call) {
  try {
    await (async function theCaller () { return await call() })()
  } catch (error) {
    return error
  }
  throw new Error('nothing failed')
}

served('errors of a replica whose server is down name the SQL and the database', async t => {
  const options = { connectTimeout: LIMIT, requestTimeout: LIMIT }
  const server = await primary(t)
  const databases = {}
  for (const api of Object.keys(APIS)) {
    databases[api] = await open(t, tempFile(t), { syncUrl: server.url, ...options }, api)
    await databases[api].sync()
  }
  await server.kill()
  for (const [api, db] of Object.entries(databases)) {
    for (const [name, [sql, call]] of Object.entries(WAYS)) {
      const error = await failure(() => call(db))
      assert.match(error.stack, /theCaller/, `${api}: ${name}`)
      assert.deepEqual([error.sql, error.database], [sql, db.name], `${api}: ${name}: ${inspect(error)}`)
    }
  }
})

served('errors of an empty replica and a server that is down name the SQL and the database', async t => {
  const server = await primary(t)
  await server.kill()
  for (const api of Object.keys(APIS)) {
    const empty = await open(t, tempFile(t), { syncUrl: server.url, connectTimeout: LIMIT }, api)
    for (const [name, [sql, call]] of Object.entries({
      get: ['SELECT 1', () => empty.get('SELECT 1')],
      all: ['SELECT 1', async () => (await empty.prepare('SELECT 1')).all()],
      iterate: ['SELECT 1', () => collect(empty.iterate('SELECT 1'))],
      pragma: ['PRAGMA user_version', () => empty.pragma('user_version')],
      explain: ['EXPLAIN SELECT 1', () => empty.explain('SELECT 1')],
      batch: ['SELECT 1; SELECT 2', () => empty.batch(['SELECT 1', 'SELECT 2'])]
    })) {
      const error = await failure(call)
      assert.match(error.stack, /theCaller/, `${api}: ${name}`)
      assert.deepEqual([error.sql, error.database], [sql, empty.name], `${api}: ${name}: ${inspect(error)}`)
    }
    const remote = await open(t, server.url, { connectTimeout: LIMIT }, api)
    for (const call of [() => remote.get('SELECT 1'), () => remote.batch(['SELECT 1'])]) {
      const failed = await failure(call)
      assert.match(failed.stack, /theCaller/, api)
      assert.deepEqual([failed.code, failed.database], ['REMOTE_UNREACHABLE', remote.name])
    }
  }
})
