'use strict'

const assert = require('node:assert/strict')
const {
  BUSY, isSqliteError, needs, open, ours, oursSyncOnly, rangeError, steps, tempFile, thrown, throws,
  typeError, whileIterating
} = require('../support')

function setup (t) {
  return open(t).exec('CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT UNIQUE)')
}

const names = async db => (await db.prepare('SELECT name FROM users ORDER BY id')).pluck().all()

ours('batch() returns a result for each statement, in order', async t => {
  const db = await setup(t)
  const results = await db.batch([
    "INSERT INTO users (name) VALUES ('ada')",
    { sql: 'INSERT INTO users (name) VALUES (?), (?)', args: ['bob', 'cleo'] },
    ['UPDATE users SET name = @name WHERE id = @id', { id: 1, name: 'ann' }],
    'SELECT id, name FROM users ORDER BY id'
  ])
  const empty = { columns: [], columnTypes: [], rows: [] }
  assert.deepEqual(results, [
    { ...empty, changes: 1, rowsAffected: 1, lastInsertRowid: 1 },
    { ...empty, changes: 2, rowsAffected: 2, lastInsertRowid: 3 },
    { ...empty, changes: 1, rowsAffected: 1, lastInsertRowid: 3 },
    {
      columns: ['id', 'name'],
      columnTypes: ['INTEGER', 'TEXT'],
      rows: [{ id: 1, name: 'ann' }, { id: 2, name: 'bob' }, { id: 3, name: 'cleo' }],
      changes: 0,
      rowsAffected: 0,
      lastInsertRowid: 3
    }
  ])
})

ours('batch() of RETURNING has rows and changes', async t => {
  const db = await setup(t)
  const [result] = await db.batch(["INSERT INTO users (name) VALUES ('ada'), ('bob') RETURNING name"])
  assert.deepEqual([result.columns, result.rows, result.changes], [['name'], [{ name: 'ada' }, { name: 'bob' }], 2])
})

ours('batch() takes each statement back when one fails', async t => {
  const db = await setup(t)
  const { error } = await thrown(() => db.batch([
    "INSERT INTO users (name) VALUES ('ada')",
    "INSERT INTO users (name) VALUES ('ada')",
    "INSERT INTO users (name) VALUES ('bob')"
  ]))
  assert.equal(error.code, 'SQLITE_CONSTRAINT_UNIQUE')
  assert.equal(db.inTransaction, false)
  assert.deepEqual(await names(db), [])
})

ours('batch() takes each statement back when one cannot be prepared or bound', async t => {
  const db = await setup(t)
  const insert = "INSERT INTO users (name) VALUES ('ada')"
  await throws(() => db.batch([insert, 'nonsense']), isSqliteError('SQLITE_ERROR', 'near "nonsense": syntax error'))
  await rangeError(() => db.batch([insert, ['SELECT ?, ?', [1]]]), 'Too few parameter values were provided')
  await rangeError(() => db.batch([insert, 'SELECT 1; SELECT 2']), 'The supplied SQL string contains more than one statement')
  assert.deepEqual([await names(db), db.inTransaction], [[], false])
})

ours('a statement of a batch sees what those before it did', async t => {
  const results = await open(t).batch(['CREATE TABLE t (a)', 'INSERT INTO t VALUES (5)', 'SELECT a FROM t', 'DROP TABLE t'])
  assert.deepEqual(results[2].rows, [{ a: 5 }])
})

ours('the rows of a batch are arrays if asked for', async t => {
  const db = await setup(t)
  const results = await db.batch(["INSERT INTO users (name) VALUES ('ada')",
    'SELECT id, name, id, 1 AS e FROM users', "INSERT INTO users (name) VALUES ('bob') RETURNING name"], { mode: 'write', raw: true })
  assert.deepEqual(results.map(({ rows }) => rows), [[], [[1, 'ada', 1, 1]], [['bob']]])
  assert.deepEqual(results[1].columnTypes, ['INTEGER', 'TEXT', 'INTEGER', ''])
  assert.deepEqual(results.map(({ rowsAffected }) => rowsAffected), [1, 0, 1])
  assert.deepEqual((await db.batch(['SELECT name FROM users'], { raw: false }))[0].rows, [{ name: 'ada' }, { name: 'bob' }])
  assert.deepEqual((await db.batch(['SELECT 1 AS a'], null))[0].rows, [{ a: 1 }])
})

const ENDLESS = 'WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT count(*) FROM c'

needs('an end to what runs', ours)('a batch ends when its time is over, and undoes what it did', async t => {
  const db = await setup(t)
  for (const options of [{ timeout: 50 }, { queryTimeout: 50, raw: true }]) {
    const { error } = await thrown(() => db.batch(["INSERT INTO users (name) VALUES ('ada')", ENDLESS], options))
    assert.equal(error.code, 'SQLITE_INTERRUPT')
    assert.deepEqual([await names(db), db.inTransaction], [[], false])
  }
  assert.equal((await db.batch(["INSERT INTO users (name) VALUES ('ada')"], { timeout: 60000 }))[0].changes, 1)
})

ours('an empty batch is an empty array', async t => {
  const db = await setup(t)
  assert.deepEqual(await db.batch([]), [])
  assert.equal(db.inTransaction, false)
})

ours('args may be left out, an array or an object', async t => {
  const db = open(t)
  const rows = async statement => (await db.batch([statement]))[0].rows
  assert.deepEqual([await rows({ sql: 'SELECT 1 AS a' }), await rows(['SELECT 1 AS a']), await rows({ sql: 'SELECT ? AS a', args: [1] }),
    await rows(['SELECT :a AS a', { a: 1 }])], Array(4).fill([{ a: 1 }]))
})

const alone = needs('functions in what writes', oursSyncOnly)
needs('locks between connections', alone)('the mode says which locks are taken', async t => {
  const db = open(t, tempFile(t))
  db.exec('CREATE TABLE t (a)')
  const other = open(t, db.name, { timeout: 0 })
  other.function('probe', () => 1)
  const seen = {}
  for (const mode of ['deferred', 'immediate', 'exclusive', 'write', 'read']) {
    const probe = open(t, db.name, { timeout: 0 })
    const attempt = sql => {
      try {
        probe.exec(sql)
        return 'ok'
      } catch (error) {
        return error.code
      }
    }
    db.function('probe', () => { seen[mode] = [attempt('SELECT * FROM t'), attempt('BEGIN IMMEDIATE; ROLLBACK')].join() })
    db.batch(['SELECT probe()'], mode)
  }
  assert.deepEqual(seen, {
    deferred: 'ok,ok',
    immediate: 'ok,SQLITE_BUSY',
    exclusive: 'SQLITE_BUSY,SQLITE_BUSY',
    write: 'ok,SQLITE_BUSY',
    read: 'ok,ok'
  })
})

ours('batch() of anything but an array of statements is a TypeError', async t => {
  const db = await setup(t)
  for (const statements of [undefined, null, 5, 'SELECT 1', {}, [5], [null], [{}], [[]], [[5]], [{ sql: 5 }]]) {
    await typeError(() => db.batch(statements))
  }
  for (const mode of ['nonsense', 5, [], { mode: 'nonsense' }, { mode: null }, { raw: 1 }, { timeout: -1 }, { timeOut: 1 }]) await typeError(() => db.batch(['SELECT 1'], mode))
  assert.equal(db.inTransaction, false)
})

ours('what would begin or end the transaction of a batch is refused before anything runs', async t => {
  const db = await setup(t)
  const insert = "INSERT INTO users (name) VALUES ('ada')"
  const refused = ['COMMIT', 'commit;', 'END', 'End Transaction', 'ROLLBACK', 'ROLLBACK TRANSACTION', 'BEGIN', 'BEGIN IMMEDIATE',
    '/* x */ COMMIT', '-- x\n;;COMMIT', '\ufeffCOMMIT', 'RELEASE outside', 'ROLLBACK TO outside', 'RELEASE `\t_ferrolite.\t`',
    'ROLLBACK TO SAVEPOINT "\t_FERROLITE.\t"', 'SAVEPOINT [\t_ferrolite.\t]']
  for (const sql of refused) {
    for (const statement of [sql, [sql], { sql }]) {
      await throws(() => db.batch([insert, statement, insert]), { name: 'TypeError', message: /statements\[1\] cannot be/ })
    }
  }
  assert.deepEqual([await names(db), db.inTransaction], [[], false])
  await db.exec('BEGIN; SAVEPOINT outside')
  for (const sql of refused) await typeError(() => db.batch([insert, sql, insert]))
  assert.deepEqual([await names(db), db.inTransaction], [[], true])
  await db.exec('RELEASE outside; COMMIT')
})

ours('savepoints of a batch itself are allowed, and so are words', async t => {
  const db = await setup(t)
  const statements = [
    'SAVEPOINT a', "INSERT INTO users (name) VALUES ('COMMIT')", "SAVEPOINT 'b'", "INSERT INTO users (name) VALUES ('bob')",
    'ROLLBACK TO "B"', 'RELEASE SAVEPOINT [a]', 'SAVEPOINT open', 'EXPLAIN COMMIT', 'INSERT OR ROLLBACK INTO users (name) VALUES (5)'
  ]
  await db.batch(statements)
  assert.deepEqual([await names(db), db.inTransaction], [['COMMIT', '5'], false])
  await db.exec('DELETE FROM users; BEGIN')
  await db.batch(statements)
  assert.equal(db.inTransaction, true)
  await db.exec('ROLLBACK')
  assert.deepEqual(await names(db), [])
})

ours('batch() inside a transaction is part of it', async t => {
  const db = await setup(t)
  await db.transaction(steps(function * () {
    yield db.batch(["INSERT INTO users (name) VALUES ('ada')"])
    assert.equal(db.inTransaction, true)
    yield thrown(() => db.batch(["INSERT INTO users (name) VALUES ('bob')", "INSERT INTO users (name) VALUES ('ada')"]))
    assert.equal(db.inTransaction, true)
  }))()
  assert.deepEqual(await names(db), ['ada'])
})

ours('batch() obeys defaultSafeIntegers()', async t => {
  const db = await setup(t)
  db.defaultSafeIntegers()
  const [insert, select] = await db.batch(["INSERT INTO users (name) VALUES ('ada')", 'SELECT id FROM users'])
  assert.deepEqual([insert.lastInsertRowid, insert.changes, select.rows], [1n, 1, [{ id: 1n }]])
})

whileIterating('batch() is blocked while iterating and inside a user function', t => {
  const db = setup(t)
  for (const value of db.prepare('SELECT 5').pluck().iterate()) {
    assert.equal(value, 5)
    typeError(() => db.batch(['SELECT 1']), BUSY)
  }
  db.function('f', () => { typeError(() => db.batch(['SELECT 1']), BUSY) })
  db.exec('SELECT f()')
})

ours('a batch of ten thousand statements is one transaction', async t => {
  const db = await setup(t)
  const results = await db.batch(Array.from({ length: 10000 }, (_, i) => ['INSERT INTO users (name) VALUES (?)', [`n${i}`]]))
  assert.deepEqual([results.length, results[9999].lastInsertRowid], [10000, 10000])
  assert.equal((await names(db)).length, 10000)
})

ours('a statement list that changes under way changes nothing', async t => {
  const db = await setup(t)
  const statements = [{ sql: 'SELECT ? AS a', get args () { statements.length = 0; return [1] } }, 'SELECT 2 AS a']
  const results = await db.batch(statements)
  assert.deepEqual(results[0].rows, [{ a: 1 }])
  assert.equal(db.inTransaction, false)
})

needs('limits', oursSyncOnly)('batch() runs what it is given, and the transaction, and nothing else', t => {
  const logged = []
  const db = open(t, ':memory:', { verbose: sql => logged.push(sql) }).exec('CREATE TABLE t (a)')
  db.limits.sqlLength = 60
  logged.length = 0
  const results = db.batch(['INSERT INTO t VALUES (1), (2) RETURNING a', 'SELECT a FROM t'])
  const ends = results.map(({ changes, lastInsertRowid }) => [changes, lastInsertRowid])
  assert.deepEqual(ends, [[2, 2], [0, 2]])
  assert.deepEqual(logged, [
    'BEGIN DEFERRED', 'INSERT INTO t VALUES (1), (2) RETURNING a', 'SELECT a FROM t', 'COMMIT'
  ])
})
