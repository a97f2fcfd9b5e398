'use strict'

// Each workload's ratios to better-sqlite3 as dots on one line, on a logarithmic scale.

const { meanOf } = require('../report')
const { perSecond, ratio } = require('../table')
const { band, breaks, colour, column, draw, light } = require('./vega')

const WIDTH = 430
// The room for names at its left, and where the columns at its right end.
const LEFT = 236
const OWN = 62
const OTHER = 160
const STEP = 20
const OTHERS = ['libsql', 'node:sqlite', 'ferrolite']
// Dots beyond these are drawn at the edge, with a mark that says so.
const SCALE = { type: 'log', domain: [1 / 8, 10], clamp: true, nice: false }
const TICKS = [0.125, 0.25, 0.5, 1, 2, 4, 8]

// A row of the picture, and a dot for each driver in it.
function values (results) {
  const groups = [...new Set(results.map(({ group }) => group))]
  return results.flatMap(({ name, group, drivers }, i) => {
    const row = {
      name,
      group: groups.indexOf(group),
      odd: i % 2,
      first: i === 0,
      base: 1,
      ferrolite: drivers.ferrolite.ratio,
      own: ratio(drivers.ferrolite.ratio),
      other: perSecond(drivers['better-sqlite3'].nanoseconds)
    }
    const dots = OTHERS.filter(label => drivers[label] !== undefined)
    return [row, ...dots.map(label => ({ ...row, label, ratio: drivers[label].ratio }))]
  })
}

const ROW = { filter: '!isValid(datum.label)' }

function layers (results) {
  const y = {
    field: 'name',
    type: 'nominal',
    sort: results.map(({ name }) => name),
    axis: { grid: false, minExtent: LEFT }
  }
  const x = {
    field: 'ratio',
    type: 'quantitative',
    scale: SCALE,
    axis: {
      orient: 'top',
      values: TICKS,
      labelExpr: "datum.value === 1 ? '1 = better-sqlite3' : " +
        "datum.value < 1 ? '1/' + 1 / datum.value : '' + datum.value",
      gridColor: { condition: { test: 'datum.value === 1', value: light.soft }, value: light.grid }
    }
  }
  const own = { color: light.ferrolite, fontWeight: 600 }
  const other = { color: light.soft, fontSize: 11.5 }
  const rows = [band(WIDTH, LEFT, OTHER), {
    mark: { type: 'rule', strokeWidth: 3, opacity: 0.35, color: light.ferrolite },
    encoding: { x: { ...x, field: 'base' }, x2: { field: 'ferrolite' } }
  },
  column(WIDTH, OWN, { field: 'own' }, own),
  column(WIDTH, OTHER - 8, { field: 'other' }, other)
  ].map(layer => ({ ...layer, transform: [ROW, ...layer.transform ?? []] }))
  const dots = {
    mark: { type: 'circle', opacity: 1 },
    transform: [{ filter: 'isValid(datum.label)' }],
    encoding: {
      x,
      color: { ...colour('label', [...OTHERS].reverse()) },
      size: { condition: { test: "datum.label === 'ferrolite'", value: 110 }, value: 55 }
    }
  }
  const cut = breaks(SCALE).map(layer => ({ ...layer, encoding: { x } }))
  const heads = [
    column(WIDTH, OWN, { value: 'ferrolite' }, { ...own, fontSize: 11.5 }),
    column(WIDTH, OTHER - 8, { value: 'better-sqlite3' }, other)
  ].map(layer => ({
    ...layer,
    transform: [ROW, { filter: 'datum.first' }],
    encoding: { ...layer.encoding, y: { value: -9 } }
  }))
  const placed = [...rows, dots, ...cut]
    .map(layer => ({ ...layer, encoding: { y, ...layer.encoding } }))
  return [...placed, ...heads]
}

function drawRatios (results, machine) {
  const { mean, trimmed, lines } = meanOf(results, 'ferrolite')
  const title = 'Speed against better-sqlite3'
  const shown = `times as fast, further right is faster, // is cut; geometric mean of ${lines} ` +
    `workloads: ${ratio(mean)} (${ratio(trimmed)} without the best and the worst)`
  return draw(title, {
    title: { text: title, subtitle: [shown, caption(machine)] },
    data: { values: values(results) },
    facet: { row: { field: 'group', type: 'ordinal', header: null } },
    spec: { width: WIDTH, height: { step: STEP }, layer: layers(results) },
    resolve: { scale: { y: 'independent' } }
  })
}

function caption ({ node, platform, versions }) {
  const list = ['better-sqlite3', 'libsql', 'ferrolite']
    .map(label => `${label} ${versions[label].version}`)
  return `Node ${node}, ${platform}; ${list.join(', ')}; medians of interleaved rounds, WAL file`
}

module.exports = { caption, drawRatios }
