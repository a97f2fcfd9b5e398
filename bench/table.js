'use strict'

// Text tables and numbers as people read them.

// The first column is set left, the others right.
function table (rows) {
  const widths = rows[0].map((_, c) => Math.max(...rows.map(row => row[c].length)))
  const line = row => row
    .map((cell, c) => c === 0 ? cell.padEnd(widths[c]) : cell.padStart(widths[c]))
    .join('  ').trimEnd()
  const rule = widths.map(width => '-'.repeat(width)).join('  ')
  return [line(rows[0]), rule, ...rows.slice(1).map(line)].join('\n')
}

function three (value) {
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2)
}

function perSecond (nanoseconds) {
  const value = 1e9 / nanoseconds
  if (value >= 1e6) return `${three(value / 1e6)} M/s`
  if (value >= 1e3) return `${three(value / 1e3)} k/s`
  return `${three(value)}/s`
}

function duration (nanoseconds) {
  if (nanoseconds >= 1e6) return `${three(nanoseconds / 1e6)} ms`
  if (nanoseconds >= 1e3) return `${three(nanoseconds / 1e3)} us`
  return `${three(nanoseconds)} ns`
}

function megabytes (bytes) {
  return `${(bytes / 1e6).toFixed(Math.abs(bytes) < 1e7 ? 1 : 0)} MB`
}

function ratio (value) {
  if (value === undefined) return '-'
  return value >= 10 ? value.toFixed(1) : value.toFixed(2)
}

module.exports = { duration, megabytes, perSecond, ratio, table }
