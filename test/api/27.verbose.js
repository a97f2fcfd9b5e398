'use strict'

const assert = require('node:assert/strict')
const { served, startSqld } = require('../servers/sqld')
const {
  BUSY, PROMISES, cleanup, collect, connect, Database, open, ours, syncOnly, tempFile, test, thrown,
  typeError
} = require('../support')

function logged (t) {
  const log = []
  const db = open(t, ':memory:', { verbose (...args) { log.push([this, ...args]) } })
  return {
    db,
    take: () => log.splice(0).map(([self, ...args]) => {
      assert.equal(self,
        undefined); return args
    })
  }
}

test('verbose gets the SQL of each execution, and nothing at prepare()', async t => {
  const { db, take } = logged(t)
  take()
  const stmt = await db.prepare('select ?')
  assert.deepEqual(take(), [])
  await db.exec('select 5')
  await (await db.prepare('create table data (x)')).run()
  await stmt.get(10n)
  await stmt.all(15n)
  await db.pragma('cache_size')
  await db.explain('select 1')
  assert.deepEqual(take(), [['select 5'], ['create table data (x)'], ['select 10'], ['select 15'], ['PRAGMA cache_size'],
    ['EXPLAIN select 1']])
})

test('verbose gets each statement of exec()', async t => {
  const { db, take } = logged(t)
  take()
  await db.exec('create table a (x); create table b (x);  insert into a values (1)')
  assert.deepEqual(take(), [['create table a (x);'], ['create table b (x);'], ['insert into a values (1)']])
})

test('verbose gets an iteration once, at its first step', async t => {
  const { db, take } = logged(t)
  const stmt = await db.prepare('select 1 union select 2 union select ?')
  take()
  await stmt.iterate(20n).return()
  assert.deepEqual(take(), [])
  const iterator = stmt.iterate(25n)
  assert.deepEqual(take(), [])
  await iterator.next()
  assert.deepEqual(take(), [['select 1 union select 2 union select 25']])
  assert.equal((await collect(iterator)).length, 2)
  assert.deepEqual(take(), [])
})

test('verbose gets the values of parameters, long ones cut at 32 bytes', async t => {
  const { db, take } = logged(t)
  const stmt = await db.prepare('select ?')
  take()
  for (const value of ["it's", 1.5, 2n, null, Buffer.from('abc'), 'x'.repeat(32), 'x'.repeat(35), 'x'.repeat(94)]) await stmt.get(value)
  const x = 'x'.repeat(32)
  assert.deepEqual(take(), [["select 'it''s'"], ['select 1.5'], ['select 2'], ['select NULL'], ["select x'616263'"],
    [`select '${x}'`], [`select '${x}'/*+3 bytes*/`], [`select '${x}'/*+62 bytes*/`]])
})

test('verbose gets bound and named values', async t => {
  const { db, take } = logged(t)
  const stmt = (await db.prepare('select @a, $b')).bind({ a: 'one', b: 2 })
  take()
  await stmt.get()
  await stmt.get()
  assert.deepEqual(take(), [["select 'one', 2.0"], ["select 'one', 2.0"]])
})

test('verbose gets the statements of a transaction', async t => {
  const { db, take } = logged(t)
  const inner = db.transaction(() => {})
  take()
  await db.transaction(() => inner()).immediate()
  const sql = take().map(([text]) => text)
  assert.deepEqual([sql.length, sql[0], sql[3]], [4, 'BEGIN IMMEDIATE', 'COMMIT'])
  assert.match(sql[1], /^SAVEPOINT /)
  assert.match(sql[2], /^RELEASE /)
})

syncOnly('what verbose throws stops the execution and is thrown by identity', t => {
  const reason = { not: 'an error' }
  let fail = false
  let calls = 0
  const db = new Database(':memory:', { verbose () { if (fail) throw reason } })
  cleanup(t, () => { fail = false; db.close() })
  db.exec('create table data (x)')
  db.function('fn', x => { if (fail) calls++; return x })
  const actions = [
    () => db.exec('select fn(5)'),
    (stmt => () => stmt.run())(db.prepare('insert into data values (fn(5))')),
    (stmt => () => stmt.run(5))(db.prepare('insert into data values (fn(?))')),
    (stmt => () => stmt.get(5))(db.prepare('select fn(?)')),
    (stmt => () => stmt.all(5))(db.prepare('select fn(?)')),
    (stmt => () => [...stmt.iterate(5)])(db.prepare('select fn(?)'))
  ]
  for (const action of actions) {
    action()
    fail = true
    assert.equal(thrown(action).error, reason)
    fail = false
    action()
  }
  assert.equal(calls, 0)
  assert.equal(db.prepare('select count(*) from data').pluck().get(), 4)
})

syncOnly('the database is busy inside verbose', t => {
  const seen = []
  const db = open(t, ':memory:', {
    verbose (sql) {
      if (sql !== 'select 5') return
      typeError(() => db.exec('select 6'), BUSY)
      typeError(() => db.close(), BUSY)
      seen.push(sql)
    }
  })
  assert.equal(db.prepare('select 5').pluck().get(), 5)
  assert.deepEqual(seen, ['select 5'])
})

// All ways to run SQL with a value that no log is to have.
async function bindSecret (db, value) {
  await db.exec('create table if not exists data (x, y)')
  const stmt = await db.prepare('insert into data values (?, ?)')
  await stmt.run(value, 1)
  await (await db.prepare('insert into data (x) values ($x)')).run({ x: value })
  await (await db.prepare('select x from data where x = @x')).get({ x: value })
  const select = await db.prepare('select x from data where x = ?2 or x = ?1')
  await select.all({ 1: value, 2: 'other' })
  for await (const row of select.iterate({ 1: value, 2: 1 })) assert.equal(row.x, value)
  await (await db.prepare('select :x')).bind({ x: value }).get()
  await db.run('update data set y = ? where x = ?', 2, value)
  await db.get('select ? as x', [value])
  await db.all('select ? as x', value)
  await collect(db.iterate('select ? as x, 1', value))
  await db.batch([['insert into data values (?, 3)', [value]], ['select x from data where x = ?', [value]]])
  const insert = async () => { await stmt.run(value, 4) }
  await db.transaction(PROMISES ? insert : () => { stmt.run(value, 4) })()
}

const SECRET = 'top-secret-value'

for (const where of ['a file', 'a file with readers', 'a server', 'a replica']) {
  const run = where.startsWith('a file') ? ours : served
  if (where.endsWith('readers') && !PROMISES) continue
  run(`with hideParameters, verbose gets SQL without values: ${where}`, async t => {
    const log = []
    const { url } = where.startsWith('a file') ? {} : await startSqld(t)
    const db = open(t, where === 'a server' ? url : tempFile(t), {
      verbose: sql => log.push(sql),
      hideParameters: true,
      ...(where.startsWith('a file') && { encryptionKey: 'the-key-of-the-file' }),
      ...(where.endsWith('readers') && { readers: 2 }),
      ...(where === 'a replica' && { syncUrl: url })
    })
    if (where.endsWith('readers')) await db.pragma('journal_mode = WAL')
    await bindSecret(db, SECRET)
    const text = log.join('\n')
    assert.ok(!text.includes(SECRET), text)
    for (const sql of ['insert into data values (?, ?)', 'insert into data (x) values ($x)', 'select x from data where x = @x',
      'select x from data where x = ?2 or x = ?1', 'select :x', 'update data set y = ? where x = ?', 'select ? as x, 1',
      'insert into data values (?, 3)']) assert.ok(log.includes(sql), `${sql}\n${text}`)
    if (!where.startsWith('a file')) return
    await (await db.prepare('attach ? as other key ?')).run(tempFile(t), SECRET)
    assert.match(log.at(-1), /^attach \? as other key \*\*\*$/)
    await db.exec("select 1; pragma key = 'the-key-of-the-file'")
    assert.ok(!log.join('\n').includes('the-key'), log.join('\n'))
  })
}

ours('hideParameters is a boolean, and without it values are shown', async t => {
  for (const hideParameters of [0, 1, 'yes', null]) {
    await typeError(() => connect(':memory:', { hideParameters }), 'Expected the "hideParameters" option to be a boolean')
  }
  for (const hideParameters of [false, undefined]) {
    const log = []
    const db = open(t, ':memory:', { verbose: sql => log.push(sql), hideParameters })
    await db.get('select ? as x', 'shown')
    assert.deepEqual(log, ["select 'shown' as x"])
  }
})
