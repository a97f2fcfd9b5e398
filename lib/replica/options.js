'use strict'

// The options of `new Database('local.db', { syncUrl: 'libsql://…' })`, a file that follows a server.

const { requireOptions } = require('../capabilities')
const { readRemote } = require('../remote/options')

const MAX_PERIOD = 0x7fffffff

/** Where the primary is, as for a remote database, and how its replica follows it. */
function readReplica (file, options, anonymous) {
  const { syncUrl, syncPeriod = 0, readYourWrites = true, resync = false } = options
  const { waitForUncertain = false } = options
  if (typeof syncUrl !== 'string' || syncUrl === '') throw new TypeError('Expected the "syncUrl" option to be a non-empty string')
  if (anonymous) throw new TypeError('In-memory/temporary databases cannot be replicas')
  if (file.startsWith('file:')) throw new TypeError('The file of a replica must be a path, not a URI')
  if (options.detachReplica) {
    throw new TypeError('The "detachReplica" option makes a plain database of a replica: leave out "syncUrl"')
  }
  requireOptions('replica', options)
  for (const [name, value] of Object.entries({ readYourWrites, resync, waitForUncertain })) {
    if (typeof value !== 'boolean') throw new TypeError(`Expected the "${name}" option to be a boolean`)
  }
  // These options apply to the file.
  const { encryptionKey, encryptionCipher, limits, ...rest } = options
  const remote = readRemote(syncUrl, rest)
  const replica = { period: readPeriod(syncPeriod), readYourWrites, resync, waitForUncertain }
  return { kind: 'replica', remote, replica }
}

/** Seconds, as libsql has it, to ms. */
function readPeriod (seconds) {
  const ms = typeof seconds === 'number' ? Math.ceil(seconds * 1000) : NaN
  if (!(ms >= 0 && ms <= MAX_PERIOD)) {
    throw new TypeError('Expected the "syncPeriod" option to be a number of seconds between 0 and 2147483')
  }
  return ms
}

module.exports = { readReplica }
