'use strict'

// Time per row against the number of rows, one panel a kind of workload, both scales logarithmic.

const { columns } = require('../report')
const { caption } = require('./ratios')
const { colour, draw } = require('./vega')

const TIMES = [1, 2, 3, 5].flatMap(first => [100, 1000, 10_000, 100_000].map(n => first * n))

function points (growth) {
  return growth.flatMap(({ kind, rows, drivers }) => columns
    .filter(label => drivers[label] !== undefined)
    .map(label => ({ kind, rows, label, time: drivers[label].nanoseconds })))
}

function drawGrowth (growth, machine) {
  const title = 'Time per row as the table grows'
  const encoding = {
    x: {
      field: 'rows',
      type: 'quantitative',
      scale: { type: 'log', nice: false },
      axis: {
        grid: false,
        values: [10, 100, 1000, 10_000, 100_000, 1_000_000],
        labelExpr: "datum.value < 1000 ? '' + datum.value : " +
          "datum.value < 1e6 ? datum.value / 1e3 + ' k' : datum.value / 1e6 + ' M'"
      }
    },
    y: {
      field: 'time',
      type: 'quantitative',
      scale: { type: 'log', nice: false, padding: 12 },
      axis: {
        values: TIMES,
        labelExpr: "datum.value < 1000 ? datum.value + ' ns' : datum.value / 1000 + ' us'"
      }
    },
    color: colour('label', [...columns].reverse())
  }
  return draw(title, {
    title: {
      text: title,
      subtitle: ['lower is faster; rows across, time up, both scales logarithmic', caption(machine)]
    },
    data: { values: points(growth) },
    facet: { column: { field: 'kind', sort: [...new Set(growth.map(({ kind }) => kind))], header: { labelAnchor: 'start' } } },
    spacing: 48,
    spec: {
      width: 200,
      height: 200,
      layer: [
        { mark: { type: 'line', strokeWidth: 2 }, encoding },
        { mark: { type: 'circle', opacity: 1, size: 45 }, encoding }
      ]
    },
    resolve: { scale: { y: 'independent' }, axis: { y: 'independent' } },
    config: { axisY: { labelFontSize: 11.5, labelPadding: 6 } }
  })
}

module.exports = { drawGrowth }
