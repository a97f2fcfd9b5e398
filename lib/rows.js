'use strict'

// Rows arrive packed (crates/sqlite/src/packed.rs): for each value a tag and an 8-byte slot, text
// of all rows joined in one string. A decoder is compiled once for each list of column names.

const { TAG } = require('./layout')

const { NULL, INT32, DOUBLE, LATIN1, UTF16, BYTES, LARGE } = TAG

// What a row looks like.
const FLAT = 0
const PLUCK = 1
const EXPAND = 2
const RAW = 3

/** @typedef {import('./block').Block} Block */

/** Values that are rare or slow anyway. */
function other (block, tag, slot) {
  const start = block.i32[2 * slot]
  const end = block.i32[2 * slot + 1]
  switch (tag) {
    case UTF16: return block.extras[0].substring(start, end)
    case BYTES: return copyBlob(block.buffer, block.bytesAt + start, end - start)
    case LARGE: return block.extras[start]
    default: return block.i64[slot]
  }
}

// What makes a Buffer fastest: `Buffer.alloc` checks first, `Buffer.allocUnsafe` shares memory.
const FastBuffer = findFastBuffer()

function findFastBuffer () {
  const { [Symbol.species]: Species = null } = /** @type {any} */ (Buffer)
  const ours = class extends Uint8Array {}
  Object.setPrototypeOf(ours.prototype, Buffer.prototype)
  return Species !== null && Species.prototype === Buffer.prototype ? Species : ours
}

/** A blob in memory of its own: short ones get an ArrayBuffer when `buffer` is asked for. */
function copyBlob (buffer, start, length) {
  const copy = new FastBuffer(length)
  copy.set(new Uint8Array(buffer, start, length))
  return copy
}

// One value by the plain way: where code generation is not allowed, and for very wide rows.
function valueAt (block, text, slot) {
  const tag = block.tags[slot]
  if (tag === INT32) return block.i32[2 * slot]
  if (tag === DOUBLE) return block.f64[slot]
  if (tag === LATIN1) return text.substring(block.i32[2 * slot], block.i32[2 * slot + 1])
  return tag === NULL ? null : other(block, tag, slot)
}

/** A data property whatever its name is: assignment would call a setter of Object.prototype. */
function define (object, key, value) {
  if (key in object && !Object.hasOwn(object, key)) {
    const property = { value, writable: true, enumerable: true, configurable: true }
    Object.defineProperty(object, key, property)
  } else {
    object[key] = value
  }
}

function buildFlat (names, block, text, slot) {
  const row = {}
  for (let i = 0; i < names.length; ++i) define(row, names[i], valueAt(block, text, slot + i))
  return row
}

function buildExpanded (names, tables, block, text, slot) {
  const row = {}
  for (let i = 0; i < names.length; ++i) {
    const table = tables[i] ?? '$'
    if (!Object.hasOwn(row, table)) define(row, table, {})
    define(row[table], names[i], valueAt(block, text, slot + i))
  }
  return row
}

function buildRaw (width, block, text, slot) {
  const row = new Array(width)
  for (let i = 0; i < width; ++i) row[i] = valueAt(block, text, slot + i)
  return row
}

/**
 * `width` is the number of slots of a row. `one(block, text)` gives the first row,
 * `many(block, text, rows, out)` appends all rows, and `some(block, text, slot, rows, out)` those
 * from a slot on.
 */
function plainDecoder (width, build) {
  const some = (block, text, slot, rows, out) => {
    for (let i = 0; i < rows; ++i) out[out.length] = build(block, text, slot + i * width)
  }
  return {
    width,
    one: (block, text) => build(block, text, 0),
    many (block, text, rows, out) {
      some(block, text, 0, rows, out)
    },
    some
  }
}

const canCompile = (() => {
  try {
    // eslint-disable-next-line no-new-func -- finds out whether it may
    return Function('return true')()
  } catch {
    // --disallow-code-generation-from-strings, or a content security policy.
    return false
  }
})()

// Beyond it compiling costs more than it saves.
const MAX_COMPILED_WIDTH = 128

const key = (name) => name === '__proto__' ? '["__proto__"]' : JSON.stringify(name)

function rowLiteral (mode, names, tables) {
  const values = names.map((_, i) => `v${i}`)
  if (mode === PLUCK) return 'v0'
  if (mode === RAW) return `[${values}]`
  if (mode === FLAT) return `{${names.map((name, i) => `${key(name)}:v${i}`)}}`
  const groups = new Map()
  names.forEach((name, i) => {
    const table = tables[i] ?? '$'
    if (!groups.has(table)) groups.set(table, [])
    groups.get(table).push(`${key(name)}:v${i}`)
  })
  return `{${[...groups].map(([table, fields]) => `${key(table)}:{${fields}}`)}}`
}

function readValue (i, slot) {
  const low = slot === null ? 2 * i : `2 * (k + ${i})`
  const high = slot === null ? 2 * i + 1 : `2 * (k + ${i}) + 1`
  const at = slot === null ? i : `k + ${i}`
  return `t = tags[${at}]
  const v${i} = t === ${LATIN1} ? text.substring(i32[${low}], i32[${high}])
    : t === ${INT32} ? i32[${low}] : t === ${DOUBLE} ? f64[${at}]
    : t === ${NULL} ? null : other(block, t, ${at})`
}

function compiledDecoder (mode, width, names, tables) {
  const row = rowLiteral(mode, names, tables)
  const read = (slot) => names.map((_, i) => readValue(i, slot)).join('\n  ')
  // eslint-disable-next-line no-new-func -- column names go through JSON.stringify alone
  return Function('other', `'use strict'
return {
  width: ${width},
  one (block, text) {
    const { tags, i32, f64 } = block
    let t
    ${read(null)}
    return ${row}
  },
  many (block, text, rows, out) {
    const { tags, i32, f64 } = block
    let t
    for (let k = 0, end = rows * ${width}; k < end; k += ${width}) {
      ${read('k')}
      out[out.length] = ${row}
    }
  },
  some (block, text, slot, rows, out) {
    const { tags, i32, f64 } = block
    let t
    for (let k = slot, end = slot + rows * ${width}; k < end; k += ${width}) {
      ${read('k')}
      out[out.length] = ${row}
    }
  }
}`)(other)
}

// Statements with the same columns share a decoder, and so their rows share a hidden class.
const decoders = new Map()
const MAX_DECODERS = 1000

/**
 * The decoder for rows of these columns; `tables` is only needed for EXPAND. A name may have any
 * character: a list that is joined by a separator could equal another list.
 */
function decoderFor (mode, names, tables) {
  if (mode === PLUCK) names = names.slice(0, 1)
  const id = `${mode}${mode === FLAT ? JSON.stringify(names) : mode === EXPAND ? JSON.stringify([names, tables]) : names.length}`
  let decoder = decoders.get(id)
  if (decoder === undefined) {
    if (decoders.size >= MAX_DECODERS) decoders.clear()
    decoders.set(id, decoder = createDecoder(mode, names, tables))
  }
  return decoder
}

function createDecoder (mode, names, tables) {
  const width = names.length
  if (canCompile && width <= MAX_COMPILED_WIDTH) return compiledDecoder(mode, width, names, tables)
  switch (mode) {
    case PLUCK: return plainDecoder(width, valueAt)
    case RAW: return plainDecoder(width, buildRaw.bind(null, width))
    case EXPAND: return plainDecoder(width, buildExpanded.bind(null, names, tables))
    default: return plainDecoder(width, buildFlat.bind(null, names))
  }
}

module.exports = { EXPAND, FLAT, PLUCK, RAW, canCompile, decoderFor, valueAt }
