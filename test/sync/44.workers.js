'use strict'

const assert = require('node:assert/strict')
const { once } = require('node:events')
const test = require('node:test')
const { Worker } = require('node:worker_threads')
const { MODULE, child, exited, open, tempFile, typeError } = require('../support')

const prelude = `
  'use strict'
  const { parentPort, workerData } = require('node:worker_threads')
  const Database = require(${JSON.stringify(MODULE)})
`

// A worker's first message, once its exit code was seen too.
async function run (body, workerData) {
  const worker = new Worker(prelude + body, { eval: true, workerData })
  const exit = once(worker, 'exit')
  const [message] = await once(worker, 'message')
  const [code] = await exit
  assert.equal(code, 0)
  return message
}

test('a worker reads and writes the file of the main thread', async t => {
  const db = open(t, tempFile(t)).defaultSafeIntegers()
  db.exec('CREATE TABLE data (a, b)')
  const { info, rows } = await run(`
    const db = new Database(workerData).defaultSafeIntegers()
    const info = db.prepare("INSERT INTO data VALUES (1, 2), ('foo', 5.5)").run()
    parentPort.postMessage({ info, rows: db.prepare('SELECT * FROM data').all() })
  `, db.name)
  assert.deepEqual(info, { changes: 2, lastInsertRowid: 2n })
  assert.deepEqual(rows, [{ a: 1n, b: 2n }, { a: 'foo', b: 5.5 }])
  assert.deepEqual(db.prepare('SELECT * FROM data').all(), rows)
})

test('each thread has its own class of statements', async t => {
  const db = open(t)
  db.prepare('SELECT 1').constructor.foo = 5
  assert.equal(await run("parentPort.postMessage(String(new Database(':memory:').prepare('SELECT 1').constructor.foo))"), 'undefined')
  assert.equal(db.prepare('SELECT 2').constructor.foo, 5)
  delete db.prepare('SELECT 1').constructor.foo
})

test('errors of a worker have the class of that worker', async () => {
  assert.deepEqual(await run(`
    try {
      new Database(':memory:').prepare('nonsense')
    } catch (error) {
      parentPort.postMessage([error instanceof Database.SqliteError, error.code, error.message])
    }
  `), [true, 'SQLITE_ERROR', 'near "nonsense": syntax error'])
})

test('sixteen workers at once have each their own rows', async () => {
  const results = await Promise.all(Array.from({ length: 16 }, (_, i) => run(`
    const db = new Database(':memory:')
    db.exec('CREATE TABLE t (a)')
    db.function('own', x => x + workerData)
    const insert = db.prepare('INSERT INTO t VALUES (?)')
    db.transaction(() => { for (let i = 0; i < 500; ++i) insert.run(workerData * 1000 + i) })()
    parentPort.postMessage(db.prepare('SELECT count(*), min(a), max(a), own(1) FROM t').raw().get())
  `, i)))
  assert.deepEqual(results, Array.from({ length: 16 }, (_, i) => [500, i * 1000, i * 1000 + 499,
    1 + i]))
})

test('four workers write one file and lose no row', async t => {
  const db = open(t, tempFile(t))
  db.pragma('journal_mode = WAL')
  db.exec('CREATE TABLE t (w, n)')
  await Promise.all([0, 1, 2, 3].map(w => run(`
    const { file, w } = workerData
    const db = new Database(file, { timeout: 20000 })
    const insert = db.prepare('INSERT INTO t VALUES (?, ?)')
    for (let n = 0; n < 50; ++n) insert.run(w, n)
    parentPort.postMessage('done')
  `, { file: db.name, w })))
  assert.deepEqual(db.prepare('SELECT w, count(DISTINCT n) FROM t GROUP BY w').raw().all(), [[0, 50], [1, 50], [2, 50], [3, 50]])
})

test('the log of a worker is gone when the worker has ended', async t => {
  const file = tempFile(t)
  await run(`
    const db = new Database(workerData)
    db.pragma('journal_mode = WAL')
    db.exec('CREATE TABLE t (a); INSERT INTO t VALUES (5)')
    globalThis.kept = [db, db.prepare('SELECT * FROM t')]
    parentPort.postMessage(require('node:fs').existsSync(workerData + '-wal'))
  `, file).then(existed => assert.equal(existed, true))
  assert.equal(require('node:fs').existsSync(`${file}-wal`), false)
  assert.equal(open(t, file).prepare('SELECT a FROM t').pluck().get(), 5)
})

test('what structuredClone() makes of a database or a statement has no power over it', t => {
  const db = open(t)
  const stmt = db.prepare('SELECT 1')
  assert.deepEqual([structuredClone(db).exec, structuredClone(stmt).get], [undefined, undefined])
  typeError(() => db.exec.call(structuredClone(db), 'SELECT 1'))
  typeError(() => stmt.get.call(structuredClone(stmt)))
})

test('the module loaded in workers only, two hundred times', async () => {
  exited(await child(async loops => {
    const { Worker } = require('node:worker_threads')
    const { once } = require('node:events')
    const script = `
      const Database = require(${JSON.stringify(MODULE)})
      const db = new Database(':memory:')
      db.exec('CREATE TABLE t (a)')
      db.function('f', x => x)
      globalThis.kept = [db, db.prepare('SELECT f(1) FROM t'), db.prepare('SELECT 1').iterate()]
      globalThis.kept[2].next()
    `
    for (let i = 0; i < loops / 4; ++i) {
      const workers = [0, 1, 2, 3].map(() => new Worker(script, { eval: true }))
      for (const [code] of await Promise.all(workers.map(worker => once(worker, 'exit')))) {
        if (code !== 0) throw new Error(`worker exited with ${code}`)
      }
    }
  }, { args: [Number(process.env.TEST_LOOPS) || 40], timeout: 120000 }))
})

test('the module loaded in a worker only, and not in the main thread', async () => {
  exited(await child(`
    const { Worker } = require('node:worker_threads')
    const script = \`
      const Database = require(${JSON.stringify(MODULE)})
      globalThis.db = new Database(':memory:')
      if (globalThis.db.prepare('SELECT 5').pluck().get() !== 5) process.exit(3)
    \`
    let left = 16
    for (let i = 0; i < 16; ++i) {
      new Worker(script, { eval: true }).on('exit', code => { if (code !== 0) process.exitCode = 4; left-- })
    }
    process.on('exit', () => { if (left !== 0) process.exitCode = 5 })
  `, { bare: true }))
})

test('an uncaught error in a worker is that of the worker', async () => {
  const worker = new Worker(`${prelude}
    const db = new Database(':memory:')
    db.function('f', () => { throw new RangeError('from a function') })
    db.exec('SELECT f()')
  `, { eval: true })
  const exit = new Promise(resolve => worker.once('exit', resolve))
  const [error] = await once(worker, 'error')
  assert.deepEqual([error.name, error.message], ['RangeError', 'from a function'])
  assert.equal(await exit, 1)
})

test('process.exit() in a worker, also inside a user function, ends the worker with its code', async () => {
  for (const body of ['process.exit(7)', "db.function('f', () => process.exit(7)); db.exec('SELECT f()')",
    "db.table('v', { columns: ['x'], * rows () { yield [1]; process.exit(7) } }); db.exec('SELECT * FROM v')"]) {
    const worker = new Worker(`${prelude}
      const db = new Database(':memory:')
      ${body}
    `, { eval: true })
    const [code] = await once(worker, 'exit')
    assert.equal(code, 7)
  }
})

test('the main thread ends while workers are at work', async () => {
  exited(await child(`
    const { Worker } = require('node:worker_threads')
    let ready = 0
    for (let i = 0; i < 4; ++i) {
      new Worker(\`
        const Database = require(${JSON.stringify(MODULE)})
        const db = new Database(':memory:')
        require('node:worker_threads').parentPort.postMessage('ready')
        const stmt = db.prepare('WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 1000) SELECT x FROM n')
        while (true) stmt.all()
      \`, { eval: true }).on('message', () => { if (++ready === 4) process.exit(6) })
    }
  `), 6)
})

test('a method of one thread refuses what is not its own', t => {
  const db = open(t)
  const stmt = db.prepare('SELECT 1')
  for (const self of [{}, db, Object.create(stmt), undefined, null, 5]) {
    typeError(() => stmt.get.call(self))
  }
})
