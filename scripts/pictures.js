'use strict'

// Draws how it works: docs/images/threads.svg, replica.svg and store.svg.

const fs = require('node:fs')
const path = require('node:path')
const { ROOT, main, say } = require('./run')

const LINE = 17
const STYLE = `
.bg{fill:#fff}.box{fill:#f6f8fa;stroke:#d1d9e0}.js{fill:#fff8c5;stroke:#d4a72c}.th{fill:#ddf4ff;stroke:#54aeff}.file{fill:#dafbe1;stroke:#4ac26b}.out{fill:#fff0eb;stroke:#fd8c73}
text{font:13px system-ui,-apple-system,"Segoe UI",Helvetica,Arial,sans-serif;fill:#1f2328}.t{font-weight:600;font-size:14px}.s{fill:#59636e}.m{font-family:ui-monospace,Menlo,Consolas,"DejaVu Sans Mono",monospace;font-size:12.5px}
path{fill:none;stroke:#59636e;stroke-width:1.5}.w{stroke:#cf222e}.d{stroke-dasharray:5 4}#h path,#hw path{stroke:none}#h path{fill:#59636e}#hw path{fill:#cf222e}.wt{fill:#cf222e}
@media (prefers-color-scheme:dark){.bg{fill:#0d1117}.box{fill:#161b22;stroke:#3d444d}.js{fill:#2e2711;stroke:#9e7a1f}.th{fill:#0c2340;stroke:#388bfd}.file{fill:#0f2d1a;stroke:#2ea043}.out{fill:#331c14;stroke:#bd561d}
text{fill:#e6edf3}.s{fill:#9198a1}path{stroke:#9198a1}.w{stroke:#ff7b72}#h path{fill:#9198a1}#hw path{fill:#ff7b72}.wt{fill:#ff7b72}}`

/** A box with a title and lines below it; a line that begins with ` is code. */
function box (kind, x, y, width, height, title, ...lines) {
  const first = y + (height - lines.length * LINE) / 2 + 5
  const texts = [title, ...lines].map((text, i) => {
    const style = i === 0 ? 't' : text.startsWith('`') ? 'm' : 's'
    return label(x + width / 2, first + i * LINE, text.replace(/^`/, ''), style)
  })
  return `<rect class="${kind}" x="${x}" y="${y}" width="${width}" height="${height}" rx="8"/>${texts.join('')}`
}

function label (x, y, text, kind = 's', anchor = 'middle') {
  const safe = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
  return `<text class="${kind}" x="${x}" y="${y}" text-anchor="${anchor}">${safe}</text>`
}

/** An arrow along a path; `kind` is w for what writes, d for what follows by itself. */
function arrow (d, kind = '') {
  return `<path class="${kind}" d="${d}" marker-end="url(#${kind.includes('w') ? 'hw' : 'h'})"/>`
}

function picture (width, height, title, ...parts) {
  const head = (id) => `<marker id="${id}" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8" orient="auto-start-reverse"><path d="M0 0L10 5L0 10z"/></marker>`
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${title}">
<title>${title}</title>
<style>${STYLE}</style>
<defs>${head('h')}${head('hw')}</defs>
<rect class="bg" width="${width}" height="${height}"/>
${parts.join('\n')}
</svg>
`
}

const threads = picture(820, 350, 'Threads and readers of a connection with promises',
  box('js', 20, 100, 210, 150, 'JavaScript thread', 'the event loop: requests,', 'timers, your code', '`await db.run(…)', '`await db.get(…)'),
  box('th', 330, 24, 200, 76, 'writer, a thread', 'writes and transactions,', 'one after the other'),
  box('th', 330, 136, 200, 76, 'reader 1, a thread', 'a report of 140 ms'),
  box('th', 330, 248, 200, 76, 'reader 2, a thread', 'quick reads meanwhile'),
  box('file', 640, 100, 160, 150, 'app.db', 'in WAL mode: reads', 'see the last commit,', 'and wait for no write'),
  arrow('M230 135 C280 135 280 62 328 62', 'w'), label(252, 74, 'write', 'wt'),
  arrow('M230 175 H328'), label(279, 168, 'read'),
  arrow('M230 215 C280 215 280 286 328 286'), label(252, 284, 'read'),
  arrow('M530 62 C590 62 590 140 638 140', 'w'),
  arrow('M638 175 H532'),
  arrow('M638 210 C590 210 590 286 532 286'),
  label(20, 332, "connect('app.db', { readers: 2 })", 'm', 'start'))

const replica = picture(820, 424, 'A primary, a read replica and embedded replicas',
  box('out', 310, 150, 200, 110, 'primary', 'sqld: takes all writes,', 'one after the other,', 'and keeps a log of pages'),
  box('js', 20, 24, 210, 64, 'your process', 'with an embedded replica'),
  box('file', 20, 116, 210, 60, 'replica.db', 'reads: no network'),
  box('js', 20, 240, 210, 64, 'another process', 'with a replica of its own'),
  box('file', 20, 332, 210, 60, 'replica.db', 'reads: no network'),
  box('box', 600, 40, 200, 80, 'read replica', 'sqld: reads from its copy,', 'passes writes on'),
  box('file', 600, 165, 200, 80, 'S3', 'every change, some seconds', 'later (if you want)'),
  box('box', 600, 300, 200, 80, 'backup.db', 'by ferrolite pull', 'now and then, elsewhere'),
  arrow('M120 88 V114'), arrow('M120 304 V330'),
  arrow('M230 50 C290 50 340 80 360 148', 'w'), label(300, 60, 'writes', 'wt', 'start'),
  arrow('M310 190 C280 190 270 150 232 148', 'd'), label(246, 192, 'pages', 's', 'start'),
  arrow('M230 272 C270 272 290 260 316 240', 'w'), label(236, 262, 'writes', 'wt', 'start'),
  arrow('M370 262 C360 330 300 362 232 362', 'd'), label(300, 372, 'pages', 's', 'start'),
  arrow('M470 150 C480 100 540 66 598 66', 'd'), label(496, 78, 'pages'),
  arrow('M600 104 C560 104 520 130 504 150', 'w'), label(572, 138, 'writes', 'wt'),
  arrow('M510 205 H598', 'd'),
  arrow('M490 260 C510 310 550 340 598 340', 'd'),
  label(410, 414, 'red: writes · dashed: what follows by itself or by a copy'))

const store = picture(820, 360, 'A database in a key-value store',
  box('js', 20, 40, 250, 90, 'your process', "`new Database('app', { store })", 'one writer at a time'),
  box('th', 20, 190, 250, 110, 'SQLite', 'its pages are in a cache,', 'the others are asked for:', '`getBatch(keys)'),
  box('box', 360, 24, 444, 312, ''),
  label(582, 50, 'the store: six methods, of a directory, Redis, S3, …', 't'),
  box('file', 376, 76, 412, 62, 'L/7/1 · L/7/2 · L/7/3 …', 'one key for each commit: the pages that it has changed'),
  box('out', 376, 158, 412, 62, 'E/7', 'an epoch: who writes now. The next writer creates E/8'),
  box('file', 376, 240, 412, 80, 'P/… · I/… · R/…', 'images of pages and their index, from time to time,', 'so that opening does not read all commits'),
  arrow('M100 130 V188'),
  arrow('M270 215 C320 215 320 107 374 107', 'w'),
  label(150, 166, 'commit:', 'wt', 'start'), label(204, 166, 'putIfAbsent', 'm', 'start'),
  arrow('M374 280 C330 280 320 270 272 270'), label(318, 298, 'pages'))

function draw () {
  for (const [name, text] of Object.entries({ threads, replica, store })) {
    fs.writeFileSync(path.join(ROOT, 'docs', 'images', `${name}.svg`), text)
    say(`docs/images/${name}.svg`)
  }
}

if (require.main === module) main(async () => draw())
