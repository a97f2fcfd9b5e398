'use strict'

const assert = require('node:assert/strict')
const { subscribe } = require('node:diagnostics_channel')
const path = require('node:path')
const { inspect } = require('node:util')
const { child, collect, connect, exited, needs, open, ours, steps, syncOnly, tempDir } = require('../support')

const INSERT = 'INSERT INTO t VALUES (?)'
const DELETE = 'DELETE FROM t WHERE a = 7'
const OVERFLOW = 'SELECT abs(-9223372036854775808)'
const inside = (db, call) => db.transaction(steps(function * () { yield call() }))

// Every kind of failure: the SQL that its error is to name, and a call that has it. A third value
// says which line of lib/capabilities.js it needs.
const WAYS = {
  'db.run()': [INSERT, db => db.run(INSERT, 1)],
  'db.get()': ['SELECT nope FROM t', db => db.get('SELECT nope FROM t')],
  'db.all()': ['SELECT nope FROM t', db => db.all('SELECT nope FROM t')],
  'db.iterate()': [OVERFLOW, db => collect(db.iterate(OVERFLOW))],
  'db.exec()': ['SELECT 1; SELEC', db => db.exec('SELECT 1; SELEC')],
  'db.prepare()': ['SELEC', db => db.prepare('SELEC')],
  'db.pragma()': ['PRAGMA main.(', db => db.pragma('main.(')],
  'db.explain()': ['EXPLAIN SELEC', db => db.explain('SELEC')],
  'stmt.run()': [INSERT, async db => (await db.prepare(INSERT)).run(1)],
  'stmt.get()': [OVERFLOW, async db => (await db.prepare(OVERFLOW)).get()],
  'stmt.all()': [OVERFLOW, async db => (await db.prepare(OVERFLOW)).all()],
  'stmt.iterate()': [OVERFLOW, async db => collect((await db.prepare(OVERFLOW)).iterate())],
  'too many values': ['SELECT ?', db => db.get('SELECT ?', 1, 2)],
  'too many values of an iterator': ['SELECT ?', db => collect(db.iterate('SELECT ?', 1, 2))],
  'too few values': ['SELECT ?, ?', db => db.get('SELECT ?, ?', 1)],
  'no value': ['SELECT ?', async db => (await db.prepare('SELECT ?')).all()],
  'a missing name': ['SELECT :a', db => db.all('SELECT :a', { b: 1 })],
  'values by position for names': ['SELECT :a', db => db.run('SELECT :a', 1)],
  'names in two objects': ['SELECT :a, :b', db => db.get('SELECT :a, :b', { a: 1 }, { b: 1 })],
  'a value of no type': ['SELECT ?', db => db.get('SELECT ?', true)],
  'a bigint that is too big': ['SELECT ?', db => db.get('SELECT ?', 2n ** 64n)],
  'an option of a call': ['SELECT 1', db => db.get('SELECT 1', { timeout: -1 })],
  'bind() of too many values': ['SELECT ?', async db => (await db.prepare('SELECT ?')).bind(1, 2)],
  'bind() again': ['SELECT ?', async db => (await db.prepare('SELECT ?')).bind(1).bind(1)],
  'values for a bound statement': ['SELECT ?', async db => (await db.prepare('SELECT ?')).bind(1).get(2)],
  'get() of what has no rows': [DELETE, db => db.get(DELETE)],
  'all() of what has no rows': [DELETE, db => db.all(DELETE)],
  'iterate() of what has no rows': [DELETE, db => collect(db.iterate(DELETE))],
  'pluck() of what has no rows': [DELETE, async db => (await db.prepare(DELETE)).pluck()],
  'columns() of what has no rows': [DELETE, async db => (await db.prepare(DELETE)).columns()],
  'two statements': ['SELECT 1; SELECT 2', db => db.prepare('SELECT 1; SELECT 2')],
  'two statements in db.get()': ['SELECT 1; SELECT 2', db => db.get('SELECT 1; SELECT 2')],
  'no statement': ['-- none', db => db.prepare('-- none')],
  'batch()': [INSERT, db => db.batch(['SELECT 1', [INSERT, [1]]])],
  'batch() of wrong SQL': ['SELEC', db => db.batch(['SELECT 1', 'SELEC'])],
  'batch() of too many values': ['SELECT ?', db => db.batch([['SELECT ?', [1, 2]]])],
  'batch() of two statements': ['SELECT 1; SELECT 2', db => db.batch(['SELECT 1; SELECT 2'])],
  'a transaction': [INSERT, db => inside(db, () => db.run(INSERT, 1))()],
  'batch() in nested transactions': [INSERT,
    db => inside(db, inside(db, () => db.batch([[INSERT, [1]]])))()],
  'what a transaction needs': ['SELECT ?', db => inside(db, inside(db, () => db.get('SELECT ?', true)))()],
  'the end of a transaction': ['COMMIT', db => inside(db, () => db.run('INSERT INTO child VALUES (7)'))()]
}

/** What a call fails with, made by a function of a name that its stack can be searched for. */
async function failure (call) {
  try {
    await (async function theCaller () { return await call() })()
  } catch (error) {
    return error
  }
  throw new Error('nothing failed')
}

async function setup (t) {
  const db = open(t)
  await db.exec(`CREATE TABLE t (a PRIMARY KEY); INSERT INTO t VALUES (1);
    CREATE TABLE child (a REFERENCES t DEFERRABLE INITIALLY DEFERRED)`)
  return db
}

function testWays (when) {
  for (const [name, [sql, call]] of Object.entries(WAYS)) {
    ours(`the error of ${name} has the caller's line, the SQL and the database ${when}`, async t => {
      const db = await setup(t)
      const error = await failure(() => call(db))
      assert.match(error.stack, /theCaller/)
      assert.match(error.stack.split('\n')[0], /^\w*Error: /)
      assert.deepEqual([error.sql, error.database], [sql, db.name], inspect(error))
    })
  }

  const local = needs('function()', syncOnly)
  local(`what a function runs fails with the line of the function ${when}`, async t => {
    const db = await setup(t)
    const other = open(t)
    db.function('fails', function theFunction () { return other.batch(['SELECT nope']) })
    const error = await failure(() => db.get('SELECT fails()'))
    const [, first, ...others] = error.stack.split('\n')
    assert.match(first, /theFunction/)
    assert.match(others.join('\n'), /theCaller/)
    assert.deepEqual([error.sql, error.statementIndex], ['SELECT nope', 0])
  })

  syncOnly(`an error of the sync API begins with the caller's line ${when}`, async t => {
    const db = await setup(t)
    for (const name of ['db.run()', 'db.exec()', 'db.prepare()', 'too few values', 'batch()']) {
      const [, call] = WAYS[name]
      const error = await failure(() => call(db))
      assert.match(error.stack.split('\n')[1], /error-context\.js/, name)
    }
  })
}

testWays('when nobody listens')

// From here on for good: what is wrapped for those who listen stays wrapped.
ours('somebody listens to what runs', () => subscribe('tracing:ferrolite:query:start', () => {}))

testWays('when somebody listens')

ours('batch() and exec() say which statement has failed and where', async t => {
  const db = await setup(t)
  const batch = await failure(() => db.batch(['SELECT 1', [INSERT, [1]]]))
  assert.deepEqual([batch.statementIndex, batch.offset], [1, 0])
  const values = await failure(() => db.batch(['SELECT 1', ['SELECT ?', [1, 2]]]))
  assert.deepEqual([values.statementIndex, values.offset], [1, 0])
  const script = "SELECT 'é';\n SELECT 2; INSERT INTO t VALUES (1); SELECT 3"
  const busy = await failure(() => db.exec(script))
  assert.deepEqual([busy.statementIndex, script.slice(busy.offset)], [2, 'INSERT INTO t VALUES (1); SELECT 3'])
})

ours('a syntax error in a script says which statement it is in and where', async t => {
  const db = await setup(t)
  for (const [script, index, rest] of [
    ["SELECT 'é'; SELEC 2; SELECT 3", 1, 'SELEC 2; SELECT 3'],
    ['SELEC', 0, 'SELEC'],
    ["SELECT 'é';\n SELECT 2 FROM WHERE; SELECT 3", 1, 'WHERE; SELECT 3']
  ]) {
    const error = await failure(() => db.exec(script))
    assert.deepEqual([error.statementIndex, script.slice(error.offset)], [index, rest], script)
  }
})

needs('names of files', ours)('a folder that does not exist is named', async t => {
  const file = path.join(tempDir(t), 'missing', 'a.db')
  const error = await failure(() => connect(file))
  assert.equal(error.name, 'TypeError')
  assert.equal(error.message, `Cannot open database because the directory does not exist: ${file}`)
  assert.match(error.stack, /theCaller/)
  assert.equal(error.database, file)
})

ours('what code of the user throws while its values are read stays as it is', async t => {
  const db = await setup(t)
  const thrown = new RangeError('mine')
  const { stack } = thrown
  const values = { get a () { throw thrown } }
  const error = await failure(() => db.get('SELECT :a', values))
  assert.equal(error, thrown)
  assert.equal(error.stack, stack)
})

syncOnly('NODE_DEBUG=ferrolite shows what runs inside, down to the caller', async () => {
  const script = function theCaller () {
    try {
      new Database(':memory:').batch(['SELEC']) // eslint-disable-line no-undef
    } catch (error) {
      console.log(error.stack)
    }
  }
  const { stdout } = exited(await child(script, { env: { NODE_DEBUG: 'ferrolite' } }))
  const lines = stdout.split('\n')
  assert.match(lines[1], /errors\.js/)
  const batch = lines.findIndex(line => line.includes('Database.batch'))
  assert.match(lines[batch + 1], /theCaller/)
})
