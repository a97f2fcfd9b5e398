'use strict'

// UPDATE and DELETE with ORDER BY and LIMIT; better-sqlite3, whose parser has them, is the oracle.

const assert = require('node:assert/strict')
const { PROMISES, open, ours, random, seed, sqliteError } = require('../support')

const [major] = process.versions.node.split('.').map(Number)
const Peer = major < 22 || process.versions.bun ? null : require('better-sqlite3')
const skip = Peer === null && 'better-sqlite3 13 needs Node.js 22'

const SCHEMA = `
  CREATE TABLE t (a INTEGER PRIMARY KEY, b, c TEXT);
  CREATE INDEX byB ON t (b);
  CREATE TABLE "my table" ("rowid", b, c);
  CREATE TABLE w (a, b, c, PRIMARY KEY (b, a)) WITHOUT ROWID;
  CREATE TABLE one (a PRIMARY KEY, b, c) WITHOUT ROWID;
  CREATE TABLE other (k, v);
  CREATE TABLE log (line);
  CREATE TRIGGER deleted AFTER DELETE ON t BEGIN INSERT INTO log VALUES (old.a); END;
  WITH n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 12)
    INSERT INTO t SELECT i, i * 7 % 5, 'c' || i FROM n;
  INSERT INTO "my table" SELECT * FROM t; INSERT INTO w SELECT * FROM t; INSERT INTO one SELECT * FROM t;
  INSERT INTO other SELECT b, a * 10 FROM t WHERE a < 8`

const TABLES = ['t', '"my table"', 'w', 'one', 'log']

const TESTS = ['b > 1', "c IS NOT DISTINCT FROM 'c3'", "c <> 'ORDER BY c LIMIT 1'",
  'b IN (SELECT k FROM other ORDER BY v LIMIT 2)']

function generate (next) {
  const pick = list => {
    const picked = list[next(list.length)]
    return typeof picked === 'function' ? picked() : picked
  }
  const table = pick(['t', 'main.t', '[my table]', 'w', 'one', 'MAIN . "T"'])
  const alias = pick(['', '', ' AS x'])
  const isT = table === 't'
  const hint = pick(['', '', ' NOT INDEXED', isT ? ' INDEXED BY byB' : ''])
  const named = next(4) === 0
  const values = []
  const names = {}
  const param = value => {
    if (next(3) === 0) return String(value)
    if (!named) return `?${values.push(value) && ''}`
    const name = pick(['p', 'q', 'a$b'])
    names[name] ??= value
    return pick(['@', ':', '$']) + name
  }
  const cte = pick(['', '', () => `WITH c AS (SELECT k FROM other WHERE v > ${param(20)}) `])
  const isUpdate = next(2) === 0
  const tests = [...TESTS]
  if (cte !== '') tests.push('b IN (SELECT k FROM c)')
  const verb = isUpdate ? pick(['UPDATE ', 'UPDATE OR REPLACE ', 'update or ignore ']) : 'DELETE FROM '
  let sql = cte + verb + table + alias + hint
  if (isUpdate) {
    sql += ` SET c = ${param(77)}, b = CASE WHEN b > 2 THEN b + ${param(10)} ELSE b END`
  }
  if (next(4) !== 0) sql += ` WHERE ${pick(tests)}${next(2) ? ` AND b < ${param(4)}` : ''} -- LIMIT 9\n`
  if (next(3) === 0) sql += ` RETURNING c AS r, ${param(5)} AS p, *`
  const sorted = next(5) !== 0
  if (sorted) {
    const key = pick(['b', 'b % 2', () => `(SELECT max(v) FROM other WHERE k = b) + ${param(1)}`])
    sql += ` /* ? */ ORDER BY ${key} ${pick(['DESC', ''])}, c`
  }
  if (next(20) !== 0) sql += ` LIMIT ${param(pick([0, 1, 3, -1, 5]))}${pick(['', () => ` OFFSET ${param(2)}`, ' , 2'])}`
  return { sql: sql + pick(['', ';', ' ; -- end']), params: named ? [names].filter(() => Object.keys(names).length !== 0) : values }
}

// What it gives, and what is in the tables then.
async function outcome (db, sql, params) {
  let gives
  try {
    const stmt = await db.prepare(sql)
    assert.equal(stmt.source, sql)
    gives = stmt.reader ? await stmt.all(...params) : (await stmt.run(...params)).changes
  } catch (error) {
    gives = error.code ?? error.name
  }
  const rows = []
  for (const table of TABLES) {
    const select = await db.prepare(`SELECT * FROM ${table} ORDER BY ${table === 'log' ? 1 : '1, 2, 3'}`)
    rows.push(await select.raw().all())
  }
  return { gives, rows }
}

ours('generated statements do what they do in better-sqlite3', { skip }, async t => {
  const next = random(seed(t))
  const db = open(t)
  const peer = new Peer(':memory:')
  for (const each of [db, peer]) await each.exec(SCHEMA)
  let limited = 0
  for (let i = 0; i < 400; ++i) {
    const { sql, params } = generate(next)
    for (const each of [db, peer]) await each.exec('SAVEPOINT s')
    const expected = await outcome(peer, sql, params)
    assert.deepEqual(await outcome(db, sql, params), expected, `${sql}\n${JSON.stringify(params)}`)
    if (typeof expected.gives !== 'string') limited++
    for (const each of [db, peer]) await each.exec('ROLLBACK TO s; RELEASE s')
  }
  peer.close()
  assert.ok(limited > 200, String(limited))
})

ours('exec(), batch() and statements that join others', { skip }, async t => {
  const db = open(t)
  const peer = new Peer(':memory:')
  for (const each of [db, peer]) {
    await each.exec(`${SCHEMA}; DELETE FROM t ORDER BY b DESC, a LIMIT 2; UPDATE w SET c = 'x' ORDER BY a LIMIT 3 OFFSET 1; SELECT 1`)
  }
  const joined = `UPDATE t AS x SET c = f.v + ?
    FROM (SELECT k, max(v) AS v FROM other WHERE v > ? GROUP BY k) AS f
    WHERE f.k = x.b ORDER BY x.a DESC LIMIT ?`
  for (const params of [[1, 0, 3], [2, 20, 1]]) {
    assert.deepEqual(await outcome(db, joined, params), await outcome(peer, joined, params))
  }
  assert.deepEqual(await outcome(db, 'SELECT 1', []), await outcome(peer, 'SELECT 1', []))
  const [{ changes }] = await db.batch([['DELETE FROM one ORDER BY a LIMIT :n', { n: 4 }]])
  assert.equal(changes, 4)
})

ours('what SQLite refuses is refused', async t => {
  const db = await open(t).exec('CREATE TABLE t (a, b); CREATE VIEW v AS SELECT * FROM t; CREATE TABLE all_ (rowid, _rowid_, oid)')
  await sqliteError(() => db.prepare('DELETE FROM t ORDER BY a'), 'SQLITE_ERROR', 'ORDER BY without LIMIT on DELETE')
  await sqliteError(() => db.prepare('UPDATE t SET a = 1 WHERE b ORDER BY a'), 'SQLITE_ERROR', 'ORDER BY without LIMIT on UPDATE')
  await sqliteError(() => db.prepare('DELETE FROM missing LIMIT 1'), 'SQLITE_ERROR', /LIMIT|no such table/)
  await sqliteError(() => db.prepare('DELETE FROM t LIMIT 1 WHERE a'), 'SQLITE_ERROR', /syntax error/)
  await sqliteError(() => db.prepare('SELECT 1 LIMIT 1 LIMIT 2'), 'SQLITE_ERROR', 'near "LIMIT": syntax error')
  await sqliteError(() => db.prepare('INSERT INTO t VALUES (1, 2) LIMIT 1'), 'SQLITE_ERROR', 'near "LIMIT": syntax error')
  await sqliteError(() => db.prepare('DELETE FROM all_ LIMIT 1'), 'SQLITE_ERROR', 'near "LIMIT": syntax error')
})

ours('what is shown of it is what was given, and errors say where in that they are', async t => {
  const seen = []
  const db = open(t, ':memory:', { verbose: sql => seen.push(sql) })
  await db.exec('CREATE TABLE t (a, b TEXT, c)')
  seen.length = 0
  const given = 'UPDATE t SET b = @b, c = :c /* ? */ WHERE a > :n RETURNING @b AS x, a ORDER BY b LIMIT :n;'
  const values = { b: "it's", c: Buffer.from('c'), n: 1 }
  const shown = "UPDATE t SET b = 'it''s', c = x'63' /* ? */ WHERE a > 1.0 RETURNING 'it''s' AS x, a ORDER BY b LIMIT 1.0;"
  const stmt = await db.prepare(given)
  assert.equal(stmt.source, given)
  await stmt.all(values)
  await stmt.get(values)
  const bound = (await db.prepare(given)).bind(values)
  await bound.run()
  await db.exec("/* a */ DELETE FROM t WHERE b = 'x' ORDER BY a LIMIT 2 ; SELECT 1")
  assert.deepEqual(seen, [shown, shown, shown, "/* a */ DELETE FROM t WHERE b = 'x' ORDER BY a LIMIT 2 ;", 'SELECT 1'])
  if (!PROMISES) {
    assert.equal(String(stmt), given)
    assert.equal(String(bound), shown)
  }
  const wrong = 'DELETE FROM t WHERE a > ? AND missing < 2 RETURNING a LIMIT ?'
  await sqliteError(async () => {
    try {
      await db.prepare(wrong)
    } catch (error) {
      assert.equal(error.offset, wrong.indexOf('missing'))
      throw error
    }
  }, 'SQLITE_ERROR', 'no such column: missing')
})
