'use strict'

const { makeError } = require('../errors')

/**
 * Makes a replica a plain database before it is opened for writing, or throws.
 * @param {import('../engine').Natives} natives
 */
function requireDetached (natives, file, beside, detach) {
  if (!detach) {
    throw makeError(`"${file}" is a replica ("${beside}" is beside it), and writing to it would break the copy: ` +
      'open it with "syncUrl", or "readonly", or make it a plain database with "detachReplica"', 'SYNC_REPLICA')
  }
  const failure = natives.replicaDetach(file)
  if (failure === undefined) return
  const end = failure.indexOf('\n')
  throw makeError(failure.slice(end + 1), failure.slice(0, end))
}

module.exports = { requireDetached }
