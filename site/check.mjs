// Every link of the built site leads to a page, and to a heading where it names one; every picture
// is there. Links to the repository lead to files that it has.

import fs from 'node:fs'
import path from 'node:path'

const ROOT = path.dirname(import.meta.dirname)
const DIST = path.join(ROOT, 'target', 'site')
const BASE = process.env.SITE_BASE ?? '/'
const REPOSITORY = 'https://github.com/ferrolite/ferrolite/blob/main/'

const decode = (text) => text.replaceAll('&amp;', '&').replaceAll('&#39;', "'").replaceAll('&quot;', '"')
const files = fs.readdirSync(DIST, { recursive: true }).filter((name) => name.endsWith('.html'))
const pages = new Map(files.map((name) => {
  const html = fs.readFileSync(path.join(DIST, name), 'utf8')
  const ids = new Set([...html.matchAll(/\sid="([^"]+)"/g)].map(([, id]) => decode(id)))
  return [name.split(path.sep).join('/'), { html, ids }]
}))

function problem (from, target) {
  if (target.startsWith(REPOSITORY)) {
    const [file] = target.slice(REPOSITORY.length).split('#')
    return fs.existsSync(path.join(ROOT, decodeURI(file))) ? null : 'no such file'
  }
  if (/^[a-z]+:/.test(target)) return null
  const url = new URL(target, `https://site${BASE}${from}`)
  if (!url.pathname.startsWith(BASE)) return 'outside of the site'
  const place = decodeURI(url.pathname.slice(BASE.length))
  const page = [place, `${place}.html`, `${place}index.html`].find((name) => pages.has(name))
  if (page === undefined) return fs.existsSync(path.join(DIST, place)) && place !== '' ? null : 'no such page'
  const id = decodeURIComponent(url.hash.slice(1))
  return id === '' || pages.get(page).ids.has(id) ? null : 'no such heading'
}

const broken = new Set()
let count = 0
for (const [name, { html }] of pages) {
  if (name === '404.html') continue
  for (const [, target] of html.matchAll(/<(?:a|img|link|script)\s[^>]*?(?:href|src)="([^"]*)"/g)) {
    count++
    const found = problem(name, decode(target))
    if (found) broken.add(`${name}: ${decode(target)}: ${found}`)
  }
}
for (const line of broken) console.error(line)
if (pages.size < 60 || count < 2000) throw new Error(`only ${pages.size} pages with ${count} links were found`)
console.log(`${pages.size} pages, ${count} links, ${broken.size} broken`)
if (broken.size > 0) process.exitCode = 1
