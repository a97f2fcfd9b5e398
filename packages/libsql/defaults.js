'use strict'

// What libsql does unless it is told otherwise, and Ferrolite does not.

const URI = Symbol.for('ferrolite.uri')

/** Arguments for Ferrolite: no busy timeout, `file:` names are URIs, and memory may be shared. */
function openArguments (filename, options) {
  if (options !== undefined && options !== null && typeof options !== 'object') return [filename, options]
  const given = { [URI]: true, ...options }
  // @libsql/client gives `undefined` where its user gives nothing.
  return [shared(filename), { ...given, timeout: given.timeout ?? 0 }]
}

// The engine has no shared cache, but a VFS whose databases in memory have names.
function shared (filename) {
  if (typeof filename !== 'string') return filename
  const [, name = null, query] = /^file:([^?]*)\?(.*)$/s.exec(filename) ?? []
  if (name === null) return filename
  const parameters = new (require('node:url').URLSearchParams)(query)
  const isMemory = name === ':memory:' || parameters.get('mode') === 'memory'
  if (!isMemory || parameters.get('cache') !== 'shared') return filename
  return `file:/${encodeURIComponent(name)}?vfs=memdb`
}

const NUMBERED = /\?\d/

/** In libsql, an array has the values of `?1`, `?2` and so on as well. */
function bindByNumber (statement, sql, methods) {
  if (typeof sql !== 'string' || !NUMBERED.test(sql)) return statement
  for (const name of methods) {
    const method = statement[name]
    const value = function (...params) { return method.apply(this, numbered(sql, params)) }
    Object.defineProperty(statement, name, { value, configurable: true, writable: true })
  }
  return statement
}

/** Parameters of a call, where an array of `?1`, `?2` and so on becomes an object. */
function numbered (sql, params) {
  const [values, ...rest] = params
  if (!Array.isArray(values) || typeof sql !== 'string' || !NUMBERED.test(sql)) return params
  if (!rest.every(isOptions)) return params
  return [Object.fromEntries(values.map((value, i) => [i + 1, value])), ...rest]
}

function isOptions (value) {
  return typeof value === 'object' && value !== null && 'queryTimeout' in value
}

module.exports = { bindByNumber, numbered, openArguments }
