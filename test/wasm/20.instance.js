'use strict'

// What is particular to an instance: its memory grows, it can trap, and there may be several.

const assert = require('node:assert/strict')
const Database = require('../..')
const { engine, wasm } = require('./support')

wasm('memory that grows in the middle of a read leaves the rows as they are', t => {
  const own = engine()
  const db = new Database(':memory:', { nativeBinding: own })
  t.after(() => db.close())
  db.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, a, b)')
  const insert = db.prepare('INSERT INTO t VALUES (?, ?, ?)')
  for (let id = 0; id < 300; ++id) insert.run(id, `text ${id}`, id / 2)
  db.exec('CREATE TABLE large (a)')
  const grow = db.prepare('INSERT INTO large VALUES (zeroblob(2000000))')
  const side = new Database(':memory:', { nativeBinding: own })
  t.after(() => side.close())
  // Inside a function, while rows are in the block.
  db.function('grow', id => {
    if (id % 50 === 0) side.prepare('SELECT length(?)').get('x'.repeat(3000000))
    return id + 1
  })
  const expected = Array.from({ length: 300 }, (_, id) => ({ id, a: `text ${id}`, b: id / 2, c: id + 1 }))
  assert.deepEqual(db.prepare('SELECT id, a, b, grow(id) AS c FROM t ORDER BY id').all(), expected)
  for (let i = 0; i < 20; ++i) grow.run()
  assert.deepEqual(db.prepare('SELECT count(*), sum(length(a)) FROM large').raw().get(), [20, 40000000])
  assert.deepEqual(db.prepare('SELECT id, a, b, grow(id) AS c FROM t ORDER BY id').all(), expected)
})

wasm('a trap is one error, ends the instance, and no other', t => {
  const [first, second] = [engine(), engine()]
  const db = new Database(':memory:', { nativeBinding: first })
  const other = new Database(':memory:', { nativeBinding: second })
  t.after(() => other.close())
  const stmt = db.prepare('SELECT 1')
  const { byteLength } = Buffer
  // What the instance asks for the length of a long text.
  Buffer.byteLength = () => { throw new Error('no length') }
  try {
    assert.throws(() => db.prepare(`SELECT ${' '.repeat(1000)} 1`), error => {
      assert.equal(error.code, 'ERR_FERROLITE_WASM')
      assert.match(error.message, /^Internal error in Ferrolite: please report it \(WASM: no length\)/)
      return true
    })
  } finally {
    Buffer.byteLength = byteLength
  }
  for (const call of [() => stmt.get(), () => db.prepare('SELECT 1'), () => db.exec('SELECT 1')]) {
    assert.throws(call, { code: 'ERR_FERROLITE_WASM' })
  }
  assert.equal(first.isBroken(), true)
  assert.equal(second.isBroken(), false)
  assert.equal(other.prepare('SELECT 1').pluck().get(), 1)
})

wasm('what was thrown in a function goes through frames of the instance', t => {
  const own = engine()
  const [db, inner] = [0, 1].map(() => new Database(':memory:', { nativeBinding: own }))
  t.after(() => { db.close(); inner.close() })
  const mine = new Error('mine')
  inner.function('fail', () => { throw mine })
  db.function('nested', () => inner.prepare('SELECT fail()').get())
  assert.throws(() => db.prepare('SELECT nested()').get(), error => error === mine)
  assert.equal(db.prepare('SELECT 1').pluck().get(), 1)
})
