'use strict'

// The commands that begin with a point.

const { CliError } = require('../errors')
const { words } = require('./words')

/** All commands: `{ name, args, help, run(session, args, text) }`, in the order of .help. */
const COMMANDS = [
  ...require('./schema'), ...require('./files'), ...require('./settings'), ...require('./places')
].sort((a, b) => a.name < b.name ? -1 : 1)

const ALIASES = {
  save: 'backup', timing: 'timer', headers: 'headers', header: 'headers', index: 'indexes', indices: 'indexes', params: 'parameter', param: 'parameter'
}
// Which command a few letters mean, where several begin with them.
const FIRST = ['databases', 'dump', 'exit', 'help', 'import', 'indexes', 'mode', 'open', 'output', 'quit', 'read', 'schema', 'tables', 'timer']

const NOT_HERE = new Set([
  'archive', 'auth', 'binary', 'check', 'connection', 'crnl', 'dbconfig', 'dbtotxt', 'excel', 'expert', 'filectrl', 'imposter', 'intck', 'iotrace', 'limit', 'lint', 'log',
  'nonce', 'progress', 'recover', 'scanstats', 'selftest', 'session', 'sha3sum', 'testcase', 'testctrl', 'trace', 'unmodule', 'vfsinfo', 'vfslist', 'vfsname', 'www'
])

/** The command that a word means, or undefined. */
function find (word) {
  const name = ALIASES[word] ?? word
  const exact = COMMANDS.find((command) => command.name === name)
  if (exact || NOT_HERE.has(word)) return exact
  const matches = COMMANDS.filter((command) => command.name.startsWith(name))
  return matches.find((command) => FIRST.includes(command.name)) ?? matches[0]
}

async function runDot (session, text) {
  const [word, ...args] = words(text.trim().slice(1))
  const command = word && find(word.toLowerCase())
  if (!command) {
    if (NOT_HERE.has(word)) throw new CliError(`".${word}" of sqlite3 is not here. Enter ".help" for what is`)
    throw new CliError(`unknown command or invalid arguments:  "${word ?? ''}". Enter ".help" for help`)
  }
  const rest = text.trim().slice(1 + text.trim().slice(1).search(/\s|$/)).trim()
  await command.run(session, args, rest)
}

module.exports = { COMMANDS, find, runDot }
