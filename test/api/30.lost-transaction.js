'use strict'

// What is called inside a transaction that SQLite has already rolled back.

const assert = require('node:assert/strict')
const { PROMISES, open, sqliteError, steps, test, thrown, throws } = require('../support')

// The sync API runs it in this thread, as better-sqlite3 does.
const isHere = [undefined, 'kv', 'resident'].includes(process.env.TEST_ON)
const skip = !PROMISES && isHere && 'as in better-sqlite3'
const ENDED = 'The transaction has ended: it was rolled back when a call inside it failed'
const CONFLICT = 'INSERT OR ROLLBACK INTO data VALUES (1, 1)'
const WRITE = 'INSERT INTO data VALUES (3, 3)'

async function setup (t) {
  const db = open(t)
  await db.exec('CREATE TABLE data (id INTEGER UNIQUE, x); INSERT INTO data VALUES (1, 100), (2, 0)')
  return db
}

async function isAsBefore (db) {
  assert.equal(db.inTransaction, false)
  const rows = await (await db.prepare('SELECT * FROM data ORDER BY id')).all()
  assert.deepEqual(rows, [{ id: 1, x: 100 }, { id: 2, x: 0 }])
}

async function refusal (call, cause) {
  isRefusal((await thrown(call)).error, cause)
}

function isRefusal (error, cause) {
  // A transaction, and a batch that is one, gives the first error itself.
  if (error === cause) return
  assert.equal(error.message, ENDED)
  assert.equal(error.cause, cause)
}

const CALLS = {
  run: db => db.run(WRITE),
  get: db => db.get('SELECT 1'),
  exec: db => db.exec(WRITE),
  batch: db => db.batch([WRITE]),
  pragma: db => db.pragma('user_version'),
  transaction: db => db.transaction(() => db.run(WRITE))()
}

test('a transaction that SQLite has rolled back takes no call any more', { skip }, async t => {
  const db = await setup(t)
  for (const [name, call] of Object.entries(CALLS)) {
    let first
    const move = db.transaction(steps(function * () {
      yield db.run('UPDATE data SET x = x - 60 WHERE id = 1')
      first = (yield thrown(() => db.run(CONFLICT))).error
      assert.equal(first.code, 'SQLITE_CONSTRAINT_UNIQUE', name)
      yield refusal(() => call(db), first)
    }))
    const { error } = await thrown(() => move())
    assert.equal(error, first, name)
    await isAsBefore(db)
  }
  assert.equal(await db.transaction(() => db.run(WRITE))().changes ?? 1, 1)
})

test('a prepared statement and its iterator are refused, too', { skip }, async t => {
  const db = await setup(t)
  const conflict = await db.prepare(CONFLICT)
  const write = await db.prepare(WRITE)
  const read = await db.prepare('SELECT * FROM data')
  await sqliteError(() => db.transaction(steps(function * () {
    yield db.exec('DELETE FROM data WHERE id = 2')
    const { error } = yield thrown(() => conflict.run())
    yield refusal(() => write.run(), error)
    yield refusal(() => read.all(), error)
    yield refusal(() => read.iterate().next(), error)
  }))(), 'SQLITE_CONSTRAINT_UNIQUE')
  await isAsBefore(db)
})

test('what an inner transaction has lost, the outer one has lost, too', { skip }, async t => {
  const db = await setup(t)
  const inner = db.transaction(() => db.run(CONFLICT))
  for (const how of ['run', 'transaction']) {
    await sqliteError(() => db.transaction(steps(function * () {
      yield db.run('UPDATE data SET x = 0 WHERE id = 1')
      const { error } = yield thrown(() => inner())
      yield thrown(() => CALLS[how](db))
      assert.equal(error.code, 'SQLITE_CONSTRAINT_UNIQUE')
    }))(), 'SQLITE_CONSTRAINT_UNIQUE')
    await isAsBefore(db)
  }
})

test('what the function throws itself is what counts', { skip }, async t => {
  const db = await setup(t)
  const own = new Error('own')
  const failing = db.transaction(steps(function * () {
    yield thrown(() => db.run(CONFLICT))
    throw own
  }))
  assert.equal((await thrown(() => failing())).error, own)
  await isAsBefore(db)
})

test('a failed statement that leaves the transaction open ends nothing', async t => {
  const db = await setup(t)
  await db.transaction(steps(function * () {
    yield thrown(() => db.run('INSERT INTO data VALUES (1, 1)'))
    yield thrown(() => db.run('nonsense'))
    yield db.run('UPDATE data SET x = x + 1 WHERE id = 2')
  }))()
  assert.deepEqual(await db.get('SELECT x FROM data WHERE id = 2'), { x: 1 })
})

test('a function that ends the transaction by itself goes on', async t => {
  const db = await setup(t)
  await throws(() => db.transaction(steps(function * () {
    yield db.exec('COMMIT')
    yield thrown(() => db.run('INSERT INTO data VALUES (1, 1)'))
    yield db.run(WRITE)
  }))(), { message: 'cannot commit - no transaction is active' })
  assert.deepEqual(await db.get('SELECT x FROM data WHERE id = 3'), { x: 3 })
})

const together = { skip: !PROMISES }
test('calls made together: none behind the one that fails is executed', together, async t => {
  const db = await setup(t)
  const write = await db.prepare('INSERT INTO data VALUES (?, ?)')
  const conflict = await db.prepare(CONFLICT)
  const behind = {
    run: () => write.run(4, 4),
    exec: () => db.exec(WRITE),
    batch: () => db.batch([WRITE])
  }
  for (const [name, call] of Object.entries(behind)) {
    let outcomes
    const move = db.transaction(async () => {
      const calls = [write.run(3, 3), conflict.run(), call(), write.run(5, 5)]
      outcomes = await Promise.allSettled(calls)
    })
    await sqliteError(() => move(), 'SQLITE_CONSTRAINT_UNIQUE')
    const [{ status }, { reason }, ...others] = outcomes
    assert.deepEqual([status, reason.code], ['fulfilled', 'SQLITE_CONSTRAINT_UNIQUE'], name)
    for (const other of others) {
      assert.equal(other.status, 'rejected', name)
      isRefusal(other.reason, reason)
    }
    await isAsBefore(db)
  }
})
