'use strict'

// What replicas are measured by. Each driver gets its own copy of this code, as in ../child.js.

const ROWS = 10_000

// What was read last stays alive, and its hidden class with it.
const kept = { last: undefined }

const GET = 'SELECT id, text, real FROM item WHERE id = ?'
const HUNDRED = 'SELECT id, text, real FROM item LIMIT 100'
const INSERT = 'INSERT INTO log (text) VALUES (?)'
const WRITTEN = 'SELECT text FROM log WHERE id = ?'

const SOME = [1, 4711, 8]

// On a replica, a statement of libsql 0.5.29 goes on with the parameters that it had first, and
// every other get() gives undefined. What gives the right rows is one that is prepared anew.
function get (db, isFerrolite) {
  if (!isFerrolite) return prepareAndGet(db)
  const stmt = db.prepare(GET)
  let id = 0
  return {
    run (n) {
      for (let i = 0; i < n; i++) kept.last = stmt.get(1 + (id = (id + 3701) % ROWS))
    },
    check: () => SOME.map(id => stmt.get(id))
  }
}

function prepareAndGet (db) {
  let id = 0
  return {
    run (n) {
      for (let i = 0; i < n; i++) {
        kept.last = db.prepare(GET).get(1 + (id = (id + 3701) % ROWS))
      }
    },
    check: () => SOME.map(id => db.prepare(GET).get(id))
  }
}

function all (db) {
  const stmt = db.prepare(HUNDRED)
  return {
    run (n) { for (let i = 0; i < n; i++) kept.last = stmt.all() },
    check: () => stmt.all()
  }
}

function iterate (db) {
  const stmt = db.prepare(HUNDRED)
  return {
    run (n) {
      for (let i = 0; i < n; i++) {
        for (const row of stmt.iterate()) kept.last = row
      }
    },
    check: () => [...stmt.iterate()]
  }
}

async function getPromise (db) {
  const stmt = await db.prepare(GET)
  let id = 0
  return {
    async run (n) {
      for (let i = 0; i < n; i++) kept.last = await stmt.get(1 + (id = (id + 3701) % ROWS))
    },
    check: () => Promise.all(SOME.map(id => stmt.get(id)))
  }
}

async function allPromise (db) {
  const stmt = await db.prepare(HUNDRED)
  return {
    async run (n) {
      for (let i = 0; i < n; i++) kept.last = await stmt.all()
    },
    check: () => stmt.all()
  }
}

async function iteratePromise (db) {
  const stmt = await db.prepare(HUNDRED)
  return {
    async run (n) {
      for (let i = 0; i < n; i++) {
        for await (const row of stmt.iterate()) kept.last = row
      }
    },
    check: () => stmt.all()
  }
}

// get() of libsql also keeps its snapshot of the file, so that the next read misses what was
// written since; all() does not.
function pairs (db, isFerrolite) {
  const insert = db.prepare(INSERT)
  const known = isFerrolite ? db.prepare(WRITTEN) : null
  let count = 0
  return {
    run (n) {
      for (let i = 0; i < n; i++) {
        const text = `text ${count++}`
        const id = insert.run(text).lastInsertRowid
        const [row] = (known ?? db.prepare(WRITTEN)).all(id)
        if (row.text !== text) throw new Error('A write was not read')
      }
    },
    // What others wrote meanwhile is not part of it.
    reset: () => db.sync()
  }
}

async function pairsPromise (db) {
  const insert = await db.prepare(INSERT)
  const read = await db.prepare(WRITTEN)
  let count = 0
  return {
    async run (n) {
      for (let i = 0; i < n; i++) {
        const text = `text ${count++}`
        const row = await read.get((await insert.run(text)).lastInsertRowid)
        if (row.text !== text) throw new Error('A write was not read')
      }
    },
    // What others wrote meanwhile is not part of it.
    reset: () => db.sync()
  }
}

function sync (db) {
  return { run (n) { for (let i = 0; i < n; i++) db.sync() } }
}

// child.js takes the time of each sync by itself, as there is only one of its kind.
function syncRows (db) {
  const count = db.prepare('SELECT count(*) AS n FROM log')
  return { sync: () => db.sync(), check: () => count.all()[0].n }
}

module.exports = [
  { name: 'get', kind: 'read', start: get },
  { name: 'prepare + get', kind: 'read', start: prepareAndGet },
  { name: 'all 100 rows', kind: 'read', start: all },
  { name: 'iterate 100 rows', kind: 'read', start: iterate },
  { name: 'get, promises', kind: 'read', promises: true, start: getPromise },
  { name: 'all 100 rows, promises', kind: 'read', promises: true, start: allPromise },
  { name: 'iterate 100 rows, promises', kind: 'read', promises: true, start: iteratePromise },
  { name: 'insert, and read it', kind: 'pair', start: pairs },
  { name: 'insert, and read it, promises', kind: 'pair', promises: true, start: pairsPromise },
  { name: 'sync of nothing', kind: 'sync', start: sync },
  { name: 'sync of 1,000 rows', kind: 'rows', start: syncRows }
]
