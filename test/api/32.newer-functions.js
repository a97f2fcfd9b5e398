'use strict'

// Functions of newer versions of SQLite than the engine's: what better-sqlite3 gives for each call.

const assert = require('node:assert/strict')
const { needs, open, ours, oursSyncOnly, random, seed, sqliteError, tempFile } = require('../support')

const [major] = process.versions.node.split('.').map(Number)
const Peer = major < 22 || process.versions.bun ? null : require('better-sqlite3')
const skip = Peer === null && 'better-sqlite3 13 needs Node.js 22'

const error = message => new Error(message)

const ROWS = `WITH t (g, y) AS (VALUES (1, 5), (1, 1), (1, 2.5), (1, NULL), (2, 7), (2, 3), (2, -4))
  SELECT`

const CASES = {
  iif: [
    ['iif(1, 2)', 2],
    ['iif(0, 2)', null],
    ['if(NULL, 2)', null],
    ['if(0, 2, 3)', 3],
    ['iif(0, 1, 0, 2)', null],
    ['iif(0, 1, 1, 2)', 2],
    ["if(0, 1, '1a', 2, 5)", 2],
    ['iif(0, 1, 0, 2, 5)', 5],
    ["iif(1, 5, json('{'))", 5],
    ["if(0, json('{'), 1, 6, json('{'))", 6],
    ['iif()', error('wrong number of arguments to function iif()')],
    ['iif(1)', error('wrong number of arguments to function iif()')],
    ['if()', error('wrong number of arguments to function if()')],
    ['if(1)', error('wrong number of arguments to function if()')],
    ['iif(DISTINCT 1, 2)', 2]
  ],
  unistr: [
    ['unistr(NULL)', null],
    ["unistr('\\0041\\u0062\\+01F600\\U0001F601\\\\')", 'Ab😀😁\\'],
    ["hex(unistr('\\uD83D\\u0000'))", 'EDA0BD00'],
    ["hex(unistr('\\UFFFFFFFF'))", 'F7BFBFBF'],
    ["unistr('\\')", error('invalid Unicode escape')],
    ["unistr('\\00g1')", error('invalid Unicode escape')],
    ["unistr('\\x')", error('invalid Unicode escape')],
    ["hex(unistr('a' || char(0) || '\\u0041'))", '61005C7530303431'],
    ['unistr(12)', '12'],
    ['unistr()', error('wrong number of arguments to function unistr()')],
    ['unistr_quote(NULL)', 'NULL'],
    ["unistr_quote('it''s')", "'it''s'"],
    ["unistr_quote('a\\b')", "'a\\b'"],
    ["unistr_quote('it''s\\' || char(10, 31))", "unistr('it''s\\\\\\u000a\\u001f')"],
    ["unistr_quote('a' || char(0, 10))", "'a'"],
    ["unistr_quote(x'00ff')", "X'00FF'"],
    ['unistr_quote(1.5)', '1.5'],
    ['unistr_quote(-7)', '-7'],
    ['unistr_quote(1, 2)', error('wrong number of arguments to function unistr_quote()')]
  ],
  json: [
    ["json_array_insert('[1,2]', '$[0]', 9)", '[9,1,2]'],
    ["json_array_insert('[1,2]', '$[#-1]', 9)", '[1,9,2]'],
    ["json_array_insert('[1,2]', '$[2]', 'x')", '[1,2,"x"]'],
    ["json_array_insert('[1,2]', '$[3]', 9)", '[1,2]'],
    ['json_array_insert(\'{"a":[1,{"b":[2]}]}\', \'$.a[1].b[0]\', json(\'[3]\'))', '{"a":[1,{"b":[[3],2]}]}'],
    ["json_array_insert('{}', '$.a[0]', 1)", '{"a":[1]}'],
    ["json_array_insert('{}', '$.a[1]', 1)", '{}'],
    ["json_array_insert('{}', '$.a', 1)", error("not an array element: '$.a'")],
    ['json_array_insert(\'{"it\'\'s":1}\', \'$.it\'\'s\', 1)', error("not an array element: '$.it''s'")],
    ["json_array_insert('[1]', '$.a', 1)", '[1]'],
    ['json_array_insert(\'{"[0]":[1]}\', \'$."[0]"[0]\', NULL)', '{"[0]":[null,1]}'],
    ["json_array_insert('[]', '$[0]', 1, '$[0]', 2, '$[1]', 3, NULL, 4)", '[2,3,1]'],
    ["json_array_insert('[1]', '$', 2)", '[1]'],
    ["json_array_insert('[1]', '$[0]', x'ff')", error('JSON cannot hold BLOB values')],
    ["json_array_insert('[1]', 'a', 2)", error("bad JSON path: 'a'")],
    ["json_array_insert('[1]', '$[x]', 2)", error("bad JSON path: '$[x]'")],
    ["json_array_insert('[1', '$[0]', 2)", error('malformed JSON')],
    ["json_array_insert(NULL, '$[0]', 2)", null],
    ["json_array_insert('[1]', '$[0]')", error('json_array_insert() needs an odd number of arguments')],
    ["json_array_insert(' {a:1} ')", '{"a":1}'],
    ["json_array_insert('[1,2]', '$[1]', 9e999)", '[1,9e999,2]'],
    ["json_array(json_array_insert('[1]', '$[0]', 2))", '[[2,1]]'],
    ["hex(jsonb_array_insert('[1,2]', '$[1]', 'x'))", '6B13311A781332'],
    ["hex(json_array_insert(jsonb('[1,2]'), '$[1]', jsonb('[3]')))", '5B312C5B335D2C325D']
  ],
  insttoken: [
    ["fts5_insttoken('abc')", 'abc'],
    ['typeof(fts5_insttoken(5))', 'integer'],
    ['fts5_insttoken()', error('wrong number of arguments to function fts5_insttoken()')]
  ],
  percentile: [
    ['median(y)', 2.75],
    ['percentile(y, 50)', 2.75],
    ['percentile(y, 33.3)', 1.9974999999999996],
    ["percentile(y, ' 100 ')", 7],
    ['percentile_cont(y, 0.25)', 1.375],
    ['percentile_disc(y, 0.25)', 1],
    ['percentile_disc(y, 1)', 7],
    ['median(y) FILTER (WHERE g = 3)', null],
    ['median(DISTINCT g)', 1.5],
    ["median('5')", error('input to median() is not numeric')],
    ['median(9e999)', error('Inf input to median()')],
    ['percentile(y, 101)', error('the fraction argument to percentile() is not between 0.0 and 100.0')],
    ['percentile_cont(y, 1.5)', error('the fraction argument to percentile_cont() is not between 0.0 and 1.0')],
    ["percentile_disc(y, 'x')", error('the fraction argument to percentile_disc() is not between 0.0 and 1.0')],
    ['percentile(y, g)', error('the fraction argument to percentile() is not the same for all input rows')],
    ['median()', error('wrong number of arguments to function median()')],
    ['percentile(y)', error('wrong number of arguments to function percentile()')],
    ['typeof(median(1))', 'real']
  ]
}

async function value (db, sql) {
  try {
    return await (await db.prepare(sql)).pluck().get()
  } catch (error) {
    return new Error(error.message)
  }
}

for (const [name, cases] of Object.entries(CASES)) {
  ours(`${name}: each call gives what it gives in better-sqlite3`, async t => {
    const db = open(t)
    const peer = Peer && new Peer(':memory:')
    for (const [call, expected] of cases) {
      const sql = name === 'percentile' ? `${ROWS} ${call} FROM t` : `SELECT ${call}`
      assert.deepEqual(await value(db, sql), expected, call)
      if (peer) assert.deepEqual(await value(peer, sql), expected, call)
    }
    peer?.close()
  })
}

const FRAMES = ['', 'ORDER BY i',
  'ORDER BY i ROWS BETWEEN 1 PRECEDING AND 2 FOLLOWING', 'PARTITION BY i % 3 ORDER BY i',
  'ORDER BY i ROWS BETWEEN 3 FOLLOWING AND 5 FOLLOWING', 'ORDER BY i ROWS BETWEEN 4 PRECEDING AND CURRENT ROW EXCLUDE TIES',
  'ORDER BY y RANGE BETWEEN 2 PRECEDING AND 1.5 FOLLOWING']

ours('percentiles of windows are those of better-sqlite3', { skip }, async t => {
  const db = open(t)
  const peer = new Peer(':memory:')
  const next = random(seed(t))
  const values = Array.from({ length: 60 }, () => next(6) ? (next(40) - 20) / 4 : 'NULL')
  const script = `CREATE TABLE t (i INTEGER PRIMARY KEY, y); INSERT INTO t (y) VALUES (${values.join('), (')})`
  await db.exec(script)
  peer.exec(script)
  for (const frame of FRAMES) {
    for (const call of ['median(y)', `percentile(y, ${next(101)})`, `percentile_cont(y, 0.${next(100)})`,
      `percentile_disc(y, 0.${next(100)})`]) {
      const sql = `SELECT i, ${call} OVER (${frame}) FROM t ORDER BY i`
      const rows = await (await db.prepare(sql)).raw().all()
      assert.deepEqual(rows, peer.prepare(sql).raw().all(), sql)
    }
  }
  peer.close()
})

const DOCUMENTS = ["'[1,2,3]'", "'[]'", '\'{"a":[1,{"b":[]}],"c":null}\'', "'{}'", 'jsonb(\'[1,[2,3],"x"]\')', "'5'", "'[[[]]]'",
  "'{a:[1,0x10,],}'", '\'{"x[0]":[7],"it\'\'s":[]}\'', "x'1234'", '12']
const STEPS = ['[0]', '[1]', '[2]', '[3]', '[#]', '[#-1]', '[#-2]', '[#-9]', '.a', '.b', '.c', '."x[0]"', '."it\'\'s"', '[x]', '.', '[']
const VALUES = ['9', "'s'", 'NULL', '1.5', "json('{\"k\":[1]}')", "jsonb('[7]')", "x'ff'"]

ours('generated insertions into arrays are those of better-sqlite3', { skip }, async t => {
  const db = open(t)
  const peer = new Peer(':memory:')
  const next = random(seed(t))
  const pick = list => list[next(list.length)]
  for (let i = 0; i < 1000; i++) {
    const pairs = Array.from({ length: 1 + next(2) }, () => {
      const steps = Array.from({ length: next(4) }, () => pick(STEPS))
      return `'$${steps.join('')}', ${pick(VALUES)}`
    })
    const sql = `SELECT ${pick(['json', 'jsonb'])}_array_insert(${pick(DOCUMENTS)}, ${pairs.join(', ')})`
    assert.deepEqual(await value(db, sql), await value(peer, sql), sql)
  }
  peer.close()
})

ours('indexes, generated columns, views and triggers may use them', async t => {
  const db = open(t, tempFile(t))
  await db.exec(`
    PRAGMA trusted_schema = OFF;
    CREATE TABLE t (a, b AS (iif(a > 1, 'many', a = 1, 'one')), c AS (if(a, a)) STORED,
      CHECK (iif(a < 0, 0, 1)));
    CREATE INDEX byUnistr ON t (unistr(a));
    CREATE INDEX byArray ON t (json_array_insert('[]', '$[0]', a));
    CREATE TABLE log (line);
    CREATE TRIGGER added AFTER INSERT ON t BEGIN INSERT INTO log VALUES (unistr_quote(new.a)); END;
    CREATE VIEW middle AS SELECT median(a) AS m FROM t;
    INSERT INTO t (a) VALUES (0), (1), (5)`)
  await sqliteError(() => db.exec('INSERT INTO t (a) VALUES (-1)'), 'SQLITE_CONSTRAINT_CHECK')
  const all = async sql => (await db.prepare(sql)).raw().all()
  assert.deepEqual(await all('SELECT b, c FROM t ORDER BY a'), [[null, null], ['one', 1], ['many', 5]])
  assert.deepEqual(await all("SELECT a FROM t INDEXED BY byUnistr WHERE unistr(a) = '5'"), [[5]])
  assert.deepEqual(await all("SELECT a FROM t INDEXED BY byArray WHERE json_array_insert('[]', '$[0]', a) = '[1]'"), [[1]])
  assert.deepEqual(await all('SELECT line FROM log'), [['0'], ['1'], ['5']])
  assert.deepEqual(await all('SELECT m FROM middle'), [[1]])
})

ours('a function of your own replaces them', async t => {
  const db = open(t)
  const names = ['iif', 'if', 'unistr', 'unistr_quote', 'json_array_insert', 'jsonb_array_insert', 'fts5_insttoken']
  for (const name of names) {
    await db.function(name, { varargs: true }, (...args) => `${name} ${args.length}`)
    assert.equal(await value(db, `SELECT ${name}(1, 2)`), `${name} 2`)
  }
  for (const name of ['median', 'percentile', 'percentile_cont', 'percentile_disc']) {
    await db.aggregate(name, { start: 0, varargs: true, step: sum => sum + 1 })
    assert.equal(await value(db, `SELECT ${name}(1) FROM (VALUES (1), (2))`), 2)
  }
  assert.equal(await value(open(t), "SELECT unistr('\\0041') || median(1) || if(1, 2)"), 'A1.02')
})

ours('an argument of iif() that is not chosen is not computed', async t => {
  const db = open(t)
  const calls = []
  await db.function('f', x => { calls.push(x); return x })
  assert.equal(await value(db, 'SELECT iif(f(0), f(1), f(2), f(3), f(4))'), 3)
  assert.equal(await value(db, 'SELECT if(f(5), f(6), f(7))'), 6)
  assert.deepEqual(calls, [0, 2, 3, 5, 6])
})

ours('readers have them, and full-text search takes the query', async t => {
  const file = tempFile(t)
  const db = open(t, file)
  await db.exec(`PRAGMA journal_mode = WAL; CREATE VIRTUAL TABLE f USING fts5 (x);
    INSERT INTO f VALUES ('one two'), ('two three')`)
  const reader = open(t, file, { readonly: true })
  for (const from of [db, reader]) {
    const sql = "SELECT rowid, median(rowid) OVER () FROM f(fts5_insttoken('th*'))"
    assert.deepEqual(await (await from.prepare(sql)).raw().all(), [[2, 2]])
  }
})

needs('promises', oursSyncOnly)('readers of the promise API have them', async t => {
  const file = tempFile(t)
  open(t, file).exec('PRAGMA journal_mode = WAL; CREATE TABLE t (a); INSERT INTO t VALUES (1), (2)')
  const db = new (require('../../promise').Database)(file, { readers: 2 })
  t.after(() => db.close())
  const calls = Array.from({ length: 8 }, (_, i) => db.get(`SELECT if(${i}, median(a), ${i}) AS m FROM t`))
  const rows = await Promise.all(calls)
  assert.deepEqual(rows.map(row => row.m), [0, 1.5, 1.5, 1.5, 1.5, 1.5, 1.5, 1.5])
})

ours('they stand in the list of functions as built-in', async t => {
  const db = open(t)
  const sql = `SELECT name || narg || type FROM pragma_function_list WHERE builtin AND name IN ('iif', 'if', 'unistr',
    'unistr_quote', 'median', 'percentile', 'percentile_cont', 'percentile_disc', 'json_array_insert',
    'jsonb_array_insert', 'fts5_insttoken') ORDER BY name`
  const list = await (await db.prepare(sql)).pluck().all()
  assert.deepEqual(list, [
    'fts5_insttoken1s',
    'if-1s', 'iif-1s', 'json_array_insert-1s',
    'jsonb_array_insert-1s', 'median1w', 'percentile2w', 'percentile_cont2w', 'percentile_disc2w',
    'unistr1s', 'unistr_quote1s'
  ])
})
