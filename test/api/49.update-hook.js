'use strict'

const assert = require('node:assert/strict')
const {
  Database, child, collect, exited, needs, open, ours, oursSyncOnly, thrown, typeError
} = require('../support')

async function setup (t) {
  const db = await open(t).exec('CREATE TABLE a (id INTEGER PRIMARY KEY, x); CREATE TABLE b (id INTEGER PRIMARY KEY, x)')
  const seen = []
  const hook = change => { seen.push(change) }
  return {
    db,
    seen,
    hook,
    take: () => seen.splice(0).map(({
      operation, table,
      rowid
    }) => [operation, table, rowid])
  }
}

ours('on() and off() return the database', async t => {
  const { db, hook } = await setup(t)
  assert.equal(db.on('update', hook), db)
  assert.equal(db.off('update', hook), db)
})

ours('the hook is told of each row that is inserted, updated and deleted, in order', async t => {
  const { db, hook, take } = await setup(t)
  db.on('update', hook)
  await db.exec("INSERT INTO a VALUES (1, 'x'), (2, 'y')")
  assert.deepEqual(take(), [['insert', 'a', 1], ['insert', 'a', 2]])
  await (await db.prepare('UPDATE a SET x = 5 WHERE id = ?')).run(2)
  await (await db.prepare('INSERT INTO b VALUES (7, 7)')).run()
  await (await db.prepare('DELETE FROM a WHERE id = 1')).run()
  assert.deepEqual(take(), [['update', 'a', 2], ['insert', 'b', 7], ['delete', 'a', 1]])
})

ours('a change is an object of operation, database, table and rowid', async t => {
  const { db, seen, hook } = await setup(t)
  await db.exec("ATTACH ':memory:' AS other; CREATE TABLE other.c (x)")
  db.on('update', hook)
  await db.exec('INSERT INTO other.c VALUES (5)')
  assert.deepEqual(seen, [{ operation: 'insert', database: 'other', table: 'c', rowid: 1 }])
})

ours('rowid is a BigInt under defaultSafeIntegers()', async t => {
  const { db, hook, take } = await setup(t)
  db.defaultSafeIntegers()
  db.on('update', hook)
  await (await db.prepare('INSERT INTO a VALUES (?, 1)')).run(2n ** 62n)
  assert.deepEqual(take(), [['insert', 'a', 2n ** 62n]])
})

oursSyncOnly('the hook is called once the statement has finished, and can use the database', async t => {
  const { db } = await setup(t)
  const seen = []
  db.on('update', ({ operation, table, rowid }) => {
    if (table === 'a' && operation === 'insert') {
      db.prepare('INSERT INTO b VALUES (?, ?)').run(rowid, db.prepare('SELECT x FROM a WHERE id = ?').pluck().get(rowid))
    }
    seen.push(`${operation} ${table}`)
  })
  db.exec("INSERT INTO a VALUES (1, 'copied')")
  assert.deepEqual(db.prepare('SELECT * FROM b').all(), [{ id: 1, x: 'copied' }])
  assert.deepEqual(seen.sort(), ['insert a', 'insert b'])
})

ours('get, all and iterate of RETURNING call the hook too', async t => {
  const { db, hook, take } = await setup(t)
  db.on('update', hook)
  await (await db.prepare('INSERT INTO a VALUES (1, 1), (2, 2) RETURNING id')).get()
  await (await db.prepare('UPDATE a SET x = 0 RETURNING id')).all()
  assert.deepEqual(take(), [['insert', 'a', 1], ['insert', 'a', 2], ['update', 'a', 1], ['update', 'a', 2]])
  assert.deepEqual(await collect((await db.prepare('DELETE FROM a RETURNING id')).pluck().iterate()), [1, 2])
  assert.deepEqual(take(), [['delete', 'a', 1], ['delete', 'a', 2]])
})

ours('triggers and cascades are told of', async t => {
  const { db, hook, take } = await setup(t)
  await db.exec('CREATE TRIGGER tr AFTER INSERT ON a BEGIN INSERT INTO b VALUES (new.id, 0); END')
  db.on('update', hook)
  await db.exec('INSERT INTO a VALUES (1, 1)')
  assert.deepEqual(take().sort(), [['insert', 'a', 1], ['insert', 'b', 1]])
})

ours('reads, other statements and statements that change nothing call nothing', async t => {
  const { db, hook, take } = await setup(t)
  db.on('update', hook)
  await db.exec('CREATE TABLE c (x); BEGIN; COMMIT; SELECT 1; UPDATE a SET x = 1; DELETE FROM a')
  await (await db.prepare('SELECT * FROM a')).all()
  assert.deepEqual(take(), [])
})

ours('several hooks are called in the order they were added', async t => {
  const { db } = await setup(t)
  const seen = []
  db.on('update', () => seen.push('first')).on('update', () => seen.push('second'))
  await db.exec('INSERT INTO a VALUES (1, 1)')
  assert.deepEqual(seen, ['first', 'second'])
})

ours('off() takes away that hook alone, and one that was never added is no matter', async t => {
  const { db, hook, take } = await setup(t)
  const other = []
  const second = () => other.push(1)
  db.on('update', hook).on('update', second).off('update', hook).off('update', () => {})
  await db.exec('INSERT INTO a VALUES (1, 1)')
  assert.deepEqual([take(), other], [[], [1]])
})

ours('a hook can take itself away', async t => {
  const { db } = await setup(t)
  let calls = 0
  const once = () => { calls++; db.off('update', once) }
  db.on('update', once)
  await db.exec('INSERT INTO a VALUES (1, 1); INSERT INTO a VALUES (2, 2)')
  await db.exec('INSERT INTO a VALUES (3, 3)')
  assert.ok(calls === 1, `${calls} calls`)
})

oursSyncOnly('what a hook throws is thrown by identity, and the row stays', async t => {
  const { db } = await setup(t)
  for (const [i, reason] of [new Error('x'), null, '', { a: 1 }].entries()) {
    const hook = () => { throw reason }
    db.on('update', hook)
    assert.equal(thrown(() => db.prepare('INSERT INTO a VALUES (?, 1)').run(i)).error, reason)
    db.off('update', hook)
  }
  assert.equal(db.prepare('SELECT count(*) FROM a').pluck().get(), 4)
  assert.equal(db.prepare('INSERT INTO a VALUES (9, 9)').run().changes, 1)
})

oursSyncOnly('a hook can close the database', async t => {
  const { db } = await setup(t)
  let error
  db.on('update', () => {
    try {
      db.close()
    } catch (reason) {
      error = reason
    }
  })
  db.prepare('INSERT INTO a VALUES (1, 1)').run()
  if (error) assert.equal(error.name, 'TypeError')
  else assert.equal(db.open, false)
})

needs('recursion without end', oursSyncOnly)('a hook that changes what it is told of for ever meets a RangeError and not a crash', async () => {
  exited(await child(() => {
    const db = new Database(':memory:')
    db.exec('CREATE TABLE a (x)')
    let calls = 0
    db.on('update', () => { if (++calls < 100000) db.exec('INSERT INTO a VALUES (1)') })
    try {
      db.exec('INSERT INTO a VALUES (1)')
    } catch (error) {
      if (!(error instanceof RangeError)) throw error
    }
    if (db.prepare('SELECT 5').pluck().get() !== 5) process.exit(3)
  }))
})

ours('rows of a failed statement are not told of', async t => {
  const { db, hook, take } = await setup(t)
  db.on('update', hook)
  await thrown(() => db.exec('INSERT INTO a VALUES (1, 1), (1, 2)'))
  assert.equal(await (await db.prepare('SELECT count(*) FROM a')).pluck().get(), 0)
  take()
  await db.exec('INSERT INTO a VALUES (2, 2)')
  assert.deepEqual(take(), [['insert', 'a', 2]])
})

ours('arguments of the wrong kind are TypeErrors', async t => {
  const { db, hook } = await setup(t)
  for (const event of [undefined, null, 5, 'nonsense', 'Update', {}]) {
    await typeError(() => db.on(event, hook))
    await typeError(() => db.off(event, hook))
  }
  for (const fn of [undefined, null, 5, {}, 'x']) await typeError(() => db.on('update', fn))
})

ours('a hundred thousand rows are told of', async t => {
  const { db } = await setup(t)
  let sum = 0
  db.on('update', ({ rowid }) => { sum += rowid })
  await db.exec('INSERT INTO a (x) WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 100000) SELECT x FROM n')
  assert.equal(sum, 5000050000)
})

oursSyncOnly('a listener that queries does not touch the rows that a statement returns', async t => {
  const { db } = await setup(t)
  const other = db.prepare('VALUES (7, 8), (9, 10), (11, 12), (13, 14)')
  db.on('update', () => {
    assert.equal(other.all().length, 4)
    assert.equal(other.pluck().get(), 7)
    other.pluck(false)
  })
  const insert = db.prepare("INSERT INTO a (x) VALUES (1), (2) RETURNING x, 'abc' AS s, replace('b', 'b', hex(zeroblob(5000))) AS big")
  const big = '0'.repeat(10000)
  const expected = [{ x: 1, s: 'abc', big }, { x: 2, s: 'abc', big }]
  assert.deepEqual(insert.all(), expected)
  assert.deepEqual(insert.get(), expected[0])
  assert.deepEqual([...insert.iterate()], expected)
})

ours('rows of a script that failed later are told of, and those that the failure has undone are not', async t => {
  const { db, hook, take } = await setup(t)
  await db.exec('CREATE UNIQUE INDEX only ON b (x)')
  await db.function('boom', () => { throw new Error('boom') })
  db.on('update', hook)
  for (const [i, failure] of ['SELECT boom()', 'INSERT INTO b VALUES (5, 5), (6, 5)', 'nonsense',
    'INSERT INTO b SELECT 7, 7 UNION ALL SELECT 8, boom()'].entries()) {
    const error = await attempt(() => db.exec(`INSERT INTO a VALUES (${i}, 1); UPDATE a SET x = 2 WHERE id = ${i}; ${failure}; DELETE FROM a`))
    assert.match(error.message, /boom|UNIQUE|nonsense/)
    assert.deepEqual(take(), [['insert', 'a', i], ['update', 'a', i]])
  }
  assert.equal(await (await db.prepare('SELECT count(*) FROM a')).pluck().get(), 4)
  await attempt(async () => (await db.prepare('INSERT INTO b VALUES (5, 5), (6, 5)')).run())
  await db.exec('INSERT INTO a VALUES (9, 9)')
  assert.deepEqual(take(), [['insert', 'a', 9]])
})

ours('rows that OR FAIL keeps are told of', async t => {
  const { db, hook, take } = await setup(t)
  await db.exec('CREATE UNIQUE INDEX only ON b (x)')
  db.on('update', hook)
  const sql = 'INSERT OR FAIL INTO b VALUES (1, 1), (2, 1)'
  assert.match((await attempt(() => db.exec(sql))).message, /UNIQUE/)
  assert.deepEqual(take(), [['insert', 'b', 1]])
  await db.exec('DELETE FROM b WHERE id = 1')
  take()
  assert.match((await attempt(async () => (await db.prepare(sql)).run())).message, /UNIQUE/)
  assert.deepEqual(take(), [['insert', 'b', 1]])
})

ours('a hook of a script that failed can use the database, and the error is told', async t => {
  const { db } = await setup(t)
  const reads = []
  await db.function('boom', () => { throw new RangeError('boom') })
  db.on('update', ({ rowid }) => {
    reads.push(attempt(async () => {
      assert.equal(await (await db.prepare('SELECT id FROM a')).pluck().get(), rowid)
    }))
  })
  const error = await attempt(() => db.exec('INSERT INTO a VALUES (1, 1); SELECT boom()'))
  assert.deepEqual([error.name, error.message], ['RangeError', 'boom'])
  assert.deepEqual(await Promise.all(reads), [null])
})

ours('rows of an iterator that failed are not told of later', async t => {
  const { db, hook, take } = await setup(t)
  await db.function('boom', id => { if (id === 2) throw new Error('boom'); return id })
  await db.exec('INSERT INTO a VALUES (1, 1), (2, 2)')
  db.on('update', hook)
  assert.equal((await attempt(async () => collect((await db.prepare('UPDATE a SET x = boom(id) RETURNING id')).iterate()))).message, 'boom')
  await db.exec('INSERT INTO b VALUES (1, 1)')
  assert.deepEqual(take(), [['insert', 'b', 1]])
})

oursSyncOnly('a hook can drop the table that was written to', async t => {
  const { db } = await setup(t)
  const drop = () => db.exec('DROP TABLE one')
  for (let i = 0; i < 4; ++i) {
    db.off('update', drop)
    db.exec('CREATE TABLE one (x)')
    db.on('update', drop)
    db.exec('INSERT INTO one VALUES (1)')
  }
  db.exec('CREATE TABLE one (x)')
  assert.deepEqual(db.prepare('INSERT INTO one VALUES (1) RETURNING x').get(), { x: 1 })
  db.exec('CREATE TABLE one (x)')
  assert.equal(db.prepare('INSERT INTO one VALUES (1)').run().changes, 1)
})

/** What was thrown, or null. */
async function attempt (fn) {
  try {
    await fn()
    return null
  } catch (error) {
    return error
  }
}
