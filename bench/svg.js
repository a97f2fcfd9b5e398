'use strict'

// The few shapes our pictures need. A card of its own colours, light or dark, stays legible on any
// page.

const series = {
  'better-sqlite3': { light: '#57606a', dark: '#9aa4af' },
  'node:sqlite': { light: '#2f7d32', dark: '#6cc070' },
  libsql: { light: '#8250df', dark: '#b392f0' },
  turso: { light: '#0b7a75', dark: '#4fc3bd' },
  sqlite3: { light: '#2f6fb5', dark: '#6fb0f0' },
  ferrolite: { light: '#d1440c', dark: '#ff8a4c' }
}

const className = label => label.replace(/\W/g, '-')

function rules (scheme, { card, ink, soft, grid, band }) {
  const colours = Object.entries(series).map(([label, colours]) =>
    `.${className(label)} { fill: ${colours[scheme]}; stroke: ${colours[scheme]} }`)
  return [
    `.card { fill: ${card}; stroke: ${grid} }`,
    `.ink { fill: ${ink} }`,
    `.soft { fill: ${soft} }`,
    `.grid { stroke: ${grid} }`,
    `.base { stroke: ${soft} }`,
    `.band { fill: ${band} }`,
    ...colours
  ].join('\n')
}

const light = { card: '#ffffff', ink: '#1f2328', soft: '#59636e', grid: '#d8dee4', band: '#f3f5f7' }
const dark = { card: '#0d1117', ink: '#e6edf3', soft: '#9198a1', grid: '#30363d', band: '#161b22' }

const style = `
text { font-family: -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; font-size: 13px }
.title { font-size: 17px; font-weight: 600 }
.small { font-size: 11.5px }
.strong { font-weight: 600 }
text[class] { stroke: none }
polyline.line { fill: none; stroke-width: 2 }
${rules('light', light)}
@media (prefers-color-scheme: dark) {
${rules('dark', dark)}
}
`

const escape = text => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
const round = value => Math.round(value * 10) / 10

function element (name, attributes, content) {
  const list = Object.entries(attributes).map(([key, value]) =>
    ` ${key}="${typeof value === 'number' ? round(value) : escape(value)}"`).join('')
  return content === undefined ? `<${name}${list}/>` : `<${name}${list}>${content}</${name}>`
}

const text = (x, y, content, classes = 'ink', anchor = 'start') =>
  element('text', { x, y, class: classes, 'text-anchor': anchor }, escape(content))
const line = (x1, y1, x2, y2, classes = 'grid', more = {}) =>
  element('line', { x1, y1, x2, y2, class: classes, ...more })
const rect = (x, y, width, height, classes, more = {}) =>
  element('rect', { x, y, width, height, class: classes, ...more })
const circle = (cx, cy, r, classes) => element('circle', { cx, cy, r, class: classes })
const polyline = (points, classes) => element('polyline', {
  points: points.map(([x, y]) => `${round(x)},${round(y)}`).join(' '),
  class: `${classes} line`
})

function picture (width, height, title, shapes) {
  const card = rect(0.5, 0.5, width - 1, height - 1, 'card', { rx: 6 })
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" ` +
      `viewBox="0 0 ${width} ${height}" role="img" aria-label="${escape(title)}">`,
    `<title>${escape(title)}</title>`,
    `<style>${style}</style>`,
    card,
    ...shapes,
    '</svg>'
  ].join('\n') + '\n'
}

// The names of the series beside their marks, from x on.
function legend (x, y, labels, name = label => label) {
  const shapes = []
  for (const label of labels) {
    shapes.push(circle(x, y - 4, 5, className(label)), text(x + 10, y, name(label)))
    x += 26 + name(label).length * 7.2
  }
  return shapes
}

module.exports = { circle, className, legend, line, picture, polyline, rect, text }
