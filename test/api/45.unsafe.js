'use strict'

const assert = require('node:assert/strict')
const {
  BUSY, child, Database, exited, open, ours, oursSyncOnly, sqliteError, syncOnly, tempFile,
  test, typeError
} = require('../support')

function setup (t) {
  return open(t, tempFile(t)).exec('CREATE TABLE foo (x)')
}

syncOnly('writes are blocked while iterating by default', t => {
  const db = setup(t)
  const write = db.prepare('INSERT INTO foo VALUES (0)')
  let rows = 0
  for (const row of db.prepare('SELECT 5 AS five').iterate()) {
    rows += row.five
    typeError(() => write.run(), BUSY)
    typeError(() => db.exec('SELECT 5'), BUSY)
    typeError(() => db.pragma('cache_size'), BUSY)
  }
  assert.equal(rows, 5)
})

test('unsafeMode() allows writes while iterating', async t => {
  const db = await setup(t)
  const write = await db.prepare('INSERT INTO foo VALUES (?)')
  assert.equal(await db.unsafeMode(), db)
  for await (const x of (await db.prepare('SELECT 5 UNION SELECT 6')).pluck().iterate()) {
    await write.run(x)
    await db.exec('SELECT 5')
    assert.deepEqual(await db.pragma('cache_size'), [{ cache_size: -16000 }])
  }
  assert.deepEqual(await (await db.prepare('SELECT x FROM foo')).pluck().all(), [5, 6])
})

syncOnly('unsafeMode() does not allow what is unsafe for the process', t => {
  const db = setup(t).unsafeMode()
  const stmt = db.prepare('SELECT 5')
  const iterator = stmt.iterate()
  typeError(() => db.close(), BUSY)
  typeError(() => stmt.get(), 'This statement is busy executing a query')
  typeError(() => db.function('f', () => {}), BUSY)
  iterator.return()
  db.function('f', () => { typeError(() => db.exec('SELECT 1'), BUSY); return 5 })
  assert.equal(db.prepare('SELECT f()').pluck().get(), 5)
})

test('defensive mode is on by default', async t => {
  const db = await setup(t)
  await db.pragma('journal_mode = OFF')
  await db.pragma('writable_schema = ON')
  assert.equal(await db.pragma('journal_mode', { simple: true }), 'delete')
  await sqliteError(() => db.exec("UPDATE sqlite_master SET name = 'bar' WHERE name = 'foo'"), 'SQLITE_ERROR',
    'table sqlite_master may not be modified')
})

test('unsafeMode() switches defensive mode off, and on again', async t => {
  const db = await (await setup(t)).unsafeMode()
  await db.pragma('journal_mode = OFF')
  await db.pragma('writable_schema = ON')
  assert.equal(await db.pragma('journal_mode', { simple: true }), 'off')
  const rename = "UPDATE sqlite_master SET name = 'bar' WHERE name = 'foo'"
  await db.exec(rename)
  await db.unsafeMode(false)
  await sqliteError(() => db.exec(rename), 'SQLITE_ERROR', 'table sqlite_master may not be modified')
  await db.unsafeMode(true)
  await db.exec(rename)
})

test('unsafeMode() takes a strict boolean', async t => {
  const db = await setup(t)
  for (const value of [undefined, null, 1, 'x']) {
    await typeError(() => db.unsafeMode(value), 'Expected first argument to be a boolean')
  }
})

test('shadow tables of FTS5 cannot be written to by default', async t => {
  const db = await (await setup(t)).exec('CREATE VIRTUAL TABLE f USING fts5(a)')
  await sqliteError(() => db.exec('DELETE FROM f_data'), 'SQLITE_ERROR', 'table f_data may not be modified')
  await (await db.unsafeMode()).exec('DELETE FROM f_data')
})

test('SQL cannot load extensions, not even after PRAGMA or in unsafe mode', async t => {
  const db = await (await setup(t)).unsafeMode()
  for (const sql of ["SELECT load_extension('x')", "SELECT load_extension('x', 'y')"]) {
    await sqliteError(async () => (await db.prepare(sql)).get(), 'SQLITE_ERROR')
  }
})

test('SQL has no functions that read or write files', async t => {
  const db = await setup(t)
  for (const name of ['readfile', 'writefile', 'lsmode', 'edit', 'fts3_tokenizer']) {
    await sqliteError(async () => (await db.prepare(`SELECT ${name}('/etc/passwd')`)).get(), 'SQLITE_ERROR')
  }
  for (const table of ['fsdir', 'zipfile']) {
    await sqliteError(async () => (await db.prepare(`SELECT * FROM ${table}('/')`)).all(), 'SQLITE_ERROR')
  }
})

test('double-quoted strings are names, in queries and in the schema', async t => {
  const db = await setup(t)
  await sqliteError(() => db.prepare('SELECT "nothing"'), 'SQLITE_ERROR')
  await sqliteError(() => db.exec('CREATE INDEX i ON foo ("nothing")'), 'SQLITE_ERROR')
})

ours('functions that are not marked innocuous do not run from a hostile schema when it is not trusted', async t => {
  const db = await setup(t)
  await db.function('f', { directOnly: true }, () => 5)
  await db.exec('CREATE VIEW v AS SELECT f() AS x')
  await sqliteError(async () => (await db.prepare('SELECT x FROM v')).get(), 'SQLITE_ERROR', 'unsafe use of f()')
  await db.pragma('trusted_schema = OFF')
  await db.function('g', () => 6)
  await db.exec('CREATE VIEW w AS SELECT g() AS x')
  await sqliteError(async () => (await db.prepare('SELECT x FROM w')).get(), 'SQLITE_ERROR', 'unsafe use of g()')
})

// better-sqlite3 13.2 throws an EvalError at the first get().
oursSyncOnly('rows come out when the process forbids code from strings', async () => {
  const result = exited(await child(() => {
    const db = new Database(':memory:')
    db.exec("CREATE TABLE t (a, b); INSERT INTO t VALUES (1, 'x'), (2.5, NULL)")
    const stmt = db.prepare('SELECT a, b, 3 AS c FROM t')
    process.stdout.write(JSON.stringify([stmt.get(), stmt.all(), [...stmt.iterate()],
      stmt.raw().all(), stmt.pluck().all(),
      stmt.expand().all()]))
  }, { execArgv: ['--disallow-code-generation-from-strings'] }))
  const rows = [{ a: 1, b: 'x', c: 3 }, { a: 2.5, b: null, c: 3 }]
  assert.deepEqual(JSON.parse(result.stdout), [rows[0], rows, rows,
    rows.map(row => Object.values(row)), [1, 2.5],
    rows.map(({ a, b, c }) => ({ t: { a, b }, $: { c } }))])
})

oursSyncOnly('rows come out in a context of vm that forbids code from strings', t => {
  const vm = require('node:vm')
  const context = vm.createContext({ db: open(t) }, {
    codeGeneration: {
      strings: false,
      wasm: false
    }
  })
  assert.equal(vm.runInContext('db.prepare("SELECT 5 AS a, 6 AS b").get().b', context), 6)
})
