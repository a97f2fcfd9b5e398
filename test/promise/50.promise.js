'use strict'

const assert = require('node:assert/strict')
const fs = require('node:fs')
const path = require('node:path')
const {
  CLOSED, IN_TIME, MODULE, child, collect, exited, isSqliteError, openAsync, ours, rangeError,
  tempDir, tempFile, typeError
} = require('../support')
const { Database, SqliteError, connect } = require('../../promise')

const PROMISE_MODULE = path.join(__dirname, '..', '..', 'promise')
const MISSING = isSqliteError('SQLITE_CANTOPEN')
const noTable = isSqliteError('SQLITE_ERROR', 'no such table: missing')
const asyncDispose = Symbol.asyncDispose ?? Symbol.for('nodejs.asyncDispose')

// What is called gives a promise, and that promise rejects.
async function rejects (fn, expected) {
  const promise = fn()
  assert.equal(typeof promise?.then, 'function', `${fn} gave no promise`)
  await assert.rejects(promise, expected, String(fn))
}

ours('connect() gives an open database, and new Database() one that opens', async t => {
  const db = await connect(':memory:')
  assert.ok(db instanceof Database)
  assert.deepEqual([db.open, db.memory, db.readonly, db.inTransaction, db.name], [true, true, false, false, ':memory:'])
  assert.deepEqual(await db.get('SELECT 5 AS a'), { a: 5 })
  await db.close()
  assert.equal(db.open, false)
  const file = tempFile(t)
  const other = openAsync(t, file)
  assert.deepEqual([other.open, other.memory, other.name], [true, false, file])
  await other.exec('CREATE TABLE t (a)')
  assert.ok(fs.existsSync(file))
})

ours('the classes are those of the sync API', () => {
  assert.equal(Database.SqliteError, SqliteError)
  assert.equal(SqliteError, require(MODULE).SqliteError)
  assert.notEqual(Database, require(MODULE))
})

ours('connect() rejects when the file cannot be opened', async t => {
  await rejects(() => connect(tempDir(t)), MISSING)
  await rejects(() => connect(tempFile(t), { fileMustExist: true }), MISSING)
  await rejects(() => connect(tempFile(t), { readonly: true }), MISSING)
})

ours('the calls of a database that could not be opened reject with the reason', async t => {
  const db = new Database(tempDir(t))
  await rejects(() => db.get('SELECT 1'), MISSING)
  await rejects(() => db.exec('SELECT 1'), MISSING)
  await rejects(() => db.prepare('SELECT 1'), MISSING)
  await rejects(() => db.transaction(() => {})(), MISSING)
  await db.close()
  await rejects(() => db.get('SELECT 1'), { name: 'TypeError', message: CLOSED })
})

ours('a database that could not be opened and is not used reports nothing', async t => {
  const args = [PROMISE_MODULE, tempDir(t)]
  const result = exited(await child((module, dir) => {
    const { Database } = require(module)
    globalThis.db = new Database(dir)
  }, { args, execArgv: ['--unhandled-rejections=strict'] }))
  assert.equal(result.stderr, '')
})

ours('wrong arguments throw where there is no promise, and reject where there is one', async t => {
  typeError(() => new Database(5), undefined)
  typeError(() => new Database(':memory:', { leaseTimeout: 0 }), /leaseTimeout/)
  rangeError(() => new Database(':memory:', { leaseTimeout: 2 ** 31 }), /leaseTimeout/)
  typeError(() => new Database(':memory:', { readers: -1 }), /readers/)
  typeError(() => new Database(path.join(tempDir(t), 'a', 'b.db')), /directory does not exist/)
  await rejects(() => connect(5), { name: 'TypeError' })
  await rejects(() => connect(path.join(tempDir(t), 'a', 'b.db')), /directory does not exist/)
  const db = openAsync(t)
  typeError(() => db.transaction(5), undefined)
})

ours('every method that gives a promise rejects, and throws nothing', async t => {
  const db = openAsync(t)
  for (const wrong of [undefined, null, 5, {}, Symbol('x'), ['SELECT 1']]) {
    for (const name of ['prepare', 'run', 'get', 'all', 'exec', 'pragma', 'explain', 'loadExtension']) {
      await rejects(() => db[name](wrong), { name: 'TypeError' })
    }
    await rejects(() => db.iterate(wrong).next(), { name: 'TypeError' })
    await rejects(() => db.function(wrong), { name: 'TypeError' })
    await rejects(() => db.aggregate(wrong), { name: 'TypeError' })
  }
  for (const wrong of [5, 'x', true]) await rejects(() => db.serialize(wrong), { name: 'TypeError' })
  for (const wrong of [undefined, 5, '']) await rejects(() => db.backup(wrong), { name: 'TypeError' })
  await rejects(() => db.serialize({ attached: '' }), { name: 'TypeError' })
  await rejects(() => db.unsafeMode('x'), { name: 'TypeError' })
  await rejects(() => db.authorizer('x'), { name: 'TypeError' })
  for (const name of ['run', 'get', 'all', 'exec', 'prepare', 'explain']) {
    await rejects(() => db[name]('SELECT * FROM missing'), noTable)
  }
  await rejects(() => db.iterate('SELECT * FROM missing').next(), noTable)
  const signal = { aborted: 'no' }
  await rejects(() => db.get('SELECT 1', [], { signal }), /AbortSignal/)
  await rejects(() => db.get('SELECT 1', [], { timeout: -1 }), { name: 'TypeError' })
  await rejects(() => db.get('SELECT 1', [], 5), { name: 'RangeError' })
  await rejects(() => db.exec('SELECT 1', { signal }), /AbortSignal/)
  await rejects(() => db.prepare('SELECT 1', { signal }), /AbortSignal/)
  const stmt = await db.prepare('SELECT ?')
  for (const name of ['run', 'get', 'all']) {
    await rejects(() => stmt[name](), { name: 'RangeError' })
    await rejects(() => stmt[name](1, 2), { name: 'RangeError' })
    await rejects(() => stmt[name](Symbol('x')), { name: 'TypeError' })
    await rejects(() => stmt[name](() => {}), { name: 'TypeError' })
  }
  const write = await db.prepare('CREATE TABLE t (a)')
  typeError(() => write.columns(), 'The columns() method is only for statements that return data')
  await rejects(() => write.get(), /that return data|does not return data/)
})

ours('a call that failed leaves those behind it as they are', async t => {
  const db = openAsync(t)
  const stmt = await db.prepare('SELECT ? AS a')
  const calls = []
  for (let i = 0; i < 300; ++i) {
    calls.push(i % 3 === 0 ? stmt.get() : i % 3 === 1 ? db.get(`SELECT nothing${i}`) : stmt.get(i))
  }
  const results = await Promise.allSettled(calls)
  for (const [i, { status, value }] of results.entries()) {
    assert.equal(status, i % 3 === 2 ? 'fulfilled' : 'rejected')
    if (i % 3 === 2) assert.deepEqual(value, { a: i })
  }
})

ours('close() waits for the calls before it', async t => {
  const file = tempFile(t)
  const db = new Database(file)
  await db.exec('CREATE TABLE t (a)')
  const stmt = await db.prepare('INSERT INTO t VALUES (?)')
  const calls = []
  for (let i = 0; i < 100; ++i) {
    calls.push(stmt.run(i), db.run(`INSERT INTO t VALUES (${100 + i})`), db.exec(`INSERT INTO t VALUES (${200 + i})`))
  }
  const transaction = db.transaction(async () => {
    await stmt.run(300)
    await db.run('INSERT INTO t VALUES (?)', [301])
  })()
  const closing = db.close()
  assert.equal(db.open, false)
  let settled = 0
  for (const call of [...calls, transaction]) call.then(() => settled++)
  assert.equal(await closing, db)
  assert.equal(settled, 301)
  const again = openAsync(t, file)
  assert.deepEqual(await again.get('SELECT count(*) AS n, sum(a) AS sum FROM t'), { n: 302, sum: 301 * 302 / 2 })
})

ours('close() can be called again, and all of its calls wait', async () => {
  const db = await connect(':memory:')
  const query = db.get('WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 100000) SELECT count(*) AS n FROM n')
  const closed = []
  for (let i = 0; i < 3; ++i) db.close().then(() => closed.push(i))
  assert.deepEqual(await query, { n: 100000 })
  await db.close()
  await db.close()
  assert.deepEqual(closed, [0, 1, 2])
})

ours('after close() every call rejects', async t => {
  const db = await connect(tempFile(t))
  await db.exec('CREATE TABLE t (a); INSERT INTO t VALUES (1)')
  const stmt = await db.prepare('SELECT a FROM t')
  const begun = stmt.iterate()
  const transaction = db.transaction(() => assert.fail('was called'))
  await db.close()
  const closed = { name: 'TypeError', message: CLOSED }
  const start = performance.now()
  for (const fn of [
    () => db.prepare('SELECT 1'), () => db.run('SELECT 1'), () => db.get('SELECT 1'),
    () => db.all('SELECT 1'), () => db.iterate('SELECT 1').next(), () => db.exec('SELECT 1'),
    () => db.pragma('user_version'), () => db.explain('SELECT 1'), () => db.serialize(),
    () => db.backup('x.db'), () => db.function('f', () => 1), () => db.unsafeMode(),
    () => db.aggregate('f', { step: () => {} }), () => db.loadExtension('x'),
    () => db.authorizer(null), () => db.batch(['SELECT 1']), transaction, transaction.exclusive,
    () => stmt.run(), () => stmt.get(), () => stmt.all(),
    () => begun.next(), () => db.get('SELECT a FROM t')
  ]) await rejects(fn, closed)
  for (const fn of [() => db.interrupt(), () => stmt.iterate(), () => stmt.bind(),
    () => stmt.columns(),
    () => db.on('update', () => {})]) typeError(fn, CLOSED)
  assert.ok(performance.now() - start < IN_TIME)
})

ours('close() inside a transaction rolls it back', async t => {
  const file = tempFile(t)
  const db = await connect(file)
  await db.exec('CREATE TABLE t (a)')
  await rejects(db.transaction(async () => {
    await db.run('INSERT INTO t VALUES (1)')
    await db.close()
  }), { name: 'TypeError', message: CLOSED })
  const again = openAsync(t, file)
  assert.deepEqual(await again.all('SELECT * FROM t'), [])
})

ours('[Symbol.asyncDispose]() closes databases and iterators', async () => {
  const db = await connect(':memory:')
  await db.exec('CREATE TABLE t (a); INSERT INTO t VALUES (1), (2)')
  const stmt = await db.prepare('SELECT x.a FROM t x, t y, t z, t u, t v, t w')
  const iterator = stmt.iterate()
  assert.deepEqual(await iterator.next(), { value: { a: 1 }, done: false })
  await iterator[asyncDispose]()
  assert.deepEqual(await iterator.next(), { value: undefined, done: true })
  await db.exec('DROP TABLE t')
  assert.equal(await db[asyncDispose](), undefined)
  assert.equal(db.open, false)
})

ours('values are taken when the call is made', async t => {
  const db = openAsync(t)
  const stmt = await db.prepare('SELECT ? AS a')
  const bytes = Buffer.from('abc')
  const list = ['first']
  const named = { a: 'first' }
  const calls = [stmt.get(bytes), db.get('SELECT ? AS a', list), db.get('SELECT @a AS a', named),
    db.get('SELECT @a AS a', named)]
  bytes.fill(0)
  list[0] = 'second'
  named.a = 'second'
  const rows = await Promise.all(calls)
  assert.deepEqual(rows.map(row => String(row.a)), ['abc', 'first', 'first', 'first'])
  stmt.pluck()
  const plucked = stmt.get(1)
  stmt.pluck(false)
  assert.equal(await plucked, 1)
})

ours('a bound buffer is taken when the call is made, also before its SQL is compiled', async t => {
  const bytes = Buffer.from('abc')
  const call = openAsync(t).get('SELECT ? AS a', [bytes])
  bytes.fill(0)
  assert.equal(String((await call).a), 'abc')
})

ours('a process stays alive for its calls, and ends when there are none', async t => {
  const result = exited(await child(async (module, file) => {
    const { Database } = require(module)
    const db = globalThis.db = new Database(file)
    db.exec('CREATE TABLE t (a)')
    const sql = 'WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 2000000) SELECT count(*) AS n FROM n'
    db.get(sql).then(async row => {
      console.log(row.n)
      await db.run('INSERT INTO t VALUES (5)')
      for await (const { a } of db.iterate('SELECT a FROM t')) console.log(a)
      globalThis.stmt = await db.prepare('SELECT 1')
      // Open, but at rest.
      globalThis.iterator = (await db.prepare('SELECT 1')).iterate()
      console.log('idle')
    })
  }, { args: [PROMISE_MODULE, tempFile(t)] }))
  assert.equal(result.stdout, '2000000\n5\nidle\n')
})

ours('an idle database, a timer of a call that has ended and a listener keep no process', async () => {
  const result = exited(await child(async module => {
    const { connect } = require(module)
    const db = globalThis.db = await connect(':memory:', { defaultQueryTimeout: 1000000 })
    await db.get('SELECT 1', [], { timeout: 500000, signal: new AbortController().signal })
    db.on('update', () => {})
    await db.transaction(() => db.get('SELECT 1'))()
    console.log('idle')
  }, { args: [PROMISE_MODULE] }))
  assert.equal(result.stdout, 'idle\n')
})

ours('an await at the top of a module waits for its query', async t => {
  const result = exited(await child(async module => {
    const { Database } = require(module)
    const db = new Database(':memory:')
    process.on('exit', () => console.log('exit'))
    console.log((await db.get('SELECT 5 AS a')).a)
    await db.close()
    console.log('closed')
  }, { args: [PROMISE_MODULE] }))
  assert.equal(result.stdout, '5\nclosed\nexit\n')
})

ours('rows, modes and integers are those of the sync API', async t => {
  const sync = new (require(MODULE))(':memory:')
  const db = openAsync(t)
  const sql = "SELECT 1 AS a, 2.5 AS b, 'text \u{1f600}' AS c, x'0102' AS d, NULL AS e, 9007199254740991 AS f"
  const here = sync.prepare(sql)
  const there = await db.prepare(sql)
  for (const mode of [null, 'raw', 'pluck', 'expand', 'safeIntegers']) {
    if (mode !== null) [here, there].forEach(stmt => stmt[mode]())
    assert.deepEqual(await there.get(), here.get())
    assert.deepEqual(await there.all(), here.all())
    assert.deepEqual(await collect(there.iterate()), [...here.iterate()])
    if (mode !== null) [here, there].forEach(stmt => stmt[mode](false))
  }
  assert.deepEqual(there.columns(), here.columns())
  sync.close()
})
