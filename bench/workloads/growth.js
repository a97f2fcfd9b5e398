'use strict'

// How does the price of a row grow with the size of the table?

const { text } = require('../fixtures')

const sizes = [10, 100, 1000, 10_000, 100_000, 1_000_000]

const kept = { last: undefined }

function get (rows) {
  return {
    name: `growth get ${rows}`,
    kind: 'get by rowid',
    tables: ['mixed'],
    rowsPerOperation: 1,
    start (driver, db) {
      const stmt = db.prepare('SELECT z, i, r, t FROM mixed WHERE id = ?')
      const stride = rows === 10 ? 7 : 7919
      let id = 0
      return {
        run (n) {
          for (let i = 0; i < n; i++) {
            id = (id + stride) % rows
            kept.last = stmt.get(id + 1)
          }
        },
        check: () => [stmt.get(1), stmt.get(rows)]
      }
    }
  }
}

function all (rows) {
  return {
    name: `growth all ${rows}`,
    kind: 'all rows',
    tables: ['mixed'],
    rowsPerOperation: rows,
    start (driver, db) {
      const stmt = db.prepare('SELECT z, i, r, t FROM mixed')
      return {
        // One row keeps the hidden class alive; five times a million would be a burden to all.
        run (n) {
          for (let i = 0; i < n; i++) {
            const all = stmt.all()
            kept.last = all[all.length - 1]
          }
        },
        check () {
          const all = stmt.all()
          return [all.length, all[0], all[rows >> 1], all[rows - 1]]
        }
      }
    }
  }
}

function insert (rows) {
  return {
    name: `growth insert ${rows}`,
    kind: 'insert in a transaction',
    tables: ['sink'],
    rowsPerOperation: rows,
    start (driver, db) {
      const stmt = db.prepare('INSERT INTO sink (i, r, t) VALUES (?, ?, ?)')
      const truncate = db.prepare('PRAGMA wal_checkpoint(TRUNCATE)')
      const t = text(7)
      const fill = driver.transaction(db, n => {
        for (let i = 0; i < n; i++) kept.last = stmt.run(i, i + 0.5, t)
      })
      return {
        run (n) { for (let i = 0; i < n; i++) fill(rows) },
        check () {
          fill(rows)
          return db.prepare('SELECT count(*) AS n, sum(i) AS i, sum(r) AS r FROM sink').get()
        },
        reset () {
          db.exec('DELETE FROM sink')
          truncate.get()
        }
      }
    }
  }
}

module.exports = [get, all, insert].flatMap(make => sizes.map(rows => ({
  ...make(rows),
  group: 'growth',
  rows
})))
