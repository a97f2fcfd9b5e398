'use strict'

const assert = require('node:assert/strict')
const {
  collect, needs, open, ours, random, rangeError, seed, series, sqliteError, tempFile, test,
  thrown, typeError
} = require('../support')

const echo = async t => {
  const stmt = (await open(t).prepare('SELECT ?')).pluck()
  return value => stmt.get(value)
}

test('doubles come back as they went in', async t => {
  const same = await echo(t)
  for (const x of [0, 1, -1, 0.1, 1.5, 1e300, -1e-300, 2 ** 53, 2 ** 53 + 2, 2 ** 64,
    Number.MAX_VALUE, Number.MIN_VALUE,
    Number.EPSILON, Infinity, -Infinity, -0]) {
    assert.ok(Object.is(await same(x), x), String(x))
  }
})

test('NaN is NULL', async t => {
  assert.equal(await (await echo(t))(NaN), null)
})

test('-0 in a column is 0 where SQLite makes an integer of it', async t => {
  const db = await open(t).exec('CREATE TABLE t (i INTEGER, r REAL, n)')
  await (await db.prepare('INSERT INTO t VALUES (?, ?, ?)')).run(-0, -0, -0)
  const row = await (await db.prepare('SELECT i, r, n FROM t')).raw().get()
  assert.equal(row.every(x => x === 0), true)
})

test('text of every width comes back as it went in', async t => {
  const same = await echo(t)
  for (const x of ['', 'a', 'ascii text', '\u00e9', '\u00ff', '\u0100', '\u6570\u636e', '\u{1f600}', 'a\u{1f600}b', '\ufeffbom',
    '\ufffd', '\u2028', '\x7f\x80', 'x'.repeat(1000) + '\u00e9', '\u{10ffff}', '\r\n\t']) {
    assert.equal(await same(x), x)
  }
})

test('NUL in a text is kept, and what follows it', async t => {
  const same = await echo(t)
  for (const x of ['\0', 'a\0', '\0a', 'a\0b\0c', '\0'.repeat(100), '\u00e9\0\u6570']) assert.equal(await same(x), x)
})

test('unpaired surrogates become U+FFFD, each one', async t => {
  const same = await echo(t)
  assert.deepEqual(await series(['\ud800', 'x\ud800y', '\udc00\ud800', '\ud800\ud800', 'a\udfff'], same),
    ['\ufffd', 'x\ufffdy', '\ufffd\ufffd', '\ufffd\ufffd', 'a\ufffd'])
})

test('ten thousand random strings come back well-formed', async t => {
  const next = random(seed(t))
  const same = await echo(t)
  const wellFormed = text => Buffer.from(text, 'utf8').toString('utf8')
  for (let i = 0; i < 10000; ++i) {
    const ranges = [128, 256, 0x800, 0x10000]
    const length = next(40)
    let text = ''
    for (let j = 0; j < length; ++j) {
      text += String.fromCharCode(next(6) === 0 ? 0xd800 + next(0x800) : next(ranges[next(4)]))
    }
    assert.equal(await same(text), wellFormed(text))
  }
})

needs('text that is not UTF-8')('text that is not UTF-8 becomes U+FFFD and never a crash', async t => {
  const db = open(t)
  for (const [hex, expected] of Object.entries({
    ff: '\ufffd',
    '61ff62': 'a\ufffdb',
    c3: '\ufffd',
    c328: '\ufffd(',
    e282: '\ufffd',
    f0288cbc: '\ufffd(\ufffd\ufffd',
    '6100ff62': 'a\0\ufffdb'
  })) {
    const stmt = await db.prepare(`SELECT CAST(x'${hex}' AS TEXT) AS a`)
    assert.equal(await stmt.pluck().get(), expected)
    assert.deepEqual(await stmt.raw().all(), [[expected]])
  }
})

test('blobs are Buffers of their own memory', async t => {
  const stmt = (await open(t).prepare("SELECT x'000102ff'")).pluck()
  const [one, two] = [await stmt.get(), await stmt.get()]
  assert.equal(Buffer.isBuffer(one), true)
  assert.deepEqual(one, Buffer.from([0, 1, 2, 255]))
  one.fill(9)
  assert.deepEqual(two, Buffer.from([0, 1, 2, 255]))
  assert.equal(new Uint8Array(two.buffer, two.byteOffset, two.length)[3], 255)
})

test('the blobs of one all() do not share what one changes', async t => {
  const [one, two] = await (await open(t).prepare("SELECT x'aaaa' AS a UNION ALL SELECT x'bbbb'")).pluck().all()
  one.fill(0)
  assert.deepEqual(two, Buffer.from('bbbb', 'hex'))
})

// Lengths around those where V8 and the blocks of rows change the way they keep bytes.
const LENGTHS = [0, 1, 2, 7, 16, 63, 64, 65, 100, 1000, 8191, 8192, 20_000, 100_000]

const bytes = (length, seed) => Buffer.from(Array.from({ length }, (_, i) => (seed + i * 7) & 255))

function requireOwn (blob, expected) {
  assert.equal(Buffer.isBuffer(blob), true)
  assert.equal(blob.byteOffset, 0)
  assert.equal(blob.buffer.byteLength, expected.length)
  assert.deepEqual(Buffer.from(blob.buffer), expected)
}

needs('stmt.expand()')('every blob of a row has an ArrayBuffer of its own', async t => {
  const db = open(t)
  await db.exec('CREATE TABLE blobs (id INTEGER PRIMARY KEY, a BLOB, b BLOB)')
  const insert = await db.prepare('INSERT INTO blobs (a, b) VALUES (?, ?)')
  for (const n of LENGTHS) await insert.run(bytes(n, 1), bytes(n, 2))
  const check = rows => {
    const buffers = new Set()
    for (const [i, { a, b }] of rows.entries()) {
      requireOwn(a, bytes(LENGTHS[i], 1))
      requireOwn(b, bytes(LENGTHS[i], 2))
      buffers.add(a.buffer).add(b.buffer)
    }
    assert.equal(buffers.size, 2 * LENGTHS.length)
  }
  const rows = await (await db.prepare('SELECT a, b FROM blobs ORDER BY id')).all()
  check(rows)
  check(await collect((await db.prepare('SELECT a, b FROM blobs ORDER BY id')).iterate()))
  const one = await db.prepare('SELECT a, b FROM blobs WHERE id = ?')
  check(await series(LENGTHS, n => one.get(LENGTHS.indexOf(n) + 1)))
  check((await (await db.prepare('SELECT a, b FROM blobs ORDER BY id')).raw().all()).map(([a, b]) => ({ a, b })))
  check((await (await db.prepare('SELECT a, b FROM blobs ORDER BY id')).expand().all()).map(row => row.blobs))
  // A transfer takes nothing of the others along.
  const { a, b } = rows[6]
  structuredClone(a.buffer, { transfer: [a.buffer] })
  assert.deepEqual(b, bytes(LENGTHS[6], 2))
})

needs('function()')('a blob of a function has an ArrayBuffer of its own', async t => {
  const db = open(t)
  const seen = []
  await db.function('see', { varargs: true }, (...blobs) => { seen.push(...blobs) })
  await db.aggregate('sum_of', { start: 0, step: (sum, blob) => { seen.push(blob) } })
  for (const n of LENGTHS) {
    await (await db.prepare('SELECT see(?, ?), sum_of(?)')).get(bytes(n, 1), bytes(n, 2), bytes(n, 3))
  }
  seen.forEach((blob, i) => requireOwn(blob, bytes(LENGTHS[Math.floor(i / 3)], blob[0] ?? 0)))
  assert.equal(seen.length, 3 * LENGTHS.length)
})

needs('table()', ours)('a blob that a table gets has an ArrayBuffer of its own, and so has a database', async t => {
  const db = open(t)
  const seen = []
  await db.table('echo', { columns: ['v'], parameters: ['p'], * rows (p) { seen.push(p); yield [p] } })
  for (const n of LENGTHS) requireOwn(await (await db.prepare('SELECT v FROM echo(?)')).pluck().get(bytes(n, 5)), bytes(n, 5))
  seen.forEach((blob, i) => requireOwn(blob, bytes(LENGTHS[i], 5)))
  const whole = await db.serialize()
  assert.deepEqual([whole.byteOffset, whole.buffer.byteLength], [0, whole.length])
})

test('an empty blob is not NULL and not text', async t => {
  const same = await echo(t)
  assert.deepEqual(await same(Buffer.alloc(0)), Buffer.alloc(0))
  assert.deepEqual(await same(new Uint8Array(0)), Buffer.alloc(0))
  assert.deepEqual(await (await open(t).prepare("SELECT x'' AS a, '' AS b, zeroblob(0) AS c")).get(), { a: Buffer.alloc(0), b: '', c: Buffer.alloc(0) })
})

test('blobs of every size come back as they went in', async t => {
  const same = await echo(t)
  for (const size of [1, 2, 63, 64, 65, 4095, 4096, 4097, 65535, 65536, 1 << 20]) {
    const blob = Buffer.alloc(size, i => i)
    for (let i = 0; i < size; i += 1 + (size >> 6)) blob[i] = i * 31
    assert.ok((await same(blob)).equals(blob))
  }
})

test('typed arrays are their bytes, from offset to end', async t => {
  const same = await echo(t)
  const buffer = new ArrayBuffer(16)
  new Uint8Array(buffer).set(Array.from({ length: 16 }, (_, i) => i))
  const bytes = (from, to) => Buffer.from(Array.from({ length: to - from }, (_, i) => from + i))
  assert.deepEqual(await same(new Uint8Array(buffer, 3, 5)), bytes(3, 8))
  assert.deepEqual(await same(new Uint16Array(buffer, 4, 3)), bytes(4, 10))
  assert.deepEqual(await same(new Float64Array(buffer, 8)), bytes(8, 16))
  assert.deepEqual(await same(new BigInt64Array(buffer)), bytes(0, 16))
  assert.deepEqual(await same(new Int8Array(buffer).subarray(15)), bytes(15, 16))
  assert.deepEqual(await same(Buffer.from(buffer).subarray(2, 4)), bytes(2, 4))
})

ours('a DataView is its bytes or a TypeError', async t => {
  const view = new DataView(new Uint8Array([1, 2, 3, 4]).buffer, 1, 2)
  const { error, value } = await attempt(async () => (await echo(t))(view))
  if (error) assert.equal(error.name, 'TypeError')
  else assert.deepEqual(value, Buffer.from([2, 3]))
})

async function attempt (fn) {
  try {
    return { value: await fn() }
  } catch (error) {
    return { error }
  }
}

test('an ArrayBuffer and a SharedArrayBuffer are TypeErrors', async t => {
  const same = await echo(t)
  const message = 'SQLite3 can only bind numbers, strings, bigints, buffers, and null'
  await typeError(() => same(new ArrayBuffer(4)), message)
  await typeError(() => same(new SharedArrayBuffer(4)), message)
})

ours('a typed array of shared memory is its bytes', async t => {
  const shared = new Uint8Array(new SharedArrayBuffer(8), 2, 3)
  shared.set([1, 2, 3])
  const { error, value } = await attempt(async () => (await echo(t))(shared))
  if (error) assert.equal(error.name, 'TypeError')
  else assert.deepEqual(value, Buffer.from([1, 2, 3]))
})

ours('a detached array is empty or a TypeError, never what was there', async t => {
  const same = await echo(t)
  for (const Type of [Uint8Array, Float64Array, DataView]) {
    const array = new Type(new ArrayBuffer(64))
    structuredClone(array.buffer, { transfer: [array.buffer] })
    const { error, value } = await attempt(() => same(array))
    if (error) assert.equal(error.name, 'TypeError')
    else assert.deepEqual(value, Buffer.alloc(0))
  }
})

ours('a resizable array is what it is when it is bound', async t => {
  const buffer = new ArrayBuffer(8, { maxByteLength: 1024 })
  const array = new Uint8Array(buffer)
  buffer.resize(4)
  array.fill(7)
  assert.deepEqual(await (await echo(t))(array), Buffer.alloc(4, 7))
  buffer.resize(2)
  assert.deepEqual(await (await echo(t))(array), Buffer.alloc(2, 7))
  const window = new Uint8Array(buffer, 0, 2)
  buffer.resize(1)
  const { error, value } = await attempt(async () => (await echo(t))(window))
  if (error) assert.equal(error.name, 'TypeError')
  else assert.deepEqual(value, Buffer.alloc(0))
})

ours('an array that a getter detaches or shrinks is read as it then is', async t => {
  const stmt = (await open(t).prepare('SELECT @a, @b')).raw()
  const array = new Uint8Array(1 << 20).fill(5)
  const { error, value } = await attempt(() => stmt.get({
    a: array,
    get b () { structuredClone(array.buffer, { transfer: [array.buffer] }); return 1 }
  }))
  if (error) assert.equal(error.name, 'TypeError')
  else assert.ok([0, 1 << 20].includes(value[0].length) && value[0].every(byte => byte === 5))
})

test('an array with a million elements is too many and no crash', async t => {
  await rangeError(async () => (await open(t).prepare('SELECT ?')).get(new Array(1e6)), 'Too many parameter values were provided')
  await rangeError(async () => (await open(t).prepare('SELECT ?')).get(Array.from({ length: 1e5 }, () => 1)))
})

test('subclasses of Array and of Uint8Array are arrays and buffers', async t => {
  const db = open(t)
  class List extends Array {}
  class Bytes extends Uint8Array {}
  assert.deepEqual(await (await db.prepare('SELECT ?, ?')).raw().get(List.from([1, 2])), [1, 2])
  assert.deepEqual(await (await db.prepare('SELECT ?')).pluck().get(new Bytes([1, 2])), Buffer.from([1, 2]))
})

test('a column called __proto__ is an own property, and no prototype changes', async t => {
  const row = await (await open(t).prepare('SELECT 1 AS a, x\'01\' AS "__proto__", 3 AS b')).get()
  if (process.env.DATABASE_MODULE) return
  assert.deepEqual(Object.getOwnPropertyNames(row), ['a', '__proto__', 'b'])
  assert.deepEqual(Object.getOwnPropertyDescriptor(row, '__proto__').value, Buffer.from([1]))
  assert.equal(Object.getPrototypeOf(row), Object.prototype)
})

needs('stmt.expand()', ours)('a column called __proto__ works in all(), iterate() and expand()', async t => {
  const db = await open(t).exec('CREATE TABLE "__proto__" ("__proto__"); INSERT INTO "__proto__" VALUES (5)')
  const stmt = await db.prepare('SELECT * FROM "__proto__"')
  const check = row => {
    assert.equal(Object.getPrototypeOf(row), Object.prototype)
    assert.equal(Object.getOwnPropertyDescriptor(row, '__proto__').value, 5)
  }
  check(await stmt.get())
  check((await stmt.all())[0])
  check((await collect(stmt.iterate()))[0])
  const expanded = await stmt.expand().get()
  assert.equal(Object.getPrototypeOf(expanded), Object.prototype)
  check(Object.getOwnPropertyDescriptor(expanded, '__proto__').value)
  assert.equal(Object.getOwnPropertyNames(Object.prototype).includes('5'), false)
  assert.equal({}.polluted, undefined)
})

test('columns with the names of Object.prototype are own properties', async t => {
  const names = ['constructor', 'toString', 'hasOwnProperty', 'valueOf', '__defineGetter__', 'prototype', 'length', '']
  const row = await (await open(t).prepare(`SELECT ${names.map((name, i) => `${i} AS "${name}"`).join()}`)).get()
  assert.deepEqual(Object.keys(row), names)
  assert.deepEqual(Object.values(row), names.map((_, i) => i))
})

test('columns with numbers as their names', async t => {
  const row = await (await open(t).prepare('SELECT 1 AS "b", 2 AS "1", 3 AS "0", 4 AS "-1", 5 AS "4294967295"')).get()
  assert.deepEqual(row, { 0: 3, 1: 2, b: 1, '-1': 4, 4294967295: 5 })
})

needs('stmt.expand()')('names that would be code are names', async t => {
  const names = ['"', "'", '\\', '\n', '\r\n', '`', '${1}', '*/', '//', '</script>', '\u2028\u2029', '"]; throw 1; ["', '\u{1f600}'] // eslint-disable-line no-template-curly-in-string
  const sql = names.map((name, i) => `${i} AS "${name.replaceAll('"', '""')}"`).join()
  const stmt = await open(t).prepare(`SELECT ${sql}`)
  assert.deepEqual(await stmt.get(), Object.fromEntries(names.map((name, i) => [name, i])))
  assert.deepEqual(await stmt.expand().get(), {
    $: Object.fromEntries(names.map((name, i) => [name,
      i]))
  })
})

needs('stmt.expand()')('two thousand columns come through in every mode', async t => {
  const db = open(t)
  const values = Array.from({ length: 2000 }, (_, i) => i)
  const stmt = await db.prepare(`SELECT ${values.map(i => `${i} AS c${i}`).join()}`)
  assert.deepEqual(await stmt.get(), Object.fromEntries(values.map(i => [`c${i}`, i])))
  assert.deepEqual(await stmt.raw().all(), [values])
  assert.equal(await stmt.pluck().get(), 0)
  assert.equal(Object.keys((await stmt.expand().get()).$).length, 2000)
})

test('Object.prototype is not touched by reading rows', async t => {
  const before = Reflect.ownKeys(Object.prototype).length
  const db = open(t)
  for (const name of ['__proto__', 'constructor', 'x']) await (await db.prepare(`SELECT 5 AS "${name}"`)).all()
  assert.equal(Reflect.ownKeys(Object.prototype).length, before)
})

test('setters on Object.prototype are not called by rows', async t => {
  const called = []
  const trap = { get () {}, set (value) { called.push(value) }, configurable: true }
  Object.defineProperty(Object.prototype, 'trap', trap) // eslint-disable-line no-extend-native
  try {
    assert.deepEqual(Object.keys(await (await open(t).prepare('SELECT 5 AS trap')).get()), ['trap'])
    assert.deepEqual(called, [])
  } finally {
    delete Object.prototype.trap
  }
})

ours('NUL in SQL is a RangeError or a TypeError, and nothing is cut', async t => {
  const db = await open(t).exec('CREATE TABLE t (a)')
  for (const call of [() => db.prepare('SELECT 1\0; DROP TABLE t'), () => db.exec('SELECT 1\0; DROP TABLE t'),
    () => db.prepare('\0'), () => db.exec('DELETE FROM t\0 WHERE 0'), () => db.pragma('user_version\0')]) {
    const { error } = await thrown(call)
    assert.ok(error instanceof RangeError || error instanceof TypeError, error.stack)
  }
  assert.equal(await (await db.prepare('SELECT count(*) FROM sqlite_master')).pluck().get(), 1)
})

needs('names of files', ours)('NUL in a path or a name is an error, and no other file is made', async t => {
  const file = tempFile(t)
  const db = open(t)
  for (const call of [() => open(t, `${file}\0.db`), () => db.function('f\0g', () => {}),
    () => db.aggregate('f\0g', { step () {} }), () => db.table('f\0g', { columns: ['x'], * rows () {} }),
    () => db.serialize({ attached: 'main\0x' }), () => db.loadExtension('x\0y')]) {
    const { error } = await thrown(call)
    assert.ok(error instanceof Error, String(error))
  }
  assert.equal(require('node:fs').existsSync(file), false)
})

ours('SQL with unpaired surrogates is an error or reads U+FFFD, and never a crash', async t => {
  const db = open(t)
  assert.equal(await (await db.prepare("SELECT 'x\ud800y'")).pluck().get(), 'x\ufffdy')
  await sqliteError(() => db.prepare('SELECT \ud800'), 'SQLITE_ERROR')
})

test('text and blobs of a megabyte come back as they went in', async t => {
  const same = await echo(t)
  for (const text of ['x'.repeat(1 << 20), '\u00e9'.repeat(1 << 19), '\u6570'.repeat(400000), '\u{1f600}'.repeat(1 << 18)]) {
    assert.ok(await same(text) === text)
  }
})

needs('databases in UTF-16')('a file in UTF-16 gives the same text', async t => {
  const db = open(t, tempFile(t))
  await db.pragma("encoding = 'UTF-16le'")
  await db.exec('CREATE TABLE t (a)')
  const insert = await db.prepare('INSERT INTO t VALUES (?)')
  const texts = ['ascii', '\u00e9', '\u6570', '\u{1f600}', 'a\0b', '']
  for (const text of texts) await insert.run(text)
  assert.deepEqual(await (await db.prepare('SELECT a FROM t ORDER BY rowid')).pluck().all(), texts)
  assert.equal(await db.pragma('encoding', { simple: true }), 'UTF-16le')
})

needs('values of any size')('a value beyond the limit of SQLite is an error of SQLite', async t => {
  await sqliteError(async () => (await open(t).prepare('SELECT zeroblob(1 << 30)')).get(), 'SQLITE_TOOBIG', 'string or blob too big')
})
