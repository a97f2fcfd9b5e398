'use strict'

// One question about one package in a process of its own; the answer is a line of JSON.

const fs = require('node:fs')
const path = require('node:path')
const { setImmediate: turn, setTimeout: wait } = require('node:timers/promises')

const [, , question, label, folder, countText] = process.argv
const count = Number(countText)

const rss = () => process.memoryUsage.rss()
const threads = () => fs.readdirSync('/proc/self/task').length
const openFiles = () => fs.readdirSync('/proc/self/fd').length

// Resident memory once everything that can go has gone.
async function settledRss () {
  for (let i = 0; i < 5; i++) {
    globalThis.gc()
    await turn()
    await wait(20)
  }
  return rss()
}

function open (file = ':memory:') {
  const { drivers } = require('./drivers')
  return drivers[label].open(file)
}

function filled (rows) {
  const db = open()
  db.exec(`CREATE TABLE t (id INTEGER PRIMARY KEY, i INTEGER, r REAL, t TEXT, b BLOB);
    WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < ${rows})
    INSERT INTO t SELECT x, x * 104729, x + 0.25, printf('row %012d', x), randomblob(16) FROM n`)
  return db
}

async function dropStatements (sql) {
  const db = filled(1)
  const loop = () => { for (let i = 0; i < count; i++) db.prepare(sql(i)) }
  db.prepare(sql(0))
  const before = await settledRss()
  loop()
  const atEnd = rss() - before
  const after = await settledRss() - before
  // An allocator may keep what was freed; a second time round then needs no more.
  loop()
  return { atEnd, after, again: await settledRss() - before - after }
}

const questions = {
  // The module that finds the drivers is loaded before the clock starts.
  open () {
    const { drivers } = require('./drivers')
    const before = { rss: rss(), threads: threads() }
    const start = performance.now()
    const db = drivers[label].open(':memory:')
    const milliseconds = performance.now() - start
    const answer = {
      milliseconds,
      threads: threads() - before.threads,
      bytes: rss() - before.rss
    }
    db.close()
    return answer
  },

  async all () {
    const db = filled(100_000)
    const stmt = db.prepare('SELECT id, i, r, t FROM t')
    const before = await settledRss()
    const rows = stmt.all()
    return { bytes: rss() - before, rows: rows.length }
  },

  async allWithBlob () {
    const db = filled(100_000)
    const stmt = db.prepare('SELECT i, r, t, b FROM t')
    const before = await settledRss()
    const rows = stmt.all()
    return { bytes: rss() - before, rows: rows.length }
  },

  statements: () => dropStatements(() => 'SELECT i, r, t FROM t WHERE id = ?'),

  newStatements: () => dropStatements(i => `SELECT i, r, t FROM t WHERE id = ${i}`),

  async rows () {
    const db = filled(10_000)
    const stmt = db.prepare('SELECT i, r, t, b FROM t')
    stmt.all()
    const before = await settledRss()
    for (let i = 0; i < count; i += 10_000) stmt.all()
    const atEnd = rss() - before
    return { atEnd, after: await settledRss() - before }
  },

  async cycles () {
    const file = path.join(folder, 'cycles.db')
    const cycle = () => {
      const db = open(file)
      db.exec('CREATE TABLE IF NOT EXISTS t (a)')
      db.prepare('SELECT count(*) FROM t').get()
      db.close()
    }
    // The first tenth finds out how much the process needs anyway.
    for (let i = 0; i < count / 10; i++) cycle()
    const before = await settledRss()
    const files = openFiles()
    const running = threads()
    for (let i = 0; i < count; i++) {
      cycle()
      if (i % 100 === 0) await turn()
    }
    const atEnd = rss() - before
    return {
      atEnd,
      after: await settledRss() - before,
      files: openFiles() - files,
      threads: threads() - running
    }
  }
}

Promise.resolve(questions[question]()).then(answer => {
  fs.writeSync(1, JSON.stringify(answer) + '\n')
})
