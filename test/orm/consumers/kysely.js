'use strict'

const Database = require('better-sqlite3')
const { Kysely, SqliteDialect, sql } = require('kysely')
const { FILE, collect, refused, report } = require('./report')

const db = new Kysely({ dialect: new SqliteDialect({ database: new Database(FILE) }) })
const users = () => db.selectFrom('user').selectAll().orderBy('id')

report({
  async create () {
    await db.schema.createTable('user')
      .addColumn('id', 'integer', (column) => column.primaryKey().autoIncrement())
      .addColumn('email', 'text', (column) => column.unique().notNull())
      .addColumn('height', 'real').addColumn('picture', 'blob').execute()
    return await db.introspection.getTables()
  },
  insert: () => db.insertInto('user').values([{ email: 'ada' }, { email: 'bob' }]).executeTakeFirst(),
  read: () => users().where('email', 'like', 'a%').execute(),
  update: () => db.updateTable('user').set({ height: 1.5 }).where('email', '=', 'bob').executeTakeFirst(),
  upsert: () => db.insertInto('user').values({ email: 'bob' }).onConflict((on) => on.column('email').doUpdateSet({ height: 2 })).returningAll().execute(),
  delete: () => db.deleteFrom('user').where('email', '=', 'nobody').executeTakeFirst(),
  transaction: () => db.transaction().execute(async (trx) => {
    await trx.insertInto('user').values({ email: 'cy' }).execute()
    return await trx.selectFrom('user').select('email').execute()
  }),
  async rollback () {
    const failed = await refused(() => db.transaction().execute(async (trx) => {
      await trx.insertInto('user').values({ email: 'dee' }).execute()
      throw new Error('no')
    }))
    return [failed, await db.selectFrom('user').select('email').execute()]
  },
  constraint: () => refused(() => db.insertInto('user').values({ email: 'ada' }).execute()),
  values: async () => (await sql`SELECT ${null} AS a, ${'ü\0'} AS b, ${Buffer.from([0, 255])} AS c, ${2n ** 53n} AS d, ${1.5} AS e`.execute(db)).rows,
  iterate: () => collect(users().stream())
})
