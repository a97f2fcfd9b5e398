// Makes the pages of the site in pages/: those of docs/, some of the root, and the reference from
// the types. Links to what is no page lead to the repository.

import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'

const SITE = import.meta.dirname
const ROOT = path.dirname(SITE)
const PAGES = path.join(SITE, 'pages')
const TYPES = path.join(SITE, 'types')
const REPOSITORY = 'https://github.com/ferrolite/ferrolite/blob/main/'
// Pages beside those of docs/, and where they are on the site.
const MORE = {
  'CHANGELOG.md': 'project/changelog.md',
  'CONTRIBUTING.md': 'project/contributing.md',
  'SECURITY.md': 'project/security.md',
  'examples/README.md': 'project/examples.md'
}

const read = (file) => fs.readFileSync(path.join(ROOT, file), 'utf8').replaceAll('\r\n', '\n')

function write (page, text) {
  const file = path.join(PAGES, page)
  fs.mkdirSync(path.dirname(file), { recursive: true })
  fs.writeFileSync(file, text)
}

/** Where a file of the repository is on the site, or null. */
function placeOf (file) {
  if (file === 'README.md') return 'index.md'
  if (MORE[file]) return MORE[file]
  if (file.startsWith('docs/images/')) return file.slice('docs/'.length)
  if (!file.startsWith('docs/') || !file.endsWith('.md')) return null
  return file.slice('docs/'.length).replace(/README\.md$/, 'index.md')
}

// A link as the repository has it, for a page at another place.
function moved (target, from, to) {
  if (/^([a-z]+:|#)/.test(target)) return target
  const [name, anchor] = target.split('#')
  const file = path.posix.join(path.posix.dirname(from), name)
  const place = placeOf(file)
  const hash = anchor ? `#${anchor}` : ''
  if (place === null) return REPOSITORY + file + hash
  const relative = path.posix.relative(path.posix.dirname(to), place)
  return (relative.startsWith('.') ? relative : `./${relative}`) + hash
}

// Links outside of code.
function page (file) {
  const to = placeOf(file)
  const parts = read(file).split(/(^ *```[^]*?^ *```|`[^`\n]*`)/m)
  const link = (_, open, target) => open + moved(target, file, to)
  const prose = (text) => text.replaceAll(/(\]\(<?)([^)\s>]+)/g, link)
  write(to, parts.map((part, i) => i % 2 === 0 ? prose(part) : part).join(''))
}

function home () {
  const [, example] = read('README.md').match(/^## Use\n\n(```js\n[^]*?^```)$/m)
  write('index.md', fs.readFileSync(path.join(SITE, 'home.md'), 'utf8').replace('EXAMPLE', () => example))
}

// typedoc forgets which errors are thrown, and how `export =` is called.
function reference () {
  const files = ['index.d.ts', 'promise.d.ts', ...fs.readdirSync(path.join(ROOT, 'stores'))
    .filter((name) => name.endsWith('.d.ts')).map((name) => `stores/${name}`)]
  for (const file of files) {
    fs.mkdirSync(path.dirname(path.join(TYPES, file)), { recursive: true })
    const name = `ferrolite/${file.replace(/\.d\.ts$/, '')}`.replace(/\/index$/, '')
    const text = read(file).replaceAll(/@throws \{(\w+)\}/g, '@throws **$1**')
      .replaceAll('`@throws`', '"Throws"')
    fs.writeFileSync(path.join(TYPES, file), `/**\n * @module ${name}\n */\n${text}`)
  }
  const bin = path.join(SITE, 'node_modules', 'typedoc', 'bin', 'typedoc')
  execFileSync(process.execPath, [bin, '--logLevel', 'Warn'], { cwd: SITE, stdio: 'inherit' })
  rename(path.join(PAGES, 'reference'))
}

function rename (folder) {
  for (const entry of fs.readdirSync(folder, { withFileTypes: true })) {
    const from = path.join(folder, entry.name)
    const to = path.join(folder, entry.name.replace('export=', 'Database'))
    if (from !== to) fs.renameSync(from, to)
    if (entry.isDirectory()) rename(to)
    else fs.writeFileSync(to, fs.readFileSync(to, 'utf8').replaceAll('export=', 'Database'))
  }
}

for (const folder of [PAGES, TYPES]) fs.rmSync(folder, { recursive: true, force: true })
for (const folder of ['docs', 'docs/guides']) {
  for (const name of fs.readdirSync(path.join(ROOT, folder))) {
    if (name.endsWith('.md')) page(`${folder}/${name}`)
  }
}
for (const file of Object.keys(MORE)) page(file)
home()
fs.mkdirSync(path.join(PAGES, 'public'))
fs.copyFileSync(path.join(SITE, 'logo.svg'), path.join(PAGES, 'public', 'logo.svg'))
fs.cpSync(path.join(ROOT, 'docs', 'images'), path.join(PAGES, 'images'), { recursive: true })
reference()
