'use strict'

// `npm run matrix:orms`: programs that use real libraries, each with the driver that it asks for
// and with Ferrolite in its place; prints a table of what is the same. Words choose consumers:
// `npm run matrix:orms -- drizzle`. With `--write`, the table goes into docs/ecosystem.md. Needs
// npm's registry.

const { execFile } = require('node:child_process')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { isDeepStrictEqual, promisify } = require('node:util')
const { CONSUMERS, DRIVERS } = require('./orms')
const { ROOT, ScriptError, main, npm, output, say } = require('./run')
const { node } = require('./runtimes')
const { STAND_INS } = require('./stand-ins')

const PROGRAMS = path.join(ROOT, 'test', 'orm', 'consumers')
const PAGE = path.join(ROOT, 'docs', 'ecosystem.md')
const NODE = 24
const PATIENCE = 180_000
// `prisma generate` would fetch a program that only migrations need.
const PRISMA = { PRISMA_SCHEMA_ENGINE_BINARY: process.execPath }
const execute = promisify(execFile)
// The columns, and those operations that only some have.
const OPERATIONS = ['create', 'insert', 'read', 'update', 'upsert', 'delete', 'transaction', 'rollback', 'constraint', 'values', 'iterate']
// The binaries of the drivers: of better-sqlite3 12 and 13, sqlite3 and libsql.
const OTHERS = /^(better_sqlite3|(linux|darwin|win32)-\w+|node_sqlite3|index)\.node$/

/** What package.json says to have a driver, or Ferrolite in its place. */
function lines (driver, isOurs) {
  const spec = isOurs ? `npm:@ferrolite/${driver}@${standInRange(driver)}` : DRIVERS[driver]
  return { dependencies: { [driver]: spec }, overrides: { [driver]: spec } }
}

/** The range of docs/migrating.md. */
function standInRange (driver) {
  const page = fs.readFileSync(path.join(ROOT, 'docs', 'migrating.md'), 'utf8')
  return new RegExp(`"npm:@ferrolite/${driver}@([\\d.]+)"`).exec(page)[1]
}

async function environment () {
  const runtime = await node(NODE) ?? process.execPath
  const { FERROLITE_BINDING, NODE_PATH, ...base } = process.env
  const PATH = [path.dirname(runtime), base.PATH].join(path.delimiter)
  return { runtime, env: { ...base, PATH, NO_COLOR: '1', CHECKPOINT_DISABLE: '1', DO_NOT_TRACK: '1', ...PRISMA } }
}

// Not spawnSync(): the registry answers in this process.
async function shell (folder, env, [command, args]) {
  const options = { cwd: folder, env, timeout: PATIENCE }
  await execute(command, args, options).catch(({ stdout, stderr, signal }) => {
    throw new ScriptError(`${args.join(' ')} ${signal ?? ''}\n${stdout}${stderr}`)
  })
}

/** Runs a program in a project of its own; returns its report. */
async function use (registry, consumer, isOurs) {
  const { driver, packages, files = [], program, setup } = consumer
  const { runtime, env } = await environment()
  const folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'ferrolite-orm-')))
  try {
    const { dependencies, overrides } = lines(driver, isOurs)
    const manifest = { private: true, dependencies: { ...packages, ...dependencies }, overrides }
    fs.writeFileSync(path.join(folder, 'package.json'), JSON.stringify(manifest))
    for (const name of ['report.js', program, ...files]) fs.copyFileSync(path.join(PROGRAMS, name), path.join(folder, name))
    const from = isOurs ? [`--registry=${registry.url}`] : []
    await shell(folder, env, npm('install', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error', ...from))
    if (!isOurs && consumer.as !== undefined) pretend(path.join(folder, 'node_modules', driver), consumer.as)
    if (!isOurs && driver === 'sqlite3') await require('./peer-sqlite3').build(path.join(folder, 'node_modules', 'sqlite3'))
    if (setup !== undefined) await shell(folder, env, npm('exec', '--', ...setup))
    await shell(folder, env, [runtime, [program]])
    const file = path.join(folder, 'report.json')
    if (!fs.existsSync(file)) throw new ScriptError(`${program} ended before its report`)
    return JSON.parse(fs.readFileSync(file, 'utf8').replaceAll(folder, '.'))
  } finally {
    fs.rmSync(folder, { recursive: true, force: true })
  }
}

// Some look at the version of a driver whose older versions have no binary in their package.
function pretend (folder, version) {
  const file = path.join(folder, 'package.json')
  fs.writeFileSync(file, JSON.stringify({ ...JSON.parse(fs.readFileSync(file, 'utf8')), version }))
}

/** What differs between two reports, and which addons were loaded. */
function compare (driver, theirs, ours) {
  const faults = []
  const names = Object.keys(ours.seen)
  const isSame = (name) => isDeepStrictEqual(theirs.seen[name], ours.seen[name])
  // What fails with both shows nothing.
  const same = names.filter((name) => isSame(name) && theirs.seen[name]?.failed === undefined)
  for (const name of names.filter((name) => !same.includes(name))) {
    faults.push(`${name}\n  ${driver}: ${JSON.stringify(theirs.seen[name])}\n  ferrolite: ${JSON.stringify(ours.seen[name])}`)
  }
  // A nested driver would run silently: so look at what the process has loaded.
  const drivers = ours.addons.filter((name) => name === 'ferrolite.node' || OTHERS.test(name))
  if (drivers.join() !== 'ferrolite.node') faults.push(`loaded ${drivers.join(', ') || 'no driver'}`)
  if (!theirs.addons.some((name) => OTHERS.test(name))) faults.push(`${driver} was not loaded`)
  return { same, names, faults }
}

function titleOf (name, { packages }) {
  const names = [name, name.toLowerCase(), name.split(/[/,]/)[0]]
  const found = names.find((one) => packages[one] !== undefined)
  return `${name} ${packages[found]}`
}

function row (title, { driver }, { same, names }) {
  const cell = (name) => !names.includes(name) ? '' : same.includes(name) ? 'same' : 'DIFFERS'
  const others = names.filter((name) => !OPERATIONS.includes(name))
  const rest = others.map((name) => same.includes(name) ? name : `${name} DIFFERS`).join(', ')
  return `| ${title} | ${driver} | ${[...OPERATIONS.map(cell), rest].join(' | ')} |`
}

async function command () {
  await require('./prepare').prepare()
  const words = process.argv.slice(2).filter((word) => word !== '--write')
  const isChosen = (name) => words.length === 0 || words.some((word) => name.includes(word))
  const chosen = Object.keys(CONSUMERS).filter(isChosen)
  const home = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'ferrolite-orms-')))
  fs.writeFileSync(path.join(home, 'package.json'), '{ "private": true }\n')
  const others = output(...npm('config', 'get', 'registry')).trim()
  const registry = await startRegistry(home, others)
  const faults = []
  const columns = ['consumer', 'driver', ...OPERATIONS, 'more']
  const table = [`| ${columns.join(' | ')} |`, `|${'---|'.repeat(columns.length)}`]
  for (const line of table) say(line)
  try {
    for (const name of chosen) {
      const consumer = CONSUMERS[name]
      const found = await both(registry, consumer).catch(({ message }) => {
        return { same: [], names: [], faults: [message] }
      })
      table.push(row(titleOf(name, consumer), consumer, found))
      say(table.at(-1))
      for (const fault of found.faults) faults.push(`${name}: ${fault}`)
      if (found.faults.length > 0) process.stderr.write(`${found.faults.join('\n')}\n`)
    }
  } finally {
    await registry.close()
    fs.rmSync(home, { recursive: true, force: true })
  }
  if (process.argv.includes('--write')) writePage(table)
  if (faults.length > 0) throw new ScriptError(faults.join('\n'))
}

async function startRegistry (home, others) {
  const { startPublished } = require('../test/pack/published')
  const neon = path.join(ROOT, 'node_modules', '@neon-rs', 'load')
  return await startPublished(home, [neon], others)
}

async function both (registry, consumer) {
  const theirs = await use(registry, consumer, false)
  return compare(consumer.driver, theirs, await use(registry, consumer, true))
}

/** Puts the lines of a table into the page; those of consumers that were not chosen stay. */
function writePage ([head, rule, ...rows]) {
  const text = fs.readFileSync(PAGE, 'utf8')
  const [before, after] = [text.indexOf('<!-- matrix:orms -->'), text.indexOf('<!-- end -->')]
  const all = [...rows, ...text.slice(before, after).split('\n')]
  const lineOf = (name) => all.find((line) => line.startsWith(`| ${name} `))
  const lines = Object.keys(CONSUMERS).map(lineOf).filter((line) => line !== undefined)
  const table = [head, rule, ...lines].join('\n')
  fs.writeFileSync(PAGE, `${text.slice(0, before)}<!-- matrix:orms -->\n\n${table}\n\n${text.slice(after)}`)
}

if (Object.keys(DRIVERS).some((name) => STAND_INS[name] === undefined)) throw new Error('A driver has no stand-in')

main(command)
