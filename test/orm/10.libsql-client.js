'use strict'

// @libsql/client and drizzle's driver for it, on Ferrolite in the place of `libsql`.

const assert = require('node:assert/strict')
const fs = require('node:fs')
const Module = require('node:module')
const path = require('node:path')
const { startSqld, unavailable } = require('../servers/sqld')
const { cleanup, ours, tempFile } = require('../support')

const resolve = Module._resolveFilename
Module._resolveFilename = function (request, ...rest) {
  return request === 'libsql' ? path.join(__dirname, '..', '..', 'index.js') : resolve.call(this, request, ...rest)
}
const { createClient } = require('@libsql/client')
const { drizzle } = require('drizzle-orm/libsql')
const { eq } = require('drizzle-orm')
const { integer, sqliteTable, text } = require('drizzle-orm/sqlite-core')

const PLACES = {
  file: async t => ({ url: `file:${tempFile(t)}` }),
  memory: async () => ({ url: ':memory:' }),
  replica: async t => ({ url: `file:${tempFile(t)}`, syncUrl: (await startSqld(t)).url })
}

for (const [name, place] of Object.entries(PLACES)) {
  const skip = name === 'replica' && (unavailable() ?? false)

  async function open (t) {
    const client = createClient(await place(t))
    cleanup(t, () => client.close())
    return client
  }

  ours(`@libsql/client executes, batches and holds transactions, ${name}`, { skip }, async t => {
    const client = await open(t)
    await client.execute('CREATE TABLE t (a INTEGER PRIMARY KEY, b)')
    assert.equal(fs.existsSync('file::memory:'), false)
    const inserted = await client.execute({ sql: 'INSERT INTO t (b) VALUES (?) RETURNING a', args: ['x'] })
    assert.deepEqual([inserted.columns, inserted.columnTypes, [...inserted.rows]], [['a'], ['INTEGER'], [{ a: 1 }]])
    const found = await client.execute({ sql: 'SELECT * FROM t WHERE b = :b', args: { b: 'x' } })
    assert.deepEqual([...found.rows], [{ a: 1, b: 'x' }])
    const results = await client.batch(['SELECT 1', { sql: 'INSERT INTO t (b) VALUES (@b)', args: { b: 'y' } }], 'write')
    assert.deepEqual(results.map(({ rows, rowsAffected, lastInsertRowid }) => {
      return [rows.length, rowsAffected, lastInsertRowid]
    }), [[1, 0, undefined], [0, 1, 2n]])
    await assert.rejects(client.batch(["INSERT INTO t (b) VALUES ('no')", 'nonsense'], 'write'), { code: 'SQLITE_ERROR' })
    for (const end of ['rollback', 'commit']) {
      const transaction = await client.transaction('write')
      await transaction.execute({ sql: 'INSERT INTO t (b) VALUES (?)', args: [end] })
      await transaction[end]()
    }
    await client.executeMultiple("INSERT INTO t (b) VALUES ('m'); INSERT INTO t (b) VALUES (x'00ff')")
    const all = await client.execute('SELECT b FROM t ORDER BY a')
    const blob = all.rows.pop().b
    assert.deepEqual(all.rows.map(row => row.b), ['x', 'y', 'commit', 'm'])
    assert.deepEqual(new Uint8Array(blob), new Uint8Array([0, 255]))
    assert.equal(blob.byteLength, 2)
    await assert.rejects(client.execute('INSERT INTO t (a) VALUES (1)'), {
      // A server does not tell a primary key from other unique constraints.
      code: 'SQLITE_CONSTRAINT', rawCode: name === 'replica' ? 2067 : 1555, message: /UNIQUE constraint failed: t\.a/
    })
  })

  ours(`drizzle reads, writes and holds transactions, ${name}`, { skip }, async t => {
    const client = await open(t)
    await client.execute('CREATE TABLE user (id INTEGER PRIMARY KEY, name TEXT NOT NULL)')
    const user = sqliteTable('user', { id: integer('id').primaryKey(), name: text('name').notNull() })
    const db = drizzle(client)
    assert.deepEqual(await db.insert(user).values([{ name: 'Ada' }, { name: 'Bob' }]).returning(),
      [{ id: 1, name: 'Ada' }, { id: 2, name: 'Bob' }])
    await db.transaction(async tx => { await tx.update(user).set({ name: 'Cyd' }).where(eq(user.id, 2)) })
    await assert.rejects(db.transaction(async tx => {
      await tx.delete(user)
      throw new Error('own')
    }), { message: 'own' })
    assert.deepEqual(await db.select().from(user).orderBy(user.id), [{ id: 1, name: 'Ada' }, { id: 2, name: 'Cyd' }])
    assert.deepEqual(await db.select({ name: user.name }).from(user).where(eq(user.name, 'Ada')), [{ name: 'Ada' }])
  })
}
