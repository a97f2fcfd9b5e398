'use strict'

// Splits SQL into tokens, as SQLite does, for colours and completion.

const TOKENS = [
  ['space', /\s+/y],
  ['comment', /--[^\n]*|\/\*[^]*?(?:\*\/|$)/y],
  ['blob', /[xX]'[^']*'?/y],
  ['string', /'(?:[^']|'')*'?/y],
  ['quoted', /"(?:[^"]|"")*"?|`(?:[^`]|``)*`?|\[[^\]]*\]?/y],
  ['number', /0[xX][\da-fA-F]+|(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?/y],
  ['variable', /\?\d*|[:@$#][\w$\u0080-\uffff]+/y],
  ['word', /[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*/y],
  ['end', /;/y],
  ['operator', /[^]/y]
]

/** The tokens of `sql`: `{ type, text, start }`. Together they are the whole text. */
function tokens (sql) {
  const list = []
  for (let start = 0; start < sql.length;) {
    const token = tokenAt(sql, start)
    list.push(token)
    start += token.text.length
  }
  return list
}

function tokenAt (sql, start) {
  for (const [type, expression] of TOKENS) {
    expression.lastIndex = start
    const [text] = expression.exec(sql) ?? []
    if (text) return { type, text, start }
  }
}

/** The name that a word or a quoted name stands for. */
function nameOf (text) {
  const quote = text[0]
  if (quote === '[') return text.replace(/^\[|\]$/g, '')
  if (quote !== '"' && quote !== '`') return text
  return text.slice(1, text.length > 1 && text.endsWith(quote) ? -1 : undefined)
    .replaceAll(quote + quote, quote)
}

module.exports = { nameOf, tokens }
