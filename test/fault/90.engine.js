'use strict'

const assert = require('node:assert/strict')
const { Database, child, exited, ours } = require('../support')

// What the engine is known to do wrong, or did in another version: each in a process with little
// memory, and an error or a value at the end of it.
const CASES = {
  'concat_ws() with separators that sum to 4 GiB (CVE-2025-3277)': () => {
    const args = Array.from({ length: 121 }, () => "''").join()
    return [`SELECT length(concat_ws(printf('%.*c', 35791395, 's'), ${args}))`, 'SQLITE_TOOBIG']
  },
  'concat_ws() with separators that sum to 2 GiB (CVE-2025-29087)': () => {
    const args = Array.from({ length: 121 }, () => "'x'").join()
    return [`SELECT length(concat_ws(printf('%.*c', 17895698, 's'), ${args}))`, 'SQLITE_TOOBIG']
  },
  'concat_ws() as it should be': () => [
    "SELECT concat_ws(',', 1, NULL, 'a', '', 2.5, x'62') || '|' || coalesce(concat_ws(NULL, 'a'), 'null') || '|' || concat_ws('-', 'x') || '|' || concat_ws('-', NULL, NULL) || '|' || concat_ws('', 'a', 'b')",
    '1,a,,2.5,b|null|x||ab'
  ],
  'concat() with parts that sum to 2 GiB': () => {
    const args = Array.from({ length: 121 }, () => 's').join()
    return [`SELECT length(concat(${args})) FROM (SELECT printf('%.*c', 17895698, 's') AS s)`]
  },
  'more than 65,535 terms of aggregates (CVE-2025-6965)': () => [
    `SELECT ${Array.from({ length: 1990 }, (_, i) => `sum(${Array.from({ length: 34 }, (_, j) => `c${(i * 34 + j) % 1999}+${i}`).join('+')})`).join()} FROM t`
  ],
  'a format of 2 GiB': () => ["SELECT length(printf('%2147483647d', 1))"],
  'a format with many wide fields': () => [`SELECT length(printf('${'%100000000s'.repeat(30)}', 'x'))`],
  'replace() that grows without end': () => ["SELECT length(replace(hex(zeroblob(500000)), '0', hex(zeroblob(5000))))", 'SQLITE_TOOBIG'],
  'zeroblob() of 2 GiB': () => ['SELECT zeroblob(2147483647)', 'SQLITE_TOOBIG'],
  'group_concat() of 4 GiB': () => [
    "WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 50) SELECT length(group_concat(s, s)) FROM n, (SELECT printf('%.*c', 50000000, 's') AS s)",
    'SQLITE_TOOBIG'
  ],
  'LIKE and GLOB patterns that backtrack': () => [
    `SELECT printf('%.*c', 3000, 'a') LIKE '${'%a'.repeat(20)}b', printf('%.*c', 300, 'a') GLOB '${'*a'.repeat(4)}b'`
  ],
  'a LIKE pattern of 100 kB': () => [`SELECT 'x' LIKE '${'%'.repeat(100000)}'`, 'SQLITE_ERROR'],
  'JSON nested a million deep': () => ['SELECT json_extract(printf(\'%.*c\', 1000000, \'[\'), \'$[0]\')', 'SQLITE_ERROR'],
  'JSON nested 100,000 deep in one text': () => [`SELECT json('${'{"a":'.repeat(100000)}1${'}'.repeat(100000)}')`, 'SQLITE_ERROR'],
  'JSON5 and a broken JSONB': () => ["SELECT json(x'ff0000000000000001'), json_each.value FROM json_each(x'cb37')"],
  'generate_series-like recursion with a window of 2^63': () => [
    'WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 100) SELECT sum(x) OVER (ORDER BY x ROWS BETWEEN 9223372036854775807 PRECEDING AND 9223372036854775807 FOLLOWING) FROM n'
  ],
  'a window frame with a negative offset': () => ['SELECT sum(1) OVER (ROWS BETWEEN -1 PRECEDING AND CURRENT ROW)', 'SQLITE_ERROR'],
  'round() and printf() of the extremes': () => [
    "SELECT round(1e308, 30), round(-9.9e307, 2147483647), printf('%.2147483647f', 1.5) IS NULL, printf('%*.*f', 2147483647, 2147483647, 1.0) IS NULL"
  ],
  'integers at their ends': () => [
    'SELECT -9223372036854775808 / -1, -9223372036854775808 % -1, abs(-9223372036854775808 + 1), 9223372036854775807 + 1, 1 << 63, 1 >> -64'
  ],
  'abs() of the smallest integer': () => ['SELECT abs(-9223372036854775808)', 'SQLITE_ERROR'],
  'an FTS5 query that is too deep': () => [
    `SELECT * FROM f WHERE f MATCH '${'('.repeat(5000)}a${')'.repeat(5000)}'`, 'SQLITE_ERROR'
  ],
  'an FTS5 query of every operator': () => [
    `SELECT snippet(f, -1, '[', ']', '...', 2147483647), highlight(f, 99, 'a', 'b'), bm25(f) FROM f WHERE f MATCH '${'a NEAR '.repeat(2)}"" ^ *'`
  ],
  'an FTS5 snippet of no size': () => ["SELECT snippet(f, 0, '', '', '', -5) FROM f WHERE f MATCH 'quick'"],
  'an R-Tree of broken nodes': () => ['SELECT rtreecheck(\'r\'), rtreenode(2, x\'00\'), rtreenode(-1, x\'0000ffff\'), rtreedepth(x\'ff\')'],
  'a geopoly of NaN': () => ["SELECT geopoly_area('[[1e999,0],[0,1],[1,1],[1e999,0]]'), geopoly_blob(x'0100000000')"],
  'vectors of any length and kind': () => [
    "SELECT vector_distance_cos(vector('[1,2]'), vector('[1,2,3]'))"
  ],
  'vectors that are junk': () => ["SELECT vector_extract(x'ffffffff'), vector_extract(zeroblob(100000)), vector('[1e999,nan]')"],
  'a trigger that calls itself': () => [
    'PRAGMA recursive_triggers = ON; CREATE TRIGGER tr AFTER INSERT ON t BEGIN INSERT INTO t (c0) VALUES (new.c0 + 1); END; INSERT INTO t (c0) VALUES (1)',
    'SQLITE_ERROR'
  ],
  'a view of itself': () => ['CREATE VIEW v AS SELECT * FROM v; SELECT * FROM v', 'SQLITE_ERROR'],
  'strftime() with a format of everything': () => [
    `SELECT strftime('${'%Y%f%J%s'.repeat(10000)}', 'now', '+2147483647 years', '-99999999999 days'), julianday('9999-99-99'), date(1e300, 'unixepoch')`
  ],
  'randomblob() and hex() at the limit': () => ['SELECT length(hex(randomblob(2147483647)))', 'SQLITE_TOOBIG'],
  'quote() of a blob at the limit': () => ['SELECT length(quote(zeroblob(400000000)))'],
  'unhex(), char() and unicode() of anything': () => [`SELECT unhex('zz'), char(${'1114112,'.repeat(100)}-1), unicode(''), instr(x'', 'a')`],
  'an index on an expression that lies': () => [
    'CREATE TABLE e (a, b AS (a + 1)); CREATE INDEX ei ON e (b, a || b); INSERT INTO e VALUES (1), (NULL), (9223372036854775807); SELECT * FROM e WHERE b > 0 ORDER BY b'
  ]
}

for (const [name, make] of Object.entries(CASES)) {
  ours(`${name}: an answer and no signal`, async () => {
    const [sql, expected] = make()
    const result = exited(await child((sql) => {
      const db = new Database(':memory:')
      const columns = Array.from({ length: 1999 }, (_, i) => `c${i}`).join()
      db.exec(`CREATE TABLE t (${columns}); CREATE VIRTUAL TABLE f USING fts5(a); CREATE VIRTUAL TABLE r USING rtree(i, a, b)`)
      db.exec("INSERT INTO f VALUES ('the quick fox'); INSERT INTO r VALUES (1, 2, 3)")
      db.pragma('hard_heap_limit = 1500000000')
      let answer
      try {
        const last = sql.lastIndexOf('; ') + 1
        if (last > 0 && !sql.startsWith('SELECT')) {
          db.exec(sql.slice(0, last))
          sql = sql.slice(last)
        }
        const stmt = db.prepare(sql)
        answer = stmt.reader ? stmt.raw().all()[0]?.[0] : stmt.run().changes
      } catch (error) {
        if (!(error instanceof Database.SqliteError || error instanceof RangeError || /memory/.test(error.message))) throw error
        answer = error.code || error.message
      }
      if (db.prepare('SELECT 5').pluck().get() !== 5) process.exit(3)
      db.close()
      process.stdout.write(String(answer))
    }, { args: [sql], timeout: 120000 }))
    if (expected !== undefined) assert.equal(result.stdout, expected)
  })
}
