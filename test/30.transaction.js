'use strict'

const assert = require('node:assert/strict')
const test = require('node:test')
const { BUSY, CLOSED, open, sqliteError, tempFile, thrown, typeError } = require('./support')

const MODES = ['default', 'deferred', 'immediate', 'exclusive']

function setup (t, file) {
  const db = open(t, file)
  db.exec('CREATE TABLE data (x UNIQUE); INSERT INTO data VALUES (1), (2), (3)')
  return db
}

const values = db => db.prepare('SELECT x FROM data').pluck().all()

test('transaction() of anything but a function is a TypeError', t => {
  const db = setup(t)
  for (const fn of [123, 0, null, undefined, [], {}, 'CREATE TABLE t (a)']) {
    typeError(() => db.transaction(fn), 'Expected first argument to be a function')
  }
})

test('transaction() of a closed database is a TypeError at once', t => {
  const db = setup(t)
  db.close()
  typeError(() => db.transaction(() => {}), CLOSED)
})

test('transaction() returns a function, with its four modes linked to each other', t => {
  const db = setup(t)
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

test('the modes cannot be overwritten, and only database is enumerable', t => {
  const transaction = setup(t).transaction(() => {})
  assert.deepEqual(Object.keys(transaction), ['database'])
  typeError(() => { transaction.deferred = 1 })
})

test('a transaction forwards this, the arguments and the result', t => {
  const db = setup(t)
  const transaction = db.transaction(function (...args) { return [this, ...args] })
  const object = {}
  for (const mode of MODES) {
    assert.deepEqual(transaction[mode].call(object, 'foo', 123, object), [object, 'foo', 123, object])
  }
})

test('a transaction is seen by others once it has ended', t => {
  const db = setup(t, tempFile(t))
  const other = open(t, db.name)
  const transaction = db.transaction(arg => {
    assert.equal(db.inTransaction, true)
    db.prepare('INSERT INTO data VALUES (?)').run(arg)
    assert.deepEqual(values(db), [1, 2, 3, 100])
    assert.deepEqual(values(other), [1, 2, 3])
    return 'done'
  })
  assert.equal(db.inTransaction, false)
  assert.equal(transaction(100), 'done')
  assert.equal(db.inTransaction, false)
  assert.deepEqual(values(other), [1, 2, 3, 100])
})

test('a throw rolls the transaction back and is thrown on, by identity', t => {
  const db = setup(t)
  for (const reason of [new Error('foobar'), null, undefined, '', { not: 'an error' }]) {
    const transaction = db.transaction(() => {
      db.exec('INSERT INTO data VALUES (100)')
      throw reason
    })
    for (const mode of MODES) {
      assert.equal(thrown(() => transaction[mode]()).error, reason)
      assert.equal(db.inTransaction, false)
      assert.deepEqual(values(db), [1, 2, 3])
    }
  }
})

test('a transaction inside a transaction is part of it', t => {
  const db = setup(t)
  const insert = db.prepare('INSERT INTO data VALUES (?)')
  const one = db.transaction(x => insert.run(x))
  const many = db.transaction((...list) => list.map(x => one(x)))
  many(10, 20, 30)
  assert.deepEqual(values(db), [1, 2, 3, 10, 20, 30])
  sqliteError(() => many(40, 50, 3), 'SQLITE_CONSTRAINT_UNIQUE')
  assert.deepEqual(values(db), [1, 2, 3, 10, 20, 30])
})

test('an inner transaction that fails takes only its own back', t => {
  const db = setup(t)
  const insert = db.prepare('INSERT INTO data VALUES (?)')
  const many = db.transaction((...list) => list.forEach(x => insert.run(x)))
  db.transaction(() => {
    many(10, 20)
    sqliteError(() => many(30, 1, 40), 'SQLITE_CONSTRAINT_UNIQUE')
    assert.equal(db.inTransaction, true)
    many(50)
  })()
  assert.deepEqual(values(db), [1, 2, 3, 10, 20, 50])
})

test('savepoints of the user and nested transactions go together', t => {
  const db = setup(t)
  const insert = db.prepare('INSERT INTO data VALUES (?)')
  const many = db.transaction((...list) => list.forEach(x => insert.run(x)))
  db.transaction(() => {
    many(10)
    db.exec('SAVEPOINT foo')
    many(20, 30)
    db.exec('ROLLBACK TO foo')
    many(40)
    db.exec('RELEASE foo')
  })()
  assert.deepEqual(values(db), [1, 2, 3, 10, 40])
})

test('a nested mode is a savepoint whatever it is called', t => {
  const db = setup(t)
  const inner = db.transaction(() => db.exec('INSERT INTO data VALUES (4)'))
  db.transaction(() => inner.exclusive()).deferred()
  assert.deepEqual(values(db), [1, 2, 3, 4])
})

test('deferred, immediate and exclusive take their locks', t => {
  const db = setup(t, tempFile(t))
  const other = open(t, db.name, { timeout: 0 })
  const probe = () => ({
    read: attempt(() => other.exec('SELECT * FROM data')),
    write: attempt(() => other.exec('DELETE FROM data WHERE 0'))
  })
  const attempt = fn => {
    try {
      fn()
      return 'ok'
    } catch (error) {
      return error.code
    }
  }
  const transaction = db.transaction(probe)
  assert.deepEqual(transaction(), { read: 'ok', write: 'ok' })
  assert.deepEqual(transaction.deferred(), { read: 'ok', write: 'ok' })
  assert.deepEqual(transaction.immediate(), { read: 'ok', write: 'SQLITE_BUSY' })
  assert.deepEqual(transaction.exclusive(), { read: 'SQLITE_BUSY', write: 'SQLITE_BUSY' })
})

test('a rollback that SQLite has already done keeps the first error', t => {
  const db = setup(t)
  const insert = db.prepare('INSERT OR ROLLBACK INTO data VALUES (?)')
  const one = db.transaction(x => insert.run(x))
  const many = db.transaction((...list) => list.map(x => one(x)))
  many(10, 20)
  sqliteError(() => many(40, 50, 10), 'SQLITE_CONSTRAINT_UNIQUE', 'UNIQUE constraint failed: data.x')
  assert.equal(db.inTransaction, false)
  assert.deepEqual(values(db), [1, 2, 3, 10, 20])
})

test('a promise is refused and the transaction rolled back', t => {
  const db = setup(t)
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

test('a commit that fails is thrown and rolled back', t => {
  const db = setup(t)
  db.exec(`CREATE TABLE p (id INTEGER PRIMARY KEY);
    CREATE TABLE c (p REFERENCES p DEFERRABLE INITIALLY DEFERRED)`)
  sqliteError(() => db.transaction(() => db.exec('INSERT INTO c VALUES (1)'))(), 'SQLITE_CONSTRAINT_FOREIGNKEY')
  assert.equal(db.inTransaction, false)
  assert.equal(db.prepare('SELECT count(*) FROM c').pluck().get(), 0)
})

test('a function that commits by itself makes the commit fail', t => {
  const db = setup(t)
  sqliteError(() => db.transaction(() => db.exec('INSERT INTO data VALUES (4); COMMIT'))(), 'SQLITE_ERROR',
    'cannot commit - no transaction is active')
  assert.deepEqual(values(db), [1, 2, 3, 4])
})

test('a transaction made before can be used many times', t => {
  const db = setup(t)
  const transaction = db.transaction(x => db.prepare('INSERT INTO data VALUES (?)').run(x).lastInsertRowid)
  assert.deepEqual([10, 11, 12].map(x => transaction(x)), [4, 5, 6])
})

test('a transaction can iterate and write after it', t => {
  const db = setup(t)
  db.transaction(() => {
    for (const x of [...db.prepare('SELECT x FROM data').pluck().iterate()]) {
      db.prepare('UPDATE data SET x = ? WHERE x = ?').run(x * 10, x)
    }
  })()
  assert.deepEqual(values(db), [10, 20, 30])
})

test('a transaction is blocked while iterating and inside a user function', t => {
  const db = setup(t)
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

test('transaction() of a database that was closed meanwhile is a TypeError', t => {
  const db = setup(t)
  const transaction = db.transaction(() => {})
  db.close()
  typeError(() => transaction(), CLOSED)
})

test('recursion makes savepoints all the way down', t => {
  const db = setup(t)
  const insert = db.prepare('INSERT INTO data VALUES (?)')
  const down = db.transaction(depth => {
    insert.run(1000 + depth)
    if (depth > 0) down(depth - 1)
    else throw new Error('bottom')
  })
  assert.throws(() => down(50), { message: 'bottom' })
  assert.deepEqual(values(db), [1, 2, 3])
})

test('inTransaction follows BEGIN, COMMIT and ROLLBACK by hand', t => {
  const db = setup(t)
  const seen = [db.inTransaction]
  for (const sql of ['BEGIN', 'COMMIT', 'SAVEPOINT a', 'RELEASE a', 'BEGIN', 'ROLLBACK']) {
    db.exec(sql)
    seen.push(db.inTransaction)
  }
  assert.deepEqual(seen, [false, true, false, true, false, true, false])
})

test('a committed transaction is in the file', t => {
  const db = setup(t, tempFile(t))
  db.transaction(() => { for (let i = 10; i < 1010; ++i) db.prepare('INSERT INTO data VALUES (?)').run(i) })()
  assert.equal(open(t, db.name, { readonly: true }).prepare('SELECT count(*) FROM data').pluck().get(), 1003)
})

test('a transaction in :memory: outlives itself', t => {
  const db = setup(t)
  db.transaction(() => db.exec('INSERT INTO data VALUES (4)')).immediate()
  assert.deepEqual(values(db), [1, 2, 3, 4])
})
