'use strict'

const assert = require('node:assert/strict')
const { setTimeout: sleep } = require('node:timers/promises')
const {
  IN_TIME, collect, isSqliteError, openAsync, ours, random, seed, tempFile, until
} = require('../support')

const busy = isSqliteError('SQLITE_BUSY', /^The call waited \d+ ms \("leaseTimeout"\) for a transaction on this connection to end$/)
const late = { message: /a call inside it came too late/ }
const unawaited = { message: /ended before its calls did/ }
const numbers = n => `WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT ${n})`

const ENDLESS = `${numbers(-1)} SELECT count(*) FROM n`

const values = async db => (await db.all('SELECT a FROM t ORDER BY rowid')).map(({ a }) => a)

// A promise and what settles it, to hold a transaction open.
function gate () {
  const opened = {}
  opened.promise = new Promise(resolve => { opened.open = resolve })
  return opened
}

ours('10,000 calls of one statement at once give each its own row', async t => {
  const db = openAsync(t)
  const stmt = await db.prepare('SELECT ? AS a, ? AS b')
  const calls = Array.from({ length: 10000 }, (_, i) => stmt.get(i, `text ${i} \u{1f600}`))
  const rows = await Promise.all(calls)
  for (const [i, row] of rows.entries()) assert.deepEqual(row, { a: i, b: `text ${i} \u{1f600}` })
})

ours('10,000 different texts at once give each its own row', async t => {
  const db = openAsync(t)
  const rows = await Promise.all(Array.from({ length: 10000 }, (_, i) => db.get(`SELECT ${i} AS a`)))
  for (const [i, row] of rows.entries()) assert.equal(row.a, i)
})

ours('2,400 calls of every kind run and end in the order they were made in', async t => {
  const next = random(seed(t))
  const db = openAsync(t)
  await db.exec('CREATE TABLE t (a TEXT)')
  const insert = await db.prepare('INSERT INTO t VALUES (?) RETURNING a, rowid AS id')
  const echo = await db.prepare('SELECT ? AS a, (SELECT count(*) FROM t) AS n')
  const calls = []
  const inserted = []
  const KINDS = [
    async text => { inserted.push(text); return (await insert.get(text)).a },
    async text => { inserted.push(text); return (await insert.all(text))[0].a },
    async text => { inserted.push(text); await insert.run(text); return text },
    async text => { inserted.push(text); await db.exec(`INSERT INTO t VALUES ('${text}')`); return text },
    async text => { inserted.push(text); await db.run(`INSERT INTO t VALUES ('${text}')`); return text },
    async text => { inserted.push(text); await db.run('INSERT INTO t VALUES (@a)', { a: text }); return text },
    async text => {
      const count = inserted.length
      const { a, n } = await echo.get(text)
      assert.equal(n, count, `rows before ${text}`)
      return a
    },
    async text => {
      const count = inserted.length
      const [{ a, n }] = await db.all(`SELECT '${text}' AS a, count(*) AS n FROM t`)
      assert.equal(n, count, `rows before ${text}`)
      return a
    }
  ]
  // In what order promises of different kinds settle within one turn is left open, and whether
  // SQL had to be compiled makes two kinds of one.
  const ended = KINDS.map(() => [])
  for (let i = 0; i < 2400; ++i) {
    const text = `call ${i} ${'\u00e9'.repeat(next(3))}${'x'.repeat(next(200))}`
    const kind = next(KINDS.length)
    calls.push(KINDS[kind](text).then(result => {
      assert.equal(result, text)
      ended[kind].push(i)
    }))
    // Not all within one tick.
    if (next(50) === 0) await null
    if (next(200) === 0) await new Promise(resolve => setImmediate(resolve))
  }
  await Promise.all(calls)
  assert.deepEqual(await values(db), inserted)
  const prepared = [...ended.slice(0, 4), ended[6]]
  for (const list of prepared) assert.deepEqual(list, list.slice().sort((a, b) => a - b))
})

ours('what creates a table goes before what uses it, also behind a transaction', async t => {
  const db = openAsync(t)
  const held = gate()
  const transaction = db.transaction(() => held.promise)()
  const calls = [db.exec('CREATE TABLE t (a)'), db.run('INSERT INTO t VALUES (?)', [1]),
    db.run('INSERT INTO t VALUES (@a)', { a: 2 }), db.get('SELECT count(*) AS n FROM t'),
    db.pragma('user_version = 7'), db.pragma('user_version', { simple: true })]
  held.open()
  const results = await Promise.all([transaction, ...calls])
  assert.deepEqual(results[4], { n: 2 })
  assert.equal(results[6], 7)
})

ours('prepare() comes after an exec() that waits for a transaction', async t => {
  const db = openAsync(t)
  const { promise, open } = gate()
  const transaction = db.transaction(() => promise)()
  const created = db.exec('CREATE TABLE t (a); INSERT INTO t VALUES (7)')
  const prepared = db.prepare('SELECT a FROM t')
  open()
  await Promise.all([transaction, created])
  assert.deepEqual(await (await prepared).get(), { a: 7 })
})

ours('two interleaved transactions never see half of each other', async t => {
  const db = openAsync(t)
  await db.exec('CREATE TABLE t (a)')
  const insert = await db.prepare('INSERT INTO t VALUES (?)')
  const count = await db.prepare('SELECT count(*) FROM t')
  count.pluck()
  const seen = []
  const pair = db.transaction(async name => {
    const before = await count.get()
    await insert.run(name)
    await sleep(1)
    await insert.run(name)
    seen.push(before, await count.get())
  })
  const outside = []
  const work = []
  for (let i = 0; i < 50; ++i) {
    work.push(pair(`a${i}`), pair(`b${i}`), count.get().then(n => outside.push(n)))
  }
  await Promise.all(work)
  assert.deepEqual(await values(db), Array.from({ length: 200 }, (_, i) => `${'aabb'[i % 4]}${i >> 2}`))
  for (const n of [...seen, ...outside]) assert.equal(n % 2, 0)
  assert.equal(outside.length, 50)
})

ours('a call of somebody else between BEGIN and COMMIT waits for the transaction', async t => {
  const db = openAsync(t)
  await db.exec('CREATE TABLE t (a)')
  const stmt = await db.prepare('INSERT INTO t VALUES (?)')
  const order = []
  const began = gate()
  const held = gate()
  const transaction = db.transaction(async () => {
    await stmt.run('inside 1')
    began.open()
    await held.promise
    await stmt.run('inside 2')
  })().then(() => order.push('transaction'))
  await began.promise
  assert.equal(db.inTransaction, true)
  const others = [
    db.exec("INSERT INTO t VALUES ('exec')").then(() => order.push('exec')),
    stmt.run('run').then(() => order.push('run')),
    db.run("INSERT INTO t VALUES ('direct')").then(() => order.push('direct')),
    collect(db.iterate('SELECT a FROM t')).then(() => order.push('iterate'))
  ]
  await sleep(20)
  assert.deepEqual(order, [])
  held.open()
  await Promise.all([transaction, ...others])
  assert.deepEqual(order.slice(0, 1), ['transaction'])
  assert.deepEqual(await values(db), ['inside 1', 'inside 2', 'exec', 'run', 'direct'])
})

ours('a transaction that throws takes back what it did, and nothing else', async t => {
  const db = openAsync(t)
  await db.exec('CREATE TABLE t (a UNIQUE)')
  const insert = await db.prepare('INSERT INTO t VALUES (?)')
  const fail = new Error('own')
  const failing = db.transaction(async name => {
    await insert.run(name)
    throw fail
  })
  const calls = []
  for (let i = 0; i < 50; ++i) {
    calls.push(insert.run(i), assert.rejects(failing(`x${i}`), error => error === fail))
  }
  await Promise.all(calls)
  assert.deepEqual(await values(db), Array.from({ length: 50 }, (_, i) => i))
  assert.equal(db.inTransaction, false)
  const sync = db.transaction(() => { throw fail })
  await assert.rejects(sync(), error => error === fail)
})

ours('nested transactions are savepoints', async t => {
  const db = openAsync(t)
  await db.exec('CREATE TABLE t (a)')
  const insert = await db.prepare('INSERT INTO t VALUES (?)')
  const inner = db.transaction(async (name, fails) => {
    await insert.run(name)
    if (fails) throw new Error('inner')
    return name
  })
  const outer = db.transaction(async () => {
    await insert.run('outer')
    assert.equal(await inner('kept', false), 'kept')
    await assert.rejects(inner('taken back', true), /inner/)
    await db.transaction(() => inner('deep', false))()
  })
  await outer()
  assert.deepEqual(await values(db), ['outer', 'kept', 'deep'])
})

ours('nested transactions of one Promise.all() run one after the other', async t => {
  const db = openAsync(t)
  await db.exec('CREATE TABLE t (a)')
  const insert = await db.prepare('INSERT INTO t VALUES (?)')
  const inner = db.transaction(async i => {
    await insert.run(`${i} first`)
    await sleep(1)
    await insert.run(`${i} second`)
    if (i % 3 === 0) throw new Error('inner')
  })
  await db.transaction(async () => {
    await Promise.allSettled(Array.from({ length: 12 }, (_, i) => inner(i)))
  })()
  const kept = Array.from({ length: 12 }, (_, i) => i).filter(i => i % 3 !== 0)
  assert.deepEqual(await values(db), kept.flatMap(i => [`${i} first`, `${i} second`]))
})

ours('a forgotten await inside a transaction rejects and rolls back', async t => {
  const db = openAsync(t)
  await db.exec('CREATE TABLE t (a)')
  const stmt = await db.prepare('INSERT INTO t VALUES (?)')
  const numbersOf = await db.prepare(`${numbers(5)} SELECT x FROM n`)
  const CALLS = {
    run: () => stmt.run(1),
    exec: () => db.exec('INSERT INTO t VALUES (2)'),
    'SQL that is new': () => db.run('INSERT INTO t VALUES (3)'),
    'SQL with names': () => db.run('INSERT INTO t VALUES (@a)', { a: 4 }),
    pragma: () => db.pragma('user_version'),
    nested: () => db.transaction(() => stmt.run(5))(),
    iterator: () => numbersOf.iterate().next()
  }
  for (const [name, call] of Object.entries(CALLS)) {
    let forgotten
    // Whether it has ended by then is chance.
    for (const wait of [() => {}, () => null, () => sleep(1)]) {
      const fn = db.transaction(async () => {
        forgotten = call()
        await wait()
      })
      await assert.rejects(fn(), unawaited, name)
      await forgotten.catch(() => {})
    }
    assert.deepEqual(await values(db), [], name)
    assert.equal(db.inTransaction, false)
  }
})

ours('a call after the end of the transaction that it belongs to rejects', async t => {
  const db = openAsync(t)
  await db.exec('CREATE TABLE t (a)')
  const stmt = await db.prepare('INSERT INTO t VALUES (?)')
  for (const call of [() => stmt.run(1), () => db.exec('INSERT INTO t VALUES (1)'), () => db.run('INSERT INTO t VALUES (1)'),
    () => db.run('INSERT INTO t VALUES (? + 1)', [1]),
    () => db.transaction(() => {})(), () => collect(db.iterate('SELECT 1'))]) {
    const over = gate()
    let tooLate
    await db.transaction(() => { tooLate = over.promise.then(call) })()
    over.open()
    await assert.rejects(tooLate, late, String(call))
  }
  assert.deepEqual(await values(db), [])
})

ours('a call that waits longer than leaseTimeout for a transaction rejects as busy', async t => {
  const db = openAsync(t, ':memory:', { leaseTimeout: 60 })
  await db.exec('CREATE TABLE t (a)')
  const stmt = await db.prepare('INSERT INTO t VALUES (?)')
  const held = gate()
  const transaction = db.transaction(async () => {
    await stmt.run('inside')
    await held.promise
  })()
  const start = performance.now()
  const calls = [stmt.run(1), db.exec('INSERT INTO t VALUES (2)'), db.run('INSERT INTO t VALUES (3)'),
    db.transaction(() => assert.fail('was called'))(), collect(db.iterate('SELECT a FROM t'))]
  await Promise.all(calls.map(call => assert.rejects(call, error => busy(error) && error.database === ':memory:')))
  const ms = performance.now() - start
  assert.ok(ms > 55 && ms < IN_TIME, `${ms} ms`)
  held.open()
  await transaction
  assert.deepEqual(await values(db), ['inside'])
})

ours('a call that is cancelled while it waits for a transaction has no part in it', async t => {
  const db = openAsync(t)
  await db.exec('CREATE TABLE t (a)')
  const stmt = await db.prepare('INSERT INTO t VALUES (?)')
  const held = gate()
  const transaction = db.transaction(() => held.promise)()
  const controller = new AbortController()
  const { signal } = controller
  const calls = [stmt.with({ signal }).run(1), db.exec('INSERT INTO t VALUES (2)', { signal }),
    db.run('INSERT INTO t VALUES (3)', [], { signal }), stmt.with({ signal }).get(4)]
  const after = stmt.run('after')
  await sleep(5)
  const start = performance.now()
  controller.abort()
  await Promise.all(calls.map(call => assert.rejects(call, { name: 'AbortError' })))
  assert.ok(performance.now() - start < IN_TIME)
  held.open()
  await Promise.all([transaction, after])
  assert.deepEqual(await values(db), ['after'])
})

ours('a transaction of one database uses another, each with its own turn', async t => {
  const one = openAsync(t)
  const two = openAsync(t)
  for (const db of [one, two]) await db.exec('CREATE TABLE t (a)')
  const inTwo = two.transaction(async name => {
    await two.run('INSERT INTO t VALUES (?)', [`${name} two`])
    // The one around it, not a call from outside.
    await one.run('INSERT INTO t VALUES (?)', [`${name} one`])
    if (name === 'fails') throw new Error('in two')
  })
  const both = one.transaction(async name => {
    await inTwo(name)
    await two.run('INSERT INTO t VALUES (?)', [`${name} alone`])
  })
  const failing = assert.rejects(both('fails'), /in two/)
  await Promise.all([both('a'), failing, both('b')])
  assert.deepEqual(await values(one), ['a one', 'b one'])
  const rows = await values(two)
  assert.deepEqual(rows.sort(), ['a alone', 'a two', 'b alone', 'b two'])
})

ours('an iterator of a transaction reads inside it, and is left before its end', async t => {
  const db = openAsync(t)
  await db.exec(`CREATE TABLE t (a); INSERT INTO t ${numbers(5000)} SELECT x FROM n`)
  const stmt = await db.prepare('SELECT a FROM t')
  const update = await db.prepare('UPDATE t SET a = -a WHERE rowid = ?')
  await db.transaction(async () => {
    let n = 0
    for await (const { a } of stmt.iterate()) {
      assert.equal(a, ++n)
      if (n % 1000 === 0) await update.run(n)
    }
    assert.equal(n, 5000)
    for await (const { a } of stmt.iterate()) if (a === 10) break
  })()
  assert.deepEqual(await db.get('SELECT count(*) AS n FROM t WHERE a < 0'), { n: 5 })
  await db.exec('DROP TABLE t')
})

ours('an iterator from outside waits for a transaction, and goes on after it', async t => {
  const db = openAsync(t)
  await db.exec(`CREATE TABLE t (a); INSERT INTO t ${numbers(5000)} SELECT x FROM n`)
  const stmt = await db.prepare('SELECT a FROM t ORDER BY rowid')
  const insert = await db.prepare('INSERT INTO t VALUES (?)')
  let n = 0
  for await (const { a } of stmt.iterate()) {
    assert.equal(a, ++n)
    if (n % 1500 === 0) await db.transaction(() => insert.run(n))()
    if (n === 5000) break
  }
  assert.equal(n, 5000)
  assert.deepEqual(await db.get('SELECT count(*) AS n FROM t'), { n: 5003 })
})

ours('an iterator that is used slowly gives every row', async t => {
  const next = random(seed(t))
  const db = openAsync(t)
  const stmt = await db.prepare(`${numbers('?')} SELECT x FROM n`)
  stmt.pluck()
  for (let i = 0; i < 60; ++i) {
    const count = 1 + next(5000)
    let n = 0
    for await (const x of stmt.iterate(count)) {
      assert.equal(x, ++n)
      if (next(500) === 0) await sleep(next(3))
    }
    assert.equal(n, count)
  }
})

ours('an iterator gives the rows before an error, also when it is used slowly', async t => {
  const db = openAsync(t)
  const sql = `${numbers(100)} SELECT CASE WHEN x < 60 THEN x ELSE abs(-9223372036854775807 - 1) END FROM n`
  const stmt = await db.prepare(sql)
  stmt.pluck()
  const seen = []
  const slow = async () => { for await (const x of stmt.iterate()) seen.push(x, await sleep(1)) }
  await assert.rejects(slow(), isSqliteError('SQLITE_ERROR', 'integer overflow'))
  assert.equal(seen.length, 2 * 59)
})

ours('an iterator of a transaction that is over rejects, and leaves nothing open', async t => {
  const db = openAsync(t)
  await db.exec(`CREATE TABLE t (a); INSERT INTO t ${numbers(5000)} SELECT x FROM n`)
  const stmt = await db.prepare('SELECT a FROM t')
  let iterator
  await db.transaction(async () => {
    iterator = stmt.iterate()
    for (let i = 0; i < 10; ++i) await iterator.next()
    // What is read ahead has come.
    await db.get('SELECT 1')
  })()
  await assert.rejects(collect(iterator), late)
  await until(() => db.exec('DROP TABLE t').then(() => true, () => false), 'the end of the query')
})

ours('1,000 transactions and 1,000 single calls at random keep the sum', async t => {
  const next = random(seed(t))
  const db = openAsync(t, tempFile(t))
  await db.pragma('journal_mode = WAL')
  await db.exec('CREATE TABLE account (id INTEGER PRIMARY KEY, balance INTEGER)')
  await db.exec(`INSERT INTO account ${numbers(10)} SELECT x, 100 FROM n`)
  const add = await db.prepare('UPDATE account SET balance = balance + ? WHERE id = ?')
  const sum = await db.prepare('SELECT sum(balance) FROM account')
  sum.pluck()
  const transfer = db.transaction(async (from, to, amount) => {
    await add.run(-amount, from)
    if (amount % 7 === 0) await null
    if (amount % 11 === 0) throw new Error('no')
    await add.run(amount, to)
  })
  const work = []
  for (let i = 0; i < 1000; ++i) {
    work.push(transfer(1 + next(10), 1 + next(10), next(100)).catch(() => {}))
    work.push(sum.get().then(n => assert.equal(n, 1000)))
  }
  await Promise.all(work)
  assert.equal(await sum.get(), 1000)
})

ours('functions and listeners run in the async context of the call that they serve', async t => {
  const { AsyncLocalStorage } = require('node:async_hooks')
  const storage = new AsyncLocalStorage()
  const db = openAsync(t, ':memory:', { leaseTimeout: 60000 })
  await db.exec('CREATE TABLE t (a)')
  const seen = []
  let inner
  await db.function('f', value => {
    seen.push([value, storage.getStore()])
    inner = db.run('INSERT INTO t VALUES (?)', [value])
    return value
  })
  await Promise.all([1, 2, 3].map(i => storage.run(`call ${i}`, () => db.get('SELECT f(?)', [i]))))
  assert.deepEqual(seen, [[1, 'call 1'], [2, 'call 2'], [3, 'call 3']])
  await inner
  // What it calls in a transaction is part of that, and does not wait for its end.
  await db.exec('DELETE FROM t')
  await assert.rejects(db.transaction(async () => {
    await db.get('SELECT f(4)')
    await inner
    assert.deepEqual(await values(db), [4])
    throw new Error('own')
  })(), { message: 'own' })
  assert.deepEqual(await values(db), [])
  let told
  db.on('update', () => { told = [storage.getStore(), db.get('SELECT count(*) AS n FROM t')] })
  await storage.run('listener', () => db.transaction(async () => {
    await db.run('INSERT INTO t VALUES (5)')
    assert.deepEqual([told[0], await told[1]], ['listener', { n: 1 }])
  })())
})

ours('a forgotten read of an iterator inside a transaction rejects and rolls back', async t => {
  const db = openAsync(t)
  await db.exec('CREATE TABLE t (a)')
  for (let i = 0; i < 20; ++i) {
    let forgotten
    await assert.rejects(db.transaction(async () => {
      forgotten = db.iterate('INSERT INTO t VALUES (1) RETURNING a').next()
      for (let j = 0; j < i; ++j) await null
    })(), unawaited)
    await forgotten.catch(() => {})
    assert.deepEqual(await values(db), [])
  }
})

ours('what was called before close() ends before it, next() too, and can be interrupted', async t => {
  const db = openAsync(t, tempFile(t))
  const calls = [(await db.prepare('SELECT 1 AS a')).iterate().next(), db.iterate('SELECT 2 AS a').next()]
  const endless = assert.rejects(db.get(ENDLESS), { code: 'SQLITE_INTERRUPT' })
  const closed = db.close()
  assert.deepEqual(await Promise.all(calls), [1, 2].map(a => ({ value: { a }, done: false })))
  db.interrupt()
  await endless
  await closed
  assert.throws(() => db.interrupt(), { name: 'TypeError' })
})

ours('return() of an iterator ends the next() that runs', async t => {
  const db = openAsync(t)
  const iterator = (await db.prepare(ENDLESS)).iterate()
  const next = assert.rejects(iterator.next(), { code: 'SQLITE_INTERRUPT' })
  assert.deepEqual(await iterator.return(7), { value: 7, done: true })
  await next
})

ours('close() ends the thread of a connection, and closing what it had does no harm', async t => {
  const fs = require('node:fs')
  if (!fs.existsSync('/proc/self/task')) return t.skip('threads are counted in /proc')
  const count = () => fs.readdirSync('/proc/self/task').length
  await openAsync(t).close()
  const before = count()
  const kept = []
  for (let i = 0; i < 50; ++i) {
    const db = openAsync(t)
    const iterator = (await db.prepare('SELECT 1')).iterate()
    kept.push({ session: await db.createSession(), iterator })
    await iterator.next()
    await db.close()
  }
  await until(() => count() <= before + 2, 'the threads to end')
  for (const { session, iterator } of kept) {
    await session.close()
    await iterator.return()
  }
})
