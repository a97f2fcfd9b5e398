'use strict'

const assert = require('node:assert/strict')
const {
  PROMISES, collect, isSqliteError, needs, open, ours, oursSyncOnly, rangeError, tempFile, throws,
  typeError
} = require('../support')

const ENDLESS = 'WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) AS n FROM n'
const interrupted = isSqliteError('SQLITE_INTERRUPT')
const aborted = { name: 'AbortError' }

// Each would be passed over if it were a parameter.
const LIMITS = [{ timeout: 20 }, { queryTimeout: 20 }, { timeout: 20, queryTimeout: 20 },
  { timeout: 20, signal: undefined }, { queryTimeout: 20, more: 1 }]
if (PROMISES) LIMITS.push({ queryTimeout: 20, signal: new AbortController().signal })

// A server is not asked to stop: it ends the call by itself after some seconds.
const onFile = needs('an end to what runs', ours)

onFile('run, get, all and iterate take a time limit beside parameters of each kind', async t => {
  const db = open(t)
  const statements = {
    none: [await db.prepare(ENDLESS), [], [undefined], [null]],
    one: [await db.prepare(`${ENDLESS} LIMIT ?`), [1], [[1]]],
    two: [await db.prepare(`${ENDLESS} LIMIT ? + ?`), [1, 1], [[1, 1]], [1, [1]]],
    named: [await db.prepare(`${ENDLESS} LIMIT @a`), [{ a: 1 }], [{ a: 1, timeout: 5 }]],
    mixed: [await db.prepare(`${ENDLESS} LIMIT ? + @timeout`), [1, { timeout: 0 }]]
  }
  for (const [kind, [stmt, ...params]] of Object.entries(statements)) {
    for (const given of params) {
      for (const limit of LIMITS) {
        // More names are no options where parameters have names.
        if ('more' in limit && (kind === 'named' || kind === 'mixed')) continue
        for (const name of ['run', 'get', 'all']) {
          await throws(() => stmt[name](...given, limit), interrupted)
        }
        await throws(() => collect(stmt.iterate(...given, limit)), interrupted)
      }
    }
  }
})

ours('what is a parameter by its name is no option', async t => {
  const db = open(t)
  for (const name of ['timeout', 'queryTimeout', 'signal']) {
    const stmt = await db.prepare(`SELECT @${name} AS x`)
    assert.deepEqual(await stmt.get({ [name]: 1 }), { x: 1 })
    assert.deepEqual(await stmt.all({ [name]: 'text' }, { timeout: 60000 }), [{ x: 'text' }])
    if (PROMISES) {
      const sql = `SELECT :${name} AS x, 1`
      for (let i = 0; i < 2; ++i) assert.equal((await db.get(sql, { [name]: 'text' })).x, 'text')
      for (let i = 0; i < 2; ++i) {
        assert.equal((await db.get(sql, { [name]: 2 }, { timeout: 60000 })).x, 2)
      }
    }
  }
})

ours('objects that are no options are passed over where no parameter has a name', async t => {
  const db = open(t)
  const stmt = await db.prepare('SELECT 1 AS x')
  for (const object of [{}, { a: 1 }, { id: 1, name: 'Ada' }, Object.create(null)]) {
    assert.deepEqual(await stmt.all(object), [{ x: 1 }])
  }
})

ours('options of a call that are misspelt or of the wrong type are a TypeError', async t => {
  const db = open(t)
  const stmt = await db.prepare('SELECT ? AS x')
  const wrong = {
    timeout: [{ Timeout: 5 }, { timeuot: 5 }, { timout: 5 }, { timeout_ms: 5 },
      { timeouts: 5, timeout: 5 }],
    queryTimeout: [{ querytimeout: 5 }, { query_timeout: 5 }, { queryTimout: 5 }],
    signal: [{ Signal: 1 }, { singal: 1 }, { abortSignal: 1 }]
  }
  for (const [right, list] of Object.entries(wrong)) {
    for (const options of list) {
      const message = new RegExp(`^Misspelled option ".*" should be "${right}"$`)
      for (const name of ['run', 'get', 'all']) await typeError(() => stmt[name](1, options), message)
      await typeError(() => collect(stmt.iterate(1, options)), message)
      await typeError(() => db.exec('SELECT 1', options), message)
      await typeError(() => db.pragma('user_version', options), message)
      await typeError(() => db.explain('SELECT 1', options), message)
    }
  }
  for (const options of [{ timeout: -1 }, { timeout: '5' }, { queryTimeout: null }, { signal: 5 }, { timeout: 5, queryTimeout: 6 }]) {
    for (const name of ['run', 'get', 'all']) await typeError(() => stmt[name](1, options))
    await typeError(() => db.exec('SELECT 1', options))
    await typeError(() => db.pragma('user_version', options))
  }
})

onFile('exec, pragma and explain have a time limit', async t => {
  const db = open(t)
  await db.exec(`CREATE VIEW v AS ${ENDLESS}`)
  for (const limit of [{ timeout: 20 }, { queryTimeout: 20 }]) {
    await throws(() => db.exec(ENDLESS, limit), interrupted)
    assert.deepEqual(await db.pragma('user_version', { timeout: 60000 }), [{ user_version: 0 }])
    assert.equal(await db.pragma('user_version', { simple: true, queryTimeout: 60000 }), 0)
    assert.equal((await db.explain('SELECT 1', { timeout: 60000 }))[0].opcode, 'Init')
  }
})

ours('exec refuses parameters', async t => {
  const db = open(t)
  await db.exec('CREATE TABLE t (a)')
  const message = 'exec() takes no parameters, only the options { timeout, signal }: use run()'
  for (const params of [[5], 5, 'x', 5n, { a: 1 }, Buffer.from('x'), new Date(), true]) {
    await typeError(() => db.exec('INSERT INTO t VALUES (?)', params), message)
  }
  assert.deepEqual(await (await db.prepare('SELECT * FROM t')).all(), [])
  for (const none of [undefined, null, {}, { timeout: undefined }]) await db.exec('INSERT INTO t VALUES (1)', none)
  assert.equal(await (await db.prepare('SELECT count(*) FROM t')).pluck().get(), 4)
})

oursSyncOnly('exec may be the callback of forEach()', t => {
  const db = open(t)
  const list = ['CREATE TABLE t (a)', 'INSERT INTO t VALUES (1)']
  list.forEach(db.exec, db)
  assert.equal(db.prepare('SELECT a FROM t').pluck().get(), 1)
})

oursSyncOnly('a signal is for promises', async t => {
  const db = open(t)
  const { signal } = new AbortController()
  for (const name of ['run', 'get', 'all', 'iterate']) {
    typeError(() => db.prepare('SELECT 1')[name]({ signal }), /ferrolite\/promise/)
  }
  typeError(() => db.exec('SELECT 1', { signal }), /ferrolite\/promise/)
})

const onFileSync = needs('backup()', oursSyncOnly)

onFileSync('backup() ends by a signal, and the key of a copy is no option', async t => {
  const db = open(t)
  const file = tempFile(t)
  for (const options of [{ encryptionKey: 'x' }, { key: 'x' }, { password: 'x' }]) {
    await assert.rejects(db.backup(file, options), { name: 'TypeError', message: /give the key to new Database/ })
  }
  await assert.rejects(db.backup(file, { signal: AbortSignal.abort() }), aborted)
  typeError(() => db.serialize({ timeout: 5 }), /ferrolite\/promise/)
})

const withPromises = { skip: !PROMISES && 'only with promises' }

ours('a signal ends the calls of statements and of SQL', withPromises, async t => {
  const db = open(t)
  const stmt = await db.prepare('SELECT ? AS x')
  const signal = AbortSignal.abort()
  for (const options of [{ signal }, { signal, timeout: 60000 }, { queryTimeout: 60000, signal }]) {
    for (const name of ['run', 'get', 'all']) {
      await assert.rejects(stmt[name](1, options), aborted)
      await assert.rejects(db[name]('SELECT ?', 1, options), aborted)
      await assert.rejects(db[name]('SELECT 1', options), aborted)
    }
    await assert.rejects(collect(stmt.iterate(1, options)), aborted)
    await assert.rejects(collect(db.iterate('SELECT ?', 1, options)), aborted)
    await assert.rejects(db.exec('SELECT 1', options), aborted)
    await assert.rejects(db.pragma('user_version', options), aborted)
    await assert.rejects(db.explain('SELECT 1', options), aborted)
  }
  assert.deepEqual(await stmt.get(1), { x: 1 })
  assert.deepEqual(await db.get('SELECT ? AS a, ? AS b', 1, 2), { a: 1, b: 2 })
})

ours('one undefined parameter of a call by SQL is none where there are none, and NULL where there is one', async t => {
  const db = open(t)
  await db.exec('CREATE TABLE t (a)')
  assert.deepEqual(await db.get('SELECT 1 AS a', undefined), { a: 1 })
  assert.deepEqual(await db.all('SELECT 1 AS a', undefined), [{ a: 1 }])
  assert.equal((await db.run('INSERT INTO t VALUES (1)', undefined)).changes, 1)
  assert.deepEqual(await collect(db.iterate('SELECT a FROM t', undefined)), [{ a: 1 }])
  assert.deepEqual(await db.get('SELECT ? AS a', undefined), { a: null })
  assert.deepEqual(await db.get('SELECT :a AS a', { a: undefined }), { a: null })
  await rangeError(() => db.get('SELECT 1', null), 'Too many parameter values were provided')
  await rangeError(() => db.get('SELECT 1', undefined, undefined), 'Too many parameter values were provided')
  const stmt = await db.prepare('SELECT 1 AS a')
  await rangeError(() => stmt.all(undefined), 'Too many parameter values were provided')
})

ours('a transaction that is awaited and not called is a TypeError', withPromises, async t => {
  const db = open(t)
  const called = []
  const make = db.transaction(async x => { called.push(x) })
  const message = 'db.transaction() returns a function: call it, as in await db.transaction(fn)()'
  for (const version of [make, make.default, make.deferred, make.immediate, make.exclusive]) {
    await assert.rejects(async () => { await version }, { name: 'TypeError', message })
    await version(called.length)
  }
  assert.deepEqual(called, [0, 1, 2, 3, 4])
})
