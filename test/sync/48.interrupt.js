'use strict'

const assert = require('node:assert/strict')
const {
  IN_TIME, Database, child, exited, isSqliteError, open, ours, random, rangeError, seed, tempFile,
  typeError
} = require('../support')

const ENDLESS = 'WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n'
const ROWS = 'WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x FROM n'
const interrupted = isSqliteError('SQLITE_INTERRUPT', 'interrupted')

// What is tested is that the query ends, and not before its time.
function timed (fn, timeout) {
  const start = performance.now()
  assert.throws(fn, interrupted)
  const ms = performance.now() - start
  assert.ok(ms >= timeout - 2 && ms < timeout + IN_TIME, `${timeout} ms took ${ms}`)
}

ours('interrupt() of an idle database or statement does nothing', t => {
  const db = open(t)
  const stmt = db.prepare('SELECT 5').pluck()
  assert.equal(db.interrupt(), db)
  assert.equal(stmt.interrupt(), stmt)
  assert.equal(stmt.get(), 5)
  assert.deepEqual(db.prepare('SELECT 6').pluck().all(), [6])
  db.exec('SELECT 7')
})

ours('interrupt() from inside a user function ends the query', t => {
  const db = open(t)
  let calls = 0
  db.function('stop', x => { if (++calls === 100) db.interrupt(); return x })
  assert.throws(() => db.prepare(ROWS.replace('SELECT x FROM', 'SELECT stop(x) FROM')).all(), interrupted)
  assert.ok(calls >= 100 && calls < 100000, `${calls} calls`)
  assert.equal(db.prepare('SELECT 5').pluck().get(), 5)
})

ours('interrupt() of the statement that runs ends it', t => {
  const db = open(t)
  const own = {}
  db.function('stop', x => { if (x === 100) own.stmt.interrupt(); return x })
  const stmt = own.stmt = db.prepare(ROWS.replace('SELECT x FROM', 'SELECT stop(x) FROM'))
  assert.throws(() => stmt.all(), interrupted)
  assert.equal(db.prepare('SELECT 5').pluck().get(), 5)
})

ours('interrupt() while iterating ends the iterator at its next step, at the latest', t => {
  const db = open(t)
  const iterator = db.prepare(ROWS).pluck().iterate()
  assert.equal(iterator.next().value, 1)
  db.interrupt()
  assert.throws(() => { for (let i = 0; i < 1e6; ++i) iterator.next() }, interrupted)
  assert.deepEqual(iterator.next(), { value: undefined, done: true })
  assert.equal(db.prepare('SELECT 5').pluck().get(), 5)
})

ours('interrupt() takes a write back and leaves the database usable', t => {
  const db = open(t, tempFile(t)).exec('CREATE TABLE t (a)')
  db.function('stop', x => { if (x === 500) db.interrupt(); return x })
  assert.throws(() => db.exec('INSERT INTO t WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 100000) SELECT stop(x) FROM n'),
    interrupted)
  assert.deepEqual([db.prepare('SELECT count(*) FROM t').pluck().get(), db.inTransaction], [0, false])
})

ours('defaultQueryTimeout ends get, all, run, iterate, exec and pragma', t => {
  const db = open(t, ':memory:', { defaultQueryTimeout: 60 }).exec('CREATE TABLE t (a)')
  timed(() => db.prepare(ENDLESS).get(), 60)
  timed(() => db.prepare(ENDLESS).all(), 60)
  timed(() => db.prepare(`INSERT INTO t ${ROWS}`).run(), 60)
  timed(() => [...db.prepare(ENDLESS).iterate()], 60)
  timed(() => db.exec(ENDLESS), 60)
  assert.equal(db.prepare('SELECT count(*) FROM t').pluck().get(), 0)
})

ours('defaultQueryTimeout of 0 is none, and so is none', t => {
  for (const options of [{ defaultQueryTimeout: 0 }, {}]) {
    const db = open(t, ':memory:', options)
    const sql = 'WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 2000000) SELECT count(*) FROM n'
    assert.equal(db.prepare(sql).pluck().get(), 2000000)
  }
})

ours('defaultQueryTimeout is an integer of milliseconds', t => {
  for (const defaultQueryTimeout of [-1, 1.5, NaN, '5', null, true, 1n]) {
    typeError(() => open(t, ':memory:', { defaultQueryTimeout }))
  }
  rangeError(() => open(t, ':memory:', { defaultQueryTimeout: 2 ** 31 }))
})

ours('stmt.timeout() is of its statement, stays, and can be taken away', t => {
  const db = open(t)
  const stmt = db.prepare(ENDLESS)
  assert.equal(stmt.timeout(50), stmt)
  timed(() => stmt.get(), 50)
  timed(() => stmt.get(), 50)
  stmt.timeout(100)
  timed(() => stmt.all(), 100)
  const quick = db.prepare('SELECT 5').pluck().timeout(60000)
  assert.equal(quick.get(), 5)
})

ours('stmt.timeout() goes before defaultQueryTimeout', t => {
  const db = open(t, ':memory:', { defaultQueryTimeout: 40 })
  const sql = 'WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 3000000) SELECT count(*) FROM n'
  assert.equal(db.prepare(sql).pluck().timeout(0).get(), 3000000)
  timed(() => db.prepare(ENDLESS).timeout(90).get(), 90)
})

ours('stmt.timeout() takes an integer', t => {
  const stmt = open(t).prepare('SELECT 1')
  for (const value of [undefined, null, -1, 1.5, NaN, '5', true]) typeError(() => stmt.timeout(value))
})

ours('{ queryTimeout } as the last argument is of that call alone', t => {
  const db = open(t)
  const stmt = db.prepare(ENDLESS.replace('count(*)', 'count(*) + ?'))
  timed(() => stmt.get(1, { queryTimeout: 50 }), 50)
  timed(() => stmt.all([1], { queryTimeout: 50 }), 50)
  timed(() => [...stmt.iterate(1, { queryTimeout: 50 })], 50)
  timed(() => db.exec(ENDLESS, { queryTimeout: 50 }), 50)
  db.exec('CREATE TABLE t (a)')
  timed(() => db.prepare(`INSERT INTO t ${ROWS}`).run({ queryTimeout: 50 }), 50)
  const quick = db.prepare('SELECT ? AS a').pluck()
  assert.equal(quick.get(5, { queryTimeout: 60000 }), 5)
  assert.equal(quick.get(6), 6)
})

ours('{ queryTimeout } is a parameter where the statement has one of that name', t => {
  const db = open(t)
  assert.equal(db.prepare('SELECT @queryTimeout').pluck().get({ queryTimeout: 7 }), 7)
  assert.deepEqual(db.prepare('SELECT ?, @other').raw().get(1, { queryTimeout: 7, other: 8 }), [1, 8])
})

ours('{ queryTimeout } must be an integer', t => {
  const stmt = open(t).prepare('SELECT 1')
  for (const queryTimeout of [-1, 1.5, NaN, '5', null]) typeError(() => stmt.get({ queryTimeout }))
})

ours('a timeout that has passed does not reach the next call', t => {
  const next = random(seed(t))
  const db = open(t)
  const slow = db.prepare(ENDLESS)
  const quick = db.prepare('SELECT ?').pluck()
  for (let i = 0; i < 100; ++i) {
    assert.throws(() => slow.timeout(1 + next(4)).get(), interrupted)
    assert.equal(quick.get(i), i)
    assert.deepEqual(db.prepare(`SELECT ${i}`).pluck().all(), [i])
  }
})

ours('a call that ends just when its time does either gives its rows or is interrupted', t => {
  const next = random(seed(t))
  const db = open(t)
  const stmt = db.prepare('WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT ?) SELECT count(*) FROM n').pluck()
  let ended = 0
  for (let i = 0; i < 300; ++i) {
    const count = 1000 + next(40000)
    try {
      assert.equal(stmt.timeout(1).get(count), count)
      ended++
    } catch (error) {
      interrupted(error)
    }
    assert.equal(db.prepare('SELECT 5').pluck().get(), 5)
  }
  t.diagnostic(`${ended} of 300 ended in time`)
})

ours('the time of one statement is not that of another', t => {
  const db = open(t)
  const short = db.prepare('SELECT 1').timeout(20)
  short.get()
  const sql = 'WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 3000000) SELECT count(*) FROM n'
  assert.equal(db.prepare(sql).pluck().get(), 3000000)
})

ours('the time between the rows of an iterator is not that of the query', async t => {
  const db = open(t)
  const iterator = db.prepare('SELECT 1 UNION SELECT 2 UNION SELECT 3').pluck().timeout(50).iterate()
  assert.equal(iterator.next().value, 1)
  await new Promise(resolve => setTimeout(resolve, 5))
  assert.deepEqual([...iterator], [2, 3])
})

ours('the busy timeout is kept under a query timeout, and the shorter one ends', t => {
  const file = tempFile(t)
  open(t, file).exec('BEGIN EXCLUSIVE')
  const start = performance.now()
  assert.throws(() => open(t, file, { timeout: 20000, defaultQueryTimeout: 100 }).exec('BEGIN EXCLUSIVE'), error =>
    ['SQLITE_INTERRUPT', 'SQLITE_BUSY'].includes(error.code))
  assert.ok(performance.now() - start < IN_TIME)
})

ours('a timeout interrupts cross joins, functions of SQLite and sorting', t => {
  const db = open(t, ':memory:', { defaultQueryTimeout: 100 })
  const numbers = limit => `(WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT ${limit}) SELECT x FROM n)`
  for (const sql of [
    `SELECT count(*) FROM ${numbers(10000)} a, ${numbers(10000)} b, ${numbers(10000)} c`,
    `SELECT x FROM ${numbers(100000000)} ORDER BY -x`,
    `SELECT sum(length(hex(randomblob(1000)))) FROM ${numbers(100000000)}`,
    `SELECT x FROM ${numbers(100000000)} GROUP BY x % 100000`
  ]) {
    const start = performance.now()
    assert.throws(() => db.prepare(sql).all(), interrupted)
    assert.ok(performance.now() - start < IN_TIME, sql)
  }
})

ours('a process with a timeout that has not passed ends at once', async () => {
  exited(await child(() => {
    const db = new Database(':memory:', { defaultQueryTimeout: 1000000 })
    db.prepare('SELECT 1').timeout(500000).get()
  }))
})

ours('a query timeout keeps the busy timeout where an authorizer denies PRAGMA', t => {
  const db = open(t, ':memory:', { timeout: 321, defaultQueryTimeout: 1000 })
  db.exec('CREATE TABLE t (a)')
  db.authorizer({ t: 0 })
  assert.deepEqual(db.prepare('SELECT a FROM t').all(), [])
  db.authorizer(null)
  assert.equal(db.pragma('busy_timeout', { simple: true }), 321)
})

ours('a time limit ends a statement whose functions are slow', t => {
  const db = open(t)
  let calls = 0
  const wait = () => {
    calls++
    for (const end = Date.now() + 10; Date.now() < end;);
    return 1
  }
  db.function('slow', x => wait())
  db.aggregate('slow_sum', { start: 0, step: (sum, x) => sum + wait() })
  db.table('slow_rows', { columns: ['x'], * rows () { for (;;) yield [wait()] } })
  const rows = 'WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 100)'
  for (const sql of [`${rows} SELECT slow(x) FROM n`, `${rows} SELECT slow_sum(x) FROM n`,
    'SELECT x FROM slow_rows LIMIT 100', 'SELECT count(*) FROM slow_rows']) {
    calls = 0
    assert.throws(() => db.prepare(sql).timeout(50).all(), interrupted, sql)
    assert.ok(calls <= 10, `${sql}: ${calls} calls of 10 ms`)
    assert.equal(db.prepare('SELECT slow(1)').pluck().get(), 1)
  }
})
