'use strict'

const { DataSource, EntitySchema } = require('typeorm')
const { FILE, refused, report } = require('./report')

const User = new EntitySchema({
  name: 'User',
  columns: {
    id: { type: Number, primary: true, generated: true },
    email: { type: 'text', unique: true },
    height: { type: 'real', nullable: true },
    picture: { type: 'blob', nullable: true },
    tags: { type: 'simple-json', nullable: true },
    born: { type: 'datetime', nullable: true },
    active: { type: 'boolean', nullable: true }
  },
  relations: { posts: { type: 'one-to-many', target: 'Post', inverseSide: 'author' } }
})
const Post = new EntitySchema({
  name: 'Post',
  columns: { id: { type: Number, primary: true, generated: true }, title: { type: 'text' } },
  relations: { author: { type: 'many-to-one', target: 'User', inverseSide: 'posts' } }
})
const source = new DataSource({ type: 'better-sqlite3', database: FILE, entities: [User, Post], synchronize: true })
const users = () => source.getRepository('User')

report({
  async create () {
    await source.initialize()
    return (await source.query('SELECT name FROM sqlite_master ORDER BY name')).length
  },
  insert: () => users().save([{ email: 'ada' }, { email: 'bob' }]),
  async read () {
    await source.getRepository('Post').save({ title: 'one', author: { id: 1 } })
    return await users().find({ relations: { posts: true } })
  },
  update: () => users().update({ email: 'bob' }, { height: 1.5 }),
  upsert: () => users().upsert({ email: 'bob', height: 2 }, ['email']),
  delete: () => users().delete({ email: 'nobody' }),
  transaction: () => source.transaction(async (manager) => {
    await manager.save('User', { email: 'cy' })
    await manager.transaction((inner) => inner.save('User', { email: 'nested' }))
    return await manager.count('User')
  }),
  async rollback () {
    const failed = await refused(() => source.transaction(async (manager) => {
      await manager.save('User', { email: 'dee' })
      throw new Error('no')
    }))
    return [failed, await users().count()]
  },
  constraint: () => refused(() => users().insert({ email: 'ada' })),
  async values () {
    await users().save({ email: 'eve', picture: Buffer.from([0, 255]), tags: { a: [1] }, born: new Date(1e12), active: true })
    return await users().findOneBy({ email: 'eve' })
  },
  async alter () {
    const runner = source.createQueryRunner()
    await runner.dropColumn('post', 'title')
    return (await runner.getTable('post')).columns.map(({ name }) => name)
  }
})
