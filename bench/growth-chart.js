'use strict'

// Time per row against the number of rows, one panel a kind of workload, both scales logarithmic.

const { caption } = require('./ratio-chart')
const { columns } = require('./report')
const { circle, className, legend, line, picture, polyline, text } = require('./svg')

const width = 860
const height = 364
const top = 124
const bottom = height - 74
const panelWidth = 226
const firstLeft = 62
const between = 48

const powers = { 10: '10', 100: '100', 1000: '1 k', 10000: '10 k', 100000: '100 k', 1000000: '1 M' }
const times = {
  100: '100 ns',
  200: '200 ns',
  500: '500 ns',
  1000: '1 us',
  2000: '2 us',
  5000: '5 us',
  10000: '10 us',
  50000: '50 us',
  200000: '200 us'
}

function span (values) {
  const low = Math.min(...values)
  const high = Math.max(...values)
  return { low, high, at: value => Math.log(value / low) / Math.log(high / low) }
}

function panel (left, kind, points) {
  const across = span(points.map(({ rows }) => rows))
  const nanoseconds = points.flatMap(({ drivers }) =>
    columns.flatMap(label => drivers[label]?.nanoseconds ?? []))
  const up = span([Math.min(...nanoseconds) / 1.2, Math.max(...nanoseconds) * 1.2])
  const x = rows => left + across.at(rows) * panelWidth
  const y = time => bottom - up.at(time) * (bottom - top)
  const shapes = [text(left, top - 14, kind, 'ink strong')]
  for (const [time, label] of Object.entries(times)) {
    if (time < up.low || time > up.high) continue
    shapes.push(line(left, y(time), left + panelWidth, y(time)),
      text(left - 6, y(time) + 4, label, 'soft small', 'end'))
  }
  for (const { rows } of points) {
    shapes.push(text(x(rows), bottom + 18, powers[rows], 'soft small', 'middle'))
  }
  for (const label of columns) {
    const own = points.filter(({ drivers }) => drivers[label] !== undefined)
      .map(({ rows, drivers }) => [x(rows), y(drivers[label].nanoseconds)])
    shapes.push(polyline(own, className(label)),
      ...own.map(([cx, cy]) => circle(cx, cy, label === 'ferrolite' ? 4 : 3, className(label))))
  }
  return shapes
}

function drawGrowth (growth, machine) {
  const kinds = Map.groupBy(growth, ({ kind }) => kind)
  const title = 'Time per row as the table grows'
  const shapes = [...kinds].flatMap(([kind, points], i) =>
    panel(firstLeft + i * (panelWidth + between), kind, points))
  return picture(width, height, title, [
    text(16, 30, title, 'ink title'),
    text(16, 50, 'lower is faster; rows across, time up, both scales logarithmic', 'soft'),
    ...legend(22, 76, [...columns].reverse()),
    ...shapes,
    text(16, height - 16, caption(machine), 'soft small')
  ])
}

module.exports = { drawGrowth }
