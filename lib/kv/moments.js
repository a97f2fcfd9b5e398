'use strict'

// The epochs of a database in a key-value store that are kept, as both APIs show them.

/**
 * What the engine says of an epoch.
 * @param {number[]} numbers
 */
function readMoment ([epoch, time, pages]) {
  return { epoch, time: new Date(time), pages }
}

/** The argument of `restore()`. */
function readEpoch (epoch) {
  if (!Number.isInteger(epoch) || epoch < 1 || epoch > 0x7fffffff) {
    throw new TypeError('Expected first argument to be the number of an epoch')
  }
  return epoch
}

module.exports = { readEpoch, readMoment }
