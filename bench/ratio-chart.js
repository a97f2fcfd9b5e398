'use strict'

// Each workload's ratios to better-sqlite3 as dots on one line, on a logarithmic scale.

const { meanOf } = require('./report')
const { circle, className, legend, line, picture, rect, text } = require('./svg')
const { perSecond, ratio } = require('./table')

const width = 860
const left = 248
const right = width - 172
const ferroliteAt = width - 102
const baseAt = width - 14
const top = 116
const step = 20
const gap = 8
const ticks = [0.125, 0.25, 0.5, 1, 2, 4, 8, 16]

// A dot beyond these is drawn at the edge.
const LEAST = 1 / 16
const MOST = 10

const others = ['libsql', 'node:sqlite', 'ferrolite']

function scale (results) {
  const all = results.flatMap(({ drivers }) => others.flatMap(label => drivers[label]?.ratio ?? []))
  const low = Math.max(LEAST, Math.min(0.5, ...all) * 0.9)
  const high = Math.min(MOST, Math.max(2, ...all) * 1.1)
  const within = value => Math.min(high, Math.max(low, value))
  const x = value => left + Math.log(within(value) / low) / Math.log(high / low) * (right - left)
  return { x, ticks: ticks.filter(tick => tick >= low && tick <= high) }
}

// A row of dots: Ferrolite's is larger and joined to 1.
function row (y, { name, drivers }, x) {
  const shapes = [text(left - 14, y + 4, name, 'ink', 'end')]
  const { ferrolite } = drivers
  shapes.push(line(x(1), y, x(ferrolite.ratio), y, 'ferrolite', {
    'stroke-width': 3,
    'stroke-opacity': 0.35
  }))
  for (const label of others) {
    if (drivers[label] === undefined) continue
    const radius = label === 'ferrolite' ? 5.5 : 4
    shapes.push(circle(x(drivers[label].ratio), y, radius, className(label)))
  }
  shapes.push(text(ferroliteAt, y + 4, ratio(ferrolite.ratio), 'ferrolite strong', 'end'),
    text(baseAt, y + 4, perSecond(drivers['better-sqlite3'].nanoseconds), 'soft small', 'end'))
  return shapes
}

function rows (results, x) {
  const shapes = []
  let y = top
  let group
  for (const [i, result] of results.entries()) {
    if (i > 0 && result.group !== group) y += gap
    group = result.group
    if (i % 2 === 0) shapes.push(rect(8, y - step / 2, width - 16, step, 'band'))
    shapes.push(...row(y, result, x))
    y += step
  }
  return { shapes, bottom: y - step / 2 }
}

function axis (x, values, bottom) {
  return values.flatMap(tick => [
    line(x(tick), top - 14, x(tick), bottom, tick === 1 ? 'base' : 'grid'),
    text(x(tick), top - 22, tick < 1 ? `1/${1 / tick}` : String(tick), 'soft small', 'middle')
  ])
}

function drawRatios (results, machine) {
  const { x, ticks } = scale(results)
  const { shapes, bottom } = rows(results, x)
  const { mean, trimmed, lines } = meanOf(results, 'ferrolite')
  const title = 'Speed against better-sqlite3'
  // The bands lie below the grid, the dots above it.
  const bands = shapes.filter(shape => shape.startsWith('<rect'))
  const marks = shapes.filter(shape => !shape.startsWith('<rect'))
  return picture(width, bottom + 48, title, [
    text(16, 30, title, 'ink title'),
    text(16, 50, `times as fast, further right is faster; geometric mean of ${lines} workloads: ` +
      `${ratio(mean)} (${ratio(trimmed)} without the best and the worst)`, 'soft'),
    ...legend(22, 76, ['ferrolite', 'node:sqlite', 'libsql']),
    text(ferroliteAt, top - 22, 'ferrolite', 'ferrolite small strong', 'end'),
    text(baseAt, top - 22, 'better-sqlite3', 'soft small', 'end'),
    ...bands,
    ...axis(x, ticks, bottom),
    ...marks,
    text(16, bottom + 28, caption(machine), 'soft small')
  ])
}

function caption ({ node, platform, versions }) {
  const list = ['better-sqlite3', 'libsql', 'ferrolite']
    .map(label => `${label} ${versions[label].version}`)
  return `Node ${node}, ${platform}; ${list.join(', ')}; medians of interleaved rounds, WAL file`
}

module.exports = { caption, drawRatios }
