'use strict'

// How fast are many rows one after another?

const kept = { last: undefined }

function iterate (name, columns, from) {
  const sql = `SELECT ${columns} FROM ${from}`
  return {
    name,
    group: 'iterate',
    tables: ['mixed'],
    floor: 1.2,
    start (driver, db) {
      const stmt = db.prepare(sql)
      return {
        run (n) {
          for (let i = 0; i < n; i++) {
            for (const row of stmt.iterate()) kept.last = row
          }
        },
        check: () => [...stmt.iterate()]
      }
    },
    limit: (driver, db) => ({
      run (n) { for (let i = 0; i < n; i++) kept.last = db.exec(sql) }
    })
  }
}

module.exports = [
  iterate('iterate 100 rows', 'z, i, r, t', 'mixed LIMIT 100'),
  iterate('iterate 10,000 rows', 'z, i, r, t', 'mixed'),
  iterate('iterate 10,000 rows with a blob', 'i, r, t, b', 'mixed')
]
