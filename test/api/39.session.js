'use strict'

const assert = require('node:assert/strict')
const {
  BUSY, Database, child, exited, open, ours, oursSyncOnly, sqliteError, thrown, throws,
  typeError
} = require('../support')

const SCHEMA = 'CREATE TABLE data (key INTEGER PRIMARY KEY, value TEXT); CREATE TABLE other (key INTEGER PRIMARY KEY, value TEXT);'

const setup = t => open(t).exec(SCHEMA)
const rows = async (db, table = 'data') => (await db.prepare(`SELECT * FROM ${table} ORDER BY key`)).raw().all()

ours('a changeset brings another database to the same state', async t => {
  const source = await setup(t)
  const target = await setup(t)
  for (const db of [source, target]) await db.exec("INSERT INTO data VALUES (1, 'old'), (2, 'gone')")
  const session = await source.createSession()
  await source.exec("UPDATE data SET value = 'new' WHERE key = 1; DELETE FROM data WHERE key = 2; INSERT INTO data VALUES (3, 'added')")
  const changeset = await session.changeset()
  assert.equal(Buffer.isBuffer(changeset), true)
  assert.deepEqual([changeset.byteOffset, changeset.buffer.byteLength], [0, changeset.length])
  assert.equal(await target.applyChangeset(changeset), true)
  assert.deepEqual(await rows(target), [[1, 'new'], [3, 'added']])
  await session.close()
})

ours('a patchset does too, and is not larger', async t => {
  const source = await setup(t)
  const target = await setup(t)
  for (const db of [source, target]) await db.exec("INSERT INTO data VALUES (1, 'a long value that was there before')")
  const session = await source.createSession()
  await source.exec("UPDATE data SET value = 'x'")
  assert.ok((await session.patchset()).length < (await session.changeset()).length)
  assert.equal(await target.applyChangeset(await session.patchset()), true)
  assert.deepEqual(await rows(target), [[1, 'x']])
})

ours('a session without changes is an empty Buffer', async t => {
  const session = await (await setup(t)).createSession()
  assert.deepEqual(await session.changeset(), Buffer.alloc(0))
  assert.deepEqual(await session.patchset(), Buffer.alloc(0))
})

ours('table limits a session to one table', async t => {
  const source = await setup(t)
  const target = await setup(t)
  const session = await source.createSession({ table: 'other' })
  await source.exec("INSERT INTO data VALUES (1, 'a'); INSERT INTO other VALUES (1, 'b')")
  await target.applyChangeset(await session.changeset())
  assert.deepEqual([await rows(target), await rows(target, 'other')], [[], [[1, 'b']]])
})

ours('db chooses an attached database', async t => {
  const source = await open(t).exec("ATTACH ':memory:' AS extra; CREATE TABLE extra.data (key INTEGER PRIMARY KEY, value)")
  const target = await setup(t)
  const session = await source.createSession({ db: 'extra' })
  await source.exec("INSERT INTO extra.data VALUES (7, 'x')")
  await target.applyChangeset(await session.changeset())
  assert.deepEqual(await rows(target), [[7, 'x']])
})

ours('several sessions record each from where they began', async t => {
  const db = await setup(t)
  const first = await db.createSession()
  await db.exec("INSERT INTO data VALUES (1, 'a')")
  const second = await db.createSession()
  await db.exec("INSERT INTO data VALUES (2, 'b')")
  const apply = async session => {
    const target = await setup(t)
    await target.applyChangeset(await session.changeset())
    return rows(target)
  }
  assert.deepEqual([await apply(first), await apply(second)], [[[1, 'a'], [2, 'b']], [[2, 'b']]])
})

async function conflict (t) {
  const source = await setup(t)
  const target = await setup(t)
  const session = await source.createSession()
  await source.exec("INSERT INTO data VALUES (1, 'theirs'), (2, 'second')")
  await target.exec("INSERT INTO data VALUES (1, 'mine')")
  return { target, changeset: await session.changeset() }
}

ours('a conflict aborts by default, and nothing is applied', async t => {
  const { target, changeset } = await conflict(t)
  assert.equal(await target.applyChangeset(changeset), false)
  assert.deepEqual(await rows(target), [[1, 'mine']])
  assert.equal(target.inTransaction, false)
})

ours('onConflict can omit, replace and abort', async t => {
  const {
    SQLITE_CHANGESET_OMIT: OMIT, SQLITE_CHANGESET_REPLACE: REPLACE,
    SQLITE_CHANGESET_ABORT: ABORT
  } = Database.constants
  const outcome = async action => {
    const { target, changeset } = await conflict(t)
    const applied = await target.applyChangeset(changeset, { onConflict: () => action })
    return [applied, await rows(target)]
  }
  assert.deepEqual([OMIT, REPLACE, ABORT], [0, 1, 2])
  assert.deepEqual(await outcome(OMIT), [true, [[1, 'mine'], [2, 'second']]])
  assert.deepEqual(await outcome(REPLACE), [true, [[1, 'theirs'], [2, 'second']]])
  assert.deepEqual(await outcome(ABORT), [false, [[1, 'mine']]])
})

ours('onConflict is told which kind of conflict it is', async t => {
  const { constants } = Database
  const kinds = []
  const { target, changeset } = await conflict(t)
  await target.applyChangeset(changeset,
    { onConflict: type => { kinds.push(type); return constants.SQLITE_CHANGESET_OMIT } })
  const source = await setup(t)
  await source.exec("INSERT INTO data VALUES (1, 'a'), (2, 'b')")
  const session = await source.createSession()
  await source.exec("UPDATE data SET value = 'c' WHERE key = 1; DELETE FROM data WHERE key = 2")
  const empty = await setup(t)
  await empty.exec("INSERT INTO data VALUES (1, 'different')")
  const onConflict = type => { kinds.push(type); return 0 }
  await empty.applyChangeset(await session.changeset(), { onConflict })
  assert.deepEqual(kinds.sort(), [constants.SQLITE_CHANGESET_DATA,
    constants.SQLITE_CHANGESET_NOTFOUND,
    constants.SQLITE_CHANGESET_CONFLICT].sort())
  assert.deepEqual(['DATA', 'NOTFOUND', 'CONFLICT', 'CONSTRAINT', 'FOREIGN_KEY'].map(name => constants[`SQLITE_CHANGESET_${name}`]),
    [1, 2, 3, 4, 5])
})

ours('filter chooses the tables that are applied', async t => {
  const source = await setup(t)
  const target = await setup(t)
  const session = await source.createSession()
  await source.exec("INSERT INTO data VALUES (1, 'a'); INSERT INTO other VALUES (1, 'b')")
  const seen = []
  const applied = await target.applyChangeset(await session.changeset(), { filter: table => { seen.push(table); return table === 'other' } })
  assert.deepEqual([applied, seen.sort(), await rows(target), await rows(target, 'other')], [true, ['data', 'other'], [], [[1, 'b']]])
})

ours('what filter and onConflict throw is thrown by identity, and nothing is applied', async t => {
  for (const reason of [new Error('x'), null, '', { a: 1 }]) {
    for (const name of ['filter', 'onConflict']) {
      const { target, changeset } = await conflict(t)
      assert.equal((await thrown(() => target.applyChangeset(changeset,
        { [name]: () => { throw reason } }))).error, reason)
      assert.deepEqual(await rows(target), [[1, 'mine']])
      assert.equal(await (await target.prepare('SELECT 5')).pluck().get(), 5)
    }
  }
})

oursSyncOnly('the database is busy inside filter and onConflict', async t => {
  const { target, changeset } = await conflict(t)
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

ours('an answer of onConflict that is no action is an error', async t => {
  for (const action of [7, 'x', undefined, null, {}]) {
    const { target, changeset } = await conflict(t)
    await throws(() => target.applyChangeset(changeset, { onConflict: () => action }))
    assert.deepEqual(await rows(target), [[1, 'mine']])
  }
})

ours('arguments of the wrong kind are TypeErrors', async t => {
  const db = await setup(t)
  for (const options of [5, 'data', true]) await typeError(() => db.createSession(options))
  for (const table of [5, null, {}]) await typeError(() => db.createSession({ table }))
  for (const name of [5, null, {}]) await typeError(() => db.createSession({ db: name }))
  for (const changeset of [undefined, null, 'x', 5, {}, []]) await typeError(() => db.applyChangeset(changeset))
  for (const options of [5, 'x']) await typeError(() => db.applyChangeset(Buffer.alloc(0), options))
  for (const name of ['filter', 'onConflict']) {
    await typeError(() => db.applyChangeset(Buffer.alloc(0), { [name]: 5 }))
  }
})

ours('bytes that are no changeset are an error and never a crash', async t => {
  const db = await setup(t)
  await db.exec("INSERT INTO data VALUES (1, 'kept')")
  for (const bytes of [Buffer.from('junk'), Buffer.alloc(100), Buffer.alloc(100, 0xff), Buffer.from('T\x02\x01\x00data\0\x12')]) {
    try {
      await db.applyChangeset(bytes)
    } catch (error) {
      assert.ok(error instanceof Database.SqliteError)
    }
  }
  assert.deepEqual(await rows(db), [[1, 'kept']])
})

oursSyncOnly('a changeset with any of its bytes changed or cut is applied or refused, and never hangs', async () => {
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

ours('a closed session is a TypeError', async t => {
  const session = await (await setup(t)).createSession()
  await session.close()
  await typeError(() => session.changeset())
  await typeError(() => session.patchset())
})

ours('close() of the database closes its sessions', async t => {
  const db = await setup(t)
  const session = await db.createSession()
  await db.exec("INSERT INTO data VALUES (1, 'a')")
  await db.close()
  await typeError(() => session.changeset(), 'The database connection is not open')
})

oursSyncOnly('Symbol.dispose closes a session', { skip: !Symbol.dispose }, async t => {
  const session = await (await setup(t)).createSession()
  session[Symbol.dispose]()
  await typeError(() => session.changeset())
})

ours('a session that is dropped does not keep the database from closing', async t => {
  const db = await setup(t)
  for (let i = 0; i < 100; ++i) await db.createSession()
  await db.exec("INSERT INTO data VALUES (1, 'a')")
  await db.close()
  assert.equal(db.open, false)
})

ours('a changeset whose UPDATE leaves out the key is refused', async t => {
  const db = await open(t).exec('CREATE TABLE t (a PRIMARY KEY, b)')
  const changeset = Buffer.from('540201007400170000000005', 'hex')
  await sqliteError(() => db.applyChangeset(changeset), 'SQLITE_CORRUPT', 'database disk image is malformed')
})

ours('a changeset that only looks like bytes is a TypeError', async t => {
  const db = await setup(t)
  for (const changeset of [new Proxy(Buffer.from('T'), {}), Object.create(Uint8Array.prototype)]) {
    await typeError(() => db.applyChangeset(changeset), 'Expected first argument to be a Buffer or Uint8Array')
  }
})
