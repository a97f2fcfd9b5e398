'use strict'

const assert = require('node:assert/strict')
const { spawn } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')
const test = require('node:test')
const { open: openLmdb } = require('lmdb')
const { directoryStore } = require('../../stores/directory')
const { lmdbStore } = require('../../stores/lmdb')
const { Database, random, seed, tempDir, until } = require('../support')

const ROUNDS = Number(process.env.TEST_LOOPS) || 3
const ROOT = path.join(__dirname, '..', '..')

const binary = { keyEncoding: 'binary', encoding: 'binary' }

// How a process opens each store, and gives it back.
const STORES = {
  directory: {
    source: "require(ROOT + '/stores/directory').directoryStore(folder)",
    open: folder => [directoryStore(folder), () => {}]
  },
  lmdb: {
    source: `require(ROOT + '/stores/lmdb').lmdbStore(
      require('lmdb').open({ path: folder, keyEncoding: 'binary', encoding: 'binary' }))`,
    open (folder) {
      const db = openLmdb({ path: folder, ...binary })
      return [lmdbStore(db), () => db.close()]
    }
  }
}

// A process of its own; `lines` is what it has said so far.
function start (t, script) {
  const process_ = spawn(process.execPath, ['-e', script], { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] })
  t.after(() => process_.kill('SIGKILL'))
  const run = { process: process_, lines: [], errors: '', ended: null }
  let rest = ''
  process_.stdout.setEncoding('utf8').on('data', text => {
    const lines = (rest + text).split('\n')
    rest = lines.pop()
    run.lines.push(...lines)
  })
  process_.stderr.setEncoding('utf8').on('data', text => { run.errors += text })
  run.ended = new Promise(resolve => process_.on('close', (code, signal) => resolve({ code, signal })))
  return run
}

// Says the number of each row that is committed; one in ten is part of a large transaction.
const writer = (source, folder, { before = '', after = '' } = {}) => `
  const fs = require('node:fs')
  const ROOT = ${JSON.stringify(ROOT)}
  const folder = ${JSON.stringify(folder)}
  const Database = require(ROOT)
  const say = text => fs.writeSync(1, text + '\\n')
  ${before}
  const store = ${source}
  const db = new Database('a', { store })
  db.exec('CREATE TABLE IF NOT EXISTS t (id INTEGER PRIMARY KEY, who, x)')
  const insert = db.prepare('INSERT INTO t (who, x) VALUES (?, ?)')
  ${after}
  for (;;) {
    const row = insert.run(process.pid, Buffer.alloc(100)).lastInsertRowid
    say(String(row))
    if (row % 10 !== 0) continue
    db.transaction(() => { for (let i = 0; i < 3; i++) insert.run(process.pid, Buffer.alloc(90000, i)) })()
    say(String(row + 3))
  }`

for (const [name, { source, open }] of Object.entries(STORES)) {
  test(`nothing that was acknowledged is lost when a process is killed: ${name}`, async t => {
    const next = random(seed(t))
    const folder = tempDir(t)
    let last = 0
    for (let round = 0; round < ROUNDS; round++) {
      const run = start(t, writer(source, folder))
      const first = 1 + next(3)
      await until(() => run.lines.length >= first || run.errors, 'a commit', 60000)
      assert.equal(run.errors, '')
      await new Promise(resolve => setTimeout(resolve, next(60)))
      run.process.kill('SIGKILL')
      assert.equal((await run.ended).signal, 'SIGKILL')
      const said = Number(run.lines.at(-1))
      const [store, close] = open(folder)
      const db = new Database('a', { store, readonly: true })
      const { n, most } = db.get('SELECT count(*) n, max(id) most FROM t')
      assert.equal(n, most, 'rows are missing')
      assert.ok(most >= said && most >= last, `${most} rows, ${said} were acknowledged, ${last} were there`)
      // What was committed when it was killed is there as a whole.
      assert.ok(most <= said + 3, `${most} rows, ${said} were acknowledged`)
      if (round === ROUNDS - 1) assert.equal(db.pragma('integrity_check', { simple: true }), 'ok')
      last = most
      db.close()
      await close()
    }
  })

  test(`of two processes that open one database, one is fenced, and no row of either is lost: ${name}`, async t => {
    for (let round = 0; round < Math.ceil(ROUNDS / 3); round++) {
      const folder = tempDir(t)
      const before = `process.on('uncaughtException', error => {
        say(error.code)
        process.exit(error.code === 'KV_FENCED' ? 3 : 1)
      })`
      const script = writer(source, folder, { before })
      const runs = [start(t, script), start(t, script)]
      const codes = await Promise.race(runs.map(run => run.ended))
      const loser = runs.find(run => run.lines.at(-1) === 'KV_FENCED')
      assert.equal(codes.code, 3, runs.map(run => run.errors + run.lines.at(-1)).join('\n'))
      const winner = runs.find(run => run !== loser)
      const enough = winner.lines.length + 3
      await until(() => winner.lines.length >= enough || winner.errors, 'commits of the winner', 60000)
      winner.process.kill('SIGKILL')
      await winner.ended
      assert.equal(winner.errors, '')
      const [store, close] = open(folder)
      const db = new Database('a', { store })
      const who = db.prepare('SELECT who FROM t WHERE id = ?').pluck()
      for (const { lines, process: { pid } } of runs) {
        for (const row of lines.map(Number).filter(row => row > 0)) assert.equal(who.get(row), pid, `row ${row}`)
      }
      assert.equal(db.pragma('integrity_check', { simple: true }), 'ok')
      db.close()
      await close()
    }
  })
}

test('a process that ends without close() loses nothing', async t => {
  const folder = tempDir(t)
  const run = start(t, writer(STORES.directory.source, folder, {
    after: 'insert.run(1, null); process.exit(7)'
  }))
  assert.deepEqual(await run.ended, { code: 7, signal: null }, run.errors)
  const db = new Database('a', { store: directoryStore(folder) })
  assert.equal(db.get('SELECT count(*) n FROM t').n, 1)
  db.close()
  assert.ok(fs.readdirSync(folder).length > 0)
})
