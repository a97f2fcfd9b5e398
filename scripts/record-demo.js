'use strict'

// Runs the demo in a terminal and makes docs/images/demo.svg of what it shows, in its own time.
// Python has the terminal: test/cli/terminal.py.

const { spawn } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')
const { ROOT, main, say } = require('./run')

const PICTURE = path.join(ROOT, 'docs', 'images', 'demo.svg')
const COLUMNS = 80
const CELL = 8.4
const LINE = 19
const LEFT = 18
const TOP = 56
// How long the end is shown before it begins again.
const HOLD = 6000
// What comes within that many milliseconds is one picture.
const FRAME = 40

async function record (command) {
  const child = spawn('python3', [path.join(ROOT, 'test', 'cli', 'terminal.py'), ...command], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, TERM: 'xterm', NO_COLOR: '' }
  })
  const chunks = []
  child.stdout.setEncoding('utf8').on('data', (text) => chunks.push({ at: performance.now(), text }))
  const code = await new Promise((resolve) => child.on('close', resolve))
  if (code !== 0) throw new Error(`The demo ended with ${code}`)
  const [{ at: begun }] = chunks
  return chunks.map(({ at, text }) => ({ at: at - begun, text }))
}

/** What each line showed, from when to when. */
function states (chunks) {
  const screen = new Screen()
  const lines = []
  chunks.forEach(({ at, text }, i) => {
    screen.write(text)
    if (chunks[i + 1]?.at - at < FRAME) return
    screen.lines.forEach((cells, row) => {
      const list = lines[row] ??= []
      const spans = join(cells)
      const key = JSON.stringify(spans)
      if (list.at(-1)?.key === key || (list.length === 0 && spans.length === 0)) return
      if (list.length > 0) list.at(-1).to = at
      list.push({ key, spans, from: at, to: Infinity })
    })
  })
  return lines
}

// As much of a terminal as the demo uses.
class Screen {
  lines = [[]]
  #column = 0
  #style = ''

  write (text) {
    for (const [part, sgr] of text.matchAll(/\x1b\[([\d;]*)[mK]|[^]/gu)) { // eslint-disable-line no-control-regex
      if (part.endsWith('K') && part.length > 1) this.#line.length = this.#column
      else if (sgr !== undefined) this.#style = sgr === '0' ? '' : `${this.#style} s${sgr}`.trim()
      else if (part === '\r') this.#column = 0
      else if (part === '\n') this.lines.push([])
      else this.#line[this.#column++] = { part, style: this.#style }
    }
  }

  get #line () { return this.lines.at(-1) }
}

function join (cells) {
  const spans = []
  for (const { part, style } of cells) {
    if (spans.at(-1)?.style === style) spans.at(-1).text += part
    else spans.push({ text: part, style })
  }
  return spans
}

function picture (lines, end) {
  const total = end + HOLD
  const height = TOP + lines.length * LINE + 4
  const width = LEFT * 2 + COLUMNS * CELL
  const percent = (ms) => Number((ms / total * 100).toFixed(2))
  const rules = []
  const texts = lines.flatMap((list, row) => list.map(({ spans, from, to }, i) => {
    const name = `a${row}-${i}`
    const last = to === Infinity
    const hide = last ? '' : `${percent(to)}%{opacity:0}`
    rules.push(`@keyframes ${name}{0%{opacity:0}${percent(from)}%{opacity:1}${hide}}`)
    return text(spans, row, `class="${last ? 'z' : 'y'}" style="animation-name:${name}"`)
  }))
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="npm run demo, recorded">
<title>npm run demo, recorded</title>
<style>
.b{fill:#f6f8fa;stroke:#d1d9e0}text{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:#1f2328;white-space:pre}
.s1{font-weight:bold}.s2,.n{fill:#59636e}.s31{fill:#cf222e}.s32{fill:#1a7f37}.s33{fill:#9a6700}
@media (prefers-color-scheme:dark){.b{fill:#0d1117;stroke:#3d444d}text{fill:#e6edf3}.s2,.n{fill:#9198a1}.s31{fill:#ff7b72}.s32{fill:#3fb950}.s33{fill:#d29922}}
.y{opacity:0}.y,.z{animation:${Math.round(total)}ms step-end infinite}
@media (prefers-reduced-motion:reduce){.y,.z{animation:none}}
${rules.join('\n')}
</style>
<rect class="b" x=".5" y=".5" width="${width - 1}" height="${height - 1}" rx="8"/>
<circle cx="22" cy="20" r="6" fill="#ff5f57"/><circle cx="42" cy="20" r="6" fill="#febc2e"/><circle cx="62" cy="20" r="6" fill="#28c840"/>
<text class="n" x="${width / 2}" y="25" text-anchor="middle">npm run demo</text>
${texts.join('\n')}
</svg>
`
}

function text (spans, row, attributes) {
  const y = TOP + row * LINE
  const length = spans.reduce((sum, { text }) => sum + [...text].length, 0)
  if (length === 0) return `<text ${attributes}/>`
  const inner = spans.map(({ text, style }) => {
    return style ? `<tspan class="${style}">${escaped(text)}</tspan>` : escaped(text)
  }).join('')
  // Whatever the font, the columns are below each other.
  const size = `textLength="${(length * CELL).toFixed(1)}" lengthAdjust="spacingAndGlyphs"`
  return `<text x="${LEFT}" y="${y}" ${size} ${attributes}>${inner}</text>`
}

const escaped = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')

async function run () {
  const chunks = await record([process.execPath, path.join(ROOT, 'examples', 'demo.js'), ...process.argv.slice(2)])
  const lines = states(chunks)
  const svg = picture(lines, chunks.at(-1).at)
  fs.writeFileSync(PICTURE, svg)
  say(`${path.relative(ROOT, PICTURE)}: ${(svg.length / 1000).toFixed(0)} kB, ${(chunks.at(-1).at / 1000).toFixed(0)} s`)
}

if (require.main === module) main(run)
