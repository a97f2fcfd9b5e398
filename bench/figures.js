'use strict'

// Puts measured figures into docs/performance.md and README.md, between the marks that name them.

const fs = require('node:fs')
const path = require('node:path')

const { root } = require('./peers')
const { columns, floors, resultRows, growthRows, summary } = require('./report')
const { ratio } = require('./table')

const page = path.join(root, 'docs', 'performance.md')
const readme = path.join(root, 'README.md')

// The lines that the README shows; all of them are in docs/performance.md.
const SHOWN = [
  'get int, real, text, blob', 'all 100 rows', 'all 10,000 rows', 'all 10,000 rows with a blob',
  'all 10,000 x 20 ints', 'iterate 10,000 rows', 'insert 100 in a transaction',
  'update by primary key', 'prepare the same SQL', 'prepare new SQL each time',
  'user function, 10,000 rows'
]

function markdown (rows) {
  const line = cells => `| ${cells.join(' | ')} |`
  const rule = rows[0].map((_, i) => i === 0 ? '---' : '---:')
  return [line(rows[0]), line(rule), ...rows.slice(1).map(line)].join('\n')
}

function put (name, content, file = page) {
  const start = `<!-- ${name} -->`
  const end = `<!-- end of ${name} -->`
  const text = fs.readFileSync(file, 'utf8')
  const from = text.indexOf(start)
  const to = text.indexOf(end)
  if (from < 0 || to < from) throw new Error(`${file} lacks the marks of "${name}"`)
  fs.writeFileSync(file, `${text.slice(0, from + start.length)}\n${content}\n${text.slice(to)}`)
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
  // Name, better-sqlite3's speed, then the ratios of node:sqlite, libsql and Ferrolite.
  const [heads, ...lines] = rows.map(row => row.slice(0, 5))
  put('ratios', [markdown([heads, ...lines.filter(([name]) => SHOWN.includes(name.trim()))]),
    measuredOn(machine), '![Speed against better-sqlite3, workload by workload](docs/images/bench.svg)']
    .join('\n\n'), readme)
}

function putLoad ({ machine }, lines) {
  put('load', [measuredOn(machine), markdown([['', ...columns], ...lines])].join('\n\n'))
}

module.exports = { markdown, measuredOn, put, putBench, putImage, putLoad }
