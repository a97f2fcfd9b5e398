'use strict'

const { pad, width } = require('../output/text')

// As sqlite3 prints names: as many columns as fit, read from top to bottom.
function inColumns (list, size) {
  const longest = Math.max(0, ...list.map(width))
  const columns = Math.max(1, Math.floor(size / (longest + 2)))
  const rows = Math.ceil(list.length / columns)
  let text = ''
  for (let row = 0; row < rows; row++) {
    const cells = list.filter((_, i) => i % rows === row)
    text += `${cells.map((name) => pad(name, longest)).join('  ')}\n`
  }
  return text
}

/** A table in .schema and .dump: as in sqlite3, one with a quoted name is made if it is missing. */
function createText (sql) {
  return sql.replace(/^CREATE TABLE (?=['"])/, 'CREATE TABLE IF NOT EXISTS ')
}

module.exports = { createText, inColumns }
