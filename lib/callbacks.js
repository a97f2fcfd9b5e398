'use strict'

// SQLite calls functions and aggregates through these trampolines. The addon writes the arguments
// into the block and reads the result from it, which is faster than passing values. Only text and
// blobs are real arguments.

const { MAX_INT64, MIN_INT64 } = require('./params')
const { HEADER, TAG } = require('./protocol')
const { canCompile } = require('./rows')

const { CALL_ARGS, CALL_GROUP, CALL_RESULT, CALL_VALUE } = HEADER

function argument (block, at, values) {
  switch (block.callTags[at]) {
    case TAG.NULL: return null
    case TAG.INT32: return block.callI32[2 * at]
    case TAG.DOUBLE: return block.callF64[at]
    case TAG.LARGE: return values[block.callI32[2 * at]]
    default: return block.callI64[at]
  }
}

/**
 * Writes a result that is not a number. `what` is the beginning of the message about a value that
 * SQLite cannot store.
 */
function setResult (block, value, what) {
  let tag = TAG.LARGE
  if (value === null || value === undefined) {
    tag = TAG.NULL
  } else if (typeof value === 'bigint') {
    if (value < MIN_INT64 || value > MAX_INT64) throw new RangeError(`${what} a bigint that was too big`)
    block.bigints[CALL_VALUE] = value
    tag = TAG.INT64
  } else if (typeof value === 'string' || ArrayBuffer.isView(value)) {
    block.result = value
  } else {
    throw new TypeError(`${what} an invalid value`)
  }
  block.header[CALL_RESULT] = tag
}

// Most functions have fewer arguments than this; others are called without generated code.
const MAX_COMPILED = 16

/** The trampoline of a function. */
function scalarTrampoline (block, fn, count, name) {
  const leave = takeResult(block, name)
  if (isCompiled(count)) {
    // Numbers, by far the most common results, need no further call.
    return compile(block, count, { fn, leave }, '', [], `if (typeof result === 'number') {
    block.numbers[${CALL_VALUE}] = result
    block.header[${CALL_RESULT}] = ${TAG.DOUBLE}
  } else leave(result)`)
  }
  return (...values) => leave(fn(...readArguments(block, values)))
}

/** The trampolines of an aggregate. It keeps the accumulators by the number of their group. */
function aggregateTrampolines (block, { start, step, inverse, result }, count, name) {
  const leave = takeResult(block, name)
  const groups = []
  const advance = (fn) => {
    if (isCompiled(count)) {
      return compile(block, count, { fn, groups }, `const group = block.header[${CALL_GROUP}]`,
        ['groups[group]'], 'if (result !== undefined) groups[group] = result')
    }
    return (...values) => {
      const group = block.header[CALL_GROUP]
      const next = fn(groups[group], ...readArguments(block, values))
      if (next !== undefined) groups[group] = next
    }
  }
  return [
    () => {
      const group = block.header[CALL_GROUP]
      groups[group] = typeof start === 'function' ? start() : start
    },
    advance(step),
    inverse === null ? null : advance(inverse),
    () => {
      const value = groups[block.header[CALL_GROUP]]
      leave(result === null ? value : result(value))
    },
    () => { groups[block.header[CALL_GROUP]] = undefined }
  ]
}

function isCompiled (count) {
  return canCompile && count >= 0 && count <= MAX_COMPILED
}

function readArguments (block, values) {
  const args = []
  const length = block.header[CALL_ARGS]
  for (let i = 0; i < length; ++i) args.push(argument(block, i, values))
  return args
}

/** Reads `count` arguments, calls `fn` with them behind `first`, then does `after`. */
function compile (block, count, scope, before, first, after) {
  const values = Array.from({ length: count }, (_, i) => `x${i}`)
  const names = values.map((_, i) => `a${i}`)
  const reads = names.map((name, i) => `
  t = callTags[${i}]
  const ${name} = t === ${TAG.INT32} ? callI32[${2 * i}] : t === ${TAG.DOUBLE} ? callF64[${i}]
    : argument(block, ${i}, [${values}])`)
  // eslint-disable-next-line no-new-func -- of numbers and our own names alone
  return Function('block', 'argument', 'scope', `'use strict'
const { fn, groups, leave } = scope
return (${values}) => {
  const { callTags, callI32, callF64 } = block
  ${before}
  let t${reads.join('')}
  const result = fn(${[...first, ...names]})
  ${after}
}`)(block, argument, scope)
}

function takeResult (block, name) {
  const what = `User-defined function ${name}() returned`
  return (result) => {
    if (typeof result === 'number') {
      block.numbers[CALL_VALUE] = result
      block.header[CALL_RESULT] = TAG.DOUBLE
    } else {
      setResult(block, result, what)
    }
  }
}

module.exports = { aggregateTrampolines, scalarTrampoline }
