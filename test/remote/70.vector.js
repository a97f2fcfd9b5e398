'use strict'

// Vector tables are of databases in this process: what servers and replicas say, in both APIs, and
// what a replica can search all the same.

const assert = require('node:assert/strict')
const fs = require('node:fs')
const path = require('node:path')
const Sync = require('../..')
const promise = require('../../promise')
const { served, startSqld } = require('../servers/sqld')
const { cleanup, isSqliteError, tempFile } = require('../support')

const CREATE = 'CREATE VIRTUAL TABLE t USING diskann(dimension=2)'
const SEARCH = "SELECT rowid FROM t WHERE vector MATCH '[1, 0]' AND k = 1"
const MISSING = isSqliteError('SQLITE_ERROR', /no such module: diskann$/)

async function connections (t, name, options) {
  const list = [new Sync(...await name(), options), await promise.connect(...await name(), options)]
  for (const db of list) cleanup(t, () => db.close())
  return list
}

// The sync API throws at once what the other rejects with.
const refused = (call, expected = MISSING) => assert.rejects(async () => call(), expected)

served('a server has no vector tables, and says so', async t => {
  const { url } = await startSqld(t)
  for (const db of await connections(t, () => [url])) {
    await refused(() => db.exec(CREATE))
    await refused(() => db.run(CREATE))
    await refused(() => db.all("SELECT * FROM vector_each(x'00000000', 1)"), isSqliteError('SQLITE_ERROR', /no such table: vector_each$/))
    await refused(() => db.all("SELECT vector_to_json(x'00000000')"), isSqliteError('SQLITE_ERROR', /no such function: vector_to_json$/))
  }
})

served('a replica cannot create one, and has the functions that read', async t => {
  const { url } = await startSqld(t)
  for (const db of await connections(t, () => [tempFile(t)], { syncUrl: url })) {
    await refused(() => db.exec(CREATE))
    await refused(() => db.run(CREATE))
    assert.deepEqual(await db.all("SELECT vector_to_json(vector) AS json FROM vector_each(x'0000803f', 1)"), [{ json: '[1]' }])
  }
})

// As somebody does who gives a file of Ferrolite to a server.
async function servedFile (t) {
  const server = await startSqld(t)
  const first = new Sync(server.url)
  first.exec('CREATE TABLE other (a)')
  first.close()
  await server.kill()
  const folder = path.join(server.dir, 'data', 'dbs', 'default')
  const db = new Sync(path.join(folder, 'data'))
  db.exec(`${CREATE}; INSERT INTO t(rowid, vector) VALUES (7, '[1, 0]'), (8, '[0, 1]')`)
  db.pragma('wal_checkpoint(TRUNCATE)')
  db.close()
  // The server makes its log anew from the file.
  fs.rmSync(path.join(folder, 'wallog'))
  return await server.start()
}

served('a replica searches the vector table of a file that its primary serves, and does not write it', async t => {
  const { url } = await servedFile(t)
  for (const remote of await connections(t, () => [url])) {
    await refused(() => remote.all(SEARCH))
    assert.deepEqual(await remote.all('SELECT * FROM other'), [])
  }
  for (const db of await connections(t, () => [tempFile(t)], { syncUrl: url })) {
    assert.deepEqual(await db.all(SEARCH), [{ rowid: 7 }])
    await refused(() => db.run("INSERT INTO t(vector) VALUES ('[1, 1]')"))
    await refused(() => db.run('DELETE FROM t WHERE rowid = 7'))
    await refused(() => db.run("INSERT INTO t(t) VALUES ('verify')"))
    // A transaction is the primary's, its reads too.
    await db.exec('BEGIN')
    await refused(() => db.all(SEARCH))
    await db.exec('ROLLBACK')
    assert.deepEqual(await db.all(SEARCH), [{ rowid: 7 }])
    await db.run('INSERT INTO other VALUES (1)')
    assert.deepEqual(await db.all('SELECT * FROM other LIMIT 1'), [{ a: 1 }])
  }
})
