'use strict'

// What a replica does when something is wrong with its files, with who has them, or with whom they
// follow. test/fault/97.replica-log.js has what may be wrong with the log.
const assert = require('node:assert/strict')
const { once } = require('node:events')
const fs = require('node:fs')
const path = require('node:path')
const Sync = require('../..')
const { faults, startFaulty } = require('../servers/faulty')
const { PAGE } = require('../servers/grpc')
const {
  APIS, LIMIT, MANY, MARKER, SETUP, all, bytesOf, closedReplica, dump, fails, follows, isIdentical,
  isSound, open, primary, replica, write
} = require('../servers/replica')
const { served } = require('../servers/sqld')
const { child, tempDir, tempFile, until } = require('../support')

// Where the two records of a state file begin, and how long they are.
const PLACES = [0, 4096]
const RECORD = 84

/** A copy of a closed replica. */
function copy (t, file) {
  const to = tempFile(t)
  for (const suffix of ['', '-replica']) fs.copyFileSync(file + suffix, to + suffix)
  return to
}

function overwrite (file, bytes, at) {
  const fd = fs.openSync(file, 'r+')
  fs.writeSync(fd, bytes, 0, bytes.length, at)
  fs.closeSync(fd)
}

function newestPlace (state) {
  const turn = place => state.readBigUInt64LE(place + 20)
  return PLACES.reduce((a, b) => turn(a) > turn(b) ? a : b)
}

// Opening

served('a file that was there before is refused and left as it is', async t => {
  const server = await primary(t)
  const plain = tempFile(t)
  const db = new Sync(plain)
  db.exec("CREATE TABLE mine (a); INSERT INTO mine VALUES ('precious')")
  db.close()
  const text = tempFile(t)
  fs.writeFileSync(text, 'no database at all')
  const encrypted = tempFile(t)
  const secret = new Sync(encrypted, { encryptionKey: 'k' })
  secret.exec('CREATE TABLE mine (a)')
  secret.close()
  for (const file of [plain, text, encrypted]) {
    const before = bytesOf(file)
    for (const api of Object.keys(APIS)) {
      for (const options of [{}, { resync: true }, { encryptionKey: 'k' }]) {
        await fails(() => open(t, file, { syncUrl: server.url, ...options }, api), 'SYNC_FOREIGN', /is not a replica \(no .*-replica" beside it\) and was left untouched/)
        assert.deepEqual(bytesOf(file), before)
      }
    }
  }
  // Without what is written down of it, a replica is no longer known as one.
  const { file } = await closedReplica(t, server)
  fs.rmSync(`${file}-replica`)
  const before = bytesOf(file)
  await fails(() => open(t, file, { syncUrl: server.url }), 'SYNC_FOREIGN')
  assert.deepEqual(bytesOf(file), before)
})

served('either record of the position may be torn, and the replica opens', async t => {
  const server = await primary(t)
  const { file, content } = await closedReplica(t, server)
  write(server, "UPDATE t SET b = 'later' WHERE a = 2")
  const damage = {
    empty: Buffer.alloc(RECORD),
    garbage: Buffer.alloc(RECORD, 0x9b),
    magic: Buffer.from('ferrolite replica 2'),
    tail: Buffer.alloc(8)
  }
  for (const place of PLACES) {
    for (const [kind, bytes] of Object.entries(damage)) {
      const torn = copy(t, file)
      const at = place + (kind === 'tail' ? RECORD - bytes.length : 0)
      overwrite(`${torn}-replica`, bytes, at)
      const db = await open(t, torn, { syncUrl: server.url })
      await isSound(db, content)
      await follows(db, server)
      db.close()
    }
    // Each field is covered.
    for (let at = 20; at < RECORD; at += 8) {
      const torn = copy(t, file)
      const byte = fs.readFileSync(`${torn}-replica`)[place + at] ^ 1
      overwrite(`${torn}-replica`, Buffer.of(byte), place + at)
      const db = await open(t, torn, { syncUrl: server.url })
      await follows(db, server)
      db.close()
    }
  }
  const short = copy(t, file)
  fs.truncateSync(`${short}-replica`, PLACES[1] + 40)
  await follows(await open(t, short, { syncUrl: server.url }), server)
})

served('a position that cannot be read is an error, and "resync" starts over', async t => {
  const server = await primary(t)
  const { file } = await closedReplica(t, server)
  const whole = fs.readFileSync(`${file}-replica`)
  const both = (bytes, at = 0) => {
    const torn = Buffer.from(whole)
    for (const place of PLACES) bytes.copy(torn, place + at)
    return torn
  }
  for (const torn of [
    both(Buffer.alloc(RECORD)), both(Buffer.alloc(RECORD, 0x9b)), both(Buffer.alloc(8), 20),
    whole.subarray(0, 0), whole.subarray(0, 1), whole.subarray(0, RECORD - 1),
    Buffer.from('something else')
  ]) {
    const damaged = copy(t, file)
    fs.writeFileSync(`${damaged}-replica`, torn)
    const before = bytesOf(damaged)
    for (const api of Object.keys(APIS)) {
      await fails(() => open(t, damaged, { syncUrl: server.url }, api), 'SYNC_DAMAGED', /open it with the option "resync"/)
    }
    assert.deepEqual(bytesOf(damaged), before)
    const db = await open(t, damaged, { syncUrl: server.url, resync: true })
    await isIdentical(db, server)
    assert.equal((await follows(db, server)).frames_synced, 0)
    db.close()
    await isSound(await open(t, damaged, { syncUrl: server.url }))
  }
})

served('a file that is missing is fetched again', async t => {
  const server = await primary(t)
  for (const suffixes of [[''], ['', '-wal', '-shm']]) {
    const { file } = await closedReplica(t, server)
    // As after a crash: what was beside the file stays behind.
    fs.writeFileSync(`${file}-wal`, Buffer.alloc(5000, 1))
    for (const suffix of suffixes) fs.rmSync(file + suffix, { force: true })
    const db = await open(t, file, { syncUrl: server.url })
    await isIdentical(db, server)
    await follows(db, server)
  }
})

served('a replica needs no server to be opened and read, once it has something', async t => {
  const server = await primary(t)
  const { file, content } = await closedReplica(t, server)
  const synced = await Promise.all(Object.keys(APIS).map(api => replica(t, server, { api })))
  await server.stop()
  // Not even for the first read after the first sync.
  for (const db of synced) await isSound(db, content)
  for (const api of Object.keys(APIS)) {
    const db = await open(t, file, { syncUrl: server.url, requestTimeout: LIMIT }, api)
    await isSound(db, content)
    await fails(() => db.sync(), 'REMOTE_UNREACHABLE')
    await fails(() => db.resync(), 'REMOTE_UNREACHABLE')
    await isSound(db, content)
    await db.close()
    const nothing = await open(t, tempFile(t), { syncUrl: server.url, requestTimeout: LIMIT }, api)
    await fails(() => all(nothing, 'SELECT * FROM t'), 'REMOTE_UNREACHABLE')
    await nothing.close()
  }
})

served('a damaged file is an error, and "resync" and resync() mend it', async t => {
  const server = await primary(t, {}, `${SETUP}; INSERT INTO t ${MANY} 2000) SELECT i, hex(randomblob(20)) FROM n`)
  const { file } = await closedReplica(t, server)
  const damaged = at => {
    const to = copy(t, file)
    overwrite(to, Buffer.alloc(PAGE, 0x9b), at)
    return to
  }
  for (const api of Object.keys(APIS)) {
    const header = damaged(0)
    const before = bytesOf(header)
    await fails(() => open(t, header, { syncUrl: server.url }, api), 'SQLITE_NOTADB')
    assert.deepEqual(bytesOf(header)['test.db'], before['test.db'])
    const renewed = await open(t, header, { syncUrl: server.url, resync: true }, api)
    await follows(renewed, server)
    await renewed.close()
    const page = damaged(3 * PAGE)
    const db = await open(t, page, { syncUrl: server.url }, api)
    await fails(() => all(db, 'SELECT * FROM t NOT INDEXED ORDER BY b'), 'SYNC_CONFLICT')
    assert.ok((await db.resync()).frames_synced > 3)
    await isIdentical(db, server)
    await db.close()
    const again = await open(t, damaged(3 * PAGE), { syncUrl: server.url, resync: true }, api)
    await isIdentical(again, server)
  }
})

served('a file whose pages are of another size is none of ours', async t => {
  const server = await primary(t)
  const { file } = await closedReplica(t, server)
  fs.rmSync(file)
  const db = new Sync(file)
  db.exec(`PRAGMA page_size = 8192; ${SETUP}`)
  db.close()
  for (const api of Object.keys(APIS)) {
    await fails(() => open(t, file, { syncUrl: server.url }, api), 'SQLITE_NOTADB', /4096 bytes/)
  }
  const renewed = await open(t, file, { syncUrl: server.url, resync: true })
  await isIdentical(renewed, server)
  assert.equal(renewed.pragma('page_size', { simple: true }), PAGE)
})

served('an encrypted replica: never a word in the clear, and only its own key opens it', async t => {
  const server = await primary(t)
  const file = tempFile(t)
  const clear = () => {
    const isClear = ([, bytes]) => [MARKER, 'CREATE TABLE'].some(text => bytes.includes(text))
    return Object.entries(bytesOf(file)).filter(isClear)
  }
  const db = await replica(t, server, { file, encryptionKey: 'right' })
  await isIdentical(db, server)
  assert.deepEqual(clear(), [])
  write(server, `INSERT INTO t ${MANY} 1000) SELECT i, '${MARKER}' FROM n; CREATE TABLE u AS SELECT * FROM t`)
  await follows(db, server)
  assert.ok(Object.keys(bytesOf(file)).includes('test.db-wal'))
  assert.deepEqual(clear(), [])
  db.close()
  assert.deepEqual(clear(), [])
  const before = bytesOf(file)
  for (const api of Object.keys(APIS)) {
    for (const encryptionKey of ['wrong', undefined]) {
      await fails(() => open(t, file, { syncUrl: server.url, encryptionKey }, api), 'SQLITE_NOTADB')
      assert.deepEqual(bytesOf(file), before)
    }
  }
  const again = await open(t, file, { syncUrl: server.url, encryptionKey: 'right' })
  await follows(again, server)
  again.close()
  const plain = await closedReplica(t, server)
  await fails(() => open(t, plain.file, { syncUrl: server.url, encryptionKey: 'right' }), 'SQLITE_NOTADB')
  await isSound(await open(t, plain.file, { syncUrl: server.url }), plain.content)
})

// As libsql has it: the log's number, the last frame, and what is not known here.
function walIndex (log, frame, length = 32) {
  const record = Buffer.alloc(32)
  log.copy(record)
  record.writeBigUInt64LE(BigInt(frame), 16)
  return record.subarray(0, length)
}

served('a replica of libsql is taken over where it is, if what libsql says of it can be read', async t => {
  const server = await primary(t)
  const { file } = await closedReplica(t, server)
  const state = fs.readFileSync(`${file}-replica`)
  const newest = newestPlace(state)
  const log = state.subarray(newest + 36, newest + 52)
  const frame = Number(state.readBigUInt64LE(newest + 52))
  write(server, 'INSERT INTO t VALUES (5, NULL)')
  const left = (record) => {
    const to = copy(t, file)
    fs.rmSync(`${to}-replica`)
    fs.writeFileSync(`${to}-client_wal_index`, record)
    return to
  }
  const options = { syncUrl: server.url }
  for (const api of Object.keys(APIS)) {
    await fails(() => open(t, left(walIndex(log, frame, 31)), options, api), 'SYNC_FOREIGN')
    const db = await open(t, left(walIndex(log, frame)), options, api)
    const { frames_synced: missing, frame_no: last } = await follows(db, server)
    assert.deepEqual([missing, last], [2, frame + 2])
    // Of another log, and from before the first frame.
    for (const record of [walIndex(Buffer.alloc(16, 7), frame), walIndex(log, 2n ** 64n - 1n)]) {
      const other = await open(t, left(record), options, api)
      await isSound(other)
      await other.sync()
      await isIdentical(other, server)
    }
  }
})

const Libsql = (() => {
  try {
    return require('libsql')
  } catch {
    return null
  }
})()

// It comes with @libsql/client, where it has a binary.
served('a file that libsql itself has made a replica of', async t => {
  if (Libsql === null) return t.skip('libsql has no binary for this machine')
  const server = await primary(t)
  for (const options of [{}, { encryptionKey: 'k' }]) {
    const file = tempFile(t)
    const peer = new Libsql(file, { syncUrl: server.url, ...options })
    peer.sync()
    peer.close()
    write(server, 'INSERT INTO t VALUES (6, NULL)')
    const db = await open(t, file, { syncUrl: server.url, ...options })
    assert.equal((await follows(db, server)).frames_synced, 2)
    db.close()
    const again = await open(t, file, { syncUrl: server.url, ...options }, 'promises')
    await isIdentical(again, server)
  }
})

// Who else has it

served('the files of a replica stay together when the process goes to another folder', async t => {
  const server = await primary(t)
  const before = process.cwd()
  for (const api of Object.keys(APIS)) {
    const [here, there] = [tempDir(t), tempDir(t)]
    process.chdir(here)
    try {
      const opening = open(t, 'replica.db', { syncUrl: server.url }, api)
      process.chdir(there)
      const db = await opening
      await follows(db, server)
      await db.resync()
      await isIdentical(db, server)
      assert.equal(db.name, 'replica.db')
      await db.close()
    } finally {
      process.chdir(before)
    }
    assert.deepEqual(fs.readdirSync(there), [])
    assert.deepEqual(fs.readdirSync(here).sort(), ['replica.db', 'replica.db-replica'])
  }
})

served('a replica has one owner, until that has closed it or is killed', async t => {
  const server = await primary(t)
  const file = tempFile(t)
  const db = await replica(t, server, { file })
  const options = { syncUrl: server.url }
  for (const api of Object.keys(APIS)) await fails(() => open(t, file, options, api), 'SYNC_LOCKED', /already open as a replica/)
  await isIdentical(db, server)
  db.close()
  let proc
  const owner = child((file, options) => {
    const db = new Database(file, options) // eslint-disable-line no-undef
    db.sync()
    console.log('owned')
    setInterval(() => {}, 1000)
  }, { args: [file, options], started: started => { proc = started } })
  await until(() => proc !== undefined, 'the process')
  await once(proc.stdout, 'data')
  for (const api of Object.keys(APIS)) await fails(() => open(t, file, options, api), 'SYNC_LOCKED')
  proc.kill('SIGKILL')
  assert.equal((await owner).signal, 'SIGKILL')
  await follows(await open(t, file, options), server)
})

/** Writes as another program does that knows nothing of replicas. */
function intrude (file) {
  const db = new Sync(':memory:')
  db.exec(`ATTACH '${file}' AS r; INSERT INTO r.t VALUES (9, 'intruder')`)
  db.close()
}

served('another program that writes into the replica is noticed, and resync() starts over', async t => {
  const server = await primary(t)
  const proxy = await startFaulty(t, { target: server.url })
  const places = {
    here: intrude,
    elsewhere: file => child((file) => {
      const db = new Database(':memory:') // eslint-disable-line no-undef
      db.exec(`ATTACH '${file}' AS r; INSERT INTO r.t VALUES (9, 'intruder')`)
    }, { args: [file] })
  }
  for (const [where, write9] of Object.entries(places)) {
    const file = tempFile(t)
    const db = await replica(t, proxy, { file })
    await write9(file)
    write(server, `INSERT INTO t VALUES (5, '${where}')`)
    for (let i = 0; i < 2; ++i) await fails(() => db.sync(), 'SYNC_CONFLICT', /resync\(\) starts over/)
    // A resync() that fails leaves it to the next sync.
    proxy.always(faults.status(500))
    await fails(() => db.resync(), 'REMOTE_STATUS')
    proxy.always(faults.pass)
    if (where === 'here') await follows(db, server)
    else {
      await db.resync()
      await isIdentical(db, server)
    }
    await write9(file)
    write(server, 'INSERT INTO t VALUES (6, NULL)')
    await fails(() => db.sync(), 'SYNC_CONFLICT')
    await db.close()
    // It was noticed, and stays so.
    await follows(await open(t, file, { syncUrl: proxy.url }, 'promises'), server)
  }
})

served('another program that writes while a sync waits for the primary is noticed too', async t => {
  const server = await primary(t)
  const proxy = await startFaulty(t, { target: server.url })
  const db = await replica(t, proxy)
  write(server, "INSERT INTO t VALUES (5, 'five')")
  // After a failure, a sync begins with Hello.
  proxy.script(faults.status(500))
  await fails(() => db.sync(), 'REMOTE_STATUS')
  proxy.script(faults.on('Hello', async exchange => {
    intrude(db.name)
    await faults.pass(exchange)
  }))
  await fails(() => db.sync(), 'SYNC_CONFLICT')
  await fails(() => db.sync(), 'SYNC_CONFLICT')
  await db.resync()
  await isIdentical(db, server)
})

// Another primary, or the same one put back

served('a server that has got another database: the replica gets it, and the old one is gone', async t => {
  const server = await primary(t)
  const db = await replica(t, server)
  const promised = await replica(t, server, { api: 'promises' })
  const old = await Promise.all([db, promised].map(each => each.prepare('SELECT a, b FROM t')))
  const content = await dump(db)
  await server.stop()
  fs.rmSync(path.join(server.dir, 'data'), { recursive: true })
  await server.start()
  for (const each of [db, promised]) {
    await fails(() => each.sync(), 'SYNC_GENERATION', /is empty/)
    await isSound(each, content)
  }
  // As many changes of the schema as the old one had: it has the same schema cookie.
  write(server, "CREATE TABLE other (x, y); CREATE INDEX i ON other (x); INSERT INTO other VALUES (70, 'new')")
  for (const [i, each] of [db, promised].entries()) {
    await each.sync()
    await fails(() => old[i].all(), 'SQLITE_ERROR', 'no such table: t')
    await isIdentical(each, server)
  }
})

served('another server is refused until resync(), and so is the first one then', async t => {
  const one = await primary(t)
  const two = await primary(t, {}, "CREATE TABLE other (x); CREATE TABLE more (y); INSERT INTO other VALUES ('two')")
  const { file, content } = await closedReplica(t, one)
  const at = (server, api) => open(t, file, { syncUrl: server.url }, api)
  for (const api of Object.keys(APIS)) {
    for (let i = 0; i < 2; ++i) {
      const db = await at(two, api)
      await isSound(db, content)
      await fails(() => db.sync(), 'SYNC_GENERATION', /another database than the replica: resync\(\) starts over/)
      await isSound(db, content)
      await db.close()
    }
  }
  const back = await at(one)
  await follows(back, one)
  back.close()
  const db = await at(two)
  await db.resync()
  await isIdentical(db, two)
  db.close()
  const again = await at(one, 'promises')
  await fails(() => again.sync(), 'SYNC_GENERATION')
  await again.resync()
  await isIdentical(again, one)
})

served('an end between the last two steps of starting over is no mixture of two databases', async t => {
  const server = await primary(t)
  const { file } = await closedReplica(t, server)
  const [data, kept] = [path.join(server.dir, 'data'), tempDir(t)]
  await server.stop()
  fs.renameSync(data, path.join(kept, 'data'))
  await server.start()
  write(server, "CREATE TABLE t (a, b); CREATE TABLE other (x); INSERT INTO t VALUES (9, 'other')")
  const db = await open(t, file, { syncUrl: server.url })
  await follows(db, server)
  // The newest record was never written.
  const state = fs.readFileSync(`${file}-replica`)
  state.fill(0, newestPlace(state), newestPlace(state) + RECORD)
  db.close()
  fs.writeFileSync(`${file}-replica`, state)
  // And the first database comes back, and goes on.
  await server.stop()
  fs.rmSync(data, { recursive: true })
  fs.renameSync(path.join(kept, 'data'), data)
  await server.start()
  write(server, "INSERT INTO t VALUES (6, 'more')")
  const again = await open(t, file, { syncUrl: server.url })
  await follows(again, server)
})

served('a primary that was put back to an older state is followed there', async t => {
  const server = await primary(t)
  const db = await replica(t, server)
  const data = path.join(server.dir, 'data')
  const kept = path.join(tempDir(t), 'data')
  await server.stop()
  fs.cpSync(data, kept, { recursive: true })
  await server.start()
  const lose = async (lost, sql) => {
    write(server, lost)
    await follows(db, server)
    await server.stop()
    fs.rmSync(data, { recursive: true })
    fs.cpSync(kept, data, { recursive: true })
    await server.start()
    if (sql) write(server, sql)
    await follows(db, server)
    assert.deepEqual(db.prepare("SELECT count(*) AS n FROM t WHERE b = 'lost'").all(), [{ n: 0 }])
  }
  const lost = `INSERT INTO t ${MANY} 20) SELECT i, 'lost' FROM n; DELETE FROM t WHERE a = 5`
  await lose(lost)
  // Fewer frames than there were, and more.
  await lose(lost, "INSERT INTO t VALUES (7, 'found')")
  await lose(lost, 'INSERT INTO t VALUES (7, NULL); INSERT INTO t VALUES (8, NULL); INSERT INTO t VALUES (9, NULL);' +
    'INSERT INTO t VALUES (10, NULL)')
})

served('a server that is started again, or killed, is found again by the first sync', async t => {
  const server = await primary(t)
  const replicas = [await replica(t, server), await replica(t, server, { api: 'promises' })]
  for (const how of ['stop', 'kill', 'stop', 'kill']) {
    write(server, `INSERT INTO t VALUES (5, '${how}')`)
    await server[how]()
    await server.start()
    write(server, "INSERT INTO t VALUES (6, 'after')")
    for (const db of replicas) await follows(db, server)
  }
})
