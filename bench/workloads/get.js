'use strict'

// How fast is one row by its primary key?

const { ROWS } = require('../fixtures')

// What was read last stays alive, and its hidden class with it.
const kept = { last: undefined }

function get (name, columns, { mode, offset = 1, floor } = {}) {
  const sql = `SELECT ${columns} FROM mixed WHERE id = ?`
  return {
    name,
    group: 'get',
    tables: ['mixed'],
    floor,
    start (driver, db) {
      const plain = db.prepare(sql)
      const stmt = mode === undefined ? plain : driver[mode](plain)
      let id = 0
      return {
        run (n) {
          for (let i = 0; i < n; i++) {
            id = (id + 7919) % ROWS
            kept.last = stmt.get(id + offset)
          }
        },
        check: () => [1, 2, ROWS - 1].map(i => stmt.get(i + offset - 1))
      }
    },
    // run() steps once and reads nothing.
    limit (driver, db) {
      const stmt = db.prepare(sql)
      let id = 0
      return {
        run (n) {
          for (let i = 0; i < n; i++) {
            id = (id + 7919) % ROWS
            kept.last = stmt.run(id + offset)
          }
        }
      }
    }
  }
}

module.exports = [
  get('get null, int, real, text', 'z, i, r, t', { floor: 1.15 }),
  get('get int, real, text, blob', 'i, r, t, b', { floor: 1.5 }),
  get('get raw', 'z, i, r, t', { mode: 'raw' }),
  get('get pluck text', 't', { mode: 'pluck' }),
  get('get safeIntegers', 'z, i, r, t', { mode: 'safeIntegers' }),
  get('get no row', 'z, i, r, t', { offset: ROWS + 1 })
]
