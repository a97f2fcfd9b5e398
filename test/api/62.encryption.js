'use strict'

const assert = require('node:assert/strict')
const fs = require('node:fs')
const { inspect } = require('node:util')
const {
  Database, MODULE, PROMISES, child, cleanup, connect, isSqliteError, openAsync, ours, random, seed,
  sqliteError, steps, tempFile, typeError
} = require('../support')
const Sync = require(MODULE)

const ROUNDS = Number(process.env.TEST_REKEY_ROUNDS) || 30
const KEY = 'correct horse battery staple'
const SECRET = 'nobody may find this long and distinctive text'
const HEADER = 'SQLite format 3\0'
const ALL_SECRETS = `SELECT count(*) FROM private_table WHERE text LIKE '${SECRET}%'`
const NOTADB = 'file is not a database (or encryptionKey is not its key)'

async function opened (t, file, encryptionKey = null, options = {}) {
  const db = await connect(file, { ...options, encryptionKey })
  cleanup(t, async () => { await db.close() })
  return db
}

async function fill (db, rows = 300) {
  await db.exec('CREATE TABLE private_table (id INTEGER PRIMARY KEY, text)')
  const insert = await db.prepare('INSERT INTO private_table (text) VALUES (?)')
  await db.transaction(steps(function * () {
    for (let i = 0; i < rows; ++i) yield insert.run(`${SECRET} ${i} ${'x'.repeat(1000)}`)
  }))()
}

async function value (db, sql) {
  return (await db.prepare(sql)).pluck().get()
}

const count = (db) => value(db, 'SELECT count(*) FROM private_table')
const integrity = (db) => db.pragma('integrity_check', { simple: true })

// What is found of the texts in a file and in all that lies beside it.
function found (file, texts = [SECRET, 'private_table', HEADER]) {
  const files = ['', '-wal', '-journal'].map((suffix) => file + suffix).filter(fs.existsSync)
  return files.flatMap((file) => {
    const bytes = fs.readFileSync(file)
    return texts.filter((text) => bytes.includes(text))
  })
}

async function isRefused (file, encryptionKey) {
  await sqliteError(async () => {
    const db = await connect(file, { encryptionKey })
    try {
      await count(db)
    } finally {
      await db.close()
    }
  }, 'SQLITE_NOTADB', encryptionKey === null ? 'file is not a database' : NOTADB)
}

for (const mode of ['delete', 'wal']) {
  ours(`an encrypted file holds no plaintext, nor does what lies beside it: ${mode}`, async t => {
    const file = tempFile(t)
    const db = await opened(t, file, KEY)
    await db.pragma(`journal_mode = ${mode}`)
    await db.pragma('cache_size = 5')
    await fill(db)
    await db.exec('BEGIN; UPDATE private_table SET text = text || 1')
    assert.equal(fs.existsSync(file + (mode === 'wal' ? '-wal' : '-journal')), true)
    assert.deepEqual(found(file), [])
    await db.exec('ROLLBACK')
    assert.equal(await count(db), 300)
    await db.close()
    assert.deepEqual(found(file), [])
    assert.equal(await count(await opened(t, file, KEY)), 300)
  })
}

ours('a key is a string or its bytes', async t => {
  const file = tempFile(t)
  await fill(await opened(t, file, KEY), 1)
  assert.equal(await count(await opened(t, file, Buffer.from(KEY))), 1)
  assert.equal(await count(await opened(t, file, new TextEncoder().encode(KEY))), 1)
  assert.equal(await count(await opened(t, file, KEY, { encryptionCipher: 'aes256cbc' })), 1)
  const bytes = Buffer.from([0, 255, 0, 1])
  const other = tempFile(t)
  await fill(await opened(t, other, bytes), 1)
  assert.deepEqual([...bytes], [0, 255, 0, 1])
  assert.equal(await count(await opened(t, other, bytes)), 1)
  await isRefused(other, Buffer.from([0, 255, 0, 2]))
})

ours('a wrong key, no key, and a key for a plain file are SQLITE_NOTADB', async t => {
  const file = tempFile(t)
  await fill(await opened(t, file, KEY), 1)
  for (const key of ['wrong', KEY.slice(1), KEY + '.', null]) await isRefused(file, key)
  await sqliteError(() => connect(file, { encryptionKey: 'wrong' }), 'SQLITE_NOTADB', NOTADB)
  await sqliteError(() => connect(file, { encryptionKey: 'wrong', readonly: true }), 'SQLITE_NOTADB', NOTADB)
  const plain = tempFile(t)
  await fill(await opened(t, plain), 1)
  await sqliteError(() => connect(plain, { encryptionKey: KEY }), 'SQLITE_NOTADB', NOTADB)
  assert.equal(await count(await opened(t, file, KEY, { readonly: true })), 1)
  assert.equal(await count(await opened(t, plain)), 1)
})

ours('keys and ciphers that cannot be used are refused, and no file is made', async t => {
  const file = tempFile(t)
  const expected = 'Expected the "encryptionKey" option to be a non-empty string or Uint8Array'
  for (const encryptionKey of ['', Buffer.alloc(0), 1, true, {}, [1], new Float64Array(1)]) {
    await typeError(() => connect(file, { encryptionKey }), expected)
  }
  const nowhere = 'In-memory/temporary databases cannot be encrypted'
  for (const name of [':memory:', '', Buffer.alloc(0)]) {
    await typeError(() => connect(name, { encryptionKey: KEY }), nowhere)
  }
  await typeError(() => connect(file, { encryptionKey: KEY, encryptionCipher: 'chacha20' }),
    'The "encryptionCipher" option can only be "aes256cbc"')
  await typeError(() => connect(file, { encryptionKey: KEY, encryptionCipher: 1 }),
    'Expected the "encryptionCipher" option to be a string')
  assert.equal(fs.existsSync(file), false)
})

ours('a VFS that cannot encrypt is an error', { skip: process.platform === 'win32' }, async t => {
  const options = { encryptionKey: KEY, vfs: 'unix' }
  await sqliteError(() => connect(tempFile(t), options), 'SQLITE_ERROR', /VFS/)
})

for (const mode of ['delete', 'wal', 'truncate', 'persist', 'memory']) {
  ours(`rekey() encrypts, changes the key and decrypts: ${mode}`, async t => {
    const file = tempFile(t)
    const db = await opened(t, file)
    await db.pragma(`journal_mode = ${mode}`)
    await fill(db)
    const all = await db.prepare('SELECT count(*), sum(length(text)) FROM private_table')
    const rows = await all.raw().get()
    let last = null
    for (const key of ['one', Buffer.from('two'), null, 'three', 'three']) {
      assert.equal(await db.rekey(key), db)
      assert.deepEqual(await all.get(), rows)
      assert.equal(await integrity(db), 'ok')
      assert.equal(await db.pragma('journal_mode', { simple: true }), mode)
      await db.exec("INSERT INTO private_table (text) VALUES ('more'); DELETE FROM private_table WHERE text = 'more'")
      if (mode === 'wal') await db.pragma('wal_checkpoint(TRUNCATE)')
      assert.equal(found(file).length === 0, key !== null)
      const other = await opened(t, file, key)
      assert.equal(await count(other), 300)
      await other.close()
      if (last !== null && last !== key) await isRefused(file, last)
      last = key
    }
  })
}

ours('rekey() of a new file, before and after its first table', async t => {
  const file = tempFile(t)
  const db = await opened(t, file)
  await db.rekey('one')
  await db.rekey('two')
  await fill(db, 2)
  assert.deepEqual(found(file), [])
  await db.close()
  assert.equal(await count(await opened(t, file, 'two')), 2)
})

ours('rekey() says what is in its way', async t => {
  const file = tempFile(t)
  const db = await opened(t, file, KEY)
  await fill(db)
  const expected = 'Expected first argument to be a non-empty string or Uint8Array'
  for (const key of ['', undefined, 1, Buffer.alloc(0)]) await typeError(() => db.rekey(key), expected)
  await sqliteError(() => db.transaction(steps(function * () { yield db.rekey('other') }))(),
    'SQLITE_ERROR', 'cannot rekey from within a transaction')
  await db.exec('BEGIN')
  await sqliteError(() => db.rekey('other'), 'SQLITE_ERROR', 'cannot rekey from within a transaction')
  await db.exec('COMMIT')

  const rows = (await db.prepare('SELECT * FROM private_table')).iterate()
  await rows.next()
  if (PROMISES) await sqliteError(() => db.rekey('other'), 'SQLITE_ERROR', 'cannot rekey - SQL statements in progress')
  else typeError(() => db.rekey('other'), 'This database connection is busy executing a query')
  await rows.return()

  const reader = await opened(t, file, KEY, { readonly: true })
  await sqliteError(() => reader.rekey('other'), 'SQLITE_READONLY')
  await typeError(async () => {
    const memory = await connect(':memory:')
    try { await memory.rekey(KEY) } finally { await memory.close() }
  }, 'In-memory/temporary databases cannot be encrypted')
  await db.close()
  await typeError(() => db.rekey('other'), 'The database connection is not open')
  assert.equal(await count(await opened(t, file, KEY)), 300)
})

for (const mode of ['delete', 'wal']) {
  ours(`rekey() changes nothing while another connection has the file locked: ${mode}`, async t => {
    const file = tempFile(t)
    const db = await opened(t, file, KEY, { timeout: 10 })
    await db.pragma(`journal_mode = ${mode}`)
    await fill(db)
    const other = new Sync(file, { encryptionKey: KEY })
    cleanup(t, () => other.close())
    other.exec('BEGIN IMMEDIATE; DELETE FROM private_table WHERE id = 1')
    await sqliteError(() => db.rekey('other'), 'SQLITE_BUSY')
    other.exec('ROLLBACK')
    assert.equal(await db.pragma('journal_mode', { simple: true }), mode)
    assert.equal(await count(db), 300)
    other.close()
    await db.rekey('other')
    assert.equal(await count(await opened(t, file, 'other')), 300)
  })
}

ours('another connection gets SQLITE_NOTADB once the key has changed', async t => {
  const file = tempFile(t)
  const db = await opened(t, file, KEY)
  await fill(db)
  const other = await opened(t, file, KEY)
  assert.equal(await count(other), 300)
  await db.rekey('other')
  await sqliteError(() => count(other), 'SQLITE_NOTADB', NOTADB)
  await sqliteError(() => other.exec('DELETE FROM private_table'), 'SQLITE_NOTADB', NOTADB)
  await other.close()
  assert.equal(await count(db), 300)
  assert.equal(await integrity(db), 'ok')
})

// In a process of its own, until it is killed: the key of a number, and of the next, and so on.
function rekeyForever (file, first, mode, cache) {
  const fs = require('node:fs')
  const keyOf = (n) => n % 4 === 3 ? null : `key ${n}`
  const db = new Database(file, { encryptionKey: keyOf(first) })
  db.pragma(`journal_mode = ${mode}`)
  db.pragma(`cache_size = ${cache}`)
  for (let n = first + 1; ; ++n) {
    fs.writeSync(1, `${n}\n`)
    db.rekey(keyOf(n))
  }
}

const TITLE = 'rekey() killed at any moment leaves the old key or the new one'

ours(`${TITLE}, ${ROUNDS} rounds`, async t => {
  const next = random(seed(t))
  const keyOf = (n) => n % 4 === 3 ? null : `key ${n}`
  const file = tempFile(t)
  const first = await connect(file, { encryptionKey: keyOf(0) })
  await fill(first, 1000)
  await first.close()
  let number = 0
  let journals = 0
  let changed = 0
  for (let round = 0; round < ROUNDS; ++round) {
    const mode = next(2) === 0 ? 'wal' : 'delete'
    const started = (proc) => {
      proc.stdout.once('data', () => setTimeout(() => proc.kill('SIGKILL'), next(50)))
    }
    // With few of them pages are written to the file long before the end.
    const cache = next(2) === 0 ? 10 : 2000
    const args = [file, number, mode, cache]
    const { signal, stdout, stderr } = await child(rekeyForever, { args, started })
    assert.equal(signal, 'SIGKILL', stderr)
    if (fs.existsSync(`${file}-journal`)) journals++
    const last = Number(stdout.trim().split('\n').at(-1))
    // Whichever is tried first, the other one fits still.
    const fitting = []
    for (const n of next(2) === 0 ? [last, last - 1] : [last - 1, last]) {
      try {
        const db = await connect(file, { encryptionKey: keyOf(n) })
        try {
          assert.equal(await count(db), 1000)
          assert.equal(await integrity(db), 'ok')
          assert.equal(await value(db, ALL_SECRETS), 1000)
        } finally {
          await db.close()
        }
        fitting.push(n)
      } catch (error) {
        isSqliteError('SQLITE_NOTADB')(error)
      }
    }
    assert.equal(fitting.length, 1, `round ${round}: ${last - 1} or ${last}`)
    number = fitting[0]
    if (number === last) changed++
  }
  t.diagnostic(`${journals} of ${ROUNDS} left a journal, ${changed} had the new key already`)
})

ours('a wrong key harms nothing that a crash has left', async t => {
  for (const mode of ['wal', 'delete']) {
    const file = tempFile(t)
    await child((file, mode, KEY, SECRET) => {
      const db = new Database(file, { encryptionKey: KEY })
      db.pragma(`journal_mode = ${mode}`)
      db.pragma('cache_size = 5')
      db.exec('CREATE TABLE private_table (text)')
      const rows = 'hex(randomblob(500)) FROM generate_series(1, 300)'
      const fill = `INSERT INTO private_table SELECT '${SECRET}' || ${rows}`
      db.exec(fill)
      if (mode === 'delete') db.exec(`BEGIN; ${fill}; UPDATE private_table SET text = 1`)
      process.kill(process.pid, 'SIGKILL')
    }, { args: [file, mode, KEY, SECRET] })
    assert.equal(fs.existsSync(file + (mode === 'wal' ? '-wal' : '-journal')), true)
    for (const key of ['wrong', null, 'wrong']) await isRefused(file, key)
    const db = await opened(t, file, KEY)
    assert.equal(await integrity(db), 'ok')
    assert.equal(await value(db, ALL_SECRETS), 300)
  }
})

ours('backup() encrypts with the same key, and does not touch a file of another', async t => {
  const file = tempFile(t)
  const db = await opened(t, file, KEY)
  await fill(db)
  const copy = tempFile(t)
  await db.backup(copy)
  assert.deepEqual(found(copy), [])
  assert.equal(await count(await opened(t, copy, KEY)), 300)
  await db.rekey('other')
  const later = tempFile(t)
  await db.backup(later)
  assert.equal(await count(await opened(t, later, 'other')), 300)
  const plain = tempFile(t)
  await fill(await opened(t, plain), 2)
  await assert.rejects(db.backup(plain), isSqliteError('SQLITE_NOTADB', NOTADB))
  await assert.rejects(db.backup(copy), isSqliteError('SQLITE_NOTADB', NOTADB))
  assert.equal(await count(await opened(t, plain)), 2)
  await db.rekey(null)
  const decrypted = tempFile(t)
  await db.backup(decrypted)
  assert.equal(await count(await opened(t, decrypted)), 300)
})

ours('serialize() gives plaintext', async t => {
  const db = await opened(t, tempFile(t), KEY)
  await fill(db)
  const copy = await connect(await db.serialize())
  cleanup(t, async () => { await copy.close() })
  assert.equal(await count(copy), 300)
})

ours('ATTACH takes the key of the connection, or one of its own, or none', async t => {
  const [main, same, own, none] = ['main', 'same', 'own', 'none'].map((name) => tempFile(t, `${name}.db`))
  const db = await opened(t, main, KEY)
  await db.exec(`
    ATTACH '${same}' AS same; CREATE TABLE same.private_table (text);
    ATTACH '${own}' AS own KEY 'of its own'; CREATE TABLE own.private_table (text);
    ATTACH '${none}' AS none KEY ''; CREATE TABLE none.private_table (text);
  `)
  assert.deepEqual(found(same), [])
  assert.deepEqual(found(own), [])
  assert.equal(await count(await opened(t, same, KEY)), 0)
  assert.equal(await count(await opened(t, own, 'of its own')), 0)
  assert.equal(await count(await opened(t, none)), 0)
})

ours('mmap_size has no effect: pages would be read past the cipher', async t => {
  const db = await opened(t, tempFile(t), KEY)
  await fill(db)
  assert.deepEqual(await db.pragma('mmap_size = 100000000'), [])
  await db.authorizer(null)
  await db.exec('PRAGMA main.mmap_size(100000000)')
  assert.equal(await count(db), 300)
  assert.equal(await integrity(db), 'ok')
})

ours('the key is in no error, no log and nothing that inspect() shows', async t => {
  const file = tempFile(t)
  const log = []
  const db = await opened(t, file, KEY, { verbose: (sql) => log.push(sql) })
  await fill(db, 1)
  const shown = []
  const show = (value) => {
    const options = { showHidden: true, depth: 20, getters: true }
    shown.push(inspect(value, options), inspect(value, { ...options, customInspect: false }))
  }
  show(db)
  await db.rekey('hidden passphrase')
  show(db)
  for (const [key, wrong] of [[KEY, 'not this passphrase'], ['', ''], [1, 1]]) {
    try {
      await connect(file, { encryptionKey: key })
      assert.fail('expected an error')
    } catch (error) {
      show(error)
      shown.push(error.stack, error.message)
    }
    try { await db.rekey(wrong, {}) } catch (error) { shown.push(error.stack) }
  }
  const other = await opened(t, tempFile(t), null, { verbose: (sql) => log.push(sql) })
  await other.exec("PRAGMA key = 'hidden passphrase'")
  await other.pragma("hexkey='68696464656e'")
  await other.exec("\ufeffPRAGMA key = 'hidden passphrase'")
  await other.exec("PRAGMA/* = */key('hidden passphrase')")
  await other.exec("/* ; */ PRAGMA main.rekey('hidden passphrase')")
  await other.exec(`ATTACH '${tempFile(t)}' AS a KEY 'hidden passphrase'`)
  await (await other.prepare('ATTACH ? AS b KEY ?')).run(tempFile(t), 'hidden passphrase')
  assert.match(log.at(-1), /^ATTACH '.*' AS b KEY \*\*\*$/)
  const held = await other.prepare(`ATTACH '${tempFile(t)}' AS c KEY 'hidden passphrase'`)
  const compiled = await (await other.prepare('SELECT sql FROM sqlite_stmt')).pluck().all()
  assert.equal(compiled.some(sql => /^ATTACH '.*' AS c KEY \*\*\*$/.test(sql)), true, held.source.slice(0, 6))
  shown.push(...compiled)
  const text = [...shown, ...log].join('\n')
  for (const part of ['passphrase', 'horse', '68696464', 'hidden p']) assert.equal(text.includes(part), false, part)
})

// It comes with @libsql/client, where it has a binary.
const libsql = (() => {
  try {
    return require('libsql')
  } catch {
    return null
  }
})()

const skip = libsql === null && 'libsql has no binary for this machine'

ours('files of libsql open here, and ours there', { skip }, async t => {
  for (const key of ['k', KEY, 'y'.repeat(50), 'h\u00e9\u2603']) {
    const options = { encryptionCipher: 'aes256cbc', encryptionKey: key }
    for (const mode of ['delete', 'wal']) {
      const [theirs, own] = [tempFile(t), tempFile(t)]
      const peer = new libsql(theirs, options) // eslint-disable-line new-cap
      peer.pragma(`journal_mode = ${mode}`)
      peer.exec('CREATE TABLE private_table (a); INSERT INTO private_table VALUES (1), (2)')
      peer.close()
      assert.equal(await count(await opened(t, theirs, key)), 2)
      const db = await opened(t, own, 'another')
      await db.pragma(`journal_mode = ${mode}`)
      await fill(db)
      await db.rekey(key)
      await db.close()
      const reader = new libsql(own, options) // eslint-disable-line new-cap
      assert.equal(reader.prepare('SELECT id FROM private_table').all().length, 300)
      reader.close()
    }
  }
})

// Whatever a later engine or build does, it has to read this one.
ours('a file made by an earlier build opens', async t => {
  const file = tempFile(t)
  fs.copyFileSync(require.resolve('../fixtures/encrypted.db'), file)
  assert.equal(await value(await opened(t, file, KEY), 'SELECT text FROM private_table'), SECRET)
  await isRefused(file, 'wrong')
})

if (PROMISES) {
  ours('readers have the key, before and after rekey()', async t => {
    const file = tempFile(t)
    const db = await opened(t, file, KEY, { readers: 3 })
    await db.pragma('journal_mode = WAL')
    await fill(db)
    const reads = () => Promise.all(Array.from({ length: 12 }, async () => count(db)))
    for (const key of ['one', 'two', null, 'three']) {
      const before = reads()
      const changed = db.rekey(key)
      const after = reads()
      assert.deepEqual(await before, Array(12).fill(300))
      assert.equal(await changed, db)
      assert.deepEqual(await after, Array(12).fill(300))
      assert.deepEqual(await reads(), Array(12).fill(300))
      assert.equal(await db.pragma('journal_mode', { simple: true }), 'wal')
    }
    await db.close()
    assert.equal(await count(await opened(t, file, 'three')), 300)
  })

  ours('readers go on with the old key when rekey() fails', async t => {
    const file = tempFile(t)
    const db = await opened(t, file, KEY, { readers: 2 })
    await db.pragma('journal_mode = WAL')
    await fill(db)
    await count(db)
    const other = new Sync(file, { encryptionKey: KEY })
    cleanup(t, () => other.close())
    assert.equal(other.prepare('SELECT count(*) FROM private_table').pluck().get(), 300)
    await sqliteError(() => db.rekey('other'), 'SQLITE_BUSY')
    assert.deepEqual(await Promise.all([count(db), count(db), count(db)]), [300, 300, 300])
  })

  ours('calls made during rekey() wait for it', async t => {
    const file = tempFile(t)
    const db = openAsync(t, file, { encryptionKey: KEY })
    await fill(db)
    const order = []
    const ended = (call, name) => call.then(() => order.push(name))
    await Promise.all([
      ended(db.rekey('one'), 'rekey'),
      ended(db.get('SELECT count(*) FROM private_table'), 'get'),
      ended(db.close(), 'close')
    ])
    assert.deepEqual(order, ['rekey', 'get', 'close'])
    assert.equal(await count(await opened(t, file, 'one')), 300)
  })
}

ours('interrupt() leaves rekey() alone', async t => {
  const db = await opened(t, tempFile(t), KEY)
  await fill(db)
  const changed = db.rekey('one')
  db.interrupt()
  await changed
  assert.equal(await count(db), 300)
})
