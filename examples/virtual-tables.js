'use strict'

// Tables whose rows are made by a generator: a table-valued function, and a module.

const assert = require('node:assert/strict')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const Database = require('ferrolite')

const db = new Database(':memory:')

// Parameters are hidden columns, so they are given in parentheses like arguments.
db.table('words', {
  columns: ['position', 'word'],
  parameters: ['text'],
  * rows (text) {
    for (const match of text.matchAll(/\w+/g)) yield { position: match.index, word: match[0] }
  }
})
const words = db.prepare('SELECT word FROM words(?) WHERE length(word) > 3').pluck()
  .all('The quick brown fox jumps')
console.log('long words:', words)
assert.deepEqual(words, ['quick', 'brown', 'jumps'])

// It can be joined, fed from another table's columns.
db.exec("CREATE TABLE line (text TEXT); INSERT INTO line VALUES ('to be'), ('or not to be')")
const counts = db.prepare(`
  SELECT word, count(*) FROM line, words(line.text) GROUP BY word ORDER BY word
`).raw().all()
console.log('counts:', counts)
assert.deepEqual(counts, [['be', 2], ['not', 1], ['or', 1], ['to', 2]])

// A factory makes a table for each CREATE VIRTUAL TABLE; here each is a CSV file of a folder.
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ferrolite-'))
fs.writeFileSync(path.join(folder, 'planets.csv'), 'name,moons\nEarth,1\nMars,2\nVenus,0\n')
db.table('csv', (name) => {
  const text = fs.readFileSync(path.join(folder, `${name}.csv`), 'utf8')
  const [columns, ...rows] = text.trim().split('\n').map((line) => line.split(','))
  return { columns, rows: function * () { yield * rows } }
})
db.exec('CREATE VIRTUAL TABLE planet USING csv(planets)')
const rows = db.prepare("SELECT * FROM planet WHERE moons <> '0' ORDER BY moons DESC").all()
console.log('planets:', rows)
assert.deepEqual(rows, [{ name: 'Mars', moons: '2' }, { name: 'Earth', moons: '1' }])

db.close()
fs.rmSync(folder, { recursive: true })
