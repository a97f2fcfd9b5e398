'use strict'

const assert = require('node:assert/strict')
const test = require('node:test')
const { mapStore } = require('../../stores/map')
const { CLOSED, Database, child, cleanup, exited, isSqliteError, rangeError, sqliteError, typeError } = require('../support')

function open (t, store, options, name = 'a') {
  const db = new Database(name, { store, ...options })
  cleanup(t, () => db.close())
  return db
}

// The same store, with its calls counted and listed.
function counted (store) {
  const calls = []
  const wrapped = { ...store }
  for (const name of ['get', 'getBatch', 'put', 'putBatch', 'deleteBatch', 'putIfAbsent']) {
    wrapped[name] = (...args) => {
      calls.push(name)
      return store[name](...args)
    }
  }
  const writes = () => calls.filter(name => !name.startsWith('get'))
  return { store: wrapped, calls, writes }
}

test('rows are there after a database was closed and opened again', t => {
  const store = mapStore()
  const db = open(t, store)
  assert.deepEqual({ ...db }, { name: 'a', open: true, inTransaction: false, readonly: false, memory: false })
  db.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, x)')
  const blob = Buffer.alloc(200000, 7)
  db.run('INSERT INTO t VALUES (1, ?), (2, ?), (3, NULL)', 'one', blob)
  assert.equal(db.close(), db)
  typeError(() => db.exec('SELECT 1'), CLOSED)
  assert.equal(db.close(), db)
  const again = open(t, store)
  assert.deepEqual(again.all('SELECT * FROM t'), [{ id: 1, x: 'one' }, { id: 2, x: blob }, { id: 3, x: null }])
  assert.equal(again.pragma('integrity_check', { simple: true }), 'ok')
  assert.deepEqual([...store.map.keys()].filter(key => !key.startsWith('a/')), [])
})

test('rows are there without close(), as after a kill', t => {
  const store = mapStore()
  open(t, store).exec('CREATE TABLE t (x); INSERT INTO t VALUES (1)')
  // Another object over the same values: nobody knows that they are one store.
  const again = open(t, mapStore(store.map))
  assert.deepEqual(again.all('SELECT x FROM t'), [{ x: 1 }])
})

test('databases of one store do not know each other', t => {
  const store = mapStore()
  const names = ['a', 'b', 'a/b', 'é 1', 'A', 'x'.repeat(200)]
  for (const name of names) open(t, store, {}, name).exec(`CREATE TABLE t AS SELECT '${name}' x`)
  for (const name of names) {
    assert.equal(open(t, mapStore(store.map), { readonly: true }, name).get('SELECT x FROM t').x, name)
  }
})

test('an autocommit is one write, and what reads or is rolled back writes nothing', t => {
  const { store, calls, writes } = counted(mapStore())
  const db = open(t, store)
  db.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, x)')
  const insert = db.prepare('INSERT INTO t (x) VALUES (?)')
  calls.length = 0
  for (let i = 0; i < 10; i++) insert.run(i)
  assert.deepEqual(writes(), Array(10).fill('putIfAbsent'))
  calls.length = 0
  db.all('SELECT * FROM t')
  db.transaction(() => db.all('SELECT * FROM t'))()
  assert.throws(() => db.transaction(() => {
    insert.run(5)
    throw new Error('no')
  })(), { message: 'no' })
  db.run('UPDATE t SET x = x')
  assert.deepEqual(writes(), [])
  db.close()
  calls.length = 0
  const reader = open(t, store, { readonly: true })
  assert.equal(reader.get('SELECT count(*) n FROM t').n, 10)
  sqliteError(() => reader.run('INSERT INTO t (x) VALUES (1)'), 'SQLITE_READONLY')
  reader.close()
  assert.deepEqual(writes(), [])
})

test('a transaction is there as a whole, whatever its size', t => {
  const { store, writes } = counted(mapStore())
  const db = open(t, store, { pageSize: 4096 })
  assert.equal(db.pragma('page_size', { simple: true }), 4096)
  db.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, x)')
  const insert = db.prepare('INSERT INTO t (x) VALUES (?)')
  const fill = db.transaction(n => {
    for (let i = 0; i < n; i++) insert.run(`${i}`.repeat(20))
  })
  fill(10000)
  const before = writes().length
  insert.run(Buffer.alloc(1 << 20))
  assert.ok(writes().length - before <= 6, `${writes().length - before} writes for a row of 1 MiB`)
  db.exec('DELETE FROM t WHERE id % 2; VACUUM')
  db.close()
  const again = open(t, store)
  assert.equal(again.get('SELECT count(*) n FROM t').n, 5000)
  assert.equal(again.pragma('integrity_check', { simple: true }), 'ok')
})

test('the store and the name may be open for writing once, and for reading as often as one likes', t => {
  const store = mapStore()
  const db = open(t, store)
  const second = () => new Database('a', { store })
  sqliteError(second, 'SQLITE_BUSY', 'The database "a" of this store is already open for writing: close it first')
  open(t, store, { readonly: true })
  open(t, store, { readonly: true })
  open(t, store, {}, 'b')
  db.close()
  const again = open(t, store)
  sqliteError(second, 'SQLITE_BUSY')
  again.close()
  // One that could not be opened is not open.
  const get = store.get
  store.get = () => { throw new TypeError('gone') }
  const getBatch = store.getBatch
  store.getBatch = store.get
  sqliteError(second, 'KV_STORE')
  Object.assign(store, { get, getBatch })
  open(t, store)
})

test('a reader sees what it has opened until refresh()', t => {
  const store = mapStore()
  const db = open(t, store)
  db.exec('CREATE TABLE t (x)')
  const reader = open(t, store, { readonly: true })
  db.exec('INSERT INTO t VALUES (1)')
  assert.deepEqual(reader.all('SELECT x FROM t'), [])
  assert.equal(reader.refresh(), true)
  assert.deepEqual(reader.all('SELECT x FROM t'), [{ x: 1 }])
  assert.equal(reader.refresh(), false)
  db.exec('ALTER TABLE t ADD COLUMN y DEFAULT 2; INSERT INTO t VALUES (3, 4)')
  reader.refresh()
  assert.deepEqual(reader.all('SELECT * FROM t'), [{ x: 1, y: 2 }, { x: 3, y: 4 }])
  const rows = reader.iterate('SELECT * FROM t')
  rows.next()
  typeError(() => reader.refresh(), /busy executing a query$/)
  rows.return()
  reader.exec('BEGIN')
  reader.all('SELECT * FROM t')
  typeError(() => reader.refresh(), 'The database connection is in a transaction')
  reader.exec('COMMIT')
  typeError(() => db.refresh(), /^refresh\(\) is for databases that are open for reading/)
  reader.close()
  typeError(() => reader.refresh(), CLOSED)
  typeError(() => new Database(':memory:').refresh(), /^refresh\(\) is not available for databases on this machine/)
})

test('a database that is not there cannot be opened for reading', t => {
  const store = mapStore()
  sqliteError(() => new Database('a', { store, readonly: true }), 'SQLITE_CANTOPEN', 'unable to open database: the store has no "a"')
  assert.equal(store.map.size, 0)
})

test('a writer that another has taken the place of is fenced, and says so', t => {
  const store = mapStore()
  const old = open(t, store)
  old.exec('CREATE TABLE t (x); INSERT INTO t VALUES (1)')
  const now = open(t, mapStore(store.map))
  now.exec('INSERT INTO t VALUES (2)')
  const check = error => isSqliteError('KV_FENCED', /^another connection has taken over the database/)(error) &&
    error.key.startsWith('a/') && error.rawCode > 0
  assert.throws(() => old.exec('INSERT INTO t VALUES (3)'), check)
  assert.throws(() => old.exec('INSERT INTO t VALUES (4)'), check)
  old.close()
  now.exec('INSERT INTO t VALUES (5)')
  now.close()
  assert.deepEqual(open(t, store).all('SELECT x FROM t').map(({ x }) => x), [1, 2, 5])
})

test('who was fenced off reads the state of before, until that is deleted', t => {
  const store = mapStore()
  const old = open(t, store)
  old.exec('CREATE TABLE t (x); INSERT INTO t VALUES (randomblob(300000)), (1)')
  old.pragma('kv_flush')
  const before = old.all('SELECT x FROM t')
  // Nothing of it stays in SQLite's memory.
  old.pragma('cache_size = 1')
  let now = open(t, mapStore(store.map))
  sqliteError(() => old.pragma('kv_check'), 'KV_FENCED')
  for (const sql of ['INSERT INTO t VALUES (2)', 'DELETE FROM t', 'CREATE TABLE u (x)']) {
    sqliteError(() => old.exec(sql), 'KV_FENCED')
    assert.deepEqual(old.all('SELECT x FROM t'), before)
  }
  const half = old.transaction(() => {
    old.run('UPDATE t SET x = 3')
    assert.equal(old.get('SELECT count(*) AS n FROM t WHERE x = 3').n, 2)
  })
  sqliteError(() => half(), 'KV_FENCED')
  assert.equal(old.inTransaction, false)
  assert.deepEqual(old.all('SELECT x FROM t'), before)
  now.exec('UPDATE t SET x = 4')
  assert.deepEqual(old.all('SELECT x FROM t'), before)
  now.close()
  // One that has read nothing yet reads what is garbage once checkpoints have come after it.
  const late = open(t, mapStore(store.map))
  now = open(t, mapStore(store.map))
  for (let i = 0; i < 3; i++) {
    now.exec('UPDATE t SET x = randomblob(300000)')
    now.pragma('kv_flush')
  }
  sqliteError(() => late.all('SELECT x FROM t'), 'KV_FENCED')
})

test('a store without putIfAbsent works for one writer', t => {
  const { putIfAbsent, ...store } = mapStore()
  typeError(() => new Database('a', { store }), /singleWriter/)
  const db = open(t, store, { singleWriter: true })
  db.exec('CREATE TABLE t (x); INSERT INTO t VALUES (1)')
  db.close()
  assert.deepEqual(open(t, store, { singleWriter: true }).all('SELECT x FROM t'), [{ x: 1 }])
})

test('user functions, tables, hooks and other databases work inside', t => {
  const store = mapStore()
  const db = open(t, store)
  const seen = []
  db.function('twice', x => x * 2)
  db.on('update', ({ operation, rowid }) => seen.push([operation, Number(rowid)]))
  db.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, x); INSERT INTO t (x) VALUES (twice(4)), (twice(5))')
  assert.deepEqual(db.all('SELECT twice(x) y FROM t'), [{ y: 16 }, { y: 20 }])
  assert.deepEqual(seen, [['insert', 1], ['insert', 2]])
  db.exec("ATTACH ':memory:' AS m; CREATE TABLE m.u AS SELECT * FROM t")
  assert.equal(db.get('SELECT count(*) n FROM m.u').n, 2)
  db.exec('DETACH m')
  const copy = new Database(db.serialize())
  assert.deepEqual(copy.all('SELECT x FROM t'), [{ x: 8 }, { x: 10 }])
  const session = db.createSession()
  db.exec('INSERT INTO t (x) VALUES (1)')
  copy.applyChangeset(session.changeset())
  assert.equal(copy.get('SELECT count(*) n FROM t').n, 3)
  session.close()
  copy.close()
})

// Rows are on their way through the block while pages are read; the store may use it too.
test('a store may be a database itself', t => {
  const inner = new Database(':memory:')
  cleanup(t, () => inner.close())
  inner.exec('CREATE TABLE kv (key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID')
  const read = inner.prepare('SELECT value FROM kv WHERE key = ?').pluck()
  const write = inner.prepare('INSERT INTO kv VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value')
  const create = inner.prepare('INSERT INTO kv VALUES (?, ?) ON CONFLICT DO NOTHING')
  const remove = inner.prepare('DELETE FROM kv WHERE key = ?')
  const all = list => inner.transaction(() => list.map(item => item()))()
  const store = {
    get: key => read.get(key),
    getBatch: keys => keys.map(key => read.get(key)),
    put: (key, value) => write.run(key, value),
    putBatch: entries => all(entries.map(entry => () => write.run(...entry))),
    deleteBatch: keys => all(keys.map(key => () => remove.run(key))),
    putIfAbsent: (key, value) => create.run(key, value).changes === 1
  }
  const db = open(t, store)
  db.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, x, y); CREATE INDEX i ON t (y)')
  const insert = db.prepare('INSERT INTO t (x, y) VALUES (?, ?)')
  db.transaction(() => {
    for (let i = 0; i < 5000; i++) insert.run(`text ${i}`.repeat(10), 5000 - i)
  })()
  db.close()
  const again = open(t, store)
  const rows = again.all('SELECT * FROM t')
  assert.deepEqual(rows, Array.from({ length: 5000 }, (_, i) => ({ id: i + 1, x: `text ${i}`.repeat(10), y: 5000 - i })))
  let next = 1
  for (const row of again.iterate('SELECT x, y FROM t INDEXED BY i ORDER BY y')) {
    assert.deepEqual(row, { x: `text ${5000 - next}`.repeat(10), y: next++ })
  }
  assert.equal(next, 5001)
})

test('pragmas that would change what is fixed are refused with the reason', t => {
  const db = open(t, mapStore())
  const refused = [
    ['journal_mode = WAL', /^PRAGMA journal_mode is fixed in a key-value store: every commit is atomic/],
    ['journal_mode = DELETE', /every commit is atomic without a journal/],
    ['locking_mode = NORMAL', /the store decides who writes/],
    ['page_size = 4096', /chosen when the database is created/],
    ['mmap_size = 1000000', /there is no file to map/]
  ]
  for (const [sql, message] of refused) sqliteError(() => db.pragma(sql), 'SQLITE_ERROR', message)
  assert.deepEqual(db.pragma('journal_mode'), [{ journal_mode: 'memory' }])
  assert.equal(db.pragma('page_size', { simple: true }), 8192)
})

test('a page that is too large for the values of the store is refused', t => {
  const store = { ...mapStore(), limits: { maxValueBytes: 40000 } }
  sqliteError(() => new Database('a', { store, pageSize: 65536 }), 'SQLITE_ERROR', 'The page size is too large for the values of this store')
  rangeError(() => new Database('a', { store: { ...store, limits: { maxValueBytes: 1 } } }))
  open(t, store).exec('CREATE TABLE t (x)')
})

test('NODE_DEBUG=ferrolite prints the calls of the store', async t => {
  const script = `const { mapStore } = require(${JSON.stringify(require.resolve('../../stores/map'))})
    const store = mapStore()
    const db = new Database('a', { store })
    db.exec('CREATE TABLE t (x)')
    store.putIfAbsent = () => { throw new Error('disk is full') }
    try { db.exec('INSERT INTO t VALUES (1)') } catch (error) { console.log(error.code) }`
  const { stdout, stderr } = exited(await child(script, { env: { NODE_DEBUG: 'ferrolite' } }))
  assert.match(stderr, /^FERROLITE \d+: store\.get\(a\/H\) -> nothing$/m)
  assert.match(stderr, /store\.putIfAbsent\(a\/E\/00000001\) -> true$/m)
  assert.match(stderr, /store\.putIfAbsent\(a\/L\/\w+\/\w+\) failed: disk is full$/m)
  assert.match(stdout, /^KV_/)
})
