'use strict'

// Two panels of dots on logarithmic scales: speed against libsql/promise, and the longest stalls.

const { labels } = require('../promise/drivers')
const { title, whole } = require('../promise/report')
const { perSecond, ratio } = require('../table')
const { band, colour, column, draw, light } = require('./vega')

const WIDTH = 400
// The room for names at its left, and where the columns at its right end.
const LEFT = 290
const OWN = 74
const OTHER = 184
const STEP = 22
// Ferrolite's dot lies above the others, and is larger.
const DRAWN = [...labels.filter(label => label !== 'ferrolite'), 'ferrolite']

function panel ({ name, note, rows, dots, scale, axis, shown }) {
  const y = {
    field: 'name',
    type: 'nominal',
    sort: rows.map(({ name }) => name),
    axis: { grid: false, minExtent: LEFT }
  }
  const x = { field: 'value', type: 'quantitative', scale, axis: { orient: 'top', ...axis } }
  const own = { color: light.ferrolite, fontWeight: 600 }
  const other = { color: light.soft, fontSize: 11.5 }
  const layer = [band(WIDTH, LEFT, OTHER), {
    data: { values: dots },
    mark: { type: 'circle', opacity: 1 },
    encoding: {
      x,
      color: colour('driver', shown, shown.map(title)),
      size: { condition: { test: "datum.label === 'ferrolite'", value: 110 }, value: 55 }
    }
  },
  column(WIDTH, OWN, { field: 'own' }, own),
  column(WIDTH, OTHER - 8, { field: 'other' }, other)
  ].map(each => ({ ...each, encoding: { y, ...each.encoding } }))
  const heads = [
    column(WIDTH, OWN, { value: 'ferrolite' }, { ...own, fontSize: 11.5 }),
    column(WIDTH, OTHER - 8, { value: title('libsql') }, other)
  ].map(each => ({
    ...each,
    data: { values: [{}] },
    encoding: { ...each.encoding, y: { value: -9 } }
  }))
  return {
    title: { text: name, subtitle: note, fontSize: 13, offset: 8 },
    data: { values: rows },
    width: WIDTH,
    height: { step: STEP },
    layer: [...layer, ...heads]
  }
}

// The rows of a panel, and a dot for each driver that has a figure.
function points (results, key, own, other) {
  return {
    rows: results.map(({ name, drivers }, i) => ({
      name,
      odd: i % 2,
      own: own(drivers.ferrolite),
      other: other(drivers.libsql)
    })),
    dots: results.flatMap(({ name, drivers }) => DRAWN
      .filter(label => drivers[label] !== undefined)
      .map(label => ({ name, label, driver: title(label), value: drivers[label][key] })))
  }
}

function speed (results, shown) {
  return panel({
    shown,
    name: 'Calls per second',
    note: '1 is libsql/promise, 2 is twice as many; further right is faster',
    ...points(results, 'ratio', driver => ratio(driver.ratio), driver => perSecond(driver.nanoseconds)),
    scale: { type: 'log', domain: [1 / 8, 16], clamp: true, nice: false },
    axis: {
      values: [0.125, 0.25, 0.5, 1, 2, 4, 8, 16],
      labelExpr: "datum.value < 1 ? '1/' + 1 / datum.value : '' + datum.value",
      gridColor: { condition: { test: 'datum.value === 1', value: light.soft }, value: light.grid }
    }
  })
}

function stall (stalls, shown) {
  return panel({
    shown,
    name: 'Longest stall of the event loop',
    note: 'further left is better',
    ...points(stalls, 'stall', driver => whole(driver.stall), driver => whole(driver.stall)),
    scale: { type: 'log', domain: [0.5, 10_000], clamp: true, nice: false },
    axis: {
      values: [1, 10, 100, 1000, 10_000],
      labelExpr: "datum.value < 1000 ? datum.value + ' ms' : datum.value / 1000 + ' s'"
    }
  })
}

function caption ({ node, platform, versions }) {
  const list = Object.entries(versions)
    .map(([name, { version }]) => `${name.replace(' (sync)', '')} ${version}`)
  return [`Node ${node}, ${platform}; WAL file; medians of interleaved rounds`, list.join(', ')]
}

function drawPromise ({ machine, results, stalls, leftOut }) {
  const shown = DRAWN.filter(label => leftOut[label] === undefined)
  const name = 'The promise API against others'
  return draw(name, {
    title: { text: name, subtitle: ['each dot is a driver; both scales are logarithmic', ...caption(machine)] },
    vconcat: [speed(results, shown), stall(stalls, shown)]
  })
}

module.exports = { drawPromise }
