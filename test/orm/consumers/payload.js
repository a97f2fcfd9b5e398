'use strict'

const { FILE, refused, report } = require('./report')

let payload
const emails = async () => (await payload.find({ collection: 'people', sort: 'email' })).docs.map(({ email }) => email)

report({
  async create () {
    const { buildConfig, getPayload } = await import('payload')
    const { sqliteAdapter } = await import('@payloadcms/db-sqlite')
    const fields = [
      { name: 'email', type: 'text', unique: true, required: true }, { name: 'height', type: 'number' },
      { name: 'tags', type: 'json' }, { name: 'born', type: 'date' }, { name: 'active', type: 'checkbox' },
      { name: 'posts', type: 'array', fields: [{ name: 'title', type: 'text' }] }
    ]
    const config = buildConfig({
      secret: 'a secret',
      collections: [{ slug: 'people', fields }],
      typescript: { autoGenerate: false },
      telemetry: false,
      db: sqliteAdapter({ client: { url: `file:${FILE}` }, push: true, transactionOptions: {} })
    })
    payload = await getPayload({ config })
  },
  async insert () {
    const { id, email, posts } = await payload.create({ collection: 'people', data: { email: 'ada', posts: [{ title: 'one' }] } })
    await payload.create({ collection: 'people', data: { email: 'bob' } })
    return { id, email, posts: posts.map(({ title }) => title) }
  },
  read: emails,
  async update () {
    const { height, tags, active } = await payload.update({ collection: 'people', id: 2, data: { height: 1.5, tags: { a: [1] }, active: true } })
    return { height, tags, active }
  },
  async transaction () {
    const transactionID = await payload.db.beginTransaction()
    await payload.create({ collection: 'people', data: { email: 'cy' }, req: { transactionID } })
    await payload.db.commitTransaction(transactionID)
    return await emails()
  },
  async rollback () {
    const transactionID = await payload.db.beginTransaction()
    await payload.create({ collection: 'people', data: { email: 'dee' }, req: { transactionID } })
    await payload.db.rollbackTransaction(transactionID)
    return await emails()
  },
  constraint: () => refused(() => payload.create({ collection: 'people', data: { email: 'ada' } })),
  delete: async () => (await payload.delete({ collection: 'people', where: { email: { equals: 'ada' } } })).docs.length
})
