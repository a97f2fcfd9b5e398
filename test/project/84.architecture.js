'use strict'

// docs/architecture.md names files and functions that exist.

const assert = require('node:assert/strict')
const fs = require('node:fs')
const path = require('node:path')
const test = require('node:test')

const ROOT = path.join(__dirname, '..', '..')
const PLACE = /`((?:lib|crates|test|docs|scripts)\/[\w./-]+)`(?: `(\w+)\(\)`)?/g

function filesOf (place) {
  if (fs.statSync(place).isFile()) return [place]
  const names = fs.readdirSync(place, { recursive: true }).map((name) => path.join(place, name))
  return names.filter((name) => /\.(js|rs)$/.test(name))
}

// Every `file` and `file` `function()` that a text names, and what is wrong with it.
function missing (text) {
  return [...text.matchAll(PLACE)].flatMap(([, place, name]) => {
    const full = path.join(ROOT, place)
    if (!fs.existsSync(full)) return [place]
    if (name === undefined) return []
    const isDefined = new RegExp(`(\\bfn |\\bfunction |^ +(async )?#?)${name}\\b ?[<(]`, 'm')
    const found = filesOf(full).some((file) => isDefined.test(fs.readFileSync(file, 'utf8')))
    return found ? [] : [`${place} ${name}()`]
  })
}

test('every file and function that docs/architecture.md names exists', () => {
  const text = fs.readFileSync(path.join(ROOT, 'docs', 'architecture.md'), 'utf8')
  assert.deepEqual(missing(text), [])
  assert.ok([...text.matchAll(PLACE)].length > 80)
})

test('a file or a function that does not exist is found', () => {
  const text = '`lib/nothing.js`, `lib/rows.js` `nothing()`, `lib/rows.js` `decoderFor()`, `crates/remote` `run()`'
  assert.deepEqual(missing(text), ['lib/nothing.js', 'lib/rows.js nothing()'])
})
