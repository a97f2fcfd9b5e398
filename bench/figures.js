'use strict'

// Puts measured figures into docs/performance.md, between the marks that name them.

const fs = require('node:fs')
const path = require('node:path')

const { root } = require('./peers')
const { columns, floors, resultRows, growthRows, summary } = require('./report')
const { ratio } = require('./table')

const page = path.join(root, 'docs', 'performance.md')

function markdown (rows) {
  const line = cells => `| ${cells.join(' | ')} |`
  const rule = rows[0].map((_, i) => i === 0 ? '---' : '---:')
  return [line(rows[0]), line(rule), ...rows.slice(1).map(line)].join('\n')
}

function put (name, content) {
  const start = `<!-- ${name} -->`
  const end = `<!-- end of ${name} -->`
  const text = fs.readFileSync(page, 'utf8')
  const from = text.indexOf(start)
  const to = text.indexOf(end)
  if (from < 0 || to < from) throw new Error(`${page} lacks the marks of "${name}"`)
  fs.writeFileSync(page, `${text.slice(0, from + start.length)}\n${content}\n${text.slice(to)}`)
}

function putImage (name, picture) {
  const images = path.join(root, 'docs', 'images')
  fs.mkdirSync(images, { recursive: true })
  fs.writeFileSync(path.join(images, name), picture)
}

function measuredOn ({ node, platform, cpu, cores, date, versions }) {
  const list = Object.entries(versions)
    .map(([label, { version, sqlite }]) => `${label} ${version}${sqlite ? ` (SQLite ${sqlite})` : ''}`)
  return `Measured on ${date}: Node ${node}, ${platform}, ${cores} cores (${cpu}); ${list.join(', ')}.`
}

// The best of a line is set in bold.
function bold (cell) {
  return cell.endsWith('*') ? `**${cell.slice(0, -1)}**` : cell.trim()
}

function putBench ({ machine, results, growth }) {
  const rows = resultRows(results).map(row => row.map(bold))
  put('bench', [measuredOn(machine), markdown(rows), ['```', summary(results), '```'].join('\n')]
    .join('\n\n'))
  put('floors', markdown([['', 'at least', 'measured'], ...floors(results)
    .map(({ name, floor, value, passed }) =>
      [name, ratio(floor), ratio(value) + (passed ? '' : ' (missed)')])]))
  put('growth', markdown(growthRows(growth)))
}

function putLoad ({ machine }, lines) {
  put('load', [measuredOn(machine), markdown([['', ...columns], ...lines])].join('\n\n'))
}

module.exports = { markdown, measuredOn, put, putBench, putImage, putLoad }
