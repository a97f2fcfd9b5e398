'use strict'

// The command `ferrolite`: a subcommand, or the shell.

const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const readline = require('node:readline')
const { CliError, describe } = require('./errors')
const { HELP, parse } = require('./options')
const { Session } = require('./session')

const COMMANDS = ['doctor', 'dump', 'pull', 'push', 'token']

/** Runs with arguments; returns the exit code. */
async function main (args, streams = process) {
  const { stdout, stderr } = streams
  try {
    const [first, ...rest] = args
    // A file of that name is opened by ./dump.
    if (COMMANDS.includes(first) && rest.some((arg) => /^(-h|--?help)$/.test(arg))) return help(first, stdout)
    if (COMMANDS.includes(first)) return await require(`./commands/${first}`).run(rest, streams)
    if (first === 'help') return help(rest[0], stdout)
    return await shell(parse(args), streams)
  } catch (error) {
    stderr.write(error instanceof CliError ? `ferrolite: ${describe(error)}` : describe(error))
    return 1
  }
}

function help (name, stdout) {
  stdout.write(COMMANDS.includes(name) ? require(`./commands/${name}`).HELP : HELP)
  return 0
}

async function shell (options, { stdin, stdout, stderr }) {
  if (options.help) return help(undefined, stdout)
  if (options.version) return version(stdout)
  const isTerminal = options.isInteractive ?? Boolean(stdin.isTTY && stdout.isTTY)
  const isInteractive = isTerminal && options.inputs.length === 0
  const session = new Session({ stdout, stderr, isInteractive, settings: options.settings })
  const mode = options.mode ?? (isInteractive ? 'auto' : 'list')
  const { separator, rowSeparator } = options.settings
  session.setMode(mode)
  if (separator !== undefined) session.settings.separator = separator
  if (rowSeparator !== undefined) session.settings.rowSeparator = rowSeparator
  const stop = onInterrupt(session)
  try {
    await session.open(options.name ?? ':memory:', options.connection)
    return await run(session, options, { stdin, stdout })
  } finally {
    stop()
    await finish(session)
  }
}

async function run (session, options, { stdin, stdout }) {
  if (options.init || session.isInteractive) await initFile(session, options.init)
  for (const command of options.commands) await input(session, command)
  if (session.exitCode !== null) return session.exitCode
  if (options.inputs.length > 0) return await inputs(session, options.inputs)
  if (session.isInteractive) return await require('./terminal').interactive(session, { stdin, stdout })
  await session.script(readline.createInterface({ input: stdin, crlfDelay: Infinity }))
  return session.exitCode ?? (session.errors > 0 ? 1 : 0)
}

async function initFile (session, named) {
  const file = named ?? path.join(os.homedir(), '.ferroliterc')
  if (named === undefined && !fs.existsSync(file)) return
  const quoted = file.replaceAll("'", "''")
  await session.dot(`.read '${quoted}'`)
}

async function input (session, text) {
  if (text.trimStart().startsWith('.')) return await session.dot(text.trim())
  const before = session.errors
  await session.script(text.split('\n'))
  return session.errors === before
}

// As in sqlite3: the first input that fails is the last.
async function inputs (session, list) {
  session.settings.bail = true
  for (const text of list) {
    await input(session, text)
    if (session.exitCode !== null) return session.exitCode
    if (session.errors > 0) return exitCode(session.lastError)
  }
  return 0
}

function exitCode ({ name, rawCode }) {
  if (name === 'AbortError') return 130
  return Number.isInteger(rawCode) ? (rawCode & 0xff) || 1 : 1
}

function version (stdout) {
  const own = require('../package.json').version
  stdout.write(`@ferrolite/cli ${own}, ferrolite ${require('ferrolite/package.json').version}, Node.js ${process.version}\n`)
  return 0
}

// Ctrl-C of a script stops what runs, and then the script; of the terminal, readline reports it.
function onInterrupt (session) {
  const listener = () => {
    if (!session.interrupt() || !session.isInteractive) session.exitCode ??= 130
  }
  process.on('SIGINT', listener)
  return () => process.off('SIGINT', listener)
}

async function finish (session) {
  await session.guard({}, () => session.output.redirect(null))
  const isOpen = session.target?.db.inTransaction
  await session.guard({}, () => session.close())
  if (isOpen) session.stderr.write('The transaction that was open is rolled back\n')
}

module.exports = { main }
