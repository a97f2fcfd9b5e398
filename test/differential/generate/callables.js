'use strict'

const { THROWN, WRONG, ordinary } = require('./literals')

// Arguments of db.function, db.aggregate, db.table and of new Database: right and wrong ones.

const obj = (entries) => ({ $: 'obj', entries })

// What is thrown, and at which call; most callbacks never throw.
function faults (r, often = 0.15) {
  if (!r.chance(often)) return {}
  return { throwAt: r.pick([1, 1, 2, 3]), throws: r.pick(THROWN) }
}

const RETURNS = (r) => r.weighted([
  [6, { how: 'arg', i: 0 }],
  [5, { how: 'describe' }],
  [3, { how: 'count' }],
  [6, { how: 'value', v: ordinary(r) }],
  [2, { how: 'value', v: r.pick(WRONG) }],
  [1, { how: 'value', v: obj([]) }],
  [1, { how: 'value', v: [1] }],
  [1, { how: 'value', v: { $: 'repeat', text: 'r', times: 6000 } }],
  [1, { how: 'promise' }],
  [1, { how: 'nothing' }]
])

const LENGTHS = (r) => r.weighted([
  [20, r.int(0, 3)], [1, 100], [1, 101], [1, -1], [1, 1.5], [1, '2'], [1, null]
])

function fn (r, name, ops) {
  const spec = { $: 'fn', name, length: LENGTHS(r), ret: RETURNS(r), ...faults(r) }
  return ops ? { ...spec, ops } : spec
}

const FLAGS = ['varargs', 'deterministic', 'directOnly', 'safeIntegers']

function flags (r) {
  const entries = []
  for (const flag of FLAGS) {
    if (r.chance(flag === 'varargs' ? 0.6 : 0.15)) {
      entries.push([flag, r.chance(0.97) ? r.chance(0.8) : r.pick([1, 'true', null, { $: 'undefined' }])])
    }
  }
  return entries
}

function functionArguments (r, name, ops) {
  const spec = fn(r, name, ops)
  return r.weighted([
    [4, [name, spec]],
    [12, [name, obj(flags(r)), spec]],
    [1, [name, null, spec]],
    [1, r.pick([[], [name], ['', spec], [1, spec], [name, {}.x ?? null], [name, 'x', spec],
      [name, obj([]), 1], [null, spec], [name, spec, spec], ['x'.repeat(256), spec]])]
  ])
}

const START = (r) => r.weighted([
  [8, 0], [4, ''], [2, null], [2, { $: 'fn', name: 'start', ret: { how: 'value', v: 0 }, ...faults(r) }],
  [3, { $: 'fn', name: 'start', ret: { how: 'list' } }], [1, { $: 'undefined' }]
])

function aggregateArguments (r, name, ops) {
  const listing = r.chance(0.3)
  const start = listing ? { $: 'fn', name: 'start', ret: { how: 'list' }, ...faults(r, 0.1) } : START(r)
  const how = listing ? 'push' : r.pick(['sum', 'concat', 'concat', 'nothing'])
  const step = {
    $: 'fn',
    name: 'step',
    length: r.weighted([[12, 2], [3, 1], [3, 3], [1, 0], [1, 102], [1, -1]]),
    ret: { how, back: r.chance(0.5) },
    ...faults(r),
    ...(ops && r.chance(0.6) ? { ops } : {})
  }
  const entries = r.chance(0.9) ? [['start', start]] : []
  if (r.chance(0.96)) entries.push(['step', r.chance(0.97) ? step : r.pick([1, null, 'x', obj([])])])
  if (r.chance(0.5)) {
    const back = how === 'sum' ? 'less' : how
    entries.push(['inverse', r.chance(0.97)
      ? { $: 'fn', name: 'inverse', length: r.pick([2, 2, 2, 1, 3]), ret: { how: back, back: true }, ...faults(r) }
      : r.pick([1, 'x'])])
  }
  if (listing || r.chance(0.3)) {
    const ret = listing ? { how: 'join' } : RETURNS(r)
    entries.push(['result', r.chance(0.97)
      ? { $: 'fn', name: 'result', ret, ...faults(r), ...(ops ? { ops } : {}) }
      : r.pick([1, 'x'])])
  }
  const args = [name, obj([...r.shuffle(entries), ...flags(r)])]
  return r.chance(0.97) ? args : r.pick([[], [name], [name, null], ['', args[1]], [1, args[1]], [name, 'x']])
}

function definition (r, ops) {
  const columns = r.pick([['x'], ['x', 'y'], ['a', 'b', 'c'], ['x', 'y z'], ['"'], ['__proto__', 'x']])
  const made = (kind) => Array.from({ length: r.int(0, 4) }, () => kind === 'array'
    ? columns.map(() => ordinary(r))
    : obj(r.shuffle(columns.map((column) => [column, ordinary(r)]))))
  const rows = made(r.pick(['array', 'array', 'object']))
  if (r.chance(0.15)) {
    rows.splice(r.int(0, rows.length), 0, r.pick([
      [], [1, 2, 3, 4, 5], obj([]), obj([['nope', 1]]), obj([...columns.map((c) => [c, 1]), ['z9', 1]]),
      1, null, 'text', columns.map(() => true), columns.map(() => obj([])), 'args', { $: 'undefined' }
    ]))
  }
  const spec = { $: 'gen', name: 'rows', length: r.weighted([[4, 0], [5, 1], [4, 2], [1, 33], [1, -1]]), rows, ...faults(r, 0.1) }
  if (r.chance(0.12)) Object.assign(spec, { throwRow: r.int(1, 3), throws: r.pick(THROWN) })
  if (ops) spec.ops = ops
  const entries = [['columns', columns], ['rows', spec]]
  if (r.chance(0.3)) entries.push(['parameters', r.pick([['p'], ['p', 'q'], [], ['$1'], ['p', 'p'], ['x'], [1], 'p'])])
  if (r.chance(0.12)) entries.push(['safeIntegers', r.chance(0.85) ? r.chance(0.5) : 1])
  if (r.chance(0.12)) entries.push(['directOnly', r.chance(0.85) ? r.chance(0.5) : 'x'])
  return obj(r.chance(0.92) ? entries : spoilDefinition(r, entries))
}

function spoilDefinition (r, entries) {
  return r.pick([
    entries.slice(1),
    entries.slice(0, 1),
    [['columns', r.pick([[], 'x', [1], ['x', 'x'], null])], entries[1]],
    [entries[0], ['rows', r.pick([1, null, [], { $: 'fn', name: 'plain', ret: { how: 'nothing' } }])]]
  ])
}

function tableArguments (r, name, ops) {
  const made = definition(r, ops)
  return r.weighted([
    [20, [name, made]],
    [1, r.pick([[], [name], [name, 1], [name, null], ['', made], [1, made]])]
  ])
}

function moduleArguments (r, name) {
  const def = r.chance(0.92) ? definition(r) : r.pick([null, 1, { $: 'undefined' }, 'x'])
  return [name, { $: 'factory', name, def, ...faults(r, 0.1) }]
}

const integer = (n) => Number.isInteger(n) && n >= 0 && n <= 100
const entry = (spec, key) => spec?.entries?.find(([name]) => name === key)?.[1]

// What calls must know of a definition: { name, arity, windows }, or null for a wrong one.
const SHAPES = {
  function ([name, ...rest]) {
    const fn = rest.find((arg) => arg?.$ === 'fn')
    if (typeof name !== 'string' || !fn || !integer(fn.length)) return null
    return { name, arity: entry(rest[0], 'varargs') === true ? -1 : fn.length }
  },
  aggregate ([name, options]) {
    const lengths = ['step', 'inverse'].map((key) => entry(options, key)?.length ?? 0)
    if (typeof name !== 'string' || !entry(options, 'step')?.$ || !lengths.every(integer)) return null
    const arity = entry(options, 'varargs') === true ? -1 : Math.max(0, Math.max(...lengths) - 1)
    return { name, arity, windows: Boolean(entry(options, 'inverse')?.$) }
  },
  table ([name, definition]) {
    const rows = entry(definition, 'rows')
    if (typeof name !== 'string' || rows?.$ !== 'gen' || !integer(rows.length)) return null
    return { name, arity: entry(definition, 'parameters')?.length ?? rows.length }
  },
  module: ([name]) => ({ name, arity: 0 })
}

const shapeOf = (kind, args) => SHAPES[kind](args)

const LOGGERS = (r, ops) => r.weighted([
  [3, { $: 'logger' }],
  [1, { $: 'logger', throwAt: r.int(8, 40), throws: r.pick(THROWN) }],
  [1, { $: 'logger', ops }]
])

const WRONG_OPTIONS = [
  null, 'x', 1, [], obj([['readOnly', true]]), obj([['memory', true]]), obj([['readonly', 1]]),
  obj([['readonly', { $: 'undefined' }]]), obj([['fileMustExist', 'yes']]), obj([['timeout', -1]]),
  // No undefined timeout: docs/differences.md.
  obj([['timeout', 1.5]]), obj([['timeout', '5']]), obj([['timeout', true]]),
  obj([['timeout', 2147483648]]), obj([['timeout', 2147483647]]), obj([['timeout', null]]),
  obj([['verbose', 1]]), obj([['verbose', null]]), obj([['verbose', { $: 'undefined' }]]),
  obj([['nativeBinding', 1]]), obj([['nativeBinding', null]]), obj([['unknown', 1]]),
  obj([['readonly', true]]), obj([['fileMustExist', true]]),
  { $: 'getter', key: 'readonly', entries: [], throws: THROWN[0] }, { $: 'nullproto', entries: [['readonly', false]] }
]
const PATHS = [
  'DIR/new.db', ' DIR/trimmed.db ', 'DIR/missing/x.db', 'DIR/text.db', 'DIR/empty.db', 'DIR', 'file:x?mode=memory',
  'DIR/ü 日本.db', ':memory:', ' :memory: ', '', '  '
]
const ODD_PATHS = [{ $: 'undefined' }, null, true, obj([]), { $: 'symbol', v: 'p' }, { $: 'buffer', hex: '' },
  { $: 'buffer', fill: 4096, hex: 'ab' }, { $: 'typed', type: 'Uint8Array', hex: '00' }, { $: 'bigint', v: '1' }, { $: 'boxed', v: 'x' }]

function oddOpen (r) {
  const at = r.chance(0.7) ? { $: 'path', v: r.pick(PATHS) } : r.pick(ODD_PATHS)
  return r.chance(0.6) ? [at, r.pick(WRONG_OPTIONS)] : r.chance(0.9) ? [at] : []
}

module.exports = {
  LOGGERS,
  aggregateArguments,
  faults,
  functionArguments,
  moduleArguments,
  obj,
  oddOpen,
  shapeOf,
  tableArguments
}
