'use strict'

// .import: rows of a text file into a table, in one transaction.

const fs = require('node:fs')
const { spawn } = require('node:child_process')
const { records } = require('./csv')
const { columnsOf } = require('./dump')
const { CliError } = require('./errors')
const { reason } = require('./output/output')
const { quoteName } = require('./output/values')

const VALUES = 2000 // parameters of a statement that inserts many rows

/** Imports a file into a table, which is made by the first record if it is not there. */
async function importFile (session, file, table, options) {
  const { skip = 0, schema, verbose } = options
  const { db, signal, progress } = session
  const source = await openSource(file)
  const prefix = schema ? `${quoteName(schema)}.` : ''
  const target = `${prefix}"${table.replaceAll('"', '""')}"`
  let [left, inserted, line, bad] = [skip, 0, 0, 0]
  const run = async () => {
    let insert = null
    for await (const list of records(source.stream, options)) {
      for (const fields of list) {
        line++
        if (left-- > 0) continue
        if (insert === null) {
          const made = await prepareTable(db, target, table, schema, fields, signal)
          insert = new Insert(db, target, made.columns, signal)
          if (made.isNew) continue
        }
        const { count } = insert
        if (fields.length !== count) bad += warn(session, file, line, fields.length, count)
        await insert.add(fit(fields, count))
      }
      progress.show(`Importing ${table}`, source.done(), source.size, 'MB')
    }
    await insert?.flush()
    inserted = insert?.inserted ?? 0
  }
  // Calls of BEGIN by the user stay as they are: it is a savepoint then.
  try {
    await db.transaction(run)()
  } finally {
    source.close()
    progress.end()
  }
  if (verbose) session.output.write(`Added ${inserted} rows with ${bad} errors using ${line} lines of input\n`)
}

// Rows go to the database many in a statement: seven times as fast as one by one.
class Insert {
  inserted = 0
  #db
  #start
  #row
  #signal
  #most
  #many = null
  #rows = []

  constructor (db, target, columns, signal) {
    this.#db = db
    this.#start = `INSERT INTO ${target}(${columns.map(quoteName).join(', ')}) VALUES `
    this.#row = `(${columns.map(() => '?').join(', ')})`
    this.#signal = signal
    this.#most = Math.max(1, Math.floor(VALUES / columns.length))
    this.count = columns.length
  }

  async add (values) {
    this.#rows.push(values)
    if (this.#rows.length >= this.#most) await this.flush()
  }

  async flush () {
    const { length } = this.#rows
    if (length === 0) return
    const isFull = length === this.#most
    const statement = isFull && this.#many !== null
      ? this.#many
      : await this.#db.prepare(this.#start + Array(length).fill(this.#row).join(', '))
    if (isFull) this.#many = statement
    const values = this.#rows.flat()
    this.#rows = []
    await statement.run(values, { signal: this.#signal })
    this.inserted += length
  }
}

function warn ({ stderr, progress }, file, line, found, expected) {
  progress.end()
  const rest = found < expected ? 'filling the rest with NULL' : 'extras ignored'
  stderr.write(`${file}:${line}: expected ${expected} columns but found ${found} - ${rest}\n`)
  return 1
}

function fit (fields, count) {
  if (fields.length === count) return fields
  return Array.from({ length: count }, (_, i) => fields[i] ?? null)
}

async function prepareTable (db, target, table, schema, fields, signal) {
  const sql = `SELECT count(*) FROM ${schema ? `${quoteName(schema)}.` : ''}sqlite_schema WHERE type IN ('table', 'view') AND lower(name) = lower(?)`
  const count = await (await db.prepare(sql)).pluck().get(table, { signal })
  if (count > 0n) return { columns: (await columnsOf(db, table, signal)).columns, isNew: false }
  const columns = uniqueNames(fields)
  await db.exec(`CREATE TABLE ${target}(\n${columns.map((name) => `"${name.replaceAll('"', '""')}" TEXT`).join(', ')})`, { signal })
  return { columns, isNew: true }
}

function uniqueNames (fields) {
  const seen = new Set()
  return fields.map((field, i) => {
    const name = field.trim() || `c${i + 1}`
    let unique = name
    for (let n = 1; seen.has(unique.toLowerCase()); n++) unique = `${name}_${n}`
    seen.add(unique.toLowerCase())
    return unique
  })
}

// A file, or the output of a command that begins with `|`.
async function openSource (file) {
  if (file.startsWith('|')) {
    const child = spawn(file.slice(1), { shell: true, stdio: ['ignore', 'pipe', 'inherit'] })
    return { stream: child.stdout.setEncoding('utf8'), size: 0, done: () => 0, close: () => child.kill() }
  }
  let fd
  try {
    fd = fs.openSync(file, 'r')
    const { size } = fs.fstatSync(fd)
    if (fs.fstatSync(fd).isDirectory()) throw Object.assign(new Error(), { message: 'it is a directory' })
    const stream = fs.createReadStream(file, { fd, encoding: 'utf8', highWaterMark: 256 * 1024 })
    return { stream, size, done: () => stream.bytesRead, close: () => stream.destroy() }
  } catch (error) {
    if (fd !== undefined) fs.closeSync(fd)
    throw new CliError(`cannot open "${file}": ${reason(error)}`)
  }
}

module.exports = { importFile }
