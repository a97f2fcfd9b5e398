'use strict'

// Links of the Markdown files to files and headings of this repository lead somewhere.

const assert = require('node:assert/strict')
const fs = require('node:fs')
const path = require('node:path')
const test = require('node:test')

const ROOT = path.join(__dirname, '..', '..')
// The site has a check of its own: site/check.mjs.
const OTHERS = new Set(['.git', 'node_modules', 'site', 'target', 'coverage'])
const ELSEWHERE = /^(https?|mailto):/

function pages (folder = '') {
  const entries = fs.readdirSync(path.join(ROOT, folder), { withFileTypes: true })
  return entries.flatMap((entry) => {
    const name = path.posix.join(folder, entry.name)
    if (entry.isDirectory()) return OTHERS.has(entry.name) ? [] : pages(name)
    return name.endsWith('.md') ? [name] : []
  })
}

// What stands in a block of code is no link and no heading.
function read (page) {
  return fs.readFileSync(path.join(ROOT, page), 'utf8').replaceAll('\r\n', '\n')
    .replaceAll(/^( *)(```+|~~~+)[^]*?^ *\2/gm, '')
}

function links (text) {
  const prose = text.replaceAll(/`[^`\n]*`/g, 'code')
  const inline = [...prose.matchAll(/\]\(<?([^)\s>]+)>?(?: "[^"]*")?\)/g)]
  const named = [...prose.matchAll(/^\[[^\]]+\]: <?(\S+?)>?$/gm)]
  const html = [...prose.matchAll(/\b(?:href|src)="([^"]+)"/g)]
  return [...inline, ...named, ...html].map(([, target]) => target)
}

// As GitHub makes them from headings; the second of a name ends in -1.
function anchors (text) {
  const seen = new Map()
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading]) => {
    const words = heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase()
    const anchor = words.replace(/[^\p{L}\p{N}_\- ]/gu, '').replaceAll(' ', '-')
    const count = seen.get(anchor) ?? 0
    seen.set(anchor, count + 1)
    return count === 0 ? anchor : `${anchor}-${count}`
  })
}

test('links lead to files and headings that are there', () => {
  const list = pages()
  for (const page of ['README.md', 'CHANGELOG.md', 'docs/api.md']) assert.ok(list.includes(page), page)
  const broken = []
  let count = 0
  for (const page of list) {
    for (const target of links(read(page))) {
      if (ELSEWHERE.test(target)) continue
      count++
      const [name, anchor] = target.split('#')
      const linked = name ? path.posix.join(path.posix.dirname(page), decodeURI(name)) : page
      const there = fs.existsSync(path.join(ROOT, linked))
      const whole = there && (!anchor || anchors(read(linked)).includes(anchor))
      if (!whole) broken.push(`${page}: ${target}`)
    }
  }
  assert.deepEqual(broken, [])
  assert.ok(count >= 50, `only ${count} links were found`)
})

test('a link to nothing is found, in each way to write one', () => {
  const text = '[a](b.md#c) ![i](d.png "title")\n[r]: e.md\n<a href="f.md">`[x](y)`</a>'
  assert.deepEqual(links(text), ['b.md#c', 'd.png', 'e.md', 'f.md'])
  assert.deepEqual(anchors('# A `b()`\n## A b\n### A [link](x.md), two'), ['a-b', 'a-b-1', 'a-link-two'])
})
