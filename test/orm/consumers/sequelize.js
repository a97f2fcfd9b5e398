'use strict'

const { DataTypes, Sequelize } = require('sequelize')
const { FILE, refused, report } = require('./report')

const sequelize = new Sequelize({ dialect: 'sqlite', storage: FILE, logging: false })
const User = sequelize.define('User', {
  email: { type: DataTypes.STRING, unique: true, allowNull: false },
  height: DataTypes.DOUBLE,
  picture: DataTypes.BLOB,
  tags: DataTypes.JSON,
  born: DataTypes.DATE,
  active: DataTypes.BOOLEAN
}, { timestamps: false })
const Post = sequelize.define('Post', { title: DataTypes.TEXT }, { timestamps: false })
User.hasMany(Post)
Post.belongsTo(User)
const emails = async () => (await User.findAll({ order: ['id'] })).map(({ email }) => email)

report({
  async create () {
    await sequelize.sync()
    return await sequelize.getQueryInterface().describeTable('Users')
  },
  insert: async () => (await User.bulkCreate([{ email: 'ada' }, { email: 'bob' }])).map((user) => user.toJSON()),
  async read () {
    await Post.create({ title: 'one', UserId: 1 })
    return (await User.findAll({ include: Post })).map((user) => user.toJSON())
  },
  update: () => User.update({ height: 1.5 }, { where: { email: 'bob' } }),
  upsert: async () => (await User.upsert({ email: 'bob', height: 2 }))[0].toJSON(),
  delete: () => User.destroy({ where: { email: 'nobody' } }),
  transaction: () => sequelize.transaction(async (transaction) => {
    await User.create({ email: 'cy' }, { transaction })
    return await User.count({ transaction })
  }),
  async rollback () {
    const failed = await refused(() => sequelize.transaction(async (transaction) => {
      await User.create({ email: 'dee' }, { transaction })
      throw new Error('no')
    }))
    return [failed, await emails()]
  },
  constraint: async () => [await refused(() => User.create({ email: 'ada' })), await refused(() => Post.create({ title: 'two', UserId: 99 }))],
  async values () {
    await User.create({ email: 'eve', picture: Buffer.from([0, 255]), tags: { a: [1] }, born: new Date(1e12), active: true })
    return (await User.findOne({ where: { email: 'eve' } })).toJSON()
  },
  async alter () {
    await sequelize.getQueryInterface().removeColumn('Posts', 'title')
    return Object.keys(await sequelize.getQueryInterface().describeTable('Posts'))
  }
})
