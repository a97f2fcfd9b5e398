'use strict'

const assert = require('node:assert/strict')
const { once } = require('node:events')
const test = require('node:test')
const { Worker } = require('node:worker_threads')
const { Database, IN_TIME, MODULE, OURS, child, exited, ours, tempFile } = require('../support')

// TEST_LOOPS=500 is what a nightly run makes of it.
const LOOPS = Number(process.env.TEST_LOOPS) || 50

const ENDLESS = 'WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n'

const BODIES = {
  'in the middle of a query': `db.prepare(${JSON.stringify(ENDLESS)}).get()`,
  'in a busy wait': "db.exec('BEGIN EXCLUSIVE')",
  'in a user function': "db.function('f', () => { while (true); }); db.exec('SELECT f()')",
  'in an aggregate': "db.aggregate('f', { step () { while (true); } }); db.exec('SELECT f()')",
  'in a virtual table': "db.table('v', { columns: ['x'], * rows () { while (true) yield [1] } }); db.prepare('SELECT count(*) FROM v').get()",
  'in exec()': `db.exec(${JSON.stringify(ENDLESS)})`,
  'in all()': `db.prepare(${JSON.stringify(ENDLESS.replace('count(*)', 'x'))}).raw().all()`,
  'while iterating': `for (const row of db.prepare(${JSON.stringify(ENDLESS.replace('count(*)', 'x'))}).iterate()) row.x++`,
  'while short statements run': "const stmt = db.prepare('SELECT ?'); while (true) stmt.get(1)",
  'while preparing': 'let i = 0; while (true) db.prepare(`SELECT ${i++}`)', // eslint-disable-line no-template-curly-in-string
  'while opening and closing': "while (true) new Database(':memory:').close()"
}

// How long terminate() took at some moment of each kind of work. It runs in a child, for a crash
// must not end the tests.
async function terminate (loops, module, file, body) {
  const { Worker } = require('node:worker_threads')
  const { once } = require('node:events')
  const blocker = new Database(file)
  blocker.exec('BEGIN EXCLUSIVE')
  let longest = 0
  for (let i = 0; i < loops; ++i) {
    const worker = new Worker(`
      const { parentPort } = require('node:worker_threads')
      const Database = require(${JSON.stringify(module)})
      const db = new Database(${JSON.stringify(file)}, { timeout: 600000 })
      parentPort.postMessage('ready')
      ${body}
    `, { eval: true })
    worker.on('error', () => {})
    await once(worker, 'message')
    await new Promise(resolve => setTimeout(resolve, i % 10))
    const start = performance.now()
    await worker.terminate()
    longest = Math.max(longest, performance.now() - start)
  }
  blocker.exec('COMMIT')
  blocker.close()
  process.stdout.write(String(longest))
}

for (const [when, body] of Object.entries(BODIES)) {
  // better-sqlite3 does not come back from a query before it has ended.
  const fn = async t => {
    const memory = when === 'in a busy wait' ? undefined : ':memory:'
    const source = memory ? body.replaceAll('db.', 'memory.') : body
    const prepared = memory ? `const memory = new Database(':memory:'); ${source}` : source
    const result = exited(await child(terminate, {
      args: [LOOPS, MODULE, tempFile(t), prepared],
      timeout: 60000 + LOOPS * 5000
    }))
    const longest = Number(result.stdout)
    t.diagnostic(`longest ${longest.toFixed(1)} ms of ${LOOPS}`)
    assert.ok(longest < IN_TIME, `${longest} ms`)
  }
  ours(`terminate() ${when} resolves soon, ${LOOPS} times`, fn)
}

// At moments from before it is loaded until its first database is open.
async function terminateLoading (loops, module) {
  const { Worker } = require('node:worker_threads')
  const body = `const Database = require(${JSON.stringify(module)})
    new Database(':memory:').prepare('SELECT 1').get()
    require(${JSON.stringify(module + '/promise')})`
  const started = performance.now()
  await new Promise(resolve => new Worker(body, { eval: true }).on('exit', resolve))
  const whole = performance.now() - started
  for (let i = 0; i < loops; ++i) {
    const worker = new Worker(body, { eval: true })
    worker.on('error', () => {})
    await new Promise(resolve => setTimeout(resolve, whole * (0.3 + 0.7 * i / loops)))
    await worker.terminate()
  }
  process.stdout.write('alive')
}

ours(`terminate() while the addon is loaded, ${LOOPS * 2} times`, async () => {
  const args = [LOOPS * 2, MODULE]
  const result = exited(await child(terminateLoading, { args, timeout: 60000 + LOOPS * 5000 }))
  assert.equal(result.stdout, 'alive')
})

test('a worker that ends leaves the main thread its databases', { skip: !OURS }, async t => {
  const worker = new Worker(`
    const Database = require(${JSON.stringify(MODULE)})
    require('node:worker_threads').parentPort.postMessage(new Database(':memory:').prepare('SELECT 5').pluck().get())
  `, { eval: true })
  const exit = once(worker, 'exit')
  assert.deepEqual(await once(worker, 'message'), [5])
  assert.deepEqual(await exit, [0])
  const Database = require(MODULE)
  const db = new Database(':memory:')
  assert.equal(db.prepare('SELECT 6').pluck().get(), 6)
  db.close()
})
