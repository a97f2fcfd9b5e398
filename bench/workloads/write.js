'use strict'

// How fast are rows written to a WAL file, one by one and in a transaction?

const { ROWS, blob, text } = require('../fixtures')

const positional = 'INSERT INTO sink (i, r, t, b) VALUES (?, ?, ?, ?)'
const named = 'INSERT INTO sink (i, r, t, b) VALUES (@i, @r, @t, @b)'

const b = blob(7, 16)
const t = text(7)
const kept = { last: undefined }

// Each slice starts with an empty table and an empty log.
function emptied (db) {
  const truncate = db.prepare('PRAGMA wal_checkpoint(TRUNCATE)')
  return () => {
    db.exec('DELETE FROM sink')
    truncate.get()
  }
}

function written (db, table = 'sink') {
  return db.prepare(`SELECT * FROM ${table} ORDER BY id LIMIT 300`).all()
}

function counts ({ changes, lastInsertRowid }) {
  return { changes: Number(changes), lastInsertRowid: Number(lastInsertRowid) }
}

function insert (name, sql, one) {
  return {
    name,
    group: 'insert',
    tables: ['sink'],
    start (driver, db) {
      const stmt = db.prepare(sql)
      const write = one(stmt)
      return {
        run (n) { for (let i = 0; i < n; i++) kept.last = write(i) },
        check: () => [counts(write(1)), counts(write(2)), written(db)],
        reset: emptied(db)
      }
    }
  }
}

function insertHundred (name, sql, one, floor) {
  return {
    name,
    group: 'insert',
    tables: ['sink'],
    floor,
    start (driver, db) {
      const write = one(db.prepare(sql))
      const hundred = driver.transaction(db, base => {
        for (let i = 0; i < 100; i++) kept.last = write(base + i)
      })
      return {
        run (n) { for (let i = 0; i < n; i++) hundred(i) },
        check () {
          hundred(5)
          return [counts(kept.last), written(db)]
        },
        reset: emptied(db)
      }
    }
  }
}

const byPosition = stmt => i => stmt.run(i, i + 0.5, t, b)
const byName = stmt => i => stmt.run({ i, r: i + 0.5, t, b })

const update = {
  name: 'update by primary key',
  group: 'update',
  tables: ['mixed', 'sink'],
  start (driver, db) {
    const stmt = db.prepare('UPDATE mixed SET i = ? WHERE id = ?')
    let id = 0
    return {
      run (n) {
        for (let i = 0; i < n; i++) {
          id = (id + 7919) % ROWS
          kept.last = stmt.run(i, id + 1)
        }
      },
      check: () => [Number(stmt.run(3, 1).changes), Number(stmt.run(4, 2).changes),
        written(db, 'mixed')],
      reset: emptied(db)
    }
  }
}

module.exports = [
  insert('insert autocommit', positional, byPosition),
  insert('insert autocommit, named', named, byName),
  insertHundred('insert 100 in a transaction', positional, byPosition, 2),
  insertHundred('insert 100 in a transaction, named', named, byName),
  update
]
