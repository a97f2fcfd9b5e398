'use strict'

const assert = require('node:assert/strict')
const { collect, needs, open, openAsync, ours, test } = require('../support')

const TYPES = [Uint8Array, Buffer, Float64Array, DataView]

function over (Type, buffer, offset, length) {
  return Type === Buffer ? Buffer.from(buffer, offset, length) : new Type(buffer, offset, length)
}

function detach (view) {
  structuredClone(view.buffer, { transfer: [view.buffer] })
  return view
}

/** Views that have no bytes any more, by what was done to them. */
function emptyViews () {
  const views = []
  for (const Type of TYPES) {
    views.push([`detached ${Type.name}`, detach(over(Type, new ArrayBuffer(64), 8, 4))])
    for (const length of [4, undefined]) {
      const view = over(Type, new ArrayBuffer(64, { maxByteLength: 128 }), 32, length)
      view.buffer.resize?.(16)
      // Before Node.js 21, buffers of some flags do not resize.
      if (view.buffer.byteLength === 16) views.push([`${Type.name} beyond its buffer`, view])
    }
  }
  return views
}

/** A view of `text` whose own properties say something else, and run `code` when they are asked. */
function hostile (Type, text, code) {
  const bytes = Buffer.from(text)
  const { buffer } = new Uint8Array(bytes)
  const view = over(Type, buffer, 0, text.length / (Type.BYTES_PER_ELEMENT ?? 1))
  const names = ['buffer', 'byteOffset', 'byteLength', 'length', 'constructor']
  for (const name of [...names, Symbol.toStringTag, Symbol.iterator]) {
    Object.defineProperty(view, name, { get () { return code(name) } })
  }
  return view
}

test('a view without bytes is an empty blob, wherever it is bound', async t => {
  const db = open(t)
  const plain = (await db.prepare('SELECT ?')).pluck()
  const named = (await db.prepare('SELECT @a')).pluck()
  for (const [name, view] of emptyViews()) {
    const empty = Buffer.alloc(0)
    assert.deepEqual(await plain.get(view), empty, name)
    assert.deepEqual(await plain.get([view]), empty, name)
    assert.deepEqual(await plain.all(view), [empty], name)
    assert.deepEqual(await collect(plain.iterate(view)), [empty], name)
    assert.deepEqual(await named.get({ a: view }), empty, name)
    const bound = (await db.prepare('SELECT ?')).pluck()
    await bound.bind(view)
    assert.deepEqual(await bound.get(), empty, name)
    const batch = await db.batch([['SELECT ? AS a', [view]], { sql: 'SELECT @a AS a', args: { a: view } }])
    assert.deepEqual(batch.map(({ rows }) => rows[0].a), [empty, empty], name)
  }
})

needs('applyChangeset()', ours)('a view without bytes is an empty blob as a result, a cell of a table, and a changeset', async t => {
  const db = open(t)
  let view
  await db.function('give', () => view)
  await db.aggregate('last_of', { start: null, step: (last, x) => view })
  await db.table('cells', { columns: ['v'], * rows () { yield [view]; yield { v: view } } })
  for ([, view] of emptyViews()) {
    const empty = Buffer.alloc(0)
    assert.deepEqual(await (await db.prepare('SELECT give(), last_of(1)')).raw().get(), [empty, empty])
    assert.deepEqual(await (await db.prepare('SELECT v FROM cells')).pluck().all(), [empty, empty])
  }
  const changes = detach(new Uint8Array(8))
  assert.equal(await db.applyChangeset(changes), true)
})

needs('table()', ours)('rows of a table keep their bytes when its generator uses the memory again', async t => {
  const db = open(t)
  await db.table('again', {
    columns: ['v'],
    * rows () {
      const bytes = Buffer.alloc(2)
      for (let i = 0; i < 5; ++i) yield [bytes.fill(i)]
    }
  })
  const all = await (await db.prepare('SELECT v FROM again')).pluck().all()
  assert.deepEqual(all, [0, 1, 2, 3, 4].map(i => Buffer.alloc(2, i)))
})

test('no getter of a view is asked when it is bound', async t => {
  const db = open(t)
  const stmt = await db.prepare('SELECT ?, ?')
  const long = 'x'.repeat(20_000)
  for (const Type of TYPES) {
    const asked = []
    const code = name => {
      asked.push(name)
      // What is bound meanwhile would be where the first text is.
      const other = stmt.get('B'.repeat(20_000), null)
      other?.catch?.(() => {})
      return 1
    }
    const view = hostile(Type, 'AAAAAAAA', code)
    const rows = [
      await stmt.raw().get(long, view), await stmt.raw().get([long, view]),
      await (await db.prepare('SELECT @a, @b')).raw().get({ a: long, b: view })
    ]
    for (const row of rows) assert.deepEqual(row, [long, Buffer.from('AAAAAAAA')])
    assert.deepEqual(asked, [])
  }
  assert.deepEqual(await stmt.raw().get(1, 2), [1, 2])
})

test('an array with a map() and a species of its own is its values', async t => {
  const db = open(t)
  class List extends Array {
    static get [Symbol.species] () { throw new Error('species') }
    map () { throw new Error('map') }
    * [Symbol.iterator] () { throw new Error('iterator') }
  }
  const list = List.of(1, Buffer.from('ab'))
  assert.deepEqual(await (await db.prepare('SELECT ?, ?')).raw().get(list), [1, Buffer.from('ab')])
  const [{ rows }] = await db.batch([{ sql: 'SELECT ? AS a, ? AS b', args: list }])
  assert.deepEqual(rows, [{ a: 1, b: Buffer.from('ab') }])
})

test('what is bound to a call stays as it was when it was made', async t => {
  const db = open(t)
  await db.exec('CREATE TABLE kept (v)')
  const bytes = Buffer.from('before')
  const iterator = (await db.prepare('SELECT ?')).pluck().iterate(bytes)
  bytes.fill('x')
  assert.deepEqual(await collect(iterator), [Buffer.from('before')])
  const list = [['INSERT INTO kept VALUES (?)', [bytes]], ['INSERT INTO kept VALUES (?)', bytes]]
  const call = db.batch(list)
  bytes.fill('y')
  await call
  assert.deepEqual(await (await db.prepare('SELECT v FROM kept')).pluck().all(), [Buffer.from('xxxxxx'), Buffer.from('xxxxxx')])
})

needs('promises', ours)('a call that waits for a transaction keeps its bytes', async t => {
  const db = openAsync(t)
  await db.exec('CREATE TABLE kept (v)')
  const insert = await db.prepare('INSERT INTO kept VALUES (?)')
  const given = new Uint8Array(1000).fill(7)
  let go
  const started = new Promise(resolve => { go = resolve })
  const done = db.transaction(async () => {
    go()
    await new Promise(resolve => setImmediate(resolve))
    await db.exec('SELECT 1')
  })()
  await started
  const call = insert.run(given)
  detach(given)
  await Promise.all([done, call])
  assert.deepEqual(await (await db.prepare('SELECT v FROM kept')).pluck().get(), Buffer.alloc(1000, 7))
})
