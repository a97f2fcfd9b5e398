'use strict'

// Stop queries of the promise API: by a signal, after a time, or all of a statement.

const assert = require('node:assert/strict')
const { connect } = require('ferrolite/promise')

const count = 'WITH c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c)'
const endless = `${count} SELECT max(n) FROM c`

async function main () {
  const db = await connect(':memory:')

  // A signal: as when a client goes away.
  const controller = new AbortController()
  setTimeout(() => controller.abort(new Error('the client is gone')), 50)
  const aborted = await db.get(endless, [], { signal: controller.signal }).catch((error) => error)
  console.log(`${aborted.name}, because ${aborted.cause.message}`)
  assert.equal(aborted.code, 'ABORT_ERR')

  // A time, for one call or for many.
  await assert.rejects(db.get(endless, [], { timeout: 50 }), { code: 'SQLITE_INTERRUPT' })
  const stmt = await db.prepare(endless)
  await assert.rejects(stmt.with({ timeout: 50 }).get(), { code: 'SQLITE_INTERRUPT' })
  console.log('stopped after 50 ms, twice')

  // All calls of a statement; what waits behind them runs.
  const calls = [stmt.get(), stmt.get(), db.get('SELECT 1 AS one')]
  setTimeout(() => stmt.interrupt(), 50)
  const ended = await Promise.allSettled(calls)
  console.log('both calls, and the one behind them:', ended.map(({ status }) => status))
  assert.deepEqual(ended.map(({ status }) => status), ['rejected', 'rejected', 'fulfilled'])

  // An iterator that is left early closes its query.
  for await (const row of db.iterate(`${count} SELECT n FROM c`)) {
    if (row.n === 1000) break
  }
  await db.close()
  console.log('an endless query was read up to 1000 rows')
}

main()
