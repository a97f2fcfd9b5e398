'use strict'

// Vector tables in a store that fails, or ends, at any of its calls, before it has done what it was
// asked or after: they are as a plain table of the same transactions, and what was acknowledged is
// there.
// `TEST_FAULTS` is how many calls there are from one that fails to the next, `TEST_SEED` says where
// they begin.

const assert = require('node:assert/strict')
const { mapStore } = require('../../stores/map')
const { Database, cleanup, ours } = require('../support')

const EACH = Number(process.env.TEST_FAULTS ?? 8)
const SEED = Number(process.env.TEST_SEED ?? Date.now() % 1e6)

// Rows come, go and change; the graph is built, merged, built anew and made smaller.
const insert = (from, to) => `WITH RECURSIVE n(i) AS (SELECT ${from} UNION ALL SELECT i + 1 FROM n WHERE i < ${to})
  INSERT INTO {t}({id}, vector, n) SELECT i, vector_of(i), i % 5 FROM n`
const STEPS = [
  insert(1, 40),
  insert(41, 70),
  'DELETE FROM {t} WHERE {id} % 7 = 0',
  insert(71, 71),
  'UPDATE {t} SET vector = vector_of(500), n = 9 WHERE {id} % 9 = 0',
  `SAVEPOINT s; ${insert(100, 160)}; ROLLBACK TO s; ${insert(200, 230)}; RELEASE s`,
  '*rebuild',
  'DELETE FROM {t} WHERE {id} > 30',
  '*optimize',
  insert(300, 340),
  '*merge'
]

class Failing {
  calls = 0
  #values = new Map()
  #is = () => false
  #isDone = false

  /** The calls for whose number `is` is true fail, after they are done or without. */
  fail (is, isDone) {
    this.#is = is
    this.#isDone = isDone
  }

  /** Another object over the same values. */
  store () {
    const store = mapStore(this.#values)
    for (const name of ['get', 'getBatch', 'put', 'putBatch', 'deleteBatch', 'putIfAbsent', 'list']) {
      const call = store[name]
      store[name] = (...args) => {
        const fails = this.#is(this.calls++)
        const answer = fails && !this.#isDone ? undefined : call(...args)
        if (fails) throw new Error('the store is gone')
        return answer
      }
    }
    return store
  }
}

function open (t, failing) {
  const db = new Database('a', { store: failing.store() })
  cleanup(t, () => { try { db.close() } catch {} })
  db.function('vector_of', { deterministic: true }, i => JSON.stringify([i % 13, i % 7, i, 1]))
  return db
}

function create (db) {
  db.unsafeMode(true)
  db.exec(`BEGIN; CREATE VIRTUAL TABLE t USING diskann(dimension=4, metric=euclidean, n INTEGER);
    INSERT INTO t_config VALUES ('least_rows', 30); INSERT INTO t(t) VALUES ('threads=1');
    CREATE TABLE p (id INTEGER PRIMARY KEY, vector TEXT, n INTEGER);
    CREATE TABLE done (n INTEGER); INSERT INTO done VALUES (0); COMMIT`)
  db.unsafeMode(false)
}

function step (db, number) {
  const sql = STEPS[number]
  const tables = [['t', 'rowid'], ['p', 'id']]
  const both = sql.startsWith('*')
    ? `INSERT INTO t(t) VALUES ('${sql.slice(1)}')`
    : tables.map(([table, id]) => sql.replaceAll('{t}', table).replaceAll('{id}', id)).join(';')
  db.exec(`BEGIN; ${both}; UPDATE done SET n = ${number + 1}; COMMIT`)
}

/** Which steps are done, if the table is as the plain one. */
function check (db) {
  const plain = db.all('SELECT id, vector, n FROM p ORDER BY id')
  assert.deepEqual(db.all('SELECT rowid AS id, vector_to_json(vector) AS vector, n FROM t ORDER BY rowid'), plain)
  const { found } = db.get("SELECT count(DISTINCT rowid) AS found FROM t WHERE vector MATCH '[1, 2, 3, 4]' AND k = 1000 AND n >= 0")
  assert.equal(found, plain.length)
  db.exec("INSERT INTO t(t) VALUES ('verify')")
  assert.equal(db.pragma('integrity_check', { simple: true }), 'ok')
  return db.get('SELECT n FROM done').n
}

const hasTables = db => db.get("SELECT count(*) AS n FROM sqlite_schema WHERE name = 'done'").n === 1

/** All steps, as far as they go: how many were acknowledged, -1 if not even the tables. */
function run (t, failing) {
  let number = -1
  let db
  try {
    db = open(t, failing)
    create(db)
    for (number = 0; number < STEPS.length; ++number) {
      // What others have written is read.
      if (number % 3 === 2) db.pragma('kv_flush')
      if (number % 2 === 1) db = open(t, failing)
      step(db, number)
    }
  } catch (error) {
    assert.match(error.message, /the store is gone/)
  }
  return { db, acknowledged: number }
}

/** `goOn` gives the connection that is looked at after the fault. */
function sweep (t, fails, goOn) {
  const whole = new Failing()
  const { acknowledged } = run(t, whole)
  assert.equal(acknowledged, STEPS.length)
  console.log(`TEST_SEED=${SEED} TEST_FAULTS=${EACH}: ${whole.calls} calls`)
  for (const isDone of [false, true]) {
    for (let at = SEED % EACH; at < whole.calls; at += EACH) {
      const context = `call ${at} of ${whole.calls}, ${isDone ? 'done' : 'not done'}`
      const failing = new Failing()
      failing.fail(number => fails(number, at), isDone)
      const { db: last, acknowledged } = run(t, failing)
      failing.fail(() => false)
      const db = goOn(last, failing)
      if (!hasTables(db)) {
        assert.equal(acknowledged, -1, context)
        continue
      }
      const done = check(db)
      assert.ok(done === acknowledged || done === acknowledged + 1, `${context}: ${acknowledged} acknowledged, ${done} done`)
      for (let number = done; number < STEPS.length; ++number) step(db, number)
      assert.equal(check(db), STEPS.length, context)
    }
  }
}

ours('a store that ends at any call keeps the vectors that were acknowledged', t => {
  sweep(t, (number, at) => number >= at, (_, failing) => open(t, failing))
})

ours('a call of a store that fails undoes its transaction, and the connection goes on', t => {
  sweep(t, (number, at) => number === at, (db, failing) => {
    if (db === undefined) return open(t, failing)
    if (db.inTransaction) db.exec('ROLLBACK')
    return db
  })
})
