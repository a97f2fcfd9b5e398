'use strict'

// Pictures by Vega-Lite, which is installed beside the peers. A card of its own colours, light or
// dark, stays legible on any page.

const { createRequire } = require('node:module')
const path = require('node:path')
const { pathToFileURL } = require('node:url')

const { home, prepareCharts } = require('../peers')

const SERIES = {
  'better-sqlite3': { light: '#57606a', dark: '#9aa4af' },
  'node:sqlite': { light: '#2f7d32', dark: '#6cc070' },
  libsql: { light: '#8250df', dark: '#b392f0' },
  turso: { light: '#0b7a75', dark: '#4fc3bd' },
  sqlite3: { light: '#2f6fb5', dark: '#6fb0f0' },
  usearch: { light: '#2f6fb4', dark: '#6fb0f1' },
  vectorlite: { light: '#2f7d33', dark: '#6cc071' },
  'sqlite-vec': { light: '#57606b', dark: '#9aa4b0' },
  ferrolite: { light: '#d1440c', dark: '#ff8a4c' }
}
const COLOURS = {
  card: { light: '#ffffff', dark: '#0d1117' },
  ink: { light: '#1f2328', dark: '#e6edf3' },
  soft: { light: '#59636e', dark: '#9198a1' },
  grid: { light: '#d8dee4', dark: '#30363d' }
}

const light = Object.fromEntries(Object.entries({ ...COLOURS, ...SERIES })
  .map(([name, colours]) => [name, colours.light]))

const FONT = '-apple-system, "Segoe UI", Helvetica, Arial, sans-serif'
const config = {
  // The picture has a title; a label of each dot would make it four times as large.
  aria: false,
  background: light.card,
  font: FONT,
  padding: 16,
  view: { stroke: null },
  title: {
    anchor: 'start',
    color: light.ink,
    fontSize: 17,
    fontWeight: 600,
    frame: 'bounds',
    offset: 14,
    subtitleColor: light.soft,
    subtitleFontSize: 13,
    subtitlePadding: 6
  },
  axis: {
    domain: false,
    gridColor: light.grid,
    labelColor: light.soft,
    labelFontSize: 11.5,
    ticks: false,
    title: null
  },
  axisX: { labelFlush: false, labelOverlap: false },
  axisY: { labelColor: light.ink, labelFontSize: 13, labelLimit: 300, labelPadding: 10, zindex: 1 },
  legend: {
    direction: 'horizontal',
    labelColor: light.ink,
    labelFontSize: 13,
    labelLimit: 0,
    orient: 'top',
    symbolStrokeWidth: 0,
    title: null
  },
  header: { labelColor: light.ink, labelFontSize: 13, labelFontWeight: 600, title: null },
  facet: { spacing: 8 },
  concat: { spacing: 36 }
}

/** The colour of a series, by its name in the data, as `color` of an encoding. */
function colour (field, labels, names = labels) {
  return {
    field,
    type: 'nominal',
    scale: { domain: names, range: labels.map(label => light[label]) }
  }
}

// What a dark page shows in the place of each colour: a rule goes before an attribute.
function darkRules () {
  return Object.values({ ...COLOURS, ...SERIES }).flatMap(({ light, dark }) => [
    `[fill="${light}"] { fill: ${dark} }`, `[stroke="${light}"] { stroke: ${dark} }`
  ]).join('\n')
}

function load (name) {
  const { resolve } = createRequire(path.join(home, 'package.json'))
  return import(pathToFileURL(resolve(name)))
}

// Without a canvas, Vega takes each letter to be wide, and leaves as much room.
const LETTER = 0.56

/** Every other row's ground, from the names at the left to the columns at the right. */
function band (width, left, right) {
  return {
    mark: {
      type: 'bar',
      color: '#8b949e',
      opacity: 0.1,
      height: { band: 1 },
      xOffset: -left,
      x2Offset: right
    },
    transform: [{ filter: 'datum.odd === 0' }],
    encoding: { x: { value: 0 }, x2: { value: width } }
  }
}

/** Marks beside the dots that a scale has put at its edge: `ratio` of such a row is beyond it. */
function breaks ({ domain: [least, most] }) {
  return [[`datum.ratio > ${most}`, -17], [`datum.ratio < ${least}`, 15]].map(([filter, dx]) => ({
    mark: { type: 'text', text: '//', dx, fontSize: 15, fontWeight: 700, color: light.ink },
    transform: [{ filter: `isValid(datum.label) && ${filter}` }]
  }))
}

/** Text right of a plot, in columns that end so far from its edge. */
function column (width, dx, text, more) {
  return {
    mark: { type: 'text', align: 'right', dx, fontSize: 13, ...more },
    encoding: { x: { value: width }, text }
  }
}

/** The SVG of a specification. */
async function draw (title, spec) {
  prepareCharts()
  const [vega, { compile }] = await Promise.all(['vega', 'vega-lite'].map(load))
  vega.textMetrics.width = ({ fontSize, limit }, text) => {
    const width = String(text ?? '').length * fontSize * LETTER
    return limit > 0 ? Math.min(limit, width) : width
  }
  // It warns of sizes that it takes to be wrong, and that are not.
  const logger = vega.logger(vega.Error)
  const whole = { ...spec, config: { ...config, ...spec.config } }
  const svg = await new vega.View(vega.parse(compile(whole, { logger }).spec), { renderer: 'none' }).toSVG()
  const style = `<style>@media (prefers-color-scheme: dark) {\n${darkRules()}\n}</style>`
  return svg.replace(/^<svg [^>]*>/, head => `${head.replace('<svg ', '<svg role="img" ')}<title>${title}</title>${style}`) + '\n'
}

module.exports = { band, breaks, colour, column, draw, light }
