'use strict'

// Commands of what only Ferrolite has: replicas, vector tables, key-value stores, encryption.

const { CliError } = require('../errors')
const { quoteName } = require('../output/values')

const CONFIG = ['dimension', 'metric', 'element', 'rows']

function only (session, kind, command) {
  if (session.target?.kind !== kind) throw new CliError(`${command} is for a ${kind === 'store' ? 'database in a key-value store' : kind}: ${HOW[kind]}`)
  return session.db
}

const HOW = {
  replica: '.open --sync URL FILE',
  store: '.open --store directory:data NAME'
}

async function sync (session) {
  const db = only(session, 'replica', '.sync')
  const began = performance.now()
  const { frames_synced: frames, frame_no: frame } = await db.sync({ signal: session.signal })
  const ms = Math.round(performance.now() - began)
  session.output.write(`${frames === 0 ? 'Up to date' : `Fetched ${frames} pages`}, at frame ${frame}, in ${ms} ms\n`)
}

async function resync (session) {
  const { frames_synced: frames } = await only(session, 'replica', '.resync').resync({ signal: session.signal })
  session.output.write(`Fetched the whole database again, ${frames} pages\n`)
}

function replica (session) {
  const db = only(session, 'replica', '.replica')
  const { lastSync, lag } = db
  session.output.write(lastSync === null
    ? `Follows ${session.target.options.sync.split('?')[0]}, not synced since it was opened\n`
    : `Follows ${session.target.options.sync.split('?')[0]}, synced ${(lag / 1000).toFixed(1)} s ago\n`)
}

async function vectorTables ({ db }) {
  const sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND sql LIKE 'create virtual table%using%diskann%' ORDER BY name"
  return await (await db.prepare(sql)).pluck().all()
}

async function vector (session, [table]) {
  const names = await vectorTables(session)
  if (table !== undefined && !names.some((name) => name.toLowerCase() === table.toLowerCase())) {
    throw new CliError(`there is no vector table "${table}"${names.length ? `: there are ${names.join(', ')}` : ''}`)
  }
  if (names.length === 0) return session.output.write('No vector tables\n')
  const isChosen = (name) => table === undefined || name.toLowerCase() === table.toLowerCase()
  const rows = []
  for (const name of names.filter(isChosen)) {
    const config = await configOf(session, name)
    const count = await (await session.db.prepare(`SELECT count(*) FROM ${quoteName(name)}`)).pluck().get({ signal: session.signal })
    if (table === undefined) rows.push([name, ...CONFIG.map((key) => key === 'rows' ? count : config.get(key) ?? null)])
    else rows.push(['rows', count], ...config)
  }
  await session.table(table === undefined ? ['table', ...CONFIG] : ['setting', 'value'], rows, isPlain(session))
}

// Settings of a vector table are in a table beside it: some in rows, some as lines of `options`.
async function configOf ({ db }, name) {
  const sql = `SELECT key, value FROM ${quoteName(`${name}_config`)} WHERE key <> 'id'`
  const config = new Map()
  for (const [key, value] of await (await db.prepare(sql)).raw().all()) {
    if (key !== 'options') config.set(key, value)
    else for (const [, option, text] of value.matchAll(/^(\w+)=(.*)$/gm)) config.set(option, text)
  }
  return config
}

// These read best as a table, unless a mode for programs is set.
function isPlain ({ settings }) {
  return ['list', 'auto'].includes(settings.mode) ? { mode: 'column', headers: true } : {}
}

const KV = ['stats', 'verify', 'gc', 'flush', 'check']

async function kv (session, [action = 'stats']) {
  const db = only(session, 'store', '.kv')
  if (!KV.includes(action)) throw new CliError(`Usage: .kv ${KV.join('|')}`)
  const rows = await (await db.prepare(`PRAGMA kv_${action}`)).pluck().all({ signal: session.signal })
  if (action !== 'stats') return session.output.write(rows.map((row) => `${row}\n`).join(''))
  const counts = Object.entries(JSON.parse(rows[0])).filter(([, value]) => typeof value === 'number')
  await session.table(['counter', 'value'], [
    ['store', session.target.options.store], ['name', session.target.name],
    ...counts.map(([key, value]) => [key, BigInt(Math.round(value))])
  ], isPlain(session))
}

async function stats (session) {
  const rows = Object.entries(await session.db.stats({ signal: session.signal }))
    .filter(([, value]) => typeof value !== 'object')
    .map(([key, value]) => [key, typeof value === 'number' ? BigInt(Math.round(value)) : value])
  await session.table(['counter', 'value'], rows, isPlain(session))
}

async function rekey (session, args) {
  if (args.length !== 1) throw new CliError("Usage: .rekey KEY, or .rekey '' for none")
  await session.db.rekey(args[0] || null)
  session.target.options.key = args[0]
}

module.exports = [
  { name: 'kv', args: KV.join('|'), help: 'Of a database in a key-value store: what it asked the store, and its repair', run: kv },
  { name: 'rekey', args: 'KEY', help: "Encrypt the file with another key; with '' not at all", run: rekey },
  { name: 'replica', args: '', help: 'Show which server a replica follows, and since when', run: replica },
  { name: 'resync', args: '', help: 'Fetch the whole database of a replica again', run: resync },
  { name: 'stats', args: '', help: 'Show what the connection holds', run: stats },
  { name: 'sync', args: '', help: 'Bring a replica up to date', run: sync },
  { name: 'vector', args: '?TABLE?', help: 'List vector tables, or the settings of one', run: vector }
]
