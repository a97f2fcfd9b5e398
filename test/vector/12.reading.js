'use strict'

// Searches that go on while rows change: by the same connection, by another one, and by readers.

const assert = require('node:assert/strict')
const { PROMISES, open, ours, oursSyncOnly, isSqliteError, tempFile, throws } = require('../support')

const STREAM = "SELECT rowid, distance, tag FROM t WHERE vector MATCH '[0]' ORDER BY distance"
const ROWS = 500

// With a graph, if `least` rows are there.
async function setup (t, least, options) {
  const place = tempFile(t)
  const db = open(t, place, options)
  await db.pragma('journal_mode = WAL')
  await db.unsafeMode(true)
  await db.exec(`CREATE VIRTUAL TABLE t USING diskann(dimension=1, metric=euclidean, tag TEXT);
    INSERT INTO t_config VALUES ('least_rows', ${least});
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT ${ROWS})
    INSERT INTO t(rowid, vector, tag) SELECT i, '[' || i || ']', 'old' FROM n`)
  await db.unsafeMode(false)
  return { db, place }
}

const CHANGES = `DELETE FROM t WHERE rowid % 2 = 0;
  UPDATE t SET vector = '[7777]', tag = 'new' WHERE rowid % 3 = 0;
  INSERT INTO t(rowid, vector, tag) VALUES (9001, '[0.5]', 'new');
  INSERT INTO t(t) VALUES ('rebuild'); INSERT INTO t(t) VALUES ('optimize')`

function isOld (rows) {
  const ids = rows.map(row => row.rowid).sort((a, b) => a - b)
  assert.deepEqual(ids, Array.from({ length: ROWS }, (_, i) => i + 1))
  for (const { rowid, distance, tag } of rows) assert.deepEqual([distance, tag], [rowid, 'old'])
}

async function isWhole (db) {
  await db.exec("INSERT INTO t(t) VALUES ('verify')")
  assert.equal(await db.pragma('integrity_check', { simple: true }), 'ok')
}

for (const least of [100, 100000]) {
  const kind = least < ROWS ? 'with a graph' : 'without a graph'

  ours(`a stream ${kind} stays as it began while another connection writes`, async t => {
    const { db, place } = await setup(t, least)
    const writer = open(t, place)
    const rows = []
    const stmt = await db.prepare(STREAM)
    for await (const row of stmt.iterate()) {
      rows.push(row)
      if (rows.length === 3) await writer.exec(CHANGES)
      if (rows.length === 200) await writer.exec("DELETE FROM t; INSERT INTO t(t) VALUES ('merge')")
    }
    isOld(rows)
    assert.deepEqual(await stmt.all(), [])
    await isWhole(db)
  })

  oursSyncOnly(`a stream ${kind} stays as it began while its own connection writes`, async t => {
    const { db } = await setup(t, least)
    db.unsafeMode(true)
    const rows = []
    for (const row of db.prepare(STREAM).iterate()) {
      rows.push(row)
      if (rows.length === 3) db.exec(CHANGES)
      if (rows.length === 100) {
        assert.throws(() => db.exec('DROP TABLE t'), isSqliteError('SQLITE_LOCKED', 'database table is locked'))
      }
      if (rows.length === 200) db.exec('BEGIN; DELETE FROM t WHERE rowid < 50; ROLLBACK')
    }
    isOld(rows)
    assert.equal(db.prepare('SELECT min(rowid) AS id FROM t').get().id, 1)
    await isWhole(db)
  })
}

ours('two readers of the promise API search and stream while a writer writes', async t => {
  if (!PROMISES) return t.skip('the sync API has no readers')
  const { db } = await setup(t, 100, { readers: 2, timeout: 30000 })
  await db.exec('CREATE TABLE p (id INTEGER PRIMARY KEY); INSERT INTO p SELECT rowid FROM t')
  // A statement is one snapshot.
  const whole = `SELECT count(*) AS found, count(DISTINCT t.rowid) AS ids, count(p.id) AS known, (SELECT count(*) FROM p) AS there
    FROM t LEFT JOIN p ON p.id = t.rowid WHERE t.vector MATCH '[5]' AND t.k = 100000`
  const writer = { isDone: false }
  const search = async () => {
    let count = 0
    for (; !writer.isDone || count < 3; ++count) {
      const { found, ids, known, there } = await db.get(whole)
      assert.deepEqual([found, ids, known], [there, there, there])
    }
  }
  const stream = async () => {
    for (let count = 0; !writer.isDone || count < 3; ++count) {
      let last = -1
      const ids = new Set()
      for await (const { rowid, distance } of db.iterate(STREAM)) {
        assert.ok(distance >= last && !ids.has(rowid), `row ${rowid} at ${distance}, after ${last}`)
        last = distance
        ids.add(rowid)
      }
      assert.ok(ids.size > 0)
    }
  }
  const reading = Promise.all([search(), search(), stream(), stream()])
  reading.catch(() => {})
  const write = db.transaction(async round => {
    const from = 10000 + round * 100
    await db.run(`WITH RECURSIVE n(i) AS (SELECT ${from} UNION ALL SELECT i + 1 FROM n LIMIT 60)
      INSERT INTO t(rowid, vector, tag) SELECT i, '[' || (i % 777) || ']', 'new' FROM n`)
    await db.run(`INSERT INTO p SELECT rowid FROM t WHERE rowid >= ${from}`)
    await db.run('DELETE FROM t WHERE rowid % 40 = ?', round)
    await db.run('DELETE FROM p WHERE id % 40 = ?', round)
    if (round % 5 === 4) await db.run("INSERT INTO t(t) VALUES ('rebuild')")
  })
  for (let round = 0; round < 15; ++round) await write(round)
  writer.isDone = true
  await reading
  await isWhole(db)
})

ours('a trigger feeds a table that nested transactions have made', async t => {
  const db = open(t, tempFile(t))
  await db.exec('CREATE TABLE doc (id INTEGER PRIMARY KEY, v TEXT)')
  const ids = async () => (await (await db.prepare("SELECT rowid FROM t WHERE vector MATCH '[0]' AND k = 9")).raw().all()).flat()
  const sql = id => `INSERT INTO doc VALUES (${id}, '[${id}]')`
  const check = list => { if (list.length > 2) throw new RangeError('too many') }
  const add = PROMISES
    ? db.transaction(async (...list) => {
      for (const id of list) await db.exec(sql(id))
      check(list)
    })
    : db.transaction((...list) => {
      for (const id of list) db.exec(sql(id))
      check(list)
    })
  const create = `CREATE VIRTUAL TABLE t USING diskann(dimension=1, metric=euclidean);
    CREATE TRIGGER fed AFTER INSERT ON doc BEGIN INSERT INTO t(rowid, vector) VALUES (new.id, new.v); END`
  const whole = PROMISES
    ? db.transaction(async () => {
      await db.exec(create)
      await add(1, 2)
      await assert.rejects(add(3, 4, 5), RangeError)
      await add(6)
      assert.deepEqual(await ids(), [1, 2, 6])
    })
    : db.transaction(() => {
      db.exec(create)
      add(1, 2)
      assert.throws(() => add(3, 4, 5), RangeError)
      add(6)
    })
  await whole()
  assert.deepEqual(await ids(), [1, 2, 6])
  await throws(async () => db.exec("INSERT INTO doc VALUES (7, '[7]'), (8, '[]')"), isSqliteError('SQLITE_ERROR'))
  assert.deepEqual(await ids(), [1, 2, 6])
  await isWhole(db)
})
