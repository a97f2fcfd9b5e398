'use strict'

// `stmt.timing()` of both APIs. A timed statement has methods of its own, so that it costs other
// statements nothing.

const { now } = require('./timers')

function setTiming (statement, on) {
  delete statement.run
  delete statement.get
  if (!on) return
  own(statement, 'run', (info, duration) => Object.assign(info, { duration }))
  own(statement, 'get', (row, duration) => {
    if (typeof row !== 'object' || row === null || Object.hasOwn(row, '_metadata')) return row
    // Not enumerable: it is not a column, and not in JSON.
    return Object.defineProperty(row, '_metadata', { value: { duration }, configurable: true })
  })
}

function own (statement, name, add) {
  const method = statement[name]
  const value = function (...params) {
    const start = now()
    const seconds = () => (now() - start) / 1000
    const result = method.apply(this, params)
    if (!(result instanceof Promise)) return add(result, seconds())
    return result.then((value) => add(value, seconds()))
  }
  Object.defineProperty(statement, name, { value, configurable: true })
}

module.exports = { setTiming }
