'use strict'

const assert = require('node:assert/strict')
const { needs, open, syncOnly, test } = require('../support')

function setup (t) {
  return open(t).exec('CREATE TABLE entries (a TEXT, b INTEGER, c BLOB)')
}

test('toString() is the source of a statement without parameters', async t => {
  const db = await setup(t)
  const stmt = await db.prepare('SELECT * FROM entries -- comment')
  assert.equal(stmt.toString(), 'SELECT * FROM entries -- comment')
  assert.equal(stmt.toString(), stmt.source)
})

test('toString() is the source until parameters are bound', async t => {
  const db = await setup(t)
  const stmt = await db.prepare('SELECT * FROM entries WHERE a = ? AND b = ?')
  assert.equal(stmt.toString(), stmt.source)
})

test('toString() ignores the values of a call', async t => {
  const db = await (await setup(t)).exec("INSERT INTO entries (a, b) VALUES ('foobar', 1), ('foobar', 2)")
  const stmt = await db.prepare('SELECT b FROM entries WHERE a = ?')
  const seen = []
  for await (const { b } of stmt.iterate('foobar')) seen.push(b, stmt.toString())
  assert.deepEqual(seen, [1, stmt.source, 2, stmt.source])
  await stmt.get('foobar')
  assert.equal(stmt.toString(), stmt.source)
})

needs('expanded SQL', syncOnly)('toString() has the values of bound parameters', t => {
  const db = setup(t)
  assert.equal(db.prepare('SELECT * FROM entries WHERE a = ? AND b = ?').bind('foo', 25).toString(),
    "SELECT * FROM entries WHERE a = 'foo' AND b = 25.0")
  assert.equal(db.prepare('SELECT @a, $b, :c').bind({ a: 1n, b: "it's", c: 0.5 }).toString(), "SELECT 1, 'it''s', 0.5")
  assert.equal(db.prepare('INSERT INTO entries VALUES (?, ?, ?)').bind(null, 25, Buffer.from([0xde, 0xad])).toString(),
    "INSERT INTO entries VALUES (NULL, 25.0, x'dead')")
})

test('toString() of bind() without parameters is the source', async t => {
  const db = await setup(t)
  const stmt = (await db.prepare('SELECT 555')).bind()
  assert.equal(stmt.toString(), 'SELECT 555')
})

needs('expanded SQL', syncOnly)('toString() is the source again once the database is closed', t => {
  const db = setup(t)
  const stmt = db.prepare('SELECT * FROM entries WHERE a = ?').bind('foobar')
  assert.equal(stmt.toString(), "SELECT * FROM entries WHERE a = 'foobar'")
  db.close()
  assert.equal(stmt.toString(), 'SELECT * FROM entries WHERE a = ?')
})

needs('expanded SQL', syncOnly)('toString() is what makes a string of a statement', t => {
  const db = setup(t)
  const stmt = db.prepare('SELECT ?')
  assert.deepEqual([String(stmt), `${stmt}`, '' + stmt], ['SELECT ?', 'SELECT ?', 'SELECT ?'])
  stmt.bind(25)
  assert.deepEqual([String(stmt), `${stmt}`, '' + stmt], ['SELECT 25.0', 'SELECT 25.0', 'SELECT 25.0'])
})

needs('expanded SQL', syncOnly)('long bound values are cut', t => {
  const db = setup(t)
  assert.equal(db.prepare('SELECT ?').bind('x'.repeat(100)).toString(), `SELECT '${'x'.repeat(32)}'/*+68 bytes*/`)
})

needs('functions in what writes')('toString() can be asked for inside a user function', async t => {
  const db = await setup(t)
  const stmt = (await db.prepare('SELECT ?')).bind(5)
  const seen = []
  await db.function('f', () => { seen.push(stmt.source) })
  await db.exec('SELECT f()')
  assert.deepEqual(seen, ['SELECT ?'])
})
