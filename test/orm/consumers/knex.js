'use strict'

const knex = require('knex')
const { FILE, collect, refused, report } = require('./report')

/** The operations of both dialects. */
module.exports = (client) => {
  const db = knex({ client, connection: { filename: FILE }, useNullAsDefault: true })
  const emails = () => db('user').orderBy('id').pluck('email')
  return report({
    async create () {
      await db.schema.createTable('user', (table) => {
        table.increments('id')
        table.string('email').unique().notNullable()
        table.float('height')
        table.binary('picture')
        table.json('tags')
        table.dateTime('born')
        table.boolean('active')
      })
      return [await db.schema.hasTable('user'), await db.schema.hasColumn('user', 'height'), await db('user').columnInfo()]
    },
    insert: () => db('user').insert([{ email: 'ada' }, { email: 'bob' }]),
    read: () => db('user').where('email', 'like', 'a%').first(),
    update: () => db('user').where({ email: 'bob' }).update({ height: 1.5 }),
    upsert: () => db('user').insert({ email: 'bob', height: 2 }).onConflict('email').merge().returning('*'),
    delete: () => db('user').where({ email: 'nobody' }).delete(),
    transaction: () => db.transaction(async (trx) => {
      await trx('user').insert({ email: 'cy' })
      await trx.transaction((inner) => inner('user').insert({ email: 'nested' }))
      return await trx('user').pluck('email')
    }),
    async rollback () {
      const failed = await refused(() => db.transaction(async (trx) => {
        await trx('user').insert({ email: 'dee' })
        throw new Error('no')
      }))
      return [failed, await emails()]
    },
    constraint: () => refused(() => db('user').insert({ email: 'ada' })),
    async values () {
      await db('user').insert({ email: 'eve', picture: Buffer.from([0, 255]), tags: JSON.stringify([1]), born: new Date(1e12), active: true })
      return [await db('user').where({ email: 'eve' }), await db.raw('SELECT ? AS a, ? AS b', [null, 'ü'])]
    },
    iterate: () => collect(db('user').select('email').stream()),
    async alter () {
      await db.schema.alterTable('user', (table) => table.dropColumn('tags'))
      return await db('user').columnInfo('tags')
    }
  })
}
