'use strict'

// The output modes, named as in the sqlite3 shell. A mode is a function of the settings, the names
// of the columns and `write`; it returns `row(values)` and `end(drain)`, which may be async:
// `drain` waits until what was written has gone. `row` may return such a function too.

const { columnar } = require('./columnar')
const { printable } = require('./text')
const { jsonValue, lineLiteral, literal, quoteName, valueText } = require('./values')

/** By name: how rows are written, and the separators that the mode sets. */
const MODES = {
  ascii: { open: separated, separator: '\x1f', rowSeparator: '\x1e' },
  auto: { open: auto, headers: true },
  box: { open: columnar, headers: true },
  column: { open: columnar, headers: true },
  csv: { open: csv, separator: ',', rowSeparator: '\r\n' },
  html: { open: html },
  insert: { open: insert },
  json: { open: json },
  line: { open: line, rowSeparator: '\n' },
  list: { open: separated, separator: '|', rowSeparator: '\n' },
  markdown: { open: columnar, headers: true },
  quote: { open: quote, separator: ',', rowSeparator: '\n' },
  table: { open: columnar, headers: true },
  tabs: { open: separated, separator: '\t', rowSeparator: '\n' },
  tcl: { open: tcl, separator: ' ', rowSeparator: '\n' }
}

/** What rows of these columns go to. */
function openMode (settings, columns, write) {
  return MODES[settings.mode].open(settings, columns, write)
}

const shown = (settings) => settings.escape ? (text) => printable(text) : (text) => text

const SAMPLE = 1000 // rows that decide how the others are written

/** A table if it fits on the terminal, else a line for each value. */
function auto (settings, columns, write) {
  let rows = []
  let mode = null

  async function choose (drain) {
    const table = columnar({ ...settings, mode: 'box' }, columns, write)
    for (const values of rows) table.row(values)
    const fits = table.width() <= settings.columns()
    mode = fits ? table : line({ ...settings, mode: 'line' }, columns, write)
    if (!fits) rows.forEach((values) => mode.row(values))
    rows = []
    if (fits) await table.stream(drain)
  }

  return {
    row (values) {
      if (mode === null) rows.push(values)
      else mode.row(values)
      // What this returns is awaited.
      if (rows.length >= SAMPLE) return choose
    },
    async end (drain) {
      if (mode === null && rows.length > 0) await choose(drain)
      await mode?.end(drain)
    }
  }
}

function separated (settings, columns, write) {
  const { separator, rowSeparator, nullText } = settings
  const show = shown(settings)
  const put = (cells) => write(cells.join(separator) + rowSeparator)
  let isFirst = true
  return {
    row (values) {
      if (isFirst && settings.headers) put(columns.map(show))
      isFirst = false
      put(values.map((value) => show(valueText(value, nullText))))
    },
    end () {}
  }
}

// What the sqlite3 shell puts into quotes.
// eslint-disable-next-line no-control-regex
const CSV_QUOTED = /^$|[\u0000-\u0020"'\u007f-\uffff]/

function csvCell (text, separator) {
  if (!CSV_QUOTED.test(text) && !text.includes(separator)) return text
  return `"${text.replaceAll('"', '""')}"`
}

function csv ({ separator, rowSeparator, nullText, headers }, columns, write) {
  const put = (cells) => write(cells.join(separator) + rowSeparator)
  let isFirst = true
  return {
    row (values) {
      if (isFirst && headers) put(columns.map((name) => csvCell(name, separator)))
      isFirst = false
      put(values.map((value) => {
        return value === null ? nullText : csvCell(valueText(value, ''), separator)
      }))
    },
    end () {}
  }
}

function json (settings, columns, write) {
  const names = columns.map((name) => `${JSON.stringify(name)}:`)
  let isFirst = true
  return {
    row (values) {
      const members = values.map((value, i) => names[i] + jsonValue(value))
      write(`${isFirst ? '[' : ',\n'}{${members.join(',')}}`)
      isFirst = false
    },
    end () { if (!isFirst) write(']\n') }
  }
}

const LABEL = 5 // of the sqlite3 shell: the least width of a name

function line (settings, columns, write) {
  const show = shown(settings)
  const size = Math.max(LABEL, ...columns.map((name) => name.length))
  const names = columns.map((name) => `${show(name).padStart(size)} = `)
  let isFirst = true
  return {
    row (values) {
      const lines = values.map((value, i) => names[i] + show(valueText(value, settings.nullText)))
      write((isFirst ? '' : settings.rowSeparator) + lines.map((line) => `${line}\n`).join(''))
      isFirst = false
    },
    end () {}
  }
}

function insert (settings, columns, write) {
  const table = quoteName(settings.table ?? 'table')
  const names = settings.headers ? `(${columns.map(quoteName).join(',')})` : ''
  return {
    row (values) {
      write(`INSERT INTO ${table}${names} VALUES(${values.map(lineLiteral).join(',')});\n`)
    },
    end () {}
  }
}

function quote ({ separator, rowSeparator, headers }, columns, write) {
  const put = (cells) => write(cells.map(literal).join(separator) + rowSeparator)
  let isFirst = true
  return {
    row (values) {
      if (isFirst && headers) put(columns)
      isFirst = false
      put(values)
    },
    end () {}
  }
}

const ENTITIES = { '<': '&lt;', '&': '&amp;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

function html ({ nullText, headers }, columns, write) {
  const escape = (text) => text.replace(/[<&>"']/g, (char) => ENTITIES[char])
  const put = (tag, cells) => {
    write(`<TR>${cells.map((cell) => `<${tag}>${escape(cell)}</${tag}>`).join('\n')}\n</TR>\n`)
  }
  let isFirst = true
  return {
    row (values) {
      if (isFirst && headers) put('TH', columns)
      isFirst = false
      put('TD', values.map((value) => valueText(value, nullText)))
    },
    end () {}
  }
}

const TCL = { '\\': '\\\\', '"': '\\"', '\t': '\\t', '\n': '\\n', '\r': '\\r' }

function tcl ({ separator, rowSeparator, nullText, headers }, columns, write) {
  const cell = (text) => {
    // eslint-disable-next-line no-control-regex
    const quoted = text.replace(/[\\"\u0000-\u001f]|[\u007f-\u{10ffff}]/gu, (char) => {
      return TCL[char] ?? [...Buffer.from(char)].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('')
    })
    return `"${quoted}"`
  }
  const put = (cells) => write(cells.map(cell).join(separator) + rowSeparator)
  let isFirst = true
  return {
    row (values) {
      if (isFirst && headers) put(columns)
      isFirst = false
      put(values.map((value) => valueText(value, nullText)))
    },
    end () {}
  }
}

module.exports = { MODES, openMode }
