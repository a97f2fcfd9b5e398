'use strict'

const assert = require('node:assert/strict')
const { Database, child, exited, ours, tempDir } = require('../support')

const MB = 1e6
// A round.
const STEEP = MB

// Twenty equal rounds of work after a warm-up, with the resident memory and the descriptors after
// each. Long churn reaches a level and stays there, a leak goes on rising: so it is the slope over
// the last ten that counts. Where that is steep, there are ten more, twice at most: a heap that
// takes a step is level after it.
async function rounds (work, dir, steep) {
  const fs = require('node:fs')
  const path = require('node:path')
  const settle = async () => {
    for (let i = 0; i < 4; ++i) {
      globalThis.gc()
      await new Promise(resolve => setImmediate(resolve))
    }
  }
  const fds = () => process.platform === 'linux' ? fs.readdirSync('/proc/self/fd').length : 0
  const run = work(dir, path)
  run()
  run()
  await settle()
  const samples = []
  const before = fds()
  const go = async count => {
    for (let i = 0; i < count; ++i) {
      run()
      await settle()
      samples.push(process.memoryUsage.rss())
    }
  }
  await go(20)
  while (samples.length < 40 && slope(samples.slice(-10)) >= steep) await go(10)
  // The first use of process.stdout opens what it needs.
  const after = fds()
  process.stdout.write(JSON.stringify({ samples, fds: after - before }))
}

function slope (ys) {
  const n = ys.length
  const mean = ys.reduce((a, b) => a + b) / n
  const middle = (n - 1) / 2
  let top = 0
  let bottom = 0
  for (let x = 0; x < n; ++x) {
    top += (x - middle) * (ys[x] - mean)
    bottom += (x - middle) ** 2
  }
  return top / bottom
}

const WORK = {
  '1,000,000 statements prepared, run and dropped': dir => {
    const db = new Database(':memory:')
    return () => { for (let i = 0; i < 100000; ++i) db.prepare('SELECT ?').get(i) }
  },
  '1,000,000 different texts prepared and dropped': dir => {
    const db = new Database(':memory:')
    let n = 0
    return () => { for (let i = 0; i < 100000; ++i) db.prepare(`SELECT ${n++}`) }
  },
  '1,000,000 rows read by all(), get() and iterate()': dir => {
    const db = new Database(':memory:')
    db.exec("CREATE TABLE t (a, b, c); INSERT INTO t WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 10000) SELECT x, 'text ' || x, zeroblob(20) FROM n")
    const all = db.prepare('SELECT * FROM t')
    const one = db.prepare('SELECT * FROM t WHERE rowid = ?')
    const each = db.prepare('SELECT * FROM t')
    return () => {
      for (let i = 0; i < 5; ++i) all.all()
      for (let i = 1; i <= 20000; ++i) one.get(i % 10000)
      for (let i = 0; i < 3; ++i) for (const row of each.iterate()) if (row.a < 0) throw row
    }
  },
  '100,000 calls of user functions, aggregates and tables': dir => {
    const db = new Database(':memory:')
    db.function('f', (a, b) => `${a}${b}`)
    db.aggregate('agg', { start: () => [], step: (acc, x) => { acc.push(x) }, result: acc => acc.length })
    db.table('v', { columns: ['x'], * rows (n) { for (let i = 0; i < n; ++i) yield [Buffer.alloc(8)] } })
    const stmt = db.prepare('SELECT f(x, 1), agg(x) FROM v(100)')
    return () => { for (let i = 0; i < 50; ++i) stmt.all() }
  },
  '100,000 functions that throw': dir => {
    const db = new Database(':memory:')
    db.function('f', () => { throw new Error('x') })
    const stmt = db.prepare('SELECT f()')
    return () => {
      for (let i = 0; i < 10000; ++i) {
        try {
          stmt.get()
        } catch {}
      }
    }
  },
  '10,000 databases opened and closed': (dir, path) => {
    const file = path.join(dir, 'leak.db')
    return () => {
      for (let i = 0; i < 500; ++i) {
        for (const name of [file, ':memory:']) {
          const db = new Database(name)
          db.exec('CREATE TABLE IF NOT EXISTS t (a)')
          db.function('f', x => x)
          const stmt = db.prepare('SELECT f(a) FROM t')
          stmt.all()
          db.close()
        }
      }
    }
  },
  '10,000 opens that fail': (dir, path) => () => {
    for (let i = 0; i < 1000; ++i) {
      try {
        new Database(dir).close()
      } catch {}
    }
  },
  '100,000 errors of SQLite': dir => {
    const db = new Database(':memory:')
    return () => {
      for (let i = 0; i < 10000; ++i) {
        try {
          db.prepare(`SELECT * FROM missing_${i}`)
        } catch {}
      }
    }
  },
  '100,000 iterators that are left before their end': dir => {
    const db = new Database(':memory:')
    const stmt = db.prepare("SELECT 1 AS a, 'text' AS b UNION ALL SELECT 2, 'other'")
    return () => {
      for (let i = 0; i < 10000; ++i) for (const row of stmt.iterate()) if (row.a === 1) break
    }
  },
  '1,000 databases serialized and opened again': dir => {
    const db = new Database(':memory:')
    db.exec('CREATE TABLE t (a); INSERT INTO t VALUES (zeroblob(100000))')
    return () => { for (let i = 0; i < 100; ++i) new Database(db.serialize()).close() }
  },
  '1,000 sessions, changesets and hooks': dir => {
    const db = new Database(':memory:')
    db.exec('CREATE TABLE t (a INTEGER PRIMARY KEY, b)')
    return () => {
      for (let i = 0; i < 100; ++i) {
        const hook = () => {}
        db.on('update', hook)
        const session = db.createSession()
        db.exec("INSERT INTO t VALUES (1, 'x'); DELETE FROM t")
        session.changeset()
        session.close()
        db.off('update', hook)
      }
    }
  }
}

for (const [name, work] of Object.entries(WORK)) {
  ours(`${name} leave no memory and no descriptor`, async t => {
    const result = exited(await child(`${slope};(${rounds})(${work}, ${JSON.stringify(tempDir(t))}, ${STEEP})`, {
      // V8 would double its young generation now and then, and with it what waits in it.
      execArgv: ['--expose-gc', '--min-semi-space-size=8', '--max-semi-space-size=8'],
      timeout: 240000
    }))
    const { samples, fds } = JSON.parse(result.stdout)
    const rise = slope(samples.slice(-10))
    const all = samples.at(-1) - samples[0]
    t.diagnostic(`${(rise / MB).toFixed(2)} MB a round, ${(all / MB).toFixed(1)} MB in ${samples.length}`)
    assert.equal(fds, 0)
    assert.ok(rise < STEEP, `${rise / MB} MB a round: ${samples.map(x => (x / MB).toFixed(1))}`)
  })
}
