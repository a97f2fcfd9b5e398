'use strict'

const assert = require('node:assert/strict')
const { BUSY, needs, open, rangeError, sqliteError, syncOnly, test, typeError } = require('../support')

function setup (t) {
  return open(t).exec('CREATE TABLE entries (a TEXT, b INTEGER)')
}

test('explain() of anything but a string is a TypeError', async t => {
  const db = await setup(t)
  const message = 'Expected first argument to be a string'
  for (const args of [[], [123], [0], [null], [undefined],
    [{}]]) await typeError(() => db.explain(...args), message)
  await typeError(() => db.explain(new String('SELECT 1')), message) // eslint-disable-line no-new-wrappers
})

test('explain() of invalid SQL is an SqliteError', async t => {
  const db = await setup(t)
  await sqliteError(() => db.explain('SELECT * FROM missing'), 'SQLITE_ERROR', 'no such table: missing')
  await sqliteError(() => db.explain('CREATE TABLE t (a'), 'SQLITE_ERROR', 'incomplete input')
  await sqliteError(() => db.explain(''), 'SQLITE_ERROR', 'incomplete input')
})

test('explain() of two statements is a RangeError', async t => {
  const db = await setup(t)
  await rangeError(() => db.explain('SELECT 1; SELECT 2'), 'The supplied SQL string contains more than one statement')
})

test('explain() returns the program as rows', async t => {
  const db = await setup(t)
  const program = await db.explain('SELECT * FROM entries')
  for (const [i, row] of program.entries()) {
    assert.deepEqual(Object.keys(row), ['addr', 'opcode', 'p1', 'p2', 'p3', 'p4', 'p5', 'comment'])
    assert.equal(row.addr, i)
    assert.equal(typeof row.opcode, 'string')
  }
  const opcodes = program.map(row => row.opcode)
  assert.deepEqual([opcodes[0], opcodes.includes('OpenRead'), opcodes.includes('ResultRow'), opcodes.includes('Halt')],
    ['Init', true, true, true])
})

test('explain() needs no values for parameters', async t => {
  const db = await setup(t)
  await rangeError(async () => (await db.prepare('EXPLAIN SELECT * FROM entries WHERE a = ?')).all(), 'Too few parameter values were provided')
  const has = (program, opcode) => program.some(row => row.opcode === opcode)
  assert.equal(has(await db.explain('SELECT * FROM entries WHERE a = ?'), 'Variable'), true)
  assert.equal(has(await db.explain('SELECT * FROM entries WHERE a = ? AND b = @b AND a <> :c'), 'Variable'), true)
})

test('explain() of QUERY PLAN returns the plan', async t => {
  const db = await setup(t)
  const plan = await db.explain('QUERY PLAN SELECT * FROM entries WHERE a = ?')
  assert.deepEqual(plan.map(row => Object.keys(row)), [['id', 'parent', 'notused', 'detail']])
  assert.equal(plan[0].detail, 'SCAN entries')
})

test('explain() runs nothing', async t => {
  const db = await setup(t)
  await db.explain('INSERT INTO entries VALUES (1, 2)')
  await db.explain('DROP TABLE entries')
  assert.deepEqual(await (await db.prepare('SELECT * FROM entries')).all(), [])
})

needs('functions in what writes', syncOnly)('explain() is allowed while iterating and blocked inside a user function', t => {
  const db = setup(t)
  for (const value of db.prepare('SELECT 5').pluck().iterate()) {
    assert.equal(value, 5)
    assert.equal(db.explain('SELECT 1')[0].opcode, 'Init')
  }
  db.function('f', () => { typeError(() => db.explain('SELECT 1'), BUSY) })
  db.exec('SELECT f()')
})
