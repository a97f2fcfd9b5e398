'use strict'

// Values of SQLite as text, as JSON and as SQL. Integers are bigints here, so a number is a REAL.

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** A REAL as SQLite writes it: 15 digits, and always a point. */
function realText (value) {
  if (!Number.isFinite(value)) return value > 0 ? 'Inf' : '-Inf'
  const text = String(value)
  // Most are short, and then JavaScript writes them in the same way.
  if (text.length < 16 && /^-?\d+\.\d+$/.test(text) && Math.abs(value) >= 1e-4) return text
  return withPoint(shortest(Number(value.toPrecision(15)), 15))
}

/** A REAL so that it is read as the same value. */
function realLiteral (value) {
  if (!Number.isFinite(value)) return value > 0 ? '1e999' : '-1e999'
  return withPoint(shortest(value, 17))
}

function shortest (value, digits) {
  if (Object.is(value, -0)) return '0'
  const [mantissa, exponent] = value.toExponential().split('e')
  const power = Number(exponent)
  if (power >= -4 && power < digits) return plain(mantissa, power)
  return `${withPoint(mantissa)}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`
}

// JavaScript changes to exponents at other powers than SQLite.
function plain (mantissa, power) {
  const sign = mantissa.startsWith('-') ? '-' : ''
  const digits = mantissa.replace(/[-.]/g, '')
  if (power < 0) return `${sign}0.${'0'.repeat(-power - 1)}${digits}`
  const whole = digits.slice(0, power + 1).padEnd(power + 1, '0')
  const rest = digits.slice(power + 1)
  return sign + (rest ? `${whole}.${rest}` : whole)
}

function withPoint (text) {
  return /[.e]/.test(text) ? text : `${text}.0`
}

/** A value as it is shown; `nullText` for NULL. A BLOB that is no text is shown as x'...'. */
function valueText (value, nullText) {
  if (value === null) return nullText
  if (typeof value === 'number') return realText(value)
  if (typeof value === 'object') return blobText(value)
  return String(value)
}

function blobText (bytes) {
  try {
    const text = UTF8.decode(bytes)
    if (!text.includes('\0')) return text
  } catch {
    // It is no text.
  }
  return blobLiteral(bytes)
}

function blobLiteral (bytes) {
  return `X'${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex')}'`
}

/** A value as SQL. */
function literal (value) {
  if (value === null) return 'NULL'
  if (typeof value === 'string') return textLiteral(value)
  if (typeof value === 'number') return realLiteral(value)
  return typeof value === 'object' ? blobLiteral(value) : String(value)
}

function textLiteral (text) {
  // SQL ends at a NUL.
  if (text.includes('\0')) return `CAST(${blobLiteral(Buffer.from(text))} AS TEXT)`
  return `'${text.replaceAll("'", "''")}'`
}

/** As `literal`, in one line, so that a script of many of them can be compared line by line. */
function lineLiteral (value) {
  if (typeof value !== 'string' || !/[\r\n]/.test(value) || value.includes('\0')) return literal(value)
  let sql = literal(value)
  for (const [char, name, code] of [['\n', '\\n', 10], ['\r', '\\r', 13]]) {
    if (!value.includes(char)) continue
    const mark = unused(value, name, code)
    sql = `replace(${sql.replaceAll(char, mark)},'${mark}',char(${code}))`
  }
  return sql
}

function unused (text, name, code) {
  const marks = [name, `\\${code.toString(8).padStart(3, '0')}`]
  const mark = marks.find((mark) => !text.includes(mark))
  if (mark !== undefined) return mark
  let number = 0
  while (text.includes(`(${name}${number})`)) number++
  return `(${name}${number})`
}

/** A value as JSON. A BLOB that is no text is a string of hexadecimal digits. */
function jsonValue (value) {
  if (value === null) return 'null'
  if (typeof value === 'bigint') return String(value)
  if (typeof value === 'number') return realLiteral(value)
  if (typeof value === 'object') return JSON.stringify(blobText(value).replace(/^X'([\da-f]*)'$/, '$1'))
  return JSON.stringify(value)
}

const PLAIN_NAME = /^[A-Za-z_][A-Za-z_0-9]*$/

/** A name as SQL: quoted if it must be. */
function quoteName (name) {
  const { isKeyword } = require('../sql/keywords')
  if (PLAIN_NAME.test(name) && !isKeyword(name)) return name
  return `"${name.replaceAll('"', '""')}"`
}

module.exports = {
  jsonValue, lineLiteral, literal, quoteName, realLiteral, realText, valueText
}
