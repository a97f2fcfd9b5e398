'use strict'

const { LIMITS, requireLimit } = require('../connection-options')

/**
 * An object whose properties are the limits; `limit(index, value)` sets one, or reads it with -1.
 */
function createLimits (limit) {
  /** @type {PropertyDescriptorMap} */
  const properties = {}
  LIMITS.forEach((name, index) => {
    properties[name] = {
      get: () => limit(index, -1),
      set (value) {
        requireLimit(name, value)
        limit(index, value)
      },
      enumerable: true
    }
  })
  return Object.freeze(Object.defineProperties({}, properties))
}

module.exports = { createLimits }
