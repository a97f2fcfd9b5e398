'use strict'

// MikroORM's driver for libsql, on Ferrolite in the place of `libsql`: on a file, on a server and
// on a replica of one.

const assert = require('node:assert/strict')
const Module = require('node:module')
const path = require('node:path')
const { pathToFileURL } = require('node:url')
const Database = require('../..')
const { makeJwt, makeJwtKey } = require('../servers/jwt')
const { startSqld, unavailable } = require('../servers/sqld')
const { cleanup, ours, tempFile } = require('../support')

const PACKAGE = pathToFileURL(path.join(__dirname, '..', '..', 'index.js')).href
const MISSING = missing()
const NO_SERVER = MISSING ?? unavailable() ?? false

const PLACES = {
  'a file': { skip: MISSING ?? false, place: async (t) => [tempFile(t)] },
  'a server': { skip: NO_SERVER, place: async (t) => [(await startSqld(t)).url] },
  'a replica': {
    skip: NO_SERVER,
    place: async (t) => [tempFile(t), { driverOptions: { syncUrl: (await startSqld(t)).url } }]
  }
}

// Why MikroORM does not run here, or null.
function missing () {
  const [major, minor] = process.versions.node.split('.').map(Number)
  if (major < 22 || (major === 22 && minor < 17)) return 'MikroORM 7 needs Node.js 22.17'
  try {
    // eslint-disable-next-line no-new-func -- finds out whether it may
    return Function('return null')()
  } catch {
    return 'MikroORM compiles functions, which this process does not allow'
  }
}

// It is an ES module: what it imports goes past Module._resolveFilename.
async function load () {
  const resolve = (request, context, next) => {
    return request === 'libsql' ? { url: PACKAGE, shortCircuit: true } : next(request, context)
  }
  const hooks = Module.registerHooks({ resolve })
  try {
    return { ...await import('@mikro-orm/core'), ...await import('@mikro-orm/libsql') }
  } finally {
    hooks.deregister()
  }
}

// An ORM of authors and their books, with their tables.
async function open (t, dbName, options) {
  const mikro = await load()
  const id = { type: 'number', primary: true }
  const Author = new mikro.EntitySchema({
    name: 'Author',
    properties: {
      id,
      email: { type: 'string', unique: true },
      born: { type: 'Date', nullable: true },
      photo: { type: 'blob', nullable: true },
      settings: { type: 'json', nullable: true },
      balance: { type: 'bigint', nullable: true },
      books: { kind: '1:m', entity: () => 'Book', mappedBy: 'author' }
    }
  })
  const Book = new mikro.EntitySchema({
    name: 'Book',
    properties: { id, title: { type: 'string' }, author: { kind: 'm:1', entity: () => 'Author' } }
  })
  const orm = await mikro.MikroORM.init({ dbName, entities: [Author, Book], ...options })
  cleanup(t, () => orm.close())
  await orm.schema.create()
  return { Author, Book, mikro, orm }
}

function emails (orm, Author) {
  const found = orm.em.fork().find(Author, {}, { orderBy: { id: 'asc' } })
  return found.then((authors) => authors.map(({ email }) => email))
}

for (const [name, { skip, place }] of Object.entries(PLACES)) {
  ours(`MikroORM makes a schema, writes, finds, updates and removes on ${name}`, { skip }, async (t) => {
    const { Author, Book, orm } = await open(t, ...await place(t))
    const native = await orm.em.getConnection().getNativeClient()
    assert.ok(native instanceof Database)
    if (name === 'a replica') assert.ok(native.sync().frame_no > 0)
    // What it reads back of its schema is what it made.
    assert.equal(await orm.schema.getUpdateSchemaSQL(), '')
    const values = {
      email: 'ada@example.com',
      born: new Date(-4865443200000),
      photo: Buffer.from([0, 1, 255]),
      settings: { theme: ['dark', null] },
      balance: 9007199254740991n
    }
    const em = orm.em.fork()
    const ada = em.create(Author, values)
    em.create(Book, { title: 'Notes', author: ada })
    em.create(Book, { title: 'Letters', author: ada })
    await em.flush()
    assert.equal(ada.id, 1)

    const populate = { populate: ['books'], orderBy: { books: { title: 'asc' } } }
    const later = orm.em.fork()
    const found = await later.findOneOrFail(Author, { email: 'ada@example.com' }, populate)
    assert.deepEqual(found.books.getItems().map(({ title }) => title), ['Letters', 'Notes'])
    const { id, books, ...columns } = found
    assert.deepEqual(columns, values)

    found.settings = null
    later.remove(found.books[0])
    await later.flush()
    assert.equal(await orm.em.fork().nativeUpdate(Book, { title: 'Notes' }, { title: 'Notes G' }), 1)
    const [row] = await orm.em.fork().getConnection().execute(
      'SELECT count(*) AS books, min(title) AS title, settings FROM book JOIN author ON author.id = ?', [1])
    assert.deepEqual({ ...row }, { books: 1, title: 'Notes G', settings: null })
    const streamed = []
    for await (const { title } of orm.em.fork().stream(Book)) streamed.push(title)
    assert.deepEqual(streamed, ['Notes G'])
  })

  ours(`MikroORM commits and rolls back on ${name}`, { skip }, async (t) => {
    const { Author, orm } = await open(t, ...await place(t))
    const failure = new Error('own')
    await orm.em.fork().transactional(async (em) => { em.create(Author, { email: 'kept' }) })
    await assert.rejects(orm.em.fork().transactional(async (em) => {
      em.create(Author, { email: 'dropped' })
      await em.flush()
      assert.equal(await em.count(Author), 2)
      throw failure
    }), failure)
    await orm.em.fork().transactional(async (em) => {
      em.create(Author, { email: 'outer' })
      await em.flush()
      await assert.rejects(em.transactional(async (inner) => {
        inner.create(Author, { email: 'inner' })
        await inner.flush()
        throw failure
      }), failure)
    })
    assert.deepEqual(await emails(orm, Author), ['kept', 'outer'])
  })

  ours(`MikroORM's transactions that are made together stay apart on ${name}`, { skip }, async (t) => {
    const { Author, orm } = await open(t, ...await place(t))
    const names = Array.from({ length: 20 }, (_, i) => `author ${i}`)
    const ids = await Promise.all(names.map((email) => orm.em.fork().transactional(async (em) => {
      const author = em.create(Author, { email })
      await em.flush()
      return author.id
    })))
    assert.deepEqual(ids, names.map((_, i) => i + 1))
    assert.deepEqual(await emails(orm, Author), names)
  })

  ours(`MikroORM knows the errors of ${name}`, { skip }, async (t) => {
    const { Author, Book, mikro, orm } = await open(t, ...await place(t))
    await orm.em.fork().insert(Author, { email: 'ada' })
    const connection = orm.em.getConnection()
    const driver = orm.em.getDriver()
    const cases = [
      ['UniqueConstraintViolationException', 'SQLITE_CONSTRAINT_UNIQUE', (em) => {
        em.create(Author, { email: 'before it' })
        em.create(Author, { email: 'ada' })
        return em.flush()
      }],
      ['ForeignKeyConstraintViolationException', 'SQLITE_CONSTRAINT_FOREIGNKEY', (em) => {
        return em.insert(Book, { title: 'of nobody', author: 9 })
      }],
      ['NotNullConstraintViolationException', 'SQLITE_CONSTRAINT_NOTNULL', (em) => {
        return em.insert(Book, { author: 1 })
      }],
      ['TableNotFoundException', 'SQLITE_ERROR', () => {
        return connection.execute('SELECT * FROM nowhere').catch((error) => { throw driver.convertException(error) })
      }]
    ]
    for (const [type, code, call] of cases) {
      await assert.rejects(call(orm.em.fork()), (error) => {
        assert.ok(error instanceof mikro[type], error.stack)
        assert.equal(error.code, code)
        return true
      })
    }
    assert.deepEqual(await emails(orm, Author), ['ada'])
  })
}

ours("MikroORM's password is the token of a server", { skip: NO_SERVER }, async (t) => {
  const key = makeJwtKey()
  const { url } = await startSqld(t, { jwtKey: key.publicKey })
  const { Author, orm } = await open(t, url, { password: makeJwt(key, { expiresIn: 60 }) })
  await orm.em.fork().insert(Author, { email: 'ada' })
  assert.deepEqual(await emails(orm, Author), ['ada'])
  const wrong = makeJwt(makeJwtKey(), { expiresIn: 60 })
  await assert.rejects(open(t, url, { password: wrong }), { code: 'REMOTE_AUTH', status: 401 })
})

ours('MikroORM replaces its connection to a server after 10 s', { skip: NO_SERVER }, async (t) => {
  const { url } = await startSqld(t)
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() })
  const { Author, orm } = await open(t, url)
  await orm.em.fork().insert(Author, { email: 'ada' })
  const first = await orm.em.getConnection().getNativeClient()
  await orm.em.fork().transactional(async (em) => {
    em.create(Author, { email: 'bob' })
    await em.flush()
    t.mock.timers.tick(10001)
    assert.equal(await em.count(Author), 2)
  })
  assert.deepEqual(await emails(orm, Author), ['ada', 'bob'])
  assert.equal(first.open, false)
  assert.equal((await orm.em.getConnection().getNativeClient()).open, true)
})
