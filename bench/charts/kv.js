'use strict'

// Milliseconds of the same work by engine, one panel a kind of work: a store in memory, and files.

const { LABELS } = require('../kv/report')
const { colour, draw } = require('./vega')

// What the picture shows, from the left.
const PANELS = ['1,000 autocommits', 'a transaction of 10,000', 'a row of 10 MiB', 'a cold scan by table']
const COLOURS = { sync: 'ferrolite', promise: 'turso', rivet: 'libsql', file: 'usearch', 'better-sqlite3': 'better-sqlite3' }
const TIMES = [1, 3, 10, 30, 100, 300, 1000, 3000, 10_000]

function drawKv ({ results: { engines }, machine }) {
  const names = Object.keys(engines)
  const values = names.flatMap((name) => PANELS
    .map((what) => ({ engine: LABELS[name], what, ms: engines[name][what].ms })))
  const { node, platform, versions } = machine
  const list = Object.entries(versions).map(([name, { version }]) => `${name} ${version}`)
  const title = 'A database in a key-value store'
  const labels = names.map((name) => LABELS[name])
  return draw(title, {
    title: {
      text: title,
      subtitle: ['milliseconds, on a logarithmic scale: less is faster; the store is in memory', `Node ${node}, ${platform}; ${list.join(', ')}`]
    },
    data: { values },
    facet: { field: 'what', type: 'nominal', sort: PANELS, columns: 2, header: { labelAnchor: 'start' } },
    columns: 2,
    spacing: 36,
    spec: {
      width: 250,
      height: { step: 22 },
      mark: { type: 'circle', opacity: 1, size: 80 },
      encoding: {
        x: {
          field: 'ms',
          type: 'quantitative',
          scale: { type: 'log', nice: false, padding: 14 },
          axis: { values: TIMES, labelExpr: "datum.value < 1000 ? datum.value + ' ms' : datum.value / 1000 + ' s'" }
        },
        y: { field: 'engine', type: 'nominal', sort: labels, axis: { domain: false, grid: true } },
        color: colour('engine', names.map((name) => COLOURS[name]), labels)
      }
    },
    resolve: { axis: { x: 'independent' } }
  })
}

module.exports = { drawKv }
