'use strict'

const { COLUMN_NAMES, SQL_LITERALS } = require('./literals')
const { quote } = require('./schema')

// SQL with its parameters: { sql, params: [{ name, type }], reads, writes }; a `?` has no name.

class Parameters {
  list = []
  #style
  #prefix
  #names

  constructor (r) {
    this.#style = r.weighted([[6, 'anonymous'], [5, 'named'], [2, 'mixed'], [1, 'numbered']])
    this.#prefix = r.pick(['@', ':', '$'])
    this.#names = r.shuffle(['a', 'b', 'c', 'name', 'x1', 'value', 'd', 'e1', 'f', 'g', 'h', 'k'])
    this.r = r
  }

  // The text of one more parameter.
  add (type) {
    const style = this.#style === 'mixed' ? this.r.pick(['anonymous', 'named']) : this.#style
    if (style === 'anonymous' || this.list.length >= 12) {
      this.list.push({ name: null, type })
      return '?'
    }
    if (style === 'numbered') {
      const number = this.list.length + 1
      this.list.push({ name: String(number), type })
      return `?${number}`
    }
    const known = this.list.filter(({ name }) => name !== null)
    const name = known.length && this.r.chance(0.1)
      ? this.r.pick(known).name
      : this.#names[this.list.length]
    this.list.push({ name, type })
    return `${this.r.chance(0.95) ? this.#prefix : this.r.pick(['@', ':', '$'])}${name}`
  }
}

const reads = (sql) => ({ sql, reads: true, writes: false })
const writes = (sql, returns = false) => ({ sql, reads: returns, writes: true })

const list = (columns) => columns.map(({ name }) => quote(name)).join(', ')
const key = (table) => table.columns[0]
const order = (table) => ` ORDER BY ${table.rowid ? 'rowid' : 'id'}`
const column = (r, table) => quote(r.pick(table.columns).name)
const limit = (r) => r.chance(0.3) ? ` LIMIT ${r.int(0, 6)}` : ''

function values (r, p, table) {
  return table.columns.map(({ name, type }) => {
    if (name === 'id' && r.chance(0.45)) return type === 'key' && table.rowid ? 'NULL' : p.add(type)
    const bound = name === 'id' || r.chance(0.85)
    return bound ? p.add(type) : r.pick(SQL_LITERALS.slice(0, 10))
  }).join(', ')
}

const returning = (r, table) => r.chance(0.25)
  ? ` RETURNING ${r.pick(['*', column(r, table), `${column(r, table)} AS got, 1`])}`
  : ''

function insert (r, p, table, verb = 'INSERT') {
  const back = returning(r, table)
  const into = `${verb} INTO ${quote(table.name)} (${list(table.columns)})`
  return writes(`${into} VALUES (${values(r, p, table)})${back}`, back !== '')
}

function upsert (r, p, table) {
  const set = quote(table.columns[table.columns.length - 1].name)
  const then = r.pick(['NOTHING', `UPDATE SET ${set} = excluded.${set}`])
  const target = key(table).name === 'id' ? ' (id)' : ''
  const back = returning(r, table)
  return writes(`INSERT INTO ${quote(table.name)} (${list(table.columns)}) ` +
    `VALUES (${values(r, p, table)}) ON CONFLICT${target || ''} DO ${target ? then : 'NOTHING'}${back}`, back !== '')
}

function where (r, p, table) {
  return r.weighted([
    [4, () => ` WHERE ${quote(key(table).name)} = ${p.add('key')}`],
    [2, () => ` WHERE ${column(r, table)} = ${p.add('')}`],
    [2, () => ` WHERE ${column(r, table)} IS NOT NULL`],
    [1, () => ` WHERE ${column(r, table)} BETWEEN ${p.add('INT')} AND ${p.add('INT')}`],
    [1, () => ` WHERE ${column(r, table)} IN (${p.add('')}, ${p.add('')}, 1, 'foo')`],
    [1, () => ` WHERE ${column(r, table)} LIKE ${p.add('TEXT')}`],
    [1, () => ' WHERE 0']
  ])()
}

function update (r, p, table) {
  const verb = r.pick(['UPDATE', 'UPDATE', 'UPDATE OR IGNORE', 'UPDATE OR REPLACE', 'UPDATE OR FAIL'])
  const target = r.pick(table.columns.slice(table.columns.length > 1 ? 1 : 0))
  const back = returning(r, table)
  const sql = `${verb} ${quote(table.name)} SET ${quote(target.name)} = ${p.add(target.type)}`
  return writes(sql + where(r, p, table) + back, back !== '')
}

function remove (r, p, table) {
  const back = returning(r, table)
  return writes(`DELETE FROM ${quote(table.name)}${where(r, p, table)}${back}`, back !== '')
}

// Statements about a table that exists.
const ABOUT_TABLES = [
  [14, (r, p, t) => reads(`SELECT * FROM ${quote(t.name)}${order(t)}${limit(r)}`)],
  [10, (r, p, t) => reads(`SELECT * FROM ${quote(t.name)}${where(r, p, t)}${order(t)}`)],
  [5, (r, p, t) => reads(`SELECT ${column(r, t)} AS ${quote(r.pick(COLUMN_NAMES))}, ${column(r, t)} ` +
    `FROM ${quote(t.name)}${order(t)}`)],
  [3, (r, p, t) => reads(`SELECT ${t.columns.slice(0, 4).map((c) => `typeof(${quote(c.name)})`).join(', ')} ` +
    `FROM ${quote(t.name)}${order(t)}`)],
  [3, (r, p, t) => reads(`SELECT count(*), sum(length(${column(r, t)})), min(${column(r, t)}), ` +
    `max(${column(r, t)}), total(0) FROM ${quote(t.name)}`)],
  [2, (r, p, t) => reads(`SELECT typeof(${column(r, t)}) AS kind, count(*) AS n FROM ${quote(t.name)} ` +
    'GROUP BY 1 ORDER BY 1')],
  [3, (r, p, t) => reads('SELECT x.*, y.*, 1 + 1, count(*) OVER () AS n ' +
    `FROM ${quote(t.name)} AS x JOIN ${quote(t.name)} AS y ON ${t.rowid ? 'x.rowid = y.rowid' : 'x.id = y.id'}` +
    order(t).replace('BY ', 'BY x.') + ' LIMIT 5')],
  [2, (r, p, t) => reads(`SELECT ${t.rowid ? 'rowid' : 'id'} AS k, row_number() OVER w AS n, ` +
    `lag(${column(r, t)}, 1, ${p.add('')}) OVER w AS before FROM ${quote(t.name)} ` +
    `WINDOW w AS (${order(t).trim()})${order(t)}`)],
  [2, (r, p, t) => reads('SELECT CASE WHEN n = 3 THEN abs(-9223372036854775807 - 1) ELSE n END AS n FROM ' +
    `(SELECT row_number() OVER (${order(t).trim()}) AS n FROM ${quote(t.name)})`)],
  [1, (r, p, t) => reads(`SELECT EXISTS (SELECT 1 FROM ${quote(t.name)}) AS found, ` +
    `(SELECT ${column(r, t)} FROM ${quote(t.name)}${order(t)} LIMIT 1)`)],
  [16, (r, p, t) => insert(r, p, t)],
  [5, (r, p, t) => insert(r, p, t,
    `INSERT OR ${r.pick(['ROLLBACK', 'ABORT', 'FAIL', 'IGNORE', 'REPLACE'])}`)],
  [2, (r, p, t) => insert(r, p, t, 'REPLACE')],
  [5, upsert],
  [8, update],
  [4, remove],
  [2, (r, p, t) => writes(`INSERT INTO ${quote(t.name)} (${list(t.columns.slice(-1))}) WITH RECURSIVE ` +
    `n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n LIMIT ${p.add('INT')}) SELECT i FROM n LIMIT 20`)],
  [1, (r, p, t) => writes(`INSERT INTO ${quote(t.name)} DEFAULT VALUES`)]
]

const numbers = (n) => `WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n LIMIT ${n})`

// Statements that need no table.
const ALONE = [
  [6, (r, p) => reads(`SELECT ${p.add('any')} AS a, ${p.add('any')} AS b`)],
  [5, (r, p) => reads(`SELECT ${p.add('')}, typeof(${p.add('')}), length(${p.add('')})`)],
  [3, (r, p) => reads(`SELECT hex(${p.add('TEXT')}) AS h, quote(${p.add('BLOB')}) AS q`)],
  [6, (r) => reads(`SELECT ${r.pick(SQL_LITERALS)} AS v, ${r.pick(SQL_LITERALS)} AS w`)],
  [4, (r) => reads(`SELECT 1 AS ${quote(r.pick(COLUMN_NAMES))}, 2 AS ${quote(r.pick(COLUMN_NAMES))}, ` +
    `3 AS ${quote(r.pick(COLUMN_NAMES))}`)],
  [1, (r) => reads(`SELECT ${r.pick(['1', "x'01'", 'NULL', "'text'"])} AS __proto__, 2 AS a`)],
  [1, (r) => reads(`SELECT ${Array.from({ length: r.pick([17, 33, 120]) }, (_, i) => `${i} AS c${i}`).join(', ')}`)],
  [4, (r) => reads(`${numbers(r.pick([0, 1, 3, 70, 130, 1100]))} SELECT i, i * 1.5 AS f, 'row ' || i AS t FROM n`)],
  [2, (r, p) => reads(`${numbers(9)} SELECT i FROM n WHERE i > ${p.add('INT')} ORDER BY i DESC`)],
  [1, (r) => reads(`${numbers(40)} SELECT CASE WHEN i = ${r.int(1, 40)} THEN abs(-9223372036854775807 - 1) ELSE i END FROM n`)],
  [2, (r) => reads(`VALUES (${r.pick(SQL_LITERALS)}, 1), (2, ${r.pick(SQL_LITERALS)}), (NULL, NULL)`)],
  [2, () => reads('SELECT changes() AS c, total_changes() AS t, last_insert_rowid() AS r')],
  [2, (r, p) => reads(`SELECT upper(${p.add('TEXT')}), substr(${p.add('TEXT')}, 2, 3), instr('abcabc', ${p.add('TEXT')}), ` +
    `nullif(${p.add('INT')}, 1), coalesce(NULL, ${p.add('')}), unicode(${p.add('TEXT')})`)],
  [1, (r, p) => reads(`SELECT json_object('a', ${p.add('INT')}, 'b', json('[1,2]')) AS j, json_extract('{"x":[1,2.5]}', '$.x[1]')`)],
  [1, () => reads("SELECT key, value, type FROM json_each('[1,\"two\",null,3.5,true]')")],
  [1, (r, p) => reads(`SELECT ${p.add('INT')} IN (1, 2, 3), ${p.add('TEXT')} LIKE 'F%', ${p.add('BLOB')} LIKE 'a%', ${p.add('TEXT')} GLOB '*a*'`)],
  [1, (r, p) => reads(`SELECT CAST(${p.add('')} AS INTEGER), CAST(${p.add('')} AS REAL), CAST(${p.add('')} AS TEXT), CAST(${p.add('')} AS BLOB)`)],
  [1, () => reads('SELECT 1 WHERE 0')],
  [1, (r, p) => {
    p.list.push({ name: '1', type: '' }, { name: null, type: '' }, { name: '3', type: '' })
    return reads('SELECT ?3 AS three, ?1 AS one')
  }],
  [1, () => reads('PRAGMA user_version')],
  [1, () => reads('PRAGMA table_info(t0)')],
  [1, () => reads("SELECT name, type, pk FROM pragma_table_info('t0')")],
  [1, (r) => ({ sql: `PRAGMA user_version = ${r.int(0, 9)}`, reads: false, writes: true })],
  [1, (r) => ({ sql: r.pick(['BEGIN', 'COMMIT', 'ROLLBACK', 'SAVEPOINT s1', 'RELEASE s1', 'ROLLBACK TO s1', 'BEGIN EXCLUSIVE', 'BEGIN IMMEDIATE']), reads: false, writes: true })],
  [1, () => ({ sql: 'EXPLAIN QUERY PLAN SELECT 1', reads: true, writes: false, opaque: true })]
]

// Mostly as many arguments as the callable takes; `first` is the text of the first one.
function argumentsOf (r, p, { arity }, first) {
  const right = arity >= 0 && r.chance(0.93)
  const count = right ? Math.min(arity, 5) : r.int(0, 3)
  return Array.from({ length: count }, (_, i) => {
    if (i === 0 && first) return first
    return r.chance(0.6) ? p.add('') : r.pick(SQL_LITERALS)
  }).join(', ')
}

const FRAME_START = ['1 PRECEDING', 'UNBOUNDED PRECEDING', 'CURRENT ROW']
const FRAME_END = ['1 FOLLOWING', 'CURRENT ROW']

// Calls of the user functions, aggregates and tables that the database is thought to have.
function callsOf (user) {
  const calls = []
  const call = (r, p, list, first) => {
    const callee = r.pick(list)
    return `${callee.name}(${argumentsOf(r, p, callee, first)})`
  }
  if (user.functions.length) {
    const f = (r, p, first) => call(r, p, user.functions, first)
    calls.push([8, (r, p) => reads(`SELECT ${f(r, p)} AS f`)])
    calls.push([3, (r, p) => reads(`${numbers(4)} SELECT i, ${f(r, p, 'i')} AS f FROM n`)])
    calls.push([2, (r, p) => reads(`${numbers(4)} SELECT i FROM n WHERE ${f(r, p, 'i')} IS NOT 0`)])
  }
  if (user.aggregates.length) {
    const g = (r, p) => call(r, p, user.aggregates, r.pick(['i', 'i', 'i', 'NULL']))
    calls.push([6, (r, p) => reads(`${numbers(r.int(0, 5))} SELECT ${g(r, p)} AS g FROM n`)])
    calls.push([2, (r, p) => reads(`${numbers(5)} SELECT i % 2 AS odd, ${g(r, p)} AS g FROM n GROUP BY odd ORDER BY odd`)])
  }
  const windowed = user.aggregates.filter(({ windows }) => windows)
  if (windowed.length) {
    calls.push([5, (r, p) => reads(`${numbers(5)} SELECT i, ${call(r, p, windowed, 'i')} OVER (ORDER BY i ROWS BETWEEN ` +
      `${r.pick(FRAME_START)} AND ${r.pick(FRAME_END)}) AS w FROM n`)])
  }
  if (user.tables.length) {
    const v = (r, p) => call(r, p, user.tables, r.pick(['1', '1', 'NULL', "'x'", "x'0102'"]))
    calls.push([5, (r, p) => reads(`SELECT * FROM ${v(r, p)}${r.pick(['', '', ' LIMIT 1'])}`)])
    calls.push([2, (r) => reads(`SELECT * FROM ${r.pick(user.tables).name}`)])
    calls.push([2, (r, p) => reads(`SELECT rowid, * FROM ${v(r, p)} WHERE rowid > 1`)])
    calls.push([0.5, (r) => reads(`SELECT * FROM ${r.pick(user.tables).name} WHERE "$1" > 3`)])
  }
  if (user.modules.length) {
    const made = (r) => `v${r.int(0, 1)}`
    calls.push([5, (r) => writes('CREATE VIRTUAL TABLE IF NOT EXISTS ' +
      `${made(r)} USING ${r.pick(user.modules).name}${r.pick(['', '(1, b, "c")', "(x='y')"])}`)])
    calls.push([3, (r) => reads(`SELECT * FROM ${made(r)}`)])
    calls.push([1, (r) => writes(`DROP TABLE IF EXISTS ${made(r)}`)])
  }
  return calls
}

// SQL that must be refused, or that only just must not.
const ODD_SQL = [
  '', ' ', ';', ';;', '-- only a comment', '/* only a comment */', '/* never closed', 'SELECT 1;', 'SELECT 1; ',
  'SELECT 1;;;', 'SELECT 1; -- trailing', 'SELECT 1; /* trailing */', 'SELECT 1; /* open', 'SELECT 1;/', 'SELECT 1;-',
  'SELECT 1; SELECT 2', 'SELECT 1; --a\nSELECT 2', 'SELECT 1;\f\v\t\r\n', '\ufeffSELECT 1', 'SELECT 1\u00a0', '-- a\nSELECT 1', ';SELECT 1',
  'SELEC 1', 'SELECT', 'SELECT * FROM nope', 'SELECT nope', 'SELECT nope()', 'SELECT abs()', 'SELECT abs(1, 2)',
  'SELECT "dqs"', "SELECT 'open", 'SELECT (1', 'INSERT INTO nope VALUES (1)', 'CREATE TABLE t0 (x)', 'DROP TABLE nope',
  'SELECT 1 FROM t0 WHERE nope = 1', 'INSERT INTO t0 (nope) VALUES (1)', 'SELECT ?0', 'SELECT ?99999', 'SELECT @',
  'SELECT 1 UNION SELECT 1, 2', 'SELECT load_extension(\'x\')', 'ATTACH', 'SELECT sum(1) OVER nope', 'SELECT * ',
  'SELECT \ud800', 'COMMIT', 'ROLLBACK', 'RELEASE nope', 'VACUUM INTO \'\'', 'PRAGMA', 'PRAGMA nope', 'PRAGMA nope = 1',
  'EXPLAIN SELECT 1 +', 'SELECT :a, @a, $a', 'SELECT ?1, ?, :b', 'SELECT * FROM (VALUES (1, 2), (3, 4))',
  'UPDATE sqlite_schema SET sql = 1', 'DELETE FROM sqlite_schema', "SELECT RAISE(ABORT, 'x')", "SELECT match('a', 'b')"
]

function makeStatement (r, { tables, user }) {
  const p = new Parameters(r)
  const calls = callsOf(user)
  const what = r.weighted([[tables.length ? 60 : 0, 'table'], [30, 'alone'], [calls.length ? 16 : 0, 'call']])
  const made = what === 'table'
    ? r.weighted(ABOUT_TABLES)(r, p, r.pick(tables))
    : r.weighted(what === 'call' ? calls : ALONE)(r, p)
  return { ...made, params: p.list }
}

module.exports = { ODD_SQL, Parameters, makeStatement }
