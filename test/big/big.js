'use strict'

// Buffers and texts beyond 2 and 4 GiB. It needs some 5 GB of memory, and runs only when it is
// asked for by name.

const assert = require('node:assert/strict')
const { Database, child, exited, ours } = require('../support')

const run = (work, ...args) => child(work, { args, timeout: 300000, execArgv: ['--max-old-space-size=6000'] })

for (const [name, size] of Object.entries({
  '512 MiB': 2 ** 29,
  '2 GiB - 1': 2 ** 31 - 1,
  '2 GiB': 2 ** 31,
  '2 GiB + 5': 2 ** 31 + 5,
  '4 GiB - 1': 2 ** 32 - 1,
  '4 GiB + 5': 2 ** 32 + 5
})) {
  ours(`a Buffer of ${name} is a RangeError wherever it is bound, and is never cut`, async () => {
    const result = exited(await run(size => {
      const buffer = Buffer.alloc(size)
      const db = new Database(':memory:')
      db.exec('CREATE TABLE t (a)')
      const seen = []
      const calls = [() => db.prepare('SELECT ?').get(buffer), () => db.prepare('SELECT ?').all([buffer]),
        () => db.prepare('INSERT INTO t VALUES (@a)').run({ a: buffer }), () => db.prepare('SELECT ?').bind(buffer),
        () => db.prepare('SELECT ?').iterate(buffer), () => { db.function('f', () => buffer); db.prepare('SELECT f()').get() }]
      for (const call of calls) {
        const before = process.memoryUsage.rss()
        try {
          call()
          seen.push('none')
        } catch (error) {
          seen.push(error.name)
        }
        if (process.memoryUsage.rss() - before > 1e9) process.exit(3)
      }
      if (db.prepare('SELECT count(*) FROM t').pluck().get() !== 0) process.exit(4)
      process.stdout.write(seen.slice(0, 5).join())
      if (seen[5] === 'none') process.exit(5)
    }, size))
    assert.equal(result.stdout, Array(5).fill('RangeError').join())
  })

  ours(`a database of ${name} that is junk is an error`, async () => {
    exited(await run(size => {
      try {
        const db = new Database(Buffer.alloc(size, 1))
        db.prepare('SELECT * FROM sqlite_master').all()
      } catch (error) {
        if (!(error instanceof Error)) process.exit(3)
        return
      }
      process.exit(4)
    }, size))
  })
}

ours('a text of 512 MB, and one that UTF-8 makes three times as large, are RangeErrors', async () => {
  const result = exited(await run(() => {
    const stmt = new Database(':memory:').prepare('SELECT ?')
    const seen = []
    for (const text of ['x'.repeat(2 ** 29 - 24), '\u6570'.repeat(2 ** 28), '\ud800'.repeat(2 ** 28), '\u00e9'.repeat(2 ** 28)]) {
      try {
        stmt.get(text)
        seen.push('none')
      } catch (error) {
        seen.push(error.name)
      }
    }
    process.stdout.write(seen.slice(1).join())
  }))
  assert.equal(result.stdout, 'RangeError,RangeError,RangeError')
})

ours('a text and a blob just below the limit come back whole', async () => {
  exited(await run(() => {
    const stmt = new Database(':memory:').prepare('SELECT ?').pluck()
    const blob = Buffer.alloc(2 ** 29 - 24, 7)
    if (!stmt.get(blob).equals(blob)) process.exit(3)
    const text = 'x'.repeat(2 ** 29 - 100)
    if (stmt.get(text) !== text) process.exit(4)
  }))
})

ours('a row of 600 MB is an error or whole', async () => {
  exited(await run(() => {
    const db = new Database(':memory:')
    try {
      const row = db.prepare('SELECT zeroblob(300000000) AS a, zeroblob(300000000) AS b, 5 AS c').get()
      if (row.a.length !== 3e8 || row.b.length !== 3e8 || row.c !== 5) process.exit(3)
    } catch (error) {
      if (!(error instanceof Error)) process.exit(4)
    }
    try {
      const rows = db.prepare('SELECT zeroblob(300000000) AS a UNION ALL SELECT zeroblob(300000001)').pluck().all()
      if (rows[0].length !== 3e8 || rows[1].length !== 300000001) process.exit(5)
    } catch (error) {
      if (!(error instanceof Error)) process.exit(6)
    }
  }))
})
