'use strict'

// What makes no sense: one clear error each, and nothing is changed.

const assert = require('node:assert/strict')
const { open, ours, tempFile, throws } = require('../support')

const CREATE = `CREATE VIRTUAL TABLE t USING diskann(dimension=2, lang TEXT, year INTEGER, score REAL, data BLOB);
  INSERT INTO t(rowid, vector, lang, year) VALUES (1, '[1, 0]', 'en', 2020), (2, '[0, 1]', 'de', 2021)`

const INSERT = 'INSERT INTO t(vector) VALUES (?)'
const INSERT_ID = 'INSERT INTO t(rowid, vector) VALUES (?, ?)'
const UPDATE = 'UPDATE t SET vector = ? WHERE rowid = 1'
const SEARCH = 'SELECT rowid FROM t WHERE vector MATCH ? AND k = ?'
const good = Float32Array.of(1, 1)

const FINITE = 'the numbers of a vector must be finite: no NaN, no infinity'
const ZERO = 'a vector of zeros has no direction: metric=cosine needs one'
const K = 'k must be a whole number above 0'
const JSON_TEXT = 'malformed JSON of a vector: expected an array of numbers, such as [0.5, -1, 2e-3]'

// Of a vector: the same where it is written, and where it is searched for.
const VECTORS = [
  [Float32Array.of(1), 'a vector of dimension 2 has 8 bytes, not 4'],
  [Float64Array.of(1, 2), 'a vector of dimension 2 has 8 bytes, not 16'],
  [Buffer.alloc(7), 'a vector of dimension 2 has 8 bytes, not 7'],
  [Buffer.alloc(0), 'a vector of dimension 2 has 8 bytes, not 0'],
  ['[1]', 'a vector of this table has 2 numbers, not 1'],
  ['[1, 2, 3]', 'a vector of this table has 2 numbers, not 3'],
  ['[]', 'a vector of this table has 2 numbers, not 0'],
  [Float32Array.of(NaN, 1), FINITE],
  [Float32Array.of(1, -Infinity), FINITE],
  ['[1, 1e999]', FINITE],
  [Float32Array.of(0, 0), ZERO],
  ['[0, -0.0]', ZERO],
  ['', JSON_TEXT],
  ['[1, 2', JSON_TEXT],
  ['[1, NaN]', JSON_TEXT],
  ['[1, "2"]', JSON_TEXT],
  ['{"a": 1}', JSON_TEXT],
  ['1, 2', JSON_TEXT],
  [null, 'a vector cannot be NULL'],
  [5, 'a vector is JSON text or a BLOB, not a number'],
  [5n, 'a vector is JSON text or a BLOB, not a number']
]

const CALLS = [
  ...VECTORS.flatMap(([vector, message]) => [
    [INSERT, [vector], message], [UPDATE, [vector], message], [SEARCH, [vector, 1], message]
  ]),
  ...[0, -1, 1.5, null, '1', 'x', 2 ** 63, -(2n ** 63n), NaN, Infinity, Buffer.of(1)].map(k => [SEARCH, [good, k], K]),
  ['SELECT rowid FROM t WHERE k = 1', [], 'k needs a vector to search for: WHERE vector MATCH ? AND k = 10'],
  ['SELECT rowid FROM t WHERE vector MATCH ? AND k > 1', [good], 'k takes the operator = and no other'],
  ['SELECT rowid FROM t WHERE vector MATCH ? AND vector MATCH ?', [good, good], 'MATCH is given twice'],
  [INSERT_ID, [2, good], 'UNIQUE constraint failed: t.rowid'],
  [INSERT_ID, [1.5, good], 'datatype mismatch'],
  [INSERT_ID, ['x', good], 'datatype mismatch'],
  ['UPDATE t SET rowid = 2 WHERE rowid = 1', [], 'UNIQUE constraint failed: t.rowid'],
  ["UPDATE t SET rowid = 'x' WHERE rowid = 1", [], 'datatype mismatch'],
  ['INSERT INTO t(vector, year) VALUES (?, ?)', [good, 'soon'], 'cannot store TEXT value in INTEGER column t.year'],
  ['INSERT INTO t(vector, year) VALUES (?, ?)', [good, 1.5], 'cannot store REAL value in INTEGER column t.year'],
  ['INSERT INTO t(vector, lang) VALUES (?, ?)', [good, Buffer.of(1)], 'cannot store BLOB value in TEXT column t.lang'],
  ['INSERT INTO t(vector, score) VALUES (?, ?)', [good, 'high'], 'cannot store TEXT value in REAL column t.score'],
  ['INSERT INTO t(vector, data) VALUES (?, ?)', [good, 'x'], 'cannot store TEXT value in BLOB column t.data'],
  ['UPDATE t SET year = ? WHERE rowid = 1', ['soon'], 'cannot store TEXT value in INTEGER column t.year'],
  ['INSERT INTO t(vector, distance) VALUES (?, 1)', [good], 'distance cannot be set: it belongs to queries'],
  // The row before the one that is wrong goes too.
  ["INSERT INTO t(vector) VALUES (?), ('[1]')", [good], 'a vector of this table has 2 numbers, not 1'],
  ['CREATE VIRTUAL TABLE u USING diskann(dim=2)', [], /^unknown option "dim" of diskann: there are /],
  ['CREATE VIRTUAL TABLE u USING diskann(dimension=2, dimension=3)', [], 'option dimension is given twice'],
  ['CREATE VIRTUAL TABLE u USING diskann(dimension=2, metric=l2)', [], 'metric must be one of cosine, euclidean, dot, hamming, not "l2"'],
  ...['vector', 'distance', 'k', 'search_list_size', 'rowid'].map(name => [
    `CREATE VIRTUAL TABLE u USING diskann(dimension=2, ${name} TEXT)`, [], `a column cannot be named "${name}": diskann has one of that name`
  ])
]

async function everything (db) {
  const read = async sql => (await db.prepare(sql)).raw().all()
  return [
    await read('SELECT rowid, vector_to_json(vector), lang, year, score, data FROM t'),
    await read('SELECT name FROM sqlite_schema ORDER BY name')
  ]
}

async function refused (db, [sql, parameters, message]) {
  await throws(async () => {
    const stmt = await db.prepare(sql)
    return await (stmt.reader ? stmt.all(...parameters) : stmt.run(...parameters))
  }, error => {
    assert.equal(error.name, 'SqliteError', sql)
    if (message instanceof RegExp) assert.match(error.message, message)
    else assert.equal(error.message, message, `${sql}: ${parameters.join(', ')}`)
    return true
  })
}

ours('what makes no sense is refused, and nothing is changed', async t => {
  const db = open(t, tempFile(t))
  await db.exec(CREATE)
  const before = await everything(db)
  for (const begin of [false, true]) {
    if (begin) await db.exec('BEGIN')
    for (const call of CALLS) {
      await refused(db, call)
      assert.equal(db.inTransaction, begin, call[0])
      assert.deepEqual(await everything(db), before, call[0])
    }
    if (begin) await db.exec('COMMIT')
    await db.exec("INSERT INTO t(t) VALUES ('verify')")
    assert.equal(await db.pragma('integrity_check', { simple: true }), 'ok')
  }
  assert.deepEqual(await (await db.prepare(SEARCH)).all(good, 10), [{ rowid: 1 }, { rowid: 2 }])
})

ours('numbers that the element has no room for are refused', async t => {
  const db = open(t)
  for (const [element, vector, message] of [
    ['f16', '[1, 70000]', '70000 is too large for element=f16'],
    ['f16', Float32Array.of(1, 70000), '70000 is too large for element=f16'],
    ['int8', '[1, 128]', '128 is not a whole number from -128 to 127, as element=int8 has'],
    ['int8', '[1, 0.5]', '0.5 is not a whole number from -128 to 127, as element=int8 has']
  ]) {
    await db.exec(`CREATE VIRTUAL TABLE e USING diskann(dimension=2, element=${element})`)
    await refused(db, ['INSERT INTO e(vector) VALUES (?)', [vector], message])
    assert.deepEqual(await (await db.prepare('SELECT count(*) AS n FROM e')).all(), [{ n: 0 }])
    await db.exec('DROP TABLE e')
  }
})
