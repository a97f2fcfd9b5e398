'use strict'

// Servers and replicas while the timers of the process are fakes that stand still.

const assert = require('node:assert/strict')
const path = require('node:path')
const Sync = require('../..')
const { connect } = require('../../promise')
const { served, startSqld } = require('../servers/sqld')
const { cleanup, tempDir } = require('../support')

const ENDLESS = 'WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c'

async function work (db) {
  await db.exec('CREATE TABLE IF NOT EXISTS t (a)')
  const insert = await db.prepare('INSERT INTO t VALUES (?)')
  await db.transaction(async () => { for (const a of [1, 2, 3]) await insert.run(a) })()
  const rows = await Promise.all([1, 2, 3].map((a) => db.get('SELECT a FROM t WHERE a = ?', a)))
  assert.deepEqual(rows, [{ a: 1 }, { a: 2 }, { a: 3 }])
  await assert.rejects(db.get(ENDLESS, [], { timeout: 50 }), { code: 'SQLITE_INTERRUPT' })
  await db.exec('DELETE FROM t')
  await db.close()
}

served('calls and their time limits end on a server and on a replica', async (t) => {
  const { url } = await startSqld(t)
  const file = path.join(tempDir(t), 'replica.db')
  // Nothing but the mocks of this test may need a timer meanwhile.
  t.mock.timers.enable()
  await work(await connect(url))
  await work(await connect(file, { syncUrl: url, readYourWrites: true, syncPeriod: 0.05 }))
  for (const options of [{}, { syncUrl: url }]) {
    const db = new Sync(options.syncUrl ? `${file}-sync` : url, options)
    cleanup(t, () => db.close())
    assert.throws(() => db.prepare(ENDLESS).get({}, { timeout: 50 }), { code: 'SQLITE_INTERRUPT' })
    assert.deepEqual(db.prepare('SELECT count(*) AS n FROM t').get(), { n: 0 })
  }
  t.mock.timers.reset()
})
