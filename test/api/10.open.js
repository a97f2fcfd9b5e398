'use strict'

const assert = require('node:assert/strict')
const fs = require('node:fs')
const path = require('node:path')
const util = require('node:util')
const {
  IN_TIME, MODULE, OURS, PROMISES, child, cleanup, connect, Database, exited, needs, open, ours,
  oursSyncOnly, rangeError, sqliteError, syncOnly, tempDir, tempFile, test, thrown, throws,
  typeError
} = require('../support')

test('a path that is neither a string, a Buffer nor nothing is a TypeError', async () => {
  const message = OURS ? 'Expected first argument to be a string' : undefined
  for (const filename of [{}, [], ['x'], () => 'x', new String('x'), true, Symbol('x'), 1n, new Uint8Array(8)]) { // eslint-disable-line no-new-wrappers
    await typeError(() => new Database(filename), message)
  }
})

test('a number as the path is a TypeError', async () => {
  for (const filename of [0, 123, -1, 1.5, NaN]) await typeError(() => new Database(filename))
})

test('options that are not an object are a TypeError', async () => {
  for (const options of ['', 'x', 1, true, () => {}]) {
    await typeError(() => new Database('', options), 'Expected second argument to be an options object')
  }
})

test('options may be null or undefined', t => {
  assert.equal(open(t, ':memory:', null).open, true)
  assert.equal(open(t, ':memory:', undefined).open, true)
})

test('boolean options are strict, also to undefined', async t => {
  const file = tempFile(t)
  for (const name of ['readonly', 'fileMustExist']) {
    for (const value of [undefined, null, 0, 1, 'true']) {
      await typeError(() => new Database(file, { [name]: value }), `Expected the "${name}" option to be a boolean`)
    }
  }
  assert.equal(fs.existsSync(file), false)
})

test('the misspelt option readOnly is a TypeError that names the right one', async () => {
  await typeError(() => new Database(':memory:', { readOnly: false }),
    'Misspelled option "readOnly" should be "readonly"')
})

test('the removed option memory is a TypeError', async () => {
  await typeError(() => new Database('x', { memory: true }),
    'Option "memory" was removed in v7.0.0 (use ":memory:" filename instead)')
})

test('unknown options are ignored', t => {
  assert.equal(open(t, ':memory:', { foo: 1, driver: null, [Symbol('x')]: 2 }).open, true)
})

test('no path and an empty one open a temporary database, and null and undefined without promises', async t => {
  const none = PROMISES ? [] : [[null], [undefined]]
  for (const args of [[], ...none, [''], ['', { timeout: 2000 }]]) {
    const db = new Database(...args)
    cleanup(t, () => db.close())
    const { name, open, inTransaction, readonly, memory } = db
    assert.deepEqual({ name, open, inTransaction, readonly, memory },
      { name: '', open: true, inTransaction: false, readonly: false, memory: true })
    await db.exec('CREATE TABLE t (a)')
  }
  for (const file of ['null', 'undefined', '[object Object]']) assert.equal(fs.existsSync(file), false)
})

test(':memory: opens a database in memory and makes no file', t => {
  const { name, open: isOpen, inTransaction, readonly, memory } = open(t)
  assert.deepEqual({ name, isOpen, inTransaction, readonly, memory },
    { name: ':memory:', isOpen: true, inTransaction: false, readonly: false, memory: true })
  assert.equal(fs.existsSync(':memory:'), false)
})

test('two databases in memory are apart', async t => {
  const one = open(t)
  const two = open(t)
  await one.exec('CREATE TABLE t (a)')
  await sqliteError(() => two.prepare('SELECT * FROM t'), 'SQLITE_ERROR', 'no such table: t')
})

test('a path opens a file and makes it', async t => {
  const file = tempFile(t)
  assert.equal(fs.existsSync(file), false)
  const db = open(t, file)
  await db.exec('')
  const { name, open: isOpen, inTransaction, readonly, memory } = db
  assert.deepEqual({ name, isOpen, inTransaction, readonly, memory },
    { name: file, isOpen: true, inTransaction: false, readonly: false, memory: false })
  assert.equal(fs.existsSync(file), true)
})

test('the path is trimmed for opening and kept as it was in name', async t => {
  const file = tempFile(t)
  const db = open(t, `  ${file}\n`)
  assert.equal(db.name, `  ${file}\n`)
  await db.exec('')
  assert.equal(fs.existsSync(file), true)
  assert.equal(open(t, ' :memory: ').memory, true)
  assert.equal(open(t, ' \t').memory, true)
})

test('a path that is not ASCII opens that file', async t => {
  const file = tempFile(t, 'na\u00efve-\u6570\u636e-\u{1f600}.db')
  const db = open(t, file)
  await db.exec('CREATE TABLE t (a)')
  assert.equal(db.name, file)
  assert.equal(fs.statSync(file).size > 0, true)
})

test('the file is a SQLite database that another connection reads', async t => {
  const file = tempFile(t)
  await open(t, file).exec("CREATE TABLE t (a); INSERT INTO t VALUES ('kept')")
  assert.equal(await (await open(t, file).prepare('SELECT a FROM t')).pluck().get(), 'kept')
  assert.equal(fs.readFileSync(file).toString('latin1', 0, 15), 'SQLite format 3')
})

test('readonly does not make a file', async t => {
  const file = tempFile(t)
  await sqliteError(() => connect(file, { readonly: true }), 'SQLITE_CANTOPEN',
    OURS ? `unable to open database file: ${file} (no such file or directory)` : 'unable to open database file')
  assert.equal(fs.existsSync(file), false)
})

test('readonly opens a file that exists and refuses to write', async t => {
  const file = tempFile(t)
  await open(t, file).exec('CREATE TABLE t (a)')
  const db = open(t, file, { readonly: true })
  assert.deepEqual([db.readonly, db.memory, db.open, db.name], [true, false, true, file])
  await sqliteError(() => db.exec('INSERT INTO t VALUES (1)'), 'SQLITE_READONLY', 'attempt to write a readonly database')
  assert.deepEqual(await (await db.prepare('SELECT * FROM t')).all(), [])
})

test('readonly is a TypeError for databases in memory', async () => {
  for (const name of [':memory:', '', ' :memory: ', ...PROMISES ? [] : [undefined]]) {
    await typeError(() => new Database(name, { readonly: true }), 'In-memory/temporary databases cannot be readonly')
  }
})

test('fileMustExist does not make a file', async t => {
  const file = tempFile(t)
  await sqliteError(() => connect(file, { fileMustExist: true }), 'SQLITE_CANTOPEN',
    OURS ? `unable to open database file: ${file} (no such file or directory)` : 'unable to open database file')
  assert.equal(fs.existsSync(file), false)
})

test('fileMustExist opens a file that exists, for writing', async t => {
  const file = tempFile(t)
  await open(t, file).close()
  const db = open(t, file, { fileMustExist: true })
  assert.deepEqual([db.readonly, db.memory, db.open], [false, false, true])
  await db.exec('CREATE TABLE t (a)')
})

test('timeout says how long a locked database is waited for', async t => {
  const file = tempFile(t)
  await open(t, file).exec('BEGIN EXCLUSIVE')
  for (const timeout of [0, 300]) {
    const db = open(t, file, { timeout })
    const start = Date.now()
    await sqliteError(() => db.exec('BEGIN EXCLUSIVE'), 'SQLITE_BUSY', 'database is locked')
    const ms = Date.now() - start
    assert.ok(ms >= timeout - 5 && ms < timeout + IN_TIME, `${timeout} took ${ms}`)
    assert.equal(await db.pragma('busy_timeout', { simple: true }), timeout)
  }
})

test('timeout is an integer of 0 to 2147483647', async t => {
  const file = tempFile(t)
  for (const timeout of [...OURS ? [] : [undefined], null, NaN, '75', -1, 75.01, Infinity, 1n, true]) {
    await typeError(() => new Database(file, { timeout }), 'Expected the "timeout" option to be a positive integer')
  }
  await rangeError(() => new Database(file, { timeout: 0x80000000 }), 'Option "timeout" cannot be greater than 2147483647')
  assert.equal(open(t, file, { timeout: 0x7fffffff }).open, true)
})

test('the default timeout is five seconds', async t => {
  assert.equal(await open(t).pragma('busy_timeout', { simple: true }), 5000)
})

test('verbose is a function, null or undefined', async t => {
  for (const verbose of [false, true, 123, 'null', {}, []]) {
    await typeError(() => new Database(':memory:', { verbose }), 'Expected the "verbose" option to be a function')
  }
  for (const verbose of [null, undefined]) await open(t, ':memory:', { verbose }).exec('select 5')
})

test('nativeBinding is a path, an addon, null or undefined', async t => {
  for (const nativeBinding of [1, true, () => {}]) {
    await typeError(() => new Database(':memory:', { nativeBinding }),
      'Expected the "nativeBinding" option to be a string or addon object')
  }
  for (const nativeBinding of [null, undefined]) assert.equal(open(t, ':memory:', { nativeBinding }).open, true)
})

test('nativeBinding naming no file is an error and opens nothing', async t => {
  const file = tempFile(t)
  const missing = path.join(tempDir(t), 'missing.node')
  await throws(() => connect(file, { nativeBinding: missing }), error => {
    assert.equal(error.code, 'MODULE_NOT_FOUND')
    if (OURS) assert.match(error.message, /^Cannot load the "nativeBinding" option: .*missing\.node/)
    return true
  })
  if (OURS) {
    await typeError(() => connect(file, { nativeBinding: '' }), 'The "nativeBinding" option cannot be an empty string')
    await typeError(() => connect(file, { nativeBinding: {} }), 'The "nativeBinding" option is not the addon of Ferrolite')
  }
  assert.equal(fs.existsSync(file), false)
})

test('a directory that does not exist is a TypeError', async t => {
  const file = path.join(tempDir(t), 'no', 'such', 'test.db')
  await typeError(() => new Database(file), /^Cannot open database because the directory does not exist/)
  assert.equal(fs.existsSync(path.dirname(file)), false)
})

test('a directory as the file is SQLITE_CANTOPEN', async t => {
  const folder = tempDir(t)
  await sqliteError(() => connect(folder), 'SQLITE_CANTOPEN',
    OURS ? `unable to open database file: ${folder} (it is a directory)` : 'unable to open database file')
})

needs('locks between processes', syncOnly)('file: is a name like any other unless SQLITE_USE_URI asks for URIs', async () => {
  const result = exited(await child(() => {
    const fs = require('node:fs')
    const os = require('node:os')
    process.chdir(fs.mkdtempSync(require('node:path').join(os.tmpdir(), 'ferrolite-')))
    const db = new Database('file:test.db?mode=memory')
    db.exec('CREATE TABLE t (a)')
    process.stdout.write(JSON.stringify(fs.readdirSync('.')))
    db.close()
    fs.rmSync(process.cwd(), { recursive: true })
  }))
  assert.deepEqual(JSON.parse(result.stdout), ['file:test.db?mode=memory'])
})

needs('locks between processes', syncOnly)('SQLITE_USE_URI=1 reads file: as a URI', async t => {
  const file = tempFile(t)
  open(t, file).exec('CREATE TABLE t (a); INSERT INTO t VALUES (7)')
  const result = exited(await child(uri => {
    const db = new Database(uri)
    let code
    try {
      db.exec('INSERT INTO t VALUES (8)')
    } catch (error) {
      code = error.code
    }
    process.stdout.write(JSON.stringify([code, db.prepare('SELECT a FROM t').pluck().all(), db.name === uri, db.memory]))
  }, { env: { SQLITE_USE_URI: '1' }, args: [`file:${file}?mode=ro`] }))
  assert.deepEqual(JSON.parse(result.stdout), ['SQLITE_READONLY', [7], true, false])
})

test('instances and prototypes are chained as those of a class', t => {
  const db = open(t)
  assert.ok(db instanceof Database)
  assert.equal(db.constructor, Database)
  assert.equal(db.constructor.name, 'Database')
  assert.equal(Database.prototype.constructor, Database)
  assert.equal(Object.getPrototypeOf(db), Database.prototype)
  assert.equal(db.close, Database.prototype.close)
})

syncOnly('Database can be called without new', t => {
  const db = Database(tempFile(t))
  cleanup(t, () => db.close())
  assert.ok(db instanceof Database)
  assert.equal(db.open, true)
  assert.equal(Object.getPrototypeOf(db), Database.prototype)
})

test('Database can be subclassed', async t => {
  class MyDatabase extends Database {
    #own = 5
    foo () { return 999 + this.#own }
  }
  const db = new MyDatabase(':memory:')
  cleanup(t, () => db.close())
  assert.ok(db instanceof Database)
  assert.ok(db instanceof MyDatabase)
  assert.equal(db.constructor, MyDatabase)
  assert.equal(Object.getPrototypeOf(db), MyDatabase.prototype)
  assert.equal(Object.getPrototypeOf(MyDatabase.prototype), Database.prototype)
  assert.equal(db.close, Database.prototype.close)
  assert.equal(Database.prototype.foo, undefined)
  assert.equal(db.foo(), 1004)
  assert.equal(await (await db.prepare('SELECT 5')).pluck().get(), 5)
})

test('a method that a subclass overrides is the one that is called', async t => {
  class Counting extends Database {
    prepared = []
    prepare (sql) {
      this.prepared.push(sql)
      return super.prepare(sql)
    }
  }
  const db = new Counting(':memory:')
  cleanup(t, () => db.close())
  await db.prepare('SELECT 1')
  assert.deepEqual(db.prepared, ['SELECT 1'])
})

test('a constructor in the old style can borrow Database with Reflect.construct', async t => {
  function Old (filename) { return Reflect.construct(Database, [filename], Old) }
  Old.prototype = Object.create(Database.prototype, { constructor: { value: Old } })
  const db = new Old(':memory:')
  cleanup(t, () => db.close())
  assert.equal(db.constructor, Old)
  assert.equal(await (await db.prepare('SELECT 5')).pluck().get(), 5)
})

syncOnly('the getters are own, enumerable and without setters', t => {
  const db = open(t)
  assert.deepEqual(Object.keys(db), ['name', 'open', 'inTransaction', 'readonly', 'memory'])
  for (const key of Object.keys(db)) {
    const { get, set, enumerable } = Object.getOwnPropertyDescriptor(db, key)
    assert.deepEqual([typeof get, set, enumerable], ['function', undefined, true])
    typeError(() => { db[key] = 1 })
  }
})

test('a database can carry properties of the user', t => {
  const db = open(t)
  db.__knexUid = 'abc'
  assert.equal(db.__knexUid, 'abc')
})

test('a database is never a thenable', t => {
  assert.equal('then' in open(t), false)
})

syncOnly('util.inspect shows the five properties under the name Database', t => {
  const file = tempFile(t)
  assert.equal(util.inspect(open(t, file), { breakLength: Infinity }),
    `Database { name: '${file}', open: true, inTransaction: false, readonly: false, memory: false }`)
})

test('a new connection has foreign keys on', async t => {
  assert.equal(await open(t).pragma('foreign_keys', { simple: true }), 1)
})

test('a new connection has a cache of 16 MB', async t => {
  assert.equal(await open(t, tempFile(t)).pragma('cache_size', { simple: true }), -16000)
})

test('a new connection reads "text" as a name and never as a string', async t => {
  const db = open(t)
  await sqliteError(() => db.prepare('SELECT "text"'), 'SQLITE_ERROR', /^no such column: "?text/)
  await sqliteError(() => db.exec('CREATE TABLE t (a CHECK (a <> "x"))'), 'SQLITE_ERROR', /^no such column: "?x/)
})

test('LIKE does not match blobs', async t => {
  assert.deepEqual(await (await open(t).prepare("SELECT x'616263' LIKE 'a%', 'abc' LIKE 'a%'")).raw().get(), [0, 1])
})

needs('write-ahead logs')('WAL mode is synchronous = NORMAL, any other mode FULL', async t => {
  const db = open(t, tempFile(t))
  assert.equal(await db.pragma('synchronous', { simple: true }), 2)
  await db.pragma('journal_mode = WAL')
  await db.close()
  assert.equal(await open(t, db.name).pragma('synchronous', { simple: true }), 1)
})

test('a Buffer opens a copy of a serialized database', async t => {
  const source = open(t)
  await source.exec('CREATE TABLE t (a); INSERT INTO t VALUES (5)')
  const buffer = await source.serialize()
  const db = open(t, buffer)
  assert.deepEqual([db.name, db.memory, db.readonly], [':memory:', true, false])
  buffer.fill(0)
  assert.equal(await (await db.prepare('SELECT a FROM t')).pluck().get(), 5)
})

test('fts5, rtree, geopoly, json, math and dbstat are built in', async t => {
  const db = open(t)
  await db.exec('CREATE VIRTUAL TABLE f USING fts5(a); CREATE VIRTUAL TABLE r USING rtree(i, x0, x1); CREATE VIRTUAL TABLE g USING geopoly(a)')
  await (await db.prepare('INSERT INTO f VALUES (?)')).run('the quick fox')
  assert.deepEqual(await (await db.prepare("SELECT a FROM f('quick')")).all(), [{ a: 'the quick fox' }])
  assert.deepEqual(await (await db.prepare("SELECT json_extract('{\"a\":5}', '$.a') AS j, sqrt(16) AS m")).get(), { j: 5, m: 4 })
  assert.equal(await (await db.prepare("SELECT count(*) FROM dbstat WHERE name = 'f_data'")).pluck().get(), 1)
})

needs('option vfs', ours)('vfs names the VFS that the file is opened with', async t => {
  const db = open(t, tempFile(t), { vfs: 'unix-dotfile' })
  await db.exec('BEGIN EXCLUSIVE')
  assert.equal(fs.existsSync(`${db.name}.lock`), true)
  await db.exec('COMMIT')
})

ours('a VFS that does not exist is an error that names it', async t => {
  const { error } = await thrown(() => connect(tempFile(t), { vfs: 'nonexistent' }))
  assert.match(error.message, /no such vfs: nonexistent/)
  await typeError(() => new Database(':memory:', { vfs: 5 }))
})

oursSyncOnly('the named exports are the class, the error and the constants', () => {
  assert.equal(Database.Database, Database)
  assert.equal(Database.default, Database)
  assert.equal(require(MODULE).SqliteError, Database.SqliteError)
  assert.equal(Database.Authorization.ALLOW, 0)
  assert.equal(Database.Authorization.DENY, 1)
})

test('a failed open leaves no file descriptor', { skip: process.platform !== 'linux' }, async t => {
  const dir = tempDir(t)
  const count = () => fs.readdirSync('/proc/self/fd').length
  const before = count()
  for (let i = 0; i < 50; ++i) {
    await thrown(() => connect(dir))
    await thrown(() => connect(path.join(dir, 'missing.db'), { fileMustExist: true }))
  }
  assert.equal(count(), before)
})
