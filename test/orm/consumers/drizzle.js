'use strict'

const { eq, sql } = require('drizzle-orm')
const { blob, integer, real, sqliteTable, text } = require('drizzle-orm/sqlite-core')
const { FILE, refused } = require('./report')

const user = sqliteTable('user', {
  id: integer('id').primaryKey({ autoIncrement: true }),
  email: text('email').notNull().unique(),
  height: real('height'),
  active: integer('active', { mode: 'boolean' }),
  born: integer('born', { mode: 'timestamp_ms' }),
  tags: text('tags', { mode: 'json' }),
  picture: blob('picture', { mode: 'buffer' }),
  big: blob('big', { mode: 'bigint' })
})
const post = sqliteTable('post', {
  id: integer('id').primaryKey(),
  author: integer('author').notNull().references(() => user.id),
  title: text('title')
})

/** The operations of both drivers; `open` gives a database of drizzle. */
module.exports = (open) => {
  let db
  return {
    async create () {
      db = await open(FILE, { user, post })
      await db.run(sql`CREATE TABLE user (id INTEGER PRIMARY KEY AUTOINCREMENT, email TEXT NOT NULL UNIQUE, height REAL,
        active INTEGER, born INTEGER, tags TEXT, picture BLOB, big BLOB)`)
      await db.run(sql`CREATE TABLE post (id INTEGER PRIMARY KEY, author INTEGER NOT NULL REFERENCES user, title TEXT)`)
    },
    insert: () => db.insert(user).values([{ email: 'ada' }, { email: 'bob', height: 1.5 }]).returning(),
    async read () {
      await db.insert(post).values({ author: 1, title: 'one' })
      return [await db.select().from(user).leftJoin(post, eq(post.author, user.id)), await db.all(sql`SELECT 1 AS a`), await db.values(sql`SELECT 1, 'b'`)]
    },
    update: () => db.update(user).set({ height: 2 }).where(eq(user.email, 'bob')).returning({ height: user.height }),
    async upsert () {
      return await db.insert(user).values({ email: 'bob' }).onConflictDoUpdate({ target: user.email, set: { height: 3 } }).returning()
    },
    async delete () {
      await db.delete(post)
      return (await db.select({ n: sql`count(*)` }).from(post)).at(0)
    },
    transaction: () => db.transaction((tx) => {
      const done = tx.insert(user).values({ email: 'cy' })
      return typeof db.$client.execute === 'function' ? done.then(() => tx.select().from(user)) : (done.run(), tx.select().from(user).all())
    }),
    async rollback () {
      const failed = await refused(async () => await db.transaction((tx) => {
        const done = tx.insert(user).values({ email: 'dee' })
        if (typeof db.$client.execute !== 'function') done.run()
        const fail = () => { throw new Error('no') }
        return typeof db.$client.execute === 'function' ? done.then(fail) : fail()
      }))
      return [failed, await db.select({ email: user.email }).from(user)]
    },
    async constraint () {
      return [await refused(async () => await db.insert(user).values({ email: 'ada' })), await refused(async () => await db.insert(post).values({ author: 99 }))]
    },
    async values () {
      const row = { email: 'eve', active: true, born: new Date(1e12), tags: [{ a: 1 }], picture: Buffer.from([0, 255]), big: 2n ** 70n }
      return await db.insert(user).values(row).returning()
    },
    relations: async () => await db.query.user.findMany({ columns: { email: true }, limit: 2 })
  }
}
