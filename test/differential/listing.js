'use strict'

// A program as text that reads like the JavaScript it stands for.

const bytesOf = (spec) => spec.zeros !== undefined
  ? `Buffer.alloc(${spec.zeros})`
  : spec.fill !== undefined ? `Buffer.alloc(${spec.fill}, '${spec.hex}', 'hex')` : `Buffer.from('${spec.hex}', 'hex')`
const pairs = (entries) => entries.map(([key, v]) => `${JSON.stringify(key)}: ${value(v)}`).join(', ')

const WRITE = {
  undefined: () => 'undefined',
  number: (s) => s.v,
  bigint: (s) => `${s.v}n`,
  repeat: (s) => `${JSON.stringify(s.text)}.repeat(${s.times})`,
  buffer: bytesOf,
  boxed: (s) => `Object(${value(s.v)})`,
  symbol: (s) => `Symbol('${s.v}')`,
  date: (s) => `new Date(${s.v})`,
  obj: (s) => `{ ${pairs(s.entries)} }`,
  nullproto: (s) => `{ __proto__: null, ${pairs(s.entries)} }`,
  error: (s) => `new ${s.type}('${s.message}')`,
  path: (s) => JSON.stringify(s.v)
}

function value (spec) {
  if (Array.isArray(spec)) return `[${spec.map(value).join(', ')}]`
  if (typeof spec !== 'object' || spec === null) return JSON.stringify(spec)
  if (WRITE[spec.$]) return WRITE[spec.$](spec)
  const { $, ops, ...rest } = spec
  return `<${$} ${JSON.stringify(rest)}${ops ? ` doing ${listing(ops, '    ')}` : ''}>`
}

const name = ([kind, id]) => `${kind}${id}`
const list = (args = []) => args.map(value).join(', ')

const OPS = {
  open: (op) => `db${op.db} = ${op.how === 'call' ? '' : 'new '}${op.how === 'derived' ? 'Derived' : 'Database'}(${list(op.args)})`,
  call: (op) => `${op.save ? `${name(op.save)} = ` : ''}${name(op.on)}.${op.m}(${list(op.args)})`,
  drain: (op) => `[...${name(op.on)}]`,
  each: (op, indent) => `for (const row of ${name(op.on)}.iterate(${list(op.args)})) {` +
    `${op.breakAt ? ` // break after ${op.breakAt}` : ''}${op.throwAt ? ` // throw after ${op.throwAt}` : ''}` +
    `${listing(op.body, `${indent}  `)}\n${indent}}`,
  transaction: (op, indent) => `db${op.db}.transaction(${value({ ...op.fn, ops: undefined })})${op.mode ? `.${op.mode}` : ''}(${list(op.args)}) {` +
    `${listing(op.fn?.ops ?? [], `${indent}  `)}\n${indent}}`,
  serialize: (op) => `db${op.save} = new Database(db${op.db}.serialize(${list(op.args)}), ${value(op.options)})`
}

function listing (ops, indent = '') {
  return ops.map((op) => {
    const text = OPS[op.do] ? OPS[op.do](op, indent) : `${op.do} ${JSON.stringify(op)}`
    return `\n${indent}${text}`
  }).join('')
}

module.exports = { listing }
