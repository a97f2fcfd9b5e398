'use strict'

// Drizzle and Kysely search a vector table, and join it with another.

const assert = require('node:assert/strict')
const { and, eq, sql } = require('drizzle-orm')
const { drizzle } = require('drizzle-orm/better-sqlite3')
const { blob, integer, real, sqliteTable, text } = require('drizzle-orm/sqlite-core')
const Database = require('../..')
const { cleanup, ours } = require('../support')

const [major] = process.versions.node.split('.').map(Number)
const skip = major < 22 && 'Kysely 0.29 needs Node.js 22'
const vector = Float32Array.of(1, 0)

function setup (t) {
  const client = new Database(':memory:')
  cleanup(t, () => client.close())
  client.exec(`CREATE TABLE doc (id INTEGER PRIMARY KEY, title TEXT);
    INSERT INTO doc VALUES (1, 'tea'), (2, 'coffee'), (3, 'soup');
    CREATE VIRTUAL TABLE t USING diskann(dimension=2, lang TEXT)`)
  return client
}

ours('drizzle writes, searches with a filter, and joins', t => {
  const db = drizzle(setup(t))
  const doc = sqliteTable('doc', { id: integer('id').primaryKey(), title: text('title') })
  const found = sqliteTable('t', {
    rowid: integer('rowid'), vector: blob('vector', { mode: 'buffer' }), lang: text('lang'), distance: real('distance'), k: integer('k')
  })
  const bytes = numbers => Buffer.from(Float32Array.from(numbers).buffer)
  db.transaction(tx => {
    tx.run(sql`INSERT INTO t(rowid, vector, lang) VALUES (1, ${vector}, 'en'), (2, ${bytes([0.9, 0.1])}, 'de')`)
    tx.insert(found).values({ rowid: 3, vector: bytes([0, 1]), lang: 'en' }).run()
  })
  assert.throws(() => db.transaction(tx => {
    tx.delete(found).where(eq(found.rowid, 1)).run()
    tx.rollback()
  }))
  assert.deepEqual(db.all(sql`SELECT rowid, distance FROM t WHERE vector MATCH ${vector} AND k = 2 AND lang = ${'en'}`),
    [{ rowid: 1, distance: 0 }, { rowid: 3, distance: 1 }])
  const rows = db.select({ title: doc.title, distance: found.distance }).from(found)
    .innerJoin(doc, eq(doc.id, found.rowid))
    .where(and(sql`${found.vector} MATCH ${vector}`, eq(found.k, 10), eq(found.lang, 'en')))
    .orderBy(found.distance).all()
  assert.deepEqual(rows, [{ title: 'tea', distance: 0 }, { title: 'soup', distance: 1 }])
})

ours('Kysely writes, searches with a filter, and joins', { skip }, async t => {
  const { Kysely, SqliteDialect } = await import('kysely')
  const db = new Kysely({ dialect: new SqliteDialect({ database: setup(t) }) })
  cleanup(t, () => db.destroy())
  await db.insertInto('t').values([
    { rowid: 1, vector, lang: 'en' },
    { rowid: 2, vector: Float32Array.of(0.9, 0.1), lang: 'de' },
    { rowid: 3, vector: '[0, 1]', lang: 'en' }
  ]).execute()
  const nearest = db.selectFrom('t').where('vector', 'match', vector).where('k', '=', 2).where('lang', '=', 'en')
  assert.deepEqual(await nearest.select(['t.rowid', 'distance']).execute(), [{ rowid: 1, distance: 0 }, { rowid: 3, distance: 1 }])
  const rows = await nearest.innerJoin('doc', 'doc.id', 't.rowid').select(['title', 'distance']).orderBy('distance').execute()
  assert.deepEqual(rows, [{ title: 'tea', distance: 0 }, { title: 'soup', distance: 1 }])
})
