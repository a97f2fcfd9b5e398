'use strict'

// How fast are many rows at once?

const kept = { last: undefined }

function all (name, columns, from, { mode, floor } = {}) {
  const sql = `SELECT ${columns} FROM ${from}`
  return {
    name,
    group: 'all',
    tables: [from.split(' ')[0]],
    floor,
    start (driver, db) {
      const plain = db.prepare(sql)
      const stmt = mode === undefined ? plain : driver[mode](plain)
      return {
        run (n) { for (let i = 0; i < n; i++) kept.last = stmt.all() },
        check: () => stmt.all()
      }
    },
    // exec() steps over every row and reads none.
    limit: (driver, db) => ({
      run (n) { for (let i = 0; i < n; i++) kept.last = db.exec(sql) }
    })
  }
}

const twenty = Array.from({ length: 20 }, (_, c) => `c${c}`).join(', ')

module.exports = [
  all('all 100 rows', 'z, i, r, t', 'mixed LIMIT 100'),
  all('all 100 rows with a blob', 'i, r, t, b', 'mixed LIMIT 100'),
  all('all 100 rows raw', 'z, i, r, t', 'mixed LIMIT 100', { mode: 'raw' }),
  all('all 100 rows pluck text', 't', 'mixed LIMIT 100', { mode: 'pluck' }),
  all('all 10,000 rows', 'z, i, r, t', 'mixed', { floor: 1.5 }),
  all('all 10,000 rows with a blob', 'i, r, t, b', 'mixed', { floor: 2.5 }),
  all('all 10,000 rows raw', 'z, i, r, t', 'mixed', { mode: 'raw' }),
  all('all 10,000 rows pluck text', 't', 'mixed', { mode: 'pluck' }),
  all('all 10,000 x 1 int', 'c0', 'ints'),
  all('all 1,000 x 20 ints', twenty, 'ints LIMIT 1000', { floor: 2 }),
  all('all 10,000 x 20 ints', twenty, 'ints', { floor: 2 }),
  all('all 10,000 ASCII texts', 't', 'texts'),
  all('all 10,000 non-ASCII texts', 'f', 'texts'),
  all('all 10,000 blobs', 'b', 'texts')
]
