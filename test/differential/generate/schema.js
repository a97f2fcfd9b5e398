'use strict'

const { COLUMN_NAMES } = require('./literals')

const quote = (name) => `"${name.replaceAll('"', '""')}"`

const TYPES = ['INTEGER', 'TEXT', 'REAL', 'BLOB', 'NUMERIC', '', 'VARCHAR(20)', 'INT']
const STRICT_TYPES = ['INTEGER', 'TEXT', 'REAL', 'BLOB', 'ANY']
const PLAIN_NAMES = ['a', 'b', 'c', 'd', 'name', 'value', 'x', 'y']

function columnsOf (r, types) {
  const count = r.weighted([[6, r.int(1, 4)], [2, r.int(4, 8)], [1, 21]])
  const names = new Set()
  while (names.size < count) {
    const name = r.chance(0.8) ? r.pick(PLAIN_NAMES) : r.pick(COLUMN_NAMES)
    // SQLite compares names without case.
    const taken = [...names].some((other) => other.toLowerCase() === name.toLowerCase())
    if (name.toLowerCase() === 'id' || name === '') continue
    names.add(taken ? `k${names.size}` : name)
  }
  return [...names].map((name) => ({ name, type: r.pick(types) }))
}

const CONSTRAINTS = [
  [14, () => ''],
  [2, () => ' NOT NULL'],
  [1, () => ' UNIQUE'],
  [1, (column) => ` CHECK (${quote(column.name)} IS NOT 13)`],
  [1, () => ' DEFAULT 7'],
  [1, () => " DEFAULT 'none' COLLATE NOCASE"]
]

// A new table: { name, columns, sql }; `columns` are those that an INSERT names.
function makeTable (r, name, others) {
  const form = r.weighted([[10, 'rowid'], [2, 'auto'], [2, 'without'], [2, 'strict'], [2, 'plain'], [2, 'child']])
  const columns = columnsOf(r, form === 'strict' ? STRICT_TYPES : TYPES)
  const parts = columns.map((column) =>
    `${quote(column.name)} ${column.type}${r.weighted(CONSTRAINTS)(column)}`)
  const id = { name: 'id', type: 'key' }
  if (form === 'without') parts.unshift('id TEXT PRIMARY KEY')
  else if (form === 'auto') parts.unshift('id INTEGER PRIMARY KEY AUTOINCREMENT')
  else if (form !== 'plain') parts.unshift('id INTEGER PRIMARY KEY')
  const parent = others.find((table) => table.columns[0].name === 'id')
  if (form === 'child' && parent) {
    const action = r.pick(['', ' ON DELETE CASCADE', ' ON DELETE SET NULL DEFERRABLE INITIALLY DEFERRED'])
    parts.push(`parent INTEGER REFERENCES ${quote(parent.name)} (id)${action}`)
    columns.push({ name: 'parent', type: 'key' })
  }
  if (r.chance(0.1)) parts.push(`made INTEGER AS (length(${quote(columns[0].name)})) STORED`)
  const tail = form === 'without' ? ' WITHOUT ROWID' : form === 'strict' ? ' STRICT' : ''
  return {
    name,
    columns: form === 'plain' ? columns : [id, ...columns],
    rowid: form !== 'without',
    sql: `CREATE TABLE ${quote(name)} (${parts.join(', ')})${tail}`
  }
}

module.exports = { makeTable, quote }
