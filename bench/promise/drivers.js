'use strict'

// One face for the drivers of the promise bench. prepare() gives the driver's own statement where
// that answers with promises or values, so that what is timed calls the driver itself.

const fs = require('node:fs')
const { createRequire } = require('node:module')
const path = require('node:path')

const { drivers: sync, ferroliteModule } = require('../drivers')
const { home } = require('../peers')

const peer = createRequire(path.join(home, 'package.json'))
const INSERTS = 10

function versionOf (folder) {
  return JSON.parse(fs.readFileSync(path.join(folder, 'package.json'), 'utf8')).version
}

const peerVersion = id => versionOf(path.join(home, 'node_modules', id))

// What users write around a driver that lets the calls of others into an open transaction.
function oneAtATime (fn) {
  let last = Promise.resolve()
  return () => {
    const result = last.then(fn)
    last = result.catch(() => {})
    return result
  }
}

const values = i => [i, i + 0.5, `row ${i} abcdefgh`, BLOB]
const BLOB = Buffer.from('0123456789abcdef')

function tenInserts (stmt) {
  for (let i = 0; i < INSERTS; i++) stmt.run(...values(i))
}

async function count (rows) {
  let n = 0
  for await (const row of rows) if (row !== undefined) n++
  return n
}

function countSync (rows) {
  let n = 0
  for (const row of rows) if (row !== undefined) n++
  return n
}

// better-sqlite3 called on the event loop, and everything shaped like it.
const shapedLikeBetterSqlite3 = label => ({
  version: sync[label].version,
  open: async file => sync[label].open(file),
  set: async (db, pragma) => db.pragma(pragma),
  exec: async (db, sql) => db.exec(sql),
  prepare: async (db, sql) => db.prepare(sql),
  transaction (db, stmt) {
    const run = db.transaction(() => tenInserts(stmt))
    return async () => run()
  },
  iterate: async stmt => countSync(stmt.iterate())
})

// sqlite3 answers through callbacks: this is its statement with promises.
class CallbackStatement {
  constructor (stmt) {
    this.stmt = stmt
  }

  get (...params) {
    return promised(done => this.stmt.get(...params, done))
  }

  all (...params) {
    return promised(done => this.stmt.all(...params, done))
  }

  run (...params) {
    return new Promise((resolve, reject) => this.stmt.run(...params, function (error) {
      if (error === null) resolve({ changes: this.changes, lastInsertRowid: this.lastID })
      else reject(error)
    }))
  }
}

function promised (start) {
  return new Promise((resolve, reject) => {
    start((error, value) => error ? reject(error) : resolve(value))
  })
}

const execSqlite3 = (db, sql) => promised(done => db.exec(sql, done))

const drivers = {
  libsql: {
    title: 'libsql/promise',
    version: () => peerVersion('libsql'),
    async open (file) {
      const Database = peer('libsql/promise')
      return new Database(file)
    },
    set: (db, pragma) => db.pragma(pragma),
    exec: (db, sql) => db.exec(sql),
    prepare: (db, sql) => db.prepare(sql),
    // all() of a statement that is called again before it has answered gives rows of neither.
    ownStatements: true,
    // It commits before an asynchronous function has ended, so that this one is synchronous; its
    // run() is, too.
    transaction: (db, stmt) => oneAtATime(db.transaction(() => tenInserts(stmt))),
    iterate: async stmt => countSync(await stmt.iterate())
  },

  turso: {
    title: '@tursodatabase/database',
    version: () => peerVersion('@tursodatabase/database'),
    async open (file) {
      const { connect } = await import(peer.resolve('@tursodatabase/database'))
      return connect(file)
    },
    set: async (db, pragma) => (await db.prepare(`PRAGMA ${pragma}`)).all(),
    exec: (db, sql) => db.exec(sql),
    prepare: async (db, sql) => db.prepare(sql),
    // A statement that is called again before it has answered mixes up the parameters.
    ownStatements: true,
    transaction (db, stmt, sql) {
      return db.transactionAsync(async txn => {
        const own = await txn.prepare(sql)
        for (let i = 0; i < INSERTS; i++) await own.run(...values(i))
        own.close()
      })
    },
    iterate: stmt => count(stmt.iterate())
  },

  sqlite3: {
    title: 'sqlite3',
    optional: 'its prebuilt binary could not be fetched',
    version: () => peerVersion('sqlite3'),
    open (file) {
      const { Database } = peer('sqlite3')
      return new Promise((resolve, reject) => {
        const db = new Database(file, error => error ? reject(error) : resolve(db))
      })
    },
    set: (db, pragma) => execSqlite3(db, `PRAGMA ${pragma}`),
    exec: execSqlite3,
    prepare: (db, sql) => new Promise((resolve, reject) => {
      const stmt = db.prepare(sql, error => {
        if (error) reject(error)
        else resolve(new CallbackStatement(stmt))
      })
    }),
    transaction (db, stmt) {
      return oneAtATime(async () => {
        await execSqlite3(db, 'BEGIN')
        for (let i = 0; i < INSERTS; i++) await stmt.run(...values(i))
        await execSqlite3(db, 'COMMIT')
      })
    },
    iterate: ({ stmt }) => promised(done => stmt.each(() => {}, done))
  },

  'better-sqlite3': { title: 'better-sqlite3 (sync)', ...shapedLikeBetterSqlite3('better-sqlite3') },

  ferrolite: {
    title: 'ferrolite/promise',
    version: () => versionOf(ferroliteModule),
    open (file, options) {
      const { connect } = require(path.join(ferroliteModule, 'promise'))
      return connect(file, options)
    },
    // Unlike exec() it reaches the readers as well.
    set: (db, pragma) => db.pragma(pragma),
    exec: (db, sql) => db.exec(sql),
    prepare: (db, sql) => db.prepare(sql),
    transaction: (db, stmt) => db.transaction(async () => {
      for (let i = 0; i < INSERTS; i++) await stmt.run(...values(i))
    }),
    iterate: stmt => count(stmt.iterate())
  },

  'ferrolite sync': { title: 'ferrolite (sync)', ...shapedLikeBetterSqlite3('ferrolite') }
}

// The same driver once more: how far it is from 1.00 is the noise of a line.
drivers.control = { ...drivers.libsql, title: 'control' }

// Those that each line has, the base first.
const labels = ['libsql', 'turso', 'sqlite3', 'better-sqlite3', 'ferrolite']

// WAL files with the same settings for all.
async function openCopy (driver, fixture, file, options) {
  fs.copyFileSync(fixture, file)
  const db = await driver.open(file, options)
  for (const pragma of ['journal_mode = WAL', 'synchronous = NORMAL', 'cache_size = -16000',
    'wal_autocheckpoint = 0']) await driver.set(db, pragma)
  return db
}

// Whether it can be loaded, and on which SQLite it says it runs.
async function probe (label) {
  const driver = drivers[label]
  try {
    const db = await driver.open(':memory:')
    const stmt = await driver.prepare(db, 'SELECT sqlite_version() AS v')
    const { v } = await stmt.get()
    return { version: driver.version(), sqlite: v }
  } catch (error) {
    if (driver.optional === undefined) throw error
    return undefined
  }
}

module.exports = { drivers, labels, openCopy, probe, values }
