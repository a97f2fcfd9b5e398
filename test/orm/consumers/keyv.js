'use strict'

const { default: KeyvSqlite } = require('@keyv/sqlite')
const { default: Keyv } = require('keyv')
const { FILE, collect, report } = require('./report')

const keyv = new Keyv({ store: new KeyvSqlite(`sqlite://${FILE}`), namespace: 'a' })

report({
  create: () => keyv.set('one', { a: [1] }),
  insert: () => keyv.set('two', 'x'),
  read: () => Promise.all([keyv.get('one'), keyv.get(['two', 'nothing']), keyv.has('two')]),
  update: async () => [await keyv.set('two', 'y'), await keyv.get('two')],
  delete: async () => [await keyv.delete('two'), await keyv.get('two')],
  iterate: () => collect(keyv.iterator()),
  async values () {
    await keyv.set('bytes', Buffer.from([0, 255]))
    return await keyv.get('bytes')
  },
  clear: async () => [await keyv.clear(), await keyv.get('one')]
})
