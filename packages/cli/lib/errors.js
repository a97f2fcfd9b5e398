'use strict'

/** A mistake in what the user typed, or what a command could not do: its message says all. */
class CliError extends Error {
  name = 'CliError'
}

const AROUND = 40

/**
 * What is said of an error, as the sqlite3 shell says it: with the place in the SQL where the
 * parser stopped. `line` is the number of the line in a script, or null.
 */
function describe (error, { sql, line = null, phase } = {}) {
  if (error instanceof CliError) return `Error: ${error.message}\n`
  if (error?.name === 'AbortError' || (error?.code === 'SQLITE_INTERRUPT' && !error.cause)) {
    return 'Interrupted\n'
  }
  const message = messageOf(error)
  const hint = HINTS.find(([test]) => test.test(message))?.[1]
  const advice = hint === undefined ? '' : `  Hint: ${hint}\n`
  if (sql === undefined) return `Error: ${message}\n${advice}`
  const where = line === null ? '' : ` near line ${line}`
  const code = error.rawCode > 1 ? ` (${error.rawCode & 0xff})` : ''
  const kind = isElsewhere(error) ? 'Error' : phase === 'prepare' ? 'Parse error' : 'Runtime error'
  return `${kind}${where}: ${message}${code}\n${marker(error, sql)}${advice}`
}

// What happened on the way to the database, and not in its SQL.
function isElsewhere ({ code }) {
  return typeof code === 'string' && /^(REMOTE|STREAM|TRANSACTION|SYNC|KV)_/.test(code)
}

function messageOf (error) {
  if (!(error instanceof Error)) return String(error)
  const { code, message } = error
  return `${isElsewhere(error) ? `${code}: ` : ''}${message}`
}

const HINTS = [
  [/file is not a database/, 'an encrypted file needs its key, by --key-file or FERROLITE_KEY; a wrong key reads the same'],
  [/no such module: diskann/, 'servers have no vector tables'],
  [/readonly database/, 'the database was opened with --readonly, or its file may not be written']
]

function marker (error, sql) {
  const { offset } = error
  if (!Number.isInteger(offset) || offset < 0 || offset > sql.length) return ''
  const start = Math.max(sql.lastIndexOf('\n', offset - 1) + 1, offset - AROUND)
  const [line] = sql.slice(start, offset + AROUND).split('\n')
  const at = offset - start
  const text = line.replaceAll('\t', ' ')
  const arrow = at < 25 ? `${' '.repeat(at)}^--- error here` : `${'error here ---^'.padStart(at + 1)}`
  return `  ${text}\n  ${arrow}\n`
}

module.exports = { CliError, describe }
