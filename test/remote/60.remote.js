'use strict'

// Databases on a libSQL server: what only they have, and everything that may go wrong on the way.

const assert = require('node:assert/strict')
const { inspect } = require('node:util')
const { setTimeout: sleep } = require('node:timers/promises')
const { connect, Database } = require('../../promise')
const Sync = require('../..')
const { makeCertificates } = require('../servers/certificates')
const { faults, nobody, startFaulty, startSilent } = require('../servers/faulty')
const { makeJwt, makeJwtKey } = require('../servers/jwt')
const { served, startSqld } = require('../servers/sqld')
const {
  IN_TIME, child, cleanup, exited, isSqliteError, ours, sqliteError, tempDir, typeError
} = require('../support')

const TOKEN = 'eyJhbGciOiJub25lIn0.a-secret.token'
// For what never replies; whatever should reply has longer than any machine takes.
const LIMIT = 300
const PATIENT = 60000

function openRemote (t, url, options) {
  const db = new Database(url, options)
  cleanup(t, () => db.close())
  return db
}

function openSync (t, url, options) {
  const db = new Sync(url, options)
  cleanup(t, () => db.close())
  return db
}

// A connection through the faulty proxy to a server with a table of three rows.
async function faulty (t) {
  const server = await startSqld(t)
  const proxy = await startFaulty(t, { target: server.url })
  const db = openRemote(t, proxy.url, { authToken: TOKEN, requestTimeout: PATIENT })
  await db.exec('CREATE TABLE t (a); INSERT INTO t VALUES (1), (2), (3)')
  return { db, proxy, server }
}

// What `call` rejects with, once and in time.
async function rejection (call, code) {
  const start = performance.now()
  const error = await call.then(() => assert.fail(`expected ${code}`), error => error)
  assert.ok(error instanceof Database.SqliteError, error.stack)
  assert.equal(error.code, code, error.message)
  assert.ok(performance.now() - start < LIMIT + IN_TIME, `it took ${performance.now() - start} ms`)
  assert.ok(!inspect(error, { depth: 9, showHidden: true }).includes(TOKEN), 'the token is in the error')
  assert.ok(error.message.length < 1500, error.message)
  return error
}

served('columns() of both APIs is there with the statement, and follows it when the schema changes', async t => {
  const { url } = await startSqld(t)
  const proxy = await startFaulty(t, { target: url })
  const of = (name, type) => ({ name, column: null, table: null, database: null, type })
  // The sync API waits while the proxy would have to run.
  for (const db of [openSync(t, url), openRemote(t, proxy.url)]) {
    await db.exec('DROP TABLE IF EXISTS c; CREATE TABLE c (a TEXT)')
    const before = proxy.requests.length
    const stmt = await db.prepare('SELECT * FROM c')
    assert.deepEqual(stmt.columns(), [of('a', 'TEXT')])
    assert.deepEqual((await db.prepare('SELECT * FROM c')).columns(), [of('a', 'TEXT')])
    assert.ok(proxy.requests.length - before <= 1)
    await db.exec('ALTER TABLE c ADD COLUMN b REAL')
    assert.deepEqual(await stmt.all(), [])
    assert.deepEqual(stmt.columns(), [of('a', 'TEXT'), of('b', 'REAL')])
    await db.exec('ALTER TABLE c DROP COLUMN b; ALTER TABLE c ADD COLUMN b INT; INSERT INTO c VALUES (1, 2)')
    assert.deepEqual(await stmt.get(), { a: '1', b: 2 })
    assert.deepEqual(stmt.columns(), [of('a', 'TEXT'), of('b', 'INT')])
  }
})

served('values of every type come back as they went in', async t => {
  const { url } = await startSqld(t)
  const values = [null, 0, -1, 1.5, Infinity, -Infinity, 2 ** 60, 'é\u{1f600}', '', 'a\0b', Buffer.alloc(0),
    Buffer.from([0, 255, 1]), 'x'.repeat(100000), Buffer.alloc(100000, 7)]
  const db = openSync(t, url)
  const stmt = db.prepare('SELECT ?').pluck()
  for (const value of values) assert.deepEqual(stmt.get(value), value)
  assert.equal(stmt.get(NaN), null)
  assert.equal(stmt.safeIntegers().get(2n ** 63n - 1n), 2n ** 63n - 1n)
  sqliteError(() => stmt.get(Buffer.alloc(6e6)), 'SQLITE_TOOBIG', 'string or blob too big')
  const promised = (await openRemote(t, url).prepare('SELECT ? AS a, ? AS b'))
  const rows = await Promise.all(values.map((value, i) => promised.get(value, i)))
  assert.deepEqual(rows, values.map((a, b) => ({ a, b })))
})

served('parameters by name, by place, by number and mixed', async t => {
  const db = openSync(t, (await startSqld(t)).url)
  const get = (sql, ...params) => Object.values(db.prepare(sql).get(...params))
  assert.deepEqual(get('SELECT @a, :b, $c, @a', { a: 1, b: 2, c: 3 }), [1, 2, 3])
  assert.deepEqual(get("SELECT ? AS x, @a AS y, ? AS z, '@a' AS q", 1, 3, { a: 2 }), [1, 2, 3, '@a'])
  assert.deepEqual(get('SELECT ?2 AS x, ?1 AS y', { 1: 'one', 2: 'two' }), ['two', 'one'])
})

served('calls that are made together cross together, and each gets its own row', async t => {
  const { db, proxy } = await faulty(t)
  const stmt = await db.prepare('SELECT ? AS a')
  const before = proxy.requests.length
  const rows = await Promise.all(Array.from({ length: 200 }, (_, i) => stmt.get(i)))
  assert.deepEqual(rows, Array.from({ length: 200 }, (_, a) => ({ a })))
  assert.equal(proxy.requests.length, before + 1)
  const mixed = await Promise.allSettled([stmt.get(1), db.run('INSERT INTO t VALUES (4)'), db.get('nonsense x'),
    db.all('SELECT a FROM t ORDER BY a'), stmt.get()])
  assert.deepEqual(mixed.map(({ status }) => status), ['fulfilled', 'fulfilled', 'rejected', 'fulfilled', 'rejected'])
  assert.deepEqual(mixed[3].value, [1, 2, 3, 4].map(a => ({ a })))
})

served('a statement is described once, and a batch is one trip', async t => {
  const { db, proxy } = await faulty(t)
  const trips = async work => {
    const before = proxy.requests.length
    await work()
    return proxy.requests.length - before
  }
  assert.equal(await trips(() => db.prepare('SELECT a FROM t')), 1)
  assert.equal(await trips(() => db.get('SELECT a FROM t')), 1)
  assert.equal(await trips(() => db.prepare('SELECT a FROM t')), 0)
  let results
  const insert = Array.from({ length: 100 }, (_, i) => ['INSERT INTO t VALUES (?)', [i]])
  const list = [...insert, { sql: 'SELECT count(*) AS n FROM t WHERE a >= @a', args: { a: 0 } }]
  assert.equal(await trips(async () => { results = await db.batch(list) }), 1)
  assert.deepEqual(results.at(-1).rows, [{ n: 103 }])
  assert.deepEqual([results[7].changes, results[7].lastInsertRowid], [1, 11])
  // All of it or nothing.
  await assert.rejects(db.batch([...insert, 'INSERT INTO nowhere VALUES (1)']), isSqliteError('SQLITE_ERROR'))
  assert.deepEqual(await db.get('SELECT count(*) AS n FROM t'), { n: 103 })
})

served('two transactions of two connections never see each other half done', async t => {
  const { url } = await startSqld(t)
  const [one, two] = [openRemote(t, url), openRemote(t, url)]
  await one.exec('CREATE TABLE t (a); INSERT INTO t VALUES (0)')
  const add = db => db.transaction(async () => {
    const { a } = await db.get('SELECT a FROM t')
    await db.run('UPDATE t SET a = ?', [a + 1])
    assert.equal(db.inTransaction, true)
    return (await db.get('SELECT a FROM t')).a === a + 1
  }).immediate()
  const results = await Promise.all(Array.from({ length: 20 }, (_, i) => add([one, two][i % 2])))
  assert.ok(results.every(Boolean))
  assert.deepEqual(await two.get('SELECT a FROM t'), { a: 20 })
  await assert.rejects(one.transaction(async () => {
    await one.run('UPDATE t SET a = 0')
    throw new Error('own')
  })(), { message: 'own' })
  assert.deepEqual([await one.get('SELECT a FROM t'), one.inTransaction], [{ a: 20 }, false])
})

served('a signal and a timeout end a call and its transaction, and the next call is right', async t => {
  const { url } = await startSqld(t)
  const db = openRemote(t, url)
  const endless = 'WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n'
  await db.exec('CREATE TABLE t (a)')
  const soon = async (call, expected) => {
    const start = performance.now()
    await assert.rejects(call, expected)
    assert.ok(performance.now() - start < IN_TIME)
    assert.deepEqual(await db.get('SELECT 5 AS a'), { a: 5 })
  }
  await soon(db.get(endless, [], { signal: AbortSignal.timeout(50) }), { name: 'AbortError' })
  await soon(db.get(endless, [], { timeout: 50 }), { code: 'SQLITE_INTERRUPT' })
  const call = db.all(endless)
  await sleep(50)
  db.interrupt()
  await soon(call, { code: 'SQLITE_INTERRUPT' })
  await soon(db.transaction(async () => {
    await db.run('INSERT INTO t VALUES (1)')
    await db.get(endless, [], { timeout: 50 })
  })(), { code: 'SQLITE_INTERRUPT' })
  assert.deepEqual([await db.all('SELECT a FROM t'), db.inTransaction], [[], false])
  const sync = openSync(t, url, { defaultQueryTimeout: 50 })
  sqliteError(() => sync.prepare(endless).get(), 'SQLITE_INTERRUPT', 'interrupted')
  assert.deepEqual(sync.prepare('SELECT 6 AS a').get({ timeout: IN_TIME }), { a: 6 })
})

served('a server that is killed and started again is found again; what it said yes to is there', async t => {
  const server = await startSqld(t)
  const db = openRemote(t, server.url, { requestTimeout: PATIENT })
  await db.exec('CREATE TABLE t (a)')
  const insert = await db.prepare('INSERT INTO t VALUES (?)')
  for (let i = 0; i < 5; ++i) {
    await insert.run(i)
    const open = db.transaction(async () => {
      await insert.run(100 + i)
      await server.kill()
      await insert.run(200 + i)
    })()
    const error = await rejection(open, 'REMOTE_UNREACHABLE')
    assert.match(error.message, /the transaction is rolled back/)
    assert.equal(db.inTransaction, false)
    await rejection(db.get('SELECT 1'), 'REMOTE_UNREACHABLE')
    await server.restart()
    assert.deepEqual(await db.all('SELECT a FROM t'), Array.from({ length: i + 1 }, (_, a) => ({ a })))
  }
})

served('what servers answer wrongly is one error each, in time', async t => {
  const { db, proxy } = await faulty(t)
  const hasty = openRemote(t, proxy.url, { authToken: TOKEN, requestTimeout: LIMIT })
  const cases = [
    ['REMOTE_TIMEOUT', faults.silent], ['REMOTE_TIMEOUT', faults.slowHeaders(2000)], ['REMOTE_TIMEOUT', faults.trickle(100)],
    ['REMOTE_UNREACHABLE', faults.truncate], ['REMOTE_UNREACHABLE', faults.resetAfter], ['REMOTE_UNREACHABLE', faults.refuse],
    ['REMOTE_UNREACHABLE', faults.resetBefore],
    ['REMOTE_AUTH', faults.status(401, 'json'), 401], ['REMOTE_AUTH', faults.status(403, 'html'), 403],
    ['REMOTE_STATUS', faults.status(404, 'empty'), 404], ['REMOTE_STATUS', faults.status(429, 'text'), 429],
    ['REMOTE_STATUS', faults.status(500, 'html'), 500], ['REMOTE_STATUS', faults.status(500, 'nonUtf8'), 500],
    ['REMOTE_STATUS', faults.status(503, 'json'), 503], ['REMOTE_PROTOCOL', faults.nonUtf8], ['REMOTE_PROTOCOL', faults.empty],
    ['REMOTE_PROTOCOL', faults.wrongJson], ['REMOTE_PROTOCOL', faults.garbage],
    ['REMOTE_PROTOCOL', faults.baseUrl('http://other.example:1/')]
  ]
  for (const [code, fault, status] of cases) {
    const asked = code === 'REMOTE_TIMEOUT' ? hasty : db
    const calls = [(to) => to.get('SELECT a FROM t'), (to) => to.run('UPDATE t SET a = a')]
    for (const call of calls) {
      await call(db)
      proxy.always(fault)
      const error = await rejection(call(asked), code)
      proxy.always(faults.pass)
      assert.equal(error.status, status)
      assert.equal((await db.all('SELECT a FROM t')).length, 3)
    }
  }
  proxy.script(faults.wrongBaton)
  await db.get('SELECT 1')
  assert.deepEqual(await db.get('SELECT count(*) AS n FROM t'), { n: 3 })
})

served('a reply of 100 MB is refused before it is all read', async t => {
  const { db, proxy } = await faulty(t)
  proxy.script(faults.huge(100 << 20))
  await assert.rejects(db.run('UPDATE t SET a = a'), isSqliteError('REMOTE_PROTOCOL', /larger than 64 MiB/))
  assert.deepEqual(await db.get('SELECT count(*) AS n FROM t'), { n: 3 })
})

served('redirects are followed at the same origin, once, and never elsewhere', async t => {
  const { db, proxy } = await faulty(t)
  const other = await startFaulty(t)
  for (const status of [301, 302, 307, 308]) {
    proxy.script(faults.redirect(`${other.url}/v3-protobuf/pipeline`, status))
    const error = await rejection(db.get('SELECT a FROM t'), 'REMOTE_STATUS')
    assert.equal(error.status, status)
  }
  assert.deepEqual([other.requests, other.connections], [[], 0])
  proxy.script(faults.redirect('/v3-protobuf/pipeline', 307))
  assert.deepEqual(await db.get('SELECT count(*) AS n FROM t'), { n: 3 })
  const again = faults.redirect('/v3-protobuf/pipeline', 307)
  proxy.script(again, again, again)
  await rejection(db.get('SELECT a FROM t'), 'REMOTE_STATUS')
})

served('a read is tried again when its connection breaks, a write is not', async t => {
  const { db, proxy } = await faulty(t)
  await db.get('SELECT a FROM t')
  proxy.script(faults.resetAfter)
  assert.deepEqual(await db.get('SELECT a FROM t'), { a: 1 })
  await db.run('UPDATE t SET a = a')
  proxy.script(faults.resetAfter)
  const before = proxy.requests.length
  await rejection(db.run('UPDATE t SET a = a'), 'REMOTE_UNREACHABLE')
  assert.equal(proxy.requests.length, before + 1)
})

ours('nobody there, and somebody who never speaks', async t => {
  const db = openRemote(t, await nobody(), { requestTimeout: LIMIT })
  await rejection(db.get('SELECT 1'), 'REMOTE_UNREACHABLE')
  const silent = await startSilent(t)
  await rejection(openRemote(t, silent.url, { requestTimeout: LIMIT }).get('SELECT 1'), 'REMOTE_TIMEOUT')
  await rejection(openRemote(t, 'http://nowhere.invalid:1', { requestTimeout: PATIENT }).get('SELECT 1'), 'REMOTE_UNREACHABLE')
  // With the sync API too, which opens without a word to the server.
  const sync = openSync(t, await nobody(), { requestTimeout: LIMIT })
  sqliteError(() => sync.prepare('SELECT 1'), 'REMOTE_UNREACHABLE', /^Cannot connect to the server at 127\.0\.0\.1:\d+: /)
})

served('a stream that has expired is replaced, and a transaction in it is over', async t => {
  const db = openRemote(t, (await startSqld(t)).url)
  await db.exec('CREATE TABLE t (a)')
  const end = assert.rejects(db.transaction(async () => {
    await db.run('INSERT INTO t VALUES (1)')
    await sleep(11500)
    await db.run('INSERT INTO t VALUES (2)')
  })(), error => error.code === 'STREAM_EXPIRED' && /rolled back/.test(error.message))
  await end
  assert.equal(db.inTransaction, false)
  assert.deepEqual(await db.all('SELECT a FROM t'), [])
})

served('tokens open the server, and show nowhere', async t => {
  const key = makeJwtKey()
  const { url } = await startSqld(t, { jwtKey: key.publicKey })
  const authToken = makeJwt(key, { expiresIn: 60 })
  const db = openRemote(t, url, { authToken })
  assert.deepEqual(await db.get('SELECT 1 AS a'), { a: 1 })
  const inUrl = openRemote(t, `${url}?authToken=${authToken}`)
  assert.deepEqual(await inUrl.get('SELECT 2 AS a'), { a: 2 })
  for (const shown of [db, inUrl, openSync(t, url, { authToken })]) {
    const text = inspect(shown, { depth: 9, showHidden: true }) + JSON.stringify(shown) + shown.name
    assert.ok(!text.includes(authToken))
    assert.equal(shown.name, url)
  }
  const expired = makeJwt(key, { expiresIn: -120 })
  const error = await rejection(openRemote(t, url, { authToken: expired }).get('SELECT 1'), 'REMOTE_AUTH')
  assert.equal(error.status, 401)
  assert.ok(!error.stack.includes(expired))
})

served('namespaces and headers reach the server', async t => {
  const server = await startSqld(t, { namespaces: true })
  for (const name of ['one', 'two']) {
    await server.createNamespace(name)
    const db = openRemote(t, server.url, { namespace: name })
    await db.exec(`CREATE TABLE t (a); INSERT INTO t VALUES ('${name}')`)
  }
  assert.deepEqual(openSync(t, server.url, { namespace: 'two' }).prepare('SELECT a FROM t').get(), { a: 'two' })
  const proxy = await startFaulty(t, { target: server.url, namespace: 'one' })
  const db = openRemote(t, proxy.url, { headers: { 'X-Mine': 'yes' } })
  assert.deepEqual(await db.get('SELECT a FROM t'), { a: 'one' })
  assert.equal(proxy.requests[0].headers['x-mine'], 'yes')
})

served('TLS: an unknown authority, an expired certificate and a wrong name are refused', async t => {
  const server = await startSqld(t)
  const certificates = await makeCertificates(tempDir(t))
  const at = async (tls, options) => {
    const proxy = await startFaulty(t, { target: server.url, tls })
    return openRemote(t, proxy.url, { requestTimeout: PATIENT, ...options })
  }
  const { ca, good, expired, wrongHost, selfSigned } = certificates
  assert.deepEqual(await (await at(good, { tls: { ca } })).get('SELECT 1 AS a'), { a: 1 })
  for (const [certificate, options] of [
    [good, {}], ...[expired, wrongHost, selfSigned].map(each => [each, { tls: { ca } }])
  ]) await assert.rejects((await at(certificate, options)).get('SELECT 1'), isSqliteError('REMOTE_TLS', /^TLS with the server at 127\.0\.0\.1:\d+ failed: /))
  const plain = openRemote(t, server.url.replace('http:', 'https:'))
  await assert.rejects(plain.get('SELECT 1'), isSqliteError('REMOTE_TLS', / \(does it speak http: and not https:\?\)$/))
  const unchecked = await at(selfSigned, { tls: { rejectUnauthorized: false } })
  assert.deepEqual(await unchecked.get('SELECT 2 AS a'), { a: 2 })
})

ours('wrong options are TypeErrors, and no token crosses the network in the clear', async () => {
  const url = 'http://127.0.0.1:1'
  for (const [place, options, text] of [
    ['http://db.example', { authToken: TOKEN }, /unencrypted/], ['libsql://db.example?tls=0', { authToken: TOKEN }, /unencrypted/],
    [url, { allowInsecure: 1 }, /allowInsecure/],
    ['libsql://', {}, /URL/], ['http://[', {}, /URL/], ['ws://127.0.0.1:1', {}, /not ws:/], ['http://me:secret@db.example', {}, /user name/],
    [url, { authToken: 5 }, /authToken/], [url, { authToken: 'a b' }, /authToken/], [url, { requestTimeout: 0 }, /requestTimeout/],
    [url, { connectTimeout: '1' }, /connectTimeout/], [url, { headers: 5 }, /headers/], [url, { headers: { a: 'b\r\nc: d' } }, /one line/],
    [url, { namespace: '' }, /namespace/], [url, { tls: 5 }, /tls/], [url, { tls: { ca: 5 } }, /tls.ca/], [url, { tls: { cert: 'x' } }, /go together/],
    [url, { readonly: true }, /readonly/], [url, { encryptionKey: 'k' }, /encryptionKey/], [url, { fileMustExist: true }, /fileMustExist/],
    [url, { readers: 2 }, /readers/]
  ]) {
    for (const Class of [Database, Sync]) {
      if (options.readers !== undefined && Class === Sync) continue
      const error = await typeError(() => new Class(place, options), text)
      assert.ok(!String(error?.stack).includes(TOKEN))
    }
  }
})

served('verbose sees the SQL that goes to the server', async t => {
  const { url } = await startSqld(t)
  const [seen, promised] = [[], []]
  const db = openSync(t, url, { verbose: sql => seen.push(sql) })
  db.exec('CREATE TABLE t (a)')
  db.prepare('INSERT INTO t VALUES (?)').run(1)
  assert.deepEqual([...db.prepare('SELECT a FROM t').iterate()], [{ a: 1 }])
  assert.deepEqual(seen, ['CREATE TABLE t (a)', 'INSERT INTO t VALUES (?)', 'SELECT a FROM t'])
  const other = openRemote(t, url, { verbose: sql => promised.push(sql) })
  await other.exec('DELETE FROM t')
  await other.get('SELECT a FROM t')
  for await (const row of other.iterate('SELECT 2 AS a')) assert.deepEqual(row, { a: 2 })
  assert.deepEqual(promised, ['DELETE FROM t', 'SELECT a FROM t', 'SELECT 2 AS a'])
})

ours('options of libsql that would do nothing are refused, not ignored', async t => {
  const url = 'http://127.0.0.1:1'
  for (const options of [{ offline: true }, { offline: true, syncUrl: url }, { remoteEncryptionKey: 'k' }]) {
    for (const Class of [Database, Sync]) {
      for (const place of [`${tempDir(t)}/replica.db`, url]) {
        await typeError(() => new Class(place, options), /^The "\w+" option of libsql is not available/)
      }
      await typeError(() => new Class(url, { syncUrl: url }), /^A remote database cannot be a replica/)
    }
  }
})

served('an error says when nobody knows what has happened', async t => {
  const { db, proxy } = await faulty(t)
  const write = db.transaction(() => db.run('INSERT INTO t VALUES (4)'))
  const meets = async (fault, after, call, text) => {
    for (let i = 0; i < after; ++i) proxy.script(faults.pass)
    proxy.script(fault)
    assert.match((await rejection(call(), 'REMOTE_UNREACHABLE')).message, text)
    assert.equal(db.inTransaction, false)
  }
  await db.run('INSERT INTO t VALUES (0)')
  await db.run('DELETE FROM t WHERE a = 0')
  const insert = () => db.run('INSERT INTO t VALUES (0)')
  await meets(faults.resetAfter, 0, insert, /\(whether it was executed is not known\)$/)
  await db.run('INSERT INTO t VALUES (4)')
  await db.exec('DELETE FROM t WHERE a IN (0, 4)')
  // BEGIN, INSERT, and then the COMMIT.
  await meets(faults.resetAfter, 2, write, /\(whether it was executed is not known\)$/)
  assert.deepEqual(await db.get('SELECT count(*) AS n FROM t'), { n: 4 })
  // The last one: the server keeps its locks until it gives the stream up.
  await meets(faults.resetAfter, 1, write, /\(the transaction is rolled back\)$/)
  assert.deepEqual(await db.get('SELECT count(*) AS n FROM t'), { n: 4 })
})

served('the process ends by itself, and with process.exit() and in a worker that is terminated', async t => {
  const { url } = await startSqld(t)
  const script = `
    const { connect } = require(MODULE + '/promise')
    const endless = 'WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n'
    const db = new Database(${JSON.stringify(url)})
    console.log(db.prepare('SELECT 1 AS a').get().a)
    connect(${JSON.stringify(url)}).then(async db => {
      console.log((await db.get('SELECT 2 AS a')).a)
      if (process.argv[2] === 'exit') { db.get(endless); setTimeout(() => process.exit(7), 100) }
    })`
  const { MODULE } = { MODULE: require('node:path').join(__dirname, '..', '..') }
  const prelude = `const MODULE = ${JSON.stringify(MODULE)}; const Database = require(MODULE);`
  assert.equal(exited(await child(script)).stdout, '1\n2\n')
  const exiting = script.replace('process.argv[2]', '"exit"')
  assert.equal(exited(await child(exiting), 7).stdout, '1\n2\n')
  const { Worker } = require('node:worker_threads')
  for (const code of [
    exiting.replace('process.exit(7)', '0'),
    `const db = new Database(${JSON.stringify(url)}); db.prepare('WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n').get()`
  ]) {
    const worker = new Worker(prelude + code, { eval: true, stdout: true })
    await sleep(400)
    const start = performance.now()
    await worker.terminate()
    assert.ok(performance.now() - start < IN_TIME)
  }
  const db = await connect(url)
  cleanup(t, () => db.close())
  assert.deepEqual(await db.get('SELECT 3 AS a'), { a: 3 })
})
