'use strict'

// A database as SQL that makes it anew, as .dump of sqlite3 writes it.

const { createText } = require('./dot/names')
const { CliError } = require('./errors')
const { lineLiteral, literal, quoteName } = require('./output/values')

const PAGE = 1000 // rows of a request to a server
const TOO_LARGE = 'RESPONSE_TOO_LARGE'

/**
 * Writes the dump of `db` by `write(text)`, which may return a promise. `patterns` of LIKE choose
 * tables; `isRemote` reads page by page; `signal`, `schemaOnly`, `dataOnly`.
 */
async function dump (db, write, options) {
  const { patterns = [], signal, dataOnly } = options
  const begin = !db.inTransaction
  // One transaction, so that all tables are of one moment.
  if (begin) await db.exec('BEGIN', { signal })
  try {
    await write('PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\n')
    const state = await dumpTables(db, write, { ...options, patterns })
    if (!dataOnly) await dumpRest(db, write, patterns, signal)
    if (state.isOpen) await write('PRAGMA writable_schema=OFF;\n')
    await write(state.isDamaged ? 'ROLLBACK; -- due to errors\n' : 'COMMIT;\n')
    if (state.isDamaged) throw new CliError('the database is damaged: the dump has what could be read, and ends with ROLLBACK')
  } finally {
    if (begin && db.inTransaction) await db.exec('ROLLBACK')
  }
}

const matching = (patterns, column) => {
  return patterns.length === 0 ? 'true' : `(${patterns.map(() => `${column} LIKE ?`).join(' OR ')})`
}

async function rowsOf (db, sql, values, signal) {
  return await (await db.prepare(sql)).raw().all(values, { signal })
}

async function dumpTables (db, write, options) {
  const { patterns, signal, schemaOnly, dataOnly } = options
  const list = await rowsOf(db, `SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND sql IS NOT NULL
    AND ${matching(patterns, 'tbl_name')} ORDER BY tbl_name = 'sqlite_sequence', rowid`, patterns, signal)
  const state = { isOpen: false, isDamaged: false }
  for (const [name, sql] of list) {
    if (name === 'sqlite_sequence') {
      if (!dataOnly) await write('DELETE FROM sqlite_sequence;\n')
    } else if (/^sqlite_stat\d$/.test(name)) {
      if (!dataOnly) await write('ANALYZE sqlite_schema;\n')
    } else if (name.startsWith('sqlite_')) {
      continue
    } else if (/^CREATE VIRTUAL TABLE/i.test(sql)) {
      if (dataOnly) continue
      if (!state.isOpen) await write('PRAGMA writable_schema=ON;\n')
      state.isOpen = true
      await write(`INSERT INTO sqlite_schema(type,name,tbl_name,rootpage,sql)VALUES('table',${literal(name)},${literal(name)},0,${literal(sql)});\n`)
      continue
    } else if (!dataOnly) await write(`${createText(sql)};\n`)
    if (schemaOnly) continue
    const isWhole = await dumpRows(db, name, write, options)
    state.isDamaged ||= !isWhole
  }
  return state
}

async function dumpRest (db, write, patterns, signal) {
  const list = await rowsOf(db, `SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL
    AND type IN ('index', 'trigger', 'view') AND ${matching(patterns, 'tbl_name')} ORDER BY rowid`, patterns, signal)
  for (const [sql] of list) await write(`${sql};\n`)
}

/** Columns of a table that are stored, and the name of its rowid, or null. */
async function columnsOf (db, table, signal) {
  const info = await rowsOf(db, `PRAGMA table_xinfo(${literal(table)})`, [], signal)
  // Generated columns cannot be inserted.
  const columns = info.filter((row) => Number(row.at(-1)) === 0).map(([, name]) => name)
  const lower = new Set(info.map(([, name]) => name.toLowerCase()))
  const rowid = ['rowid', '_rowid_', 'oid'].find((name) => !lower.has(name))
  return { columns, rowid: rowid && await hasRowid(db, table, rowid, signal) ? rowid : null }
}

async function hasRowid (db, table, rowid, signal) {
  try {
    await db.prepare(`SELECT ${rowid} FROM ${quoteName(table)} LIMIT 0`, { signal })
    return true
  } catch (error) {
    if (signal?.aborted) throw error
    return false
  }
}

/** All rows of a table, as arrays of the columns; from a server page by page. */
async function * tableRows (db, table, { columns, rowid }, { isRemote, signal }) {
  const list = columns.map(quoteName).join(', ')
  const from = `FROM ${quoteName(table)}`
  if (!isRemote) {
    yield * (await db.prepare(`SELECT ${list} ${from}`)).raw().iterate({ signal })
    return
  }
  let size = PAGE
  let last = null
  for (let read = 0; ;) {
    const [sql, values] = rowid === null
      ? [`SELECT ${list} ${from} LIMIT ? OFFSET ?`, [size, read]]
      : [`SELECT ${list}, ${rowid} ${from} ${last === null ? '' : `WHERE ${rowid} > ?`} ORDER BY ${rowid} LIMIT ?`, last === null ? [size] : [last, size]]
    let rows
    try {
      rows = await rowsOf(db, sql, values, signal)
    } catch (error) {
      if (error.code !== TOO_LARGE || size === 1) throw error
      size = Math.ceil(size / 8)
      continue
    }
    if (rows.length === 0) return
    read += rows.length
    if (rowid !== null) last = rows.at(-1).at(-1)
    yield * rowid === null ? rows : rows.map((row) => row.slice(0, -1))
    if (rows.length < size) return
  }
}

// Returns false for a table that is damaged: what can be read is written, as sqlite3 does it.
async function dumpRows (db, table, write, options) {
  const shape = await columnsOf(db, table, options.signal)
  if (shape.columns.length === 0) throw new CliError(`the columns of ${table} cannot be read`)
  const start = `INSERT INTO ${quoteName(table)} VALUES(`
  try {
    for await (const row of tableRows(db, table, shape, options)) {
      await write(`${start}${row.map(lineLiteral).join(',')});\n`)
    }
    return true
  } catch (error) {
    if (!/^SQLITE_CORRUPT/.test(error.code)) throw error
    await write(`/****** CORRUPTION ERROR *******/\n/****** ${error.message} ******/\n`)
    return false
  }
}

module.exports = { columnsOf, dump, tableRows }
