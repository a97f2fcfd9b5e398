'use strict'

const { makeError } = require('../errors')

/**
 * Makes a plain database of a replica that is to be written to, or says why it may not be.
 * @param {import('../engine').Natives} natives
 */
function requireDetached (natives, file, beside, detach) {
  if (!detach) {
    throw makeError(`"${file}" is a replica, as "${beside}" beside it says, and what is written into it breaks the ` +
      'copy: give the option "syncUrl", open it "readonly", or make a plain database of it by "detachReplica"', 'SYNC_REPLICA')
  }
  const failure = natives.replicaDetach(file)
  if (failure === undefined) return
  const end = failure.indexOf('\n')
  throw makeError(failure.slice(end + 1), failure.slice(0, end))
}

module.exports = { requireDetached }
