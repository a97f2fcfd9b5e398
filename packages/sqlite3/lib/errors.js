'use strict'

// Errors as node-sqlite3 has them: `errno` and `code` are of the primary result code, and the
// message begins with that code.

const { CODES } = require('./constants')

const NAMES = new Map(Object.entries(CODES).map(([name, number]) => [number, name]))

function makeError (name, message) {
  const error = new Error(`SQLITE_${name}: ${message}`)
  return Object.assign(error, { errno: CODES[name], code: `SQLITE_${name}` })
}

/** An error of Ferrolite in that form. */
function converted (error) {
  const { rawCode, code, message } = error
  const name = primary(rawCode) ?? named(code) ?? mistakeOf(message)
  if (name === 'CANTOPEN') return makeError(name, 'unable to open database file')
  return makeError(name, message)
}

function primary (rawCode) {
  return rawCode === undefined ? undefined : NAMES.get(rawCode & 0xff)
}

function mistakeOf (message) {
  return message.includes('directory does not exist') ? 'CANTOPEN' : 'MISUSE'
}

function named (code) {
  const [, name] = /^SQLITE_([A-Z]+)/.exec(code) ?? []
  return name in CODES ? name : undefined
}

const misuse = (message) => makeError('MISUSE', message)

module.exports = { converted, makeError, misuse }
