'use strict'

const callables = require('./callables')
const { ordinary, WRONG } = require('./literals')
const { guarded, onDb, query, use } = require('./scenes')

// Scenes about connections: opening, closing, copying, attaching.

const { obj } = callables
const FILES = ['one.db', 'two.db', 'ü.db']
// The engine in WASM has no write-ahead logs.
const MODES = process.env.FERROLITE_NO_WAL ? ['DELETE', 'PERSIST', 'TRUNCATE'] : ['WAL', 'WAL', 'TRUNCATE']

const loud = (g, db) => {
  const ops = g.r.chance(0.4) ? g.collect(() => g.emit(guarded(g, db))) : []
  return callables.LOGGERS(g.r, ops)
}

function open (g, kind = g.r.weighted([[6, 'memory'], [5, 'file'], [1, 'temporary']])) {
  const { r, world } = g
  const file = r.pick(FILES)
  const path = {
    memory: ':memory:',
    temporary: r.pick(['', null, { $: 'undefined' }]),
    file: { $: 'path', v: `DIR/${file}` }
  }[kind]
  const db = world.addDatabase({ kind, file })
  const entries = kind === 'file' ? [['timeout', r.pick([0, 0, 5])]] : []
  if (r.chance(0.25)) entries.push(['verbose', loud(g, db)])
  if (r.chance(0.05)) entries.push(['fileMustExist', false])
  const how = r.weighted([[8, 'new'], [1, 'call'], [1, 'derived']])
  g.emit({ do: 'open', db: db.id, how, args: entries.length ? [path, obj(entries)] : [path] })
  if (kind === 'file' && r.chance(0.5)) {
    const mode = r.pick(MODES)
    g.emit(onDb(db, 'pragma', [`journal_mode = ${mode}`, obj([['simple', true]])]))
  }
  return db
}

function openReadonly (g) {
  const { r, world } = g
  const from = world.databases.find((db) => db.kind === 'file')
  if (!from) return
  const db = world.addDatabase({ kind: 'readonly', tables: [...from.tables], readonly: true })
  g.emit({ do: 'open', db: db.id, how: 'new', args: [{ $: 'path', v: `DIR/${from.file}` }, obj([['readonly', true], ['timeout', 0]])] })
  for (let i = r.int(1, 3); i > 0; i--) query(g, db)
}

function oddOpen (g) {
  const id = g.world.id('db')
  g.emit({ do: 'open', db: id, how: g.r.pick(['new', 'new', 'call']), args: callables.oddOpen(g.r) })
  g.emit({ do: 'props', on: ['db', id] })
  if (g.r.chance(0.5)) g.emit({ do: 'dump', db: id })
  g.emit(onDb({ id }, 'close', []))
}

// After it is closed, everything is tried once more.
function close (g, db) {
  const { r, world } = g
  const known = world.statementsOf(db)
  g.emit(onDb(db, 'close', []))
  for (let i = r.int(2, 5); i > 0; i--) {
    g.emit(guarded(g, db, known.length ? r.pick(known) : undefined))
  }
  world.close(db)
}

function serialize (g, db) {
  const { r, world } = g
  const args = r.weighted([
    [8, []], [2, [obj([['attached', 'main']])]], [1, [obj([['attached', 'temp']])]],
    [1, [r.pick([null, 1, 'x', obj([['attached', 'nope']]), obj([['attached', '']]), obj([['attached', 1]]), obj([])])]]
  ])
  const readonly = r.chance(0.3)
  const options = readonly ? obj([['readonly', true]]) : { $: 'undefined' }
  const copy = world.addDatabase({ kind: 'buffer', tables: [...db.tables], readonly })
  g.emit({ do: 'serialize', db: db.id, args, options, save: copy.id })
  // better-sqlite3 cannot read a copy of a database in WAL mode.
  if (db.kind === 'file' || db.kind === 'readonly') return world.close(copy)
  g.emit({ do: 'dump', db: copy.id })
  const main = args.length === 0 || args[0]?.entries?.[0]?.[1] === 'main'
  if (!main) return world.close(copy)
  for (let i = r.int(0, 3); i > 0; i--) query(g, copy)
}

function backup (g, db) {
  const { r } = g
  const rate = r.pick([{ $: 'undefined' }, 1, 50, { $: 'number', v: 'Infinity' }, ordinary(r)])
  // A handler that always asks for no page would never end.
  const v = typeof rate === 'number' && rate < 1 ? 1 : rate
  const progress = { $: 'fn', name: 'progress', ret: { how: 'value', v }, ...callables.faults(r, 0.2) }
  const options = r.weighted([
    [4, []], [5, [obj([['progress', progress]])]], [1, [obj([['attached', 'main']])]],
    [2, [r.pick([null, 1, 'x', obj([['attached', 'nope']]), obj([['attached', '']]), obj([['attached', 1]]), obj([['progress', 1]]), obj([['progress', null]])])]]
  ])
  const name = r.weighted([[8, { $: 'path', v: `DIR/${r.pick(['copy.db', 'copy2.db', ' trimmed.db '])}` }], [1, { $: 'path', v: 'DIR/missing/x.db' }],
    [1, r.pick(['', ' ', ':memory:', null, 1, { $: 'undefined' }])]])
  const during = g.collect(() => {
    if (r.chance(0.3)) g.emit(guarded(g, db))
  })
  g.emit({ do: 'backup', db: db.id, args: [name, ...options], during: during.filter((op) => op.m !== 'close') })
  if (r.chance(0.5)) {
    const id = g.world.id('db')
    g.emit({ do: 'open', db: id, how: 'new', args: [{ $: 'path', v: 'DIR/copy.db' }, obj([['fileMustExist', true], ['timeout', 0]])] })
    g.emit({ do: 'dump', db: id })
    g.emit(onDb({ id }, 'close', []))
  }
}

function attach (g, db) {
  const { r } = g
  const name = `att${r.int(0, 1)}`
  const source = r.pick([':memory:', ':memory:', 'attached.db'])
  if (source === ':memory:') g.emit(onDb(db, 'exec', [`ATTACH ':memory:' AS ${name}`]))
  else g.emit(onDb(db, 'exec', [{ $: 'path', v: `ATTACH 'DIR/${source}' AS ${name}` }]))
  g.emit(onDb(db, 'exec', [`CREATE TABLE IF NOT EXISTS ${name}.u (a, b)`]))
  const user = { functions: [], aggregates: [], tables: [], modules: [] }
  const view = { ...db, tables: [{ name: 'u', columns: [{ name: 'a', type: '' }, { name: 'b', type: 'INT' }], rowid: true, sql: '' }], user }
  for (let i = r.int(1, 3); i > 0; i--) query(g, view)
  if (r.chance(0.6)) g.emit(onDb(db, 'pragma', [`${name}.user_version`]))
  if (r.chance(0.7)) g.emit(onDb(db, 'exec', [`DETACH ${name}`]))
}

// A switch of the connection, some work, and mostly back again.
function switches (g, db) {
  const { r } = g
  const m = r.weighted([[3, 'defaultSafeIntegers'], [1, 'unsafeMode']])
  g.emit(onDb(db, m, r.weighted([[3, []], [3, [true]], [1, [r.pick([1, null, 'x', { $: 'undefined' }])]]])))
  for (let i = r.int(1, 3); i > 0; i--) query(g, db)
  if (m === 'unsafeMode') unsafe(g, db)
  if (r.chance(0.85)) g.emit(onDb(db, m, [false]))
}

// Writes while iterating, which only unsafe mode allows.
function unsafe (g, db) {
  const reader = g.world.statementsOf(db, (s) => s.reads && !s.writes && !s.bound)[0]
  if (!reader) return
  const writer = g.world.statementsOf(db, (s) => s.writes && !/^(BEGIN|COMMIT|ROLLBACK|SAVE|RELEASE|CREATE|DROP|PRAGMA)/.test(s.sql))[0]
  const body = g.collect(() => {
    if (writer) use(g, writer)
    g.emit(guarded(g, db))
  })
  const quiet = body.filter((op) => op.m !== 'close')
  g.emit({ do: 'each', on: ['stmt', reader.id], args: [], body: quiet })
}

function look (g, db) {
  g.emit(g.r.pick([
    { do: 'props', on: ['db', db.id] },
    { do: 'dump', db: db.id },
    { do: 'files' },
    { do: 'gc' }
  ]))
}

function foreign (g, db) {
  const { r, world } = g
  const known = world.statementsOf(db)
  if (!known.length) return
  const on = ['stmt', r.pick(known).id]
  const self = r.pick([callables.obj([]), { $: 'undefined' }, null, 1, { $: 'ref', on: ['db', db.id] }])
  g.emit({ do: 'foreign', on, m: r.pick(['run', 'get', 'all', 'iterate', 'bind', 'pluck', 'columns', 'toString', 'safeIntegers']), self })
}

function set (g, db) {
  const { r, world } = g
  const known = world.statementsOf(db)
  const [on, keys] = known.length && r.chance(0.5)
    ? [['stmt', r.pick(known).id], ['busy', 'mine']]
    : [['db', db.id], ['name', 'open', 'memory', 'inTransaction', 'mine']]
  g.emit({ do: 'set', on, key: r.pick(keys), value: r.pick([1, 'x', ...WRONG.slice(0, 2)]) })
}

function extension (g, db) {
  g.emit(onDb(db, 'loadExtension', g.r.pick([
    [], [1], [{ $: 'path', v: 'DIR/none' }], [{ $: 'path', v: 'DIR/none' }, 1], [{ $: 'path', v: 'DIR/none' }, 'entry'], [{ $: 'undefined' }],
    [{ $: 'path', v: 'DIR/none' }, { $: 'undefined' }]
  ])))
}

module.exports = {
  attach,
  backup,
  close,
  extension,
  foreign,
  look,
  oddOpen,
  open,
  openReadonly,
  serialize,
  set,
  switches
}
