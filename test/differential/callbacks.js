'use strict'

const { build } = require('./values')
const { observe } = require('./observe')

// Calls beyond this many are not written to the trace; both sides stop at the same one.
const LOGGED_CALLS = 12
const CALLS_WITH_OPS = 2

const describe = (value, ctx) => JSON.stringify(observe(value, ctx))

const RETURNS = {
  value: (ret, args, ctx) => build(ret.v, ctx),
  arg: (ret, args) => args[ret.i],
  describe: (ret, args, ctx) => args.map((arg) => describe(arg, ctx)).join(),
  count: (ret, args) => args.length,
  promise: () => Promise.resolve(1),
  thenable: () => ({ then () {} }),
  // Accumulators: the first argument is the state so far.
  sum: (ret, [acc, ...args]) => args.reduce((total, arg) => total + Number(arg), acc),
  less: (ret, [acc, ...args]) => args.reduce((total, arg) => total - Number(arg), acc),
  concat: (ret, [acc, ...args], ctx) => `${acc}|${args.map((arg) => describe(arg, ctx)).join()}`,
  push: (ret, [acc, ...args], ctx) => {
    acc.push(args.map((arg) => describe(arg, ctx)).join())
    return ret.back ? acc : undefined
  },
  list: () => [],
  join: (ret, [acc]) => acc.join('|'),
  nothing: () => undefined
}

// One call of user code: written down, its inner operations run, then it throws or returns.
function called (spec, state, self, args, ctx) {
  state.calls++
  if (state.calls <= LOGGED_CALLS) {
    ctx.note(`call ${spec.name}`, [args.map((arg) => observe(arg, ctx)), observe(self, ctx)])
  }
  if (spec.ops && state.calls <= CALLS_WITH_OPS) ctx.nested(spec.ops)
  if (spec.throwAt && state.calls === spec.throwAt) throw ctx.thrown(spec.throws)
}

function sized (fn, spec, ctx) {
  if (spec.length !== undefined) {
    Object.defineProperty(fn, 'length', { value: build(spec.length, ctx) })
  }
  return fn
}

function callback (spec, ctx) {
  const state = { calls: 0 }
  return sized(function (...args) {
    called(spec, state, this, args, ctx)
    return RETURNS[spec.ret.how](spec.ret, args, ctx)
  }, spec, ctx)
}

function logger (spec, ctx) {
  const state = { calls: 0 }
  return function (...args) {
    called({ ...spec, name: 'verbose' }, state, this, args, ctx)
  }
}

function generator (spec, ctx) {
  const state = { calls: 0 }
  return sized(function * (...args) {
    called(spec, state, undefined, args, ctx)
    let at = 0
    for (const row of spec.rows) {
      at++
      if (spec.throwRow === at) throw ctx.thrown(spec.throws)
      yield row === 'args' ? args : build(row, ctx)
    }
  }, spec, ctx)
}

function factory (spec, ctx) {
  const state = { calls: 0 }
  return function (...args) {
    called(spec, state, this, args, ctx)
    return build(spec.def, ctx)
  }
}

module.exports = { callback, factory, generator, logger }
