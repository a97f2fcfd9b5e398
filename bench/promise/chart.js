'use strict'

// Two panels of dots on logarithmic scales: speed against libsql/promise, and the longest stalls.

const { circle, className, legend, line, picture, rect, text } = require('../svg')
const { perSecond, ratio } = require('../table')
const { labels } = require('./drivers')
const { title, whole } = require('./report')

const width = 860
const left = 290
const right = width - 190
const ferroliteAt = width - 112
const baseAt = width - 14
const step = 22
const head = 116

// Dots beyond these are drawn at the edge.
const LEAST = 1 / 16
const MOST = 16

function axisOf ({ rows, ticks, least, most, near, far }) {
  const values = rows.flatMap(({ points }) => Object.values(points))
  const low = Math.max(least, Math.min(near, ...values) * 0.9)
  const high = Math.min(most, Math.max(far, ...values) * 1.1)
  const within = value => Math.min(high, Math.max(low, value))
  return {
    x: value => left + Math.log(within(value) / low) / Math.log(high / low) * (right - left),
    ticks: ticks.filter(tick => tick >= low && tick <= high)
  }
}

// Ferrolite's dot lies above the others, and is larger.
function dots (y, points, x) {
  return labels.filter(label => points[label] !== undefined).map(label =>
    circle(x(points[label]), y, label === 'ferrolite' ? 5.5 : 4, className(label)))
}

function panel (top, { name, note, rows, tickText, base, ...range }) {
  const { x, ticks } = axisOf({ rows, ...range })
  const bottom = top + rows.length * step - step / 2
  const bands = rows.flatMap((_, i) => i % 2 === 0
    ? [rect(8, top + (i - 0.5) * step, width - 16, step, 'band')]
    : [])
  const grid = ticks.flatMap(tick => [
    line(x(tick), top - 14, x(tick), bottom, tick === base ? 'base' : 'grid'),
    text(x(tick), top - 22, tickText(tick), 'soft small', 'middle')
  ])
  const marks = rows.flatMap(({ name, points, own, other }, i) => {
    const y = top + i * step
    return [
      text(left - 16, y + 4, name, 'ink', 'end'),
      ...dots(y, points, x),
      text(ferroliteAt, y + 4, own, 'ferrolite strong', 'end'),
      text(baseAt, y + 4, other, 'soft small', 'end')
    ]
  })
  return {
    bottom,
    shapes: [
      text(16, top - 46, name, 'ink strong'),
      text(30 + name.length * 7.4, top - 46, note, 'soft'),
      text(ferroliteAt, top - 22, 'ferrolite', 'ferrolite small strong', 'end'),
      text(baseAt, top - 22, title('libsql'), 'soft small', 'end'),
      ...bands, ...grid, ...marks
    ]
  }
}

const pick = (drivers, key) => Object.fromEntries(labels
  .filter(label => drivers[label] !== undefined)
  .map(label => [label, drivers[label][key]]))

function speed (results) {
  return {
    name: 'Calls per second',
    note: 'times as many as libsql/promise, further right is faster',
    rows: results.map(({ name, drivers }) => ({
      name,
      points: pick(drivers, 'ratio'),
      own: ratio(drivers.ferrolite.ratio),
      other: perSecond(drivers.libsql.nanoseconds)
    })),
    ticks: [0.0625, 0.125, 0.25, 0.5, 1, 2, 4, 8, 16],
    tickText: tick => tick < 1 ? `1/${1 / tick}` : String(tick),
    base: 1,
    least: LEAST,
    most: MOST,
    near: 0.5,
    far: 2
  }
}

function stall (stalls) {
  return {
    name: 'Longest stall of the event loop',
    note: 'further left is better',
    rows: stalls.map(({ name, drivers }) => ({
      name,
      points: pick(drivers, 'stall'),
      own: whole(drivers.ferrolite.stall),
      other: whole(drivers.libsql.stall)
    })),
    ticks: [1, 10, 100, 1000, 10_000],
    tickText: tick => tick < 1000 ? `${tick} ms` : `${tick / 1000} s`,
    least: 0.1,
    most: 60_000,
    near: 1.1,
    far: 1000
  }
}

function caption ({ node, platform, versions }) {
  const list = Object.entries(versions)
    .map(([name, { version }]) => `${name.replace(' (sync)', '')} ${version}`)
  return [`Node ${node}, ${platform}; WAL file; medians of interleaved rounds`, list.join(', ')]
}

// The longest name comes last.
const inLegend = ['ferrolite', 'better-sqlite3', 'sqlite3', 'libsql', 'turso']

function drawPromise ({ machine, results, stalls, leftOut }) {
  const shown = inLegend.filter(label => leftOut[label] === undefined)
  const name = 'The promise API against others'
  const upper = panel(head + 34, speed(results))
  const lower = panel(upper.bottom + 84, stall(stalls))
  return picture(width, lower.bottom + 58, name, [
    text(16, 30, name, 'ink title'),
    text(16, 50, 'each dot is a driver; both scales are logarithmic', 'soft'),
    ...legend(22, 76, shown, title),
    ...upper.shapes,
    ...lower.shapes,
    ...caption(machine).map((row, i) => text(16, lower.bottom + 26 + i * 16, row, 'soft small'))
  ])
}

module.exports = { drawPromise }
