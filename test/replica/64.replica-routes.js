'use strict'

// What a replica reads from its file, what goes to the primary, and what it does not have.

const assert = require('node:assert/strict')
const fs = require('node:fs')
const path = require('node:path')
const Sync = require('../..')
const promise = require('../../promise')
const { IN_TIME, cleanup, ours, sqliteError, tempFile, typeError, until } = require('../support')
const { faults, startFaulty } = require('../servers/faulty')
const { served, startSqld } = require('../servers/sqld')

// A replica with a few rows, and its server.
async function setup (t, options = {}) {
  const server = await startSqld(t)
  const file = tempFile(t, 'replica.db')
  const db = new Sync(file, { syncUrl: server.url, ...options })
  cleanup(t, () => db.close())
  db.exec("CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT); INSERT INTO t VALUES (1, 'x'), (2, 'y')")
  db.sync()
  return { db, file, server }
}

// The same with promises, and a proxy that counts what goes to the server.
async function setupAsync (t, options = {}) {
  const server = await startSqld(t)
  const proxy = await startFaulty(t, { target: server.url })
  const file = tempFile(t, 'replica.db')
  const db = await promise.connect(file, { syncUrl: proxy.url, ...options })
  cleanup(t, () => db.close())
  await db.exec("CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT); INSERT INTO t VALUES (1, 'x'), (2, 'y')")
  await db.sync()
  return { db, file, server, proxy }
}

const rows = [{ a: 1, b: 'x' }, { a: 2, b: 'y' }]

served('reads need no server, in every mode and by every method', async t => {
  const { db, server } = await setup(t)
  const stmt = db.prepare('SELECT a, b FROM t ORDER BY a')
  await server.kill()
  assert.deepEqual(stmt.all(), rows)
  assert.deepEqual(stmt.get(), rows[0])
  assert.deepEqual([...stmt.iterate()], rows)
  assert.deepEqual(stmt.raw().all(), [[1, 'x'], [2, 'y']])
  assert.deepEqual(stmt.pluck().all(), [1, 2])
  assert.deepEqual(stmt.expand().get(), { t: rows[0] })
  assert.deepEqual(stmt.expand(false).safeIntegers().get(), { a: 1n, b: 'x' })
  assert.deepEqual(db.prepare('WITH x AS (SELECT ? AS a) SELECT * FROM x').get(7), { a: 7 })
  assert.deepEqual(db.prepare('SELECT b FROM t WHERE a = @a').get({ a: 2 }), { b: 'y' })
  assert.equal(db.pragma('table_info(t)').length, 2)
  assert.equal(db.pragma('integrity_check', { simple: true }), 'ok')
  assert.equal(db.explain('QUERY PLAN SELECT * FROM t').length, 1)
  assert.equal(db.prepare('SELECT a FROM t').columns()[0].table, 't')
  assert.equal(db.prepare('SELECT 1').constructor.name, 'Statement')
})

served('with promises, reads go to no server and prepared writes take one trip', async t => {
  const { db, proxy } = await setupAsync(t)
  const trips = async fn => {
    const before = proxy.requests.length
    const result = await fn()
    return [result, proxy.requests.length - before]
  }
  assert.deepEqual(await trips(() => db.all('SELECT a, b FROM t ORDER BY a')), [rows, 0])
  const stmt = await db.prepare('SELECT b FROM t WHERE a = ?')
  assert.deepEqual(await trips(() => stmt.get(2)), [{ b: 'y' }, 0])
  assert.deepEqual(await trips(() => stmt.raw().all(1)), [[['x']], 0])
  assert.deepEqual(await trips(() => db.pragma('user_version')), [[{ user_version: 0 }], 0])
  const iterated = async () => {
    const list = []
    for await (const row of db.iterate('SELECT a FROM t')) list.push(row.a)
    return list
  }
  assert.deepEqual(await trips(iterated), [[1, 2], 0])
  // What the file has compiled, the server is not asked about.
  const insert = await db.prepare('INSERT INTO t (b) VALUES (:b)')
  assert.deepEqual(await trips(() => insert.run({ b: 'z' })), [{ changes: 1, lastInsertRowid: 3 }, 1])
  assert.deepEqual(await trips(() => db.get('SELECT count(*) AS n FROM t')), [{ n: 3 }, 1])
  assert.deepEqual(await trips(() => db.get('SELECT count(*) AS n FROM t')), [{ n: 3 }, 0])
  // New SQL, too.
  assert.deepEqual(await trips(() => db.run('UPDATE t SET b = ? WHERE a = 3', 'y')), [{ changes: 1, lastInsertRowid: 3 }, 1])
  // changes() is of the connection that writes.
  assert.deepEqual((await trips(() => db.get('SELECT changes() AS n')))[0], { n: 1 })
})

served('a statement reads from the primary inside a transaction, set as it is', async t => {
  const { db } = await setup(t)
  const stmt = db.prepare('SELECT a, b FROM t WHERE b = ?').raw().safeIntegers()
  const bound = db.prepare('SELECT a FROM t WHERE b = ?').pluck().bind('new')
  const expanded = db.prepare('SELECT a FROM t').expand()
  assert.equal(stmt.get('new'), undefined)
  assert.throws(() => db.transaction(() => {
    db.prepare("INSERT INTO t VALUES (5, 'new')").run()
    assert.equal(db.inTransaction, true)
    assert.deepEqual(stmt.get('new'), [5n, 'new'])
    assert.deepEqual([...stmt.iterate('new')], [[5n, 'new']])
    assert.deepEqual(bound.all(), [5])
    typeError(() => expanded.get(), /^expand\(\) inside a transaction is not available for replicas: writes run on the primary$/)
    assert.deepEqual(db.prepare('SELECT max(a) AS a FROM t').get(), { a: 5 })
    throw new Error('undo')
  })(), /^Error: undo$/)
  assert.equal(stmt.get('new'), undefined)
  assert.deepEqual(bound.all(), [])
  assert.deepEqual(expanded.get(), { t: { a: 1 } })

  const later = await promise.connect(tempFile(t, 'other.db'), { syncUrl: (await startSqld(t)).url })
  cleanup(t, () => later.close())
  await later.exec('CREATE TABLE t (a)')
  const count = (await later.prepare('SELECT count(*) FROM t')).pluck()
  await assert.rejects(later.transaction(async () => {
    await later.run('INSERT INTO t VALUES (1)')
    assert.equal(await count.get(), 1)
    const wide = (await later.prepare('SELECT a FROM t')).expand()
    await assert.rejects(wide.get(), /^TypeError: expand\(\)/)
    throw new Error('undo')
  })(), /^Error: undo$/)
  assert.equal(await count.get(), 0)
})

served('what a statement is changes with the schema, here and there', async t => {
  const { db } = await setup(t)
  const all = db.prepare('SELECT * FROM t WHERE a = 1')
  assert.deepEqual(all.get(), { a: 1, b: 'x' })
  db.exec('ALTER TABLE t ADD COLUMN c DEFAULT 3')
  assert.deepEqual(all.get(), { a: 1, b: 'x', c: 3 })
  db.exec('CREATE TABLE u (d); INSERT INTO u VALUES (4)')
  assert.deepEqual(db.prepare('SELECT d FROM u').get(), { d: 4 })
  db.exec('DROP TABLE t')
  sqliteError(() => all.get(), 'SQLITE_ERROR', 'no such table: t')
  sqliteError(() => db.prepare('SELECT * FROM t'), 'SQLITE_ERROR', 'no such table: t')
})

served('functions, tables, authorizers, backups and limits are of the file', async t => {
  const { db, server } = await setup(t)
  await server.kill()
  db.function('twice', value => 2 * value)
  db.aggregate('joined', { start: '', step: (sum, value) => sum + value })
  db.table('numbers', { columns: ['n'], * rows () { yield [1]; yield [2] } })
  assert.deepEqual(db.prepare('SELECT twice(a) AS d FROM t').all(), [{ d: 2 }, { d: 4 }])
  assert.equal(db.prepare('SELECT joined(b) FROM t').pluck().get(), 'xy')
  assert.deepEqual(db.prepare('SELECT n FROM numbers').pluck().all(), [1, 2])
  const copy = tempFile(t, 'copy.db')
  await db.backup(copy)
  const written = tempFile(t, 'written.db')
  fs.writeFileSync(written, db.serialize())
  for (const place of [copy, written]) {
    const other = new Sync(place)
    assert.deepEqual(other.prepare('SELECT * FROM t').all(), rows)
    other.close()
  }
  db.authorizer({ t: Sync.Authorization.DENY })
  sqliteError(() => db.prepare('SELECT a FROM t WHERE a > 0').get(), 'SQLITE_AUTH')
  db.authorizer(null)
  db.limits.length = 100
  sqliteError(() => db.prepare('SELECT zeroblob(1000)').get(), 'SQLITE_TOOBIG')
})

served('the same with promises', async t => {
  const { db, server } = await setupAsync(t, { limits: { length: 1000 } })
  await assert.rejects(db.get('SELECT zeroblob(1001)'), { code: 'SQLITE_TOOBIG' })
  await server.kill()
  await db.function('twice', value => 2 * value)
  assert.deepEqual(await db.all('SELECT twice(a) AS d FROM t'), [{ d: 2 }, { d: 4 }])
  await db.table('numbers', { columns: ['n'], * rows () { yield [1]; yield [2] } })
  assert.deepEqual(await db.all('SELECT n FROM numbers'), [{ n: 1 }, { n: 2 }])
  const copy = tempFile(t, 'copy.db')
  await db.backup(copy)
  const other = new Sync(copy)
  assert.deepEqual(other.prepare('SELECT * FROM t').all(), rows)
  other.close()
  await db.authorizer({ t: Sync.Authorization.DENY })
  await assert.rejects(db.get('SELECT a FROM t WHERE a > 0'), { code: 'SQLITE_AUTH' })
})

ours('wrong options are TypeErrors, and no file is made', t => {
  const file = tempFile(t, 'replica.db')
  const syncUrl = 'http://127.0.0.1:1'
  const cases = [
    [file, { syncUrl: 7 }, /"syncUrl" option to be a non-empty string/],
    [file, { syncUrl: '' }, /"syncUrl" option to be a non-empty string/],
    [file, { syncUrl: 'nonsense' }, /URL of the database is not valid/],
    [file, { syncUrl: 'ftp://x' }, /The URL of the database must begin with/],
    [file, { syncUrl: 'http://example.com', authToken: 'x' }, /unencrypted/],
    [':memory:', { syncUrl }, /cannot be replicas/],
    [Buffer.alloc(0), { syncUrl }, /cannot be replicas/],
    ['file:x.db', { syncUrl }, /not a URI/],
    [file, { syncUrl, readonly: true }, /"readonly" option is not available for replicas/],
    [file, { syncUrl, fileMustExist: true }, /"fileMustExist" option is not available/],
    [file, { syncUrl, vfs: 'unix' }, /"vfs" option is not available/],
    [file, { syncUrl, syncPeriod: -1 }, /"syncPeriod" option/],
    [file, { syncUrl, syncPeriod: '1' }, /"syncPeriod" option/],
    [file, { syncUrl, syncPeriod: NaN }, /"syncPeriod" option/],
    [file, { syncUrl, readYourWrites: 1 }, /"readYourWrites" option to be a boolean/],
    [file, { syncUrl, resync: 'yes' }, /"resync" option to be a boolean/],
    [`${file}/no/where.db`, { syncUrl }, /directory does not exist/]
  ]
  for (const [place, options, message] of cases) {
    for (const Class of [Sync, promise.Database]) {
      typeError(() => new Class(place, options), message)
    }
  }
  assert.deepEqual(fs.readdirSync(path.dirname(file)), [])
})

served('sync() and its kin say how far they are', async t => {
  const { db, server } = await setup(t)
  const writer = new Sync(server.url)
  cleanup(t, () => writer.close())
  const at = db.sync()
  assert.deepEqual(at, { frames_synced: 0, frame_no: at.frame_no })
  writer.exec("INSERT INTO t VALUES (3, 'z')")
  assert.deepEqual(db.sync(), { frames_synced: 1, frame_no: at.frame_no + 1 })
  writer.exec("INSERT INTO t VALUES (4, 'z')")
  assert.deepEqual(db.syncUntil(at.frame_no + 2), { frames_synced: 1, frame_no: at.frame_no + 2 })
  assert.deepEqual(db.syncUntil(0), { frames_synced: 0, frame_no: at.frame_no + 2 })
  db.prepare("INSERT INTO t VALUES (5, 'z')").run()
  assert.equal(db.maxWriteReplicationIndex(), at.frame_no + 3)
  const whole = db.resync()
  assert.equal(whole.frame_no, at.frame_no + 3)
  assert.equal(whole.frames_synced, at.frame_no + 4)
  assert.equal(db.prepare('SELECT count(*) FROM t').pluck().get(), 5)
  for (const frame of [-1, 1.5, '1', undefined, 2 ** 60]) {
    typeError(() => db.syncUntil(frame), 'Expected the replication index to be a non-negative integer')
  }
})

served('the last frame that was written is known after each way to write', async t => {
  const { db, server } = await setup(t)
  const other = new Sync(tempFile(t), { syncUrl: server.url, readYourWrites: false })
  cleanup(t, () => other.close())
  const insert = db.prepare("INSERT INTO t (b) VALUES ('x')")
  const ways = {
    run: () => insert.run(),
    returning: () => db.prepare("INSERT INTO t (b) VALUES ('x') RETURNING a").get(),
    exec: () => db.exec("INSERT INTO t (b) VALUES ('x')"),
    batch: () => db.batch(["INSERT INTO t (b) VALUES ('x')"]),
    transaction: () => db.transaction(() => insert.run())(),
    'BEGIN and COMMIT': () => {
      db.prepare('BEGIN').run()
      insert.run()
      db.prepare('COMMIT').run()
    }
  }
  const { frame_no: first } = db.sync()
  assert.equal(db.maxWriteReplicationIndex(), first)
  for (const [i, [name, write]] of Object.entries(ways).entries()) {
    write()
    assert.equal(db.maxWriteReplicationIndex(), first + 1 + i, name)
    other.syncUntil(db.maxWriteReplicationIndex())
    assert.equal(other.prepare('SELECT count(*) FROM t').pluck().get(), 3 + i, name)
  }
})

served('a statement that was prepared before its table was here reads from the file', async t => {
  const { db, server } = await setup(t)
  const { db: promised, server: another } = await setupAsync(t)
  for (const { url } of [server, another]) {
    const writer = new Sync(url)
    writer.exec('CREATE TABLE late (a); INSERT INTO late VALUES (1)')
    writer.close()
  }
  const stmt = db.prepare('SELECT a FROM late')
  assert.deepEqual(await promised.all('SELECT a FROM late'), [{ a: 1 }])
  await Promise.all([server.kill(), another.kill()])
  assert.deepEqual(stmt.all(), [{ a: 1 }])
  assert.deepEqual(await promised.all('SELECT a FROM late'), [{ a: 1 }])
  sqliteError(() => db.prepare('SELECT * FROM never'), 'SQLITE_ERROR', 'no such table: never')
})

served('a replica that could not be opened keeps nothing open', async t => {
  const { db, file, server } = await setupAsync(t)
  const options = { syncUrl: server.url }
  const threads = () => fs.readdirSync('/proc/self/task').length
  const before = process.platform === 'linux' ? threads() : 0
  for (let i = 0; i < 30; i++) {
    await assert.rejects(promise.connect(file, options), { code: 'SYNC_LOCKED' })
  }
  const second = new promise.Database(file, options)
  for (const call of [() => second.get('SELECT 1'), () => second.exec('DELETE FROM t'), () => second.sync(),
    () => second.transaction(async () => {})()]) {
    await assert.rejects(call, { code: 'SYNC_LOCKED' })
  }
  await second.close()
  assert.deepEqual(await db.get('SELECT count(*) AS n FROM t'), { n: 2 })
  if (process.platform === 'linux') await until(() => threads() < before + 10, 'the end of threads')
})

served('the option resync destroys nothing where it is the key that is wrong', async t => {
  const server = await startSqld(t)
  const file = tempFile(t, 'replica.db')
  const good = { syncUrl: server.url, encryptionKey: 'good' }
  const first = new Sync(file, good)
  first.exec('CREATE TABLE t (a); INSERT INTO t VALUES (1)')
  first.sync()
  first.close()
  const bytes = fs.readFileSync(file)
  sqliteError(() => new Sync(file, { syncUrl: server.url, resync: true }), 'SQLITE_NOTADB', /is encrypted: open it with its encryptionKey$/)
  assert.deepEqual(fs.readFileSync(file), bytes)
  new Sync(file, { ...good, encryptionKey: 'bad', resync: true }).close()
  // It might have been damaged: what was there is kept.
  assert.deepEqual(fs.readFileSync(`${file}-damaged`), bytes)
  const plain = tempFile(t, 'plain.db')
  const unencrypted = new Sync(plain, { syncUrl: server.url })
  unencrypted.sync()
  unencrypted.close()
  sqliteError(() => new Sync(plain, { ...good, resync: true }), 'SQLITE_NOTADB', /is not encrypted: delete it/)
})

served('syncPeriod brings what others write, without a call', async t => {
  const { db, server } = await setupAsync(t, { syncPeriod: 0.01 })
  const writer = new Sync(server.url)
  cleanup(t, () => writer.close())
  for (let i = 3; i < 10; i++) {
    writer.exec(`INSERT INTO t VALUES (${i}, 'z')`)
    await until(async () => (await db.get('SELECT max(a) AS a FROM t')).a === i, 'the row')
  }
})

served('a sync can be cancelled, and close() does not wait for the server', async t => {
  const { db, proxy } = await setupAsync(t)
  proxy.always(faults.silent)
  const abort = new AbortController()
  const synced = db.sync({ signal: abort.signal })
  setTimeout(() => abort.abort(), 20)
  await assert.rejects(synced, { name: 'AbortError' })
  await assert.rejects(db.sync({ timeout: 20 }), { code: 'SQLITE_INTERRUPT' })
  const waiting = db.sync()
  setTimeout(() => db.interrupt(), 20)
  await assert.rejects(waiting, { code: 'SQLITE_INTERRUPT' })
  // The file is there all the while.
  assert.deepEqual(await db.get('SELECT count(*) AS n FROM t'), { n: 2 })
  const start = performance.now()
  const hanging = assert.rejects(db.sync(), { code: 'SQLITE_INTERRUPT' })
  await db.close()
  await hanging
  assert.ok(performance.now() - start < IN_TIME)
})

served('closed is closed', async t => {
  const { db } = await setup(t)
  const stmt = db.prepare('SELECT a FROM t')
  assert.equal(db.close(), db)
  assert.equal(db.close(), db)
  assert.equal(db.open, false)
  for (const call of [() => stmt.get(), () => db.sync(), () => db.prepare('SELECT 1'), () => db.exec('SELECT 1'),
    () => db.resync(), () => db.pragma('user_version'), () => db.interrupt()]) {
    typeError(call, 'The database connection is not open')
  }
  const { db: promised } = await setupAsync(t)
  await promised.close()
  for (const name of ['sync', 'resync']) {
    await assert.rejects(promised[name](), /^TypeError: The database connection is not open$/)
  }
})

// The ways to ask for changes(); in each the word stands where SQLite takes it for the function.
const TELLING = ['SELECT "changes"() AS n', 'SELECT [CHANGES]() AS n', 'SELECT changes/**/() AS n', 'SELECT `changes` -- x\n() AS n',
  'SELECT n FROM told', 'WITH c AS (SELECT * FROM told) SELECT n FROM c', "SELECT (SELECT n FROM told) AS n, 'x'"]

served('what tells of writes is asked of the primary, wherever it stands', async t => {
  const { db, server } = await setup(t)
  const other = await promise.connect(tempFile(t, 'other.db'), { syncUrl: server.url })
  cleanup(t, () => other.close())
  await other.exec('CREATE VIEW tells AS SELECT changes() AS n; CREATE VIEW told AS SELECT n FROM tells')
  await Promise.all([db.sync(), other.sync()])
  for (const each of [db, other]) {
    const view = await each.prepare('SELECT n FROM told')
    for (const sql of TELLING) {
      await (await each.prepare('INSERT INTO t (b) VALUES (1), (2), (3)')).run()
      assert.equal((await (await each.prepare(sql)).get()).n, 3, sql)
      assert.equal((await (await each.prepare(sql)).all())[0].n, 3, sql)
      assert.equal((await view.get()).n, 3, sql)
    }
  }
  // What only looks like it, and pragmas that only tell, need no server.
  await Promise.all([db.sync(), other.sync()])
  await server.kill()
  for (const each of [db, other]) {
    const stmt = await each.prepare("SELECT 'changes()' AS \"changes()\" /* total_changes() */")
    assert.deepEqual(await stmt.get(), { 'changes()': 'changes()' })
    assert.equal((await each.pragma('"table_info"(t)')).length, 2)
    assert.equal(await each.pragma('main . user_version -- = 6', { simple: true }), 0)
  }
})

served('a view that comes to tell of writes is asked of the primary', async t => {
  const { db, server } = await setup(t)
  const other = await promise.connect(tempFile(t, 'other.db'), { syncUrl: server.url })
  cleanup(t, () => other.close())
  db.exec('CREATE VIEW v AS SELECT -1 AS n')
  await Promise.all([db.sync(), other.sync()])
  const sql = 'SELECT n FROM v'
  const statements = [[db, db.prepare(sql)], [other, await other.prepare(sql)]]
  for (const [, stmt] of statements) {
    assert.deepEqual([await stmt.get(), await stmt.all()], [{ n: -1 }, [{ n: -1 }]])
  }
  db.exec('DROP VIEW v; CREATE VIEW v AS SELECT changes() AS n')
  await Promise.all([db.sync(), other.sync()])
  for (const [each, stmt] of statements) {
    await (await each.prepare('INSERT INTO t (b) VALUES (1), (2), (3)')).run()
    assert.deepEqual([await stmt.get(), await stmt.all()], [{ n: 3 }, [{ n: 3 }]])
  }
})

served('so is an iterator on it, with its parameters and its mode', async t => {
  const { db, server } = await setup(t)
  const other = await promise.connect(tempFile(t, 'other.db'), { syncUrl: server.url })
  cleanup(t, () => other.close())
  const sql = 'SELECT n, ? AS p FROM v, json_each(?)'
  const list = JSON.stringify(Array.from({ length: 40 }, (_, i) => i))
  const params = Buffer.from('p')
  const all = n => Array.from({ length: 40 }, () => [n, params])
  for (const each of [db, other]) {
    db.exec('DROP VIEW IF EXISTS v; CREATE VIEW v AS SELECT -1 AS n')
    await Promise.all([db.sync(), other.sync()])
    const read = async rows => {
      const list = []
      for await (const row of rows) list.push(row)
      return list
    }
    const stmt = (await each.prepare(sql)).raw()
    const bound = (await each.prepare(sql)).bind(params, list)
    assert.deepEqual(await read(stmt.iterate(params, list)), all(-1))
    assert.equal((await read(bound.iterate())).length, 40)
    db.exec('DROP VIEW v; CREATE VIEW v AS SELECT changes() AS n')
    await Promise.all([db.sync(), other.sync()])
    await (await each.prepare('INSERT INTO t (b) VALUES (1), (2), (3)')).run()
    if (each === other) await other.sync()
    assert.deepEqual(await read(stmt.iterate(params, list)), all(3))
    assert.deepEqual((await read(bound.iterate())).at(-1), { n: 3, p: params })
    const ended = stmt.iterate(params, list)
    assert.equal(ended.statement, stmt)
    assert.deepEqual(await ended.next(), { value: [3, params], done: false })
    assert.equal((await ended.return()).done, true)
    assert.equal((await ended.next()).done, true)
  }
})

served('a pragma with a value is for the primary, however it is spelt', async t => {
  const { db, server } = await setup(t)
  const other = await promise.connect(tempFile(t, 'other.db'), { syncUrl: server.url })
  cleanup(t, () => other.close())
  let version = 5
  for (const each of [db, other]) {
    for (const sql of ['user_version(%)', 'user_version=%', 'user_version /* ( */ = %', 'User_Version (%)']) {
      await each.pragma(sql.replace('%', ++version))
      assert.equal(await each.pragma('user_version', { simple: true }), version, sql)
      await (await each.prepare(`PRAGMA ${sql.replace('%', ++version)}`)).run()
      assert.equal(await each.pragma('/**/ "user_version"', { simple: true }), version, sql)
    }
  }
})
