'use strict'

const assert = require('node:assert/strict')
const { Database, child, exited, open, ours, sqliteError, thrown, typeError } = require('../support')

const NAMES = ['length', 'sqlLength', 'column', 'exprDepth', 'compoundSelect', 'vdbeOp', 'functionArg', 'attach',
  'likePatternLength', 'variableNumber', 'triggerDepth']

ours('db.limits has the names of node:sqlite and integers', t => {
  const { limits } = open(t)
  const values = NAMES.map(name => limits[name])
  assert.equal(values.every(value => Number.isInteger(value) && value > 0), true, String(values))
  assert.deepEqual([limits.column, limits.compoundSelect, limits.attach, limits.variableNumber],
    [2000, 500, 10, 32766])
})

ours('the limit of a value is 2^29 - 24 bytes', t => {
  assert.equal(open(t).limits.length, 2 ** 29 - 24)
})

ours('db.limits is one object, and its names are enumerable', t => {
  const db = open(t)
  assert.equal(db.limits, db.limits)
  const keys = []
  for (const key in db.limits) keys.push(key)
  for (const name of NAMES) assert.ok(keys.includes(name) || name in db.limits, name)
})

ours('a limit that is set is obeyed', t => {
  const db = open(t)
  db.limits.length = 1000
  assert.equal(db.limits.length, 1000)
  sqliteError(() => db.prepare('SELECT zeroblob(1001)').get(), 'SQLITE_TOOBIG', 'string or blob too big')
  assert.equal(db.prepare('SELECT length(zeroblob(900))').pluck().get(), 900)
})

for (const [name, value, sql, message] of [
  ['column', 3, 'SELECT 1, 2, 3, 4', 'too many columns in result set'],
  ['variableNumber', 2, 'SELECT ?3', 'variable number must be between ?1 and ?2'],
  ['exprDepth', 5, 'SELECT 1+1+1+1+1+1+1+1', 'Expression tree is too large (maximum depth 5)'],
  ['compoundSelect', 2, 'SELECT 1 UNION SELECT 2 UNION SELECT 3', 'too many terms in compound SELECT'],
  ['functionArg', 2, 'SELECT max(1, 2, 3)', 'too many arguments on function max'],
  ['attach', 0, "ATTACH ':memory:' AS x", 'too many attached databases - max 0'],
  ['likePatternLength', 3, "SELECT 'x' LIKE '%%%%'", 'LIKE or GLOB pattern too complex']
]) {
  ours(`limits.${name} is obeyed`, t => {
    const db = open(t)
    db.limits[name] = value
    sqliteError(() => db.exec(sql), 'SQLITE_ERROR', message)
  })
}

ours('limits.triggerDepth is obeyed', t => {
  const db = open(t).exec(`PRAGMA recursive_triggers = ON; CREATE TABLE t (a);
    CREATE TRIGGER tr AFTER INSERT ON t WHEN new.a < 20 BEGIN INSERT INTO t VALUES (new.a + 1); END`)
  db.exec('INSERT INTO t VALUES (1)')
  db.limits.triggerDepth = 5
  sqliteError(() => db.exec('INSERT INTO t VALUES (1)'), 'SQLITE_ERROR', 'too many levels of trigger recursion')
  assert.equal(db.prepare('SELECT count(*) FROM t').pluck().get(), 20)
})

ours('limits.sqlLength is obeyed by prepare() and exec()', t => {
  const db = open(t)
  db.limits.sqlLength = 100
  const sql = `SELECT 1 ${' '.repeat(200)}`
  for (const call of [() => db.prepare(sql), () => db.exec(sql)]) {
    const { error } = thrown(call)
    assert.ok(error instanceof Database.SqliteError && error.code === 'SQLITE_TOOBIG', error.stack)
  }
})

ours('limits can be given when opening', t => {
  const db = open(t, ':memory:', { limits: { length: 5000, column: 10 } })
  assert.deepEqual([db.limits.length, db.limits.column, db.limits.attach], [5000, 10, 10])
})

ours('a limit that SQLite caps is its cap', t => {
  const db = open(t)
  const cap = db.limits.variableNumber
  db.limits.variableNumber = 2 ** 31 - 1
  assert.equal(db.limits.variableNumber, cap)
})

ours('limits of the wrong kind are errors', t => {
  for (const limits of [5, 'x', null, true]) typeError(() => open(t, ':memory:', { limits }))
  const db = open(t)
  for (const value of [1.5, NaN, '5', null, undefined, {}, true, 1n]) {
    const { error } = thrown(() => { db.limits.length = value })
    assert.ok(error instanceof TypeError || error instanceof RangeError)
    assert.ok(thrown(() => open(t, ':memory:', { limits: { length: value } })).error instanceof Error)
  }
  for (const value of [-1, 2 ** 31, -(2 ** 40)]) {
    const { error } = thrown(() => { db.limits.length = value })
    assert.ok(error instanceof RangeError || error instanceof TypeError)
  }
  assert.equal(db.limits.length, 2 ** 29 - 24)
})

ours('limits are of their connection', t => {
  const [one, two] = [open(t), open(t)]
  one.limits.length = 100
  assert.equal(two.limits.length, 2 ** 29 - 24)
})

ours('a text, blob or row beyond the limit is an error both ways, and never cut', t => {
  const db = open(t, ':memory:', { limits: { length: 1e6 } })
  const stmt = db.prepare('SELECT ? AS a')
  const big = 'The bound string, buffer, or bigint is too big'
  for (const value of ['x'.repeat(1e6 + 1), Buffer.alloc(1e6 + 1), '\u6570'.repeat(4e5), new Float64Array(2e5)]) {
    const { error } = thrown(() => stmt.get(value))
    assert.deepEqual([error.name, error.message], ['RangeError', big])
    assert.equal(thrown(() => stmt.get({ a: value }, [value])).error.name, 'RangeError')
  }
  for (const value of ['x'.repeat(1e6), Buffer.alloc(1e6), '\u6570'.repeat(3e5)]) {
    assert.deepEqual(stmt.get(value).a, value)
  }
  db.exec('CREATE TABLE t (a, b)')
  sqliteError(() => db.prepare('INSERT INTO t VALUES (?, ?)').run(Buffer.alloc(6e5), Buffer.alloc(6e5)), 'SQLITE_TOOBIG')
  assert.equal(db.prepare('SELECT count(*) FROM t').pluck().get(), 0)
})

ours('bind() of what is too big is a RangeError, and another value can be bound', t => {
  const stmt = open(t, ':memory:', { limits: { length: 1000 } }).prepare('SELECT ?').pluck()
  assert.equal(thrown(() => stmt.bind('x'.repeat(1001))).error.name, 'RangeError')
  assert.equal(stmt.bind('x').get(), 'x')
})

ours('a large text that UTF-8 makes larger than V8 thought is still an error', t => {
  const stmt = open(t, ':memory:', { limits: { length: 3000 } }).prepare('SELECT ?').pluck()
  assert.equal(stmt.get('\u6570'.repeat(1000)).length, 1000)
  assert.equal(thrown(() => stmt.get('\u6570'.repeat(1001))).error.name, 'RangeError')
  assert.equal(stmt.get('\ud800'.repeat(1000)), '\ufffd'.repeat(1000))
  assert.equal(thrown(() => stmt.get('\ud800'.repeat(1001))).error.name, 'RangeError')
})

ours('a row too large for JavaScript is an error and not a crash', async () => {
  exited(await child(() => {
    const db = new Database(':memory:')
    // 536 million characters are one more than a string of V8 can have; it is a text that SQLite
    // may hold.
    for (const sql of ["SELECT printf('%.*c', 536870888, 'x')", "SELECT replace(hex(zeroblob(100000000)), '0', 'ab') || 'x'"]) {
      try {
        const { length } = db.prepare(sql).pluck().get()
        if (length < 4e8) process.exit(3)
      } catch (error) {
        if (!(error instanceof Error)) process.exit(4)
      }
    }
    if (db.prepare('SELECT 5').pluck().get() !== 5) process.exit(5)
  }))
})

ours('ten megabytes of SQL, a deep expression and many terms are errors or work, never a crash', async () => {
  exited(await child(() => {
    const db = new Database(':memory:')
    const attempts = [
      `SELECT ${'1+'.repeat(5e6)}1`, `SELECT ${'('.repeat(1e6)}1${')'.repeat(1e6)}`, `SELECT ${'-'.repeat(1000)} 1`,
      `SELECT ${'NOT '.repeat(1e6)}1`, `SELECT 1 ${'UNION ALL SELECT 1 '.repeat(1e5)}`, `SELECT * FROM ${'('.repeat(5000)}x`,
      `SELECT 1 WHERE 1 IN (${'1,'.repeat(1e6)}1)`, `SELECT '${'x'.repeat(1e7)}'`, `SELECT ${'CASE WHEN 1 THEN '.repeat(1e5)}`,
      `SELECT json('${'['.repeat(1e6)}')`, `SELECT ${'abs('.repeat(1e5)}1${')'.repeat(1e5)}`
    ]
    for (const sql of attempts) {
      try {
        db.prepare(sql).get()
      } catch (error) {
        if (!(error instanceof Database.SqliteError || error instanceof RangeError)) throw error
      }
    }
    if (db.prepare('SELECT 5').pluck().get() !== 5) process.exit(5)
  }, { timeout: 120000 }))
})
