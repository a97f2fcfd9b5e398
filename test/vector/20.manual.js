'use strict'

// Every recipe and every error of docs/vector.md: what its tables say happens.

const assert = require('node:assert/strict')
const fs = require('node:fs')
const path = require('node:path')
const { open, ours, tempFile, throws } = require('../support')

const PAGE = fs.readFileSync(path.join(__dirname, '..', '..', 'docs', 'vector.md'), 'utf8').replaceAll('\r\n', '\n')

// The rows of the first table after a heading, cell by cell.
function table (heading) {
  const [, section] = PAGE.split(new RegExp(`^#+ ${heading}$`, 'm'))
  const rows = section.split(/^\|---.*\n/m)[1].split(/\n(?!\|)/)[0].trim().split('\n')
  return rows.map(row => row.split(/(?<!\\)\|/).slice(1, -1).map(cell => cell.trim()))
}

const statements = cell => [...cell.matchAll(/`([^`]+)`/g)].map(([, sql]) => sql)
const SCHEMA = /## Recipes[\s\S]*?```sql\n([\s\S]*?)```/.exec(PAGE)[1]

// rowid, vector, lang, year, tenant, title
const ROWS = [
  [1, '[1, 0, 0]', 'en', 2019, 1, 'green tea'],
  [2, '[0.9, 0.1, 0]', 'de', 2024, 1, 'black tea'],
  [3, '[0.8, 0.2, 0]', 'en', 2024, 2, 'coffee'],
  [4, '[0, 1, 0]', 'fr', 2024, 2, 'tea and soup'],
  [5, '[0, 0, 1]', 'en', 2024, 1, 'bread']
]

async function setup (t) {
  const db = open(t)
  await db.exec(SCHEMA)
  const doc = await db.prepare('INSERT INTO doc VALUES (?, ?, NULL)')
  const insert = await db.prepare('INSERT INTO t(rowid, vector, lang, year, tenant) VALUES (?, ?, ?, ?, ?)')
  for (const [id, vector, lang, year, tenant, title] of ROWS) {
    await doc.run(id, title)
    await insert.run(id, vector, lang, year, tenant)
  }
  return db
}

const vector = Float32Array.of(1, 0, 0)
const matrix = Float32Array.of(0, 1, 0, 0, 0, 1)
const ids = (...list) => rows => assert.deepEqual(rows.map(row => row.id ?? row.rowid), list)
const rowsOf = sql => async db => await (await db.prepare(sql)).raw().all()

// What each recipe is given, and what it answers, or what is there after it.
const RECIPES = {
  'insert or replace': [{ id: 1, vector: '[0, 0, 1]', lang: 'fr' }, rowsOf('SELECT lang, vector_to_json(vector) FROM t WHERE rowid = 1'), [['fr', '[0,0,1]']]],
  'insert, unless it is there': [{ id: 1, vector: '[0, 0, 1]', lang: 'fr' }, rowsOf('SELECT lang, vector_to_json(vector) FROM t WHERE rowid = 1'), [['en', '[1,0,0]']]],
  'change a column, not the vector': [{ id: 1, year: 2000 }, rowsOf('SELECT year, vector_to_json(vector) FROM t WHERE rowid = 1'), [[2000, '[1,0,0]']]],
  search: [{ vector }, ids(1, 2, 3, 4, 5)],
  filter: [{ vector }, ids(3, 5)],
  'filter by a list': [{ vector }, ids(1, 2, 3, 5)],
  'search one tenant; its column is `INDEXED`': [{ vector, tenant: 2 }, ids(3, 4)],
  'look among some rows': [{ vector, ids: '[2, 5, 99]' }, ids(2, 5)],
  'join, with what a column of `t` filters': [{ vector }, ids(1, 3, 5)],
  'filter by the joined table, when many rows match': [{ vector }, ids(1, 2, 4)],
  'filter by another table, when few rows match': [{ vector }, ids(1, 2, 4)],
  'keep to a distance': [{ vector }, ids(1, 2, 3)],
  'all within a distance': [{ vector }, ids(1, 2, 3)],
  'a page by its number': [{ vector }, ids()],
  'what is like a row, but the row itself': [{ id: 1 }, ids(2, 3, 4, 5)],
  'the nearest row of each group': [{ vector }, rows => {
    assert.deepEqual(rows.map(row => [row.lang, row.rowid]), [['en', 1], ['de', 2], ['fr', 4]])
  }],
  'search for many vectors': [{ matrix }, rows => {
    ids(4, 3, 2, 1, 5)(rows.filter(({ query }) => query === 0))
    ids(5, 1, 2, 3, 4)(rows.filter(({ query }) => query === 1))
  }],
  'read a vector as JSON; `vector` alone is a Buffer': [{ id: 4 }, rows => assert.deepEqual(Object.values(rows[0]), ['[0,1,0]'])],
  'trade speed for recall in one query': [{ vector }, ids(1, 2, 3, 4, 5)],
  'compare with every row, which misses none (`element=f32`)': [{ vector }, ids(1, 2, 3, 4, 5)],
  'count, or list without a search': [{}, rows => assert.deepEqual(rows.map(row => Object.values(row)), [['de', 1], ['en', 2], ['fr', 1]])]
}
const PAGES = 'the first page, and the next one by the last row of it'
const LOAD = 'load a matrix'

for (const [goal, cell] of table('Recipes')) {
  ours(`recipe: ${goal}`, async t => {
    const db = await setup(t)
    const [sql, next] = statements(cell)
    if (goal === PAGES) return await turnPages(db, sql, next)
    if (goal === LOAD) await db.exec('DELETE FROM t')
    const [given, answer, expected] = RECIPES[goal] ?? [{ matrix }, rowsOf('SELECT rowid FROM t'), [[1], [2]]]
    const stmt = await db.prepare(sql)
    if (stmt.reader) return answer(await stmt.all(given))
    await stmt.run(given)
    assert.deepEqual(await answer(db), expected)
  })
}

ours('every recipe that is tested is on the page', () => {
  const goals = table('Recipes').map(([goal]) => goal)
  assert.deepEqual([...Object.keys(RECIPES), PAGES, LOAD].sort(), goals.sort())
})

// Rows at the same distance are on one page or the other, none on both or none.
async function turnPages (db, first, next) {
  const insert = await db.prepare("INSERT INTO t(rowid, vector) VALUES (?, '[0, 1, 1]')")
  for (let id = 10; id < 30; ++id) await insert.run(id)
  const seen = []
  let page = await (await db.prepare(first)).all({ vector })
  while (page.length > 0) {
    seen.push(...page.map(row => row.rowid))
    const { distance, rowid } = page.at(-1)
    page = await (await db.prepare(next)).all({ vector, distance, rowid })
  }
  assert.deepEqual(seen, [1, 2, 3, 4, 5, ...Array.from({ length: 20 }, (_, i) => 10 + i)])
}

const search = 'SELECT rowid FROM t WHERE vector MATCH ? AND k = ?'
const insert = 'INSERT INTO t(rowid, vector, year) VALUES (?, ?, ?)'

// What makes each message, for a statement: its SQL and parameters.
const ERRORS = {
  'a vector of dimension 3 has 12 bytes, not 24': [search, Float64Array.of(1, 0, 0), 1],
  'a vector of this table has 3 numbers, not 2': [search, '[1, 0]', 1],
  'Too many parameter values were provided': [search, [1, 0, 0], 1],
  'a vector is JSON text or a BLOB, not a number': [search, 1, 1],
  'a vector cannot be NULL': [search, null, 1],
  'malformed JSON of a vector: expected an array of numbers, such as [0.5, -1, 2e-3]': [search, '1, 0, 0', 1],
  'the numbers of a vector must be finite: no NaN, no infinity': [insert, 9, Float32Array.of(NaN, 0, 0), 0],
  'a vector of zeros has no direction: metric=cosine needs one': [insert, 9, new Float32Array(3), 0],
  'k must be a whole number above 0': [search, vector, '10'],
  'k takes the operator = and no other': ['SELECT rowid FROM t WHERE vector MATCH ? AND k < 10', vector],
  'k needs a vector to search for: WHERE vector MATCH ? AND k = 10': ['SELECT rowid FROM t WHERE k = 10'],
  'unable to use function MATCH in the requested context': ["SELECT rowid FROM t WHERE vector MATCH ? OR lang = 'en'", vector],
  'UNIQUE constraint failed: t.rowid': [insert, 1, vector, 0],
  'UPSERT not implemented for virtual table "t"': [`${insert} ON CONFLICT DO NOTHING`, 1, vector, 0],
  'datatype mismatch': [insert, 1.5, vector, 0],
  'cannot store TEXT value in INTEGER column t.year': [insert, 9, vector, 'soon'],
  'distance cannot be set: it belongs to queries': ['INSERT INTO t(vector, distance) VALUES (?, 1)', vector],
  'unknown option "dim" of diskann: there are dimension, metric, …': ['CREATE VIRTUAL TABLE u USING diskann(dim=3)'],
  '"lang" is neither an option (name=value) nor a column (name TYPE [INDEXED]) of diskann': ['CREATE VIRTUAL TABLE u USING diskann(dimension=3, lang)'],
  'a column cannot be named "distance": diskann has one of that name': ['CREATE VIRTUAL TABLE u USING diskann(dimension=3, distance REAL)'],
  'virtual tables may not be altered': ['ALTER TABLE t ADD COLUMN more TEXT'],
  'unknown command "vacuum" of diskann: there are merge, rebuild, …': ["INSERT INTO t(t) VALUES ('vacuum')"],
  'the matrix of vector_each has 8 bytes, which is not a multiple of 12, the bytes of a vector': ['SELECT vector FROM vector_each(?, 3)', Float32Array.of(1, 0)],
  'unsafe use of MATCH()': null,
  'table t is of another module named diskann: it has no t_config': null,
  'table t has format 2, which is newer than this version of Ferrolite': null,
  // On servers and replicas: test/remote/70.vector.js.
  'no such module: diskann': null
}

const messages = table('Errors').map(([cell]) => statements(cell)[0])

// A message of the page may end in `…`.
const isMessage = expected => error => {
  const [start, cut] = expected.split('…')
  if (cut === undefined) assert.equal(error.message, expected)
  else assert.ok(error.message.startsWith(start), error.message)
  return true
}

async function call (db, sql, ...parameters) {
  const stmt = await db.prepare(sql)
  return await (stmt.reader ? stmt.all(...parameters) : stmt.run(...parameters))
}

for (const message of messages) {
  if (!ERRORS[message]) continue
  ours(`error: ${message}`, async t => {
    const db = await setup(t)
    await throws(() => call(db, ...ERRORS[message]), isMessage(message))
    assert.deepEqual(await rowsOf('SELECT rowid FROM t')(db), ROWS.map(([id]) => [id]))
  })
}

ours('every error that is tested is on the page', () => {
  assert.deepEqual(Object.keys(ERRORS).sort(), [...messages].sort())
})

ours('error: a table of another format or module', async t => {
  const file = tempFile(t)
  const newer = open(t, file)
  await newer.unsafeMode(true)
  await newer.exec(`${SCHEMA}; UPDATE t_config SET value = 2 WHERE key = 'format'`)
  await newer.close()
  await throws(() => call(open(t, file), search, vector, 1),
    isMessage('table t has format 2, which is newer than this version of Ferrolite'))
  const other = open(t)
  await oldTable(other, 't')
  await throws(() => call(other, search, vector, 1),
    isMessage('table t is of another module named diskann: it has no t_config'))
})

ours('error: a view that searches under a schema that is not trusted', async t => {
  const db = await setup(t)
  await db.exec(`CREATE VIEW near AS SELECT rowid FROM t WHERE vector MATCH '[1, 0, 0]' AND k = 1;
    CREATE VIEW json AS SELECT vector_to_json(vector) AS json FROM t; PRAGMA trusted_schema = OFF`)
  await throws(() => call(db, 'SELECT * FROM near'), isMessage('unsafe use of MATCH()'))
  assert.equal((await call(db, 'SELECT * FROM json')).length, ROWS.length)
  await db.exec('PRAGMA trusted_schema = ON')
  assert.deepEqual(await call(db, 'SELECT * FROM near'), [{ rowid: 1 }])
})

ours('a column is added by way of a new table', async t => {
  const db = await setup(t)
  const [, cell] = table('Errors').find(([message]) => message.includes('may not be altered'))
  await db.exec('CREATE VIRTUAL TABLE new USING diskann(dimension=3, lang TEXT, more TEXT)')
  await db.exec(`BEGIN; ${statements(cell).join(';')}; COMMIT`)
  await call(db, "UPDATE t SET more = 'x' WHERE rowid = 2")
  assert.deepEqual(await rowsOf("SELECT rowid, more FROM t WHERE vector MATCH '[0.9, 0.1, 0]' AND k = 1")(db), [[2, 'x']])
  await db.exec("INSERT INTO t(t) VALUES ('verify')")
})

// A table as sqlite-diskann leaves it: blocks of 4 kB, the rowid, the number of edges, the vector.
async function oldTable (db, name) {
  await db.exec(`CREATE TABLE ${name}_shadow (id INTEGER PRIMARY KEY, data BLOB NOT NULL);
    CREATE TABLE ${name}_attrs (rowid INTEGER PRIMARY KEY, lang TEXT)`)
  const shadow = await db.prepare(`INSERT INTO ${name}_shadow VALUES (?, ?)`)
  const attrs = await db.prepare(`INSERT INTO ${name}_attrs VALUES (?, ?)`)
  for (const [id, vector, lang] of ROWS) {
    const block = Buffer.alloc(4096, 7)
    block.writeBigUInt64LE(BigInt(id), 0)
    JSON.parse(vector).forEach((number, i) => block.writeFloatLE(number, 16 + 4 * i))
    await shadow.run(id, block)
    await attrs.run(id, lang)
  }
  const sql = `CREATE VIRTUAL TABLE ${name} USING diskann(dimension=3, lang TEXT)`
  await db.unsafeMode(true)
  await db.exec('PRAGMA writable_schema = ON')
  await (await db.prepare("INSERT INTO sqlite_schema VALUES ('table', ?, ?, 0, ?)")).run(name, name, sql)
  await db.exec('PRAGMA writable_schema = RESET')
  await db.unsafeMode(false)
}

const moves = Object.fromEntries(table('Moving from other extensions').map(([from, cell]) => {
  const [name] = /^[\w-]+/.exec(from)
  return [name, { made: statements(from)[0], sql: statements(cell)[0] }]
}))
const moved = async db => {
  const rows = await rowsOf('SELECT rowid, vector_to_json(vector), lang FROM t ORDER BY rowid')(db)
  const rounded = json => JSON.parse(json).map(number => Math.round(number * 10) / 10)
  return rows.map(([id, vector, lang]) => [id, rounded(vector), lang])
}
const expected = ROWS.map(([id, vector, lang]) => [id, JSON.parse(vector), lang])
const withoutLang = expected.map(([id, vector]) => [id, vector, null])

ours('vectors move from sqlite-diskann and from libSQL', async t => {
  const db = await setup(t)
  await db.exec('DELETE FROM t')
  await oldTable(db, 'old')
  await db.exec(moves['sqlite-diskann'].sql)
  assert.deepEqual(await moved(db), expected)
  await db.exec('DELETE FROM t; ALTER TABLE doc ADD COLUMN embedding F32_BLOB(3); INSERT INTO doc(id) VALUES (9)')
  for (const [id, vector] of ROWS) await call(db, 'UPDATE doc SET embedding = vector32(?) WHERE id = ?', vector, id)
  await db.exec(moves.libSQL.sql)
  assert.deepEqual(await moved(db), withoutLang)
})

// An extension's table with the rows. Vectorlite is there once the bench has fetched it.
async function load (db, name, folder) {
  const { getLoadablePath, vectorlitePath } = require(folder)
  await db.loadExtension((getLoadablePath ?? vectorlitePath)())
  await db.exec(`CREATE VIRTUAL TABLE ${moves[name].made}`)
  for (const [id, vector, lang] of ROWS) {
    const bytes = Float32Array.from(JSON.parse(vector))
    if (name === 'vectorlite') await call(db, 'INSERT INTO old(rowid, embedding) VALUES (?, ?)', BigInt(id), bytes)
    else await call(db, 'INSERT INTO old(rowid, embedding, lang) VALUES (?, ?, ?)', BigInt(id), bytes, lang)
  }
}

// Extensions for Linux are made for glibc.
const MUSL = process.platform === 'linux' && !process.report.getReport().header.glibcVersionRuntime
const BENCH = path.join(__dirname, '..', '..', 'target', 'bench', 'node_modules')
const PACKAGES = { 'sqlite-vec': 'sqlite-vec', vectorlite: path.join(BENCH, 'vectorlite') }
for (const [name, folder] of Object.entries(PACKAGES)) {
  ours(`vectors move from ${name}, which answers beside`, { skip: lacks(name, folder) }, async t => {
    const db = await setup(t)
    await db.exec('DELETE FROM t')
    await load(db, name, folder)
    await db.exec(moves[name].sql)
    assert.deepEqual(await moved(db), name === 'vectorlite' ? withoutLang : expected)
    if (name === 'vectorlite') return
    const there = 'SELECT old.rowid AS id FROM old WHERE embedding MATCH ? AND k = 3'
    const here = 'SELECT t.rowid AS id FROM t WHERE vector MATCH ? AND k = 3'
    for (const sql of [there, here]) ids(1, 2, 3)(await (await db.prepare(sql)).all(vector))
    const both = await db.prepare(`WITH a AS MATERIALIZED (${there}), b AS MATERIALIZED (${here})
      SELECT a.id FROM a JOIN b ON a.id = b.id`)
    ids(1, 2, 3)(await both.all(vector, vector))
  })
}

function lacks (name, place) {
  if (MUSL) return `no ${name} for musl`
  try {
    const { getLoadablePath, vectorlitePath } = require(place)
    // Vectorlite leaves out the suffix.
    const folder = path.dirname((getLoadablePath ?? vectorlitePath)())
    return fs.existsSync(folder) ? false : `no ${name} for this platform`
  } catch (error) {
    return `no ${name} here: ${error.message.split('\n')[0]}`
  }
}
