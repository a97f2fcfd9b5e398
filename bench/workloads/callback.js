'use strict'

// How fast does SQLite call JavaScript back?

const kept = { last: undefined }

const scalar = {
  name: 'user function, 10,000 rows',
  group: 'function',
  tables: ['mixed'],
  start (driver, db) {
    driver.function(db, 'add_one', x => x + 1)
    const stmt = db.prepare('SELECT sum(add_one(i)) AS v FROM mixed')
    return {
      run (n) { for (let i = 0; i < n; i++) kept.last = stmt.get() },
      check: () => stmt.get()
    }
  }
}

const aggregate = {
  name: 'user aggregate, 10,000 rows',
  group: 'aggregate',
  tables: ['mixed'],
  start (driver, db) {
    driver.aggregate(db, 'add_all', { start: 0, step: (sum, x) => sum + x })
    const stmt = db.prepare('SELECT add_all(r) AS v FROM mixed')
    return {
      run (n) { for (let i = 0; i < n; i++) kept.last = stmt.get() },
      check: () => stmt.get()
    }
  }
}

module.exports = [scalar, aggregate]
