'use strict'

// Options of connections that only the promise API has.

const DEFAULT_LEASE = 60000

/** How long calls wait for a transaction to end, in ms. */
function readLease (options) {
  const timeout = options?.leaseTimeout ?? DEFAULT_LEASE
  if (!Number.isInteger(timeout) || timeout < 1) {
    throw new TypeError('Expected the "leaseTimeout" option to be a positive integer')
  }
  if (timeout > 0x7fffffff) {
    throw new RangeError('Option "leaseTimeout" cannot be greater than 2147483647')
  }
  return timeout
}

/** The option of that name: how many readers. */
function readReaders (options, { kind, anonymous }) {
  const count = options?.readers ?? 0
  if (!Number.isInteger(count) || count < 0 || count > 64) {
    throw new TypeError('Expected the "readers" option to be an integer between 0 and 64')
  }
  if (count !== 0 && kind === 'replica') throw new TypeError('The "readers" option is not available for replicas')
  if (count !== 0 && kind === 'remote') throw new TypeError('Remote databases cannot have readers')
  if (count !== 0 && kind === 'kv') throw new TypeError('Databases in key-value stores cannot have readers')
  if (count !== 0 && anonymous) throw new TypeError('In-memory/temporary databases cannot have readers')
  return count
}

module.exports = { readLease, readReaders }
