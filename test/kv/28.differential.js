'use strict'

// Random programs give the same rows, errors and changes on a file, in a store that answers at
// once, in one that returns promises, and on resident databases of both.

const assert = require('node:assert/strict')
const test = require('node:test')
const { connect } = require('../../promise')
const { mapStore } = require('../../stores/map')
const { Database, random, seed, tempFile } = require('../support')

const PROGRAMS = Number(process.env.TEST_KV_PROGRAMS) || 6
const OPERATIONS = 150

function later () {
  const own = mapStore()
  const store = {}
  for (const name of ['get', 'getBatch', 'put', 'putBatch', 'deleteBatch', 'putIfAbsent']) {
    store[name] = async (...args) => own[name](...args)
  }
  return store
}

/** The same database in each place; all but the first are compared with it. */
async function places (t, options) {
  const resident = { ...options, mode: 'resident' }
  const all = {
    file: new Database(tempFile(t)),
    'a store': new Database('a', { store: mapStore(), ...options }),
    'a store with promises': await connect('a', { store: later(), ...options }),
    'resident in a store': new Database('a', { store: mapStore(), ...resident }),
    'resident in a store with promises': await connect('a', { store: later(), ...resident })
  }
  return Object.entries(all)
}

/** One statement, and how it is called. */
function operation (pick) {
  const table = `t${pick(3)}`
  const id = pick(60)
  const size = [5, 300, 3000, 30000][pick(20) === 0 ? 3 : pick(3)]
  const text = `printf('%.*c', ${size}, 'x') || ${id}`
  const statements = [
    ['run', `INSERT INTO ${table} (id, x) VALUES (${id}, ${text})`],
    ['run', `INSERT OR REPLACE INTO ${table} (id, x) VALUES (${id}, ${text})`],
    ['run', `INSERT OR IGNORE INTO ${table} (id, x) SELECT id + 7, x FROM t${pick(3)}`],
    ['run', `UPDATE ${table} SET x = ${text} WHERE id % ${1 + pick(5)} = 0`],
    ['run', `DELETE FROM ${table} WHERE id > ${id}`],
    ['run', `DELETE FROM ${table}`],
    ['all', `SELECT id, length(x) AS n FROM ${table} ORDER BY id`],
    ['get', `SELECT count(*) AS n, total(length(x)) AS s FROM ${table}`],
    ['exec', `CREATE TABLE IF NOT EXISTS ${table} (id INTEGER PRIMARY KEY, x UNIQUE)`],
    ['exec', `CREATE TABLE ${table} (id INTEGER PRIMARY KEY, x UNIQUE)`],
    ['exec', `DROP TABLE ${table}`],
    ['exec', `CREATE INDEX i${pick(3)} ON ${table} (length(x))`],
    ['exec', 'BEGIN'], ['exec', 'COMMIT'], ['exec', 'ROLLBACK'],
    ['exec', 'SAVEPOINT s'], ['exec', 'RELEASE s'], ['exec', 'ROLLBACK TO s'],
    ['exec', 'VACUUM'],
    ['exec', `PRAGMA user_version = ${id}`],
    ['get', 'PRAGMA user_version'],
    ['all', 'SELECT name, sql FROM sqlite_schema ORDER BY name']
  ]
  const weights = [...Array(5).fill(0), ...Array(4).fill(1), 2, 3, 3, 4, 4]
  const at = pick(2) === 0 ? weights[pick(weights.length)] : pick(statements.length)
  return statements[at]
}

async function outcome (db, [method, sql]) {
  try {
    const result = await db[method](sql)
    return method === 'exec' ? { inTransaction: db.inTransaction } : { result, inTransaction: db.inTransaction }
  } catch ({ name, code, message }) {
    return { name, code, message, inTransaction: db.inTransaction }
  }
}

test('random programs see the same in every place', async t => {
  const first = seed(t)
  for (let program = 0; program < PROGRAMS; program++) {
    const pick = random(first + program)
    const options = { pageSize: [512, 1024, 4096, 8192][pick(4)], maxQueuedBytes: 1 << 30 }
    const all = await places(t, options)
    const [[, file], ...others] = all
    const queue = [['exec', 'CREATE TABLE t0 (id INTEGER PRIMARY KEY, x UNIQUE); CREATE TABLE t1 (id INTEGER PRIMARY KEY, x UNIQUE)']]
    while (queue.length < OPERATIONS) queue.push(operation(pick))
    queue.push(['exec', 'COMMIT'], ['get', 'PRAGMA integrity_check'])
    for (const [at, step] of queue.entries()) {
      const expected = await outcome(file, step)
      for (const [place, db] of others) {
        assert.deepEqual(await outcome(db, step), expected, `TEST_SEED=${first + program}, step ${at} in ${place}: ${step}`)
        if (pick(10) === 0) await db.flush()
      }
    }
    for (const [, db] of all) await db.close()
  }
})
