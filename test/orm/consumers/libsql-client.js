'use strict'

const { createClient } = require('@libsql/client')
const { FILE, refused, report } = require('./report')

const db = createClient({ url: `file:${FILE}` })
const rows = async (sql, args = []) => {
  const set = await db.execute({ sql, args })
  const { columns, columnTypes, rowsAffected, lastInsertRowid } = set
  return { columns, columnTypes, rows: set.rows, rowsAffected, lastInsertRowid }
}

report({
  create: () => rows('CREATE TABLE user (id INTEGER PRIMARY KEY, email TEXT UNIQUE, height REAL)'),
  insert: () => rows('INSERT INTO user (email) VALUES (?), (?)', ['ada', 'bob']),
  read: () => rows('SELECT * FROM user WHERE email LIKE :like', { like: 'a%' }),
  update: () => rows('UPDATE user SET height = ?1 WHERE email = ?2', [1.5, 'bob']),
  upsert: () => rows('INSERT INTO user (email) VALUES (?) ON CONFLICT DO UPDATE SET height = 2 RETURNING *', ['bob']),
  delete: () => rows("DELETE FROM user WHERE email = 'nobody'"),
  async transaction () {
    const tx = await db.transaction('write')
    await tx.execute("INSERT INTO user (email) VALUES ('cy')")
    await tx.commit()
    return [tx.closed, await db.batch(["INSERT INTO user (email) VALUES ('dan')", 'SELECT count(*) FROM user'], 'write')]
  },
  async rollback () {
    const tx = await db.transaction('write')
    await tx.execute("INSERT INTO user (email) VALUES ('dee')")
    await tx.rollback()
    const failed = await refused(() => db.batch(["INSERT INTO user (email) VALUES ('eli')", 'no'], 'write'))
    return [failed, await rows('SELECT email FROM user')]
  },
  constraint: () => refused(() => db.execute("INSERT INTO user (email) VALUES ('ada')")),
  async values () {
    const args = [null, 'ü\0', new Uint8Array([0, 255]), 2n ** 53n, 1.5, true, new Date(1e12)]
    const bigs = createClient({ url: `file:${FILE}`, intMode: 'bigint' })
    return [await refused(() => rows('SELECT ?, ?, ?, ?, ?, ?, ?', args)), await rows('SELECT ?, ?, ?, 7, ?, ?, ?', args.toSpliced(3, 1)),
      await bigs.execute('SELECT 9007199254740993 AS a')]
  },
  async busy () {
    const other = createClient({ url: `file:${FILE}` })
    const tx = await db.transaction('write')
    const began = Date.now()
    const failed = await refused(() => other.execute("INSERT INTO user (email) VALUES ('late')"))
    tx.close()
    return [failed, Date.now() - began < 4000]
  }
})
