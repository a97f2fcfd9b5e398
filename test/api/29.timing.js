'use strict'

const assert = require('node:assert/strict')
const { PROMISES, collect, isSqliteError, open, ours, throws, typeError } = require('../support')

ours('timing() has run() and get() tell how long they took', async t => {
  const db = await open(t).exec('CREATE TABLE t (a)')
  const insert = await db.prepare('INSERT INTO t VALUES (?)')
  assert.deepEqual(Object.keys(await insert.run(1)), ['changes', 'lastInsertRowid'])
  assert.equal(insert.timing(), insert)
  const { duration, ...info } = await insert.run(2)
  assert.deepEqual(info, { changes: 1, lastInsertRowid: 2 })
  assert.ok(duration > 0 && duration < 10, String(duration))
  assert.deepEqual(Object.keys(await insert.timing(false).run(3)), ['changes', 'lastInsertRowid'])

  const read = (await db.prepare('SELECT a FROM t WHERE a = ?')).timing()
  const row = await read.get(1)
  assert.ok(row._metadata.duration > 0)
  assert.deepEqual([row, Object.keys(row), JSON.stringify(row)], [{ a: 1 }, ['a'], '{"a":1}'])
  assert.equal(await read.get(5), undefined)
  assert.deepEqual(await read.all(1), [{ a: 1 }])
  assert.ok((await read.raw().get(1))._metadata.duration > 0)
  assert.equal(await read.pluck().get(1), 1)
  assert.equal((await read.pluck(false).timing(false).get(1))._metadata, undefined)
  if (PROMISES) assert.ok((await insert.timing().with({ timeout: 60000 }).run(4)).duration > 0)
  const named = (await db.prepare('SELECT 1 AS _metadata')).timing()
  assert.deepEqual(await named.get(), { _metadata: 1 })
  await typeError(() => insert.timing(1))
})

ours('run, get, all and iterate of a database take SQL, parameters and options', async t => {
  const db = await open(t).exec('CREATE TABLE t (a)')
  const limit = { timeout: 60000 }
  assert.deepEqual(await db.run('INSERT INTO t VALUES (?), (?)', 1, 2), { changes: 2, lastInsertRowid: 2 })
  assert.deepEqual(await db.run('INSERT INTO t VALUES (@a)', { a: 3 }, limit), { changes: 1, lastInsertRowid: 3 })
  assert.deepEqual(await db.get('SELECT a FROM t WHERE a = ?', [2], { queryTimeout: 60000 }), { a: 2 })
  assert.deepEqual(await db.all('SELECT a FROM t WHERE a > ?', 1, limit), [{ a: 2 }, { a: 3 }])
  assert.deepEqual(await db.all('SELECT a FROM t LIMIT 1', undefined, limit), [{ a: 1 }])
  assert.deepEqual(await collect(db.iterate('SELECT a FROM t WHERE a < :b', { b: 3 }, limit)), [{ a: 1 }, { a: 2 }])
  await typeError(() => db.get('DELETE FROM t'))
  await typeError(() => db.get(5))
  await throws(() => db.get('nonsense'), isSqliteError('SQLITE_ERROR', 'near "nonsense": syntax error'))
})
