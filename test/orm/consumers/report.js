'use strict'

// What a program of this folder prints: what each operation gave, and which drivers were loaded.

const fs = require('node:fs')
const path = require('node:path')

const FILE = path.resolve('data.db')

/** Runs operations, an object of async functions, in their order. */
async function report (operations) {
  const seen = {}
  for (const [name, run] of Object.entries(operations)) seen[name] = await outcome(run)
  fs.writeFileSync('report.json', JSON.stringify({ seen, addons: addons() }))
  // Pools and timers of a consumer would keep the process.
  process.exit(0)
}

async function outcome (run) {
  try {
    return plain(await run())
  } catch (error) {
    return { failed: failure(error) }
  }
}

/** An error as programs see it: its class, code and text, and those of its causes. */
function failure (error) {
  const { name, constructor, code, errno, message, cause } = error
  const inner = error.original ?? error.parent ?? cause
  const below = inner instanceof Error ? { cause: failure(inner) } : {}
  return plain({ name, class: constructor.name, code, errno, message, ...below })
}

/** What must fail, as a value. */
async function refused (run) {
  try {
    return { resolved: await run() }
  } catch (error) {
    return failure(error)
  }
}

// JSON, with the types that it has not got.
function plain (value) {
  if (value === undefined) return null
  if (typeof value === 'bigint') return { bigint: String(value) }
  if (value instanceof Uint8Array) return { [value.constructor.name]: Buffer.from(value).toString('hex') }
  if (value instanceof Date) return { date: value.getTime() }
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, plain(inner)]))
}

// Whatever was required by whom: the native libraries of the process.
function addons () {
  const { sharedObjects } = process.report.getReport()
  return sharedObjects.filter((file) => file.endsWith('.node')).map((file) => path.basename(file))
}

async function collect (iterable) {
  const rows = []
  for await (const row of iterable) rows.push(row)
  return rows
}

module.exports = { FILE, collect, refused, report }
