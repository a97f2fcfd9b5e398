'use strict'

// Commands that read and write files, and those that end the shell.

const { spawn } = require('node:child_process')
const { once } = require('node:events')
const fs = require('node:fs')
const path = require('node:path')
const readline = require('node:readline')
const { load } = require('../driver')
const { dump } = require('../dump')
const { CliError } = require('../errors')
const { importFile } = require('../import')
const { reason } = require('../output/output')
const { CONNECTION } = require('../options')
const { openTarget } = require('../target')
const { count, options } = require('./usage')

const DEEPEST = 25 // scripts that read scripts, as in sqlite3

async function open (session, args) {
  const [found, [name = ':memory:', ...more]] = options(args, { ...CONNECTION, new: false, readonly: false }, '.open')
  if (more.length > 0) throw new CliError('.open takes one name; quote it if it has spaces')
  if (found.new && fs.existsSync(name)) {
    await session.close()
    for (const end of ['', '-wal', '-shm', '-journal']) fs.rmSync(name + end, { force: true })
  }
  await session.open(name, named(found))
}

// `--key-file` is `keyFile`.
function named (found) {
  return Object.fromEntries(Object.entries(found).map(([key, value]) => {
    return [key.replace(/-(\w)/g, (_, letter) => letter.toUpperCase()), value]
  }))
}

async function read (session, args, rest) {
  if (args.length === 0) throw new CliError('Usage: .read FILE')
  if (session.depth >= DEEPEST) throw new CliError(`scripts read each other more than ${DEEPEST} deep`)
  const source = rest.startsWith('|') ? commandLines(rest.slice(1)) : fileLines(args[0])
  const before = session.errors
  session.depth++
  try {
    await session.script(watched(session, source))
  } finally {
    session.depth--
  }
  // Their messages are printed; a script that reads this one ends too if it should.
  if (session.errors > before && session.settings.bail) session.interrupt()
}

async function * watched (session, lines) {
  for await (const line of lines) {
    if (session.signal?.aborted) return
    yield line
  }
}

function fileLines (file) {
  let input
  try {
    if (fs.statSync(file).isDirectory()) throw new Error('it is a directory')
    input = fs.createReadStream(file, { fd: fs.openSync(file, 'r') })
  } catch (error) {
    throw new CliError(`cannot open "${file}": ${reason(error)}`)
  }
  return readline.createInterface({ input, crlfDelay: Infinity })
}

function commandLines (command) {
  const child = spawn(command, { shell: true, stdio: ['ignore', 'pipe', 'inherit'] })
  return readline.createInterface({ input: child.stdout, crlfDelay: Infinity })
}

async function importCommand (session, args) {
  const kinds = { csv: false, ascii: false, tabs: false, skip: true, schema: true, v: false }
  const [found, [file, table, ...more]] = options(args, kinds, '.import')
  if (table === undefined || more.length > 0) throw new CliError('Usage: .import ?--csv|--tabs|--ascii? ?--skip N? ?--schema S? FILE TABLE')
  const { settings } = session
  let format = { separator: settings.separator, rowSeparator: settings.rowSeparator.replace('\r\n', '\n'), quoted: true }
  if (found.csv || (settings.mode === 'csv' && !found.ascii && !found.tabs)) format = { separator: ',', rowSeparator: '\n', quoted: true }
  if (found.tabs) format = { separator: '\t', rowSeparator: '\n', quoted: true }
  if (found.ascii) format = { separator: '\x1f', rowSeparator: '\x1e', quoted: false }
  // Its name says what it is, unless an option does.
  if (!found.ascii && !found.tabs && !found.csv && /\.csv$/i.test(file)) format.separator = ','
  const skip = found.skip === undefined ? 0 : count(found.skip, '--skip')
  const { schema, v: verbose } = found
  await importFile(session, file, table, { ...format, skip, schema, verbose })
  session.onSchema()
}

async function dumpCommand (session, args) {
  const { db, output, signal, target } = session
  const kinds = { 'data-only': false, 'schema-only': false, 'preserve-rowids': false, newlines: false, nosys: false }
  const [found, patterns] = options(args, kinds, '.dump')
  const write = async (text) => {
    output.write(text)
    if (output.isFull) await output.flush()
  }
  const isRemote = target.kind === 'server' || target.kind === 'replica'
  await dump(db, write, { patterns, isRemote, signal, dataOnly: found['data-only'], schemaOnly: found['schema-only'] })
}

const MAIN = /^(main|temp)$/i

async function backup (session, args) {
  const [found, names] = options(args, { store: true, append: false, async: false }, '.backup')
  const [file, ...more] = MAIN.test(names[0]) && names.length > 1 ? names.slice(1) : names
  if (file === undefined || more.length > 0) throw new CliError('Usage: .backup ?DB? FILE')
  const { db, signal, progress } = session
  const store = found.store ? await require('../stores').openStore(found.store) : null
  try {
    await db.backup(file, {
      signal,
      ...(names.length > 1 && { attached: names[0] }),
      ...(store && { store: store.store }),
      progress: ({ totalPages, remainingPages }) => {
        progress.show(`Writing ${path.basename(file)}`, totalPages - remainingPages, totalPages, 'pages')
        return 2000
      }
    })
  } finally {
    await store?.close()
  }
}

async function restore (session, args) {
  const [found, names] = options(args, CONNECTION, '.restore')
  const file = MAIN.test(names[0]) && names.length > 1 ? names[1] : names[0]
  if (file === undefined) throw new CliError('Usage: .restore ?DB? FILE')
  const { target } = session
  if (target.kind !== 'file' && target.kind !== 'memory') {
    throw new CliError(`.restore replaces a file, and this database is a ${target.kind}: use .read with a dump, or "ferrolite push"`)
  }
  if (session.db.inTransaction) throw new CliError('a transaction is open: COMMIT or ROLLBACK first')
  const source = await openTarget(file, { ...named(found), readonly: true, mustExist: true })
  try {
    await mustRead(source, file)
    if (target.kind === 'memory') await restoreMemory(session, source)
    else await restoreFile(session, source)
  } finally {
    await source.close()
  }
}

async function mustRead ({ db }, file) {
  try {
    await (await db.prepare('SELECT count(*) FROM sqlite_schema')).get()
  } catch (error) {
    error.message = `"${file}": ${error.message}`
    throw error
  }
}

async function restoreMemory (session, source) {
  const bytes = await source.db.serialize()
  await session.openBytes(bytes)
}

// The file is written under another connection, as sqlite3 does: it stays the same file.
async function restoreFile (session, source) {
  const { name, options: opened } = session.target
  await session.close()
  try {
    await source.db.backup(name, {
      progress: ({ totalPages, remainingPages }) => {
        session.progress.show('Restoring', totalPages - remainingPages, totalPages, 'pages')
        return 2000
      }
    })
  } finally {
    await session.open(name, opened)
  }
}

async function clone (session, [file]) {
  if (file === undefined) throw new CliError('Usage: .clone NEWDB')
  if (fs.existsSync(file)) throw new CliError(`"${file}" exists already`)
  await (await session.db.prepare('VACUUM INTO ?')).run(file, { signal: session.signal })
}

async function shell (session, args, rest) {
  if (rest === '') throw new CliError('Usage: .shell COMMAND')
  await session.output.flush()
  const stdio = session.isInteractive ? 'inherit' : ['ignore', 'inherit', 'inherit']
  const code = await session.withTerminal(async () => {
    return (await once(spawn(rest, { shell: true, stdio }), 'close'))[0]
  })
  if (code !== 0) session.stderr.write(`System command returns ${code}\n`)
}

async function help (session, args) {
  const { COMMANDS, find } = require('./index')
  const [word] = args.filter((arg) => !arg.startsWith('-'))
  const one = word && find(word.replace(/^\./, '').toLowerCase())
  const list = !word ? COMMANDS : one ? [one] : COMMANDS.filter(({ name, help }) => `${name} ${help}`.toLowerCase().includes(word.toLowerCase()))
  if (list.length === 0) throw new CliError(`nothing matches '${word}'`)
  for (const { name, args: takes, help } of list) {
    const start = `.${name} ${takes}`
    session.output.write(start.length < 25 ? `${start.padEnd(25)}${help}\n` : `${start}\n${' '.repeat(25)}${help}\n`)
  }
  if (!word && session.isInteractive) {
    session.output.write('\nTab completes, Ctrl-C stops what runs or clears the line, Ctrl-D ends the shell.\n')
  }
}

function end (session, [code]) {
  session.exitCode = code === undefined ? 0 : count(code, '.exit')
}

module.exports = [
  { name: 'backup', args: '?DB? FILE', help: 'Write the database to FILE while others use it; also .save', run: backup },
  { name: 'cd', args: 'DIRECTORY', help: 'Change the working directory to DIRECTORY', run: changeFolder },
  { name: 'clone', args: 'NEWDB', help: 'Write a compact copy into a new file', run: clone },
  { name: 'dump', args: '?TABLES?', help: 'Render the database, or tables LIKE a pattern, as SQL', run: dumpCommand },
  { name: 'exit', args: '?CODE?', help: 'Exit this program with return-code CODE', run: end },
  { name: 'help', args: '?COMMAND?', help: 'Show this text, or that of a command', run: help },
  { name: 'import', args: '?--csv|--tabs|--ascii? ?--skip N? FILE TABLE', help: 'Import rows of FILE into TABLE, in one transaction', run: importCommand },
  {
    name: 'load',
    args: 'FILE ?ENTRY?',
    help: 'Load an extension library',
    async run ({ db }, [file, entry]) {
      if (file === undefined) throw new CliError('Usage: .load FILE ?ENTRY?')
      await db.loadExtension(file, ...(entry === undefined ? [] : [entry]))
    }
  },
  { name: 'open', args: '?OPTIONS? ?NAME?', help: 'Close the database and open another: a file, or the URL of a server', run: open },
  { name: 'quit', args: '', help: 'Exit this program', run: end },
  { name: 'read', args: 'FILE', help: 'Run SQL and commands from FILE, or from the output of |COMMAND', run: read },
  { name: 'restore', args: '?DB? FILE', help: 'Replace the content of the database by that of FILE', run: restore },
  { name: 'shell', args: 'COMMAND', help: 'Run COMMAND in a system shell; also .system', run: shell },
  { name: 'system', args: 'COMMAND', help: 'Run COMMAND in a system shell', run: shell },
  {
    name: 'version',
    args: '',
    help: 'Show the versions of Ferrolite and of its SQLite',
    async run ({ db, output }) {
      const version = await (await db.prepare('SELECT sqlite_version()')).pluck().get()
      output.write(`SQLite ${version}\nferrolite ${require('ferrolite/package.json').version}\nNode.js ${process.version}\n`)
      load()
    }
  }
]

function changeFolder (session, [folder]) {
  if (folder === undefined) throw new CliError('Usage: .cd DIRECTORY')
  try {
    process.chdir(folder)
  } catch (error) {
    throw new CliError(`cannot change to directory "${folder}": ${reason(error)}`)
  }
}
