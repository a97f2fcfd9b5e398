'use strict'

const { addonOf, nearby } = require('./addon')
const { requireSupportedRuntime } = require('./runtime')

/**
 * The addon of an entry point for one platform, which `load` requires by its name.
 * @param {() => { addon?: unknown, error?: Error }} load
 */
function platformAddon (load) {
  requireSupportedRuntime()
  const required = load()
  if (required.error === undefined) return addonOf(required)
  const [first] = nearby()
  return first === undefined ? addonOf(required) : first[1]()
}

module.exports = { platformAddon }
