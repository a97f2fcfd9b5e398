'use strict'

const { isMainThread } = require('node:worker_threads')
const { makeError } = require('./errors')
const { createBlock } = require('./rows')

// One block and one set of functions for each addon that this environment has loaded.
const attached = new WeakMap()

/** The addon's functions, bound to this environment, and the block that rows arrive in. */
function attach (addon) {
  let environment = attached.get(addon)
  if (environment === undefined) {
    const block = createBlock()
    const natives = addon.init({
      buffer: block.buffer,
      shared: block,
      exception: [undefined],
      makeError,
      worker: !isMainThread
    })
    environment = { natives, block, classes: null }
    attached.set(addon, environment)
  }
  return environment
}

module.exports = { attach }
