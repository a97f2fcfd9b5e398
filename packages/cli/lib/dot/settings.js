'use strict'

// Commands that say how input is run and output is shown.

const { CliError } = require('../errors')
const { WRAP } = require('../output/columnar')
const { MODES } = require('../output/modes')
const { literal } = require('../output/values')
const { isUrl } = require('../target')
const { count, onOff, options } = require('./usage')

const flag = (name, setting, help) => ({
  name,
  args: 'on|off',
  help,
  run ({ settings }, [value]) { settings[setting] = onOff(value, `.${name}`) }
})

const SETTINGS = [
  flag('bail', 'bail', 'Stop after hitting an error. Default off'),
  flag('changes', 'changes', 'Show the number of rows changed by SQL'),
  flag('echo', 'echo', 'Print inputs before execution'),
  flag('timer', 'timer', 'Show how long each statement takes; also .timing'),
  {
    name: 'eqp',
    args: 'on|off',
    help: 'Show the query plan of each statement first',
    run ({ settings }, [value]) { settings.eqp = onOff(value, '.eqp') ? 'on' : 'off' }
  },
  {
    name: 'explain',
    args: 'on|off|auto or SQL',
    help: 'Format of EXPLAIN; with SQL, its query plan',
    async run (session, [value], rest) {
      if (/^(on|off|auto)$/i.test(value ?? 'auto')) session.settings.explain = (value ?? 'auto').toLowerCase()
      else await session.execute(`EXPLAIN QUERY PLAN ${rest}`)
    }
  },
  {
    name: 'headers',
    args: 'on|off',
    help: 'Turn display of headers on or off',
    run ({ settings }, [value]) {
      settings.headers = onOff(value, '.headers')
      settings.areHeadersSet = true
    }
  },
  { name: 'mode', args: 'MODE ?OPTIONS?', help: `Set output mode: ${Object.keys(MODES).join(' ')}`, run: mode },
  {
    name: 'nullvalue',
    args: 'STRING',
    help: 'Use STRING in place of NULL values',
    run ({ settings }, [text = '']) { settings.nullText = text }
  },
  {
    name: 'separator',
    args: 'COL ?ROW?',
    help: 'Change the column and row separators',
    run ({ settings }, [column, row]) {
      if (column === undefined) throw new CliError('Usage: .separator COL ?ROW?')
      settings.separator = column
      if (row !== undefined) settings.rowSeparator = row
    }
  },
  {
    name: 'width',
    args: 'NUM1 NUM2 ...',
    help: 'Set widths of columns; negative aligns to the right, 0 is automatic',
    run ({ settings }, args) { settings.widths = args.map((text) => count(text, '.width', -10000)) }
  },
  {
    name: 'prompt',
    args: 'MAIN CONTINUE',
    help: 'Replace the standard prompts',
    run ({ settings }, [main, more]) {
      settings.prompts = [main ?? settings.prompts[0], more ?? settings.prompts[1]]
    }
  },
  {
    name: 'print',
    args: 'STRING...',
    help: 'Print literal STRING',
    run ({ output }, args) { output.write(`${args.join(' ')}\n`) }
  },
  {
    name: 'output',
    args: '?FILE?',
    help: 'Send output to FILE, to a command if it begins with |, or to the screen',
    async run (session, args) {
      session.once = false
      await session.output.redirect(target(args))
    }
  },
  {
    name: 'once',
    args: 'FILE',
    help: 'Output of the next statement or command only to FILE',
    async run (session, args) {
      if (target(args) === null) throw new CliError('Usage: .once FILE')
      await session.output.redirect(target(args))
      session.once = true
    }
  },
  { name: 'parameter', args: 'CMD ...', help: 'Values of parameters: set NAME VALUE, unset NAME, list, clear', run: parameter },
  { name: 'show', args: '', help: 'Show the current values for various settings', run: show },
  {
    name: 'timeout',
    args: 'MS',
    help: 'How long to wait for locks of others',
    async run ({ db }, [ms]) { await db.pragma(`busy_timeout = ${count(ms, '.timeout')}`) }
  }
]

function target (args) {
  const text = args.join(' ')
  return text === '' || text === 'stdout' ? null : text
}

function mode (session, args) {
  const kinds = { wrap: true, wordwrap: true, quote: false, noquote: false }
  const [{ wrap, wordwrap }, [name, table]] = options(args, kinds, '.mode')
  const { settings } = session
  if (name === undefined && args.length === 0) {
    return session.output.write(`current output mode: ${settings.mode}\n`)
  }
  if (wrap !== undefined) settings.wrapAt = count(wrap, '--wrap')
  if (wordwrap !== undefined) settings.byWord = onOff(wordwrap, '--wordwrap')
  if (name === undefined) return
  if (wrap === undefined) settings.wrapAt = WRAP
  if (wordwrap === undefined) settings.byWord = false
  const known = Object.keys(MODES)
  const lower = name.toLowerCase()
  const found = known.find((one) => one === lower) ?? known.find((one) => one.startsWith(lower)) ??
    { lines: 'line', columns: 'column', qbox: 'box' }[lower]
  if (!found) throw new CliError(`mode should be one of: ${known.join(' ')}`)
  session.setMode(found)
  if (found === 'insert') settings.table = table
}

const VALUE = /^(?:null|-?\d+|-?(?:\d+\.\d*|\.\d+)(?:e[+-]?\d+)?|'(?:[^']|'')*'|x'(?:[\da-f]{2})*')$/i

async function parameter (session, [command = 'list', name, ...rest]) {
  const { parameters, output } = session
  if (command === 'init') return
  if (command === 'list') {
    const size = Math.max(0, ...[...parameters.keys()].map((key) => key.length))
    for (const [key, value] of parameters) output.write(`${key.padEnd(size)}  ${literal(value)}\n`)
  } else if (command === 'clear') parameters.clear()
  else if (command === 'unset' && name) parameters.delete(name)
  else if (command === 'set' && name && rest.length > 0) {
    if (!/^[:@$#?]./.test(name)) throw new CliError('the name of a parameter begins with :, @, $ or ?')
    const text = rest.join(' ')
    // As in sqlite3: what is a value of SQL, else text.
    const sql = VALUE.test(text) ? text : literal(text)
    parameters.set(name, await (await session.db.prepare(`SELECT ${sql}`)).pluck().get())
  } else throw new CliError('Usage: .parameter set NAME VALUE | unset NAME | list | clear')
}

function show ({ settings, output, name }) {
  const quote = (text) => JSON.stringify(text)
  const word = (on) => on ? 'on' : 'off'
  const lines = {
    echo: word(settings.echo),
    eqp: settings.eqp,
    explain: settings.explain,
    headers: word(settings.headers),
    mode: settings.mode,
    nullvalue: quote(settings.nullText),
    output: output.name,
    colseparator: quote(settings.separator),
    rowseparator: quote(settings.rowSeparator),
    timer: word(settings.timer),
    width: settings.widths.join(' '),
    [isUrl(name) ? 'url' : 'filename']: name
  }
  for (const [key, value] of Object.entries(lines)) output.write(`${key.padStart(12)}: ${value}\n`)
}

module.exports = SETTINGS
