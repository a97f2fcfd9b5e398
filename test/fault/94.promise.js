'use strict'

const assert = require('node:assert/strict')
const path = require('node:path')
const { IN_TIME, MODULE, child, exited, ours, random, seed, tempDir, tempFile } = require('../support')

const PROMISES = path.join(__dirname, '..', '..', 'promise')
const Sync = require(MODULE)

// TEST_LOOPS=500 is what a nightly run makes of it.
const LOOPS = Number(process.env.TEST_LOOPS) || 60

const ENDLESS = 'WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n'

// What a process says of its inserts comes out at once, also if it is gone right after.
const WRITER = `
  const { Database: Promised } = require(${JSON.stringify(PROMISES)})
  const { writeSync } = require('node:fs')
  // What to do once the first insert is acknowledged, however long that takes.
  let first = null
  const say = text => {
    writeSync(1, text + '\\n')
    first?.()
    first = null
  }
  async function write (file, mode) {
    const db = new Promised(file)
    const insert = await db.prepare('INSERT INTO t VALUES (?)')
    const both = db.transaction(async i => {
      await insert.run(i)
      await insert.run(i + 0.5)
    })
    const keep = []
    const f = async (i) => {
      if (mode === 'transactions') await both(i)
      else await insert.run(i)
      say(i)
    }
    for (let i = 0; ; ++i) {
      keep.push(f(i))
      if (keep.length === (mode === 'one by one' ? 1 : 20)) await Promise.all(keep.splice(0))
    }
  }
`

const modes = ['one by one', 'in crowds', 'transactions']

function newFile (t, wal) {
  const file = tempFile(t)
  const db = new Sync(file)
  if (wal) db.pragma('journal_mode = WAL')
  db.exec('CREATE TABLE t (a)')
  db.close()
  return file
}

function checkFile (file, stdout, mode) {
  const db = new Sync(file)
  try {
    assert.equal(db.pragma('integrity_check', { simple: true }), 'ok')
    const there = new Set(db.prepare('SELECT a FROM t').pluck().all())
    const said = stdout.split('\n').filter(line => /^\d+$/.test(line)).map(Number)
    for (const i of said) {
      assert.ok(there.has(i), `${i} was acknowledged and is not there`)
      if (mode === 'transactions') assert.ok(there.has(i + 0.5))
    }
    if (mode === 'transactions') for (const i of there) assert.ok(there.has(i + 0.5) || i % 1 === 0.5)
    return said.length
  } finally {
    db.close()
  }
}

ours('process.exit() at random moments, 200 times, keeps its code and every acknowledged insert', { timeout: 300000 }, async t => {
  const next = random(seed(t))
  let acknowledged = 0
  const one = async i => {
    const mode = modes[i % 3]
    const file = newFile(t, i % 2 === 0)
    const code = next(3) === 0 ? 0 : 1 + next(100)
    const exit = ['setTimeout(() => process.exit(code), ms)',
      'setTimeout(() => setImmediate(() => process.exit(code)), ms)',
      "setTimeout(() => { process.exitCode = code; process.on('exit', () => {}); process.exit() }, ms)"
    ][next(3)]
    const result = exited(await child(`${WRITER}
      const code = ${code}
      const ms = ${next(30)}
      const end = () => { ${exit} }
      write(${JSON.stringify(file)}, ${JSON.stringify(mode)})
      ${i % 4 === 0 ? 'end()' : 'first = end'}
    `, { bare: true }), code)
    assert.equal(result.stderr, '')
    acknowledged += checkFile(file, result.stdout, mode)
  }
  for (let i = 0; i < 200; i += 2) await Promise.all([one(i), one(i + 1)])
  t.diagnostic(`${acknowledged} inserts were acknowledged`)
  assert.ok(acknowledged >= 150)
})

ours('process.exit() in every state of a call', async t => {
  const file = newFile(t, false)
  const blocker = new Sync(file)
  blocker.exec('BEGIN EXCLUSIVE')
  for (const body of [
    `db.get(${JSON.stringify(ENDLESS)})`,
    "other.exec('BEGIN EXCLUSIVE')",
    'for (let i = 0; i < 10000; ++i) db.get(`SELECT ${i}`)', // eslint-disable-line no-template-curly-in-string
    "db.function('f', () => process.exit(7)); db.get('SELECT f()')",
    `db.all(${JSON.stringify(ENDLESS.replace('count(*)', 'x'))})`,
    `db.iterate(${JSON.stringify(ENDLESS.replace('count(*)', 'x'))}).next()`,
    'db.transaction(() => new Promise(() => {}))(); db.get("SELECT 1")',
    `db.get(${JSON.stringify(ENDLESS)}); db.close()`,
    ''
  ]) {
    exited(await child(`
      const { Database: Promised } = require(${JSON.stringify(PROMISES)})
      const db = new Promised(':memory:')
      const other = new Promised(${JSON.stringify(file)}, { timeout: 600000 })
      ${body}
      setTimeout(() => process.exit(7), 30)
    `, { bare: true }), 7)
  }
  blocker.close()
})

ours('SIGTERM at random moments leaves every acknowledged insert', { skip: process.platform === 'win32' }, async t => {
  const next = random(seed(t))
  for (let i = 0; i < 15; ++i) {
    const mode = modes[i % 3]
    const file = newFile(t, i % 2 === 0)
    const wait = next(40)
    const handled = i % 5 === 0
    const result = await child(`${WRITER}
      ${handled ? "process.on('SIGTERM', () => process.exit(9))" : ''}
      write(${JSON.stringify(file)}, ${JSON.stringify(mode)})
    `, {
      bare: true,
      started: proc => proc.stdout.once('data', () => setTimeout(() => proc.kill('SIGTERM'), wait))
    })
    if (handled) exited(result, 9)
    else assert.deepEqual([result.code, result.signal], [null, 'SIGTERM'], result.stderr)
    assert.ok(checkFile(file, result.stdout, mode) > 0)
  }
})

// How long terminate() took at some moment of each kind of work. It runs in a child, for a crash
// must not end the tests.
async function terminate (loops, module, sync, file, body) {
  const { Worker } = require('node:worker_threads')
  const { once } = require('node:events')
  const blocker = new (require(sync))(file)
  blocker.exec('BEGIN EXCLUSIVE')
  const times = []
  for (let i = 0; i < loops; ++i) {
    const worker = new Worker(`
      const { parentPort } = require('node:worker_threads')
      const { Database } = require(${JSON.stringify(module)})
      const file = ${JSON.stringify(file)}
      const db = globalThis.db = new Database(':memory:')
      const main = async () => { ${body} }
      db.exec('CREATE TABLE t (a)').then(() => {
        parentPort.postMessage('ready')
        return main()
      }).catch(error => { if (!/not open|interrupted/.test(error.message)) throw error })
    `, { eval: true })
    worker.on('error', error => { throw error })
    await once(worker, 'message')
    await new Promise(resolve => setTimeout(resolve, i % 10))
    const start = performance.now()
    await worker.terminate()
    times.push(performance.now() - start)
  }
  blocker.exec('COMMIT')
  blocker.close()
  process.stdout.write(JSON.stringify(times))
}

const BODIES = {
  'in the middle of a query': `await db.get(${JSON.stringify(ENDLESS)})`,
  'in a busy wait': "await new Database(file, { timeout: 600000 }).exec('BEGIN EXCLUSIVE')",
  'in a user function': "await db.function('f', () => { while (true); }); await db.get('SELECT f()')",
  'between user functions': `await db.function('f', x => x); await db.get(${JSON.stringify(ENDLESS.replace('count(*)', 'sum(f(x))'))})`,
  'in an aggregate': "await db.aggregate('f', { step (total, x) { while (true); } }); await db.get('SELECT f(1)')",
  'while many calls are queued': `const stmt = await db.prepare('SELECT ?')
    while (true) await Promise.all(Array.from({ length: 2000 }, (_, i) => stmt.get(i)))`,
  'while different texts are queued': 'let i = 0; while (true) await Promise.all(Array.from({ length: 200 }, () => db.get(`SELECT ${i++}`)))', // eslint-disable-line no-template-curly-in-string
  'in all()': `await db.all(${JSON.stringify(ENDLESS.replace('count(*)', 'x'))})`,
  'while iterating': `for await (const row of db.iterate(${JSON.stringify(ENDLESS.replace('count(*)', 'x'))})) row.x++`,
  'in transactions': "while (true) await db.transaction(async () => { await db.run('INSERT INTO t VALUES (1)') })()",
  'while opening and closing': "while (true) await new Database(':memory:').close()",
  'while idle': ''
}

for (const [when, body] of Object.entries(BODIES)) {
  const loops = LOOPS > 60 ? LOOPS : Math.ceil(LOOPS / 6)
  ours(`terminate() ${when} resolves soon, ${loops} times`, async t => {
    const result = exited(await child(terminate, {
      args: [loops, PROMISES, MODULE, tempFile(t), body],
      timeout: 60000 + loops * 5000
    }))
    const times = JSON.parse(result.stdout)
    const sorted = times.sort((a, b) => a - b)
    const most = sorted[Math.floor(sorted.length * 0.9)]
    t.diagnostic(`longest ${sorted.at(-1).toFixed(1)} ms of ${loops}, 90 % below ${most.toFixed(1)} ms`)
    assert.ok(sorted.at(-1) < IN_TIME, `${sorted.at(-1)} ms`)
  })
}

ours('a promise that nobody awaits is kept, and one that rejects is reported', async t => {
  const file = newFile(t, true)
  const kept = exited(await child(`
    const { Database: Promised } = require(${JSON.stringify(PROMISES)})
    const db = new Promised(${JSON.stringify(file)})
    for (let i = 0; i < 100; ++i) db.run('INSERT INTO t VALUES (' + i + ')')
    db.transaction(() => db.run('INSERT INTO t VALUES (100)'))()
  `, { bare: true }))
  assert.equal(kept.stderr, '')
  const db = new Sync(file)
  assert.equal(db.prepare('SELECT count(*) FROM t').pluck().get(), 101)
  db.close()
  for (const call of ["db.exec('nonsense')", "db.get('nonsense')", "db.prepare('nonsense')",
    "db.transaction(() => db.exec('nonsense'))()"]) {
    const result = exited(await child(`
      const { Database: Promised } = require(${JSON.stringify(PROMISES)})
      const db = new Promised(':memory:')
      ${call}
    `, { bare: true }), 1)
    assert.match(result.stderr, /near "nonsense": syntax error/, call)
    assert.equal(result.stderr.match(/syntax error/g).length, 1)
  }
})

ours('a database that nobody has any more gives back its thread and its descriptors', { skip: process.platform !== 'linux' }, async t => {
  const result = exited(await child(async (module, dir) => {
    const fs = require('node:fs')
    const path = require('node:path')
    const { connect } = require(module)
    const count = () => ['fd', 'task'].map(name => fs.readdirSync(`/proc/self/${name}`).length)
    const use = async (i, readers) => {
      const db = await connect(path.join(dir, `${i % 3}.db`), { readers })
      await db.pragma('journal_mode = WAL')
      await db.exec('CREATE TABLE IF NOT EXISTS t (a); INSERT INTO t VALUES (1), (2)')
      const stmt = await db.prepare('SELECT a FROM t')
      await stmt.get()
      await db.function('f', x => x)
      await stmt.iterate().next()
      await db.transaction(() => stmt.all())()
    }
    process.stdout.write('')
    await use(0, 1)
    const settle = async level => {
      for (let i = 0; i < 200; ++i) {
        globalThis.gc()
        await new Promise(resolve => setTimeout(resolve, 10))
        const now = count()
        if (level === undefined ? i > 20 : now.every((n, at) => n <= level[at])) break
      }
      return count()
    }
    const before = await settle()
    for (let i = 0; i < 30; ++i) await use(i, i % 3)
    const most = count()
    const after = await settle(before)
    console.log(JSON.stringify({ before, most, after }))
  }, { args: [PROMISES, tempDir(t)], execArgv: ['--expose-gc'] }))
  const { before, most, after } = JSON.parse(result.stdout)
  t.diagnostic(`descriptors and threads ${before}, at most ${most}, then ${after}`)
  assert.ok(after[0] <= before[0] && after[1] <= before[1], `${before} became ${after}`)
})

ours('twenty operations and a close() at random: each call settles once', async t => {
  const start = seed(t)
  const result = exited(await child(async (module, dir, start, rounds, randomSource) => {
    const path = require('node:path')
    const { Database } = require(module)
    const next = (0, eval)(`(${randomSource})`)(start) // eslint-disable-line no-eval
    const counts = { fulfilled: 0, rejected: 0 }
    const expected = new RegExp('not open|came too late|before its calls did|aborted|' +
      'interrupted|no such|locked|is closed|active statements')
    for (let round = 0; round < rounds; ++round) {
      const memory = next(2) === 0
      const options = { readers: memory ? 0 : next(3), leaseTimeout: 5000 }
      const db = new Database(memory ? ':memory:' : path.join(dir, `${round % 5}.db`), options)
      const controller = new AbortController()
      const { signal } = controller
      const pending = []
      const follow = promise => {
        const call = { ends: 0 }
        pending.push(promise.then(() => { call.ends++; counts.fulfilled++ }, error => {
          call.ends++
          counts.rejected++
          if (!expected.test(error.message)) throw error
        }).then(() => { if (call.ends !== 1) throw new Error(`settled ${call.ends} times`) }))
      }
      follow(db.exec('CREATE TABLE IF NOT EXISTS t (a)'))
      const stmt = await db.prepare('SELECT * FROM (SELECT 1 AS a UNION ALL SELECT 2)')
      const all = async iterable => {
        for await (const row of iterable) if (next(9) === 0) return row
      }
      const OPERATIONS = [
        () => stmt.get(), () => stmt.all(), () => stmt.run(),
        () => all(stmt.iterate()), async () => stmt.columns(),
        () => stmt.with({ signal }).get(), () => stmt.with({ timeout: 1 }).all(),
        () => db.exec('INSERT INTO t VALUES (1)'), () => db.run('INSERT INTO t VALUES (2)'),
        () => db.get(`SELECT ${next(50)}`), () => db.all('SELECT * FROM missing'),
        () => all(db.iterate('SELECT a FROM t')), () => db.prepare(`SELECT ${next(50)}`),
        () => db.pragma('user_version'), () => db.explain('SELECT 1'), () => db.serialize(),
        () => db.batch(['SELECT 1', ['INSERT INTO t VALUES (?)', [3]]]),
        () => db.transaction(async () => {
          await stmt.all()
          await db.run('INSERT INTO t VALUES (4)')
          if (next(3) === 0) db.run('INSERT INTO t VALUES (5)').catch(() => {})
          if (next(3) === 0) throw new Error('no such luck')
        })(),
        () => db.interrupt(), () => db.function('f', () => 1)
      ]
      const closeAt = next(20)
      const abortAt = next(20)
      for (let i = 0; i < 20; ++i) {
        const fn = OPERATIONS[next(OPERATIONS.length)]
        // What throws because the database is closed gives no promise to settle.
        follow((async () => fn())())
        if (i === closeAt) follow(db.close())
        if (i === abortAt) controller.abort()
        if (next(4) === 0) await null
        if (next(8) === 0) await new Promise(resolve => setImmediate(resolve))
      }
      const timer = setTimeout(() => { throw new Error(`round ${round} hangs`) }, 20000)
      await Promise.all(pending)
      await db.close()
      clearTimeout(timer)
    }
    console.log(JSON.stringify(counts))
  }, {
    args: [PROMISES, tempDir(t), start, 5 * LOOPS, String(random)],
    execArgv: ['--unhandled-rejections=strict'],
    timeout: 60000 + 2000 * LOOPS
  }))
  assert.equal(result.stderr, '')
  const { fulfilled, rejected } = JSON.parse(result.stdout)
  t.diagnostic(`${fulfilled} fulfilled, ${rejected} rejected`)
  assert.ok(fulfilled > 20 * LOOPS && rejected > LOOPS)
})
