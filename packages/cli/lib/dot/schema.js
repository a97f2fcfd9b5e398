'use strict'

// Commands that show what is in a database.

const { literal, quoteName } = require('../output/values')
const { createText, inColumns } = require('./names')
const { options } = require('./usage')

async function all ({ db, signal }, sql, ...values) {
  return await (await db.prepare(sql)).raw().all(...values, { signal })
}

// Names of the databases of a connection: main, temp, and what is attached. On a server there is
// one.
async function databases (session) {
  if (session.target.kind === 'server' || session.target.kind === 'replica') return [[0n, 'main', session.name]]
  return await all(session, 'PRAGMA database_list')
}

async function schemaSql (session, columns, where) {
  const list = await databases(session)
  const parts = list.map(([, name]) => {
    const schema = quoteName(name)
    return `SELECT ${columns(name)} FROM ${name === 'main' ? '' : `${schema}.`}sqlite_schema WHERE ${where}`
  })
  return parts.join(' UNION ALL ')
}

async function tables (session, [pattern = '%']) {
  const columns = (name) => name === 'main' ? 'name' : `${literal(`${name}.`)} || name`
  const sql = await schemaSql(session, columns, "type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name LIKE ?")
  await names(session, sql, pattern)
}

async function indexes (session, [table = '%']) {
  const columns = (name) => name === 'main' ? 'name' : `${literal(`${name}.`)} || name`
  await names(session, await schemaSql(session, columns, "type = 'index' AND tbl_name LIKE ?"), table)
}

async function names (session, sql, pattern) {
  const count = sql.split('?').length - 1
  const rows = await all(session, `${sql} ORDER BY 1`, Array(count).fill(pattern))
  session.output.write(inColumns(rows.map(([name]) => name), 80))
}

async function schema (session, args) {
  const [{ indent, nosys }, [pattern]] = options(args, { indent: false, nosys: false }, '.schema')
  const [where, what] = pattern === undefined ? ['true', []] : ['lower(tbl_name) LIKE lower(?)', [pattern]]
  const hidden = nosys ? "name NOT LIKE 'sqlite\\_%' ESCAPE '\\'" : 'true'
  for (const [, name] of await databases(session)) {
    const prefix = name === 'main' ? '' : `${quoteName(name)}.`
    const rows = await all(session, `SELECT sql, name FROM ${prefix}sqlite_schema WHERE sql IS NOT NULL AND ${where} AND ${hidden}
      ORDER BY rowid`, ...what)
    for (const [sql, own] of rows) {
      const text = indent ? pretty(createText(sql)) : createText(sql)
      session.output.write(`${text}${await shape(session, sql, own)};\n`)
    }
  }
}

// The columns of what does not list them itself.
async function shape (session, sql, name) {
  if (!/^CREATE\s+(TEMP\s+|TEMPORARY\s+)?(VIEW|VIRTUAL)\b/i.test(sql)) return ''
  const info = await all(session, `PRAGMA table_info(${literal(name)})`).catch(() => [])
  if (info.length === 0) return ''
  return `\n/* ${quoteName(name)}(${info.map(([, column]) => quoteName(column)).join(',')}) */`
}

// One column of a table a line.
function pretty (sql) {
  if (!/^CREATE TABLE/i.test(sql) || sql.includes('--')) return sql
  const { tokens } = require('../sql/tokens')
  let depth = 0
  let text = ''
  for (const { text: token } of tokens(sql.replace(/\s+/g, ' '))) {
    if (token === '(') depth++
    if (token === ')' && --depth === 0) text = `${text.trimEnd()}\n`
    text += token
    if (depth === 1 && (token === '(' || token === ',')) text += '\n  '
  }
  return text.replace(/\n +(?=\S)/g, '\n  ').replace(/\n +\n/g, '\n')
}

async function listDatabases (session) {
  for (const [, name, file] of await databases(session)) {
    session.output.write(`${name}: ${file || '""'}${access(session)}\n`)
  }
}

function access ({ target: { kind, db } }) {
  if (kind === 'server') return ' (server)'
  if (kind === 'replica') return ' (replica)'
  return db.readonly ? ' r/o' : ' r/w'
}

module.exports = [
  { name: 'databases', args: '', help: 'List names and files of attached databases', run: listDatabases },
  { name: 'indexes', args: '?TABLE?', help: 'Show names of indexes', run: indexes },
  { name: 'schema', args: '?--indent? ?--nosys? ?PATTERN?', help: 'Show the CREATE statements matching PATTERN', run: schema },
  { name: 'tables', args: '?TABLE?', help: 'List names of tables matching LIKE pattern TABLE', run: tables }
]
