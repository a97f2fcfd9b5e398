'use strict'

const { StoreHost } = require('../../kv/host')
const { Idle } = require('../../kv/idle')
const { readMoment } = require('../../kv/moments')
const { claim } = require('../../kv/writers')
const { LocalBackend } = require('./local')

/** A database in this thread whose pages are in a synchronous key-value store. */
class KvBackend extends LocalBackend {
  kind = 'kv'
  // Null for a reader.
  #claim
  #idle = null

  constructor (environment, options, key) {
    const { store, readonly, name } = options
    const claimed = readonly ? null : claim(store.store, name)
    const host = new StoreHost(options.store)
    try {
      super(environment, { ...options, host }, key)
    } catch (error) {
      claimed?.release()
      throw error
    }
    this.#claim = claimed
    if (!readonly) this.#watch(host)
  }

  openHandle (role, key) {
    const { natives, options } = this
    const { host } = options
    let handle
    try {
      handle = natives.databaseOpenStore(
        host, options.name, options.readonly, options.timeout, options.verbose,
        options.defaultQueryTimeout, role, options.hideParameters
      )
    } catch (error) {
      throw host.asyncError ?? error
    }
    // The first value that is asked for may be missing.
    if (host.asyncError === null) return handle
    natives.databaseClose.call(handle)
    throw host.asyncError
  }

  // Opening for writing writes.
  #watch (host) {
    const { checkpointIdle } = this.options.store
    this.#idle = host.idle = new Idle(this, checkpointIdle, (backend) => {
      return !backend.open || backend.natives.databaseCheckpoint.call(backend.handle)
    })
    this.#idle.wrote()
  }

  #end () {
    this.#idle?.stop()
    this.#claim?.release()
  }

  refresh () {
    return this.natives.databaseRefresh.call(this.handle)
  }

  flush () {
    this.natives.databaseFlush.call(this.handle)
  }

  history () {
    const numbers = this.natives.databaseHistory.call(this.handle)
    const count = numbers.length / 3
    return Array.from({ length: count }, (_, i) => readMoment(numbers.slice(3 * i, 3 * i + 3)))
  }

  restore (epoch) {
    this.natives.databaseRestore.call(this.handle, epoch)
  }

  close () {
    try {
      super.close()
    } finally {
      if (!this.open) this.#end()
    }
  }
}

module.exports = { KvBackend }
