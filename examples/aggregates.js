'use strict'

// Aggregates, and with `inverse` window functions, written in JavaScript.

const assert = require('node:assert/strict')
const Database = require('ferrolite')

const db = new Database(':memory:')
db.exec(`
  CREATE TABLE reading (sensor TEXT, at INTEGER, celsius REAL);
  INSERT INTO reading VALUES
    ('attic', 1, 20), ('attic', 2, 21), ('attic', 3, 35), ('cellar', 1, 12), ('cellar', 2, 14);
`)

// A start that is an object must be made anew for every group: give a function.
db.aggregate('median', {
  start: () => [],
  step: (values, value) => { values.push(value) },
  result: (values) => {
    values.sort((a, b) => a - b)
    const half = values.length >> 1
    return values.length % 2 ? values[half] : (values[half - 1] + values[half]) / 2
  }
})
const medians = db.prepare('SELECT sensor, median(celsius) AS median FROM reading GROUP BY sensor').all()
console.log(medians)
assert.deepEqual(medians, [{ sensor: 'attic', median: 21 }, { sensor: 'cellar', median: 13 }])

// `inverse` takes out the row that leaves the window.
db.aggregate('spread', {
  start: () => [],
  step: (values, value) => [...values, value],
  inverse: (values, value) => values.filter((_, i) => i !== values.indexOf(value)),
  result: (values) => Math.max(...values) - Math.min(...values)
})
const spreads = db.prepare(`
  SELECT spread(celsius) OVER (ORDER BY at ROWS 1 PRECEDING)
  FROM reading WHERE sensor = 'attic'
`).pluck().all()
console.log('spread of each reading and the one before:', spreads)
assert.deepEqual(spreads, [0, 1, 14])

db.close()
