'use strict'

const assert = require('node:assert/strict')
const fs = require('node:fs')
const { PROMISES, needs, open, ours, tempFile, isSqliteError, throws } = require('../support')

const CREATE = 'CREATE VIRTUAL TABLE t USING diskann(dimension=2, metric=euclidean, lang TEXT, year INTEGER)'
const NEAREST = 'SELECT rowid, distance FROM t WHERE vector MATCH ? AND k = ?'

async function all (db, sql, ...parameters) {
  return (await db.prepare(sql)).raw().all(...parameters)
}

async function setup (t, place = tempFile(t), options) {
  const db = open(t, place, options)
  await db.exec(CREATE)
  const insert = await db.prepare('INSERT INTO t(rowid, vector, lang, year) VALUES (?, ?, ?, ?)')
  await insert.run(1, '[0, 0]', 'en', 2020)
  await insert.run(2, Float32Array.of(3, 4), 'de', 2021)
  await insert.run(3, Buffer.from(Float32Array.of(6, 8).buffer), 'en', null)
  return db
}

ours('vectors are JSON, a Float32Array or a Buffer, and k is any whole number', async t => {
  const db = await setup(t)
  for (const vector of ['[0, 0]', new Float32Array(2), Buffer.alloc(8)]) {
    assert.deepEqual(await all(db, NEAREST, vector, 2), [[1, 0], [2, 5]])
  }
  assert.deepEqual(await all(db, NEAREST, '[6, 8]', 10n), [[3, 0], [2, 5], [1, 10]])
  // A view of a part of a buffer is that part.
  const part = new Float32Array([9, 9, 3, 4, 9]).subarray(2, 4)
  assert.deepEqual(await all(db, NEAREST, part, 1), [[2, 0]])
  const [[vector]] = await all(db, 'SELECT vector FROM t WHERE rowid = 2')
  assert.deepEqual(vector, Buffer.from(Float32Array.of(3, 4).buffer))
})

ours('other elements take their typed arrays', async t => {
  const db = open(t)
  for (const [element, metric, vectors] of [
    ['f16', 'euclidean', [Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8), '[1,2,3,4,5,6,7,9]']],
    ['int8', 'euclidean', [Int8Array.of(1, 2, 3, 4, 5, 6, 7, 8), '[1,2,3,4,5,6,7,9]']],
    ['bit', 'hamming', [Uint8Array.of(255), '[1,1,1,1,1,1,1,0]']]
  ]) {
    await db.exec(`CREATE VIRTUAL TABLE ${element} USING diskann(dimension=8, element=${element}, metric=${metric})`)
    const insert = await db.prepare(`INSERT INTO ${element}(vector) VALUES (?)`)
    for (const vector of vectors) await insert.run(vector)
    const sql = `SELECT rowid, distance FROM ${element} WHERE vector MATCH ? AND k = 9`
    assert.deepEqual(await all(db, sql, vectors[0]), [[1, 0], [2, 1]], element)
  }
})

ours('what is wrong has one clear error, and nothing is changed', async t => {
  const db = await setup(t)
  for (const [sql, parameters, message] of [
    ['INSERT INTO t(vector) VALUES (?)', [Float32Array.of(1)], 'a vector of dimension 2 has 8 bytes, not 4'],
    ['INSERT INTO t(vector) VALUES (?)', [Float32Array.of(NaN, 1)], 'the numbers of a vector must be finite: no NaN, no infinity'],
    ['INSERT INTO t(vector) VALUES (?)', ['[1,'], 'malformed JSON of a vector: expected an array of numbers, such as [0.5, -1, 2e-3]'],
    ['INSERT INTO t(vector) VALUES (?)', [null], 'a vector cannot be NULL'],
    [NEAREST, ['[1,1]', 0], 'k must be a whole number above 0'],
    [NEAREST, ['[1,1]', 1.5], 'k must be a whole number above 0'],
    [NEAREST, ['[1,1]', '3'], 'k must be a whole number above 0']
  ]) {
    const statement = await db.prepare(sql)
    const call = statement.reader ? 'all' : 'run'
    await throws(async () => statement[call](...parameters), isSqliteError('SQLITE_ERROR', message))
  }
  const insert = await db.prepare('INSERT INTO t(rowid, vector) VALUES (?, ?)')
  await throws(async () => insert.run(2, '[1, 1]'), isSqliteError('SQLITE_CONSTRAINT_ROWID', 'UNIQUE constraint failed: t.rowid'))
  assert.deepEqual(await all(db, NEAREST, '[0, 0]', 9), [[1, 0], [2, 5], [3, 10]])
})

ours('a transaction that is rolled back leaves no vector behind', async t => {
  const db = await setup(t)
  const insert = await db.prepare('INSERT INTO t(vector) VALUES (?)')
  const work = db.transaction(async () => {
    await insert.run('[1, 0]')
    assert.equal((await all(db, NEAREST, '[0, 0]', 9)).length, 4)
    throw new Error('no')
  })
  const begun = PROMISES
    ? work
    : async () => {
      await db.exec('BEGIN')
      await insert.run('[1, 0]')
      assert.equal((await all(db, NEAREST, '[0, 0]', 9)).length, 4)
      await db.exec('ROLLBACK')
      throw new Error('no')
    }
  await assert.rejects(begun(), { message: 'no' })
  assert.deepEqual(await all(db, NEAREST, '[0, 0]', 9), [[1, 0], [2, 5], [3, 10]])
  const { lastInsertRowid } = await insert.run('[1, 0]')
  assert.equal(lastInsertRowid, 4)
})

needs('locks between connections', ours)('other connections, backups, images and encrypted files have the vectors', async t => {
  const place = tempFile(t)
  const db = await setup(t, place)
  await db.pragma('journal_mode = WAL')
  const reader = open(t, place, { readonly: true })
  assert.deepEqual(await all(reader, NEAREST, '[0, 0]', 1), [[1, 0]])
  await db.exec('DELETE FROM t WHERE rowid = 1')
  assert.deepEqual(await all(reader, NEAREST, '[0, 0]', 1), [[2, 5]])
  const copy = tempFile(t)
  await db.backup(copy)
  const image = open(t, await db.serialize())
  for (const other of [open(t, copy), image]) {
    assert.deepEqual(await all(other, NEAREST, '[0, 0]', 9), [[2, 5], [3, 10]])
    assert.equal(await other.pragma('integrity_check', { simple: true }), 'ok')
  }
  const secret = await setup(t, tempFile(t), { encryptionKey: 'secret' })
  const again = open(t, secret.name, { encryptionKey: 'secret' })
  assert.deepEqual(await all(again, NEAREST, '[0, 0]', 1), [[1, 0]])
  assert.equal(fs.readFileSync(secret.name).includes('diskann'), false)
})

needs('option readers', ours)('readers of the promise API search beside a writer', async t => {
  if (!PROMISES) return t.skip('the sync API has no readers')
  const place = tempFile(t)
  const db = await setup(t, place, { readers: 2 })
  await db.pragma('journal_mode = WAL')
  const search = await db.prepare(NEAREST)
  const found = await Promise.all(Array.from({ length: 40 }, (_, i) => search.raw().all(`[${i % 2 ? '0, 0' : '6, 8'}]`, 1)))
  found.forEach((rows, i) => assert.deepEqual(rows, [i % 2 ? [1, 0] : [3, 0]]))
  await db.exec("UPDATE t SET vector = '[0, 0.5]' WHERE rowid = 3; DELETE FROM t WHERE rowid = 1")
  const after = await Promise.all(Array.from({ length: 8 }, () => search.raw().all('[0, 0]', 1)))
  for (const rows of after) assert.deepEqual(rows, [[3, 0.5]])
})

ours('update listeners and authorizers see the table, not what it is kept in', async t => {
  const db = await setup(t)
  const seen = []
  db.on('update', change => seen.push(change.table))
  await db.exec('CREATE TABLE o(a)')
  await db.exec("BEGIN; INSERT INTO o VALUES (1); INSERT INTO t(vector) VALUES ('[1, 1]'); DELETE FROM t WHERE rowid = 1; COMMIT")
  assert.deepEqual(seen.filter(table => table.startsWith('t_')), [])
})

ours('changes that a session has recorded beside a vector table are applied by a filter', async t => {
  const db = await setup(t)
  await db.exec('CREATE TABLE o(a INTEGER PRIMARY KEY)')
  const other = open(t, await db.serialize())
  const session = await db.createSession()
  await db.exec("INSERT INTO o VALUES (1); INSERT INTO t(vector) VALUES ('[1, 1]'); DELETE FROM t WHERE rowid = 1")
  const changes = await session.changeset()
  await session.close()
  await throws(async () => other.applyChangeset(changes), isSqliteError('SQLITE_ERROR'))
  await other.applyChangeset(changes, { filter: name => name === 'o' })
  assert.deepEqual(await all(other, 'SELECT * FROM o'), [[1]])
  assert.deepEqual(await all(other, NEAREST, '[0, 0]', 9), [[1, 0], [2, 5], [3, 10]])
  assert.equal(await other.pragma('integrity_check', { simple: true }), 'ok')
})

ours('a matrix is loaded and queried in one call', async t => {
  const db = open(t)
  await db.exec('CREATE VIRTUAL TABLE t USING diskann(dimension=2, metric=euclidean)')
  const matrix = Float32Array.of(0, 1, 0, 2, 0, 3)
  await (await db.prepare('INSERT INTO t(rowid, vector) SELECT rowid + 1, vector FROM vector_each(?, 2)')).run(matrix)
  assert.deepEqual(
    await all(db, 'SELECT q.rowid, t.rowid FROM vector_each(?, ?) q, t WHERE t.vector MATCH q.vector AND t.k = 1', matrix, 2),
    [[0, 1], [1, 2], [2, 3]]
  )
  assert.deepEqual(await all(db, 'SELECT vector_to_json(vector) FROM t'), [['[0,1]'], ['[0,2]'], ['[0,3]']])
})
