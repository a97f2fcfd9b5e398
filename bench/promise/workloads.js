'use strict'

// The workloads: { name, group, tables, width, start(driver, db) -> { ...lanes, check, reset } }.

const { ROWS } = require('../fixtures')
const { values } = require('./drivers')
const { lanes } = require('./lanes')

const INSERT = 'INSERT INTO sink (i, r, t, b) VALUES (?, ?, ?, ?)'
const COLUMNS = 'id INTEGER PRIMARY KEY, i INTEGER, r REAL, t TEXT, b BLOB'

// A statement for each lane, one and the same where the driver allows it.
async function statements (driver, db, sql, width) {
  const first = await driver.prepare(db, sql)
  const list = [first]
  for (let k = 1; k < width; k++) {
    list.push(driver.ownStatements ? await driver.prepare(db, sql) : first)
  }
  return list
}

async function get (width, driver, db) {
  const list = await statements(driver, db, 'SELECT i, r, t, b FROM mixed WHERE id = ?', width)
  let id = 0
  return {
    ...lanes(width, k => {
      id = (id + 7919) % ROWS
      return list[k].get(id + 1)
    }),
    check: () => Promise.all(list.map((stmt, k) => stmt.get(k * 7 + 1)))
  }
}

const all = sql => async (width, driver, db) => {
  const list = await statements(driver, db, sql, width)
  return {
    ...lanes(width, k => list[k].all()),
    check: () => Promise.all(list.slice(0, 2).map(stmt => stmt.all()))
  }
}

// Each slice starts with an empty table and an empty log.
function emptied (driver, db) {
  return async () => {
    await driver.exec(db, 'DROP TABLE sink')
    await driver.exec(db, `CREATE TABLE sink (${COLUMNS})`)
    await driver.set(db, 'wal_checkpoint(TRUNCATE)')
  }
}

async function written (driver, db) {
  const stmt = await driver.prepare(db, 'SELECT i, r, t, b FROM sink ORDER BY i, r, t LIMIT 300')
  return stmt.all()
}

async function insert (width, driver, db) {
  const list = await statements(driver, db, INSERT, width)
  let i = 0
  return {
    ...lanes(width, k => list[k].run(...values(++i))),
    async check () {
      await Promise.all(list.map((stmt, k) => stmt.run(...values(k))))
      return written(driver, db)
    },
    reset: emptied(driver, db)
  }
}

async function transaction (width, driver, db) {
  const run = driver.transaction(db, await driver.prepare(db, INSERT), INSERT)
  return {
    ...lanes(width, () => run()),
    async check () {
      await Promise.all(Array.from({ length: width }, () => run()))
      return written(driver, db)
    },
    reset: emptied(driver, db)
  }
}

function workload (group, name, width, tables, start, more) {
  return { name, group, width, tables, start: start.bind(null, width), ...more }
}

const HUNDRED = 'SELECT z, i, r, t FROM mixed LIMIT 100'
const WHOLE = 'SELECT z, i, r, t FROM mixed'

function both (group, name, tables, start) {
  return [
    workload(group, name, 1, tables, start),
    workload(group, `${name}, 64 in flight`, 64, tables, start)
  ]
}

module.exports = [
  ...both('get', 'get one row', ['mixed'], get),
  ...both('all', 'all 100 rows', ['mixed'], all(HUNDRED)),
  workload('all', 'all 10,000 rows', 1, ['mixed'], all(WHOLE), { long: true, withSync: true }),
  ...both('insert', 'insert', ['sink'], insert),
  ...both('insert', '10 inserts in a transaction', ['sink'], transaction)
]
