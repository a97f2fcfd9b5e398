'use strict'

// Servers and replicas in the shell: URLs, tokens, push, pull, dump, .sync, doctor.

const assert = require('node:assert/strict')
const fs = require('node:fs')
const path = require('node:path')
const test = require('node:test')
const { shell } = require('./shell')
const { startSqld, unavailable } = require('../servers/sqld')
const { tempDir } = require('../support')

const skip = unavailable() ?? false
const SCHEMA = `CREATE TABLE author (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT);
INSERT INTO author VALUES (5, 'Ada'), (9, 'Zoë; "x"');
CREATE TABLE book (id INTEGER PRIMARY KEY, author INTEGER NOT NULL REFERENCES author, title, data BLOB);
WITH c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c LIMIT 2500) INSERT INTO book SELECT n, 5, 'title ' || n, zeroblob(3) FROM c;
CREATE TABLE wr(k TEXT PRIMARY KEY, v) WITHOUT ROWID; INSERT INTO wr VALUES ('a', 1.5);
CREATE INDEX by_author ON book(author);
CREATE VIEW v AS SELECT name FROM author;
CREATE TRIGGER tr AFTER INSERT ON wr BEGIN UPDATE author SET name = 'never' WHERE 0; END;
CREATE VIRTUAL TABLE f USING fts5(title); INSERT INTO f(rowid, title) SELECT id, title FROM book;
`

test('a file goes to a server and comes back, by pull and by dump', { skip }, async (t) => {
  const folder = tempDir(t)
  const { url } = await startSqld(t)
  await shell(folder, ['app.db'], { input: SCHEMA })
  await shell(folder, ['vec.db'], { input: `${SCHEMA}CREATE VIRTUAL TABLE vec USING diskann(dimension=3);` })
  const name = url.split('?')[0]
  const pushed = await shell(folder, ['push', 'app.db', url])
  assert.deepEqual([pushed.stderr, pushed.code], [`${name}: 4 tables, 5003 rows\n`, 0])
  const again = await shell(folder, ['push', 'app.db', url])
  assert.match(again.stderr, /is not empty: --replace drops its \d+ tables and views\n$/)
  assert.equal(again.code, 1)
  const replaced = await shell(folder, ['push', 'vec.db', url, '--replace'])
  assert.equal(replaced.stderr, `${name}: 4 tables, 5003 rows\nLeft out, since servers have no vector tables: vec\n`)

  const pulled = await shell(folder, ['pull', url, 'pulled.db'])
  assert.equal(pulled.code, 0, pulled.stderr)
  const dump = await shell(folder, ['dump', url.replace('http:', 'ws:')])
  assert.deepEqual([dump.stderr, dump.code], ['', 0])
  await shell(folder, ['dumped.db'], { input: dump.stdout })
  const query = "SELECT * FROM author; SELECT count(*), sum(id), max(title) FROM book; SELECT * FROM wr; SELECT * FROM v; SELECT rowid FROM f('2017'); PRAGMA integrity_check; SELECT seq FROM sqlite_sequence"
  const expected = (await shell(folder, ['app.db', query])).stdout
  assert.match(expected, /^5\|Ada\n9\|Zoë; "x"\n2500\|3126250\|title 999\na\|1.5\nAda\n.*\n2017\nok\n9\n$/)
  for (const file of ['pulled.db', 'dumped.db']) {
    assert.equal((await shell(folder, [file, query])).stdout, expected, file)
  }
  // A plain file, and nothing beside it.
  assert.deepEqual(fs.readdirSync(folder).filter((file) => file.includes('pull')), ['pulled.db'])
  assert.match((await shell(folder, ['pull', url, 'pulled.db'])).stderr, /exists already: --force replaces it\n$/)
})

test('a server and its replica answer, and .sync fetches what others wrote', { skip }, async (t) => {
  const folder = tempDir(t)
  const { url } = await startSqld(t)
  const made = await shell(folder, [url.replace('http:', 'libsql:') + '?tls=0', 'CREATE TABLE t (a UNIQUE); INSERT INTO t VALUES (1)', '.tables', '.schema'])
  assert.deepEqual([made.stdout, made.stderr, made.code], ['t\nCREATE TABLE t (a UNIQUE);\n', '', 0])
  assert.equal((await shell(folder, [url, 'INSERT INTO t VALUES (1)'])).stderr, 'Runtime error near line 1: UNIQUE constraint failed: t.a (19)\n')
  const replica = await shell(folder, ['--sync', url, 'replica.db'], {
    input: `SELECT a FROM t;\n.shell "${process.execPath}" -e "0"\nINSERT INTO t VALUES (2);\nSELECT sum(a) FROM t;\n.sync\n.replica\n.tables\n.mode json\nSELECT a FROM t;\n`
  })
  assert.equal(replica.stderr, '')
  assert.match(replica.stdout, /^1\n3\n(Up to date|Fetched \d+ pages), at frame \d+, in \d+ ms\nFollows .+, synced \d+\.\d s ago\nt\n\[\{"a":1\},\n\{"a":2\}\]\n$/)
  const doctor = await shell(folder, ['doctor', url])
  assert.match(doctor.stdout, /^ {2}server +http.*: 1 tables.*\n {2}its SQLite +3\..*\nAll is well\n$/m)
})

test('keys and tokens that it makes are those of a server', { skip }, async (t) => {
  const folder = tempDir(t)
  const made = await shell(folder, ['token', '--new-keys', 'jwt'])
  assert.deepEqual([made.stderr, made.code], ['jwt-private.pem\njwt-public.pem\n', 0])
  assert.equal((await shell(folder, ['token', '--new-keys', 'jwt'])).code, 1)
  const { url } = await startSqld(t, { jwtKey: fs.readFileSync(path.join(folder, 'jwt-public.pem'), 'utf8') })
  const tokens = {}
  for (const access of ['rw', 'ro']) {
    tokens[access] = (await shell(folder, ['token', '--private-key', 'jwt-private.pem', '--access', access, '--days', '1'])).stdout.trim()
  }
  const run = (token, sql) => shell(folder, [url, sql], { env: { FERROLITE_TOKEN: token } })
  assert.equal((await run(tokens.rw, 'CREATE TABLE t (a)')).code, 0)
  assert.equal((await run(tokens.ro, 'SELECT count(*) FROM t')).stdout, '0\n')
  assert.notEqual((await run(tokens.ro, 'INSERT INTO t VALUES (1)')).code, 0)
  const refused = await run('', 'SELECT 1')
  assert.match(refused.stderr, /REMOTE_AUTH/)
  assert.doesNotMatch(refused.stderr, /^ +at /m)
})

test('doctor says what is installed, and what is wrong with a database', async (t) => {
  const folder = tempDir(t)
  fs.writeFileSync(path.join(folder, 'bad.db'), 'this is no database, and long enough to be read as one '.repeat(20))
  const { stdout, code } = await shell(folder, ['doctor'])
  assert.match(stdout, /^ {2}ferrolite +\d.* in .*\n {2}(FERROLITE_BINDING.*\n {2})?binary .*\.node\n {2}SQLite +3\.47/m)
  assert.equal(code, 0)
  const bad = await shell(folder, ['doctor', 'bad.db'])
  assert.match(bad.stdout, /^! database +SQLITE_NOTADB: .*\nSomething is wrong/m)
  assert.equal(bad.code, 1)
  assert.match((await shell(folder, ['doctor', 'missing.db'])).stdout, /^! database/m)
})
