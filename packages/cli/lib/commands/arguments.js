'use strict'

const { parseArgs } = require('node:util')
const { CliError } = require('../errors')

/** Options that say how a database is opened. */
const CONNECTION = {
  key: { type: 'string' },
  'key-file': { type: 'string' },
  token: { type: 'string' },
  sync: { type: 'string' },
  namespace: { type: 'string' },
  store: { type: 'string' },
  insecure: { type: 'boolean' }
}

/** Reads the arguments of a command: `{ values, positionals }`; `names` are those it must have. */
function read (args, options, names, help) {
  let parsed
  try {
    parsed = parseArgs({ args, options, allowPositionals: true })
  } catch (error) {
    throw new CliError(`${error.message.split('. ')[0]}\n${help}`)
  }
  const { values, positionals } = parsed
  const [fewest, most = fewest] = names
  const { length } = positionals
  if (length < fewest || length > most) throw new CliError(`wrong arguments\n${help}`)
  return { values, positionals }
}

/** The options of a connection, as openTarget() takes them. */
function connection (values) {
  const { 'key-file': keyFile, ...rest } = values
  return { ...rest, keyFile }
}

module.exports = { CONNECTION, connection, read }
