'use strict'

const assert = require('node:assert/strict')
const { setTimeout: sleep } = require('node:timers/promises')
const {
  IN_TIME, MODULE, cleanup, openAsync, ours, random, seed, tempFile, typeError
} = require('../support')
const { Database } = require('../../promise')
const Sync = require(MODULE)

const ENDLESS = 'WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n'

async function openWal (t, readers, options) {
  const file = tempFile(t)
  const db = openAsync(t, file, { readers, ...options })
  await db.pragma('journal_mode = WAL')
  await db.pragma('synchronous = OFF')
  await db.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, a)')
  return db
}

// Whether a read gets its turn within `ms` while the writing connection is kept busy.
async function isFree (db, read, ms = IN_TIME) {
  const controller = new AbortController()
  const busy = db.run(`INSERT INTO t SELECT NULL, 1 WHERE (${ENDLESS}) < 0`, [], { signal: controller.signal })
  const ended = assert.rejects(busy, { name: 'AbortError' })
  const late = new AbortController()
  const timer = sleep(ms, false, { signal: late.signal }).catch(() => {})
  const answer = await Promise.race([read().then(() => true), timer])
  late.abort()
  controller.abort()
  await ended
  return answer
}

ours('readers see every commit that was acknowledged before they were called, 500 rounds', async t => {
  const next = random(seed(t))
  const db = await openWal(t, 3)
  const insert = await db.prepare('INSERT INTO t (a) VALUES (?)')
  const count = await db.prepare('SELECT count(*) FROM t')
  const largest = await db.prepare('SELECT max(id) FROM t')
  for (const stmt of [count, largest]) stmt.pluck()
  let expected = 0
  for (let i = 0; i < 500; ++i) {
    const more = 1 + next(3)
    if (next(3) === 0) {
      await db.transaction(async () => { for (let j = 0; j < more; ++j) await insert.run(i) })()
    } else {
      for (let j = 0; j < more; ++j) await insert.run(i)
    }
    expected += more
    const reads = [count.get(), largest.get(), count.all().then(([n]) => n),
      db.get('SELECT count(*) AS n FROM t').then(({ n }) => n), count.get(), largest.get()]
    // Writes that are under way may be seen or not.
    const write = insert.run(i)
    for (const n of await Promise.all(reads)) {
      assert.ok(n === expected || n === expected + 1, `${n} of ${expected}`)
    }
    await write
    expected++
    assert.equal(await count.get(), expected)
  }
})

ours('a read that was called before a write and one of a reader agree on whole transactions', async t => {
  const db = await openWal(t, 2)
  await db.exec('INSERT INTO t VALUES (1, 500), (2, 500)')
  const move = await db.prepare('UPDATE t SET a = a + ? WHERE id = ?')
  const sum = await db.prepare('SELECT sum(a) FROM t')
  sum.pluck()
  const transfer = db.transaction(async n => {
    await move.run(-n, 1)
    await null
    await move.run(n, 2)
  })
  const work = []
  for (let i = 0; i < 300; ++i) {
    work.push(transfer(i), sum.get().then(n => assert.equal(n, 1000)))
    if (i % 20 === 0) await sleep(0)
  }
  await Promise.all(work)
})

ours('reads go on while the writing connection is busy, and with readers only', async t => {
  const db = await openWal(t, 2)
  const stmt = await db.prepare('SELECT count(*) AS n FROM t')
  await stmt.get()
  assert.equal(await isFree(db, () => stmt.get()), true)
  assert.equal(await isFree(db, () => stmt.all()), true)
  const alone = await openWal(t, 0)
  const own = await alone.prepare('SELECT count(*) AS n FROM t')
  assert.equal(await isFree(alone, () => own.get(), 150), false)
})

ours('long reads run side by side', async t => {
  const db = await openWal(t, 2)
  const stmt = await db.prepare(ENDLESS)
  const controller = new AbortController()
  // Had the reads to wait for it, it would end by its time.
  const options = { signal: controller.signal, timeout: 10000 }
  const long = assert.rejects(stmt.with(options).get(), { name: 'AbortError' })
  const quick = await db.prepare('SELECT count(*) AS n FROM t')
  for (let i = 0; i < 20; ++i) assert.deepEqual(await quick.get(), { n: 0 })
  controller.abort()
  await long
})

ours('settings hold on each reader', async t => {
  const db = await openWal(t, 3)
  await db.exec("INSERT INTO t VALUES (1, 'a')")
  const like = await db.prepare("SELECT a LIKE 'A' AS x FROM t")
  const all = () => Promise.all(Array.from({ length: 12 }, async () => (await like.get()).x))
  assert.deepEqual(await all(), Array(12).fill(1))
  await db.pragma('case_sensitive_like = ON')
  assert.deepEqual(await all(), Array(12).fill(0))
  await db.pragma('case_sensitive_like(OFF)')
  assert.deepEqual(await all(), Array(12).fill(1))
  await db.pragma('case_sensitive_like = ON')
  const later = await db.prepare("SELECT a LIKE 'A' AS y FROM t")
  for (let i = 0; i < 6; ++i) assert.deepEqual(await later.get(), { y: 0 })
})

ours('safe integers, modes and parameters are the same on readers', async t => {
  const db = await openWal(t, 2)
  await db.exec("INSERT INTO t VALUES (1, 'one'), (2, 'two')")
  const stmt = await db.prepare('SELECT id, a FROM t WHERE id >= @from')
  for (let i = 0; i < 4; ++i) {
    assert.deepEqual(await stmt.all({ from: 2 }), [{ id: 2, a: 'two' }])
    stmt.safeIntegers().raw()
    assert.deepEqual(await stmt.get({ from: 1 }), [1n, 'one'])
    stmt.safeIntegers(false).expand()
    assert.deepEqual(await stmt.get({ from: 1 }), { t: { id: 1, a: 'one' } })
    stmt.expand(false)
    await assert.rejects(stmt.get(), { name: 'TypeError', message: 'Missing named parameters' })
  }
})

ours('columns() is of the last execution, on readers too', async t => {
  const db = await openWal(t, 2)
  await db.exec('CREATE TABLE c (a TEXT)')
  const stmt = await db.prepare('SELECT * FROM c')
  const names = () => stmt.columns().map(({ name, type, table }) => `${table}.${name} ${type}`)
  assert.deepEqual(names(), ['c.a TEXT'])
  await Promise.all(Array.from({ length: 8 }, () => stmt.all()))
  await db.exec('ALTER TABLE c ADD COLUMN b REAL')
  assert.deepEqual(names(), ['c.a TEXT'])
  assert.deepEqual(await stmt.all(), [])
  assert.deepEqual(names(), ['c.a TEXT', 'c.b REAL'])
  await db.exec('INSERT INTO c VALUES (1, 2)')
  for (const row of await Promise.all(Array.from({ length: 8 }, () => stmt.get()))) {
    assert.deepEqual(row, { a: '1', b: 2 })
  }
})

ours('a change of the schema reaches the readers', async t => {
  const db = await openWal(t, 2)
  await db.exec("INSERT INTO t VALUES (1, 'one')")
  const stmt = await db.prepare('SELECT * FROM t')
  const names = () => Promise.all([1, 2, 3, 4].map(async () => Object.keys(await stmt.get())))
  assert.deepEqual(await names(), Array(4).fill(['id', 'a']))
  await db.exec('ALTER TABLE t ADD COLUMN b')
  assert.deepEqual(await names(), Array(4).fill(['id', 'a', 'b']))
  await db.exec('ALTER TABLE t RENAME COLUMN b TO c')
  assert.deepEqual(await names(), Array(4).fill(['id', 'a', 'c']))
  await db.exec('CREATE TABLE u (x); INSERT INTO u VALUES (7)')
  assert.deepEqual(await db.get('SELECT x FROM u'), { x: 7 })
})

ours('temporary tables keep the reads on the writing connection', async t => {
  const db = await openWal(t, 2)
  await db.exec('INSERT INTO t VALUES (1, 5)')
  const stmt = await db.prepare('SELECT a FROM t')
  assert.deepEqual(await stmt.get(), { a: 5 })
  // Hides the other.
  await db.exec('CREATE TEMP TABLE t (a); INSERT INTO temp.t VALUES (6)')
  for (let i = 0; i < 4; ++i) assert.deepEqual(await stmt.get(), { a: 6 })
  await db.exec('DROP TABLE temp.t')
  for (let i = 0; i < 4; ++i) assert.deepEqual(await stmt.get(), { a: 5 })
})

ours('attached databases keep the reads on the writing connection', async t => {
  const db = await openWal(t, 2)
  const other = new Sync(tempFile(t, 'other.db'))
  cleanup(t, () => other.close())
  other.exec('CREATE TABLE o (a); INSERT INTO o VALUES (7)')
  await db.run('ATTACH ? AS other', [other.name])
  const stmt = await db.prepare('SELECT a FROM o')
  for (let i = 0; i < 4; ++i) assert.deepEqual(await stmt.get(), { a: 7 })
  await db.exec('DETACH other')
  await assert.rejects(stmt.get(), /no such table/)
  await db.exec('CREATE TABLE o (a); INSERT INTO o VALUES (8)')
  for (let i = 0; i < 4; ++i) assert.deepEqual(await stmt.get(), { a: 8 })
})

ours('functions keep the reads on the writing connection', async t => {
  const db = await openWal(t, 2)
  await db.exec('INSERT INTO t VALUES (1, 5)')
  await db.get('SELECT a FROM t')
  await db.function('f', x => x * 2)
  await db.aggregate('total2', { start: 0, step: (sum, x) => sum + 2 * x })
  for (let i = 0; i < 4; ++i) {
    assert.deepEqual(await db.get('SELECT f(a) AS a, total2(a) AS b FROM t'), { a: 10, b: 10 })
  }
})

ours('an open transaction keeps the reads on the writing connection', async t => {
  const db = await openWal(t, 2)
  const count = await db.prepare('SELECT count(*) FROM t')
  count.pluck()
  for (let i = 0; i < 50; ++i) {
    await db.transaction(async () => {
      await db.run('INSERT INTO t (a) VALUES (1)')
      assert.equal(await count.get(), 1)
      await db.exec('DELETE FROM t')
    })()
    // By SQL, with or without waiting for it.
    const begin = db.exec('BEGIN')
    const insert = db.run('INSERT INTO t (a) VALUES (1)')
    const inside = count.get()
    if (i % 2 === 0) await begin
    assert.equal(await inside, 1)
    await insert
    assert.equal(await count.get(), 1)
    await db.exec('ROLLBACK')
    assert.equal(await count.get(), 0)
  }
})

ours('what writes in the guise of a read runs where it can', async t => {
  const db = await openWal(t, 2)
  for (let i = 0; i < 4; ++i) {
    assert.deepEqual(await db.all('INSERT INTO t (a) VALUES (?) RETURNING a', [i]), [{ a: i }])
    assert.deepEqual(await db.get('SELECT last_insert_rowid() AS id, changes() AS n'), { id: i + 1, n: 1 })
  }
})

ours('a file that is not in WAL mode is read on the writing connection', async t => {
  const db = openAsync(t, tempFile(t), { readers: 2 })
  await db.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, a); INSERT INTO t VALUES (1, 5)')
  const stmt = await db.prepare('SELECT a FROM t')
  for (let i = 0; i < 4; ++i) assert.deepEqual(await stmt.get(), { a: 5 })
  assert.equal(await isFree(db, () => stmt.get()), false)
  await db.pragma('journal_mode = WAL')
  assert.equal(await isFree(db, () => stmt.get()), true)
  await db.pragma('journal_mode = DELETE').catch(() => {})
  await db.run('UPDATE t SET a = 6')
  assert.deepEqual(await stmt.get(), { a: 6 })
})

ours('close() ends readers too, and leaves no log behind', async t => {
  const db = await openWal(t, 3)
  const stmt = await db.prepare('SELECT count(*) AS n FROM t')
  const calls = Array.from({ length: 30 }, () => stmt.get())
  await db.close()
  for (const row of await Promise.all(calls)) assert.deepEqual(row, { n: 0 })
  assert.equal(require('node:fs').existsSync(`${db.name}-wal`), false)
  await assert.rejects(stmt.get(), { name: 'TypeError', message: 'The database connection is not open' })
})

ours('a database in memory has no readers', t => {
  for (const name of [':memory:', '']) {
    typeError(() => new Database(name, { readers: 1 }), /cannot have readers/)
  }
  for (const readers of [-1, 1.5, 65, '2', true]) {
    typeError(() => new Database(tempFile(t), { readers }), /readers/)
  }
})

// The ways to ask for changes(); in each the word stands where SQLite takes it for the function.
const TELLING = ['SELECT "changes"() AS n', 'SELECT [CHANGES]() AS n', 'SELECT changes/**/() AS n', 'SELECT `changes` -- x\n() AS n',
  'SELECT n FROM told', 'WITH c AS (SELECT * FROM told) SELECT n FROM c', "SELECT (SELECT n FROM told) AS n, 'x'"]

ours('what tells of writes is asked of the connection that writes, wherever it stands', async t => {
  const db = await openWal(t, 3)
  await db.exec('CREATE VIEW tells AS SELECT changes() AS n; CREATE VIEW told AS SELECT n FROM tells')
  for (const sql of TELLING) {
    await db.run('INSERT INTO t (a) VALUES (1), (2), (3)')
    for (let i = 0; i < 4; ++i) assert.equal((await db.get(sql)).n, 3, sql)
    assert.equal((await (await db.prepare(sql)).all())[0].n, 3, sql)
  }
  // What only looks like it is read by readers.
  const names = await db.prepare("SELECT 'changes()' AS \"changes()\", a AS changes FROM t -- total_changes()")
  assert.equal(await isFree(db, () => names.get()), true)
})

ours('a view that comes to tell of writes is asked of the connection that writes', async t => {
  const db = await openWal(t, 2)
  await db.exec('CREATE VIEW v AS SELECT -1 AS n')
  const stmt = await db.prepare('SELECT n FROM v')
  for (let i = 0; i < 4; ++i) assert.deepEqual([await stmt.get(), await db.all('SELECT n FROM v')], [{ n: -1 }, [{ n: -1 }]])
  const other = new Sync(db.name)
  other.exec('DROP VIEW v; CREATE VIEW v AS SELECT changes() AS n')
  other.close()
  await db.run('INSERT INTO t (a) VALUES (1), (2), (3)')
  for (let i = 0; i < 4; ++i) assert.deepEqual([await stmt.get(), await db.all('SELECT n FROM v')], [{ n: 3 }, [{ n: 3 }]])
  assert.deepEqual(await stmt.pluck().all(), [3])
})

ours('pragmas that need the file alone have it, and nobody is locked out', async t => {
  const db = await openWal(t, 4)
  await db.exec(`INSERT INTO t (a) ${ENDLESS.replace('FROM n)', 'FROM n WHERE x < 20000)').replace('count(*)', 'x')}`)
  const sum = await db.prepare('SELECT sum(a) AS s FROM t')
  const run = [
    sql => db.pragma(sql), sql => db.exec(`SELECT 1; PRAGMA ${sql}`), sql => db.all(`pragma /**/ main . "${sql.replace('(', '"(')}`),
    async sql => (await db.prepare(`PRAGMA ${sql}`)).all()
  ]
  for (let i = 0; i < 40; ++i) {
    const reads = Array.from({ length: 8 }, () => sum.get())
    const reply = await run[i % 4]('wal_checkpoint(TRUNCATE)')
    if (Array.isArray(reply)) assert.deepEqual(reply, [{ busy: 0, log: 0, checkpointed: 0 }])
    await db.run('UPDATE t SET a = a WHERE id = 1')
    for (const row of await Promise.all(reads)) assert.deepEqual(row, { s: 200010000 })
  }
  for (const sql of ['journal_mode = DELETE', 'journal_mode(WAL)', 'locking_mode = EXCLUSIVE', 'locking_mode = NORMAL', 'journal_mode = DELETE']) {
    const reads = Array.from({ length: 8 }, () => sum.get())
    const [[name, value]] = (await db.pragma(sql)).map(row => Object.entries(row)[0])
    assert.equal(value, sql.replace(/.*\W(\w+)\W*$/, '$1').toLowerCase(), `${sql}: ${name}`)
    for (const row of await Promise.all(reads)) assert.deepEqual(row, { s: 200010000 })
    await db.run('UPDATE t SET a = a WHERE id = 1')
    for (let i = 0; i < 8; ++i) assert.deepEqual(await sum.get(), { s: 200010000 })
  }
  const other = new Sync(db.name, { timeout: 0 })
  other.exec('UPDATE t SET a = 0')
  other.close()
  assert.deepEqual(await sum.get(), { s: 0 })
})

ours('settings hold on each reader however they are made, and nothing else reaches one', async t => {
  const logged = []
  const db = await openWal(t, 2, { verbose: sql => logged.push(sql) })
  const like = await db.prepare("SELECT 'a' LIKE 'A' AS x FROM t")
  await db.run('INSERT INTO t (a) VALUES (1)')
  const make = [sql => db.exec(`SELECT 1; PRAGMA ${sql}`), sql => db.run(`/**/ PRAGMA ${sql}`), sql => db.pragma(sql),
    async sql => (await db.prepare(`PRAGMA ${sql}`)).run()]
  for (const set of make) {
    for (const [value, x] of [['1', 0], ['OFF', 1]]) {
      await set(`"case_sensitive_like" = ${value}`)
      for (let i = 0; i < 4; ++i) assert.deepEqual(await like.get(), { x })
    }
  }
  await Promise.all(Array.from({ length: 6 }, () => like.get()))
  logged.length = 0
  for (const sql of ['table_info(t)', 'integrity_check(1)', 'quick_check = 1', 'user_version = 7', 'wal_autocheckpoint(500)']) await db.pragma(sql)
  assert.equal(logged.length, 5)
  for (let i = 0; i < 300; ++i) await Promise.all([db.pragma('table_info(t)'), db.pragma(`cache_size = ${-1000 - i}`)])
  logged.length = 0
  // A reader that opens now has the last of each setting, and no more.
  await db.pragma('journal_mode = WAL')
  await like.get()
  assert.ok(logged.length < 10, logged.join('\n'))
  assert.ok(logged.includes("PRAGMA \"cache_size\" = '-1299'"), logged.join('\n'))
})
