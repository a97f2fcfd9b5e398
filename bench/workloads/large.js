'use strict'

// How fast does one megabyte cross, each way?

const { MEGABYTE, blob } = require('../fixtures')

const kept = { last: undefined }

function read (name, column) {
  return {
    name,
    group: '1 MB',
    tables: ['big'],
    start (driver, db) {
      const stmt = db.prepare(`SELECT ${column} AS v FROM big WHERE id = ?`)
      return {
        run (n) { for (let i = 0; i < n; i++) kept.last = stmt.get(1) },
        check: () => stmt.get(1)
      }
    },
    limit (driver, db) {
      const stmt = db.prepare(`SELECT ${column} AS v FROM big WHERE id = ?`)
      return { run (n) { for (let i = 0; i < n; i++) kept.last = stmt.run(1) } }
    }
  }
}

function bound (name, makeValue) {
  return {
    name,
    group: '1 MB',
    tables: ['sink'],
    start (driver, db) {
      const value = makeValue()
      // A second parameter, because libsql aborts the process when a Buffer comes alone.
      const stmt = db.prepare('SELECT octet_length(?) + ? AS v')
      const part = db.prepare('SELECT hex(substr(?, ?, 20)) AS v')
      return {
        run (n) { for (let i = 0; i < n; i++) kept.last = stmt.get(value, 1) },
        check: () => [stmt.get(value, 1), part.get(value, 99999)]
      }
    }
  }
}

module.exports = [
  read('1 MB text read', 't'),
  read('1 MB non-ASCII text read', 'f'),
  read('1 MB blob read', 'b'),
  bound('1 MB text bound', () => 'abcdefgh'.repeat(MEGABYTE / 8)),
  bound('1 MB blob bound', () => blob(3, MEGABYTE))
]
