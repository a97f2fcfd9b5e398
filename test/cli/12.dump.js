'use strict'

// .dump and .import: what sqlite3 writes and reads, and back again.

const assert = require('node:assert/strict')
const fs = require('node:fs')
const path = require('node:path')
const test = require('node:test')
const { printedBySqlite3, shell } = require('./shell')
const { random, seed, tempDir } = require('../support')
const Database = require('../..')
const { records } = require('../../packages/cli/lib/csv')

const SCHEMA = `CREATE TABLE a(id INTEGER PRIMARY KEY AUTOINCREMENT, t TEXT, r REAL, b BLOB);
INSERT INTO a VALUES (1, 'x', 1.5, x'0102'), (2, 'two
lines', -1e100, NULL), (3, 'it''s \\n
 and', 3, 't');
CREATE TABLE "odd ""name"(x, "select", g GENERATED ALWAYS AS (x + 1));
INSERT INTO "odd ""name" VALUES (1, 2);
CREATE TABLE 'quoted'(x);
CREATE TABLE wr(k TEXT PRIMARY KEY, v) WITHOUT ROWID;
INSERT INTO wr VALUES ('a', 1);
CREATE INDEX i ON a(t);
CREATE VIEW v AS SELECT t FROM a;
CREATE TRIGGER tr AFTER INSERT ON wr BEGIN SELECT 1; UPDATE a SET t = 'y;' WHERE 0; END;
`

test('.dump, .schema, .tables and .indexes print what sqlite3 prints', async (t) => {
  const folder = tempDir(t)
  const input = `${SCHEMA}.dump\n.dump quoted\n.schema\n.schema a\n.tables\n.tables %a%\n.indexes\n.indexes a\n.databases\n`
  const { stdout, stderr } = await shell(folder, [], { input })
  assert.equal(stderr, '')
  assert.equal(stdout, printedBySqlite3('dump', folder, [], input))
})

test('a dump makes the same database, with its virtual tables', async (t) => {
  const folder = tempDir(t)
  const more = `CREATE VIRTUAL TABLE f USING fts5(title, body); INSERT INTO f VALUES ('hello', 'world wide');
    CREATE VIRTUAL TABLE vec USING diskann(dimension=3); INSERT INTO vec(rowid, vector) VALUES (7, '[1, 0, 0]');
    CREATE TABLE n AS SELECT 0.1 AS tenth, 1/3.0 AS third, 9e999 AS inf, 9007199254740993 AS big, 'a' || char(0) || 'b' AS nul;`
  await shell(folder, ['app.db'], { input: SCHEMA + more })
  const { stdout: dump } = await shell(folder, ['dump', 'app.db'])
  const { stderr, code } = await shell(folder, ['copy.db'], { input: dump })
  assert.deepEqual([stderr, code], ['', 0])
  assert.equal((await shell(folder, ['copy.db', '.dump'])).stdout, dump)
  const db = new Database(path.join(folder, 'copy.db'))
  const pluck = (sql) => db.prepare(sql).pluck().get()
  assert.equal(pluck('PRAGMA integrity_check'), 'ok')
  assert.equal(pluck("SELECT title FROM f WHERE f MATCH 'wide'"), 'hello')
  assert.equal(pluck("SELECT rowid FROM vec WHERE vector MATCH '[1, 0, 0]' AND k = 1"), 7)
  assert.deepEqual(db.prepare('SELECT tenth, third, inf, nul FROM n').raw().get(), [0.1, 1 / 3, Infinity, 'a\0b'])
  db.close()
})

test('a damaged file is dumped as far as it can be read, and the dump says so', async (t) => {
  const folder = tempDir(t)
  const file = path.join(folder, 'app.db')
  const db = new Database(file)
  db.exec(`CREATE TABLE a (x); CREATE TABLE b (x); INSERT INTO b VALUES ('whole');
    INSERT INTO a SELECT zeroblob(500) FROM json_each('[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20]')`)
  const [page] = db.prepare("SELECT rootpage FROM sqlite_schema WHERE name = 'a'").raw().get()
  const size = db.pragma('page_size', { simple: true })
  const leaf = db.pragma('page_count', { simple: true })
  db.close()
  const bytes = fs.readFileSync(file)
  assert.notEqual(leaf, page)
  bytes.fill(0xff, (leaf - 1) * size, leaf * size)
  fs.writeFileSync(file, bytes)
  const { stdout, stderr, code } = await shell(folder, ['dump', 'app.db'])
  assert.match(stdout, /^INSERT INTO a VALUES\(X'00.*\n[^]*CORRUPTION ERROR[^]*\nINSERT INTO b VALUES\('whole'\);\nROLLBACK; -- due to errors\n$/m)
  assert.match(stderr, /the database is damaged/)
  assert.equal(code, 1)
})

test('.import reads what sqlite3 reads', async (t) => {
  const folder = tempDir(t)
  const file = (name, text) => fs.writeFileSync(path.join(folder, name), text)
  file('a.csv', '\ufeffa,b,"c d"\r\n1,"x, ""y""",\r\n2,"two\nlines",z\r\n')
  file('short.csv', '1,2\n1,2,3,4\n')
  file('t.tsv', 'a\tb\n1\t2\n')
  const input = `.import --csv a.csv a
SELECT * FROM a;
.schema a
.import --csv --skip 1 a.csv a
SELECT count(*) FROM a;
.import --csv short.csv a
SELECT a, b, "c d" IS NULL FROM a WHERE b = '2';
.mode tabs
.import t.tsv t
.mode list
SELECT * FROM t;
`
  const { stdout, stderr, code } = await shell(folder, [], { input })
  assert.equal(stdout, printedBySqlite3('import', folder, [], input))
  assert.equal(stderr, 'short.csv:1: expected 3 columns but found 2 - filling the rest with NULL\nshort.csv:2: expected 3 columns but found 4 - extras ignored\n')
  assert.equal(code, 0)
})

test('an import that fails leaves nothing, and one inside a transaction can be rolled back', async (t) => {
  const folder = tempDir(t)
  fs.writeFileSync(path.join(folder, 'a.csv'), 'a\n1\n2\n1\n')
  const input = `CREATE TABLE t (a UNIQUE);
.import --csv --skip 1 a.csv t
SELECT count(*) FROM t;
CREATE TABLE u (a);
BEGIN;
.import a.csv u
SELECT count(*) FROM u;
ROLLBACK;
SELECT count(*) FROM u;
.import missing.csv t
`
  const { stdout, stderr, code } = await shell(folder, ['app.db'], { input })
  assert.equal(stdout, '0\n4\n0\n')
  assert.equal(stderr, 'Error: UNIQUE constraint failed: t.a\nError: cannot open "missing.csv": no such file or directory\n')
  assert.equal(code, 1)
})

test('CSV is the same however it arrives in pieces', async (t) => {
  const next = random(seed(t))
  const cells = ['', 'a', 'a,b', '"', 'a"b""', 'x\ny', '\r\n', 'é日', ' ']
  const row = () => Array.from({ length: 3 }, () => cells[next(cells.length)])
  const rows = Array.from({ length: 50 }, row)
  const text = rows.map((row) => row.map((cell) => `"${cell.replaceAll('"', '""')}"`).join(',') + (next(2) ? '\r\n' : '\n')).join('')
  const pieces = []
  for (let at = 0; at < text.length;) {
    const end = at + 1 + next(7)
    pieces.push(text.slice(at, end))
    at = end
  }
  const found = []
  for await (const list of records(pieces)) found.push(...list)
  assert.deepEqual(found, rows)
})
