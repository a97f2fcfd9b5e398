'use strict'

// The engine in WASM: an instance, and the functions that it imports (crates/node/src/sys/wasm). It
// knows a value by its place in a table; places below `top` are in use, and a call gives back those
// that it took.

const { atCaller } = require('../caller')
const { BLOCK_LENGTH } = require('../layout')
const { Memory } = require('./memory')
const { throwLater } = require('../timers')
const { bytesOf } = require('../views')
const { filesOf } = require('./files')
const { wasi } = require('./wasi')

// TypeScript's types of it are those of browsers.
const { WebAssembly } = /** @type {any} */ (globalThis)

// The first places, as crates/node/src/sys/wasm/napi.rs has them.
const CONSTANTS = [undefined, undefined, null, false, true]
const NOTHING = Symbol('nothing')

const TYPES = { undefined: 0, boolean: 2, number: 3, string: 4, symbol: 5, function: 7, bigint: 9 }

const ERRORS = [Error, TypeError, RangeError]

/** What holds a value of Rust; it has no properties that anybody else could find. */
class External {
  #at
  constructor (at) { this.#at = at }
  static at (value) { return #at in value ? value.#at : 0 }
}

/**
 * An instance of the engine: what `require()` of an addon gives.
 * @param {any} module a WebAssembly.Module
 * @returns {import('../engine').Engine}
 */
function instantiate (module) {
  const memory = new Memory()
  /** @type {any[]} */
  const values = CONSTANTS.slice()
  let top = values.length
  let pending = /** @type {any} */ (NOTHING)
  // Why nothing can be called any more.
  let broken = null
  let panic = ''
  // The last error that was made here, until it is thrown.
  let made = null
  const references = new Map()
  let lastReference = 0

  const push = (value) => {
    values[top] = value
    return top++
  }
  const pop = (to) => {
    while (top > to) values[--top] = undefined
  }
  // An operation that may throw: exceptions must not pass through frames of the instance.
  const attempt = (body) => {
    try {
      return push(body())
    } catch (error) {
      rethrowEnd()
      pending = error
      return 0
    }
  }
  const failed = (body) => attempt(body) === 0 ? 1 : 0
  const rethrowEnd = () => {
    if (broken !== null) throw broken
  }
  const arrayOf = (count, at) => {
    const args = new Array(count)
    const words = memory.words()
    for (let i = 0; i < count; ++i) args[i] = values[words[(at >> 2) + i]]
    return args
  }
  const callIt = (fn, self, count, at) => {
    memory.check()
    return count === 0 ? fn.call(self) : fn.apply(self, arrayOf(count, at))
  }

  const imports = {
    number: push,
    bigint: push,
    latin1: (at, length) => attempt(() => memory.latin1(at, length)),
    utf8: (at, length) => attempt(() => memory.utf8(at, length)),
    utf16: (at, length) => attempt(() => memory.utf16(at, length)),
    buffer: (at, length) => attempt(() => {
      const copy = Buffer.allocUnsafeSlow(length)
      copy.set(memory.bytes().subarray(at >>> 0, (at >>> 0) + length))
      return copy
    }),
    object: () => push({}),
    array: (length) => push(new Array(length)),
    error: (kind, message) => push(new ERRORS[kind](values[message])),
    function: (name, length, callback, data) => {
      const fn = exported(callback, data)
      Object.defineProperty(fn, 'name', { value: memory.utf8(name, length) })
      return push(fn)
    },
    external: (at) => {
      const external = new External(at)
      finalizers.register(external, at)
      return push(external)
    },

    type_of (value) {
      const it = values[value]
      const type = TYPES[typeof it]
      if (type !== undefined) return type
      return it === null ? 1 : it instanceof External ? 8 : 6
    },
    to_f64: (value) => {
      const number = values[value]
      return typeof number === 'number' ? number : NaN
    },
    to_bool: (value) => values[value] === true ? 1 : 0,
    to_i64 (value, out) {
      const integer = values[value]
      if (typeof integer !== 'bigint' || BigInt.asIntN(64, integer) !== integer) return 0
      memory.integers()[out >>> 3] = integer
      return 1
    },
    to_utf8 (value, at, room) {
      const text = values[value]
      if (typeof text !== 'string') return -1
      return at === 0 ? Buffer.byteLength(text) : memory.write(text, at, room)
    },
    string_length: (value) => typeof values[value] === 'string' ? values[value].length : -1,
    external_at: (value) => {
      const it = values[value]
      return typeof it === 'object' && it !== null ? External.at(it) : 0
    },

    view_length: (value) => ArrayBuffer.isView(values[value]) ? bytesOf(values[value]).length : -1,
    view_copy (value, at) {
      memory.bytes().set(bytesOf(values[value]), at >>> 0)
    },
    is_data_view: (value) => values[value] instanceof DataView ? 1 : 0,
    block: (value, length) => memory.blockAt(values[value], length),

    get: (object, key) => attempt(() => values[object][values[key]]),
    set: (object, key, value) => failed(() => { values[object][values[key]] = values[value] }),
    get_at: (object, index) => attempt(() => values[object][index >>> 0]),
    set_at: (object, index, value) => failed(() => {
      values[object][index >>> 0] = values[value]
    }),
    array_length: (value) => Array.isArray(values[value]) ? values[value].length : 0,

    call: (fn, self, count, args) => attempt(() => callIt(values[fn], values[self], count, args)),
    run (fn, count, args) {
      try {
        callIt(values[fn], undefined, count, args)
      } catch (error) {
        rethrowEnd()
        pending = error
        return 1
      }
      rethrowEnd()
      return 0
    },
    throw (value) {
      pending = values[value]
    },
    take_exception () {
      const exception = pending === NOTHING ? undefined : pending
      pending = NOTHING
      return push(exception)
    },
    fatal (value) {
      throwLater(values[value])
    },

    reference (value) {
      references.set(++lastReference, values[value])
      return lastReference
    },
    referred: (reference) => push(references.get(reference)),
    forget (reference) {
      references.delete(reference)
    },

    open_scope: () => top,
    close_scope: pop,
    on_exit (hook, data) {
      const table = instance.exports.__indirect_function_table
      process.once('exit', () => {
        if (broken === null) enter(() => table.get(hook)(data))
      })
    },
    panic (at, length) {
      panic = memory.utf8(at, length)
    }
  }

  // A call into the instance. What it throws itself is a trap: nobody knows what it left undone.
  const enter = (body) => {
    if (broken !== null) throw broken
    const base = top
    let result
    try {
      result = values[body()]
    } catch (error) {
      throw end(error)
    }
    pop(base)
    memory.check()
    if (pending === NOTHING) return result
    throw taken()
  }

  const taken = () => {
    const exception = pending
    pending = NOTHING
    // Its frames are those of the instance: V8 keeps them, whatever is to be left out.
    if (exception !== made) return exception
    made = null
    return atCaller(exception)
  }
  const tracked = (make) => (...args) => (made = make(...args))

  const end = (error) => {
    if (broken !== null) return broken
    const why = panic === '' ? String(error?.message ?? error) : panic
    const message = `Internal error in Ferrolite: please report it (WASM: ${why}). ` +
      'Databases that are open can no longer be used; open them anew'
    broken = Object.assign(new Error(message, { cause: error }), { code: 'ERR_FERROLITE_WASM' })
    files.abandon()
    return broken
  }

  const exported = (callback, data) => {
    const table = instance.exports.__indirect_function_table
    const fn = table.get(callback)
    return function () {
      if (broken !== null) throw broken
      const base = top
      values[top++] = this
      for (let i = 0; i < arguments.length; ++i) values[top++] = arguments[i]
      let result
      try {
        result = values[fn(base, arguments.length, data)]
      } catch (error) {
        throw end(error)
      }
      pop(base)
      memory.check()
      if (pending === NOTHING) return result
      throw taken()
    }
  }

  const finalizers = new FinalizationRegistry((at) => {
    if (broken === null) enter(() => finalize(at))
  })

  const files = filesOf(memory)
  const instance = new WebAssembly.Instance(module, {
    ferrolite: { ...imports, ...files.imports },
    wasi_snapshot_preview1: wasi(module, memory)
  })
  const {
    memory: own, _initialize: initialize, ferrolite_register: register, ferrolite_block: allocate,
    ferrolite_finalize: finalize
  } = /** @type {any} */ (instance.exports)
  memory.use(own)
  enter(() => initialize?.())
  const exports = /** @type {any} */ ({})
  enter(() => register(push(exports)))
  const { init } = exports
  return {
    backend: 'wasm',
    isBroken: () => broken !== null,
    init (environment) {
      const { makeError, makeMistake } = environment
      const shared = /** @type {any} */ (environment.shared)
      memory.place(shared, enter(() => push(allocate(BLOCK_LENGTH))))
      return init({
        ...environment,
        buffer: shared,
        makeError: tracked(makeError),
        makeMistake: tracked(makeMistake)
      })
    }
  }
}

module.exports = { instantiate }
