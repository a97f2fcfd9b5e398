'use strict'

const { THROWN, WRONG, ordinary, valueFor } = require('./literals')

// The arguments of a call that binds: right ones in every form the API takes, and wrong ones.

function unnamed (r, values) {
  if (values.length === 0) return []
  const as = r.weighted([[5, 'spread'], [3, 'array'], [2, 'mixed'], [1, 'odd']])
  if (as === 'spread') return values
  if (as === 'array') return [values]
  if (as === 'odd') {
    const kind = r.pick(['subarray', 'realmarray', 'sparse'])
    if (kind !== 'sparse') return [{ $: kind, items: values }]
    const items = values.map((v, i) => [i, v]).filter(() => r.chance(0.7))
    return [{ $: 'sparse', length: values.length, items }]
  }
  const at = r.int(0, values.length)
  return r.chance(0.5)
    ? [...values.slice(0, at), values.slice(at)]
    : [values.slice(0, at), [], ...values.slice(at)]
}

function named (r, entries) {
  if (r.chance(0.15)) entries = [...entries, ['unused', r.pick([1, true, { $: 'date', v: 0 }])]]
  if (r.chance(0.2)) entries = r.shuffle(entries)
  const kind = r.weighted([[8, 'obj'], [2, 'nullproto'], [1, 'realm']])
  return { $: kind, entries }
}

function right (r, params) {
  const values = []
  const entries = []
  for (const { name, type } of params) {
    const value = valueFor(r, type)
    if (name === null) values.push(value)
    else if (!entries.some(([key]) => key === name)) entries.push([name, value])
  }
  const args = unnamed(r, values)
  if (entries.length) args.splice(r.int(0, args.length), 0, named(r, entries))
  return args
}

const target = (r) => ({ $: 'obj', entries: [['a', ordinary(r)], ['b', ordinary(r)]] })

// Each takes right arguments and spoils them. Of proxies only what better-sqlite3 sees as we do: it
// takes every proxy, of an array too, for a plain object, and calls no trap for prototype or keys.
const SPOIL = [
  [3, (r, args) => args.slice(1)],
  [3, (r, args) => args.slice(0, -1)],
  [3, (r, args) => [...args, ordinary(r)]],
  [1, (r, args) => [...args, { $: 'undefined' }]],
  [1, () => []],
  [6, (r, args) => replace(r, args, () => r.pick(WRONG))],
  [2, (r, args) => [...args, r.pick(WRONG)]],
  [2, (r, args) => [...args, target(r)]],
  [1, (r, args) => [...args, target(r), target(r)]],
  [2, (r, args) => [...args, { $: 'instance', entries: [['a', 1]] }]],
  [1, (r, args) => [{ $: 'inherit', entries: [['a', 1], ['b', 2], ['x1', 3]] }, ...args]],
  [2, (r, args) => [[args]]],
  [1, (r, args) => [[...args, [1]]]],
  [2, (r, args) => replace(r, args, (value) => rename(r, value))],
  [2, (r, args, throwable) => [{ $: 'getter', key: r.pick(['a', 'b', 'x1']), entries: [['name', 1]], throws: r.pick(throwable) }]],
  [2, (r, args, throwable) => [{ $: 'getter', array: true, key: '0', entries: [], throws: r.pick(throwable) }]],
  [1, (r) => [{ $: 'getter', key: 'a', entries: [['b', 2]], value: ordinary(r) }]],
  [2, (r) => [{ $: 'proxy', target: target(r) }]],
  [2, (r, args, throwable) => [{ $: 'proxy', target: target(r), trap: 'get', throws: r.pick(throwable) }]],
  [1, (r, args) => [{ $: 'sparse', length: args.length + 1, items: [] }]]
]

function replace (r, args, change) {
  if (args.length === 0) return [r.pick(WRONG)]
  const at = r.int(0, args.length - 1)
  return args.map((arg, i) => {
    if (i !== at) return arg
    if (Array.isArray(arg) && arg.length) return replace(r, arg, change)
    if (arg?.entries?.length) {
      const [[key], ...rest] = arg.entries
      return { ...arg, entries: [[key, change(arg.entries[0][1])], ...rest] }
    }
    return change(arg)
  })
}

function rename (r, value) {
  return r.pick([
    { $: 'obj', entries: [['A', value]] },
    { $: 'obj', entries: [['@a', value], ['b', 1]] },
    { $: 'nullproto', entries: [] },
    { $: 'obj', entries: [] }
  ])
}

function bindArguments (r, params, wrong = 0.12, throwable = THROWN) {
  const args = right(r, params)
  return r.chance(wrong) ? r.weighted(SPOIL)(r, args, throwable) : args
}

// better-sqlite3 13.2 aborts the process when a getter throws null or undefined into iterate().
const GENTLE = THROWN.filter((value) => value !== null && value.$ !== 'undefined')

function iterateArguments (r, params, wrong) {
  return bindArguments(r, params, wrong, GENTLE)
}

module.exports = { bindArguments, iterateArguments }
