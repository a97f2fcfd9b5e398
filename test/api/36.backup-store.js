'use strict'

// Backups into key-value stores and out of them, while writing goes on.

const assert = require('node:assert/strict')
const fs = require('node:fs')
const os = require('node:os')
const {
  Database, cleanup, connect, open, ours, steps, storeOf, tempFile, typeError
} = require('../support')

async function setup (t, file, options) {
  const db = await (options === undefined ? open(t, file) : opened(t, file, options))
  await db.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, x); CREATE INDEX i ON t (x)')
  const insert = await db.prepare('INSERT INTO t (x) VALUES (?)')
  await db.transaction(steps(function * () {
    for (let i = 0; i < 500; ++i) yield insert.run(Buffer.alloc(i, i))
  }))()
  return db
}

async function opened (t, name, options) {
  const db = await connect(name, options)
  cleanup(t, () => db.close())
  return db
}

const sum = async db => (await db.get('SELECT sum(id) + sum(length(x)) AS sum FROM t')).sum
// Of this process alone: other tests copy at the same time.
const leftovers = () => fs.readdirSync(os.tmpdir()).filter(name => name.startsWith(`ferrolite-backup-${process.pid}-`)).length

ours('a database is copied into a store, and opens there', async t => {
  const db = await setup(t)
  const store = storeOf()
  const files = leftovers()
  const told = []
  const result = await db.backup('copy', { store, progress: info => { told.push(info) } })
  assert.equal(leftovers(), files)
  assert.equal(result.remainingPages, 0)
  assert.ok(result.totalPages > 10)
  assert.ok(told.length > 0 && told.every(({ totalPages }) => totalPages === result.totalPages))
  const copy = await opened(t, 'copy', { store })
  assert.equal(await sum(copy), await sum(db))
  assert.equal(await copy.pragma('integrity_check', { simple: true }), 'ok')
  assert.equal(await copy.pragma('kv_verify', { simple: true }), 'ok')
  await copy.run('INSERT INTO t (x) VALUES (1)')
})

ours('a copy takes the place of what was there, as one transaction', async t => {
  const db = await setup(t)
  const store = storeOf()
  const { page_size: pageSize } = await db.get('PRAGMA page_size')
  const before = await connect('copy', { store, pageSize })
  await before.exec('CREATE TABLE other (y); INSERT INTO other VALUES (1)')
  await before.close()
  const abort = new AbortController()
  const progress = () => {
    abort.abort()
    return 1
  }
  await assert.rejects(db.backup('copy', { store, signal: abort.signal, progress }), { name: 'AbortError' })
  const same = await connect('copy', { store })
  assert.deepEqual(await same.all('SELECT y FROM other'), [{ y: 1 }])
  await same.close()
  await db.backup('copy', { store })
  const copy = await opened(t, 'copy', { store })
  assert.deepEqual(await copy.all("SELECT name FROM sqlite_schema WHERE type = 'table'"), [{ name: 't' }])
  assert.equal(await sum(copy), await sum(db))
})

ours('writing goes on while a database is copied into a store', async t => {
  const file = tempFile(t)
  const db = await setup(t, file, {})
  const store = storeOf()
  let rows = 0
  const end = new AbortController()
  const other = await opened(t, file)
  const insert = await other.prepare('INSERT INTO t (x) VALUES (zeroblob(2000))')
  const writes = (async () => {
    while (!end.signal.aborted) {
      await insert.run()
      rows++
      await new Promise(resolve => setImmediate(resolve))
    }
  })()
  await db.backup('copy', { store })
  end.abort()
  await writes
  const copy = await opened(t, 'copy', { store })
  const { n } = await copy.get('SELECT count(*) AS n FROM t')
  assert.ok(n >= 500 && n <= 500 + rows, `${n} of ${rows}`)
  assert.equal(await copy.pragma('integrity_check', { simple: true }), 'ok')
})

ours('writing goes on while a store is copied into a file', async t => {
  const store = storeOf()
  const db = await setup(t, 'app', { store })
  const insert = await db.prepare('INSERT INTO t (x) VALUES (zeroblob(3000))')
  const file = tempFile(t, 'copy.db')
  let rows = 500
  const inserts = []
  const progress = ({ remainingPages }) => {
    if (remainingPages === 0 || rows >= 530) return
    rows++
    inserts.push(insert.run())
    return 5
  }
  await db.backup(file, { progress })
  await Promise.all(inserts)
  const copy = await opened(t, file)
  const { n } = await copy.get('SELECT count(*) AS n FROM t')
  assert.ok(n > 500 && n <= rows, `${n} of ${rows}`)
  assert.equal(await copy.pragma('integrity_check', { simple: true }), 'ok')
  // And what a reader of the store sees, while another connection writes it.
  const reader = await opened(t, 'app', { store, readonly: true })
  const then = await reader.get('SELECT count(*) AS n FROM t')
  const second = tempFile(t, 'second.db')
  await reader.backup(second, { progress: () => { inserts.push(insert.run()) } })
  await Promise.all(inserts)
  assert.deepEqual(await (await opened(t, second)).get('SELECT count(*) AS n FROM t'), then)
})

ours('from one store into another, of any page size, and back into a file', async t => {
  const [first, second] = [storeOf(), storeOf()]
  const db = await setup(t, 'app', { store: first, pageSize: 1024 })
  await db.backup('copy', { store: second })
  const copy = await opened(t, 'copy', { store: second })
  assert.equal(await copy.pragma('page_size', { simple: true }), 1024)
  const file = tempFile(t)
  await copy.backup(file)
  const back = await opened(t, file)
  assert.equal(await sum(back), await sum(db))
  // A name in a store is no name of a file.
  const here = await connect(file, { store: second })
  await here.exec('CREATE TABLE t (x)')
  await here.backup(file)
  await here.close()
})

ours('a database in WAL mode is copied into a store without it', async t => {
  const db = await setup(t, tempFile(t), {})
  assert.equal(await db.pragma('journal_mode = WAL', { simple: true }), 'wal')
  await db.run('INSERT INTO t (x) VALUES (1)')
  const store = storeOf()
  await db.backup('copy', { store })
  const copy = await opened(t, 'copy', { store })
  assert.equal(await sum(copy), await sum(db))
  await copy.run('INSERT INTO t (x) VALUES (2)')
  assert.equal(fs.existsSync('copy-wal'), false)
})

ours('what cannot be copied into a store says why, and leaves nothing', async t => {
  const db = await setup(t)
  const store = storeOf()
  const files = leftovers()
  const rejects = (args, message) => typeError(() => db.backup(...args), message)
  await rejects([5, { store }], 'Expected first argument to be a string')
  await rejects(['', { store }], /needs a name/)
  await rejects([':memory:', { store }], /needs a name/)
  await rejects(['copy', { store: undefined }], /is a variable not set\?/)
  await rejects(['copy', { store: {} }], /The store lacks get\(\)/)
  await rejects(['copy', { singleWriter: true }], /the "store" option is not set/)
  await rejects(['copy', { stores: store }], /stores/)
  await rejects(['copy', { store: { ...store, putIfAbsent: undefined } }], /This store has no putIfAbsent/)
  await rejects(['copy', { store, progress: 5 }], /progress/)
  await rejects(['copy', { store, attached: '' }], /attached/)
  const odd = await connect('odd', { store, pageSize: 512 })
  await odd.exec('CREATE TABLE t (x)')
  await odd.close()
  await assert.rejects(db.backup('odd', { store }), /has pages of 512 bytes, and the one that is to be copied there of \d+: choose another name/)
  const busy = await opened(t, 'busy', { store })
  await assert.rejects(db.backup('busy', { store }), { code: 'SQLITE_BUSY' })
  assert.equal(busy.open, true)
  const broken = { ...store, putBatch () { throw new Error('it is full') }, putIfAbsent () { throw new Error('it is full') } }
  broken.timeout = 200
  await assert.rejects(db.backup('broken', { store: broken }), error => /it is full/.test(error.message) && error.cause?.message === 'it is full')
  assert.equal(leftovers(), files)
})

ours('an encrypted database is not copied into a store', async t => {
  const db = new Database(tempFile(t), { encryptionKey: 'secret' })
  cleanup(t, () => db.close())
  await db.exec('CREATE TABLE t (x)')
  const store = storeOf()
  await typeError(() => db.backup('copy', { store }), /An encrypted database cannot be copied into a store/)
  assert.equal(store.map.size, 0)
})

ours('an empty database is copied too', async t => {
  const db = await open(t)
  const store = storeOf()
  await db.backup('copy', { store })
  const copy = await opened(t, 'copy', { store })
  assert.deepEqual(await copy.all('SELECT * FROM sqlite_schema'), [])
})
