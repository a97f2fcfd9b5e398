'use strict'

const vm = require('node:vm')

// A program is JSON, so what JSON lacks is written as { $: kind, ... } and built here.

class Plain {
  constructor (entries) {
    Object.assign(this, Object.fromEntries(entries))
  }
}

class SubArray extends Array {}

const TYPED = {
  Uint8Array,
  Int8Array,
  Uint8ClampedArray,
  Uint16Array,
  Int32Array,
  Float32Array,
  Float64Array,
  BigInt64Array
}

function bytes (spec) {
  if (spec.zeros !== undefined) return Buffer.alloc(spec.zeros, 0)
  if (spec.fill !== undefined) return Buffer.alloc(spec.fill, Buffer.from(spec.hex, 'hex'))
  return Buffer.from(spec.hex, 'hex')
}

// A view that does not begin at its buffer's first byte, to catch offsets that are ignored.
function view (Type, spec) {
  const content = bytes(spec)
  const size = Type.BYTES_PER_ELEMENT || 1
  const memory = new ArrayBuffer(content.length + 2 * size)
  Buffer.from(memory).fill(0xee)
  content.copy(Buffer.from(memory, size))
  return new Type(memory, size, content.length / size)
}

function define (target, entries, ctx) {
  for (const [key, value] of entries) {
    Object.defineProperty(target, key, {
      value: build(value, ctx),
      writable: true,
      enumerable: true,
      configurable: true
    })
  }
  return target
}

const KINDS = {
  undefined: () => undefined,
  number: (spec) => Number(spec.v),
  bigint: (spec) => BigInt(spec.v),
  repeat: (spec) => spec.text.repeat(spec.times),
  buffer: (spec) => bytes(spec),
  typed: (spec) => view(TYPED[spec.type], spec),
  dataview: (spec) => view(DataView, spec),
  arraybuffer: (spec) => new Uint8Array(bytes(spec)).buffer,
  shared: (spec) => {
    const content = bytes(spec)
    const memory = new SharedArrayBuffer(content.length)
    new Uint8Array(memory).set(content)
    return new Uint8Array(memory)
  },
  detached: (spec) => {
    const content = new Uint8Array(bytes(spec))
    structuredClone(content.buffer, { transfer: [content.buffer] })
    return content
  },
  date: (spec) => new Date(spec.v),
  boxed: (spec) => Object(build(spec.v)),
  symbol: (spec) => Symbol(spec.v),
  regexp: (spec) => new RegExp(spec.v),
  map: () => new Map([['a', 1]]),
  arguments: (spec, ctx) => {
    const items = spec.items.map((v) => build(v, ctx))
    return (function () { return arguments })(...items)
  },
  obj: (spec, ctx) => define({}, spec.entries, ctx),
  nullproto: (spec, ctx) => define(Object.create(null), spec.entries, ctx),
  inherit: (spec, ctx) => Object.create(define({}, spec.entries, ctx)),
  instance: (spec, ctx) => new Plain(spec.entries.map(([k, v]) => [k, build(v, ctx)])),
  realm: (spec, ctx) => define(vm.runInNewContext('({})'), spec.entries, ctx),
  realmarray: (spec, ctx) => {
    const list = vm.runInNewContext('[]')
    for (const item of spec.items) list.push(build(item, ctx))
    return list
  },
  sparse: (spec, ctx) => {
    const list = new Array(spec.length)
    for (const [i, v] of spec.items) list[i] = build(v, ctx)
    return list
  },
  subarray: (spec, ctx) => SubArray.from(spec.items.map((v) => build(v, ctx))),
  getter: (spec, ctx) => {
    const target = define(spec.array ? [] : {}, spec.entries, ctx)
    const { throws, value } = spec
    Object.defineProperty(target, spec.key, {
      get: () => {
        if (throws !== undefined) throw ctx.thrown(throws)
        return build(value, ctx)
      },
      enumerable: true
    })
    return target
  },
  proxy: (spec, ctx) => {
    const handler = {}
    if (spec.trap) handler[spec.trap] = () => { throw ctx.thrown(spec.throws) }
    return new Proxy(build(spec.target, ctx), handler)
  },
  error: (spec) => new globalThis[spec.type](spec.message),
  thrown: (spec, ctx) => ctx.thrown(spec.v),
  ref: (spec, ctx) => ctx.handle(spec.on),
  path: (spec, ctx) => ctx.path(spec.v),
  fn: (spec, ctx) => ctx.callback(spec),
  gen: (spec, ctx) => ctx.generator(spec),
  factory: (spec, ctx) => ctx.factory(spec),
  logger: (spec, ctx) => ctx.logger(spec)
}

function build (spec, ctx) {
  if (typeof spec !== 'object' || spec === null) return spec
  if (Array.isArray(spec)) return spec.map((item) => build(item, ctx))
  const kind = KINDS[spec.$]
  if (kind === undefined) throw new Error(`no such value kind: ${JSON.stringify(spec)}`)
  return kind(spec, ctx)
}

module.exports = { build }
