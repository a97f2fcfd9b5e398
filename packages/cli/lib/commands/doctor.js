'use strict'

const fs = require('node:fs')
const { createRequire } = require('node:module')
const os = require('node:os')
const path = require('node:path')
const { CONNECTION, connection, read } = require('./arguments')
const { isUrl, openTarget, shortName } = require('../target')

const HELP = `Usage: ferrolite doctor [DATABASE] [--token TOKEN] [--key-file FILE] ...

Says which Ferrolite is installed, which binary it uses, and whether that loads; with DATABASE, a file
or a URL, whether it opens and is sound. Ends with 1 if something is wrong.
`

const PEERS = ['better-sqlite3', 'libsql', 'sqlite3', 'lmdb', 'classic-level', 'ioredis', '@aws-sdk/client-s3', 'unstorage']

async function run (args, { stdout }) {
  const { values, positionals: [name] } = read(args, CONNECTION, [0, 1], HELP)
  let isSound = true
  const say = (label, text, good = true) => {
    isSound &&= good
    stdout.write(`${good ? ' ' : '!'} ${label.padEnd(16)} ${text}\n`)
  }
  say('Node.js', `${process.version}, ${process.platform} ${process.arch}${libc()}`, Number(process.versions.node.split('.')[0]) >= 20)
  say('system', `${os.release()}, ${os.availableParallelism()} cores, ${(os.totalmem() / 1e9).toFixed(1)} GB`)
  say('@ferrolite/cli', require('../../package.json').version)
  await driver(say)
  project(say)
  if (name !== undefined) await database(name, connection(values), say)
  stdout.write(isSound ? 'All is well\n' : 'Something is wrong: see the lines that begin with !\n')
  return isSound ? 0 : 1
}

function libc () {
  if (process.platform !== 'linux') return ''
  const { glibcVersionRuntime } = process.report.getReport().header
  return glibcVersionRuntime ? `, glibc ${glibcVersionRuntime}` : ', musl'
}

async function driver (say) {
  try {
    const place = require.resolve('ferrolite/package.json')
    say('ferrolite', `${require(place).version} in ${path.dirname(place)}`)
    if (process.env.FERROLITE_BINDING) say('FERROLITE_BINDING', process.env.FERROLITE_BINDING)
    const began = performance.now()
    const { connect } = require('ferrolite/promise')
    const db = await connect(':memory:')
    const ms = Math.round(performance.now() - began)
    const { version, id } = await db.get('SELECT sqlite_version() AS version, sqlite_source_id() AS id')
    await db.close()
    const binary = Object.keys(require.cache).find((file) => file.endsWith('.node') && file.includes('ferrolite'))
    say('binary', binary ?? process.env.FERROLITE_BINDING ?? 'loaded')
    say('SQLite', `${version} (${id.slice(0, 10)}), loaded and opened in ${ms} ms`)
  } catch (error) {
    say('ferrolite', error.message.split('\n').join('\n    '), false)
  }
}

// What the project in this folder gets by the names of other drivers.
function project (say) {
  const from = createRequire(path.join(process.cwd(), 'package.json'))
  for (const name of PEERS) {
    try {
      const manifest = packageOf(from, name)
      say(name, manifest.name === name ? manifest.version : `${manifest.name} ${manifest.version}, in its place`)
    } catch {
      // It is not installed, which is well.
    }
  }
}

function packageOf (from, name) {
  for (const folder of from.resolve.paths(name)) {
    const file = path.join(folder, name, 'package.json')
    if (fs.existsSync(file)) return JSON.parse(fs.readFileSync(file, 'utf8'))
  }
  throw new Error('not installed')
}

async function database (name, options, say) {
  const began = performance.now()
  try {
    const target = await openTarget(name, { ...options, mustExist: true })
    try {
      const tables = await (await target.db.prepare("SELECT count(*) FROM sqlite_schema WHERE type = 'table'")).pluck().get()
      say(target.kind, `${shortName(name)}: ${tables} tables, in ${Math.round(performance.now() - began)} ms`)
      if (isUrl(name)) return say('its SQLite', await (await target.db.prepare('SELECT sqlite_version()')).pluck().get())
      const [check] = await (await target.db.prepare('PRAGMA quick_check(1)')).pluck().all()
      say('quick_check', check, check === 'ok')
      say('journal_mode', await target.db.pragma('journal_mode', { simple: true }))
    } finally {
      await target.close()
    }
  } catch (error) {
    say('database', `${error.code ? `${error.code}: ` : ''}${error.message}`, false)
  }
}

module.exports = { HELP, run }
