'use strict'

// One face for four drivers. It is used to set a workload up; what is timed calls the driver
// itself.

const fs = require('node:fs')
const { createRequire } = require('node:module')
const path = require('node:path')

const { home, root } = require('./peers')

const peer = createRequire(path.join(home, 'package.json'))

class Unsupported extends Error {}

function lacks (what) {
  return () => { throw new Unsupported(`has no ${what}`) }
}

// better-sqlite3 and everything shaped like it.
function shapedLikeBetterSqlite3 (name, id, load) {
  let Database
  return {
    name,
    version: () => versionOf(path.join(home, 'node_modules', id)),
    open (file) {
      Database ??= load()
      return new Database(file)
    },
    raw: stmt => stmt.raw(),
    pluck: stmt => stmt.pluck(),
    safeIntegers: stmt => stmt.safeIntegers(),
    transaction: (db, fn) => db.transaction(fn),
    function: (db, name, fn) => db.function(name, { deterministic: true }, fn),
    aggregate: (db, name, options) => db.aggregate(name, options)
  }
}

function versionOf (folder) {
  return JSON.parse(fs.readFileSync(path.join(folder, 'package.json'), 'utf8')).version
}

const ferroliteModule = process.env.BENCH_FERROLITE_MODULE || root

const drivers = {
  'better-sqlite3': shapedLikeBetterSqlite3('better-sqlite3', 'better-sqlite3',
    () => peer('better-sqlite3')),

  'node:sqlite': {
    name: 'node:sqlite',
    version: () => process.versions.node,
    open (file) {
      const { DatabaseSync } = require('node:sqlite')
      return new DatabaseSync(file)
    },
    raw (stmt) {
      if (stmt.setReturnArrays === undefined) lacks('setReturnArrays')()
      stmt.setReturnArrays(true)
      return stmt
    },
    pluck: lacks('pluck'),
    safeIntegers (stmt) {
      stmt.setReadBigInts(true)
      return stmt
    },
    // It has no transaction(): this is what its users write.
    transaction: (db, fn) => arg => {
      db.exec('BEGIN')
      try {
        const result = fn(arg)
        db.exec('COMMIT')
        return result
      } catch (error) {
        db.exec('ROLLBACK')
        throw error
      }
    },
    function: (db, name, fn) => db.function(name, { deterministic: true }, fn),
    aggregate (db, name, options) {
      if (db.aggregate === undefined) lacks('aggregate')()
      db.aggregate(name, options)
    }
  },

  libsql: {
    ...shapedLikeBetterSqlite3('libsql', 'libsql', () => peer('libsql')),
    function: lacks('function'),
    aggregate: lacks('aggregate')
  },

  ferrolite: {
    ...shapedLikeBetterSqlite3('ferrolite', 'ferrolite', () => require(ferroliteModule)),
    version: () => versionOf(ferroliteModule)
  }
}

// The same driver once more: how far it is from 1.00 is the noise of a line.
drivers.control = { ...drivers['better-sqlite3'], name: 'control' }

const peers = ['better-sqlite3', 'node:sqlite', 'libsql']

module.exports = { Unsupported, drivers, ferroliteModule, peers }
