'use strict'

// A database in the Deno KV of a real Deno.

const assert = require('node:assert/strict')
const { spawnSync } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')
const test = require('node:test')
const { deno, unavailable } = require('../../scripts/runtimes')
const { tempDir } = require('../support')

const ROOT = path.join(__dirname, '..', '..')

const SCRIPT = `
import { createRequire } from 'node:module'
const require = createRequire(Deno.args[0] + '/package.json')
const { connect } = require('./promise.js')
const { denoKvStore } = require('./stores/deno-kv.js')
const { checkStore } = require('./stores/check.js')
const kv = await Deno.openKv(Deno.args[1])
const store = denoKvStore(kv)
const reopen = () => denoKvStore(kv)
const { fenced } = await checkStore(store, { rounds: 2, late: 20, reopen })
const db = await connect('app', { store })
await db.exec('CREATE TABLE t (x)')
await db.run('INSERT INTO t VALUES (randomblob(300000))')
const other = await connect('app', { store: reopen() })
const code = await db.run('INSERT INTO t VALUES (1)').then(() => null, (error) => error.code)
const rows = await other.all('SELECT length(x) AS n FROM t')
const verified = await other.pragma('kv_verify', { simple: true })
await db.close()
await other.close()
kv.close()
console.log(JSON.stringify({ fenced, code, rows, verified }))
`

test('the store of Deno KV passes the check, keeps a database, and fences', { skip: unavailable() ?? false }, async t => {
  const folder = tempDir(t)
  const file = path.join(folder, 'script.mjs')
  fs.writeFileSync(file, SCRIPT)
  const args = ['run', '--allow-all', '--unstable-kv', file, ROOT, path.join(folder, 'kv.db')]
  const env = { ...process.env, NODE_TEST_CONTEXT: undefined, NO_COLOR: '1' }
  const { status, stdout, stderr } = spawnSync(await deno(), args, { cwd: ROOT, encoding: 'utf8', env, timeout: 120_000 })
  assert.equal(status, 0, stderr)
  const expected = { fenced: true, code: 'KV_FENCED', rows: [{ n: 300000 }], verified: 'ok' }
  assert.deepEqual(JSON.parse(stdout.trim().split('\n').at(-1)), expected)
})
