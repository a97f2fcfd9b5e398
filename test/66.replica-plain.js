'use strict'

// The file of a replica that is opened as a plain database.

const assert = require('node:assert/strict')
const fs = require('node:fs')
const path = require('node:path')
const { pathToFileURL } = require('node:url')
const { isSqliteError, tempDir, tempFile } = require('./support')
const { APIS, all, closedReplica, fails, open, primary, replica } = require('./servers/replica')
const { served } = require('./servers/sqld')

const REFUSED = isSqliteError('SYNC_REPLICA', /"[^"]*replica[^"]*" beside it .* option "syncUrl"/)

served('a replica is not opened for writing as a plain database, but by an option', async t => {
  const server = await primary(t)
  for (const api of Object.keys(APIS)) {
    const { file, content } = await closedReplica(t, server)
    const link = path.join(tempDir(t), 'link.db')
    fs.symlinkSync(file, link)
    for (const name of [file, link]) {
      const missing = [undefined, { syncUrl: undefined }, { syncUrl: null, fileMustExist: true }]
      for (const options of missing) {
        await assert.rejects(() => open(t, name, options, api), (error) => {
          assert.ok(error.message.includes(`${fs.realpathSync(file)}-replica`), error.message)
          return REFUSED(error)
        })
      }
    }
    const reading = await open(t, file, { readonly: true }, api)
    assert.equal((await all(reading, 'SELECT * FROM t')).length, content.t.length)
    await reading.close()
    // It is still the replica that it was.
    const again = await replica(t, server, { file, api })
    assert.deepEqual(await all(again, 'SELECT rowid, * FROM t'), await all(await open(t, server.url), 'SELECT rowid, * FROM t'))
    await fails(() => open(t, file, { detachReplica: true }, api), 'SYNC_LOCKED')
    await again.close()
    const plain = await open(t, file, { detachReplica: true }, api)
    await plain.exec('DELETE FROM t')
    await plain.close()
    assert.equal(fs.existsSync(`${file}-replica`), false)
    await (await open(t, file, {}, api)).close()
    await fails(() => open(t, file, { syncUrl: server.url }, api), 'SYNC_FOREIGN')
  }
})

served('a URI that names the file of a replica is refused where it is for writing', async t => {
  const server = await primary(t)
  const { file } = await closedReplica(t, server)
  process.env.SQLITE_USE_URI = '1'
  t.after(() => { delete process.env.SQLITE_USE_URI })
  const { href } = pathToFileURL(file)
  for (const api of Object.keys(APIS)) {
    for (const uri of [href, `${href}?mode=rw`, `file:${file}`]) {
      await assert.rejects(() => open(t, uri, {}, api), REFUSED)
    }
    const db = await open(t, `${href}?mode=ro`, {}, api)
    assert.equal((await all(db, 'SELECT 1 AS one')).length, 1)
  }
})

served('files that are no replicas open as before', async t => {
  const file = tempFile(t)
  for (const api of Object.keys(APIS)) {
    const db = await open(t, file, { detachReplica: true }, api)
    await db.exec('CREATE TABLE IF NOT EXISTS t (a)')
    await db.close()
    await assert.rejects(() => open(t, file, { detachReplica: 1 }, api), TypeError)
  }
})
