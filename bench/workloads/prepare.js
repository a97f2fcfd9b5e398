'use strict'

// How fast does SQL become a statement?

const sql = 'SELECT i, r, t FROM mixed WHERE id = ?'

// Statements are dropped as fast as they are made; this many between two turns of the loop.
const turnEvery = 500

const kept = { last: undefined }

const same = {
  name: 'prepare the same SQL',
  group: 'prepare',
  tables: ['mixed'],
  floor: 2,
  start: (driver, db) => ({
    run (n) { for (let i = 0; i < n; i++) kept.last = db.prepare(sql) },
    check: () => db.prepare(sql).get(5),
    turnEvery
  })
}

const fresh = {
  name: 'prepare new SQL each time',
  group: 'prepare',
  tables: ['mixed'],
  floor: 2,
  start (driver, db) {
    let id = 0
    return {
      run (n) {
        for (let i = 0; i < n; i++) kept.last = db.prepare(`SELECT i, r, t FROM mixed WHERE id = ${++id}`)
      },
      check: () => db.prepare('SELECT i, r, t FROM mixed WHERE id = 5').get(),
      turnEvery
    }
  }
}

const andGet = {
  name: 'prepare + get',
  group: 'prepare',
  tables: ['mixed'],
  start: (driver, db) => ({
    run (n) { for (let i = 0; i < n; i++) kept.last = db.prepare(sql).get(i % 1000 + 1) },
    check: () => db.prepare(sql).get(6),
    turnEvery
  })
}

const exec = {
  name: 'exec a tiny statement',
  group: 'exec',
  tables: ['sink'],
  start: (driver, db) => ({
    run (n) { for (let i = 0; i < n; i++) kept.last = db.exec('SELECT 1') },
    check () {
      db.exec("INSERT INTO sink (t) VALUES ('executed')")
      return db.prepare('SELECT t FROM sink').all()
    }
  })
}

module.exports = [same, fresh, andGet, exec]
