'use strict'

// The file of a replica that is opened as a plain database.

const assert = require('node:assert/strict')
const fs = require('node:fs')
const path = require('node:path')
const { pathToFileURL } = require('node:url')
const Sync = require('../..')
const {
  APIS, MANY, MARKER, SETUP, all, closedReplica, fails, follows, isIdentical, isSound, open,
  primary, replica, write
} = require('../servers/replica')
const { served } = require('../servers/sqld')
const { child, isSqliteError, tempDir, tempFile } = require('../support')

const REFUSED = isSqliteError('SYNC_REPLICA', /"[^"]*replica[^"]*" is beside it\), .* "syncUrl"/)

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
    const linked = await replica(t, server, { file: link, api })
    assert.equal((await all(linked, 'SELECT * FROM t')).length, content.t.length)
    await fails(() => open(t, file, { syncUrl: server.url }, api), 'SYNC_LOCKED')
    await linked.close()
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

// What others do to the file while nobody has it open as a replica.

const CHANGES = {
  // A page of a table, and nothing in the header.
  attach: file => using(':memory:', db => db.exec(`ATTACH '${file}' AS r; UPDATE r.t SET b = 'two!' WHERE a = 2`)),
  journal: file => using(':memory:', db => {
    db.exec(`ATTACH '${file}' AS r; PRAGMA r.journal_mode = DELETE; UPDATE r.t SET b = 'TWO' WHERE a = 2; PRAGMA r.journal_mode = WAL`)
  }),
  grown: file => using(':memory:', db => db.exec(`ATTACH '${file}' AS r; CREATE TABLE r.more AS ${MANY} 500) SELECT i, hex(i) FROM n`)),
  emptied: file => using(':memory:', db => db.exec(`ATTACH '${file}' AS r; DROP TABLE r.t; VACUUM r`)),
  backup: async file => {
    const from = new Sync(':memory:')
    from.exec('CREATE TABLE t (a, b); INSERT INTO t VALUES (1, 1)')
    await from.backup(file)
    from.close()
  },
  bytes: file => {
    const bytes = fs.readFileSync(file)
    const { mtime, atime } = fs.statSync(file)
    bytes[bytes.indexOf(MARKER)] ^= 1
    fs.writeFileSync(file, bytes)
    fs.utimesSync(file, atime, mtime)
  },
  'another program': file => child(file => {
    const db = new Database(':memory:') // eslint-disable-line no-undef
    db.exec(`ATTACH '${file}' AS r; INSERT INTO r.t VALUES (9, 'intruder')`)
    process.kill(process.pid, 'SIGKILL')
  }, { args: [file] })
}

function using (file, run, options) {
  const db = new Sync(file, options)
  run(db)
  db.close()
}

const CHANGED = isSqliteError('SYNC_CONFLICT', /was changed while .* resync\(\) .* option "resync"/)

for (const [name, change] of Object.entries(CHANGES)) {
  served(`a replica that was changed while it was closed is noticed, and starts over: ${name}`, async t => {
    const server = await primary(t)
    for (const api of Object.keys(APIS)) {
      for (const heal of ['resync()', 'option']) {
        const { file } = await closedReplica(t, server)
        await change(file)
        // Its schema may have as many changes as that of the file.
        write(server, 'CREATE TABLE made (x)')
        const options = { syncUrl: server.url }
        // It is noticed each time.
        for (let i = 0; i < 2; ++i) {
          const db = await open(t, file, options, api)
          await assert.rejects(async () => db.sync(), CHANGED)
          await assert.rejects(() => all(db, 'SELECT * FROM t'), CHANGED)
          await assert.rejects(async () => db.syncUntil(1), CHANGED)
          await db.exec("INSERT INTO t VALUES (5, 'five')")
          await assert.rejects(() => all(db, 'SELECT * FROM t'), CHANGED)
          if (i === 1 && heal === 'resync()') {
            await db.resync()
            await isIdentical(db, server)
          }
          await db.close()
        }
        const healed = await open(t, file, heal === 'option' ? { ...options, resync: true } : options, api)
        await isIdentical(healed, server)
        await healed.exec("UPDATE t SET b = 'again' WHERE a = 1; DROP TABLE made")
        await isIdentical(healed, server)
        await healed.close()
        const again = await open(t, file, options, api)
        assert.equal((await again.sync()).frames_synced, 0)
        await isIdentical(again, server)
        await again.close()
      }
    }
  })
}

served('a replica that was changed while it was open, but not synced, is noticed at the next opening', async t => {
  const server = await primary(t)
  for (const api of Object.keys(APIS)) {
    const file = tempFile(t)
    const db = await replica(t, server, { file, api })
    await CHANGES.attach(file)
    await db.close()
    const changed = await open(t, file, { syncUrl: server.url }, api)
    await assert.rejects(async () => changed.sync(), CHANGED)
    await changed.resync()
    await isIdentical(changed, server)
    await changed.close()
  }
})

served('a replica whose process was killed is noticed to have been changed since', async t => {
  const server = await primary(t)
  const file = tempFile(t)
  const options = { syncUrl: server.url }
  const killed = () => child((file, options) => {
    const db = new Database(file, options) // eslint-disable-line no-undef
    db.exec('DELETE FROM t WHERE a > 3')
    db.exec("INSERT INTO t VALUES (4, 'four')")
    db.sync()
    process.kill(process.pid, 'SIGKILL')
  }, { args: [file, options] })
  await killed()
  assert.ok(fs.statSync(`${file}-wal`).size > 0)
  const db = await open(t, file, options)
  await isIdentical(db, server)
  db.close()
  await killed()
  await CHANGES.attach(file)
  const changed = await open(t, file, options)
  await assert.rejects(async () => changed.sync(), CHANGED)
  changed.resync()
  await isIdentical(changed, server)
})

served('what changes nothing of the content of a replica is no change', async t => {
  const server = await primary(t)
  const { file, content } = await closedReplica(t, server)
  const nothing = {
    touched: () => fs.utimesSync(file, 1, 1),
    'another mode': () => using(':memory:', db => db.exec(`ATTACH '${file}' AS r; PRAGMA r.journal_mode = DELETE`)),
    rolledBack: () => using(':memory:', db => db.exec(`ATTACH '${file}' AS r; BEGIN; DELETE FROM r.t; ROLLBACK`)),
    read: () => using(file, db => db.prepare('SELECT * FROM t').all(), { readonly: true }),
    moved: () => {
      for (const suffix of ['', '-replica']) {
        fs.copyFileSync(file + suffix, `${file}2${suffix}`)
        fs.renameSync(`${file}2${suffix}`, file + suffix)
      }
    }
  }
  for (const change of Object.values(nothing)) {
    change()
    for (const api of Object.keys(APIS)) {
      // The server is not needed.
      const db = await open(t, file, { syncUrl: server.url }, api)
      await isSound(db, content)
      await db.close()
    }
  }
})

served('what is known of the content of a replica follows each page that comes', async t => {
  const server = await primary(t, {}, `${SETUP}; CREATE TABLE big AS ${MANY} 3000) SELECT i, hex(randomblob(30)) AS x FROM n`)
  const { file } = await closedReplica(t, server)
  const steps = [
    'DELETE FROM big WHERE i % 7 = 0', 'CREATE INDEX x ON big (x)', 'UPDATE big SET x = lower(x) WHERE i < 900',
    'DROP TABLE big', `CREATE TABLE big AS ${MANY} 200) SELECT i FROM n`
  ]
  for (const sql of steps) {
    write(server, sql)
    using(file, db => db.sync(), { syncUrl: server.url })
    // Now only the content can tell.
    fs.utimesSync(file, 1, 1)
    const db = await open(t, file, { syncUrl: server.url })
    await isIdentical(db, server)
    await follows(db, server)
    db.close()
  }
})

served('a replica of an older version, which knows nothing of its content, is taken as it is', async t => {
  const server = await primary(t)
  const { file } = await closedReplica(t, server)
  const state = fs.readFileSync(`${file}-replica`)
  for (const place of [0, 4096]) state.fill(0, place + 84, place + 124)
  fs.writeFileSync(`${file}-replica`, state)
  using(file, db => {
    assert.equal(db.sync().frames_synced, 0)
  }, { syncUrl: server.url })
  // From then on it does.
  await CHANGES.attach(file)
  const db = await open(t, file, { syncUrl: server.url })
  await assert.rejects(async () => db.sync(), CHANGED)
})
