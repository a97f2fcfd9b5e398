'use strict'

const assert = require('node:assert/strict')
const test = require('node:test')
const { open, ours, sqliteError, tempFile, thrown, typeError } = require('../support')

const SELECT = 'SELECT a FROM t'
const missing = db => sqliteError(() => db.prepare(SELECT), 'SQLITE_ERROR', 'no such table: t')

function setup (t) {
  return open(t).exec('CREATE TABLE t (a); INSERT INTO t VALUES (1), (2), (3)')
}

// The SQL is known to the connection before its table goes away.
function used (db) {
  for (let i = 0; i < 3; ++i) assert.deepEqual(db.prepare(SELECT).pluck().all(), [1, 2, 3])
}

const DROPS = {
  'exec()': db => db.exec('DROP TABLE t'),
  'run()': db => db.prepare('DROP TABLE t').run(),
  'a transaction': db => db.transaction(() => db.exec('DROP TABLE t'))(),
  'ALTER TABLE ... RENAME TO': db => db.exec('ALTER TABLE t RENAME TO u'),
  'exec() of many statements': db => db.exec('SELECT 1; CREATE TABLE x (y); DROP TABLE t; SELECT 2')
}

for (const [how, drop] of Object.entries(DROPS)) {
  test(`prepare() throws at once when its table was dropped by ${how}`, t => {
    const db = setup(t)
    used(db)
    drop(db)
    missing(db)
    missing(db)
  })
}

test('prepare() throws at once when a transaction that made its table rolled back', t => {
  const db = open(t)
  const reason = new Error('back')
  const { error } = thrown(() => db.transaction(() => {
    db.exec('CREATE TABLE t (a); INSERT INTO t VALUES (1), (2), (3)')
    used(db)
    throw reason
  })())
  assert.equal(error, reason)
  missing(db)
})

test('prepare() throws at once when ROLLBACK by exec() or run() took its table', t => {
  for (const rollback of [db => db.exec('ROLLBACK'), db => db.prepare('ROLLBACK').run()]) {
    const db = open(t).exec('BEGIN; CREATE TABLE t (a); INSERT INTO t VALUES (1), (2), (3)')
    used(db)
    rollback(db)
    missing(db)
  }
})

test('prepare() throws at once when ROLLBACK TO took its table', t => {
  const db = open(t).exec('SAVEPOINT s; CREATE TABLE t (a); INSERT INTO t VALUES (1), (2), (3)')
  used(db)
  db.exec('ROLLBACK TO s')
  missing(db)
  db.exec('RELEASE s')
})

test('prepare() throws at once when INSERT OR ROLLBACK took its table', t => {
  const db = open(t).exec('CREATE TABLE k (x UNIQUE); INSERT INTO k VALUES (1)')
  db.exec('BEGIN; CREATE TABLE t (a); INSERT INTO t VALUES (1), (2), (3)')
  used(db)
  sqliteError(() => db.prepare('INSERT OR ROLLBACK INTO k VALUES (1)').run(), 'SQLITE_CONSTRAINT_UNIQUE')
  assert.equal(db.inTransaction, false)
  missing(db)
})

test('prepare() throws at once when its attached database was detached', t => {
  const db = open(t).exec("ATTACH ':memory:' AS other; CREATE TABLE other.t (a); INSERT INTO other.t VALUES (1), (2), (3)")
  used(db)
  db.exec('DETACH other')
  missing(db)
})

test('prepare() throws at once when a pragma took its table', t => {
  const db = setup(t).unsafeMode()
  used(db)
  db.pragma('writable_schema = ON')
  db.exec("DELETE FROM sqlite_master WHERE name = 't'")
  db.pragma('writable_schema = RESET')
  missing(db)
})

test('prepare() finds the table that another connection dropped gone', t => {
  const db = open(t, tempFile(t)).exec('CREATE TABLE t (a); INSERT INTO t VALUES (1), (2), (3)')
  used(db)
  open(t, db.name).exec('DROP TABLE t')
  const { error } = thrown(() => db.prepare(SELECT).all())
  assert.deepEqual([error.name, error.message], ['SqliteError', 'no such table: t'])
})

test('prepare() works again once the table is back, with its new columns', t => {
  const db = setup(t)
  db.prepare('SELECT * FROM t').all()
  db.exec('DROP TABLE t')
  sqliteError(() => db.prepare('SELECT * FROM t'), 'SQLITE_ERROR')
  db.exec("CREATE TABLE t (x, y); INSERT INTO t VALUES (7, 'z')")
  const stmt = db.prepare('SELECT * FROM t')
  assert.deepEqual(stmt.columns().map(column => column.name), ['x', 'y'])
  assert.deepEqual(stmt.get(), { x: 7, y: 'z' })
})

test('a temporary table hides the one of the same name from what is prepared later', t => {
  const db = setup(t)
  used(db)
  db.exec('CREATE TEMP TABLE t (a); INSERT INTO temp.t VALUES (9)')
  assert.deepEqual(db.prepare(SELECT).pluck().all(), [9])
  db.exec('DROP TABLE temp.t')
  used(db)
})

test('a function that is registered later is used by the same SQL', t => {
  const db = open(t)
  const call = 'SELECT f(1)'
  sqliteError(() => db.prepare(call), 'SQLITE_ERROR', 'no such function: f')
  db.function('f', x => x + 1)
  const before = db.prepare(call).pluck()
  assert.equal(before.get(), 2)
  db.function('f', x => x + 10)
  assert.equal(db.prepare(call).pluck().get(), 11)
  assert.equal(before.get(), 11)
})

ours('an authorizer that is set later refuses SQL that was prepared before', t => {
  const db = setup(t)
  used(db)
  db.authorizer({ other: 0 })
  sqliteError(() => db.prepare(SELECT), 'SQLITE_AUTH')
  db.authorizer(null)
  used(db)
})

ours('a limit that is set later refuses SQL that was prepared before', t => {
  const db = open(t)
  const sql = 'SELECT 1, 2, 3, 4'
  for (let i = 0; i < 3; ++i) db.prepare(sql).get()
  db.limits.column = 2
  sqliteError(() => db.prepare(sql), 'SQLITE_ERROR', 'too many columns in result set')
})

test('two statements of one SQL iterate at the same time, each with its parameters', t => {
  const db = setup(t)
  const sql = 'SELECT a + ? AS b FROM t ORDER BY a'
  const [one, two] = [db.prepare(sql).pluck(), db.prepare(sql).pluck()]
  const [x, y] = [one.iterate(10), two.iterate(20)]
  const seen = []
  for (let i = 0; i < 3; ++i) seen.push(x.next().value, y.next().value)
  assert.deepEqual(seen, [11, 21, 12, 22, 13, 23])
  assert.deepEqual([x.next().done, y.next().done, one.busy, two.busy], [true, true, false, false])
})

test('ten statements of one SQL nest', t => {
  const db = open(t)
  const loop = depth => {
    let count = 0
    for (const x of db.prepare('SELECT 1 AS x UNION SELECT 2').pluck().iterate()) count += depth > 0 ? loop(depth - 1) : x
    return count
  }
  assert.equal(loop(7), 3 * 2 ** 7)
})

test('one of two statements of one SQL is bound, the other not', t => {
  const db = open(t)
  const sql = 'SELECT ? AS a'
  const [bound, free] = [db.prepare(sql).bind('bound'), db.prepare(sql)]
  assert.deepEqual([bound.get(), free.get('one'), bound.get(), free.get('two')], [{ a: 'bound' }, { a: 'one' }, { a: 'bound' }, { a: 'two' }])
  typeError(() => bound.get(1), 'This statement already has bound parameters')
  assert.deepEqual([String(bound), String(free)], ["SELECT 'bound' AS a", sql])
  assert.deepEqual([db.prepare(sql).get('third'), bound.get()], [{ a: 'third' }, { a: 'bound' }])
})

test('two statements of one SQL are bound to two values', t => {
  const db = open(t)
  const [one, two] = [1, 2].map(x => db.prepare('SELECT ?').pluck().bind(x))
  assert.deepEqual([one.get(), two.get(), one.all(), [...two.iterate()]], [1, 2, [1], [2]])
})

test('a value that was bound does not come back in a statement of the same SQL', t => {
  const db = open(t)
  const sql = 'SELECT ?1 AS a'
  ;(() => { db.prepare(sql).bind({ 1: 'secret' }).get() })()
  assert.equal(thrown(() => db.prepare(sql).get()).error.name, 'TypeError')
  assert.deepEqual(db.prepare(sql).get({ 1: null }), { a: null })
})

test('modes are of each statement', t => {
  const db = open(t)
  const sql = 'SELECT 5 AS five'
  const make = mode => { const stmt = db.prepare(sql); return mode ? stmt[mode]() : stmt }
  const all = [null, 'raw', 'pluck', 'expand', 'safeIntegers'].map(make)
  for (let i = 0; i < 3; ++i) {
    assert.deepEqual(all.map(stmt => stmt.get()), [{ five: 5 }, [5], 5, { $: { five: 5 } },
      { five: 5n }])
    assert.deepEqual(db.prepare(sql).get(), { five: 5 })
  }
})

test('busy is of each statement', t => {
  const db = open(t)
  const [one, two] = [db.prepare('SELECT 1'), db.prepare('SELECT 1')]
  const iterator = one.iterate()
  assert.deepEqual([one.busy, two.busy], [true, false])
  assert.deepEqual(two.get(), { 1: 1 })
  iterator.return()
})

test('columns() of two statements of one SQL after ALTER TABLE', t => {
  const db = setup(t)
  const sql = 'SELECT * FROM t'
  const before = db.prepare(sql)
  assert.equal(before.columns().length, 1)
  db.exec('ALTER TABLE t ADD COLUMN b DEFAULT 5')
  const after = db.prepare(sql)
  assert.deepEqual(after.columns().map(column => column.name), ['a', 'b'])
  assert.deepEqual(before.get(), { a: 1, b: 5 })
  assert.deepEqual(before.columns().map(column => column.name), ['a', 'b'])
  db.exec('ALTER TABLE t RENAME COLUMN b TO c')
  assert.deepEqual([before.get(), after.get(), db.prepare(sql).get()], Array(3).fill({
    a: 1,
    c: 5
  }))
})

test('reader and readonly of SQL whose table became a view', t => {
  const db = setup(t)
  used(db)
  db.exec('DROP TABLE t; CREATE VIEW t AS SELECT 9 AS a')
  assert.deepEqual(db.prepare(SELECT).all(), [{ a: 9 }])
})

test('a statement that failed is whole when the same SQL is prepared again', t => {
  const db = open(t).exec('CREATE TABLE u (a UNIQUE)')
  const sql = 'INSERT INTO u VALUES (?)'
  db.prepare(sql).run(1)
  sqliteError(() => db.prepare(sql).run(1), 'SQLITE_CONSTRAINT_UNIQUE')
  assert.equal(db.prepare(sql).run(2).lastInsertRowid, 2)
  db.function('f', () => { throw new RangeError('x') })
  for (let i = 0; i < 3; ++i) assert.throws(() => db.prepare('SELECT f()').get(), { name: 'RangeError' })
})

test('an iterator that was left to itself does not lend its statement to another', t => {
  const db = setup(t)
  const iterators = []
  for (let i = 0; i < 5; ++i) {
    const iterator = db.prepare(`${SELECT} ORDER BY a`).pluck().iterate()
    assert.equal(iterator.next().value, 1)
    iterators.push(iterator)
  }
  for (const iterator of iterators) assert.equal(iterator.next().value, 2)
  for (const iterator of iterators) iterator.return()
})

test('a RETURNING statement that was read in part writes every row, the second time too', t => {
  const db = open(t).exec('CREATE TABLE w (a)')
  const sql = 'INSERT INTO w VALUES (1), (2) RETURNING a'
  for (let i = 1; i <= 4; ++i) {
    assert.deepEqual(db.prepare(sql).get(), { a: 1 })
    assert.equal(db.prepare('SELECT count(*) FROM w').pluck().get(), i * 2)
  }
})

// So many others that what is idle longest is given back to SQLite.
function crowd (db, count = 20000) {
  const kept = []
  for (let i = 0; i < count; ++i) kept.push(db.prepare(`SELECT ${i} AS n`))
  return kept
}

test('statements are used again after thousands of others were prepared', t => {
  const db = setup(t)
  const stmt = db.prepare('SELECT a FROM t WHERE a > ? ORDER BY a').pluck()
  const insert = db.prepare('INSERT INTO t VALUES (@a)')
  assert.deepEqual(stmt.all(1), [2, 3])
  const kept = crowd(db)
  assert.deepEqual(stmt.all(2), [3])
  assert.equal(insert.run({ a: 4 }).changes, 1)
  assert.deepEqual(stmt.all(2), [3, 4])
  for (const i of [0, 1, 777, 9999, 19999]) assert.deepEqual(kept[i].get(), { n: i })
})

test('all of twenty thousand statements work, twice', t => {
  const kept = crowd(open(t))
  for (let round = 0; round < 2; ++round) {
    for (let i = 0; i < kept.length; ++i) if (kept[i].get().n !== i) assert.fail(`statement ${i}`)
  }
})

test('bound values outlive thousands of other statements', t => {
  const db = open(t)
  const blob = Buffer.from('bound blob')
  const stmt = db.prepare('SELECT @text AS t, @blob AS b, @int AS i, @real AS r, @null AS n').bind({
    text: 'bound \u00e9\u6570\0x', blob, int: 2n ** 60n, real: 0.1, null: null
  }).safeIntegers()
  const expected = { t: 'bound \u00e9\u6570\0x', b: Buffer.from(blob), i: 2n ** 60n, r: 0.1, n: null }
  assert.deepEqual(stmt.get(), expected)
  const text = String(stmt)
  blob.fill(0)
  crowd(db)
  assert.equal(String(stmt), text)
  assert.deepEqual(stmt.get(), expected)
  typeError(() => stmt.get({}), 'This statement already has bound parameters')
  crowd(db)
  assert.deepEqual([...stmt.iterate()], [expected])
})

test('an open iterator outlives thousands of other statements', t => {
  const db = setup(t)
  const iterator = db.prepare('SELECT a FROM t ORDER BY a').pluck().iterate()
  assert.equal(iterator.next().value, 1)
  crowd(db)
  assert.equal(iterator.next().value, 2)
  crowd(db)
  assert.deepEqual([iterator.next().value, iterator.next().done], [3, true])
})

test('columns, modes and properties outlive thousands of other statements', t => {
  const db = setup(t)
  const stmt = db.prepare('SELECT a AS x, 5 AS y FROM t').raw().safeIntegers()
  const { source, reader, readonly } = stmt
  crowd(db)
  assert.deepEqual(stmt.columns(), [
    { name: 'x', column: 'a', table: 't', database: 'main', type: null },
    { name: 'y', column: null, table: null, database: null, type: null }
  ])
  assert.deepEqual(stmt.get(), [1n, 5n])
  assert.deepEqual([stmt.source, stmt.reader, stmt.readonly, stmt.busy], [source, reader,
    readonly, false])
})

test('a statement whose table is gone after thousands of others throws the error of SQLite', t => {
  const db = setup(t)
  const stmt = db.prepare(SELECT)
  stmt.all()
  crowd(db)
  db.exec('DROP TABLE t')
  sqliteError(() => stmt.all(), 'SQLITE_ERROR', 'no such table: t')
  db.exec('CREATE TABLE t (a, b); INSERT INTO t VALUES (8, 9)')
  assert.deepEqual(stmt.all(), [{ a: 8 }])
})

test('the statements of transaction() outlive thousands of others', t => {
  const db = setup(t)
  const add = db.transaction(x => db.prepare('INSERT INTO t VALUES (?)').run(x))
  add(4)
  crowd(db)
  db.transaction(() => add(5))()
  assert.deepEqual(db.prepare(SELECT).pluck().all(), [1, 2, 3, 4, 5])
})

test('a pragma that is prepared by hand is run each time', t => {
  const db = open(t)
  for (let i = 0; i < 5; ++i) {
    db.pragma(`user_version = ${i}`)
    assert.equal(db.pragma('user_version', { simple: true }), i)
    assert.deepEqual(db.prepare('PRAGMA user_version').pluck().get(), i)
  }
})

test('the same SQL with other white space or case is its own statement', t => {
  const db = open(t)
  assert.deepEqual([db.prepare('SELECT 1 AS a').get(), db.prepare('SELECT 1 AS A').get(), db.prepare('SELECT  1 AS a').source],
    [{ a: 1 }, { A: 1 }, 'SELECT  1 AS a'])
})

test('changes to defaultSafeIntegers() reach the same SQL prepared later', t => {
  const db = open(t)
  const value = () => db.prepare('SELECT 5').pluck().get()
  const seen = [value()]
  db.defaultSafeIntegers(true)
  seen.push(value())
  db.defaultSafeIntegers(false)
  seen.push(value())
  assert.deepEqual(seen, [5, 5n, 5])
})

test('random schedules of statements of few texts give each its own rows', t => {
  const db = open(t).exec('CREATE TABLE n (x); INSERT INTO n VALUES (1), (2), (3), (4), (5)')
  const sql = ['SELECT x + ? AS y FROM n ORDER BY x', 'SELECT x * ? AS y FROM n ORDER BY x']
  const value = [(x, p) => x + p, (x, p) => x * p]
  let state = 12345
  const next = limit => {
    state = (Math.imul(state,
      1103515245) + 12345) & 0x7fffffff; return (state >> 8) % limit
  }
  const running = []
  for (let i = 0; i < 5000; ++i) {
    if (running.length < 6 && next(3) === 0) {
      const kind = next(2)
      running.push({
        kind,
        p: next(100),
        at: 0,
        iterator: null,
        stmt: db.prepare(sql[kind]).pluck()
      })
    }
    if (running.length === 0) continue
    const index = next(running.length)
    const run = running[index]
    run.iterator ??= run.stmt.iterate(run.p)
    const { value: got, done } = run.iterator.next()
    if (done) {
      assert.equal(run.at, 5)
      running.splice(index, 1)
    } else {
      assert.equal(got, value[run.kind](++run.at, run.p))
      if (next(10) === 0) {
        run.iterator.return()
        running.splice(index, 1)
      }
    }
  }
  for (const run of running) run.iterator?.return()
})

test('bind(), timeout() and iterate() compile nothing of a statement that others use too', t => {
  const db = open(t)
  const [first, second] = ['', ''].map(() => db.prepare('CREATE TABLE made (x)'))
  first.run()
  assert.equal(second.bind(), second)
  assert.throws(() => second.run(), { message: 'table made already exists' })
  const [, bound] = ['', ''].map(() => db.prepare('SELECT x FROM made WHERE x = ?'))
  db.exec('DROP TABLE made')
  bound.bind(4)
  assert.throws(() => bound.get(), { message: 'no such table: made' })
  db.exec('CREATE TABLE made (y, x); INSERT INTO made VALUES (1, 4)')
  assert.deepEqual(bound.all(), [{ x: 4 }])
  assert.deepEqual([...bound.iterate()], [{ x: 4 }])
})
