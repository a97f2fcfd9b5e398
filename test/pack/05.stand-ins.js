'use strict'

// The packages that stand in the place of other drivers, installed from their tarballs.

const assert = require('node:assert/strict')
const { spawnSync } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')
const test = require('node:test')
const { STAND_INS, versionsOf } = require('../../scripts/stand-ins')
const { installed, withoutTools } = require('./project')

let project

test.before(() => {
  ({ project } = installed(Object.keys(STAND_INS)))
})

test.after(() => fs.rmSync(project, { recursive: true, force: true }))

function run (text, file = 'program.js') {
  fs.writeFileSync(path.join(project, file), text)
  const options = { cwd: project, encoding: 'utf8', env: withoutTools(project) }
  const { status, stdout, stderr } = spawnSync(process.execPath, [file], options)
  assert.equal(status, 0, stderr)
  return JSON.parse(stdout)
}

test('versions are those that others ask for, and grow with Ferrolite', () => {
  assert.deepEqual(versionsOf('better-sqlite3', '0.1.0'), ['13.100.1100', '12.100.1100'])
  assert.deepEqual(versionsOf('libsql', '1.2.3'), ['0.5.11203'])
  assert.deepEqual(versionsOf('sqlite3', '0.1.1'), ['5.1.1101'])
})

test('the stand-in of better-sqlite3 has its members and no others', () => {
  const seen = run(`
    const Database = require('better-sqlite3')
    class Mine extends Database {}
    const db = Database(':memory:')
    const stmt = db.prepare('SELECT 6 * 7 AS answer')
    const extra = ['createSession', 'batch', 'rekey', 'on', 'interrupt', 'limits'].filter((name) => name in db)
    console.log(JSON.stringify({
      database: Object.keys(Database.prototype), own: Object.keys(db), extra,
      statement: Object.keys(Object.getPrototypeOf(stmt)), statics: Object.keys(Database),
      row: stmt.get(), source: stmt.source, isOwn: stmt.database === db, transaction: db.transaction((x) => x)(1),
      names: [db.constructor.name, stmt.constructor.name, new Mine(':memory:').constructor.name],
      same: [
        require('better-sqlite3/lib/database') === Database,
        require('better-sqlite3/lib/sqlite-error.js') === Database.SqliteError,
        typeof require('better-sqlite3/linux-x64')
      ]
    }))`)
  assert.deepEqual(seen, {
    database: ['prepare', 'transaction', 'pragma', 'explain', 'backup', 'serialize', 'function', 'aggregate', 'table',
      'loadExtension', 'exec', 'close', 'defaultSafeIntegers', 'unsafeMode'],
    own: ['name', 'open', 'inTransaction', 'readonly', 'memory'],
    extra: [],
    statement: ['run', 'get', 'all', 'iterate', 'bind', 'pluck', 'expand', 'raw', 'safeIntegers', 'columns', 'toString'],
    statics: ['SqliteError'],
    row: { answer: 42 },
    source: 'SELECT 6 * 7 AS answer',
    isOwn: true,
    transaction: 1,
    names: ['Database', 'Statement', 'Mine'],
    same: [true, true, 'function']
  })
})

test('errors say who has called, also without a limit of frames', () => {
  const seen = run(`
    const Database = require('better-sqlite3')
    const frames = [10, Infinity].map((limit) => {
      Error.stackTraceLimit = limit
      function caller () { new Database(':memory:').prepare('SELECT no') }
      try { caller() } catch ({ stack }) { return stack.split('\\n').slice(1, 3).map((line) => line.trim().split(' ')[1]) }
    })
    console.log(JSON.stringify(frames))`)
  assert.deepEqual(seen, [['Database.prepare', 'caller'], ['Database.prepare', 'caller']])
})

test('the stand-in of libsql has its defaults', () => {
  const seen = run(`
    const Database = require('libsql')
    const { connect } = require('libsql/promise')
    const [a, b] = [1, 2].map(() => new Database('file::memory:?cache=shared', { timeout: undefined }))
    a.exec('CREATE TABLE t (x); BEGIN IMMEDIATE')
    const began = Date.now()
    let code
    try { b.exec('BEGIN IMMEDIATE') } catch (error) { ({ code } = error) }
    const quick = Date.now() - began < 4000
    a.exec('COMMIT')
    const numbered = b.prepare('SELECT ?2 AS b, ?1 AS a').get(['x', 'y'])
    const tables = b.prepare('SELECT name FROM sqlite_schema').all()
    const timeouts = [undefined, {}, { timeout: undefined }, { timeout: null }, { timeout: 7 }].map((options) => {
      return new Database(':memory:', options).pragma('busy_timeout', { simple: true })
    })
    connect(':memory:').then(async (db) => {
      const direct = await db.get('SELECT ?2 AS b, ?1 AS a', [1, 2])
      const prepared = await (await db.prepare('SELECT ?1 AS a')).all(['x'])
      await db.close()
      const members = ['batch' in a, 'rekey' in a]
      console.log(JSON.stringify({ code, quick, numbered, tables, timeouts, direct, prepared, members }))
    })`)
  assert.deepEqual(seen, {
    code: 'SQLITE_BUSY',
    quick: true,
    numbered: { a: 'x', b: 'y' },
    tables: [{ name: 't' }],
    direct: { a: 1, b: 2 },
    prepared: [{ a: 'x' }],
    timeouts: [0, 0, 0, 0, 7],
    members: [true, false]
  })
})

test('the stand-in of sqlite3 has its callbacks, errors and events', () => {
  const seen = run(`
    const sqlite3 = require('sqlite3').verbose()
    const db = new sqlite3.Database(':memory:')
    const seen = { changes: [], traces: [] }
    db.on('change', (...change) => seen.changes.push(change))
    db.on('trace', (sql) => seen.traces.push(sql))
    db.serialize(() => {
      db.run('CREATE TABLE t (a INTEGER PRIMARY KEY, b UNIQUE)')
      db.run('INSERT INTO t (b) VALUES (?), ($two)', { 1: 'one', $two: 2 }, function (error) {
        seen.run = [error, this.lastID, this.changes]
      })
      db.run('INSERT INTO t (b) VALUES (?)', 2, ({ errno, code, message }) => { seen.error = { errno, code, message } })
      db.get('SELECT typeof(?) AS i, typeof(?) AS r, typeof(?) AS n, typeof(?) AS b', 1, 1.5, null, Buffer.from('x'), (error, row) => {
        seen.types = [error, row]
      })
      db.all('SELECT b FROM t; SELECT 2', (error, rows) => { seen.rows = [error, rows] })
      db.each('SELECT a FROM t', (error, { a }) => { seen.each = [...(seen.each ?? []), a] }, (error, count) => { seen.count = [error, count] })
      db.get('SELECT "text" AS a, count(*) AS n FROM sqlite_master WHERE type = "table"', (error, row) => {
        seen.quoted = [error, row]
      })
      db.map('SELECT a, b FROM t', (error, map) => { seen.map = map })
      const stmt = db.prepare('SELECT a FROM t')
      const got = []
      for (let i = 0; i < 4; ++i) stmt.get((error, row) => got.push(row?.a ?? null))
      stmt.reset().get((error, row) => { seen.got = [...got, row.a] })
      db.close((error) => { seen.unfinalized = error.code })
      stmt.finalize()
      db.get('SELECT ? AS a', [1, 2], (error) => { seen.range = error.message })
    })
    db.close((error) => {
      seen.closed = error
      console.log(JSON.stringify(seen))
    })`)
  const { traces, ...rest } = seen
  assert.deepEqual(traces.slice(0, 2), [
    'CREATE TABLE t (a INTEGER PRIMARY KEY, b UNIQUE)', "INSERT INTO t (b) VALUES ('one'), (2)"
  ])
  assert.deepEqual(rest, {
    changes: [['insert', 'main', 't', 1], ['insert', 'main', 't', 2]],
    run: [null, 2, 2],
    error: { errno: 19, code: 'SQLITE_CONSTRAINT', message: 'SQLITE_CONSTRAINT: UNIQUE constraint failed: t.b' },
    types: [null, { i: 'integer', r: 'real', n: 'null', b: 'blob' }],
    rows: [null, [{ b: 'one' }, { b: 2 }]],
    each: [1, 2],
    count: [null, 2],
    quoted: [null, { a: 'text', n: 1 }],
    map: { 1: 'one', 2: 2 },
    got: [1, 2, null, null, 1],
    unfinalized: 'SQLITE_BUSY',
    range: 'SQLITE_RANGE: column index out of range',
    closed: null
  })
})

test('import finds the names of the stand-ins', () => {
  const seen = run(`
    import sqlite3, { BUSY, Database, LIMIT_LENGTH, OPEN_READWRITE, VERSION, verbose } from 'sqlite3'
    import BetterSqlite3, { SqliteError } from 'better-sqlite3'
    import Libsql, { Authorization } from 'libsql'
    import { connect } from 'libsql/promise'
    console.log(JSON.stringify([
      BUSY, LIMIT_LENGTH, OPEN_READWRITE, VERSION, verbose() === sqlite3, sqlite3.Database === Database,
      BetterSqlite3.SqliteError === SqliteError, Libsql.Authorization === Authorization, connect.name
    ]))`, 'program.mjs')
  assert.deepEqual(seen, [5, 0, 2, '3.47.0', true, true, true, true, 'connect'])
})
