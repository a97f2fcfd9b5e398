'use strict'

// A database in Level, whose process is killed.

const assert = require('node:assert/strict')
const path = require('node:path')
const test = require('node:test')
const { connect } = require('../../promise')
const { checkStore } = require('../../stores/check')
const { levelStore } = require('../../stores/level')
const { child, cleanup, tempDir, typeError } = require('../support')

const ROUNDS = Number(process.env.TEST_KV_ROUNDS ?? 3)

async function level (t, folder = tempDir(t)) {
  const { ClassicLevel } = require('classic-level')
  const db = new ClassicLevel(folder)
  await db.open()
  cleanup(t, () => db.close())
  return db
}

test('the store of Level passes the check, and keeps a database', async t => {
  const store = levelStore(await level(t))
  const { fenced } = await checkStore(store, { rounds: 3, late: 20 })
  assert.equal(fenced, true)
  const db = await connect('app', { store })
  await db.exec('CREATE TABLE t (a INTEGER PRIMARY KEY, b BLOB)')
  await db.run('INSERT INTO t (b) VALUES (randomblob(300000))')
  await db.close()
  const again = await connect('app', { store })
  assert.deepEqual(await again.get('SELECT length(b) AS n FROM t'), { n: 300000 })
  await again.close()
})

test('what was acknowledged is there after the process was killed', async t => {
  const folder = tempDir(t)
  const acknowledged = []
  for (let round = 0; round < ROUNDS; ++round) {
    const run = async (folder, round, paths) => {
      const [promise, store, module] = paths
      const { connect } = require(promise)
      const { levelStore } = require(store)
      const { ClassicLevel } = require(module)
      const db = await connect('app', { store: levelStore(new ClassicLevel(folder)) })
      await db.exec('CREATE TABLE IF NOT EXISTS t (x)')
      for (let i = 0; ; ++i) {
        await db.run('INSERT INTO t VALUES (?)', 100000 * round + i)
        process.stdout.write(`${100000 * round + i}\n`)
      }
    }
    const root = path.join(__dirname, '..', '..')
    const paths = [path.join(root, 'promise.js'), path.join(root, 'stores', 'level.js'), require.resolve('classic-level')]
    const { stdout } = await child(run, {
      args: [folder, round, paths],
      started (proc) {
        let count = 0
        proc.stdout.on('data', text => {
          count += text.split('\n').length - 1
          if (count >= 20) proc.kill('SIGKILL')
        })
      }
    })
    const lines = stdout.split('\n')
    acknowledged.push(...lines.slice(0, -1).map(Number))
  }
  const db = await connect('app', { store: levelStore(await level(t, folder)) })
  const found = new Set((await db.all('SELECT x FROM t')).map(({ x }) => x))
  assert.deepEqual(acknowledged.filter(value => !found.has(value)), [])
  assert.ok(acknowledged.length >= 20 * ROUNDS)
  assert.equal(await db.pragma('integrity_check', { simple: true }), 'ok')
  await db.close()
})

test('what is no database of Level is refused', () => {
  for (const db of [undefined, null, {}, new Map()]) {
    assert.throws(() => levelStore(db), typeError('Expected first argument to be a database of abstract-level, such as classic-level'))
  }
})
