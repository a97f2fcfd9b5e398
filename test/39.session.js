'use strict'

const assert = require('node:assert/strict')
const {
  BUSY, Database, child, exited, open, ours, sqliteError, thrown, typeError
} = require('./support')

const SCHEMA = 'CREATE TABLE data (key INTEGER PRIMARY KEY, value TEXT); CREATE TABLE other (key INTEGER PRIMARY KEY, value TEXT);'

const setup = t => open(t).exec(SCHEMA)
const rows = (db, table = 'data') => db.prepare(`SELECT * FROM ${table} ORDER BY key`).raw().all()

ours('a changeset brings another database to the same state', t => {
  const source = setup(t)
  const target = setup(t)
  for (const db of [source, target]) db.exec("INSERT INTO data VALUES (1, 'old'), (2, 'gone')")
  const session = source.createSession()
  source.exec("UPDATE data SET value = 'new' WHERE key = 1; DELETE FROM data WHERE key = 2; INSERT INTO data VALUES (3, 'added')")
  const changeset = session.changeset()
  assert.equal(Buffer.isBuffer(changeset), true)
  assert.equal(target.applyChangeset(changeset), true)
  assert.deepEqual(rows(target), [[1, 'new'], [3, 'added']])
  session.close()
})

ours('a patchset does too, and is not larger', t => {
  const source = setup(t)
  const target = setup(t)
  for (const db of [source, target]) db.exec("INSERT INTO data VALUES (1, 'a long value that was there before')")
  const session = source.createSession()
  source.exec("UPDATE data SET value = 'x'")
  assert.ok(session.patchset().length < session.changeset().length)
  assert.equal(target.applyChangeset(session.patchset()), true)
  assert.deepEqual(rows(target), [[1, 'x']])
})

ours('a session without changes is an empty Buffer', t => {
  const session = setup(t).createSession()
  assert.deepEqual([session.changeset(), session.patchset()], [Buffer.alloc(0), Buffer.alloc(0)])
})

ours('table limits a session to one table', t => {
  const source = setup(t)
  const target = setup(t)
  const session = source.createSession({ table: 'other' })
  source.exec("INSERT INTO data VALUES (1, 'a'); INSERT INTO other VALUES (1, 'b')")
  target.applyChangeset(session.changeset())
  assert.deepEqual([rows(target), rows(target, 'other')], [[], [[1, 'b']]])
})

ours('db chooses an attached database', t => {
  const source = open(t).exec("ATTACH ':memory:' AS extra; CREATE TABLE extra.data (key INTEGER PRIMARY KEY, value)")
  const target = setup(t)
  const session = source.createSession({ db: 'extra' })
  source.exec("INSERT INTO extra.data VALUES (7, 'x')")
  target.applyChangeset(session.changeset())
  assert.deepEqual(rows(target), [[7, 'x']])
})

ours('several sessions record each from where they began', t => {
  const db = setup(t)
  const first = db.createSession()
  db.exec("INSERT INTO data VALUES (1, 'a')")
  const second = db.createSession()
  db.exec("INSERT INTO data VALUES (2, 'b')")
  const apply = session => {
    const target = setup(t)
    target.applyChangeset(session.changeset())
    return rows(target)
  }
  assert.deepEqual([apply(first), apply(second)], [[[1, 'a'], [2, 'b']], [[2, 'b']]])
})

function conflict (t) {
  const source = setup(t)
  const target = setup(t)
  const session = source.createSession()
  source.exec("INSERT INTO data VALUES (1, 'theirs'), (2, 'second')")
  target.exec("INSERT INTO data VALUES (1, 'mine')")
  return { target, changeset: session.changeset() }
}

ours('a conflict aborts by default, and nothing is applied', t => {
  const { target, changeset } = conflict(t)
  assert.equal(target.applyChangeset(changeset), false)
  assert.deepEqual(rows(target), [[1, 'mine']])
  assert.equal(target.inTransaction, false)
})

ours('onConflict can omit, replace and abort', t => {
  const {
    SQLITE_CHANGESET_OMIT: OMIT, SQLITE_CHANGESET_REPLACE: REPLACE,
    SQLITE_CHANGESET_ABORT: ABORT
  } = Database.constants
  const outcome = action => {
    const { target, changeset } = conflict(t)
    const applied = target.applyChangeset(changeset, { onConflict: () => action })
    return [applied, rows(target)]
  }
  assert.deepEqual([OMIT, REPLACE, ABORT], [0, 1, 2])
  assert.deepEqual(outcome(OMIT), [true, [[1, 'mine'], [2, 'second']]])
  assert.deepEqual(outcome(REPLACE), [true, [[1, 'theirs'], [2, 'second']]])
  assert.deepEqual(outcome(ABORT), [false, [[1, 'mine']]])
})

ours('onConflict is told which kind of conflict it is', t => {
  const { constants } = Database
  const kinds = []
  const { target, changeset } = conflict(t)
  target.applyChangeset(changeset,
    { onConflict: type => { kinds.push(type); return constants.SQLITE_CHANGESET_OMIT } })
  const source = setup(t)
  source.exec("INSERT INTO data VALUES (1, 'a'), (2, 'b')")
  const session = source.createSession()
  source.exec("UPDATE data SET value = 'c' WHERE key = 1; DELETE FROM data WHERE key = 2")
  const empty = setup(t)
  empty.exec("INSERT INTO data VALUES (1, 'different')")
  empty.applyChangeset(session.changeset(), { onConflict: type => { kinds.push(type); return 0 } })
  assert.deepEqual(kinds.sort(), [constants.SQLITE_CHANGESET_DATA,
    constants.SQLITE_CHANGESET_NOTFOUND,
    constants.SQLITE_CHANGESET_CONFLICT].sort())
  assert.deepEqual(['DATA', 'NOTFOUND', 'CONFLICT', 'CONSTRAINT', 'FOREIGN_KEY'].map(name => constants[`SQLITE_CHANGESET_${name}`]),
    [1, 2, 3, 4, 5])
})

ours('filter chooses the tables that are applied', t => {
  const source = setup(t)
  const target = setup(t)
  const session = source.createSession()
  source.exec("INSERT INTO data VALUES (1, 'a'); INSERT INTO other VALUES (1, 'b')")
  const seen = []
  const applied = target.applyChangeset(session.changeset(), { filter: table => { seen.push(table); return table === 'other' } })
  assert.deepEqual([applied, seen.sort(), rows(target), rows(target, 'other')], [true, ['data', 'other'], [], [[1, 'b']]])
})

ours('what filter and onConflict throw is thrown by identity, and nothing is applied', t => {
  for (const reason of [new Error('x'), null, '', { a: 1 }]) {
    for (const name of ['filter', 'onConflict']) {
      const { target, changeset } = conflict(t)
      assert.equal(thrown(() => target.applyChangeset(changeset,
        { [name]: () => { throw reason } })).error, reason)
      assert.deepEqual(rows(target), [[1, 'mine']])
      assert.equal(target.prepare('SELECT 5').pluck().get(), 5)
    }
  }
})

ours('the database is busy inside filter and onConflict', t => {
  const { target, changeset } = conflict(t)
  let calls = 0
  const check = result => () => {
    calls++
    typeError(() => target.exec('SELECT 1'), BUSY)
    typeError(() => target.close(), BUSY)
    typeError(() => target.applyChangeset(changeset), BUSY)
    return result
  }
  assert.equal(target.applyChangeset(changeset, { filter: check(true), onConflict: check(0) }),
    true)
  assert.equal(calls, 2)
})

ours('an answer of onConflict that is no action is an error', t => {
  for (const action of [7, 'x', undefined, null, {}]) {
    const { target, changeset } = conflict(t)
    assert.throws(() => target.applyChangeset(changeset, { onConflict: () => action }))
    assert.deepEqual(rows(target), [[1, 'mine']])
  }
})

ours('arguments of the wrong kind are TypeErrors', t => {
  const db = setup(t)
  for (const options of [5, 'data', true]) typeError(() => db.createSession(options))
  for (const table of [5, null, {}]) typeError(() => db.createSession({ table }))
  for (const name of [5, null, {}]) typeError(() => db.createSession({ db: name }))
  for (const changeset of [undefined, null, 'x', 5, {}, []]) typeError(() => db.applyChangeset(changeset))
  for (const options of [5, 'x']) typeError(() => db.applyChangeset(Buffer.alloc(0), options))
  for (const name of ['filter', 'onConflict']) {
    typeError(() => db.applyChangeset(Buffer.alloc(0), { [name]: 5 }))
  }
})

ours('bytes that are no changeset are an error and never a crash', t => {
  const db = setup(t)
  db.exec("INSERT INTO data VALUES (1, 'kept')")
  for (const bytes of [Buffer.from('junk'), Buffer.alloc(100), Buffer.alloc(100, 0xff), Buffer.from('T\x02\x01\x00data\0\x12')]) {
    try {
      db.applyChangeset(bytes)
    } catch (error) {
      assert.ok(error instanceof Database.SqliteError)
    }
  }
  assert.deepEqual(rows(db), [[1, 'kept']])
})

ours('a changeset with any of its bytes changed or cut is applied or refused, and never hangs', async () => {
  exited(await child(schema => {
    const source = new Database(':memory:')
    source.exec(schema)
    const session = source.createSession()
    source.exec("INSERT INTO data VALUES (1, 'value'), (2, 'another')")
    const changeset = session.changeset()
    const attempt = bytes => {
      const target = new Database(':memory:')
      target.exec(schema)
      try {
        target.applyChangeset(bytes)
      } catch (error) {
        if (!(error instanceof Database.SqliteError)) throw error
      }
      if (target.pragma('integrity_check', { simple: true }) !== 'ok') process.exit(3)
      target.close()
    }
    for (let i = 0; i < changeset.length; ++i) {
      attempt(changeset.subarray(0, i))
      for (const byte of [0, 1, 0x7f, 0x80, 0xff]) {
        const bytes = Buffer.from(changeset)
        bytes[i] = byte
        attempt(bytes)
      }
    }
  }, { args: [SCHEMA], timeout: 20000 }))
})

ours('a closed session is a TypeError', t => {
  const session = setup(t).createSession()
  session.close()
  typeError(() => session.changeset())
  typeError(() => session.patchset())
})

ours('close() of the database closes its sessions', t => {
  const db = setup(t)
  const session = db.createSession()
  db.exec("INSERT INTO data VALUES (1, 'a')")
  db.close()
  typeError(() => session.changeset(), 'The database connection is not open')
})

ours('Symbol.dispose closes a session', { skip: !Symbol.dispose }, t => {
  const session = setup(t).createSession()
  session[Symbol.dispose]()
  typeError(() => session.changeset())
})

ours('a session that is dropped does not keep the database from closing', t => {
  const db = setup(t)
  for (let i = 0; i < 100; ++i) db.createSession()
  db.exec("INSERT INTO data VALUES (1, 'a')")
  db.close()
  assert.equal(db.open, false)
})

ours('a changeset whose UPDATE leaves out the key is refused', t => {
  const db = open(t).exec('CREATE TABLE t (a PRIMARY KEY, b)')
  const changeset = Buffer.from('540201007400170000000005', 'hex')
  sqliteError(() => db.applyChangeset(changeset), 'SQLITE_CORRUPT', 'database disk image is malformed')
})

ours('a changeset that only looks like bytes is a TypeError', t => {
  const db = setup(t)
  for (const changeset of [new Proxy(Buffer.from('T'), {}), Object.create(Uint8Array.prototype)]) {
    typeError(() => db.applyChangeset(changeset), 'Expected first argument to be a Buffer or Uint8Array')
  }
})
