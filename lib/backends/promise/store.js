'use strict'

const { Idle } = require('../../kv/idle')
const { claim } = require('../../kv/writers')
const { OP, ROLE, STORE_TASK } = require('../../protocol')
const { Job } = require('../../worker/job')
const { Port, openStore } = require('../../worker/port')
const { StoreServer } = require('../../worker/store')
const { SingleRoute, shownOf } = require('./single')

/** One worker, whose database is in a key-value store and has no other writer in this thread. */
class StoreRoute extends SingleRoute {
  // Null for a reader.
  #claim
  #isOpened = false
  #idle

  constructor (connection, port, claimed, idle) {
    super(connection, port, false)
    this.#claim = claimed
    this.#idle = idle
    this.opened.then(() => { this.#isOpened = true }, () => this.closed())
  }

  /** Stores what is queued: gives why that failed. */
  async beforeClose () {
    this.#idle?.stop()
    if (this.port.ended) return
    const job = new Job(OP.STORE)
    job.extra = STORE_TASK.END
    try {
      // What could not be opened has nothing.
      await this.opened
      await this.send(job)
    } catch (error) {
      if (this.#isOpened) return { error }
    }
  }

  closed () {
    this.#idle?.stop()
    this.#claim?.release()
  }
}

/** @param {import('../../engine').Environment} environment */
function storeRoute (connection, environment) {
  const { options } = connection
  const { store, readonly, name } = options
  const claimed = readonly ? null : claim(store.store, name)
  const server = new StoreServer(environment.natives, store)
  const port = new Port(environment, openStore(options, shownOf(options), ROLE.ONLY), server)
  server.idle = readonly ? null : idleOf(port, store)
  return new StoreRoute(connection, port, claimed, server.idle)
}

/** Has the worker of a port make idle checkpoints. */
function idleOf (port, { checkpointIdle }) {
  return new Idle(port, checkpointIdle, async (port) => {
    if (port.ended) return true
    const job = new Job(OP.STORE)
    job.extra = STORE_TASK.CHECKPOINT
    job.finish = ([[done]]) => done === 1
    return port.post(job)
  })
}

module.exports = { idleOf, storeRoute }
