'use strict'

// Every method in every state of its connection: allowed, or refused with exactly which error.

const assert = require('node:assert/strict')
const test = require('node:test')
const { OURS, open, tempDir } = require('../support')

const OUTCOMES = {
  ok: 'ok',
  busy: 'TypeError: This database connection is busy executing a query',
  self: 'TypeError: This statement is busy executing a query',
  closed: 'TypeError: The database connection is not open'
}

// The columns: while another statement iterates, the same under unsafeMode, while this statement
// iterates, inside each kind of callback, and after close. A dash: there is no such case.
const MATRIX = `
  database
    prepare               ok    ok    -     busy  closed
    exec                  busy  ok    -     busy  closed
    pragma                busy  ok    -     busy  closed
    checkpoint            busy  -     -     busy  closed
    explain               ok    ok    -     busy  closed
    transaction           ok    ok    -     busy  closed
    transact              busy  ok    -     busy  closed
    serialize             busy  busy  -     busy  closed
    backup                ok    ok    -     ok    closed
    function              busy  busy  -     busy  closed
    aggregate             busy  busy  -     busy  closed
    table                 busy  busy  -     busy  closed
    table factory         busy  busy  -     busy  closed
    loadExtension         busy  busy  -     busy  closed
    defaultSafeIntegers   ok    ok    -     ok    ok
    unsafeMode            ok    ok    -     ok    closed
    close                 busy  busy  -     busy  ok
    getters               ok    ok    -     ok    ok
    inspect               ok    ok    -     ok    ok
  statement
    run                   busy  ok    self  busy  closed
    run a reader          busy  ok    self  busy  closed
    get                   ok    ok    self  busy  closed
    all                   ok    ok    self  busy  closed
    iterate               ok    ok    self  busy  closed
    bind                  ok    ok    self  busy  closed
    pluck                 ok    ok    self  busy  ok
    raw                   ok    ok    self  busy  ok
    expand                ok    ok    self  busy  ok
    safeIntegers          ok    ok    self  busy  ok
    columns               ok    ok    ok    busy  closed
    toString              ok    ok    ok    ok    ok
    getters               ok    ok    ok    ok    ok
  iterator
    next                  ok    ok    ok    busy  ok
    return                ok    ok    ok    busy  ok
    Symbol.iterator       ok    ok    ok    ok    ok
`

const EXTRAS = `
  database
    interrupt             ok    ok    -     ok    closed
    limits                ok    ok    -     ok    -
    limits setter         ok    ok    -     busy  closed
    authorizer            ok    ok    -     busy  closed
    rekey                 busy  busy  -     busy  closed
    batch                 busy  ok    -     busy  closed
    createSession         ok    ok    -     busy  closed
    applyChangeset        busy  ok    -     busy  closed
    on                    ok    ok    -     ok    closed
    off                   ok    ok    -     ok    closed
    Symbol.dispose        busy  busy  -     busy  ok
  statement
    interrupt             ok    ok    ok    ok    closed
    timeout               ok    ok    self  busy  ok
`

let made = 0
const fresh = (prefix) => `${prefix}_${++made}`
const columns = ['x']

const CALLS = {
  database: {
    prepare: ({ db }) => [db.prepare('SELECT 555'), db.prepare('DELETE FROM entries')],
    exec: ({ db }) => db.exec('SELECT 555'),
    pragma: ({ db }) => db.pragma('cache_size'),
    checkpoint: ({ db }) => db.pragma('wal_checkpoint(RESTART)'),
    explain: ({ db }) => db.explain('SELECT 555'),
    transaction: ({ db }) => db.transaction(() => {}),
    transact: ({ work }) => work(),
    serialize: ({ db }) => db.serialize(),
    backup: ({ db, dir }) => db.backup(`${dir}/${fresh('backup')}.db`),
    function: ({ db }) => db.function(fresh('fn'), () => 1),
    aggregate: ({ db }) => db.aggregate(fresh('agg'), { step: () => {} }),
    table: ({ db }) => db.table(fresh('tbl'), { columns, * rows () {} }),
    'table factory': ({ db }) => db.table(fresh('mod'), () => ({ columns, * rows () {} })),
    loadExtension: ({ db, dir }) => db.loadExtension(`${dir}/none`),
    defaultSafeIntegers: ({ db }) => db.defaultSafeIntegers(false),
    unsafeMode: ({ db, unsafe }) => db.unsafeMode(unsafe),
    close: ({ db }) => db.close(),
    getters: ({ db }) => [db.open, db.inTransaction, db.name, db.memory, db.readonly],
    inspect: ({ db }) => require('node:util').inspect(db),
    interrupt: ({ db }) => db.interrupt(),
    limits: ({ db }) => db.limits.length,
    'limits setter': ({ db }) => { db.limits.length = 1_000_000 },
    // In memory nothing can be encrypted: that error comes after those of the matrix.
    rekey: ({ db }) => {
      try {
        db.rekey(null)
      } catch (error) {
        if (!/In-memory/.test(error.message)) throw error
      }
    },
    authorizer: ({ db }) => db.authorizer(null),
    batch: ({ db }) => db.batch(['SELECT 555']),
    createSession: ({ db }) => db.createSession(),
    applyChangeset: ({ db }) => db.applyChangeset(Buffer.alloc(0)),
    on: ({ db }) => db.on('update', () => {}),
    off: ({ db }) => db.off('update', () => {}),
    'Symbol.dispose': ({ db }) => db[Symbol.dispose]()
  },
  statement: {
    run: ({ stmt, writer, running }) => (stmt === running ? stmt : writer).run(),
    'run a reader': ({ stmt }) => stmt.run(),
    get: ({ stmt }) => stmt.get(),
    all: ({ stmt }) => stmt.all(),
    iterate: ({ stmt }) => [...stmt.iterate()],
    bind: ({ stmt, running, unbound }) => (stmt === running ? stmt : unbound.pop()).bind(),
    pluck: ({ stmt }) => stmt.pluck(false),
    raw: ({ stmt }) => stmt.raw(false),
    expand: ({ stmt }) => stmt.expand(false),
    safeIntegers: ({ stmt }) => stmt.safeIntegers(false),
    columns: ({ stmt }) => stmt.columns(),
    toString: ({ stmt }) => stmt.toString(),
    getters: ({ stmt }) => [stmt.busy, stmt.reader, stmt.readonly, stmt.source, stmt.database],
    interrupt: ({ stmt }) => stmt.interrupt(),
    timeout: ({ stmt }) => stmt.timeout(1000)
  },
  iterator: {
    next: ({ iterator }) => iterator.next(),
    return: ({ iterator }) => iterator.return(),
    'Symbol.iterator': ({ iterator }) => iterator[Symbol.iterator]()
  }
}

// How each state is entered: `probe` is called once while it lasts.
const iterating = (env, probe) => {
  const rows = env.running.iterate()
  rows.next()
  try {
    probe()
  } finally {
    rows.return()
  }
}

function hooked (start) {
  return (env, probe) => {
    env.hook = probe
    try {
      start(env)
    } finally {
      env.hook = null
    }
  }
}

const sql = (text) => hooked(({ db }) => db.prepare(text).all())
const STATES = {
  iterating: [0, iterating],
  'iterating in unsafe mode': [1, (env, probe) => {
    env.unsafe = true
    env.db.unsafeMode(true)
    iterating(env, probe)
    env.db.unsafeMode(false)
    env.unsafe = false
  }],
  'iterating itself': [2, (env, probe) => {
    env.stmt = env.running
    // The loop's own iterator is the one that is asked.
    if (env.iterator) probe(env.iterator.next())
    else iterating(env, probe)
    env.stmt = env.reader
  }],
  'inside a function': [3, sql('SELECT hook(1)')],
  'inside a function, running itself': [3, hooked((env) => {
    env.stmt = env.running
    env.running.all()
    env.stmt = env.reader
  })],
  'inside a function of an iterator': [3, hooked(({ running }) => [...running.iterate()])],
  'inside a function of exec()': [3, hooked(({ db, iterator }) => {
    if (iterator) db.unsafeMode(true)
    db.exec('SELECT hook(1)')
    if (iterator) db.unsafeMode(false)
  })],
  'inside a function of run()': [3, hooked(({ db, iterator }) => {
    if (iterator) db.unsafeMode(true)
    db.prepare('UPDATE entries SET a = hook(a)').run()
    if (iterator) db.unsafeMode(false)
  })],
  'inside aggregate start()': [3, sql('SELECT hook_start(b) FROM entries')],
  'inside aggregate step()': [3, sql('SELECT hook_step(b) FROM entries')],
  'inside aggregate inverse()': [3, sql(`SELECT hook_inverse(b) OVER (ORDER BY b ROWS
    BETWEEN CURRENT ROW AND CURRENT ROW) FROM entries`)],
  'inside aggregate result()': [3, sql('SELECT hook_result(b) FROM entries')],
  'inside a table generator': [3, sql('SELECT * FROM hook_table')],
  'inside a table factory': [3, hooked(({ db, iterator }) => {
    if (iterator) db.unsafeMode(true)
    db.prepare('CREATE VIRTUAL TABLE temp.virtual USING hook_factory').run()
    if (iterator) db.unsafeMode(false)
  })],
  'inside verbose': [3, hooked((env) => {
    const other = env.db.prepare('SELECT 1')
    env.loud = true
    other.get()
    env.loud = false
  })],
  'inside verbose of exec()': [3, hooked((env) => {
    if (env.iterator) env.db.unsafeMode(true)
    env.loud = true
    env.db.exec('SELECT 1')
    env.loud = false
    if (env.iterator) env.db.unsafeMode(false)
  })],
  closed: [4, (env, probe) => {
    env.iterator?.return()
    env.db.close()
    probe()
  }]
}

function setUp (t) {
  const env = { hook: null, loud: false, unsafe: false, dir: tempDir(t) }
  const visit = () => {
    const probe = env.hook
    env.hook = null
    probe?.()
  }
  const db = open(t, `${env.dir}/test.db`, { verbose: () => { if (env.loud) visit() } })
  db.exec(`CREATE TABLE entries (a TEXT, b INTEGER);
    INSERT INTO entries VALUES ('a', 1), ('b', 2), ('c', 3), ('d', 4), ('e', 5)`)
  const seen = (value) => {
    visit()
    return value
  }
  const agg = { start: 0, step: (sum, x) => sum + x, inverse: (sum, x) => sum - x }
  db.function('hook', seen)
  db.aggregate('hook_start', { start: () => seen(0), step: agg.step })
  db.aggregate('hook_step', { ...agg, step: (sum, x) => seen(sum + x) })
  db.aggregate('hook_inverse', { ...agg, inverse: (sum, x) => seen(sum - x) })
  db.aggregate('hook_result', { ...agg, result: seen })
  db.table('hook_table', { columns, * rows () { yield seen([1]) } })
  db.table('hook_factory', () => seen({ columns, * rows () {} }))
  env.db = db
  env.running = db.prepare('SELECT hook(b) AS b FROM entries ORDER BY rowid')
  env.reader = db.prepare('SELECT b FROM entries ORDER BY rowid')
  env.writer = db.prepare('UPDATE entries SET b = b + 1')
  env.unbound = Array.from({ length: 3 }, () => db.prepare('SELECT b FROM entries'))
  env.stmt = env.reader
  return env
}

function parse (matrix) {
  const rows = []
  let kind
  for (const line of matrix.split('\n').filter(Boolean)) {
    const cells = line.trim().split(/ {2,}/)
    if (cells.length === 1) kind = cells[0]
    else rows.push({ kind, name: cells[0], expected: cells.slice(1) })
  }
  return rows
}

// What came of a call; a promise is judged once the state is over.
function attempt (call, env) {
  try {
    const value = call(env)
    return value instanceof Promise ? value.then(() => 'ok', describe) : 'ok'
  } catch (error) {
    return describe(error)
  }
}

// A missing extension has passed the guard; an interrupted query is what interrupt() is for.
function describe (error) {
  if (error.code === 'SQLITE_ERROR' && /cannot open shared|dlopen|could not be found/.test(error.message)) return 'ok'
  return `${error.constructor.name}: ${error.message}`
}

function check (row, state) {
  const [column, enter] = STATES[state]
  const expected = row.expected[column]
  const call = CALLS[row.kind][row.name]
  if (expected === '-') return
  const does = expected === 'ok' ? 'is allowed' : 'is refused'
  test(`${row.kind} ${row.name} ${state} ${does}`, async (t) => {
    const env = setUp(t)
    if (row.name === 'transact') env.work = env.db.transaction(() => {})
    if (row.kind === 'iterator') {
      env.iterator = env.reader.iterate()
      env.iterator.next()
    }
    const results = []
    try {
      enter(env, () => results.push(attempt(call, env)))
    } catch (error) {
      if (row.name !== 'interrupt' || error.code !== 'SQLITE_INTERRUPT') throw error
    }
    assert.deepEqual(await Promise.all(results), [OUTCOMES[expected]])
    env.iterator?.return()
    await afterwards(row, state, call, env)
  })
}

// Out of the state the call works, and so does the connection: no guard is left behind.
async function afterwards (row, state, call, env) {
  if (state === 'closed') return
  if (row.expected[STATES[state][0]] === 'ok' && ['close', 'Symbol.dispose'].includes(row.name)) return
  assert.equal(env.running.busy, false)
  assert.equal(env.reader.busy, false)
  assert.equal(env.db.inTransaction, false)
  assert.deepEqual(env.db.prepare('SELECT count(*) AS n FROM entries').get(), { n: 5 })
  env.db.exec('UPDATE entries SET b = 0')
  assert.equal(await attempt(call, env), 'ok')
  env.db.close()
}

for (const row of parse(OURS ? MATRIX + EXTRAS : MATRIX)) {
  for (const state of Object.keys(STATES)) check(row, state)
}
