'use strict'

// Scripts and arguments: what runs, what is said of errors, and the exit code.

const assert = require('node:assert/strict')
const fs = require('node:fs')
const path = require('node:path')
const test = require('node:test')
const { shell } = require('./shell')
const { random, seed, tempDir } = require('../support')
const { Splitter, statements } = require('../../packages/cli/lib/sql/splitter')
const { COMMANDS } = require('../../packages/cli/lib/dot')

test('a script goes on after an error, which has its line and place, and ends with 1', async (t) => {
  const input = `SELECT 1;
SELECT *
  form t;
CREATE TABLE t (a UNIQUE); INSERT INTO t VALUES (1);
INSERT INTO t VALUES (1);
.nothing
.mode nothing
SELECT 2; SELECT 3`
  const { stdout, stderr, code } = await shell(tempDir(t), ['app.db'], { input })
  assert.equal(stdout, '1\n2\n3\n')
  assert.equal(stderr, `Parse error near line 2: near "form": syntax error
    form t;
    ^--- error here
Runtime error near line 5: UNIQUE constraint failed: t.a (19)
Error: unknown command or invalid arguments:  "nothing". Enter ".help" for help
Error: mode should be one of: ascii auto box column csv html insert json line list markdown quote table tabs tcl
`)
  assert.equal(code, 1)
})

test('exit codes are those of sqlite3', async (t) => {
  const folder = tempDir(t)
  const setup = 'CREATE TABLE t (a UNIQUE); INSERT INTO t VALUES (1)'
  for (const [args, input, code, out] of [
    [['a.db', setup], '', 0, ''],
    [['a.db', 'INSERT INTO t VALUES (1); SELECT 5'], '', 19, ''],
    [['a.db', 'SELECT 1', 'SELECT * form t', 'SELECT 2'], '', 1, '1\n'],
    [['a.db', '.tables', 'SELECT 2'], '', 0, 't\n2\n'],
    [['a.db', '.nothing', 'SELECT 2'], '', 1, ''],
    [['a.db'], 'SELECT 1;', 0, '1\n'],
    [['-bail', 'a.db'], 'SELECT 1;\nSELECT x;\nSELECT 2;', 1, '1\n'],
    [['a.db'], '.bail on\nSELECT x;\nSELECT 2;', 1, ''],
    [['a.db'], 'SELECT 1;\n.exit 7\nSELECT 2;', 7, '1\n'],
    [['a.db'], 'SELECT x;\n.quit\n', 0, ''],
    [['-cmd', 'SELECT 1', 'a.db'], 'SELECT 2;', 0, '1\n2\n'],
    [['missing/a.db', 'SELECT 1'], '', 1, ''],
    [['-nothing'], '', 1, ''],
    [['-readonly', 'a.db', 'DELETE FROM t'], '', 8, '']
  ]) {
    const result = await shell(folder, args, { input })
    assert.deepEqual([result.stdout, result.code, result.signal], [out, code, null], args.join(' '))
    assert.doesNotMatch(result.stderr, /^ +at /m)
  }
})

test('files are read, written, piped and restored', async (t) => {
  const folder = tempDir(t)
  fs.writeFileSync(path.join(folder, 'one.sql'), 'CREATE TABLE t (a);\nINSERT INTO t VALUES (1);\n.read two.sql\nSELECT * FROM t;')
  fs.writeFileSync(path.join(folder, 'two.sql'), '-- only this; \n INSERT INTO t VALUES (2)')
  const echo = `|"${process.execPath}" -e "console.log('SELECT 42;')"`
  const input = `.read one.sql
.once out.txt
SELECT 'once';
SELECT 'screen';
.output out2.txt
SELECT 'file';
.output
.read ${echo}
.backup copy.db
DELETE FROM t;
.restore copy.db
SELECT count(*) FROM t;
.clone other.db
.open other.db
SELECT sum(a) FROM t;
.open :memory:
.restore copy.db
SELECT max(a) FROM t;
.read missing.sql
.read .
`
  const { stdout, stderr, code } = await shell(folder, ['app.db'], { input })
  assert.equal(stdout, '1\n2\nscreen\n42\n2\n3\n2\n')
  assert.equal(stderr, 'Error: cannot open "missing.sql": no such file or directory\nError: cannot open ".": it is a directory\n')
  assert.equal(code, 1)
  assert.equal(fs.readFileSync(path.join(folder, 'out.txt'), 'utf8'), 'once\n')
  assert.equal(fs.readFileSync(path.join(folder, 'out2.txt'), 'utf8'), 'file\n')
})

test('parameters, limits, plans and settings are shown and set', async (t) => {
  const input = `.parameter set :a 5
.parameter set @b 'it''s'
.parameter set $c word
.parameter list
SELECT :a, @b, $c, ?, :none;
CREATE TABLE t (a INTEGER PRIMARY KEY, b);
.explain SELECT * FROM t WHERE a = 1
EXPLAIN QUERY PLAN SELECT * FROM t AS x JOIN t AS y USING (a) ORDER BY x.b;
.eqp on
SELECT * FROM t;
.eqp off
.changes on
INSERT INTO t VALUES (1, 2), (2, 3);
.echo on
SELECT 1;
.print a "b\\tc"
.headers maybe
`
  const { stdout, stderr } = await shell(tempDir(t), [], { input })
  assert.equal(stdout, `:a  5
@b  'it''s'
$c  'word'
5|it's|word||
QUERY PLAN
\`--SEARCH t USING INTEGER PRIMARY KEY (rowid=?)
QUERY PLAN
|--SCAN x
|--SEARCH y USING INTEGER PRIMARY KEY (rowid=?)
\`--USE TEMP B-TREE FOR ORDER BY
QUERY PLAN
\`--SCAN t
changes: 2
SELECT 1;
1
.print a "b\\tc"
a b\tc
.headers maybe
`)
  assert.equal(stderr, 'Error: .headers takes on or off\n')
})

test('encrypted files open with their key, from a file or the environment, and are told apart', async (t) => {
  const folder = tempDir(t)
  fs.writeFileSync(path.join(folder, 'key'), 'correct horse\n')
  const made = await shell(folder, ['--key-file', 'key', 'app.db', 'CREATE TABLE t AS SELECT 1 AS a'])
  assert.deepEqual([made.stderr, made.code], ['', 0])
  const env = { FERROLITE_KEY: 'correct horse' }
  assert.equal((await shell(folder, ['app.db', 'SELECT a FROM t'], { env })).stdout, '1\n')
  const closed = await shell(folder, ['app.db', 'SELECT a FROM t'])
  assert.match(closed.stderr, /file is not a database.*\n +Hint: an encrypted file needs its key, by --key-file/)
  assert.equal(closed.code, 26)
  const moved = await shell(folder, [':memory:'], { input: ".open --key-file key app.db\n.rekey 'another'\n.open --key another app.db\nSELECT a FROM t;" })
  assert.deepEqual([moved.stdout, moved.stderr], ['1\n', ''])
})

test('stores and vector tables are opened and shown', async (t) => {
  const input = `CREATE VIRTUAL TABLE v USING diskann(dimension=3);
INSERT INTO v(rowid, vector) VALUES (1, '[1,0,0]'), (2, '[0,1,0]');
.vector
.vector none
.kv verify
.sync
`
  const { stdout, stderr } = await shell(tempDir(t), ['--store', 'directory:data', 'app'], { input })
  assert.match(stdout, /^table +dimension +metric +element +rows *\n-.*\nv +3 +cosine +f32 +2 *\nok\n$/)
  assert.equal(stderr, 'Error: there is no vector table "none": there are v\nError: .sync is for a replica: .open --sync URL FILE\n')
})

test('every command with nothing and with nonsense gives a message and no stack', async (t) => {
  const skipped = ['exit', 'quit', 'shell', 'system', 'cd', 'open']
  const input = COMMANDS.filter(({ name }) => !skipped.includes(name))
    .flatMap(({ name }) => [`.${name}`, `.${name} 'non sense' "\\xzz`, `.${name} --nonsense`, '.output stdout']).join('\n')
  const { stderr, signal, code } = await shell(tempDir(t), ['app.db'], { input: `${input}\n.output stdout\nSELECT 'alive';\n` })
  assert.equal(signal, null)
  assert.equal(code, 1)
  assert.doesNotMatch(stderr, /^ +at |TypeError|undefined|\[object/m)
})

// What a user may type, in pieces. No commands of the system, and no folder but its own.
const PIECES = [
  '.', '.mode ', '.import ', '.read ', '.dump ', '.schema ', '.width ', '.param set ', '.once ', '.output', '.open ', '.backup ', '.restore ', '.explain ',
  '.eqp on', '.vector ', '.help ', '.separator ', '.nullvalue ', '.print ', '.mode insert ', '.mode column --wrap ', '.clone ', '.rekey ', '.load ', '.prompt ',
  '.databases', '.tables %', '.indexes', '.timer on', '.show', '.stats', '.sync', '.kv ', '-5', '0', '99999999999', ';', 'SELECT ', '* FROM ', 't ', 'x', '%', '\\', '\t',
  ' ', '\0', 'é', '日本', '😀', 'CREATE TABLE t(a,b);', "INSERT INTO t VALUES(1,x'00');", 'BEGIN;', 'COMMIT;', 'EXPLAIN ', 'QUERY PLAN ', 'PRAGMA ', 'table_info(t)',
  ';', '?', '?1', ':a', '@x', 'WITH c AS (SELECT 1) ', 'VALUES(1,2)', 'a.db', ':memory:', 'CREATE TRIGGER tr AFTER INSERT ON t BEGIN SELECT 1;', 'END;',
  "ATTACH 'b.db' AS b;", 'DETACH b;', 'SAVEPOINT s;', 'ROLLBACK;', "'a b'", '"c\\n"'
]

test('whatever is typed, it goes on to the end, without a stack', async (t) => {
  const next = random(seed(t))
  for (let round = 0; round < 5; round++) {
    const lines = Array.from({ length: 200 }, () => {
      return Array.from({ length: 1 + next(6) }, () => PIECES[next(PIECES.length)]).join('')
    })
    const { stderr, code, signal } = await shell(tempDir(t), ['app.db'], { input: lines.join('\n') })
    assert.deepEqual([code, signal], [1, null], stderr)
    assert.doesNotMatch(stderr, /^ +at |TypeError|is not a function|Cannot read|\[object|Warning/m)
  }
})

test('a pipe that is closed early ends it quietly', async (t) => {
  const { spawnSync } = require('node:child_process')
  const { BIN, env } = require('./shell')
  if (process.platform === 'win32') return t.skip('no head')
  const sql = 'WITH c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c LIMIT 3000000) SELECT n FROM c'
  const { stdout, stderr, status } = spawnSync('sh', ['-c', `"${process.execPath}" "${BIN}" :memory: "${sql}" | head -n 2`],
    { encoding: 'utf8', env: env(tempDir(t)), timeout: 60_000 })
  assert.deepEqual([stdout, stderr, status], ['1\n2\n', '', 0])
  // And so does a command that .once writes to: the shell goes on.
  const input = `.once |head -n 1\n${sql};\nSELECT 'after';\n.output |cat\nSELECT 'piped';\n.output\nSELECT 'end';\n`
  const once = await shell(tempDir(t), [], { input })
  assert.deepEqual([once.stdout, once.stderr, once.code], ['1\nafter\npiped\nend\n', '', 0])
})

const TRIGGER = `CREATE TRIGGER tr AFTER INSERT ON t BEGIN
  SELECT 'a;b'; -- end;
  UPDATE t SET a = "end;"; END`

test('statements end where SQLite ends them, however the text is cut into lines', (t) => {
  const list = ["SELECT 'a;''b'", 'SELECT ";", `;`, [;]', TRIGGER, '/* ; */ SELECT 1 -- ;\n', 'EXPLAIN CREATE TEMP TRIGGER x AFTER INSERT ON t BEGIN SELECT 1; END',
    'CREATE TABLE trigger_end (a)', 'SELECT CASE WHEN 1 THEN 2 END', "SELECT '\n;\n'"]
  const expected = list.map((sql) => `${sql};`)
  assert.deepEqual(statements(`${list.join(';\n')};`).map(({ sql }) => sql), expected)
  const next = random(seed(t))
  const text = `${list.join(';')};\n`
  const splitter = new Splitter()
  const found = []
  for (let at = 0; at < text.length;) {
    const end = text.indexOf('\n', at + next(200)) + 1 || text.length
    found.push(...splitter.push(text.slice(at, end)).map(({ sql }) => sql))
    at = end
  }
  assert.deepEqual(found, expected)
  assert.deepEqual(statements(';; -- nothing\n /* nothing */ ;'), [])
  assert.deepEqual(statements('\n\nSELECT 1; SELECT\n 2').map(({ line }) => line), [3, 3])
})
