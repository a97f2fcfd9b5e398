'use strict'

// Tables: the modes box, column, markdown and table. All rows are read before the first is written,
// since the widths depend on them.

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
  const { mode, nullText, headers, wrapAt, byWord } = settings
  const show = settings.escape ? printable : (text) => text
  const head = columns.map((name) => wrap(show(name), wrapAt, byWord))
  const rows = []

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
      rows.push(values.map((value, i) => {
        const limit = Math.abs(settings.widths[i] ?? 0) || wrapAt
        return wrap(show(valueText(value, nullText)), limit, byWord)
      }))
    },
    width () {
      return widths().reduce((sum, size) => sum + Math.abs(size) + 3, 1)
    },
    end () {
      if (rows.length > 0) put({ rows, head, sizes: widths(), mode, headers }, write)
    }
  }
}

function put ({ rows, head, sizes, mode, headers }, write) {
  const rule = RULES[mode]
  const isMany = rows.some((cells) => cells.some((lines) => lines.length > 1))
  const between = rule.bottom ? ruleLine(rule, rule.middle, sizes) : (rule.wall ? '' : '\n')
  const line = (texts) => {
    return rule.wall ? `${rule.wall} ${texts.join(` ${rule.wall} `)} ${rule.wall}\n` : `${texts.join('  ')}\n`
  }
  if (rule.top) write(ruleLine(rule, rule.top, sizes))
  if (headers || mode !== 'column') {
    const heading = mode === 'column' ? pad : center
    for (const texts of linesOf(head)) {
      write(line(texts.map((text, i) => heading(text, mode === 'column' ? sizes[i] : Math.abs(sizes[i])))))
    }
    write(rule.middle ? ruleLine(rule, rule.middle, sizes) : line(sizes.map((size) => '-'.repeat(Math.abs(size)))))
  }
  rows.forEach((cells, index) => {
    if (isMany && index > 0 && between) write(between)
    for (const texts of linesOf(cells)) write(line(texts.map((text, i) => pad(text, sizes[i]))))
  })
  if (rule.bottom) write(ruleLine(rule, rule.bottom, sizes))
}

// The lines of cells that have several lines.
function linesOf (cells) {
  const count = Math.max(...cells.map((lines) => lines.length))
  return Array.from({ length: count }, (_, i) => cells.map((lines) => lines[i] ?? ''))
}

function ruleLine ({ line }, [left, cross, right], sizes) {
  return `${left}${sizes.map((size) => line.repeat(Math.abs(size) + 2)).join(cross)}${right}\n`
}

module.exports = { WRAP, columnar }
