'use strict'

// The command line of the shell: options of sqlite3, with one dash or two, anywhere.

const { CliError } = require('./errors')
const { unescape } = require('./dot/words')
const { MODES } = require('./output/modes')

/** Options that say how a database is opened; true if they take a value. */
const CONNECTION = {
  key: true, 'key-file': true, token: true, sync: true, namespace: true, store: true, insecure: false
}

const FLAGS = {
  bail: ({ settings }) => { settings.bail = true },
  batch: (options) => { options.isInteractive = false },
  echo: ({ settings }) => { settings.echo = true },
  header: ({ settings }) => Object.assign(settings, { headers: true, areHeadersSet: true }),
  headers: ({ settings }) => Object.assign(settings, { headers: true, areHeadersSet: true }),
  noheader: ({ settings }) => Object.assign(settings, { headers: false, areHeadersSet: true }),
  noheaders: ({ settings }) => Object.assign(settings, { headers: false, areHeadersSet: true }),
  help: (options) => { options.help = true },
  interactive: (options) => { options.isInteractive = true },
  readonly: ({ connection }) => { connection.readonly = true },
  timer: ({ settings }) => { settings.timer = true },
  version: (options) => { options.version = true }
}

const VALUES = {
  cmd: (options, value) => options.commands.push(value),
  init: (options, value) => { options.init = value },
  newline: ({ settings }, value) => { settings.rowSeparator = unescape(value) },
  nullvalue: ({ settings }, value) => { settings.nullText = value },
  separator: ({ settings }, value) => { settings.separator = unescape(value) }
}

/** Reads arguments: `{ name, connection, settings, mode, commands, inputs ... }`. */
function parse (args) {
  const options = { connection: {}, settings: {}, commands: [], inputs: [], name: undefined }
  let areOptions = true
  for (let i = 0; i < args.length; i++) {
    const [, name, , value] = /^--?([a-z][\w-]*)(=([^]*))?$/i.exec(args[i]) ?? []
    if (areOptions && args[i] === '--') areOptions = false
    else if (!areOptions || name === undefined) positional(options, args[i])
    else if (option(options, name, value ?? args[i + 1]) && value === undefined) i++
  }
  return options
}

function positional (options, text) {
  if (options.name === undefined) options.name = text
  else options.inputs.push(text)
}

// Returns whether the value was used.
function option (options, name, value) {
  if (Object.hasOwn(MODES, name)) {
    options.mode = name
    return false
  }
  if (Object.hasOwn(FLAGS, name)) {
    FLAGS[name](options)
    return false
  }
  const isConnection = Object.hasOwn(CONNECTION, name)
  if (isConnection && !CONNECTION[name]) {
    options.connection[name] = true
    return false
  }
  if (!isConnection && !Object.hasOwn(VALUES, name)) {
    throw new CliError(`unknown option: -${name}\nUse -help for a list of options.`)
  }
  if (value === undefined) throw new CliError(`missing argument to -${name}`)
  if (isConnection) options.connection[name === 'key-file' ? 'keyFile' : name] = value
  else VALUES[name](options, value)
  return true
}

const HELP = `Usage: ferrolite [OPTIONS] [DATABASE [SQL or .COMMAND ...]]
       ferrolite COMMAND ...

DATABASE is a file, the URL of a libSQL server, or :memory:.

Commands:
  dump DATABASE             print it as SQL
  push FILE URL             copy a file to a server
  pull URL FILE             copy a database of a server to a file
  token                     make a token or a pair of keys for a server
  doctor [URL]              say what is installed, and whether it works
  help COMMAND              say more of one of these

Options of sqlite3, with one dash or two:
  -${Object.keys(MODES).join(' -')}
                            set the output mode
  -bail                     stop after hitting an error
  -batch, -interactive      read a script, or ask for input
  -cmd COMMAND              run COMMAND before reading input
  -echo                     print input before it runs
  -[no]header               turn headers on or off
  -init FILE                read FILE in place of ~/.ferroliterc
  -newline SEP              row separator
  -nullvalue TEXT           text for NULL
  -readonly                 open the database read-only
  -separator SEP            column separator
  -version                  show versions

Options of connections, for .open too:
  --key KEY                 of an encrypted file; better: --key-file, or FERROLITE_KEY
  --key-file FILE           a file with the key
  --token TOKEN             of a server; better: FERROLITE_TOKEN
  --sync URL                DATABASE is a replica of the server at URL
  --namespace NAME          a database of a server with namespaces
  --insecure                send a token over http: to another machine
  --store KIND:PLACE        DATABASE is in a key-value store: directory:data, lmdb:data,
                            level:data, redis://host, s3:bucket/prefix

In the shell, ".help" lists its commands.
`

module.exports = { CONNECTION, HELP, parse }
