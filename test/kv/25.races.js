'use strict'

// Two processes open one database for writing: one wins, the other gets KV_FENCED, and every row
// that either was told to be committed is there.

const assert = require('node:assert/strict')
const { spawn } = require('node:child_process')
const path = require('node:path')
const test = require('node:test')
const { S3 } = require('@aws-sdk/client-s3')
const { Redis } = require('ioredis')
const { connect } = require('../../promise')
const { directoryStore } = require('../../stores/directory')
const { redisStore } = require('../../stores/redis')
const { s3Store } = require('../../stores/s3')
const { startMoto, unavailable: noMoto } = require('../servers/moto')
const { startRedis, unavailable: noRedis } = require('../servers/redis')
const { cleanup, random, seed, tempDir, until } = require('../support')

const ROUNDS = Number(process.env.TEST_KV_ROUNDS ?? 2)
const ROOT = path.join(__dirname, '..', '..')

// How a process makes each store of `place`, and the store that the test itself looks with.
const REDIS = { host: '127.0.0.1', maxRetriesPerRequest: 0 }
const BUCKET = {
  region: 'us-east-1', forcePathStyle: true, credentials: { accessKeyId: 'key', secretAccessKey: 'secret' }
}
const STORES = {
  Redis: {
    skip: noRedis(),
    begin: async t => (await startRedis(t)).port,
    source: `
      const { Redis } = require('ioredis')
      const { redisStore } = require(ROOT + '/stores/redis')
      const store = redisStore(new Redis({ port: place, ...${JSON.stringify(REDIS)} }))`,
    open (t, port) {
      const client = new Redis({ port, ...REDIS })
      cleanup(t, () => client.disconnect())
      return redisStore(client)
    }
  },
  'one directory': {
    skip: null,
    begin: async t => tempDir(t),
    source: "const store = require(ROOT + '/stores/directory').directoryStore(place)",
    open: (t, folder) => directoryStore(folder)
  },
  'one bucket': {
    skip: noMoto(),
    async begin (t) {
      const { url } = await startMoto(t)
      const client = new S3({ endpoint: url, ...BUCKET })
      await client.createBucket({ Bucket: 'race' })
      client.destroy()
      return url
    },
    source: `
      const { S3 } = require('@aws-sdk/client-s3')
      const { s3Store } = require(ROOT + '/stores/s3')
      const store = s3Store(new S3({ endpoint: place, ...${JSON.stringify(BUCKET)} }), { bucket: 'race' })`,
    open (t, endpoint) {
      const client = new S3({ endpoint, ...BUCKET })
      cleanup(t, () => client.destroy())
      return s3Store(client, { bucket: 'race' })
    }
  }
}

// Says each row that is committed, and how it ends. Both begin when they are told to.
const writer = (source, place, name) => `
  const ROOT = ${JSON.stringify(ROOT)}
  const place = ${JSON.stringify(place)}
  const fs = require('node:fs')
  const { connect } = require(ROOT + '/promise')
  const say = text => fs.writeSync(1, text + '\\n')
  ${source}
  async function main () {
    const db = await connect(${JSON.stringify(name)}, { store })
    await db.exec('CREATE TABLE IF NOT EXISTS t (who, n, x)')
    const insert = await db.prepare('INSERT INTO t VALUES (?, ?, ?)')
    for (let n = 0; ; n++) {
      // One in ten is too large for a slot.
      await insert.run(process.pid, n, n % 10 === 9 ? Buffer.alloc(90000, n) : null)
      say(String(n))
      await new Promise(resolve => setTimeout(resolve))
    }
  }
  say('ready')
  process.stdin.once('data', () => main().catch(error => {
    say(error.code ?? String(error))
    process.exit(error.code === 'KV_FENCED' ? 3 : 1)
  }))`

function start (t, script) {
  const child = spawn(process.execPath, ['--no-warnings', '-e', script], { cwd: ROOT, stdio: 'pipe' })
  cleanup(t, () => child.kill('SIGKILL'))
  const run = { child, lines: [], errors: '', code: undefined }
  let rest = ''
  child.stdout.setEncoding('utf8').on('data', text => {
    const lines = (rest + text).split('\n')
    rest = lines.pop()
    run.lines.push(...lines)
  })
  child.stderr.setEncoding('utf8').on('data', text => { run.errors += text })
  run.ended = new Promise(resolve => child.on('close', code => {
    run.code = code
    resolve()
  }))
  return run
}

for (const [what, { skip, begin, source, open }] of Object.entries(STORES)) {
  const timeout = 60_000 + 10_000 * ROUNDS
  test(`two processes race for ${what}`, { skip: skip ?? false, timeout }, async t => {
    const next = random(seed(t))
    const place = await begin(t)
    const store = open(t, place)
    let rows = 0
    for (let round = 0; round < ROUNDS; ++round) {
      const name = `app-${round}`
      const runs = [0, 1].map(() => start(t, writer(source, place, name)))
      const said = run => `${run.errors} ${run.lines.at(-1)}`
      const isReady = run => run.lines[0] === 'ready' || run.errors !== ''
      await until(() => runs.every(isReady), 'two processes', 60_000)
      const [first, second] = next(2) === 0 ? runs : [...runs].reverse()
      first.child.stdin.write('go\n')
      await new Promise(resolve => setTimeout(resolve, next(40)))
      second.child.stdin.write('go\n')
      await Promise.race(runs.map(run => run.ended))
      const loser = runs.find(run => run.code !== undefined)
      const winner = runs.find(run => run !== loser)
      assert.equal(loser.code, 3, runs.map(said).join('\n'))
      const enough = winner.lines.length + 3
      const goesOn = () => winner.lines.length >= enough || winner.code !== undefined
      await until(goesOn, 'commits of the winner', 60_000)
      assert.equal(winner.code, undefined, said(winner))
      winner.child.kill('SIGKILL')
      await winner.ended
      const db = await connect(name, { store })
      for (const { lines, child: { pid } } of runs) {
        const told = lines.filter(line => /^\d+$/.test(line)).map(Number)
        const found = (await db.all('SELECT n FROM t WHERE who = ? ORDER BY n', pid)).map(({ n }) => n)
        assert.deepEqual(found.slice(0, told.length), told)
        // One more may have been committed when it ended.
        assert.ok(found.length <= told.length + 1)
        rows += told.length
      }
      assert.equal(await db.pragma('integrity_check', { simple: true }), 'ok')
      await db.close()
    }
    t.diagnostic(`${ROUNDS} races: one won each, ${rows} acknowledged rows are there`)
  })
}
