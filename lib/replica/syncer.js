'use strict'

// The port of the worker that writes the primary's log into the file.

const { requireCapability } = require('../capabilities')
const { OP } = require('../protocol')
const { lifecycle } = require('../occasions')
const { Job } = require('../worker/job')
const { Port } = require('../worker/port')
const { contextOf, countFrames } = require('./syncs')

// The events of a replica.
const EVENTS = ['uncertain', 'sync']

// How long a read waits for the outcome of an uncertain write before it goes on without, in ms.
const PATIENCE = 200

/**
 * The port of a replica's worker; `remote` is that of the connection that writes.
 * @param {import('../engine').Environment} environment
 */
function openSyncer (environment, options, key, remote) {
  const { file, timeout, replica } = options
  const { resync, period } = replica
  const open = (natives) => natives.workerOpenReplica.call(
    remote.handle, file, timeout, resync, key, period, ...options.remote.args)
  const port = new Port(environment, open)
  port.role = 'syncer'
  // The first use reports it.
  port.opened.promise.catch(() => {})
  port.opened.database = options.name
  port.opened.finish = ([[frame]]) => frame
  return port
}

/** Brings the file up to date, for a promise; `watch(job)` may end it before. */
function sync (port, extent, frame = null, watch = null) {
  const begin = () => {
    const job = postSync(port, extent, frame)
    watch?.(job)
    return job.promise
  }
  const occasion = lifecycle('sync')
  if (occasion === null) return begin()
  return occasion.begin(contextOf(extent, port.opened.database), begin, countFrames)
}

/** The same, in a call that waits by `wait(job)`. */
function syncNow (port, extent, frame, wait) {
  const run = () => wait(postSync(port, extent, frame))
  const occasion = lifecycle('sync')
  if (occasion === null) return run()
  return occasion.sync(contextOf(extent, port.opened.database), run, countFrames)
}

/** A job that brings the file up to date. */
function postSync (port, extent, frame = null) {
  const job = new Job(OP.SYNC)
  job.extra = extent
  if (frame !== null) job.values = [frame]
  job.finish = finishSync
  job.interruptible = true
  port.post(job)
  return job
}

/** As libsql has it. */
function finishSync ([[frame, frames]]) {
  return { frames_synced: frames, frame_no: frame ?? 0 }
}

function requireFrame (frame) {
  if (!Number.isSafeInteger(frame) || frame < 0) {
    throw new TypeError('Expected the replication index to be a non-negative integer')
  }
  return frame
}

/** The listeners of a replica; `method` is on or off. */
function listenersFor (events, method, event) {
  if (event === 'update' || event === 'build') requireCapability('replica', `${method}('${event}')`)
  return events
}

module.exports = {
  EVENTS, PATIENCE, listenersFor, openSyncer, requireFrame, sync, syncNow
}
