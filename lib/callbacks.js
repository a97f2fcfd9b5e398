'use strict'

// SQLite calls functions and aggregates through these trampolines: the addon leaves the arguments
// in the block and takes the result from it, so that a call crosses no value one by one. Text and
// blobs alone come as real arguments.

const { MAX_INT64, MIN_INT64 } = require('./params')
const { HEADER, TAG, canCompile } = require('./rows')

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
 * Leaves a result that is no number; `what` begins the message about one that SQLite has no type
 * for.
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

/** `(first, argument...)` -> `fn`'s result, for a fixed number of arguments or any (-1). */
function createCaller (block, fn, count, hasFirst) {
  if (count >= 0 && canCompile) return compileCaller(block, fn, count, hasFirst)
  return (first, values) => {
    const args = hasFirst ? [first] : []
    const length = block.header[CALL_ARGS]
    for (let i = 0; i < length; ++i) args.push(argument(block, i, values))
    return fn(...args)
  }
}

function compileCaller (block, fn, count, hasFirst) {
  const names = Array.from({ length: count }, (_, i) => `a${i}`)
  const reads = names.map((name, i) => `
  t = callTags[${i}]
  const ${name} = t === ${TAG.INT32} ? callI32[${2 * i}] : t === ${TAG.DOUBLE} ? callF64[${i}] : argument(block, ${i}, values)`)
  // eslint-disable-next-line no-new-func -- of numbers and our own names alone
  return Function('block', 'fn', 'argument', `'use strict'
const { callTags, callI32, callF64 } = block
return (first, values) => {
  let t${reads.join('')}
  return fn(${[...(hasFirst ? ['first'] : []), ...names]})
}`)(block, fn, argument)
}

/** What the addon calls for a function. */
function scalarTrampoline (block, fn, count, name) {
  const { header, numbers } = block
  const call = createCaller(block, fn, count, false)
  const what = `User-defined function ${name}() returned`
  return (...values) => {
    const result = call(undefined, values)
    if (typeof result === 'number') {
      numbers[CALL_VALUE] = result
      header[CALL_RESULT] = TAG.DOUBLE
    } else {
      setResult(block, result, what)
    }
  }
}

/** What the addon calls for an aggregate. Accumulators stay here, by the number of their group. */
function aggregateTrampolines (block, { start, step, inverse, result }, count, name) {
  const { header, numbers } = block
  const what = `User-defined function ${name}() returned`
  const groups = new Map()

  const advance = (fn) => {
    const call = createCaller(block, fn, count, true)
    return (...values) => {
      const group = header[CALL_GROUP]
      const next = call(groups.get(group), values)
      if (next !== undefined) groups.set(group, next)
    }
  }
  return [
    () => {
      const group = header[CALL_GROUP]
      groups.set(group, typeof start === 'function' ? start() : start)
    },
    advance(step),
    inverse === null ? null : advance(inverse),
    () => {
      let value = groups.get(header[CALL_GROUP])
      if (result !== null) value = result(value)
      if (typeof value === 'number') {
        numbers[CALL_VALUE] = value
        header[CALL_RESULT] = TAG.DOUBLE
      } else {
        setResult(block, value, what)
      }
    },
    () => {
      groups.delete(header[CALL_GROUP])
    }
  ]
}

module.exports = { aggregateTrampolines, scalarTrampoline }
