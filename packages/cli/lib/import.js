'use strict'

// .import: rows of a text file into a table, in one transaction.

const fs = require('node:fs')
const { spawn } = require('node:child_process')
const { records } = require('./csv')
const { columnsOf } = require('./dump')
const { CliError } = require('./errors')
const { reason } = require('./output/output')
const { quoteName } = require('./output/values')

const BATCH = 500

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
    let count = 0
    let batch = []
    const flush = async () => {
      const runs = batch.map((values) => insert.run(values, { signal }))
      const results = await Promise.allSettled(runs)
      const failed = results.find(({ status }) => status === 'rejected')
      if (failed) throw failed.reason
      inserted += batch.length
      batch = []
      progress.show(`Importing ${table}`, source.done(), source.size, 'MB')
    }
    for await (const list of records(source.stream, options)) {
      for (const fields of list) {
        line++
        if (left-- > 0) continue
        if (insert === null) {
          const made = await prepareTable(db, target, table, schema, fields, signal)
          count = made.columns.length
          const holes = made.columns.map(() => '?').join(', ')
          insert = await db.prepare(`INSERT INTO ${target}(${made.columns.map(quoteName).join(', ')}) VALUES (${holes})`)
          if (made.isNew) continue
        }
        if (fields.length !== count) bad += warn(session, file, line, fields.length, count)
        batch.push(fit(fields, count))
        if (batch.length >= BATCH) await flush()
      }
    }
    if (batch.length > 0) await flush()
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

function warn ({ stderr }, file, line, found, expected) {
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
