'use strict'

const assert = require('node:assert/strict')
const fs = require('node:fs')
const path = require('node:path')
const {
  CLOSED, Database, isSqliteError, open, ours, syncOnly, tempDir, tempFile, test, until
} = require('../support')

const tick = () => new Promise(resolve => setImmediate(resolve))

function setup (t, file = tempFile(t)) {
  return open(t, file).exec(`
    CREATE TABLE entries (a TEXT, b INTEGER, c REAL, d BLOB, e TEXT);
    INSERT INTO entries WITH RECURSIVE n (b) AS (SELECT 1 UNION ALL SELECT b + 1 FROM n LIMIT 5)
      SELECT 'foo', b, 3.14, x'dddddddd', NULL FROM n;
  `)
}

const rows = async (db, schema = 'main') => (await db.prepare(`SELECT * FROM ${schema}.entries`)).all()
const rejects = (promise, message) => assert.rejects(promise, { name: 'TypeError', message })

test('a destination that is not a string rejects', async t => {
  const db = await setup(t)
  for (const args of [[], [null], [0], [123], [{}], [() => 'x'], [['x']], [Buffer.from('x')]]) {
    await rejects(db.backup(...args), 'Expected first argument to be a string')
  }
  await rejects(db.backup(new String('x')), 'Expected first argument to be a string') // eslint-disable-line no-new-wrappers
})

test('an empty destination rejects', async t => {
  for (const name of ['', ' \t\n ']) await rejects((await setup(t)).backup(name), 'Backup filename cannot be an empty string')
})

test(':memory: as the destination rejects', async t => {
  await rejects((await setup(t)).backup(':memory:'), 'Invalid backup filename ":memory:"')
  assert.equal(fs.existsSync(':memory:'), false)
})

test('options of the wrong kind reject', async t => {
  const db = await setup(t)
  for (const options of [5, 'x', true, () => {}]) {
    await rejects(db.backup('x', options), 'Expected second argument to be an options object')
  }
  for (const attached of [undefined, null, 5]) {
    await rejects(db.backup('x', { attached }), 'Expected the "attached" option to be a string')
  }
  await rejects(db.backup('x', { attached: '' }), 'The "attached" option cannot be an empty string')
  for (const progress of [5, 'x', {}, true]) {
    await rejects(db.backup('x', { progress }), 'Expected the "progress" option to be a function')
  }
})

test('backup() never throws, it rejects', async t => {
  const db = await setup(t)
  const promises = [db.backup(), db.backup(5), db.backup('x', 5)]
  assert.deepEqual(promises.map(promise => promise instanceof Promise), [true, true, true])
  assert.deepEqual((await Promise.allSettled(promises)).map(result => result.status), ['rejected', 'rejected', 'rejected'])
})

test('a directory that does not exist rejects', async t => {
  const file = path.join(tempDir(t), 'no', 'such', 'copy.db')
  await rejects((await setup(t)).backup(file), /^Cannot save backup because the directory does not exist/)
  assert.equal(fs.existsSync(file), false)
})

test('a copy has what the database has', async t => {
  const db = await setup(t)
  const file = tempFile(t)
  const promise = db.backup(file)
  assert.equal(fs.existsSync(file), false)
  assert.deepEqual(await promise, { totalPages: 2, remainingPages: 0 })
  assert.deepEqual(await rows(open(t, file)), await rows(db))
})

test('the destination is trimmed', async t => {
  const file = tempFile(t)
  await (await setup(t)).backup(`  ${file} \n`)
  assert.equal(fs.existsSync(file), true)
})

test('progress may be null or undefined', async t => {
  const db = await setup(t)
  for (const progress of [null, undefined]) {
    assert.deepEqual(await db.backup(tempFile(t), { progress }), {
      totalPages: 2,
      remainingPages: 0
    })
  }
})

test('a database in memory can be copied to a file', async t => {
  const file = tempFile(t)
  const db = await setup(t, ':memory:')
  await db.backup(file)
  assert.deepEqual(await rows(open(t, file)), await rows(db))
})

test('what stood in the destination is replaced', async t => {
  const file = tempFile(t)
  await (await open(t, file).exec('CREATE TABLE old (a); INSERT INTO old VALUES (1)')).close()
  await (await setup(t)).backup(file)
  assert.deepEqual(await (await open(t, file).prepare('SELECT name FROM sqlite_master')).pluck().all(), ['entries'])
})

test('a destination that is no database rejects and stays as it was', async t => {
  const file = tempFile(t)
  fs.writeFileSync(file, 'not a database file')
  await assert.rejects((await setup(t)).backup(file), isSqliteError('SQLITE_NOTADB'))
  assert.equal(fs.readFileSync(file, 'utf8'), 'not a database file')
})

test('a directory as the destination rejects', async t => {
  await assert.rejects((await setup(t)).backup(tempDir(t)), isSqliteError('SQLITE_CANTOPEN'))
})

test('attached chooses the database that is copied', async t => {
  const source = await setup(t)
  const db = open(t)
  await (await db.prepare('ATTACH ? AS cool_db')).run(source.name)
  const file = tempFile(t)
  assert.deepEqual(await db.backup(file, { attached: 'cool_db' }), { totalPages: 2, remainingPages: 0 })
  assert.deepEqual(await rows(open(t, file)), await rows(db, 'cool_db'))
})

test('attached that names nothing rejects', async t => {
  await assert.rejects((await setup(t)).backup(tempFile(t), { attached: 'nowhere' }),
    isSqliteError('SQLITE_ERROR', 'unknown database nowhere'))
})

// better-sqlite3 13.2 leaves an empty file behind.
ours('attached that names nothing makes no file', async t => {
  const file = tempFile(t)
  await assert.rejects((await setup(t)).backup(file, { attached: 'nowhere' }))
  assert.equal(fs.existsSync(file), false)
})

test('progress is first called before any page is copied, with this undefined', async t => {
  const calls = []
  const db = await setup(t)
  await db.backup(tempFile(t), { progress (...args) { calls.push([this, ...args]) } })
  assert.deepEqual(calls, [[undefined, { totalPages: 2, remainingPages: 2 }]])
})

test('a hundred pages are copied each turn of the event loop', async t => {
  const db = await setup(t)
  await (await db.prepare('INSERT INTO entries (d) VALUES (zeroblob(?))')).run(1024 * 1024)
  const calls = []
  await db.backup(tempFile(t), {
    progress ({
      totalPages,
      remainingPages
    }) { calls.push(totalPages - remainingPages) }
  })
  assert.deepEqual(calls, [0, 100, 200])
})

test('the event loop turns while a backup runs', async t => {
  const db = await setup(t)
  await (await db.prepare('INSERT INTO entries (d) VALUES (zeroblob(?))')).run(4 * 1024 * 1024)
  let turns = 0
  let done = false
  const count = () => { if (!done) { turns++; setImmediate(count) } }
  setImmediate(count)
  await db.backup(tempFile(t))
  done = true
  assert.ok(turns >= 10, `${turns} turns`)
})

syncOnly('progress chooses how many pages come next, and sees pages that others add', async t => {
  const db = setup(t)
  const file = tempFile(t)
  const payload = 'z'.repeat(4096 * 5)
  let size = 0
  const seen = []
  const promise = db.backup(file, { progress (state) { seen.push(state); return size } })
  while (!seen.length) await tick()
  const expected = [{ totalPages: 2, remainingPages: 2 }]
  assert.deepEqual(seen, expected)
  await tick()
  size = 1
  await tick()
  expected.push({ totalPages: 2, remainingPages: 2 }, { totalPages: 2, remainingPages: 2 })
  assert.deepEqual(seen, expected)
  await tick()
  expected.push({ totalPages: 2, remainingPages: 1 })
  assert.deepEqual(seen, expected)
  db.prepare('INSERT INTO entries (a, b) VALUES (?, 999)').run(payload)
  size = Infinity
  await tick()
  expected.push({ totalPages: 7, remainingPages: 5 })
  assert.deepEqual(seen, expected)
  assert.deepEqual(await promise, { totalPages: 7, remainingPages: 0 })
  assert.deepEqual(seen, expected)
  assert.equal(open(t, file).prepare('SELECT a FROM entries WHERE b = 999').pluck().get(), payload)
})

test('negative numbers and fractions are rounded to pages', async t => {
  const sizes = [-5, 0.4, 0.6, 1e10]
  const seen = []
  await (await setup(t)).backup(tempFile(t),
    { progress ({ remainingPages }) { seen.push(remainingPages); return sizes.shift() } })
  assert.deepEqual(seen, [2, 2, 2, 1])
})

test('what progress throws rejects, by identity', async t => {
  const db = await setup(t)
  for (const reason of [new SyntaxError('foo'), null, undefined, '']) {
    const file = tempFile(t)
    const [result] = await Promise.allSettled([db.backup(file, { progress () { throw reason } })])
    assert.deepEqual(result, { status: 'rejected', reason })
    assert.equal(fs.existsSync(file), false)
  }
})

test('anything but a number or undefined from progress rejects', async t => {
  const db = await setup(t)
  for (const value of [null, NaN, '1', [1], {}, true, 1n, () => 1]) {
    await rejects(db.backup(tempFile(t), { progress: () => value }),
      'Expected progress callback to return a number or undefined')
  }
})

// A backup of two pages, stopped by `stop` when one of them is copied.
async function aborted (t, file, stop) {
  const db = await setup(t)
  const seen = []
  let abort = false
  const promise = db.backup(file, {
    progress (state) {
      seen.push(state.remainingPages)
      if (abort) throw new SyntaxError('stop')
      return state.remainingPages === 1 ? 0 : 1
    }
  })
  const settled = Promise.allSettled([promise])
  await until(() => seen.includes(1), 'the first page')
  if (stop) await stop(db)
  abort = true
  const [result] = await settled
  return result
}

test('a new file of an aborted backup is removed', async t => {
  const file = tempFile(t)
  const { reason } = await aborted(t, file)
  assert.ok(reason instanceof SyntaxError)
  assert.equal(fs.existsSync(file), false)
})

test('an old file of an aborted backup is as it was', async t => {
  const file = tempFile(t)
  await (await open(t, file).exec('CREATE TABLE foo (bar); INSERT INTO foo VALUES (2), (8)')).close()
  const { reason } = await aborted(t, file)
  assert.ok(reason instanceof SyntaxError)
  assert.deepEqual(await (await open(t, file).prepare('SELECT bar FROM foo')).pluck().all(), [2, 8])
})

test('close() aborts a backup and removes its new file', async t => {
  const file = tempFile(t)
  const { reason } = await aborted(t, file, db => db.close())
  assert.deepEqual([reason.name, reason.message], ['TypeError', CLOSED])
  assert.equal(fs.existsSync(file), false)
})

test('backup() of a closed database rejects and makes no file', async t => {
  const db = await setup(t)
  const file = tempFile(t)
  await db.close()
  await rejects(db.backup(file), CLOSED)
  assert.equal(fs.existsSync(file), false)
})

test('close() right after backup() rejects it', async t => {
  const db = await setup(t)
  const file = tempFile(t)
  const rejected = rejects(db.backup(file), CLOSED)
  await db.close()
  await rejected
  assert.equal(fs.existsSync(file), false)
})

test('backup() can be started while iterating and inside a user function', async t => {
  const db = await setup(t)
  const promises = []
  for await (const row of (await db.prepare('SELECT b FROM entries')).iterate()) {
    promises.push(db.backup(tempFile(t, `${row.b}.db`)))
  }
  await db.function('f', () => { promises.push(db.backup(tempFile(t))) })
  await db.exec('SELECT f()')
  const done = { totalPages: 2, remainingPages: 0 }
  assert.deepEqual(await Promise.all(promises), Array(6).fill(done))
})

syncOnly('the database can be used between the steps', async t => {
  const db = setup(t)
  const seen = []
  await db.backup(tempFile(t), {
    progress () {
      seen.push(db.prepare('SELECT count(*) FROM entries').pluck().get())
      return 1
    }
  })
  assert.deepEqual(seen, [5, 5])
})

test('five backups of one database at once are five copies', async t => {
  const db = await setup(t)
  const files = Array.from({ length: 5 }, () => tempFile(t))
  await Promise.all(files.map(file => db.backup(file, { progress: () => 1 })))
  for (const file of files) assert.deepEqual(await rows(open(t, file)), await rows(db))
})

test('a backup that the user drops goes on', async t => {
  const file = tempFile(t)
  const db = await setup(t)
  db.backup(file, { progress: () => 1 })
  await until(() => fs.existsSync(file) && !fs.existsSync(`${file}-journal`) && fs.statSync(file).size === 8192, 'the copy')
  await tick()
  assert.equal((await new Database(file).close()).open, false)
})

test('the progress object is made anew for each call', async t => {
  const seen = []
  const db = await setup(t)
  await db.backup(tempFile(t), { progress (state) { seen.push(state); state.totalPages = 'mine'; return 1 } })
  assert.equal(new Set(seen).size, seen.length)
  assert.equal(seen.length, 2)
})
