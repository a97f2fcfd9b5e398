'use strict'

// Reads CSV as the sqlite3 shell does: RFC 4180, or any separators without quotes.

const BOM = '\ufeff'

/**
 * The records of a stream of text. `quoted` is whether "..." may hold separators. An unterminated
 * quote takes the rest.
 */
async function * records (chunks, { separator = ',', rowSeparator = '\n', quoted = true } = {}) {
  let rest = ''
  let isFirst = true
  for await (const chunk of chunks) {
    rest += chunk
    if (isFirst) rest = rest.replace(BOM, '')
    isFirst = false
    const { list, used } = parse(rest, separator, rowSeparator, quoted, false)
    rest = rest.slice(used)
    if (list.length > 0) yield list
  }
  const { list } = parse(rest, separator, rowSeparator, quoted, true)
  if (list.length > 0) yield list
}

function parse (text, separator, rowSeparator, quoted, isLast) {
  const list = []
  let used = 0
  for (let at = 0; at < text.length;) {
    const record = recordAt(text, at, separator, rowSeparator, quoted, isLast)
    if (record === null) break
    list.push(record.fields)
    used = at = record.end
  }
  return { list, used }
}

// The record that begins at `at`, or null if more text must come first.
function recordAt (text, at, separator, rowSeparator, quoted, isLast) {
  const fields = []
  for (;;) {
    const field = quoted && text[at] === '"' ? quotedField(text, at, isLast) : null
    if (field === undefined) return null
    const start = field?.end ?? at
    let comma = text.indexOf(separator, start)
    let row = text.indexOf(rowSeparator, start)
    if (row < 0) {
      if (!isLast) return null
      row = text.length
    }
    if (comma < 0) comma = text.length
    const end = Math.min(comma, row)
    let plain = text.slice(start, end)
    const isRowEnd = row <= comma
    if (isRowEnd && rowSeparator === '\n' && plain.endsWith('\r')) plain = plain.slice(0, -1)
    fields.push((field?.text ?? '') + plain)
    if (isRowEnd) return { fields, end: Math.min(text.length, row + rowSeparator.length) }
    at = comma + separator.length
  }
}

function quotedField (text, at, isLast) {
  for (let end = at + 1; ; end += 2) {
    end = text.indexOf('"', end)
    if (end < 0) return isLast ? { text: text.slice(at + 1).replaceAll('""', '"'), end: text.length } : undefined
    if (end + 1 >= text.length && !isLast) return undefined
    if (text[end + 1] !== '"') return { text: text.slice(at + 1, end).replaceAll('""', '"'), end: end + 1 }
  }
}

module.exports = { records }
