'use strict'

// Stop statements that take too long, and bound what SQL that is not trusted may ask for.

const assert = require('node:assert/strict')
const Database = require('ferrolite')

const db = new Database(':memory:', { defaultQueryTimeout: 1000 })
const endless = 'WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT max(n) FROM c'

function stopped (fn) {
  const start = performance.now()
  assert.throws(fn, { name: 'SqliteError', code: 'SQLITE_INTERRUPT' })
  return `stopped after ${Math.round((performance.now() - start) / 50) * 50} ms`
}

// One statement, from now on.
console.log('timeout(50):', stopped(() => db.prepare(endless).timeout(50).get()))

// One call.
console.log('queryTimeout:', stopped(() => db.prepare(endless).get({ queryTimeout: 100 })))
console.log('exec:', stopped(() => db.exec(endless, { queryTimeout: 100 })))

// The connection is as good as before.
assert.equal(db.prepare('SELECT 1').pluck().get(), 1)

// Bounds that hold before anything runs.
db.limits.sqlLength = 1000
db.limits.exprDepth = 20
assert.throws(() => db.prepare(`SELECT '${'x'.repeat(1000)}'`), { code: 'SQLITE_TOOBIG' })
assert.throws(() => db.prepare(`SELECT ${'('.repeat(50)}1${')'.repeat(50)} + ${'1+'.repeat(50)}1`))
console.log('too long and too deep are refused')

db.close()
