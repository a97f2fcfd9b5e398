'use strict'

const assert = require('node:assert/strict')
const { execFile } = require('node:child_process')
const { promisify, inspect } = require('node:util')
const path = require('node:path')
const { test } = require('node:test')
const Database = require('../..')
const { connect, SqliteError } = require('../../promise')
const { tempDir, tempFile } = require('../support')
const { served, startSqld } = require('../servers/sqld')

const ENDLESS = 'WITH c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT max(n) FROM c'

// What a call fails with, made by a function of a name that its stack can be searched for.
async function failure (call) {
  try {
    await (async function theCaller () { return await call() })()
  } catch (error) {
    return error
  }
  throw new Error('nothing failed')
}

async function openAsync (t, name = ':memory:', options) {
  const db = await connect(name, options)
  t.after(() => db.close())
  return db
}

async function withTable (t, name) {
  const db = await openAsync(t, name)
  await db.exec('DROP TABLE IF EXISTS t; CREATE TABLE t (a UNIQUE); INSERT INTO t VALUES (1)')
  return db
}

// Every way to run SQL that fails, and the SQL that the error is to name.
const INSERT = 'INSERT INTO t VALUES (?)'
const WAYS = {
  'db.run()': [INSERT, db => db.run(INSERT, [1])],
  'db.run() again': [INSERT, async db => {
    await db.run(INSERT, [7])
    await db.run(INSERT, [7])
  }],
  'db.get()': ['SELECT nope FROM t', db => db.get('SELECT nope FROM t')],
  'db.all()': ['SELECT nope FROM t', db => db.all('SELECT nope FROM t')],
  'db.exec()': ['SELECT 1; SELEC', db => db.exec('SELECT 1; SELEC')],
  'db.prepare()': ['SELEC', db => db.prepare('SELEC')],
  'db.pragma()': ['PRAGMA main.(', db => db.pragma('main.(')],
  'db.iterate()': ['SELECT abs(-9223372036854775808)', async db => {
    for await (const row of db.iterate('SELECT abs(-9223372036854775808)')) assert.fail(inspect(row))
  }],
  'stmt.run()': [INSERT, async db => {
    const stmt = await db.prepare(INSERT)
    await stmt.run(1)
  }],
  'stmt.iterate()': ['SELECT abs(?)', async db => {
    const stmt = await db.prepare('SELECT abs(?)')
    for await (const row of stmt.iterate(-(2n ** 63n))) assert.fail(inspect(row))
  }],
  'too many parameters': ['SELECT ?', db => db.get('SELECT ?', [1, 2])],
  'too few parameters': ['SELECT ?', async db => {
    const stmt = await db.prepare('SELECT ?')
    await stmt.get()
  }],
  'Promise.all()': [INSERT, db => Promise.all([db.run(INSERT, [1]), db.get('SELECT 1')])],
  'a transaction': [INSERT, db => db.transaction(() => db.run(INSERT, [1]))()],
  'batch()': [INSERT, db => db.batch(['SELECT 1', [INSERT, [1]]])],
  'what an abort ends': ['SELECT 1', db => db.get('SELECT 1', [], { signal: AbortSignal.abort() })]
}

function testWays (where, place) {
  for (const [name, [sql, call]] of Object.entries(WAYS)) {
    test(`an error of ${name} ${where} has the caller's frames, the SQL and the database`, async t => {
      const db = await withTable(t, await place(t))
      const error = await failure(() => call(db))
      assert.match(error.stack, /theCaller/)
      assert.equal(error.stack.split('\n')[0], String(error))
      assert.deepEqual([error.sql, error.database], [sql, db.name])
    })
  }
}

testWays('of a file', t => tempFile(t))

served('on a server and its replica', async t => {
  const server = await startSqld(t)
  for (const [where, options] of [['server', null], ['replica', { syncUrl: server.url }]]) {
    for (const [name, [sql, call]] of Object.entries(WAYS)) {
      await t.test(`${name} on a ${where}`, async t => {
        const db = await openAsync(t, options === null ? server.url : tempFile(t), options)
        await db.exec('DROP TABLE IF EXISTS t; CREATE TABLE t (a UNIQUE); INSERT INTO t VALUES (1)')
        const error = await failure(() => call(db))
        assert.match(error.stack, /theCaller/)
        assert.deepEqual([error.sql, error.database], [sql, db.name])
      })
    }
  }
  await t.test('batch() and scripts say which statement it was', async t => {
    const sync = new Database(server.url)
    t.after(() => sync.close())
    const db = await withTable(t, server.url)
    const script = 'SELECT 1;\n -- é\n SELECT 2; INSERT INTO t VALUES (1); SELECT 3'
    for (const api of [db, sync]) {
      const ofScript = await failure(() => api.exec(script))
      assert.equal(ofScript.statementIndex, 2)
      assert.equal(ofScript.sql.slice(ofScript.offset), 'INSERT INTO t VALUES (1); SELECT 3')
      const ofBatch = await failure(() => api.batch(['SELECT 1', [INSERT, [1]]]))
      assert.deepEqual([ofBatch.statementIndex, ofBatch.sql], [1, INSERT])
    }
    const waited = await failure(() => sync.prepare(ENDLESS).timeout(20).get())
    assert.deepEqual([waited.code, waited.cause.name], ['SQLITE_INTERRUPT', 'TimeoutError'])
  })
})

test('of a script and of a batch the statement and the place are known, in both APIs', async t => {
  const db = await withTable(t, tempFile(t))
  const sync = new Database(db.name)
  t.after(() => sync.close())
  for (const api of [db, sync]) {
    const busy = await failure(() => api.exec("SELECT 'é';\n INSERT INTO t VALUES (1); SELECT 3"))
    assert.deepEqual([busy.statementIndex, busy.offset], [1, 13])
    const wrong = await failure(() => api.exec("SELECT 'é'; SELECT 2, nope FROM t"))
    assert.deepEqual([wrong.statementIndex, wrong.sql.slice(wrong.offset)], [1, 'nope FROM t'])
    const list = ['SELECT 1', [INSERT, [1]]]
    for (const [statements, sql, index] of [[list, INSERT, 1], [['SELEC'], 'SELEC', 0]]) {
      const error = await failure(() => api.batch(statements))
      assert.deepEqual([error.statementIndex, error.sql, error.offset], [index, sql, 0])
      assert.equal(error.database, db.name)
    }
    const token = await failure(() => api.prepare("SELECT 'é', nope FROM t"))
    assert.deepEqual([token.offset, token.statementIndex], [12, undefined])
  }
})

test('errors of the sync API have the SQL and the database', t => {
  const file = tempFile(t)
  const db = new Database(file)
  t.after(() => db.close())
  db.exec('CREATE TABLE t (a UNIQUE); INSERT INTO t VALUES (1)')
  const stmt = db.prepare('SELECT abs(?)')
  const overflow = -(2n ** 63n)
  for (const [sql, call] of [
    [INSERT, () => db.prepare(INSERT).run(1)],
    ['SELEC', () => db.prepare('SELEC')],
    ['SELECT abs(?)', () => stmt.get(overflow)],
    ['SELECT abs(?)', () => stmt.all(overflow)],
    ['SELECT abs(?)', () => [...stmt.iterate(overflow)]],
    ['PRAGMA main.(', () => db.pragma('main.(')]
  ]) {
    assert.throws(call, (error) => {
      assert.deepEqual([error.sql, error.database], [sql, file])
      return true
    })
  }
})

test('what is beside the code stays out of console.log() and of comparisons', async t => {
  const db = await withTable(t, tempFile(t))
  const error = await failure(() => db.batch([[INSERT, [1]]]))
  assert.deepEqual(Object.keys(error), ['code'])
  assert.doesNotMatch(inspect(error), /INSERT INTO|statementIndex|rawCode/)
  assert.deepEqual(error, new SqliteError('UNIQUE constraint failed: t.a', 'SQLITE_CONSTRAINT_UNIQUE'))
})

test('no error shows a key', async t => {
  const folder = tempDir(t)
  const db = await openAsync(t, path.join(folder, 'a.db'))
  const sync = new Database(':memory:')
  t.after(() => sync.close())
  const file = path.join(folder, 'x--y;z')
  for (const sql of [
    "PRAGMA key = 's3cret' SELEC", "\ufeffPRAGMA key = 's3cret'; SELEC",
    "PRAGMA/*=*/rekey('s3cret'); SELEC",
    `SELECT 1; ATTACH '${file}' AS b KEY 's3cret'; SELEC`,
    `ATTACH '${file}' AS b KEY -- it is\n's3cret'; SELEC`,
    "PRAGMA main . hexkey='s3cret'; SELEC", 'PRAGMA "key" = \'s3cret\'; SELEC',
    "SELECT 1\nPRAGMA key = 's3cret'", 'SELEC \'open; PRAGMA key = "s3cret"'
  ]) {
    for (const call of [
      () => db.exec(sql), () => db.prepare(sql), () => db.batch([sql]), () => db.get(sql),
      () => sync.exec(sql), () => sync.prepare(sql), () => sync.batch([sql])]) {
      const error = await failure(call)
      assert.doesNotMatch(inspect(error, { showHidden: true }), /s3cret/, sql)
    }
  }
})

test('what only looks like a key stays in the SQL of errors', async t => {
  const db = await openAsync(t)
  for (const sql of ["SELEC 'pragma key = 1'", 'SELEC key -- pragma key', 'CREATE TABLE t (key PRIMARY KEY x)']) {
    assert.equal((await failure(() => db.exec(sql))).sql, sql)
  }
})

test('a timeout, interrupt() and an abort are told apart', async t => {
  const db = await openAsync(t)
  const sync = new Database(':memory:')
  t.after(() => sync.close())
  sync.function('stop', (n) => {
    if (n === 1000) sync.interrupt()
    return n
  })
  const seen = async (call) => {
    const { name, code, cause } = await failure(call)
    return [name, code, cause?.name]
  }
  const byTime = ['SqliteError', 'SQLITE_INTERRUPT', 'TimeoutError']
  const stopped = ['SqliteError', 'SQLITE_INTERRUPT', undefined]
  assert.deepEqual(await seen(() => db.get(ENDLESS, [], { timeout: 20 })), byTime)
  assert.deepEqual(await seen(() => sync.prepare(ENDLESS).timeout(20).get()), byTime)
  assert.deepEqual(await seen(() => sync.exec(ENDLESS, { queryTimeout: 20 })), byTime)
  assert.deepEqual(await seen(() => {
    const call = db.get(ENDLESS)
    db.interrupt()
    return call
  }), stopped)
  const sql = 'WITH c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT max(stop(n)) FROM c'
  assert.deepEqual(await seen(() => sync.prepare(sql).get()), stopped)
  const controller = new AbortController()
  const aborted = seen(() => db.get(ENDLESS, [], { signal: controller.signal }))
  controller.abort(new RangeError('enough'))
  assert.deepEqual(await aborted, ['AbortError', 'ABORT_ERR', 'RangeError'])
  // In a queue, too.
  const first = failure(() => db.get(ENDLESS))
  assert.deepEqual(await seen(() => db.get('SELECT 1', [], { timeout: 20 })), byTime)
  db.interrupt()
  await first
})

test('an error of a function of the user stays as it was thrown', async t => {
  const db = await openAsync(t)
  const thrown = new Error('mine')
  const { stack } = thrown
  await db.function('fails', () => { throw thrown })
  const error = await failure(() => db.get('SELECT fails()'))
  assert.equal(error, thrown)
  assert.equal(error.stack, stack)
  assert.deepEqual(Reflect.ownKeys(error).toSorted(), ['message', 'stack'])
})

test('SQLITE_CANTOPEN names the file and why, in both APIs', async t => {
  const folder = tempDir(t)
  const missing = path.join(folder, 'missing.db')
  const message = /^unable to open database file: /
  const isIn = (error, file, why) => {
    assert.equal(error.code, 'SQLITE_CANTOPEN')
    assert.equal(error.message, `unable to open database file: ${file} (${why})`)
  }
  for (const open of [(...args) => new Database(...args), connect]) {
    isIn(await failure(() => open(folder)), folder, 'it is a directory')
    for (const options of [{ readonly: true }, { fileMustExist: true }]) {
      isIn(await failure(() => open(missing, options)), missing, 'no such file or directory')
    }
  }
  const db = new Database(':memory:')
  t.after(() => db.close())
  const attach = await failure(() => db.exec(`ATTACH '${folder}' AS b`))
  assert.equal(attach.message, `unable to open database: ${folder} (it is a directory)`)
  const backup = await failure(() => db.backup(folder))
  assert.match(backup.message, message)
})

test('SQLITE_CANTOPEN says that no descriptors are left', {
  skip: process.platform === 'win32' && 'there is no ulimit'
}, async t => {
  const folder = tempDir(t)
  const code = `
    const { openSync } = require('node:fs')
    const Database = require(${JSON.stringify(path.join(__dirname, '..', '..'))})
    new Database(':memory:').close()
    const file = ${JSON.stringify(path.join(folder, 'a.db'))}
    try { for (;;) openSync(process.execPath) } catch {}
    try { new Database(file) } catch (error) { console.log(error.code, error.message) }`
  const { stdout } = await promisify(execFile)('sh', ['-c', 'ulimit -n 64; exec "$0" "$@"', process.execPath, '-e', code])
  assert.equal(stdout.trim(), `SQLITE_CANTOPEN unable to open database file: ${path.join(folder, 'a.db')} (no file descriptors are left)`)
})
