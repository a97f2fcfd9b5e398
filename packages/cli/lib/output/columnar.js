'use strict'

// Tables: the modes box, column, markdown and table. All rows are read before the first is written,
// since the widths depend on them, unless stream() fixes the widths earlier.

const { center, pad, printable, width, wrap } = require('./text')
const { valueText } = require('./values')

/** Characters of a line of a cell, unless `.mode --wrap` says otherwise. */
const WRAP = 60

const RULES = {
  box: { line: '─', top: '┌┬┐', middle: '├┼┤', bottom: '└┴┘', wall: '│' },
  table: { line: '-', top: '+++', middle: '+++', bottom: '+++', wall: '|' },
  markdown: { line: '-', middle: '|||', wall: '|' },
  column: {}
}

function columnar (settings, columns, write) {
  const { nullText, wrapAt, byWord } = settings
  const show = settings.escape ? printable : (text) => text
  const head = columns.map((name) => wrap(show(name), wrapAt, byWord))
  let rows = []
  let table = null

  function cellsOf (values, sizes) {
    return values.map((value, i) => {
      const limit = Math.abs(sizes[i] ?? 0) || wrapAt
      return wrap(show(valueText(value, nullText)), limit, byWord)
    })
  }

  function widths () {
    return columns.map((_, i) => {
      const fixed = settings.widths[i] ?? 0
      if (fixed !== 0) return fixed
      let size = Math.max(...head[i].map(width), 1)
      for (const cells of rows) {
        for (const line of cells[i]) size = Math.max(size, width(line))
      }
      return size
    })
  }

  return {
    row (values) {
      if (table === null) rows.push(cellsOf(values, settings.widths))
      else table.row(cellsOf(values, table.sizes))
    },
    /** How many columns of a terminal it takes. */
    width () {
      return widths().reduce((sum, size) => sum + Math.abs(size) + 3, 1)
    },
    /** Writes the rows so far; later ones are written at once, and wrap to the same widths. */
    async stream (drain) {
      const areMany = rows.some((cells) => cells.some((lines) => lines.length > 1))
      table = new Table(settings, { head, sizes: widths(), areMany }, write)
      for (const cells of rows) {
        table.row(cells)
        await drain()
      }
      rows = []
    },
    async end (drain) {
      if (table === null && rows.length > 0) await this.stream(drain)
      table?.end()
    }
  }
}

class Table {
  #write
  #rule
  #between
  #isFirst = true
  sizes

  constructor ({ mode, headers }, { head, sizes, areMany }, write) {
    this.#write = write
    this.#rule = RULES[mode]
    this.sizes = sizes
    const rule = this.#rule
    if (areMany && rule.bottom) this.#between = ruleLine(rule, rule.middle, sizes)
    else this.#between = areMany && !rule.wall ? '\n' : ''
    if (rule.top) write(ruleLine(rule, rule.top, sizes))
    if (!headers && mode === 'column') return
    const heading = mode === 'column' ? pad : (text, size) => center(text, Math.abs(size))
    for (const texts of linesOf(head)) {
      this.#line(texts.map((text, i) => heading(text, sizes[i])))
    }
    if (rule.middle) write(ruleLine(rule, rule.middle, sizes))
    else this.#line(sizes.map((size) => '-'.repeat(Math.abs(size))))
  }

  row (cells) {
    if (!this.#isFirst && this.#between) this.#write(this.#between)
    this.#isFirst = false
    for (const texts of linesOf(cells)) this.#line(texts.map((text, i) => pad(text, this.sizes[i])))
  }

  end () {
    if (this.#rule.bottom) this.#write(ruleLine(this.#rule, this.#rule.bottom, this.sizes))
  }

  #line (texts) {
    const { wall } = this.#rule
    this.#write(wall ? `${wall} ${texts.join(` ${wall} `)} ${wall}\n` : `${texts.join('  ')}\n`)
  }
}

// The lines of cells that have several lines.
function linesOf (cells) {
  if (cells.every((lines) => lines.length === 1)) return [cells.map(([line]) => line)]
  const count = Math.max(...cells.map((lines) => lines.length))
  return Array.from({ length: count }, (_, i) => cells.map((lines) => lines[i] ?? ''))
}

function ruleLine ({ line }, [left, cross, right], sizes) {
  return `${left}${sizes.map((size) => line.repeat(Math.abs(size) + 2)).join(cross)}${right}\n`
}

module.exports = { WRAP, columnar }
