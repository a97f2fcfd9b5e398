'use strict'

const Database = require('better-sqlite3')
const session = require('express-session')
const SqliteStore = require('better-sqlite3-session-store')(session)
const { promisify } = require('node:util')
const { FILE, report } = require('./report')

let store
const call = (name, ...words) => promisify(store[name]).apply(store, words)
const cookie = { maxAge: 60_000 }

report({
  async create () {
    const expired = { clear: false, intervalMs: 900_000 }
    store = new SqliteStore({ client: new Database(FILE), expired })
  },
  insert: () => call('set', 'one', { cookie, name: 'ada' }),
  read: () => call('get', 'one'),
  update: async () => [await call('touch', 'one', { cookie }), await call('length')],
  // It says when each expires, which is later in each run.
  iterate: async () => (await call('all')).map(({ expire, ...session }) => [session, typeof expire]),
  delete: async () => [await call('destroy', 'one'), await call('get', 'one')],
  clear: () => call('clear')
})
