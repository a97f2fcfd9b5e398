'use strict'

// Every message of docs/guides/troubleshooting.md, and every code of docs/guides/errors.md that can
// be made here: what they are said to be.

const assert = require('node:assert/strict')
const fs = require('node:fs')
const path = require('node:path')
const test = require('node:test')
const Database = require('../..')
const { connect } = require('../../promise')
const { cleanup, tempDir } = require('../support')

const GUIDES = path.join(__dirname, '..', '..', 'docs', 'guides')
const read = (name) => fs.readFileSync(path.join(GUIDES, name), 'utf8').replaceAll('\r\n', '\n')
const firstCells = (name) => [...read(name).matchAll(/^\| `([^`]+)`/gm)].map(([, cell]) => cell)

const SCHEMA = `CREATE TABLE user (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, age INTEGER CHECK (age >= 0));
  CREATE TABLE login (user INTEGER REFERENCES user (id)); INSERT INTO user (name) VALUES ('Ada');
  CREATE TRIGGER no BEFORE DELETE ON user BEGIN SELECT RAISE(ABORT, 'users stay'); END;
  CREATE TABLE typed (a INTEGER) STRICT`

// Each makes the error; `db` has the schema, `file` is its name.
const MESSAGES = {
  'database is locked': ({ db, file }) => {
    db.exec('BEGIN IMMEDIATE')
    new Database(file, { timeout: 0 }).exec('BEGIN IMMEDIATE')
  },
  'database table is locked': ({ db }) => {
    db.unsafeMode()
    const rows = db.prepare('SELECT * FROM user').iterate()
    rows.next()
    try {
      db.exec('DROP TABLE login')
    } finally {
      rows.return()
    }
  },
  'This database connection is busy executing a query': ({ db }) => {
    for (const { id } of db.prepare('SELECT id FROM user').iterate()) db.run('UPDATE user SET age = 1 WHERE id = ?', id)
  },
  'The database connection is not open': ({ db }) => { db.close(); db.get('SELECT 1') },
  'no such table: users': ({ db }) => db.all('SELECT * FROM users'),
  'no such column: "Ada" - should this be a string literal in single-quotes?': ({ db }) => db.all('SELECT * FROM user WHERE name = "Ada"'),
  'near "order": syntax error': ({ db }) => db.all('SELECT * FROM order'),
  'UNIQUE constraint failed: user.name': ({ db }) => db.run("INSERT INTO user (name) VALUES ('Ada')"),
  'NOT NULL constraint failed: user.name': ({ db }) => db.run('INSERT INTO user (age) VALUES (1)'),
  'FOREIGN KEY constraint failed': ({ db }) => db.run('INSERT INTO login VALUES (99)'),
  'CHECK constraint failed: age >= 0': ({ db }) => db.run('UPDATE user SET age = -1'),
  'datatype mismatch': ({ db }) => db.run("INSERT INTO user (id, name) VALUES ('a', 'b')"),
  'cannot store TEXT value in INTEGER column typed.a': ({ db }) => db.run("INSERT INTO typed VALUES ('x')"),
  'attempt to write a readonly database': ({ file }) => new Database(file, { readonly: true }).exec('DELETE FROM login'),
  'Cannot open database because the directory does not exist': () => new Database('missing/app.db'),
  'unable to open database file': ({ folder }) => new Database(folder),
  'file is not a database': ({ folder }) => {
    fs.writeFileSync(path.join(folder, 'text.db'), 'no database, '.repeat(100))
    new Database(path.join(folder, 'text.db')).exec('SELECT * FROM sqlite_schema')
  },
  'database disk image is malformed': ({ db, folder }) => {
    const bytes = db.serialize()
    bytes.fill(0xff, 4096, 4200)
    fs.writeFileSync(path.join(folder, 'bad.db'), bytes)
    new Database(path.join(folder, 'bad.db')).all('SELECT * FROM user')
  },
  'SQLite3 can only bind numbers, strings, bigints, buffers, and null': ({ db }) => db.get('SELECT ?', true),
  'Too few parameter values were provided': ({ db }) => db.get('SELECT ?, ?', 1),
  'Too many parameter values were provided': ({ db }) => db.get('SELECT ?', 1, 2),
  'Missing named parameter "name"': ({ db }) => db.get('SELECT :name', { Name: 1 }),
  'This statement does not return data. Use run() instead': ({ db }) => db.get('UPDATE user SET age = 1'),
  'The supplied SQL string contains more than one statement': ({ db }) => db.prepare('SELECT 1; SELECT 2'),
  'Transaction function cannot return a promise': ({ db }) => db.transaction(async () => {})(),
  'The transaction function ended before its calls did (is an await missing?)': ({ other }) => other.transaction(async () => { other.run('DELETE FROM login') })(),
  'cannot start a transaction within a transaction': ({ db }) => db.exec('BEGIN; BEGIN'),
  'cannot commit - no transaction is active': ({ db }) => db.exec('COMMIT'),
  'Misspelled option "readOnly" should be "readonly"': ({ file }) => new Database(file, { readOnly: true }),
  interrupted: ({ db }) => db.get('WITH c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT max(n) FROM c', { timeout: 20 }),
  'string or blob too big': ({ db }) => db.get('SELECT zeroblob(2000000000)'),
  'Cannot connect to the server at 127.0.0.1:1': () => new Database('http://127.0.0.1:1').get('SELECT 1')
}

const CODES = {
  SQLITE_ERROR: 'no such table: users',
  SQLITE_BUSY: 'database is locked',
  SQLITE_LOCKED: 'database table is locked',
  SQLITE_READONLY: 'attempt to write a readonly database',
  SQLITE_INTERRUPT: 'interrupted',
  SQLITE_CORRUPT: 'database disk image is malformed',
  SQLITE_CANTOPEN: 'unable to open database file',
  SQLITE_TOOBIG: 'string or blob too big',
  SQLITE_CONSTRAINT_UNIQUE: 'UNIQUE constraint failed: user.name',
  SQLITE_CONSTRAINT_PRIMARYKEY: ({ db }) => db.run("INSERT INTO user (id, name) VALUES (1, 'Bob')"),
  SQLITE_CONSTRAINT_NOTNULL: 'NOT NULL constraint failed: user.name',
  SQLITE_CONSTRAINT_FOREIGNKEY: 'FOREIGN KEY constraint failed',
  SQLITE_CONSTRAINT_CHECK: 'CHECK constraint failed: age >= 0',
  SQLITE_CONSTRAINT_TRIGGER: ({ db }) => db.run('DELETE FROM user'),
  SQLITE_CONSTRAINT_DATATYPE: 'cannot store TEXT value in INTEGER column typed.a',
  SQLITE_MISMATCH: 'datatype mismatch',
  SQLITE_NOTADB: 'file is not a database',
  SQLITE_BUSY_SNAPSHOT: ({ db, file }) => {
    const other = new Database(file)
    db.exec('PRAGMA journal_mode = WAL; BEGIN; SELECT * FROM user')
    db.get('SELECT * FROM user')
    other.run("INSERT INTO user (name) VALUES ('Bob')")
    db.run("INSERT INTO user (name) VALUES ('Cyd')")
  },
  ABORT_ERR: ({ other }) => other.get('SELECT 1', { signal: AbortSignal.abort() }),
  REMOTE_UNREACHABLE: 'Cannot connect to the server at 127.0.0.1:1'
}
// Those are made by other tests: of servers, full disks, stores.
const ELSEWHERE = ['SQLITE_FULL', 'SQLITE_IOERR', 'SQLITE_NOMEM', 'REMOTE_TIMEOUT', 'REMOTE_AUTH', 'REMOTE_TLS', 'REMOTE_STATUS', 'REMOTE_PROTOCOL',
  'STREAM_EXPIRED', 'TRANSACTION_TIMEOUT', 'RESPONSE_TOO_LARGE', 'SYNC_REPLICA', 'SYNC_CONFLICT', 'KV_FENCED']

async function errorOf (t, make) {
  const folder = tempDir(t)
  const file = path.join(folder, 'app.db')
  const db = new Database(file)
  cleanup(t, () => db.close())
  db.exec(SCHEMA)
  const other = await connect(file)
  cleanup(t, () => other.close())
  try {
    await make({ db, file, folder, other })
  } catch (error) {
    return error
  }
  assert.fail('nothing was thrown')
}

for (const message of firstCells('troubleshooting.md')) {
  test(`message: ${message}`, async (t) => {
    const error = await errorOf(t, MESSAGES[message])
    assert.ok(error.message.startsWith(message), error.message)
  })
}

test('every message that is tested is on the page', () => {
  assert.deepEqual(firstCells('troubleshooting.md').sort(), Object.keys(MESSAGES).sort())
})

for (const code of Object.keys(CODES)) {
  test(`code: ${code}`, async (t) => {
    const make = typeof CODES[code] === 'string' ? MESSAGES[CODES[code]] : CODES[code]
    assert.equal((await errorOf(t, make)).code, code)
  })
}

test('every code that is tested is on the page', () => {
  assert.deepEqual(firstCells('errors.md').sort(), [...Object.keys(CODES), ...ELSEWHERE].sort())
})
