'use strict'

const assert = require('node:assert/strict')
const { BUSY, CLOSED, needs, open, ours, syncOnly, test, typeError } = require('../support')

function setup (t) {
  return open(t).exec('CREATE TABLE entries (a TEXT, b INTEGER, c WHATthe)')
}

const of = (name, column = name, type = null, table = 'entries', database = 'main') => ({ name, column, table, database, type })
const expression = name => ({ name, column: null, table: null, database: null, type: null })

test('columns() of a statement that returns no data is a TypeError', async t => {
  const db = await setup(t)
  await typeError(async () => (await db.prepare('INSERT INTO entries VALUES (?, ?, ?)')).columns(),
    'The columns() method is only for statements that return data')
})

needs('origins of columns')('columns() describes columns of tables and expressions', async t => {
  const db = await setup(t)
  assert.deepEqual((await db.prepare('SELECT 5.0 AS d, * FROM entries')).columns(),
    [expression('d'), of('a', 'a', 'TEXT'), of('b', 'b', 'INTEGER'), of('c', 'c', 'WHATthe')])
  assert.deepEqual((await db.prepare('SELECT a, c AS b, b FROM entries')).columns(),
    [of('a', 'a', 'TEXT'), of('b', 'c', 'WHATthe'), of('b', 'b', 'INTEGER')])
})

needs('origins of columns')('columns() of views, subqueries and attached databases lead to their table', async t => {
  const db = await setup(t)
  await db.exec("ATTACH ':memory:' AS other; CREATE TABLE other.t (x REAL); CREATE VIEW v AS SELECT a AS z FROM entries")
  assert.deepEqual((await db.prepare('SELECT z, x, (SELECT max(b) FROM entries) AS m FROM v, other.t AS alias')).columns(),
    [of('z', 'a', 'TEXT'), of('x', 'x', 'REAL', 't', 'other'), expression('m')])
})

test('columns() of RETURNING and of a pragma', async t => {
  const db = await setup(t)
  assert.deepEqual((await db.prepare('DELETE FROM entries RETURNING a AS gone, 1 AS one')).columns().map(column => column.name), ['gone', 'one'])
  assert.deepEqual((await db.prepare('PRAGMA user_version')).columns(), [expression('user_version')])
})

needs('origins of columns')('columns() is that of the new schema after the statement was recompiled', async t => {
  const db = await setup(t)
  const stmt = await db.prepare('SELECT * FROM entries')
  assert.equal(stmt.columns().length, 3)
  await db.exec('ALTER TABLE entries ADD COLUMN d FOOBAR')
  await stmt.get()
  assert.deepEqual(stmt.columns(), [of('a', 'a', 'TEXT'), of('b', 'b', 'INTEGER'), of('c', 'c', 'WHATthe'), of('d', 'd', 'FOOBAR')])
})

const afterwards = name => [of('a', 'a', 'TEXT'), of('b', 'b', 'INTEGER'), of('c', 'c', 'WHATthe'), of(name, name, 'NEW')]

needs('origins of columns')('columns() is of the last execution, whichever it was and whatever it gave', async t => {
  const db = await setup(t)
  const calls = {
    get: stmt => stmt.get(),
    all: stmt => stmt.all(),
    run: stmt => stmt.run(),
    iterate: stmt => stmt.iterate().next()
  }
  for (const [name, call] of Object.entries(calls)) {
    for (const sql of ['SELECT * FROM entries', 'DELETE FROM entries RETURNING *']) {
      const stmt = await db.prepare(sql)
      const before = stmt.columns()
      await db.exec(`ALTER TABLE entries ADD COLUMN "${name}" NEW`)
      assert.deepEqual(stmt.columns(), before)
      await call(stmt)
      assert.deepEqual(stmt.columns(), afterwards(name), `${name}() of ${sql}`)
      await db.exec(`ALTER TABLE entries DROP COLUMN "${name}"`)
    }
  }
})

test('columns() of a wide result, and of names that are long', async t => {
  const db = await setup(t)
  for (const [count, length] of [[1, 100_000], [2000, 5], [2000, 60]]) {
    const names = Array.from({ length: count }, (_, i) => `${i}${'\u00e9'.repeat(length)}`)
    const stmt = await db.prepare(`SELECT ${names.map((name, i) => `${i} AS "${name}"`).join()}`)
    assert.deepEqual(stmt.columns(), names.map(expression))
    assert.deepEqual(await stmt.raw().get(), names.map((_, i) => i))
  }
})

needs('function()')('columns() needs no parameters and runs nothing', async t => {
  const db = await setup(t)
  await db.function('f', () => { throw new Error('was run') })
  assert.deepEqual((await db.prepare('SELECT f() AS x, ? AS y')).columns(), [expression('x'), expression('y')])
})

needs('origins of columns')('columns() returns new objects each time', async t => {
  const db = await setup(t)
  const stmt = await db.prepare('SELECT a FROM entries')
  const columns = stmt.columns()
  columns[0].name = 'mine'
  columns.push(1)
  assert.deepEqual(stmt.columns(), [of('a', 'a', 'TEXT')])
  assert.equal(Object.getPrototypeOf(columns[0]), Object.prototype)
})

needs('origins of columns')('columns() does not depend on the mode', async t => {
  const db = await setup(t)
  const stmt = await db.prepare('SELECT a FROM entries')
  for (const mode of ['raw', 'pluck', 'expand']) assert.deepEqual(stmt[mode]().columns(), [of('a', 'a', 'TEXT')])
})

ours('columns() of a database that is closed is a TypeError', async t => {
  const db = await setup(t)
  const stmt = await db.prepare('SELECT a FROM entries')
  await db.close()
  await typeError(() => stmt.columns(), CLOSED)
})

needs('functions in what writes', syncOnly)('columns() is blocked inside a user function and after close()', t => {
  const db = setup(t)
  const stmt = db.prepare('SELECT a FROM entries')
  db.function('f', () => { typeError(() => stmt.columns(), BUSY) })
  db.exec('SELECT f()')
  db.close()
  typeError(() => stmt.columns(), CLOSED)
})

test('names with quotes, line ends and other letters', async t => {
  const db = await setup(t)
  const names = ['', ' ', '"', "'", '\n', '\\', '\u2028', '\u00e9\u6570\u{1f600}', 'constructor', '`${x}`'] // eslint-disable-line no-template-curly-in-string
  const stmt = await db.prepare(`SELECT ${names.map((name, i) => `${i} AS "${name.replaceAll('"', '""')}"`).join()}`)
  assert.deepEqual(stmt.columns().map(column => column.name), names)
  assert.deepEqual(await stmt.get(), Object.fromEntries(names.map((name, i) => [name, i])))
})
