'use strict'

// What is measured, with the same methods, which are awaited: `run(sql, params)`, `all(sql)`,
// `point(id)`, `exec(sql)` and `close()`.

const path = require('node:path')
const { connect } = require('../../promise')
const Database = require('../..')
const { peer } = require('./stores')

const POINT = 'SELECT b FROM t WHERE id = ?'
const PRAGMAS = 'PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL'

function wrap (db) {
  const prepared = new Map()
  const statement = (sql) => {
    if (!prepared.has(sql)) prepared.set(sql, db.prepare(sql))
    return prepared.get(sql)
  }
  return {
    db,
    run: (sql, params = []) => statement(sql).run(...params),
    all: (sql) => statement(sql).all(),
    point: (id) => statement(POINT).all(id),
    exec: (sql) => db.exec(sql),
    close: () => db.close()
  }
}

const drivers = {
  sync: (store, options) => wrap(new Database('bench', { store, ...options })),

  async promise (store, options) {
    const db = await connect('bench', { store, ...options })
    return {
      db,
      run: (sql, params = []) => db.run(sql, ...params),
      all: (sql) => db.all(sql),
      point: (id) => db.all(POINT, id),
      exec: (sql) => db.exec(sql),
      close: () => db.close()
    }
  },

  async rivet (store) {
    const { SqliteVfs } = peer('@rivetkit/sqlite-vfs')
    const get = async (key) => (await store.get(key)) ?? null
    const vfs = new SqliteVfs()
    const { putBatch, put, deleteBatch } = store
    const db = await vfs.open('bench', {
      get,
      getBatch: async (keys) => (await store.getBatch(keys)).map((value) => value ?? null),
      put,
      putBatch,
      deleteBatch
    })
    return {
      run: (sql, params) => db.run(sql, params),
      all: async (sql) => (await db.query(sql)).rows,
      point: (id) => db.query(POINT, [id]),
      exec: (sql) => db.exec(sql),
      async close () {
        await db.close()
        await vfs.destroy()
      }
    }
  },

  file (folder) {
    const db = new Database(path.join(folder, 'ferrolite.db'))
    db.exec(PRAGMAS)
    return wrap(db)
  },

  'better-sqlite3' (folder) {
    const Peer = peer('better-sqlite3')
    const db = new Peer(path.join(folder, 'better-sqlite3.db'))
    db.exec(PRAGMAS)
    return wrap(db)
  }
}

module.exports = { drivers }
