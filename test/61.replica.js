'use strict'

// What a replica does when something is wrong: with its files, with the primary, on the way to it.
// Runs on one Node.js.

const assert = require('node:assert/strict')
const { once } = require('node:events')
const fs = require('node:fs')
const path = require('node:path')
const { setTimeout: sleep } = require('node:timers/promises')
const Sync = require('..')
const { connect } = require('../promise')
const { faults, startFaulty } = require('./servers/faulty')
const {
  GRPC, HEADER, PAGE, crc64, framesBody, makeFrame, readFrames, readParts, statusBody, trailers,
  writeParts
} = require('./servers/grpc')
const { readFields, stringField, writeVarint } = require('./servers/hrana')
const { makeJwt, makeJwtKey } = require('./servers/jwt')
const { startSqld, unavailable } = require('./servers/sqld')
const { child, cleanup, isSqliteError, ours, tempDir, tempFile, until } = require('./support')

// How long requests may take where they fail by that, in ms.
const LIMIT = 1000
const MARKER = 'a text that is nowhere else'
const SETUP = `CREATE TABLE t (a, b); CREATE INDEX i ON t (a);
  INSERT INTO t VALUES (1, 'one'), (2, 'two'), (3, '${MARKER}')`
const MANY = 'WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i <'
// Where the two records of a state file begin, and how long they are.
const PLACES = [0, 4096]
const RECORD = 84

// An open() that fails throws in the one API and rejects in the other.
const APIS = { sync: async (...args) => new Sync(...args), promises: connect }

// Where there can be a server, its absence fails the tests; elsewhere they say why they do not run.
function served (name, fn) {
  ours(name, { skip: unavailable() ?? false, timeout: 120000 }, fn)
}

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
        await fails(() => open(t, file, { syncUrl: server.url, ...options }, api), 'SYNC_FOREIGN', /is no replica, .* it is left as it is/)
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
    await fails(() => all(db, 'SELECT * FROM t NOT INDEXED ORDER BY b'), 'SQLITE_CORRUPT')
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

served('a replica has one owner, until that has closed it or is killed', async t => {
  const server = await primary(t)
  const file = tempFile(t)
  const db = await replica(t, server, { file })
  const options = { syncUrl: server.url }
  for (const api of Object.keys(APIS)) await fails(() => open(t, file, options, api), 'SYNC_LOCKED', /open as a replica already/)
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

served('another program that writes into the replica is noticed, and resync() starts over', async t => {
  const server = await primary(t)
  const proxy = await startFaulty(t, { target: server.url })
  const intrude = {
    here: file => {
      const db = new Sync(file)
      db.exec("INSERT INTO t VALUES (9, 'intruder')")
      db.close()
    },
    elsewhere: file => child((file) => {
      new Database(file).exec("INSERT INTO t VALUES (9, 'intruder')") // eslint-disable-line no-undef
    }, { args: [file] })
  }
  for (const [where, write9] of Object.entries(intrude)) {
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
    write({ url: db.name }, "INSERT INTO t VALUES (9, 'intruder')")
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
  db.close()
  // The newest record was never written.
  overwrite(`${file}-replica`, Buffer.alloc(RECORD), newestPlace(fs.readFileSync(`${file}-replica`)))
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
      assert.ok(Math.max(...times) < 10 * LIMIT, `${times} ms`)
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
      ['REMOTE_PROTOCOL', faults.status(200, 'html'), /is not gRPC$/], ['REMOTE_PROTOCOL', faults.garbage, /is not gRPC$/],
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
    [greet(3, stringField(3, 'no number')), /the log has no number$/],
    [greet(3, stringField(3, '\u00e9'.repeat(16))), /the log has no number$/],
    [greet(3, Buffer.alloc(0)), /the log has no number$/],
    [greet(4, stringField(4, 'two\r\nlines: yes')), /the session has no name$/],
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
  await wrong(faults.answer(framesBody([Buffer.alloc(0)]), GRPC), /a frame is no frame$/)
  await wrong(frames(list => [...list, { bytes: Buffer.alloc(10) }]), /a frame is no frame$/)
  await wrong(frames(list => {
    return [...list.slice(0, -1), { bytes: list.at(-1).bytes.subarray(1) }]
  }), /a frame is no frame$/)
  const junk = { bytes: Buffer.alloc(HEADER + PAGE, 0x9b) }
  await wrong(frames(list => [...list, junk]), /a frame is missing$/)
  await wrong(frames(list => [...list, list.at(-1)]), /a frame is missing$/)
  await wrong(flip(0), /a frame is missing$/)
  for (const at of [8, 15, HEADER, HEADER + 99, HEADER + PAGE - 1]) {
    await wrong(flip(at), /the checksum of a frame is wrong$/)
  }
  await wrong(lastFrame(bytes => bytes.writeUInt32LE(0, 16)), /a page is no page$/)
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
  }), /a page is no page$/, first)
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
  assert.ok(await waiting < 1000)
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
    [([first, ...rest]) => [{ flags: 0, data: first.data.subarray(0, 100) }, ...rest], /is no frame$/],
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
