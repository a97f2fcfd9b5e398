'use strict'

// What a primary may say of its log, what the way to it does with that, and what the log may hold.
const assert = require('node:assert/strict')
const fs = require('node:fs')
const path = require('node:path')
const { setTimeout: sleep } = require('node:timers/promises')
const Sync = require('../..')
const { faults, startFaulty } = require('../servers/faulty')
const {
  GRPC, HEADER, PAGE, crc64, framesBody, makeFrame, readFrames, readParts, statusBody, trailers,
  writeParts
} = require('../servers/grpc')
const { readFields, stringField, writeVarint } = require('../servers/hrana')
const { makeJwt, makeJwtKey } = require('../servers/jwt')
const {
  APIS, LIMIT, MANY, SETUP, all, dump, fails, follows, isIdentical, isSound, open, primary,
  replica, write
} = require('../servers/replica')
const { served, startSqld } = require('../servers/sqld')
const { IN_TIME, isSqliteError, tempDir, tempFile, until } = require('../support')

// What the primary says, and the way to it

/** A proxy before a server, a replica that is behind, and one that has nothing yet. */
async function behind (t, requestTimeout = 20 * LIMIT) {
  const server = await primary(t)
  const proxy = await startFaulty(t, { target: server.url })
  const options = { syncUrl: proxy.url, requestTimeout }
  const old = await replica(t, proxy, options)
  const fresh = await open(t, tempFile(t), options, 'promises')
  const content = await dump(old)
  write(server, "INSERT INTO t VALUES (4, 'four')")
  // It has begun no session: the next sync does.
  proxy.script(faults.status(500))
  await fails(() => old.sync(), 'REMOTE_STATUS')
  const first = [() => fresh.sync(), () => fresh.prepare('SELECT a FROM t')]
  return {
    server,
    proxy,
    old,
    first,
    /** Each sync fails as it should and in time, and the file is as it was. */
    async fails (fault, code, message, calls = [() => old.sync(), ...first]) {
      proxy.always(fault)
      const times = await Promise.all(calls.map(call => fails(call, code, message)))
      assert.ok(Math.max(...times) < LIMIT + IN_TIME, `${times} ms`)
      await isSound(old, content)
      proxy.always(faults.pass)
    },
    async recover () {
      for (const db of [old, fresh]) await follows(db, server)
      write(server, "INSERT INTO t VALUES (5, 'five')")
      for (const db of [old, fresh]) assert.ok((await follows(db, server)).frames_synced > 0)
    }
  }
}

const ended = (...args) => faults.answer(statusBody(...args), GRPC)
const parts = edit => faults.edited(body => writeParts(edit(readParts(body))))
const frames = edit => faults.edited(body => {
  const list = readFrames(body)
  return list.length === 0 ? body : framesBody(edit(list).map(({ bytes }) => bytes))
})
const lastFrame = edit => frames(list => {
  edit(list.at(-1).bytes)
  return list
})
const flip = at => lastFrame(bytes => { bytes[at] ^= 1 })
const cut = length => faults.edited(body => body.subarray(0, length))

for (const method of ['Hello', 'BatchLogEntries']) {
  served(`what ${method} may answer: one error each, and the file is as it was`, async t => {
    const { fails, recover } = await behind(t)
    for (const [code, fault, message] of [
      ['REMOTE_AUTH', faults.status(401)], ['REMOTE_AUTH', faults.status(403, 'html')],
      ['REMOTE_STATUS', faults.status(404, 'empty')], ['REMOTE_STATUS', faults.status(500, 'nonUtf8')],
      ['REMOTE_STATUS', faults.status(503)], ['REMOTE_STATUS', faults.redirect('/elsewhere', 307)],
      ['REMOTE_AUTH', ended(16, 'who are you?'), /gRPC status 16: who are you\?$/], ['REMOTE_AUTH', ended(7)],
      ['REMOTE_STATUS', ended(5, 'not\nhere\0\u00e9'), /gRPC status 5: not\nhere\0\u00e9$/],
      ['REMOTE_STATUS', faults.status(200, 'text', { 'content-type': GRPC, 'grpc-status': '5', 'grpc-message': 'gone%20away' }), /5: gone away$/],
      ['REMOTE_PROTOCOL', ended('x')], ['REMOTE_PROTOCOL', faults.answer('', GRPC)],
      ['REMOTE_PROTOCOL', faults.status(200, 'html'), /: not gRPC$/], ['REMOTE_PROTOCOL', faults.garbage, /: not gRPC$/],
      ['REMOTE_PROTOCOL', faults.answer(Buffer.alloc(1000, 0x9b), GRPC)], ['REMOTE_PROTOCOL', faults.answer(Buffer.alloc(1000), GRPC)],
      ['REMOTE_PROTOCOL', parts(([{ data }, end]) => [{ flags: 1, data }, end]), /what the replication protocol says$/],
      ['REMOTE_PROTOCOL', parts(([{ data }, end]) => [{ flags: 0, data: data.subarray(1) }, end])],
      ['REMOTE_PROTOCOL', parts(([message]) => [message]), /ends too early$/],
      ['REMOTE_PROTOCOL', parts(all => [...all, { flags: 0, data: Buffer.alloc(9) }])],
      ['REMOTE_PROTOCOL', cut(3), /ends too early$/], ['REMOTE_PROTOCOL', cut(20)], ['REMOTE_PROTOCOL', cut(-1)],
      ['REMOTE_UNREACHABLE', faults.truncate], ['REMOTE_UNREACHABLE', faults.resetBefore], ['REMOTE_UNREACHABLE', faults.refuse]
    ]) await fails(faults.on(method, fault), code, message)
    await recover()
  })
}

served('a greeting that makes no sense is an error', async t => {
  const { fails, recover } = await behind(t)
  const greet = (number, bytes) => parts(([{ data }, end]) => {
    const kept = readFields(data).filter(field => field.number !== number)
    return [{ flags: 0, data: Buffer.concat([...kept.map(field => field.bytes), bytes]) }, end]
  })
  const index = value => Buffer.concat([Buffer.of(5 << 3), writeVarint(value)])
  for (const [fault, message] of [
    [greet(3, stringField(3, 'no number')), /the log has no valid number$/],
    [greet(3, stringField(3, '\u00e9'.repeat(16))), /the log has no valid number$/],
    [greet(3, Buffer.alloc(0)), /the log has no valid number$/],
    [greet(4, stringField(4, 'two\r\nlines: yes')), /the session has no valid name$/],
    // It has not so many frames.
    [greet(5, index(1000)), /the log ends too early$/],
    [greet(5, index(Number.MAX_SAFE_INTEGER)), /the log ends too early$/],
    [greet(5, Buffer.of(5 << 3, ...Array(9).fill(255), 1)), /the log ends too early$/]
  ]) await fails(faults.on('Hello', fault), 'REMOTE_PROTOCOL', message)
  await recover()
})

served('what comes too late or not at all ends in time', async t => {
  const { fails, recover } = await behind(t, LIMIT)
  for (const method of ['Hello', 'BatchLogEntries']) {
    for (const fault of [faults.silent, faults.slowHeaders(200), faults.trickle(100)]) {
      await fails(faults.on(method, fault), 'REMOTE_TIMEOUT', `The server did not reply within ${LIMIT} ms`)
    }
    // This may be of a moment only, and is waited for.
    await fails(faults.on(method, ended(14, 'busy')), 'REMOTE_STATUS', /status 14: busy$/)
    await fails(faults.on(method, ended(13)), 'REMOTE_STATUS')
  }
  await recover()
})

served('frames that are not what they should be: one error each, and the file is as it was', async t => {
  const { fails, first, recover } = await behind(t)
  const wrong = (edit, ...rest) => {
    return fails(faults.on('BatchLogEntries', edit), 'REMOTE_PROTOCOL', ...rest)
  }
  await wrong(ended(9, 'NO_HELLO'))
  await wrong(faults.answer(framesBody([]), GRPC), /the log ends too early$/)
  await wrong(faults.answer(framesBody([Buffer.alloc(0)]), GRPC), /malformed frame$/)
  await wrong(frames(list => [...list, { bytes: Buffer.alloc(10) }]), /malformed frame$/)
  await wrong(frames(list => {
    return [...list.slice(0, -1), { bytes: list.at(-1).bytes.subarray(1) }]
  }), /malformed frame$/)
  const junk = { bytes: Buffer.alloc(HEADER + PAGE, 0x9b) }
  await wrong(frames(list => [...list, junk]), /a frame is missing$/)
  await wrong(frames(list => [...list, list.at(-1)]), /a frame is missing$/)
  await wrong(flip(0), /a frame is missing$/)
  for (const at of [8, 15, HEADER, HEADER + 99, HEADER + PAGE - 1]) {
    await wrong(flip(at), /the checksum of a frame is wrong$/)
  }
  await wrong(lastFrame(bytes => bytes.writeUInt32LE(0, 16)), /malformed page$/)
  // The last transaction never ends.
  await wrong(lastFrame(bytes => bytes.writeUInt32LE(0, 20)), /its last transaction is not whole$/)
  await wrong(frames(list => list.slice(1)), /a frame is missing$/, first)
  await wrong(frames(list => list.toSpliced(1, 1)), /a frame is missing$/, first)
  await wrong(lastFrame(bytes => bytes.writeUInt32LE(99, 20)), /a page is missing$/, first)
  await wrong(frames(list => {
    for (const { page, bytes } of list) if (page === 2) bytes.writeUInt32LE(3, 16)
    return list
  }), /a page is missing$/, first)
  // All is right of this one, but that it is a page of a database.
  await wrong(frames(list => {
    const before = list.at(-1).bytes.readBigUInt64LE(8)
    assert.equal(crc64(list[0].bytes.subarray(HEADER), 0n), list[0].bytes.readBigUInt64LE(8))
    const last = { number: list.length, page: 1, size: 1 }
    return [...list, { bytes: makeFrame(last, Buffer.alloc(PAGE, 7), before) }]
  }), /malformed page$/, first)
  await recover()
})

served('100 MB of junk are not read to the end', async t => {
  const { proxy, fails, recover } = await behind(t)
  const head = Buffer.from([0, 0x06, 0x40, 0, 0])
  const huge = (start) => faults.huge(100 << 20, GRPC, start)
  await fails(faults.on('Hello', huge(head)), 'REMOTE_PROTOCOL')
  await fails(faults.on('BatchLogEntries', huge(head)), 'REMOTE_PROTOCOL')
  await fails(faults.on('BatchLogEntries', huge(writeParts([trailers(0)]))), 'REMOTE_PROTOCOL')
  const begun = proxy.requests.filter(({ fault }) => fault === 'huge')
  await recover()
  assert.ok(begun.length > 5)
  // The proxy was left while it was writing.
  await until(() => begun.every(({ error }) => error?.name === 'AbortError'), 'the end of junk')
})

served('a log is not followed to another origin, and at its own once', async t => {
  const { server, proxy, fails, recover } = await behind(t)
  const other = await startFaulty(t, { target: server.url })
  for (const method of ['Hello', 'BatchLogEntries']) {
    for (const status of [301, 302, 307, 308]) {
      const fault = faults.redirect(`${other.url}/wal_log.ReplicationLog/${method}`, status)
      await fails(faults.on(method, fault), 'REMOTE_STATUS', /redirects/)
    }
    const again = faults.redirect(`/wal_log.ReplicationLog/${method}`, 307)
    await fails(faults.on(method, again), 'REMOTE_STATUS', /redirects in a way that is not followed/)
  }
  assert.deepEqual([other.requests, other.connections], [[], 0])
  proxy.script(faults.redirect('/wal_log.ReplicationLog/Hello', 307))
  await recover()
})

served('a sync that waits ends by a signal, by its timeout and by interrupt()', async t => {
  const { server, proxy, old: db } = await behind(t)
  for (const method of ['Hello', 'BatchLogEntries']) {
    write(server, 'INSERT INTO t VALUES (0, NULL)')
    const content = await dump(db)
    proxy.always(faults.on(method, faults.silent))
    await assert.rejects(db.sync({ signal: AbortSignal.timeout(50) }), { name: 'AbortError' })
    await fails(() => db.sync({ timeout: 50 }), 'SQLITE_INTERRUPT')
    await isSound(db, content)
    proxy.always(faults.pass)
    await follows(db, server)
  }
  proxy.always(faults.silent)
  const waiting = fails(() => db.sync(), 'SQLITE_INTERRUPT')
  await sleep(50)
  db.interrupt()
  assert.ok(await waiting < IN_TIME)
})

served('what was written is read, or it is an error: never the state before', async t => {
  const server = await primary(t)
  const proxy = await startFaulty(t, { target: server.url })
  const db = await replica(t, proxy)
  const careless = await replica(t, proxy, { readYourWrites: false })
  const content = await dump(db)
  let n = 100
  for (const fault of [faults.status(500), faults.resetAfter, flip(HEADER), faults.garbage]) {
    proxy.always(faults.on('BatchLogEntries', fault))
    const written = ++n
    await db.run('INSERT INTO t VALUES (?, ?)', [written, 'mine'])
    await assert.rejects(db.get('SELECT max(a) AS a FROM t'), ({ code }) => code.startsWith('REMOTE_'))
    await assert.rejects(db.all('SELECT 1'), ({ code }) => code.startsWith('REMOTE_'))
    // What the primary says itself is as it is.
    assert.deepEqual(await db.transaction(() => db.get('SELECT max(a) AS a FROM t'))(), { a: written })
    await isSound(careless, content)
    proxy.always(faults.pass)
    assert.deepEqual(await db.get('SELECT max(a) AS a FROM t'), { a: written })
  }
  await isIdentical(db, server)
  // Also where the log is another one since.
  for (const how of ['stop', 'kill']) {
    const sync = await replica(t, server)
    await server[how]()
    await server.start()
    await sync.prepare('SELECT 1').all()
    await retried(() => db.run('INSERT INTO t VALUES (?, ?)', [++n, how]))
    assert.deepEqual(await db.get('SELECT max(a) AS a FROM t'), { a: n })
    await retried(() => sync.prepare('INSERT INTO t VALUES (?, ?)').run(++n, how))
    assert.deepEqual(sync.prepare('SELECT max(a) AS a FROM t').get(), { a: n })
  }
})

/** A write whose connection was to a server that has ended is not sent twice by itself. */
async function retried (write) {
  try {
    await write()
  } catch (error) {
    isSqliteError('REMOTE_UNREACHABLE')(error)
    await write()
  }
}

served('a replica that syncs by itself goes on after errors', async t => {
  const server = await primary(t)
  const proxy = await startFaulty(t, { target: server.url })
  const db = await replica(t, proxy, { syncPeriod: 0.01 })
  const content = await dump(db)
  // One sync after the other: what was on its way before has ended then.
  const fail = async fault => {
    proxy.always(fault)
    const { length } = proxy.requests
    const { connections } = proxy
    await until(() => proxy.requests.length + proxy.connections > length + connections + 3, 'syncs')
    await isSound(db, content)
  }
  await fail(faults.status(500))
  write(server, "INSERT INTO t VALUES (4, 'four')")
  for (const fault of [faults.garbage, faults.refuse, faults.resetBefore]) await fail(fault)
  proxy.always(faults.pass)
  const four = await db.prepare('SELECT count(*) AS n FROM t WHERE a = 4')
  await until(async () => (await four.get()).n === 1, 'the row')
  await isIdentical(db, server)
})

served('tokens and namespaces reach the log', async t => {
  const key = makeJwtKey()
  const server = await startSqld(t, { jwtKey: key.publicKey, namespaces: true })
  await server.createNamespace('one')
  await server.createNamespace('two')
  const authToken = makeJwt(key, { expiresIn: 600 })
  for (const namespace of ['one', 'two']) {
    const setup = `CREATE TABLE t (a); INSERT INTO t VALUES ('${namespace}')`
    write(server, setup, { namespace, authToken })
  }
  const expired = makeJwt(key, { expiresIn: -600 })
  for (const api of Object.keys(APIS)) {
    const file = tempFile(t)
    for (const options of [{}, { authToken: expired }, { authToken: 'nonsense' }]) {
      const db = await open(t, file, { syncUrl: server.url, namespace: 'one', ...options }, api)
      await assert.rejects(async () => db.sync(), error => {
        isSqliteError('REMOTE_AUTH')(error)
        return !options.authToken || !error.stack.includes(options.authToken)
      })
      await db.close()
    }
    const db = await replica(t, server, { api, file, authToken, namespace: 'one' })
    assert.deepEqual(await all(db, 'SELECT a FROM t'), [{ a: 'one' }])
    await db.close()
    // Another namespace is another database.
    const two = await open(t, file, { syncUrl: server.url, authToken, namespace: 'two' }, api)
    await fails(() => two.sync(), 'SYNC_GENERATION')
    await two.resync()
    assert.deepEqual(await all(two, 'SELECT a FROM t'), [{ a: 'two' }])
  }
})

// What the primary does

served('a log that was compacted is caught up with by its snapshots', async t => {
  const server = await primary(t, { flags: ['--max-log-size', '1'] })
  const proxy = await startFaulty(t, { target: server.url })
  const old = await replica(t, proxy)
  const promised = await replica(t, proxy, { encryptionKey: 'k' })
  const place = path.join(server.dir, 'data', 'dbs', 'default')
  const list = (name) => {
    const dir = path.join(place, name)
    return fs.existsSync(dir) ? fs.readdirSync(dir) : []
  }
  // Until the log begins anew, and what was in it is in snapshots.
  const compact = async () => {
    const before = String(list('snapshots'))
    for (let i = 0; i < 6; ++i) {
      write(server, `INSERT INTO t ${MANY} 200) SELECT i, ${i} || hex(randomblob(1000)) FROM n; UPDATE t SET a = a + 1 WHERE a % 50 = 0`)
    }
    const isDone = () => list('to_compact').length === 0 && String(list('snapshots')) !== before
    await until(isDone, 'a snapshot')
  }
  const asked = () => proxy.requests.filter(({ path }) => path.endsWith('/Snapshot')).length
  for (let round = 1; round < 3; ++round) {
    const before = asked()
    await compact()
    for (const db of [old, promised, await replica(t, proxy)]) await follows(db, server)
    assert.ok(asked() >= before + 2, 'no snapshot was needed')
    // And on from there by frames.
    write(server, `DELETE FROM t WHERE a = ${round}`)
    for (const db of [old, promised]) await follows(db, server)
  }
  // A snapshot may be wrong too.
  await compact()
  const content = await dump(old)
  const fresh = await open(t, tempFile(t), { syncUrl: proxy.url }, 'promises')
  for (const [edit, message, dbs = [old, fresh]] of [
    [([first, second, ...rest]) => [second, first, ...rest], /in disorder$/],
    [all => all.slice(0, -1), /ends too early$/],
    [([first, ...rest]) => [{ flags: 0, data: first.data.subarray(0, 100) }, ...rest], /malformed frame$/],
    [([first, ...rest]) => [{ flags: 1, data: first.data }, ...rest]],
    // Only one that needs all pages knows that one is missing.
    [([first, second, ...rest]) => [first, ...rest], /a page is missing$/, [fresh]]
  ]) {
    proxy.always(faults.on('Snapshot', parts(edit)))
    for (const db of dbs) await fails(() => db.sync(), 'REMOTE_PROTOCOL', message)
    await isSound(old, content)
  }
  proxy.always(faults.pass)
  for (const db of [old, promised, fresh]) await follows(db, server)
})

served('a transaction that comes in pieces is one', async t => {
  const server = await primary(t)
  const proxy = await startFaulty(t, { target: server.url })
  const db = await replica(t, proxy)
  const content = await dump(db)
  write(server, "INSERT INTO t VALUES (4, 'four')")
  // While the replica asks, somebody writes a large one.
  let pieces = 0
  proxy.always(faults.on('BatchLogEntries', async exchange => {
    if (pieces++ === 0) write(server, `INSERT INTO t ${MANY} 500) SELECT i, hex(randomblob(100)) FROM n`)
    await isSound(db, content)
    await frames(list => list.slice(0, 3))(exchange)
  }))
  const { frames_synced: count } = await db.sync()
  await isIdentical(db, server)
  assert.ok(pieces === Math.ceil(count / 3) && pieces > 5, `${count} frames in ${pieces} pieces`)
})

/** A server whose database gives back the pages that it does not need, as VACUUM may not there. */
async function shrinking (t) {
  const dir = tempDir(t)
  const place = path.join(dir, 'data', 'dbs', 'default')
  fs.mkdirSync(place, { recursive: true })
  const db = new Sync(path.join(place, 'data'))
  db.pragma('auto_vacuum = FULL')
  db.pragma('journal_mode = WAL')
  db.exec(SETUP)
  db.close()
  return startSqld(t, { dir })
}

served('thousands of pages in one transaction, and a database that shrinks', async t => {
  const server = await shrinking(t)
  const db = await replica(t, server)
  const file = db.name
  const pages = async (db) => db.pragma('page_count', { simple: true })
  const shrunken = async () => {
    const there = new Sync(server.url)
    assert.equal(await pages(db), await pages(there))
    there.close()
    assert.ok(await pages(db) < 60)
  }
  const grow = `INSERT INTO t ${MANY} 12000) SELECT i, hex(randomblob(300)) FROM n`
  const shrink = 'DELETE FROM t WHERE a > 50'
  write(server, grow)
  assert.ok((await follows(db, server)).frames_synced > 1500)
  assert.ok(await pages(db) > 1500)
  write(server, shrink)
  await follows(db, server)
  await shrunken()
  // In one sync, and shrinking and growing again in between.
  write(server, `${grow}; ${shrink}`)
  await follows(db, server)
  await shrunken()
  write(server, grow)
  await follows(db, server)
  write(server, `${shrink}; INSERT INTO t ${MANY} 40) SELECT i, hex(randomblob(300)) FROM n`)
  await follows(db, server)
  await shrunken()
  const last = await pages(db)
  db.close()
  // The room is given back.
  assert.equal(fs.statSync(file).size, last * PAGE)
  const again = await open(t, file, { syncUrl: server.url })
  assert.equal(again.pragma('page_size', { simple: true }), PAGE)
  await isIdentical(again, server)
  // Starting over with less than there is.
  write(server, grow)
  await follows(again, server)
  await server.stop()
  fs.rmSync(path.join(server.dir, 'data'), { recursive: true })
  await server.start()
  write(server, SETUP)
  await follows(again, server)
  again.close()
  assert.ok(fs.statSync(file).size < 20 * PAGE)
})

served('the schema changes while statements are prepared', async t => {
  const server = await primary(t)
  const [db, promised] = [await replica(t, server), await replica(t, server, { api: 'promises' })]
  const texts = ['SELECT * FROM t', 'SELECT count(*) AS n FROM t', 'SELECT a FROM t WHERE a > 1']
  const prepared = []
  for (const each of [db, promised]) {
    for (const text of texts) prepared.push({ each, text, stmt: await each.prepare(text) })
  }
  for (const change of [
    'ALTER TABLE t ADD COLUMN c DEFAULT 5', 'DROP INDEX i', 'ALTER TABLE t DROP COLUMN b',
    "CREATE TABLE u AS SELECT * FROM t; DROP TABLE t; CREATE TABLE t (z, a); INSERT INTO t VALUES ('z', 3)",
    'CREATE VIEW v AS SELECT a FROM t; CREATE TRIGGER r AFTER INSERT ON u BEGIN DELETE FROM t; END',
    'INSERT INTO u (a) VALUES (1)'
  ]) {
    write(server, change)
    for (const each of [db, promised]) await follows(each, server)
    const there = new Sync(server.url)
    for (const { stmt, text } of prepared) {
      assert.deepEqual(await stmt.all(), there.prepare(text).all(), `${change}: ${text}`)
    }
    there.close()
  }
  write(server, 'DROP TABLE t')
  for (const { each, stmt } of prepared) {
    await each.sync()
    await fails(() => stmt.all(), 'SQLITE_ERROR', /no such table/)
  }
})
