'use strict'

const { instantiate } = require('./host')

const { WebAssembly } = /** @type {any} */ (globalThis)

// Compiled once an environment; a new instance takes the place of one that has ended.
let compiled = null

/** An instance of the engine. `bytes` is what the package @ferrolite/wasm gives. */
function loadWasm (bytes) {
  compiled ??= new WebAssembly.Module(bytes)
  return instantiate(compiled)
}

module.exports = { loadWasm }
