'use strict'

// Three pictures of vector search: recall against queries a second, what grows with the number of
// rows, and queries a second by the share of rows that a filter lets pass.

const { rawOf } = require('../vector/targets')
const { SETS } = require('../vector/data')
const { colour, draw } = require('./vega')

const ENGINES = ['ferrolite', 'usearch', 'vectorlite', 'sqlite-vec', 'libsql']
const SIZE = { width: 270, height: 220 }
const RATES = [1, 3, 10, 30, 100, 300, 1000, 3000, 10_000, 30_000, 100_000]
const thousands = "datum.value < 1000 ? '' + datum.value : datum.value < 1e6 ? datum.value / 1e3 + ' k' : datum.value / 1e6 + ' M'"

function caption ({ node, platform, versions }) {
  const list = ENGINES.filter(name => versions[name]).map(name => `${name} ${versions[name].version}`)
  return `Node ${node}, ${platform}, one thread; ${list.join(', ')}`
}

const shown = (values, key = 'engine') => ENGINES.filter(name => values.some(value => value[key] === name))
const rates = field => ({
  field,
  type: 'quantitative',
  scale: { type: 'log', nice: false, padding: 12 },
  axis: { values: RATES, labelExpr: thousands }
})

function dotted (encoding, more = {}) {
  return [
    { mark: { type: 'line', strokeWidth: 2 }, encoding, ...more },
    { mark: { type: 'circle', opacity: 1, size: 45 }, encoding, ...more }
  ]
}

// What the picture of recall shows, from left to right.
const PANELS = ['wink 60k', 'wink 340k', 'random 5k x 768', 'clustered 5k x 768']

function recallPicture ({ search, scan, machine }) {
  const sets = PANELS.filter(set => search.some(result => result.set === set))
  const drawn = search.filter(({ set }) => sets.includes(set))
  const values = drawn.flatMap(({ engine, set, points, asked, list }) => {
    // An index that is scanned has one point: a width does not matter.
    const all = list === 0 ? [asked] : points
    return all.map(point => ({ engine, set, recall: point.recall, rate: point.perSecond }))
  })
  if (scan && sets.includes(scan.set)) {
    values.push({ engine: 'sqlite-vec', set: scan.set, recall: 1, rate: scan['sqlite-vec'].perSecond })
  }
  const title = 'Recall against queries a second'
  return draw(title, {
    title: {
      text: title,
      subtitle: ['up is faster, right finds more of the ten nearest; each dot is a width of the search', caption(machine)]
    },
    data: { values: values.filter(({ recall }) => recall >= 0.8) },
    facet: { field: 'set', type: 'nominal', sort: sets, columns: 2, header: { labelAnchor: 'start' } },
    columns: 2,
    spacing: 44,
    spec: {
      ...SIZE,
      layer: dotted({
        x: {
          field: 'recall',
          type: 'quantitative',
          scale: { domain: [0.8, 1], nice: false },
          axis: { values: [0.8, 0.85, 0.9, 0.95, 1], format: '.2f', grid: true }
        },
        y: rates('rate'),
        color: colour('engine', shown(values))
      })
    },
    resolve: { axis: { x: 'independent', y: 'independent' } }
  })
}

// Seconds, megabytes of the file, megabytes of memory: of words, by how many there are.
function growth ({ search, memory }) {
  const of = set => SETS[set].rows
  const words = search.filter(({ set, rows }) => set.startsWith('wink') && rows === of(set))
  const build = words.map(({ engine, set, build }) => ({ engine, n: of(set), value: build / 1000, what: 'seconds to build' }))
  const file = words.filter(({ bytes }) => bytes)
    .map(({ engine, set, bytes }) => ({ engine, n: of(set), value: bytes / 1e6, what: 'MB of file' }))
  const held = memory.filter(({ element }) => element === 'f32')
    .map(({ set, bytes }) => ({ engine: 'ferrolite', n: of(set), value: bytes / 1e6, what: 'MB of memory' }))
  const raw = ['MB of file', 'MB of memory'].flatMap(what => [...new Set(words.map(({ set }) => set))]
    .map(set => ({ engine: 'the vectors alone', n: of(set), value: rawOf(set) / 1e6, what })))
  return [...build, ...file, ...held, ...raw]
}

function growthPicture (run) {
  const values = growth(run)
  const title = 'What grows with the number of vectors'
  const names = [...shown(values), 'the vectors alone']
  const color = colour('engine', [...shown(values), 'soft'], names)
  return draw(title, {
    title: {
      text: title,
      subtitle: ['words with 100 numbers each, f32; both scales are logarithmic; lower is better', caption(run.machine)]
    },
    data: { values },
    facet: {
      column: { field: 'what', sort: ['seconds to build', 'MB of file', 'MB of memory'], header: { labelAnchor: 'start' } }
    },
    spacing: 44,
    spec: {
      width: 190,
      height: 220,
      layer: dotted({
        x: {
          field: 'n',
          type: 'quantitative',
          scale: { type: 'log', nice: false, padding: 12 },
          axis: { grid: false, values: [10_000, 60_000, 340_000, 1_000_000], labelExpr: thousands }
        },
        y: { ...rates('value'), axis: { values: [0.1, 0.3, ...RATES], labelExpr: thousands } },
        color
      })
    },
    resolve: { scale: { y: 'independent' }, axis: { y: 'independent' } }
  })
}

function filterPicture ({ filters, machine }) {
  const values = ['ferrolite', 'sqlite-vec'].flatMap(engine => filters[engine].map(part => ({
    engine,
    share: part.share * 100,
    rate: part.perSecond,
    column: part.column === 'u' ? 'nothing to do with the vectors' : 'goes with the vectors'
  })))
  const title = 'Queries a second by the share of rows that pass a filter'
  return draw(title, {
    title: {
      text: title,
      subtitle: [`${filters.set}, the ten nearest that pass; up is faster; both scales are logarithmic`, caption(machine)]
    },
    data: { values },
    facet: { column: { field: 'column', sort: 'descending', header: { labelAnchor: 'start' } } },
    spacing: 44,
    spec: {
      ...SIZE,
      layer: dotted({
        x: {
          field: 'share',
          type: 'quantitative',
          scale: { type: 'log', nice: false, padding: 12 },
          axis: { grid: false, values: [0.1, 1, 10, 50], labelExpr: "datum.value + ' %'" }
        },
        y: rates('rate'),
        color: colour('engine', shown(values))
      })
    },
    resolve: { axis: { y: 'independent' } }
  })
}

/** The pictures, by the names of their files. */
async function drawVectors (run) {
  return {
    'vector-recall.svg': await recallPicture(run),
    'vector-growth.svg': await growthPicture(run),
    ...run.filters && { 'vector-filters.svg': await filterPicture(run) }
  }
}

module.exports = { drawVectors }
