'use strict'

const { bindArguments, iterateArguments } = require('./arguments')
const callables = require('./callables')
const { THROWN, WRONG, ordinary } = require('./literals')
const { makeTable, quote } = require('./schema')
const { ODD_SQL, makeStatement } = require('./statements')

// A scene is a few operations that belong together. `g` is the generator: r, world, emit, collect.

const call = (on, m, args, save) => save ? { do: 'call', on, m, args, save } : { do: 'call', on, m, args }
const onDb = (db, m, args, save) => call(['db', db.id], m, args, save)
const onStmt = (stmt, m, args) => call(['stmt', stmt.id], m, args)
const onIter = (iter, m, args = []) => call(['iter', iter.id], m, args)

function prepare (g, db, made = makeStatement(g.r, db)) {
  const stmt = g.world.addStatement({ ...made, id: g.world.id('stmt'), db, bound: false })
  g.emit(onDb(db, 'prepare', [stmt.sql], ['stmt', stmt.id]))
  return stmt
}

function pickStatement (g, db, test) {
  const known = g.world.statementsOf(db, test)
  if (known.length && g.r.chance(0.6)) return g.r.pick(known)
  for (let tries = 0; tries < 8; tries++) {
    const made = makeStatement(g.r, db)
    if (!test || test(made)) return prepare(g, db, made)
  }
  return prepare(g, db)
}

function methodFor (r, stmt) {
  if (r.chance(0.05)) return r.pick(['run', 'get', 'all'])
  if (stmt.opaque) return 'run'
  if (!stmt.reads) return 'run'
  return r.weighted([[4, 'get'], [5, 'all'], [stmt.writes ? 4 : 1, 'run']])
}

function use (g, stmt, wrong) {
  const args = stmt.bound && g.r.chance(0.9) ? [] : bindArguments(g.r, stmt.params, wrong)
  g.emit(onStmt(stmt, methodFor(g.r, stmt), args))
}

function query (g, db) {
  const stmt = pickStatement(g, db)
  for (let i = g.r.int(1, 3); i > 0; i--) use(g, stmt)
}

function fill (g, db) {
  if (!db.tables.length) return
  const stmt = pickStatement(g, db, (s) => s.writes && /^INSERT/.test(s.sql))
  for (let i = g.r.int(2, 6); i > 0; i--) use(g, stmt, 0.03)
}

const MODES = ['pluck', 'raw', 'expand', 'safeIntegers']

function modes (g, db) {
  const stmt = pickStatement(g, db, (s) => s.reads || g.r.chance(0.1))
  for (let i = g.r.int(1, 3); i > 0; i--) {
    const args = g.r.weighted([[4, []], [3, [true]], [3, [false]], [1, [g.r.pick([1, null, 'x', { $: 'undefined' }])]]])
    g.emit(onStmt(stmt, g.r.pick(MODES), args))
    use(g, stmt, 0.03)
  }
  if (g.r.chance(0.3)) g.emit(onStmt(stmt, 'columns', []))
}

function describe (g, db) {
  const stmt = pickStatement(g, db)
  g.emit(onStmt(stmt, g.r.pick(['columns', 'toString']), []))
  if (g.r.chance(0.4)) g.emit({ do: 'props', on: ['stmt', stmt.id] })
}

function bind (g, db) {
  const stmt = prepare(g, db)
  stmt.bound = true
  g.emit(onStmt(stmt, 'bind', bindArguments(g.r, stmt.params, 0.15)))
  g.emit(onStmt(stmt, 'toString', []))
  use(g, stmt)
  if (g.r.chance(0.3)) g.emit(onStmt(stmt, 'bind', bindArguments(g.r, stmt.params)))
  use(g, stmt)
}

function iterate (g, db, deep = false) {
  const { r } = g
  const stmt = pickStatement(g, db, (s) => s.reads)
  const iter = { id: g.world.id('iter'), stmt }
  const args = stmt.bound ? [] : iterateArguments(r, stmt.params, 0.06)
  g.emit({ do: 'call', on: ['stmt', stmt.id], m: 'iterate', args, save: ['iter', iter.id] })
  if (r.chance(0.1)) g.emit({ do: 'props', on: ['iter', iter.id] })
  for (let i = r.int(0, 4); i > 0; i--) {
    g.emit(onIter(iter, 'next'))
    if (r.chance(0.5)) whileIterating(g, db, stmt)
    if (r.chance(0.12) && !deep) iterate(g, db, true)
  }
  g.emit(r.weighted([
    [4, onIter(iter, 'return')],
    [4, { do: 'drain', on: ['iter', iter.id] }]
  ]))
  if (r.chance(0.3)) g.emit(onIter(iter, r.pick(['next', 'return'])))
}

// What may be tried while an iterator is open: reads on others, and all that must be refused.
function whileIterating (g, db, stmt) {
  const { r } = g
  r.weighted([
    [6, () => use(g, pickStatement(g, db, (s) => s.reads && !s.writes))],
    [2, () => use(g, stmt)],
    [3, () => use(g, pickStatement(g, db, (s) => s.writes))],
    [4, () => g.emit(guarded(g, db, stmt))]
  ])()
}

// One operation whose outcome depends on the state of the connection.
function guarded (g, db, stmt) {
  const { r } = g
  const own = stmt ?? r.pick(g.world.statementsOf(db)) ?? null
  const calls = [
    onDb(db, 'exec', [r.pick(['SELECT 1', 'CREATE TEMP TABLE IF NOT EXISTS tmp (x)', 'SELEC'])]),
    onDb(db, 'prepare', [r.pick(['SELECT 1', 'SELEC 1', ''])]),
    onDb(db, 'pragma', ['user_version']),
    onDb(db, 'close', []),
    onDb(db, 'function', callables.functionArguments(r, 'guarded')),
    onDb(db, 'aggregate', callables.aggregateArguments(r, 'guarded')),
    onDb(db, 'table', callables.tableArguments(r, 'guarded_table')),
    onDb(db, 'defaultSafeIntegers', [false]),
    onDb(db, 'unsafeMode', [false]),
    onDb(db, 'loadExtension', ['DIR/no-such-extension']),
    { do: 'serialize', db: db.id, args: [], options: { $: 'undefined' }, save: 1000 + g.world.id('db') },
    { do: 'explain', db: db.id, args: ['SELECT 1'] },
    { do: 'props', on: ['db', db.id] },
    { do: 'transaction', db: db.id, fn: { $: 'fn', name: 'work', ret: { how: 'count' } }, args: [] }
  ]
  if (own) {
    for (const m of ['columns', 'toString', 'pluck', 'raw', 'expand', 'safeIntegers', 'get', 'all', 'run', 'bind']) {
      if (m !== 'bind' || r.chance(0.2)) calls.push(onStmt(own, m, []))
    }
    calls.push({ do: 'props', on: ['stmt', own.id] })
    calls.push({ do: 'each', on: ['stmt', own.id], args: [], body: [] })
  }
  const op = r.pick(calls)
  if (op.m === 'bind') own.bound = true
  if (op.m === 'close') g.world.suspect(db)
  return op
}

function each (g, db) {
  const { r } = g
  const stmt = pickStatement(g, db, (s) => s.reads)
  const body = g.collect(() => {
    for (let i = r.int(0, 3); i > 0; i--) whileIterating(g, db, stmt)
  })
  const args = stmt.bound ? [] : iterateArguments(r, stmt.params, 0.04)
  const op = { do: 'each', on: ['stmt', stmt.id], args, body }
  if (r.chance(0.3)) op.breakAt = r.int(1, 3)
  else if (r.chance(0.15)) Object.assign(op, { throwAt: r.int(1, 3), throws: r.pick(THROWN) })
  g.emit(op)
}

function transaction (g, db, depth = 0) {
  const { r } = g
  const ops = g.collect(() => {
    for (let i = r.int(1, 4); i > 0; i--) {
      r.weighted([
        [8, () => fillOne(g, db)],
        [4, () => query(g, db)],
        [1, () => exec(g, db)],
        [1, () => each(g, db)],
        [depth < 2 ? 3 : 0, () => transaction(g, db, depth + 1)],
        [1, () => g.emit(onDb(db, 'exec', [r.pick(['COMMIT', 'ROLLBACK', 'BEGIN', 'SAVEPOINT x'])]))]
      ])()
    }
  })
  const ends = r.weighted([
    [8, { ret: { how: r.pick(['describe', 'count', 'nothing']) } }],
    [4, { ret: { how: 'nothing' }, throwAt: 1, throws: r.pick(THROWN) }],
    [1, { ret: { how: r.pick(['promise', 'thenable']) } }]
  ])
  const fn = r.chance(0.97) ? { $: 'fn', name: 'work', ops, ...ends } : r.pick([1, null, { $: 'undefined' }])
  const op = { do: 'transaction', db: db.id, fn, args: r.chance(0.5) ? [] : [1, 'two'] }
  if (r.chance(0.5)) op.mode = r.pick(['default', 'deferred', 'immediate', 'exclusive'])
  if (r.chance(0.2)) op.self = { $: 'obj', entries: [['self', 1]] }
  if (r.chance(0.15)) op.inspect = true
  g.emit(op)
}

function fillOne (g, db) {
  use(g, pickStatement(g, db, (s) => s.writes), 0.05)
}

function manual (g, db) {
  const { r } = g
  g.emit(onDb(db, 'exec', [r.pick(['BEGIN', 'BEGIN IMMEDIATE', 'SAVEPOINT manual'])]))
  for (let i = r.int(1, 5); i > 0; i--) r.pick([fillOne, query, fillOne, each])(g, db)
  g.emit(onDb(db, 'exec', [r.pick(['COMMIT', 'ROLLBACK', 'COMMIT; BEGIN; ROLLBACK'])]))
  if (r.chance(0.5)) g.emit({ do: 'props', on: ['db', db.id] })
}

const PRAGMAS = ['user_version', 'user_version = 5', 'table_info(t0)', 'foreign_keys', 'journal_mode', 'cache_size',
  'encoding', 'page_size', 'application_id = 77', 'application_id', 'index_list(t0)', 'foreign_key_list(t1)', 'foreign_key_check',
  'integrity_check', 'quick_check', 'synchronous', 'recursive_triggers', 'busy_timeout', 'busy_timeout = 30',
  'data_version', 'database_list(1', 'user_version; SELECT 1', 'wal_checkpoint(RESTART)', 'max_page_count', 'no_such_pragma',
  'defer_foreign_keys = 1', 'journal_mode = OFF', 'writable_schema = 1', 'foreign_keys = OFF', 'foreign_keys = ON', '', 'table_list(t0)',
  'table_xinfo(t0)', 'temp_store', 'auto_vacuum', 'freelist_count', 'case_sensitive_like = 0', 'trusted_schema']

function pragma (g, db) {
  const { r } = g
  const options = r.weighted([
    [4, []], [5, [callables.obj([['simple', true]])]], [1, [callables.obj([['simple', false]])]], [1, [{ $: 'undefined' }]],
    [1, [r.pick([null, 1, 'x', [], callables.obj([['simple', 1]]), callables.obj([['simple', { $: 'undefined' }]]), callables.obj([])])]]
  ])
  const source = r.chance(0.97) ? r.pick(PRAGMAS) : r.pick([1, null, { $: 'undefined' }, { $: 'boxed', v: 'x' }])
  g.emit(onDb(db, 'pragma', source?.$ === 'undefined' && r.chance(0.5) ? [] : [source, ...options]))
}

function exec (g, db) {
  const { r } = g
  const table = r.pick(db.tables)
  const one = () => r.pick([
    'SELECT 1', 'SELECT 1;', '', '-- nothing', `DELETE FROM ${quote(table?.name ?? 't0')} WHERE 0`, 'SELECT * FROM sqlite_schema',
    "SELECT 'a;b'", 'PRAGMA user_version = 3', 'SELECT ?', 'SELECT nope', 'CREATE TEMP TABLE IF NOT EXISTS tmp (x)',
    'INSERT INTO tmp VALUES (1), (2)', 'SELECT * FROM tmp', '/* c */', 'SELECT 1 /* open', 'REINDEX', 'ANALYZE'
  ])
  const source = r.chance(0.96) ? Array.from({ length: r.int(1, 3) }, one).join(r.pick([';', '; ', ';\n'])) : r.pick(WRONG)
  g.emit(onDb(db, 'exec', r.chance(0.98) ? [source] : []))
}

function oddSql (g, db) {
  const { r } = g
  const source = r.weighted([
    [12, () => r.pick(ODD_SQL)],
    [2, () => r.pick(WRONG)],
    [1, () => ({ $: 'undefined' })],
    [1, () => r.pick(['SELECT 1\0', 'SELECT \0 1', 'SELECT \'a\0b\'', '\0', '\0SELECT 1'])]
  ])()
  const m = r.weighted([[6, 'prepare'], [2, 'exec'], [1, 'explain']])
  if (m === 'explain') return g.emit({ do: 'explain', db: db.id, args: [source] })
  const text = typeof source === 'string' ? source : ''
  if (m === 'exec' && (/^(COMMIT|ROLLBACK|DROP)/.test(text) || text.includes('\0'))) return
  g.emit(onDb(db, m, [source], m === 'prepare' ? ['stmt', g.world.id('stmt')] : undefined))
}

function explain (g, db) {
  const made = makeStatement(g.r, db)
  const sql = g.r.chance(0.3) ? `QUERY PLAN ${made.sql}` : made.sql
  g.emit({ do: 'explain', db: db.id, args: [g.r.chance(0.95) ? sql : ordinary(g.r)] })
}

// Inner operations of a callback: most meet a busy connection.
function busyOps (g, db) {
  if (!g.r.chance(0.25)) return undefined
  return g.collect(() => {
    for (let i = g.r.int(1, 3); i > 0; i--) g.emit(guarded(g, db))
  })
}

function callable (g, db) {
  const { r } = g
  const ops = busyOps(g, db)
  const kind = r.weighted([[5, 'function'], [5, 'aggregate'], [4, 'table'], [2, 'module']])
  const at = { function: ['functions', 'f', 4], aggregate: ['aggregates', 'g', 4], table: ['tables', 'vt', 4], module: ['modules', 'm', 2] }[kind]
  const [list, prefix, count] = at
  const name = `${prefix}${r.int(0, count - 1)}`
  const args = callables[`${kind}Arguments`](r, name, ops)
  g.emit(onDb(db, kind === 'module' ? 'table' : kind, args))
  const shape = callables.shapeOf(kind, args)
  if (shape) db.user[list] = [...db.user[list].filter((other) => other.name !== name), shape]
  for (let i = r.int(1, 4); i > 0; i--) use(g, prepareCall(g, db))
  if (r.chance(0.3)) each(g, db)
}

function prepareCall (g, db) {
  for (let tries = 0; tries < 20; tries++) {
    const made = makeStatement(g.r, db)
    if (/\b[fg][0-3]\(|\bvt[0-3]\b|\bv[0-3]\b/.test(made.sql)) return prepare(g, db, made)
  }
  return prepare(g, db)
}

function createTable (g, db) {
  const made = makeTable(g.r, `t${g.world.id('table')}`, db.tables)
  g.emit(onDb(db, 'exec', [made.sql]))
  db.tables.push(made)
  if (db.tables.length > 5) {
    const [gone] = db.tables.splice(g.r.int(0, 1), 1)
    g.emit(onDb(db, 'exec', [`DROP TABLE ${quote(gone.name)}`]))
  }
  fill(g, db)
}

// The schema changes under statements that are prepared, and they are used again.
function alter (g, db) {
  const { r } = g
  if (!db.tables.length) return
  const table = r.pick(db.tables)
  const name = quote(table.name)
  const old = table.columns[table.columns.length - 1]
  const fresh = `n${g.world.id('name')}`
  const known = g.world.statementsOf(db, (s) => s.sql.includes(name))
  for (const stmt of known.slice(0, 2)) use(g, stmt)
  const change = r.pick(['add', 'add', 'rename', 'drop', 'index', 'trigger', 'view', 'recreate'])
  const sql = {
    add: `ALTER TABLE ${name} ADD COLUMN ${fresh} ${r.pick(['INTEGER', 'TEXT', "TEXT DEFAULT 'd'", ''])}`,
    rename: `ALTER TABLE ${name} RENAME COLUMN ${quote(old.name)} TO ${fresh}`,
    drop: `ALTER TABLE ${name} DROP COLUMN ${quote(old.name)}`,
    index: `CREATE ${r.pick(['', 'UNIQUE '])}INDEX ${fresh} ON ${name} (${quote(old.name)})`,
    trigger: `CREATE TRIGGER ${fresh} ${r.pick(['BEFORE', 'AFTER'])} ${r.pick(['INSERT', 'UPDATE', 'DELETE'])} ON ${name} ` +
      `BEGIN SELECT ${r.pick(['1', "RAISE(ABORT, 'trigger')", 'RAISE(IGNORE)', "RAISE(ROLLBACK, 'all gone')"])} WHERE ${r.chance(0.5) ? 1 : 0}; END`,
    view: `CREATE VIEW ${fresh} AS SELECT * FROM ${name}; SELECT * FROM ${fresh}; DROP VIEW ${fresh}`,
    recreate: `DROP TABLE ${name}; ${table.sql}`
  }[change]
  g.emit(onDb(db, 'exec', [sql]))
  if (change === 'add') table.columns = [...table.columns, { name: fresh, type: '' }]
  if (change === 'rename' && old.name !== 'id') table.columns = [...table.columns.slice(0, -1), { ...old, name: fresh }]
  for (const stmt of known.slice(0, 4)) {
    if (stmt.reads && r.chance(0.4)) g.emit(onStmt(stmt, 'columns', []))
    use(g, stmt)
  }
}

// So many statements that a cache of them must overflow; the first ones keep what was set on them.
function crowd (g, db) {
  g.emit({ do: 'crowd', db: db.id, count: g.r.pick([100, 1500, 5000]) })
}

module.exports = {
  alter,
  bind,
  callable,
  createTable,
  crowd,
  describe,
  each,
  exec,
  explain,
  fill,
  guarded,
  iterate,
  manual,
  modes,
  oddSql,
  onDb,
  pragma,
  query,
  transaction,
  use
}
