'use strict'

const assert = require('node:assert/strict')
const fs = require('node:fs')
const test = require('node:test')
const { Database, MODULE, child, cleanup, exited, tempFile } = require('../support')

const LOOPS = Number(process.env.TEST_LOOPS) || 10

// Two databases with a log each, and whatever else the script does before it ends.
const writer = (files, body) => `
  const dbs = ${JSON.stringify(files)}.map(file => new Database(file))
  for (const db of dbs) {
    db.pragma('journal_mode = WAL')
    db.exec("CREATE TABLE people (name TEXT); INSERT INTO people VALUES ('foobar')")
    if (!require('node:fs').existsSync(db.name + '-wal')) throw new Error('no log')
  }
  const [db] = dbs
  ${body}
`

// A process that comes to its end by itself checkpoints its logs; Node tells no addon of
// process.exit().
async function leaves (t, body, { code = 0, graceful = false } = {}) {
  const files = [tempFile(t, 'one.db'), tempFile(t, 'two.db')]
  exited(await child(writer(files, body)), code)
  for (const file of files) {
    if (graceful) assert.equal(fs.existsSync(`${file}-wal`), false, `${file}-wal`)
    const db = new Database(file)
    cleanup(t, () => db.close())
    assert.deepEqual(db.pragma('integrity_check'), [{ integrity_check: 'ok' }])
    assert.deepEqual(db.prepare('SELECT name FROM people').pluck().all(), ['foobar'])
  }
}

test('every database is closed when the process ends, and its log is gone', t => {
  return leaves(t, '', { graceful: true })
})

test('process.exit() ends the process with that code and loses nothing', t => {
  return leaves(t, 'process.exit(7)', { code: 7 })
})

test('process.exit() in an exit handler, which still reads, loses nothing', t => {
  return leaves(t, "process.on('exit', () => { db.exec('SELECT 1'); process.exit(3) })", { code: 3 })
})

test('an uncaught error ends the process with 1 and loses nothing', t => {
  return leaves(t, "throw new Error('uncaught')", { code: 1 })
})

test('an unhandled rejection ends the process with 1 and loses nothing', t => {
  return leaves(t, "Promise.reject(new Error('unhandled'))", { code: 1 })
})

test('statements that are open do not matter', t => {
  return leaves(t, "globalThis.kept = [db.prepare('SELECT 1'), db.prepare('INSERT INTO people VALUES (?)')]",
    { graceful: true })
})

test('an iterator that is open does not matter', t => {
  return leaves(t, "globalThis.iterator = db.prepare('SELECT * FROM people').iterate(); globalThis.iterator.next()",
    { graceful: true })
})

test('a transaction that is open is rolled back', t => {
  return leaves(t, "db.exec(\"BEGIN; INSERT INTO people VALUES ('uncommitted')\")", { graceful: true })
})

test('a backup that runs does not matter', async t => {
  const copy = tempFile(t)
  await leaves(t, `
    db.backup(${JSON.stringify(copy)}, { progress: () => 0 }).catch(() => {})
    setImmediate(() => setImmediate(() => setImmediate(() => process.exit(0))))
  `)
})

test('close() in an exit handler closes after process.exit() too', t => {
  return leaves(t, "process.on('exit', () => { for (const db of dbs) db.close() }); process.exit(2)", { code: 2, graceful: true })
})

test('a worker closes its databases when it or the process is told to exit', async t => {
  for (const [inWorker, inMain] of [['process.exit(6)', ''], ["throw new Error('ends')", ''], ['setInterval(() => {}, 1000)', 'process.exit(6)']]) {
    const files = [tempFile(t)]
    const body = `const Database = require(${JSON.stringify(MODULE)})
      ${writer(files, "require('node:worker_threads').parentPort.postMessage('ready')")}
      globalThis.kept = dbs
      setTimeout(() => { ${inWorker} }, 1)`
    exited(await child(`
      const worker = new (require('node:worker_threads').Worker)(${JSON.stringify(body)}, { eval: true })
      worker.on('error', () => {})
      worker.on('exit', () => process.exit(6))
      worker.on('message', () => { ${inMain} })
    `), 6)
    assert.equal(fs.existsSync(`${files[0]}-wal`), false, `${inWorker} ${inMain}`)
  }
})

test('process.exit() inside a user function ends the process with that code', t => {
  return leaves(t, "db.function('leave', () => process.exit(9)); db.exec('SELECT leave()')", { code: 9 })
})

test('process.exit() inside an aggregate, a table and verbose ends the process with that code', async t => {
  const leave = { step: 'db.aggregate("x", { step: () => process.exit(9) }); db.exec("SELECT x()")' }
  leave.table = 'db.table("x", { columns: ["a"], * rows () { yield [1]; process.exit(9) } }); db.exec("SELECT * FROM x")'
  leave.verbose = 'new Database(":memory:", { verbose: () => process.exit(9) }).exec("SELECT 1")'
  for (const body of Object.values(leave)) await leaves(t, body, { code: 9 })
})

test('process.exit() from a promise or a timer ends the process with that code', async t => {
  await leaves(t, 'Promise.resolve().then(() => process.exit(4))', { code: 4 })
  await leaves(t, 'setTimeout(() => process.exit(5), 1)', { code: 5 })
})

test('a handled SIGTERM ends the process with the code of its handler', { skip: process.platform === 'win32' }, async t => {
  const files = [tempFile(t, 'one.db'), tempFile(t, 'two.db')]
  const script = writer(files, `
    const interval = setInterval(() => db.prepare('SELECT * FROM people').all(), 1)
    process.on('SIGTERM', () => { clearInterval(interval); process.exitCode = 15 })
    process.stdout.write('ready')
  `)
  exited(await child(script, {
    started: proc => proc.stdout.once('data', () => proc.kill('SIGTERM'))
  }), 15)
  for (const file of files) assert.equal(fs.existsSync(`${file}-wal`), false)
})

test('SIGTERM without a handler ends the process by that signal, and the data is there', {
  skip: process.platform === 'win32'
}, async t => {
  const file = tempFile(t)
  const script = writer([file], "setInterval(() => {}, 1000); process.stdout.write('ready')")
  const { signal } = await child(script, { started: proc => proc.stdout.once('data', () => proc.kill('SIGTERM')) })
  assert.equal(signal, 'SIGTERM')
  const db = new Database(file)
  cleanup(t, () => db.close())
  assert.deepEqual(db.prepare('SELECT name FROM people').pluck().all(), ['foobar'])
})

test(`SIGTERM at ${LOOPS} moments of writing: the exit code is kept and the file is whole`, {
  skip: process.platform === 'win32'
}, async t => {
  for (let i = 0; i < LOOPS; ++i) {
    const file = tempFile(t)
    const script = writer([file], `
      process.on('SIGTERM', () => process.exit(15))
      const insert = db.prepare('INSERT INTO people VALUES (?)')
      const transaction = db.transaction(n => { for (let i = 0; i < 50; ++i) insert.run('x' + n) })
      let n = 0
      const more = () => { transaction(n++); setImmediate(more) }
      more()
      process.stdout.write('ready')
    `)
    const kill = proc => proc.stdout.once('data', () => setTimeout(() => proc.kill('SIGTERM'), i * 3))
    exited(await child(script, { started: kill }), 15)
    const db = new Database(file)
    cleanup(t, () => db.close())
    assert.deepEqual(db.pragma('integrity_check'), [{ integrity_check: 'ok' }])
    assert.equal((db.prepare('SELECT count(*) FROM people').pluck().get() - 1) % 50, 0)
  }
})

test('a process with a hundred databases ends', async t => {
  exited(await child(`
    const dbs = []
    for (let i = 0; i < 100; ++i) {
      const db = new Database(':memory:')
      db.exec('CREATE TABLE t (a)')
      dbs.push(db, db.prepare('SELECT * FROM t'), db.prepare('INSERT INTO t VALUES (1)'))
    }
    process.exit(0)
  `))
})

test('an open database does not keep the process alive', async () => {
  exited(await child("globalThis.db = new Database(':memory:'); db.prepare('SELECT 1').all()"))
})
