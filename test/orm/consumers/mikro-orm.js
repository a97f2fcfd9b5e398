'use strict'

const { EntitySchema } = require('@mikro-orm/core')
const { FILE, collect, refused, report } = require('./report')

const User = new EntitySchema({
  name: 'User',
  properties: {
    id: { type: 'integer', primary: true },
    email: { type: 'text', unique: true },
    height: { type: 'double', nullable: true },
    picture: { type: 'blob', nullable: true },
    tags: { type: 'json', nullable: true },
    born: { type: 'Date', nullable: true },
    active: { type: 'boolean', nullable: true },
    posts: { kind: '1:m', entity: () => Post, mappedBy: 'author' }
  }
})
const Post = new EntitySchema({
  name: 'Post',
  properties: { id: { type: 'integer', primary: true }, title: { type: 'text' }, author: { kind: 'm:1', entity: () => User } }
})

/** The operations of both drivers, given the name of the package. */
module.exports = (name) => {
  let orm
  const fork = () => orm.em.fork()
  const emails = async () => (await fork().findAll('User', { orderBy: { id: 1 } })).map(({ email }) => email)
  return report({
    async create () {
      const { MikroORM } = await import(name)
      orm = await MikroORM.init({ dbName: FILE, entities: [User, Post], debug: false })
      await orm.schema.create()
      return await orm.schema.getUpdateSchemaSQL()
    },
    async insert () {
      const em = fork()
      const user = em.create('User', { email: 'ada' })
      em.create('User', { email: 'bob' })
      em.create('Post', { title: 'one', author: user })
      await em.flush()
      return user.id
    },
    read: async () => JSON.parse(JSON.stringify(await fork().find('User', {}, { populate: ['posts'] }))),
    update: () => fork().nativeUpdate('User', { email: 'bob' }, { height: 1.5 }),
    upsert: async () => (await fork().upsert('User', { email: 'bob', height: 2 })).height,
    delete: () => fork().nativeDelete('User', { email: 'nobody' }),
    transaction: () => fork().transactional(async (em) => {
      em.create('User', { email: 'cy' })
      await em.flush()
      await em.transactional(async (inner) => { inner.create('User', { email: 'nested' }) })
      return await em.count('User')
    }),
    async rollback () {
      const failed = await refused(() => fork().transactional(async (em) => {
        em.create('User', { email: 'dee' })
        await em.flush()
        throw new Error('no')
      }))
      return [failed, await emails()]
    },
    constraint: () => refused(() => fork().insert('User', { email: 'ada' })),
    async values () {
      await fork().insert('User', { email: 'eve', picture: Buffer.from([0, 255]), tags: { a: [1] }, born: new Date(1e12), active: true })
      const { picture, tags, born, active } = await fork().findOne('User', { email: 'eve' })
      return { picture: Buffer.from(picture), tags, born, active }
    },
    iterate: async () => (await collect(fork().stream('User', { fields: ['email'] }))).map(({ email }) => email)
  })
}
