'use strict'

// The tables of what was measured of databases in key-value stores.

const { duration } = require('../table')

const ms = (figures) => figures === undefined ? '-' : duration(figures.ms * 1e6)
const calls = ({ reads, writes, deletes }) => reads === undefined
  ? '-'
  : [reads, writes, deletes].map(Math.round).join(' + ')
const rate = (milliseconds) => Math.round(1000 / milliseconds).toLocaleString('en')

const LABELS = {
  sync: 'sync API',
  promise: 'promise API',
  rivet: 'Rivet',
  file: 'a file of Ferrolite',
  'better-sqlite3': 'a file of better-sqlite3'
}

function pages (results) {
  const names = Object.keys(results)
  const lines = Object.keys(results[names[0]])
  const text = 'Calls of the store that read + write + delete, and the time, by bytes of a page; ' +
    'the sync API and a store in memory:'
  return [text, [
    ['', ...names.flatMap((name) => [name.replace('pages of ', ''), 'time'])],
    ...lines.map((line) => [
      line,
      ...names.flatMap((name) => [calls(results[name][line]), ms(results[name][line])])
    ])
  ]]
}

function engines (results) {
  const names = Object.keys(results)
  const lines = Object.keys(results[names[0]])
  const of = (name, line) => results[name][line]
  const rows = [['', ...names.map((name) => LABELS[name])]]
  for (const line of lines) {
    rows.push([line, ...names.map((name) => ms(of(name, line)))])
    rows.push([`${line}: calls`, ...names.map((name) => calls(of(name, line)))])
  }
  return ['With a store in memory that answers at once, and with files in WAL mode with `synchronous = FULL`:', rows]
}

function latency (results) {
  const rows = [['', 'an autocommit', 'relaxed commits a second', 'a cold scan', 'calls of it', 'scan / (calls x latency)']]
  for (const [name, { autocommit, relaxed, scan }] of Object.entries(results)) {
    const [, distance] = /at (\d+) ms/.exec(name)
    rows.push([name.replace('promise', LABELS.promise).replace('rivet', LABELS.rivet), ms(autocommit),
      relaxed ? rate(relaxed.ms) : '-', ms(scan), scan ? String(scan.reads) : '-',
      scan ? (scan.ms / (scan.reads * distance)).toFixed(2) : '-'])
  }
  return ['Behind a network that takes so long for each call. A scan is one of all rows of a table:', rows]
}

function stores (results) {
  const names = Object.keys(results)
  const text = 'In real stores on the same machine, through the promise API; ' +
    'the table that is scanned has 5 MB:'
  return [text, [
    ['', ...names],
    ...Object.keys(results[names[0]])
      .map((line) => [line, ...names.map((name) => ms(results[name][line]))])
  ]]
}

/** Texts with their tables. */
function tablesOf ({ results }) {
  return Object.entries({ pages, engines, latency, stores })
    .filter(([group]) => results[group] !== undefined)
    .map(([group, make]) => make(results[group]))
}

module.exports = { LABELS, tablesOf }
