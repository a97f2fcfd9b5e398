'use strict'

const { createBlock } = require('./block')
const { makeError, mistake } = require('./errors')
const { useNatives } = require('./sql')

// The code of what another connection is to do: SQLite itself never gives it.
const REFUSED = 'SQLITE_EMPTY'

// One block and one set of functions for each addon that this environment has loaded.
const attached = new WeakMap()

/**
 * The addon's functions, bound to this environment, and the block that rows arrive in.
 * @param {import('./engine').Engine} addon
 * @returns {import('./engine').Environment}
 */
function attach (addon) {
  let environment = attached.get(addon)
  if (environment === undefined) {
    const block = createBlock()
    const natives = addon.init({
      buffer: block.buffer,
      shared: block,
      exception: [undefined],
      makeError,
      makeMistake: mistake,
      // Workers cannot change the folder. Asking node:worker_threads takes 1 to 3 ms of loading it.
      worker: /** @type {any} */ (process.chdir)?.disabled === true
    })
    useNatives(natives)
    environment = { natives, block, classes: null, backend: addon.backend ?? 'native' }
    attached.set(addon, environment)
  }
  return environment
}

module.exports = { REFUSED, attach }
