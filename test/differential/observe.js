'use strict'

const { createHash } = require('node:crypto')
const { types } = require('node:util')

const LONG = 96
const DEEP = 6

function digest (data) {
  return createHash('sha1').update(data).digest('hex').slice(0, 12)
}

function text (value, ctx) {
  if (ctx.dir && value.includes(ctx.dir)) value = value.split(ctx.dir).join('<dir>')
  if (value.length <= LONG) return value
  return { s: value.length, h: digest(Buffer.from(value, 'utf16le')), head: value.slice(0, 24) }
}

function binary (value) {
  const content = Buffer.from(value.buffer, value.byteOffset, value.byteLength)
  const name = Object.getPrototypeOf(value).constructor.name
  const short = content.length <= LONG / 2
  const seen = short ? { b: content.toString('hex') } : { b: content.length, h: digest(content) }
  return name === 'Buffer' ? seen : { t: name, ...seen }
}

function failure (error, ctx) {
  const code = error.code
  const seen = { e: error.constructor.name, m: text(String(error.message), ctx) }
  if (error.name !== seen.e) seen.name = error.name
  if (code !== undefined) seen.c = observe(code, ctx)
  const keys = Object.keys(error).filter((key) => !ctx.extras.error.includes(key))
  if (keys.length) seen.keys = keys
  return seen
}

// Attributes that differ from those of an ordinary property.
function flags (descriptor) {
  let odd = ''
  if (descriptor.get || descriptor.set) odd += 'g'
  else if (!descriptor.writable) odd += 'w'
  if (!descriptor.enumerable) odd += 'e'
  if (!descriptor.configurable) odd += 'c'
  return odd
}

function properties (value, ctx, depth) {
  const out = []
  for (const key of Object.getOwnPropertyNames(value)) {
    const descriptor = Object.getOwnPropertyDescriptor(value, key)
    const odd = flags(descriptor)
    const content = descriptor.get ? { u: 1 } : observe(descriptor.value, ctx, depth + 1)
    out.push(odd ? [key, content, odd] : [key, content])
  }
  return out
}

function array (value, ctx, depth) {
  const items = []
  let holes = 0
  for (let i = 0; i < value.length; i++) {
    if (!Object.hasOwn(value, i)) holes++
    items.push(observe(value[i], ctx, depth + 1))
  }
  const extra = Object.keys(value).length - (value.length - holes)
  const proto = Object.getPrototypeOf(value) === Array.prototype
  if (!holes && !extra && proto) return items
  return { a: items, holes, extra, p: proto ? 'Array' : value.constructor.name }
}

function object (value, ctx, depth) {
  const proto = Object.getPrototypeOf(value)
  const seen = { o: properties(value, ctx, depth) }
  if (proto === null) seen.p = null
  else if (Buffer.isBuffer(proto)) seen.p = 'a blob'
  else if (proto !== Object.prototype) seen.p = proto.constructor?.name ?? 'unknown'
  const tag = Object.prototype.toString.call(value)
  if (tag !== '[object Object]') seen.tag = tag
  return seen
}

const PRIMITIVES = {
  undefined: () => ({ u: 1 }),
  boolean: (value) => value,
  number: (value) => Number.isFinite(value) && !Object.is(value, -0)
    ? value
    : { n: Object.is(value, -0) ? '-0' : String(value) },
  bigint: (value) => ({ i: String(value) }),
  string: text,
  symbol: (value) => ({ y: value.description }),
  function: (value) => ({ f: value.name, l: value.length })
}

// What a program sees of a value, as JSON: exact type, identity of what it knows, key order.
function observe (value, ctx, depth = 0) {
  if (value === null) return null
  const label = ctx.label(value)
  if (label !== undefined) return { r: label }
  if (typeof value !== 'object') return PRIMITIVES[typeof value](value, ctx)
  if (depth > DEEP) return { deep: 1 }
  if (types.isProxy(value)) return { proxy: 1 }
  if (value instanceof Error) return failure(value, ctx)
  if (ArrayBuffer.isView(value)) return binary(value)
  if (types.isPromise(value)) return { promise: 1 }
  if (Array.isArray(value)) return array(value, ctx, depth)
  return object(value, ctx, depth)
}

module.exports = { observe }
