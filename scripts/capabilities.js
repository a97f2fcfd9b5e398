'use strict'

// The table of what works where.

const { COLUMNS, WASM } = require('../lib/capabilities')

/** Its lines in Markdown. */
function capabilityTable () {
  const columns = [...Object.values(COLUMNS), { ...WASM, called: 'databases on this machine, in WASM' }]
  // Methods that are where others are share a line.
  const lines = new Map()
  for (const method of new Set(Object.values(COLUMNS).flatMap(({ lacks }) => Object.keys(lacks)))) {
    const cells = columns.map((column) => cell(column, method)).join(' | ')
    lines.set(cells, [...lines.get(cells) ?? [], method.replace(/(?<=^option )\w+|^(?!option )\S+/, '`$&`')])
  }
  return [
    '',
    `| | ${columns.map(({ called }) => called).join(' | ')} |`,
    `|${'---|'.repeat(columns.length + 1)}`,
    ...Array.from(lines, ([cells, methods]) => `| ${methods.join(', ')} | ${cells} |`),
    ''
  ]
}

function cell ({ lacks, ofFile = [] }, method) {
  if (lacks[method] !== undefined) return `no: ${lacks[method]}`
  return ofFile.includes(method) ? 'of its file' : 'yes'
}

module.exports = { capabilityTable }
