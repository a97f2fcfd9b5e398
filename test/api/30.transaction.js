'use strict'

const assert = require('node:assert/strict')
const {
  BUSY, CLOSED, PROMISES, needs, open, series, sqliteError, steps, syncOnly, tempFile, test, thrown,
  throws, typeError, whileIterating
} = require('../support')

const MODES = ['default', 'deferred', 'immediate', 'exclusive']

async function setup (t, file) {
  const db = open(t, file)
  await db.exec('CREATE TABLE data (x UNIQUE); INSERT INTO data VALUES (1), (2), (3)')
  return db
}

const values = steps(function * (db) {
  return (yield db.prepare('SELECT x FROM data')).pluck().all()
})

test('transaction() of anything but a function is a TypeError', async t => {
  const db = await setup(t)
  for (const fn of [123, 0, null, undefined, [], {}, 'CREATE TABLE t (a)']) {
    await typeError(() => db.transaction(fn), 'Expected first argument to be a function')
  }
})

test('transaction() of a closed database is a TypeError at once', async t => {
  const db = await setup(t)
  await db.close()
  await typeError(() => db.transaction(() => {}), CLOSED)
})

test('transaction() returns a function, with its four modes linked to each other', async t => {
  const db = await setup(t)
  const fn = () => {}
  const transaction = db.transaction(fn)
  assert.equal(typeof transaction, 'function')
  assert.notEqual(transaction, fn)
  assert.equal(transaction, transaction.default)
  assert.equal(new Set(MODES.map(mode => transaction[mode])).size, 4)
  for (const mode of MODES) {
    assert.equal(transaction[mode].database, db)
    for (const other of MODES) assert.equal(transaction[mode][other], transaction[other])
    const keys = ['run', 'get', 'all', 'iterate', 'reader', 'source']
    assert.deepEqual(keys.map(key => transaction[mode][key]), keys.map(() => undefined))
  }
})

test('the modes cannot be overwritten, and only database is enumerable', async t => {
  const transaction = (await setup(t)).transaction(() => {})
  assert.deepEqual(Object.keys(transaction), ['database'])
  await typeError(() => { transaction.deferred = 1 })
})

test('a transaction forwards this, the arguments and the result', async t => {
  const db = await setup(t)
  const transaction = db.transaction(function (...args) { return [this, ...args] })
  const object = {}
  for (const mode of MODES) {
    const result = await transaction[mode].call(object, 'foo', 123, object)
    assert.deepEqual(result, [object, 'foo', 123, object])
    assert.equal(result[0], object)
  }
})

needs('locks between connections')('a transaction is seen by others once it has ended', async t => {
  const db = await setup(t, tempFile(t))
  const other = open(t, db.name)
  const transaction = db.transaction(steps(function * (arg) {
    assert.equal(db.inTransaction, true)
    yield (yield db.prepare('INSERT INTO data VALUES (?)')).run(arg)
    assert.deepEqual(yield values(db), [1, 2, 3, 100])
    assert.deepEqual(yield values(other), [1, 2, 3])
    return 'done'
  }))
  assert.equal(db.inTransaction, false)
  assert.equal(await transaction(100), 'done')
  assert.equal(db.inTransaction, false)
  assert.deepEqual(await values(other), [1, 2, 3, 100])
})

test('a throw rolls the transaction back and is thrown on, by identity', async t => {
  const db = await setup(t)
  for (const reason of [new Error('foobar'), null, undefined, '', { not: 'an error' }]) {
    const transaction = db.transaction(steps(function * () {
      yield db.exec('INSERT INTO data VALUES (100)')
      throw reason
    }))
    for (const mode of MODES) {
      assert.equal((await thrown(() => transaction[mode]())).error, reason)
      assert.equal(db.inTransaction, false)
      assert.deepEqual(await values(db), [1, 2, 3])
    }
  }
})

test('a transaction inside a transaction is part of it', async t => {
  const db = await setup(t)
  const insert = await db.prepare('INSERT INTO data VALUES (?)')
  const one = db.transaction(x => insert.run(x))
  const many = db.transaction(steps(function * (...list) {
    for (const x of list) yield one(x)
  }))
  await many(10, 20, 30)
  assert.deepEqual(await values(db), [1, 2, 3, 10, 20, 30])
  await sqliteError(() => many(40, 50, 3), 'SQLITE_CONSTRAINT_UNIQUE')
  assert.deepEqual(await values(db), [1, 2, 3, 10, 20, 30])
})

test('an inner transaction that fails takes only its own back', async t => {
  const db = await setup(t)
  const insert = await db.prepare('INSERT INTO data VALUES (?)')
  const many = db.transaction(steps(function * (...list) {
    for (const x of list) yield insert.run(x)
  }))
  await db.transaction(steps(function * () {
    yield many(10, 20)
    yield sqliteError(() => many(30, 1, 40), 'SQLITE_CONSTRAINT_UNIQUE')
    assert.equal(db.inTransaction, true)
    yield many(50)
  }))()
  assert.deepEqual(await values(db), [1, 2, 3, 10, 20, 50])
})

test('savepoints of the user and nested transactions go together', async t => {
  const db = await setup(t)
  const insert = await db.prepare('INSERT INTO data VALUES (?)')
  const many = db.transaction(steps(function * (...list) {
    for (const x of list) yield insert.run(x)
  }))
  await db.transaction(steps(function * () {
    yield many(10)
    yield db.exec('SAVEPOINT foo')
    yield many(20, 30)
    yield db.exec('ROLLBACK TO foo')
    yield many(40)
    yield db.exec('RELEASE foo')
  }))()
  assert.deepEqual(await values(db), [1, 2, 3, 10, 40])
})

test('a nested mode is a savepoint whatever it is called', async t => {
  const db = await setup(t)
  const inner = db.transaction(() => db.exec('INSERT INTO data VALUES (4)'))
  await db.transaction(() => inner.exclusive()).deferred()
  assert.deepEqual(await values(db), [1, 2, 3, 4])
})

needs('locks between connections')('deferred, immediate and exclusive take their locks', async t => {
  const db = await setup(t, tempFile(t))
  const other = open(t, db.name, { timeout: 0 })
  const attempt = steps(function * (sql) {
    try {
      yield other.exec(sql)
      return 'ok'
    } catch (error) {
      return error.code
    }
  })
  const probe = steps(function * () {
    const read = yield attempt('SELECT * FROM data')
    const write = yield attempt('DELETE FROM data WHERE 0')
    return { read, write }
  })
  const transaction = db.transaction(probe)
  assert.deepEqual(await transaction(), { read: 'ok', write: 'ok' })
  assert.deepEqual(await transaction.deferred(), { read: 'ok', write: 'ok' })
  assert.deepEqual(await transaction.immediate(), { read: 'ok', write: 'SQLITE_BUSY' })
  assert.deepEqual(await transaction.exclusive(), { read: 'SQLITE_BUSY', write: 'SQLITE_BUSY' })
})

test('a rollback that SQLite has already done keeps the first error', async t => {
  const db = await setup(t)
  const insert = await db.prepare('INSERT OR ROLLBACK INTO data VALUES (?)')
  const one = db.transaction(x => insert.run(x))
  const many = db.transaction(steps(function * (...list) {
    for (const x of list) yield one(x)
  }))
  await many(10, 20)
  await sqliteError(() => many(40, 50, 10), 'SQLITE_CONSTRAINT_UNIQUE', 'UNIQUE constraint failed: data.x')
  assert.equal(db.inTransaction, false)
  assert.deepEqual(await values(db), [1, 2, 3, 10, 20])
})

syncOnly('a promise is refused and the transaction rolled back', async t => {
  const db = await setup(t)
  const message = 'Transaction function cannot return a promise'
  const insert = () => db.exec('INSERT INTO data VALUES (100)')
  typeError(() => db.transaction(async () => { insert() })(), message)
  typeError(() => db.transaction(() => { insert(); return { then () {} } })(), message)
  typeError(() => db.transaction(() => {
    insert(); return Object.assign(() => {},
      { then () {} })
  })(), message)
  assert.equal(db.inTransaction, false)
  assert.deepEqual(values(db), [1, 2, 3])
})

test('a generator is refused: nothing of it has run', async t => {
  const db = await setup(t)
  const inside = [function * () { yield db.exec('DELETE FROM data') }, () => (function * () {})()]
  if (PROMISES) inside.push(async function * () { yield db.exec('DELETE FROM data') }, async () => inside[0]())
  for (const fn of inside) {
    for (const mode of MODES) {
      await typeError(() => db.transaction(fn)[mode](), 'Transaction function cannot return a generator')
    }
    await typeError(() => db.transaction(() => db.transaction(fn)())(), 'Transaction function cannot return a generator')
    assert.equal(db.inTransaction, false)
    assert.deepEqual(await values(db), [1, 2, 3])
  }
})

test('a commit that fails is thrown and rolled back', async t => {
  const db = await setup(t)
  await db.exec(`CREATE TABLE p (id INTEGER PRIMARY KEY);
    CREATE TABLE c (p REFERENCES p DEFERRABLE INITIALLY DEFERRED)`)
  await sqliteError(() => db.transaction(() => db.exec('INSERT INTO c VALUES (1)'))(), 'SQLITE_CONSTRAINT_FOREIGNKEY')
  assert.equal(db.inTransaction, false)
  assert.equal(await (await db.prepare('SELECT count(*) FROM c')).pluck().get(), 0)
})

test('a function that commits by itself makes the commit fail', async t => {
  const db = await setup(t)
  await sqliteError(() => db.transaction(() => db.exec('INSERT INTO data VALUES (4); COMMIT'))(), 'SQLITE_ERROR',
    'cannot commit - no transaction is active')
  assert.deepEqual(await values(db), [1, 2, 3, 4])
})

test('a transaction made before can be used many times', async t => {
  const db = await setup(t)
  const transaction = db.transaction(steps(function * (x) {
    const insert = yield db.prepare('INSERT INTO data VALUES (?)')
    const { lastInsertRowid } = yield insert.run(x)
    return lastInsertRowid
  }))
  assert.deepEqual(await series([10, 11, 12], x => transaction(x)), [4, 5, 6])
})

test('a transaction can iterate and write after it', async t => {
  const db = await setup(t)
  await db.transaction(steps(function * () {
    const iterator = (yield db.prepare('SELECT x FROM data')).pluck().iterate()
    const list = []
    for (let step; !(step = yield iterator.next()).done;) list.push(step.value)
    const update = yield db.prepare('UPDATE data SET x = ? WHERE x = ?')
    for (const x of list) yield update.run(x * 10, x)
  }))()
  assert.deepEqual(await values(db), [10, 20, 30])
})

whileIterating('a transaction is blocked while iterating and inside a user function', async t => {
  const db = await setup(t)
  const transaction = db.transaction(() => 5)
  for (const row of db.prepare('SELECT 1 AS one').iterate()) {
    assert.equal(row.one, 1)
    typeError(() => transaction(), BUSY)
  }
  db.function('f', () => { typeError(() => transaction(), BUSY) })
  db.exec('SELECT f()')
  assert.equal(transaction(), 5)
  assert.equal(db.inTransaction, false)
})

test('transaction() of a database that was closed meanwhile is a TypeError', async t => {
  const db = await setup(t)
  const transaction = db.transaction(() => {})
  await db.close()
  await typeError(() => transaction(), CLOSED)
})

test('recursion makes savepoints all the way down', async t => {
  const db = await setup(t)
  const insert = await db.prepare('INSERT INTO data VALUES (?)')
  const down = db.transaction(steps(function * (depth) {
    yield insert.run(1000 + depth)
    if (depth > 0) yield down(depth - 1)
    else throw new Error('bottom')
  }))
  await throws(() => down(50), { message: 'bottom' })
  assert.deepEqual(await values(db), [1, 2, 3])
})

test('inTransaction follows BEGIN, COMMIT and ROLLBACK by hand', async t => {
  const db = await setup(t)
  const seen = [db.inTransaction]
  for (const sql of ['BEGIN', 'COMMIT', 'SAVEPOINT a', 'RELEASE a', 'BEGIN', 'ROLLBACK']) {
    await db.exec(sql)
    seen.push(db.inTransaction)
  }
  assert.deepEqual(seen, [false, true, false, true, false, true, false])
})

needs('names of files', needs('option readonly'))('a committed transaction is in the file', async t => {
  const db = await setup(t, tempFile(t))
  const insert = await db.prepare('INSERT INTO data VALUES (?)')
  await db.transaction(steps(function * () {
    for (let i = 10; i < 1010; ++i) yield insert.run(i)
  }))()
  assert.equal(await (await open(t, db.name, { readonly: true }).prepare('SELECT count(*) FROM data')).pluck().get(), 1003)
})

test('a transaction in :memory: outlives itself', async t => {
  const db = await setup(t)
  await db.transaction(() => db.exec('INSERT INTO data VALUES (4)')).immediate()
  assert.deepEqual(await values(db), [1, 2, 3, 4])
})
