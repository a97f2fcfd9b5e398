'use strict'

// What drivers may differ in without differing in data: the class of a blob, the prototype of rows,
// and the time that libsql adds to them.
function plain (value) {
  if (value instanceof ArrayBuffer) return plain(new Uint8Array(value))
  if (value instanceof Uint8Array) return `blob ${Buffer.from(value).toString('hex')}`
  if (Array.isArray(value)) return value.map(plain)
  if (value === null || typeof value !== 'object') return value
  const entries = Object.entries(value).filter(([key]) => key !== '_metadata')
  return Object.fromEntries(entries.map(([key, entry]) => [key, plain(entry)]))
}

module.exports = { plain }
