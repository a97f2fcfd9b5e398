'use strict'

const { tokens } = require('./tokens')

/** What to bind to a statement: values by name from `.parameter set`, NULL for the others. */
function parameters (sql, values) {
  if (!/[?:@$#]/.test(sql)) return []
  const names = tokens(sql).filter(({ type }) => type === 'variable').map(({ text }) => text)
  const plain = names.filter((name) => name === '?')
  const named = names.filter((name) => name !== '?')
  const valueOf = (name) => values.get(name) ?? null
  const list = []
  if (plain.length > 0) list.push(plain.map((_, i) => valueOf(`?${i + 1}`)))
  if (named.length > 0) {
    list.push(Object.fromEntries(named.map((name) => [name.slice(1), valueOf(name)])))
  }
  return list
}

module.exports = { parameters }
