'use strict'

const { PrismaClient } = require('./client')
const { FILE, refused, report } = require('./report')

/** The operations of both adapters, and the largest integer that each can read. */
module.exports = (adapter, big) => {
  const db = new PrismaClient({ adapter: adapter({ url: `file:${FILE}` }) })
  const emails = async () => (await db.user.findMany({ orderBy: { id: 'asc' } })).map(({ email }) => email)
  return report({
    create: async () => [
      await db.$executeRaw`CREATE TABLE User (id INTEGER PRIMARY KEY AUTOINCREMENT, email TEXT NOT NULL UNIQUE, height REAL, picture BLOB, big BIGINT, born DATETIME, active BOOLEAN, price DECIMAL, tags JSONB)`,
      await db.$executeRaw`CREATE TABLE Post (id INTEGER PRIMARY KEY, title TEXT NOT NULL, authorId INTEGER NOT NULL REFERENCES User)`
    ],
    insert: () => db.user.createMany({ data: [{ email: 'ada' }, { email: 'bob' }] }),
    async read () {
      await db.post.create({ data: { title: 'one', authorId: 1 } })
      return await db.user.findMany({ include: { posts: true } })
    },
    update: () => db.user.update({ where: { email: 'bob' }, data: { height: 1.5 } }),
    upsert: () => db.user.upsert({ where: { email: 'bob' }, create: { email: 'bob' }, update: { height: 2 } }),
    delete: () => db.user.deleteMany({ where: { email: 'nobody' } }),
    transaction: () => db.$transaction(async (tx) => {
      await tx.user.create({ data: { email: 'cy' } })
      return await tx.user.count()
    }),
    async rollback () {
      const failed = await refused(() => db.$transaction(async (tx) => {
        await tx.user.create({ data: { email: 'dee' } })
        throw new Error('no')
      }))
      return [failed, await emails()]
    },
    constraint: async () => [
      await refused(() => db.user.create({ data: { email: 'ada' } })), await refused(() => db.post.create({ data: { title: 'two', authorId: 99 } })),
      await refused(() => db.$queryRaw`SELECT no`)
    ],
    async values () {
      await db.user.create({
        data: { email: 'eve', picture: Buffer.from([0, 255]), big, born: new Date(1e12), active: true, price: '1.25', tags: { a: [1] } }
      })
      const { price, ...row } = await db.user.findUnique({ where: { email: 'eve' } })
      return [row, String(price), await db.$queryRaw`SELECT picture, big, born, active, typeof(picture) AS type FROM User WHERE email = 'eve'`]
    }
  })
}
