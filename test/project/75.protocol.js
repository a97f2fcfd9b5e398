'use strict'

// The numbers that JavaScript shares with Rust, compared as text: neither side loads the other's.

const assert = require('node:assert/strict')
const fs = require('node:fs')
const path = require('node:path')
const test = require('node:test')
const { LIMITS } = require('../../lib/connection-options')
const protocol = require('../../lib/protocol')

const ROOT = path.join(__dirname, '..', '..')
const read = (...names) => fs.readFileSync(path.join(ROOT, ...names), 'utf8')

// Enums of SQLite's own, by their files.
const OF_SQLITE = { Limit: 'limits', Need: 'pragma', Role: 'role', Tag: 'packed' }

/** A table's name and its entries, each with its text and whether a comment explains it. */
class Numbers {
  tables = new Map()
  singles = new Map()

  add (table, name, text, isExplained) {
    if (table === null) {
      this.singles.set(name, text)
    } else {
      if (!this.tables.has(table)) this.tables.set(table, new Map())
      this.tables.get(table).set(name, text)
    }
    const full = table === null ? name : `${table}.${name}`
    assert.ok(isExplained, `${full} needs a line that says what it means`)
  }

  /** What a text of digits, names of single numbers, `+` and `*` comes to. */
  valueOf (text) {
    const digits = text.replace(/[A-Z]\w+/g, (name) => `(${this.valueOf(this.singles.get(name))})`)
    assert.match(digits.replaceAll('_', ''), /^[\da-fx+*() ]+$/)
    return Number(eval(digits.replaceAll('_', ''))) // eslint-disable-line no-eval -- digits alone
  }

  values () {
    const all = {}
    for (const [name, text] of this.singles) all[name] = this.valueOf(text)
    for (const [table, entries] of this.tables) {
      const values = [...entries].map(([name, text]) => [name, this.valueOf(text)])
      all[table] = Object.fromEntries(values)
    }
    return all
  }
}

const upper = (name) => name.replace(/([a-z\d])([A-Z])/g, '$1_$2').toUpperCase()

function readJavaScript () {
  const numbers = new Numbers()
  for (const file of ['layout.js', 'protocol.js']) readConstants(numbers, read('lib', file))
  return numbers
}

function readConstants (numbers, text) {
  let table = null
  let before = ''
  for (const line of text.split('\n')) {
    const isExplained = before.trim().startsWith('//')
    const single = /^const (\w+) = ([^{]+)$/.exec(line)
    const begin = /^const (\w+) = \{$/.exec(line)
    const entry = /^ {2}(\w+): (\w+),?$/.exec(line)
    if (line.startsWith('module.exports')) break
    if (single) numbers.add(null, single[1], single[2], isExplained)
    else if (begin) table = begin[1]
    else if (entry) numbers.add(table, entry[1], entry[2], isExplained)
    if (begin) assert.ok(isExplained, `${table} needs a line that says what it is`)
    before = line
  }
}

/** Constants, modules of them and enums of Rust; `only` names those to take from a file. */
function readRust (numbers, text, only = null) {
  let table = null
  let before = ''
  for (const line of text.split('\n')) {
    if (line.startsWith('macro_rules!')) table = null
    const isExplained = before.trim().startsWith('///')
    const module = /^pub mod (\w+) \{$/.exec(line)
    const enumeration = /^(?:pub enum| {4})(?: ?)(\w+)(?:: [iu]\d+)? \{$/.exec(line)
    const constant = /^( *)pub const (\w+): \w+ = ([^;]+);$/.exec(line)
    const variant = /^ +([A-Z]\w*) = ([\w:]+),$/.exec(line)
    const name = (module ?? enumeration)?.[1]
    if (name !== undefined) table = only === null || only.includes(name) ? upper(name) : null
    else if (/^ {0,4}\}/.test(line)) table = null
    if (constant && (only === null || only.includes(constant[2]))) {
      numbers.add(constant[1] === '' ? null : table, constant[2], constant[3], isExplained)
    }
    if (variant && table !== null) {
      const sqlite = /^ffi::SQLITE_LIMIT_\w+$/.test(variant[2])
      const number = sqlite ? String(numbers.tables.get(table)?.size ?? 0) : variant[2]
      numbers.add(table, upper(variant[1]), number, isExplained)
    }
    if (!/^ *(#\[|\/\/\/)/.test(line) || line.includes('///')) before = line
  }
}

function allOfRust () {
  const numbers = new Numbers()
  for (const [name, file] of Object.entries(OF_SQLITE)) {
    const own = name === 'Tag' ? [name, 'SLOTS_PER_BLOCK', 'BYTES_PER_BLOCK'] : [name]
    readRust(numbers, read('crates', 'sqlite', 'src', `${file}.rs`), own)
  }
  readRust(numbers, read('crates', 'worker', 'src', 'protocol.rs'))
  readRust(numbers, read('crates', 'node', 'src', 'block_layout.rs'))
  return numbers
}

test('Rust has every number of lib/protocol.js, and JavaScript every number of Rust', () => {
  const ours = readJavaScript().values()
  const theirs = allOfRust().values()
  assert.deepEqual(Object.keys(ours).sort(), Object.keys(theirs).sort())
  for (const [name, value] of Object.entries(ours)) assert.deepEqual(theirs[name], value, name)
})

test('what is read as text is what lib/protocol.js exports', () => {
  assert.deepEqual(readJavaScript().values(), { ...protocol })
})

test('no two entries of a table have the same number', () => {
  for (const [name, table] of Object.entries(protocol)) {
    if (typeof table !== 'object') continue
    const numbers = Object.values(table)
    assert.equal(new Set(numbers).size, numbers.length, name)
  }
})

test('limits are set by their numbers, which are their places in the list of names', () => {
  const names = Object.keys(protocol.LIMIT)
  assert.deepEqual(Object.values(protocol.LIMIT), names.map((_, i) => i))
  assert.equal(LIMITS.length, names.length)
  LIMITS.forEach((name, i) => assert.ok(names[i].startsWith(upper(name)), name))
})
