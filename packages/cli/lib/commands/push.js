'use strict'

const { CONNECTION, connection, read } = require('./arguments')
const { columnsOf, tableRows } = require('../dump')
const { CliError } = require('../errors')
const { Progress } = require('../output/progress')
const { quoteName } = require('../output/values')
const { isUrl, openTarget, shortName } = require('../target')

const HELP = `Usage: ferrolite push FILE URL [--replace] [--token TOKEN] [--namespace NAME] [--key-file FILE]

Copies a file to a database on a server, in one transaction. The database must be empty, or --replace
drops what it has. Vector tables stay behind, since servers do not have them: the command names them.
`

const ROWS = 200 // rows of a request
const BYTES = 1e6 // and bytes

async function run (args, { stdout, stderr }) {
  const { values, positionals: [file, url] } = read(args, { ...CONNECTION, replace: { type: 'boolean' } }, [2], HELP)
  if (!isUrl(url)) throw new CliError(`"${url}" is not the URL of a server`)
  const { key, keyFile, ...remote } = connection(values)
  const source = await openTarget(file, { key, keyFile, readonly: true, mustExist: true })
  try {
    const target = await openTarget(url, remote)
    try {
      return await push(source.db, target.db, { replace: values.replace, url, stderr })
    } finally {
      await target.close()
    }
  } finally {
    await source.close()
  }
}

async function push (source, target, { replace, url, stderr }) {
  const progress = new Progress(stderr)
  await source.exec('BEGIN')
  const schema = await schemaOf(source)
  const { tables, virtual, rest, left } = schema
  const total = await count(source, [...tables, ...virtual])
  let [done, bytes, batch] = [0, 0, []]
  const flush = async () => {
    if (batch.length > 0) await target.batch(batch)
    batch = []
    bytes = 0
    progress.show('Pushing', done, total)
  }
  const add = async (sql, values) => {
    batch.push(values === undefined ? sql : [sql, values])
    bytes += sql.length + (values ?? []).reduce((sum, value) => sum + (value?.length ?? 8), 0)
    if (batch.length >= ROWS || bytes > BYTES) await flush()
  }
  try {
    await target.transaction(async () => {
      await target.exec('PRAGMA defer_foreign_keys = ON')
      await clear(target, replace, url)
      for (const { sql } of [...tables, ...virtual]) await add(sql)
      for (const table of [...tables, ...virtual]) {
        done += await copyRows(source, table, add)
      }
      await sequences(source, add)
      for (const { sql } of rest) await add(sql)
      await flush()
    }).immediate()
  } finally {
    progress.end()
  }
  stderr.write(`${shortName(url)}: ${tables.length + virtual.length} tables, ${done} rows\n`)
  if (left.length > 0) stderr.write(`Left out, since servers have no vector tables: ${left.join(', ')}\n`)
  return 0
}

async function schemaOf (db) {
  const list = await (await db.prepare("SELECT type, name, tbl_name AS owner, sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY rowid")).all()
  const all = list.filter(({ type }) => type === 'table')
  const modules = all.filter(({ sql }) => /^CREATE\s+VIRTUAL\b/i.test(sql))
  const isVector = ({ sql }) => /\busing\s+diskann\b/i.test(sql)
  // What a virtual table keeps its content in, it makes itself.
  const shadow = new Set(await (await db.prepare("SELECT name FROM pragma_table_list WHERE type = 'shadow'")).pluck().all())
  return {
    tables: all.filter((table) => !modules.includes(table) && !shadow.has(table.name)),
    virtual: modules.filter((table) => !isVector(table)),
    left: modules.filter(isVector).map(({ name }) => name),
    rest: list.filter(({ type, owner }) => type !== 'table' && !shadow.has(owner))
  }
}

async function count (db, tables) {
  let sum = 0
  for (const { name } of tables) {
    sum += Number(await (await db.prepare(`SELECT count(*) FROM ${quoteName(name)}`)).pluck().get())
  }
  return sum
}

async function clear (target, replace, url) {
  const list = await (await target.prepare("SELECT type, name FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name NOT LIKE 'libsql\\_%' ESCAPE '\\' ORDER BY type DESC, sql NOT LIKE 'create virtual%'")).all()
  if (list.length === 0) return
  if (!replace) throw new CliError(`${shortName(url)} is not empty: --replace drops its ${list.length} tables and views`)
  for (const { type, name } of list) await target.exec(`DROP ${type} IF EXISTS ${quoteName(name)}`)
}

async function copyRows (source, { name, sql }, add) {
  if (/^CREATE\s+VIRTUAL\b/i.test(sql) && /\bcontent\s*=/i.test(sql)) {
    await add(`INSERT INTO ${quoteName(name)}(${quoteName(name)}) VALUES ('rebuild')`)
    return 0
  }
  const { columns, rowid } = await columnsOf(source, name)
  // The numbers of rows may be referred to, even where no column has them.
  const list = rowid === null ? columns : [...columns, rowid]
  const holes = list.map(() => '?').join(', ')
  const insert = `INSERT INTO ${quoteName(name)}(${list.map(quoteName).join(', ')}) VALUES (${holes})`
  let rows = 0
  for await (const row of tableRows(source, name, { columns: list, rowid: null }, {})) {
    await add(insert, row)
    rows++
  }
  return rows
}

async function sequences (source, add) {
  const there = await (await source.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_sequence'")).get()
  if (!there) return
  for (const row of await (await source.prepare('SELECT seq, name FROM sqlite_sequence')).raw().all()) {
    await add('UPDATE sqlite_sequence SET seq = ? WHERE name = ?', row)
  }
}

module.exports = { HELP, run }
