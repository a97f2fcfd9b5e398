'use strict'

// Completion: of commands and what they take, of tables, columns and keywords.

const fs = require('node:fs')
const path = require('node:path')
const { literal, quoteName } = require('../output/values')
const { MODES } = require('../output/modes')
const { FUNCTIONS, KEYWORDS, isKeyword } = require('../sql/keywords')
const { nameOf, tokens } = require('../sql/tokens')

const LIMIT = 1000 // ms that a TAB may wait for a server
const ON_OFF = ['bail', 'changes', 'echo', 'eqp', 'explain', 'headers', 'timer', 'timing']
const FILES = ['backup', 'cd', 'clone', 'import', 'load', 'once', 'open', 'output', 'read', 'restore', 'save']
const TABLES = ['dump', 'indexes', 'schema', 'tables', 'vector']
// After these, a name of a table comes.
const BEFORE_TABLE = new Set(['FROM', 'JOIN', 'INTO', 'UPDATE', 'TABLE', 'REFERENCES', 'ON'])

/** `lines` is for readline; `forget()` has the names read again. */
function completer (session) {
  let names = null
  const self = {
    buffer: () => '',
    forget () { names = null },
    lines (line, done) {
      complete(line).then((result) => done(null, result), () => done(null, [[], line]))
    }
  }

  async function complete (line) {
    if (self.buffer() === '' && /^\s*\./.test(line)) return await command(line)
    const [word] = /(?:"[^"]*|\[[^\]]*|[\w$\u0080-\uffff.]*)$/.exec(line)
    const before = `${self.buffer()}\n${line.slice(0, line.length - word.length)}`
    names ??= await readNames(session)
    const list = sql(word, before, `${self.buffer()}\n${line}`, names)
    // The only one is a whole word.
    return [list.length === 1 && !list[0].endsWith('(') ? [`${list[0]} `] : list, word]
  }

  async function command (line) {
    const [, name, rest] = /^\s*\.(\w*)(?:\s+(.*))?$/.exec(line) ?? []
    if (rest === undefined) {
      const { COMMANDS } = require('../dot')
      const list = [...COMMANDS.map((one) => one.name), 'timing', 'save'].sort()
      return [list.filter((one) => one.startsWith(name)).map((one) => `.${one} `), `.${name}`]
    }
    const [word] = /\S*$/.exec(rest)
    const match = (list) => [list.filter((one) => one.toLowerCase().startsWith(word.toLowerCase())).map((one) => `${one} `), word]
    if (name === 'mode') return match(Object.keys(MODES))
    if (ON_OFF.includes(name)) return match(['on', 'off'])
    if (name === 'import' && /\s/.test(rest.trimEnd().slice(0, -word.length || undefined).trim() || '')) {
      names ??= await readNames(session)
      return match([...names.tables.keys()])
    }
    if (FILES.includes(name)) return [fileNames(word), word]
    if (name === 'help') return match(require('../dot').COMMANDS.map((one) => one.name))
    if (TABLES.includes(name)) {
      names ??= await readNames(session)
      return match([...names.tables.keys()])
    }
    return [[], word]
  }

  return self
}

/** What may stand in the place of `word`. */
function sql (word, before, text, { tables }) {
  const dot = word.lastIndexOf('.')
  if (dot >= 0) {
    const owner = nameOf(word.slice(0, dot))
    const key = owner.toLowerCase()
    const table = tables.get(key) ?? tables.get(aliases(text, tables).get(key)?.toLowerCase())
    const columns = table?.columns ?? []
    return startingWith(word.slice(dot + 1), columns.map(quoteName)).map((name) => `${word.slice(0, dot)}.${name}`)
  }
  const list = tokens(before).filter(({ type }) => type !== 'space' && type !== 'comment')
  const previous = list.at(-1)?.text.toUpperCase()
  const tableNames = [...tables.values()].map(({ name }) => quoteName(name))
  if (BEFORE_TABLE.has(previous) && previous !== 'ON') return startingWith(word, tableNames)
  const used = [...aliases(text, tables).values()]
  const named = used.map((name) => tables.get(name.toLowerCase()))
  const columns = (used.length > 0 ? named : [...tables.values()]).flatMap((table) => table.columns)
  if (word === '') return [...new Set(columns.map(quoteName))].sort()
  const isLower = word === word.toLowerCase()
  const keywords = isLower ? KEYWORDS.map((one) => one.toLowerCase()) : KEYWORDS
  return startingWith(word, [...columns.map(quoteName), ...tableNames, ...FUNCTIONS.map((name) => `${name}(`), ...keywords])
}

function startingWith (start, list) {
  const lower = start.toLowerCase()
  return [...new Set(list.filter((name) => name.toLowerCase().startsWith(lower)))].sort()
}

// The tables that a statement names, by their name and by their alias.
function aliases (text, tables) {
  const list = tokens(text).filter(({ type }) => type === 'word' || type === 'quoted').map((token) => nameOf(token.text))
  const found = new Map()
  list.forEach((name, i) => {
    if (!tables.has(name.toLowerCase())) return
    found.set(name.toLowerCase(), name)
    const next = /^as$/i.test(list[i + 1] ?? '') ? list[i + 2] : list[i + 1]
    if (next === undefined || isKeyword(next) || tables.has(next.toLowerCase())) return
    found.set(next.toLowerCase(), name)
  })
  return found
}

async function readNames (session) {
  const tables = new Map()
  const { db, target } = session
  const limits = { timeout: LIMIT }
  const list = await (await db.prepare("SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') ORDER BY name", limits)).pluck().all(limits)
  for (const name of [...list, 'sqlite_schema']) tables.set(name.toLowerCase(), { name, columns: [] })
  const columns = target.kind === 'server'
    ? await Promise.all(list.map(async (name) => (await rows(db, `SELECT name FROM pragma_table_info(${literal(name)})`)).map(([column]) => [name, column])))
    : [await rows(db, "SELECT m.name, p.name FROM sqlite_schema AS m, pragma_table_info(m.name) AS p WHERE m.type IN ('table', 'view')")]
  for (const [name, column] of columns.flat()) tables.get(name.toLowerCase())?.columns.push(column)
  return { tables }
}

async function rows (db, text) {
  const limits = { timeout: LIMIT }
  return await (await db.prepare(text, limits)).raw().all(limits)
}

function fileNames (word) {
  const folder = word.endsWith('/') ? word : path.dirname(word)
  const start = word.endsWith('/') ? '' : path.basename(word)
  const prefix = word.slice(0, word.length - start.length)
  try {
    return fs.readdirSync(folder, { withFileTypes: true })
      .filter(({ name }) => name.startsWith(start) && (start !== '' || !name.startsWith('.')))
      .map((entry) => `${prefix}${entry.name}${entry.isDirectory() ? '/' : ''}`)
  } catch {
    return []
  }
}

module.exports = { completer }
