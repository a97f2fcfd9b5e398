'use strict'

// Resident databases: the sync API over a store that returns promises. All pages are in this
// thread; a worker reads them at the beginning, and stores what was committed.

const createDatabase = require('../create')
const { LocalBackend } = require('../backends/sync/local')
const { idleOf } = require('../backends/promise/store')
const { backendOf } = require('../backends/sync/backend-of')
const { addMethods } = require('../caller')
const { readOptions } = require('../connection-options')
const { attach } = require('../environment')
const { fromCall } = require('../errors')
const { OP, STORE_TASK } = require('../protocol')
const { setImmediate, sleep } = require('../timers')
const { Job } = require('../worker/job')
const { Port, openResident } = require('../worker/port')
const { StoreServer } = require('../worker/store')
const { readEpoch, readMoment } = require('./moments')
const { claim } = require('./writers')

/** The worker that stores a database, and who writes it. */
class Keeper {
  /** @param {import('../engine').Environment} environment */
  constructor (environment, options) {
    const { store, readonly, name } = options
    this.name = name
    this.claimed = readonly ? null : claim(store.store, name)
    const server = new StoreServer(environment.natives, store)
    this.port = new Port(environment, openResident(options), server)
    this.port.opened.database = name
    this.idle = server.idle = readonly ? null : idleOf(this.port, store)
  }

  /** Has the worker do one of STORE_TASK. */
  ask (task, finish = null, target = 0) {
    const job = new Job(OP.STORE, target)
    job.extra = task
    job.finish = finish
    job.database = this.name
    return this.port.post(job)
  }

  /** What cannot be moved into pages stays where it is: nothing is lost. */
  async close () {
    this.idle?.stop()
    const closed = this.port.post(new Job(OP.CLOSE))
    this.port.ended = true
    await closed.catch(() => {})
    this.claimed?.release()
  }
}

class ResidentBackend extends LocalBackend {
  kind = 'kv'
  #keeper
  #host
  // The batch that is on its way, as a promise that does not reject.
  #sending = null
  #scheduled = false
  #closing = null
  // The worker has left a state that is not taken over yet.
  #isLeft = false

  constructor (environment, options, keeper) {
    const host = { ...options.store, error: undefined, queued: () => {} }
    super(environment, { ...options, host, keeper }, null)
    this.#keeper = keeper
    this.#host = host
    host.queued = () => this.#schedule()
  }

  openHandle (role) {
    const { natives, options } = this
    const { host, keeper } = options
    return natives.databaseOpenResident(
      keeper.port.handle, host, options.name, options.readonly, options.timeout, options.verbose,
      options.defaultQueryTimeout, role, options.hideParameters
    )
  }

  get #handle () { return this.#keeper.port.handle }

  // In the middle of a commit: what else this turn of the event loop commits goes with it.
  #schedule () {
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      if (this.open) this.#send()
    })
  }

  /** Has the worker store what is queued, unless it is at it. */
  #send () {
    this.#sending ??= this.#sendAll().finally(() => { this.#sending = null })
    return this.#sending
  }

  async #sendAll () {
    const { natives, handle } = this
    try {
      while (this.open && natives.databaseTakeBatch.call(handle, this.#handle)) {
        try {
          await this.#keeper.ask(STORE_TASK.APPLY)
        } catch (error) {
          this.#host.error = error.cause
        }
        if (this.open) natives.databaseSettle.call(handle, this.#handle)
      }
    } catch {} // Every later call says so.
  }

  async flush () {
    this.requireOpen()
    // The batch that is on its way, and the one behind it.
    await this.#sending
    if (this.open && this.#queued() > 0) await this.#send()
    this.requireOpen()
    this.#queued()
  }

  /** How many transactions are not stored; throws once some are lost. */
  #queued () {
    return this.natives.databaseQueued.call(this.handle)
  }

  async history () {
    this.requireOpen()
    return this.#keeper.ask(STORE_TASK.HISTORY, (rows) => rows.map(readMoment))
  }

  async refresh () {
    this.#requireRest('refreshed')
    const moved = await this.#keeper.ask(STORE_TASK.REFRESH, ([[moved]]) => moved === 1)
    this.#isLeft ||= moved
    if (this.#isLeft) await this.#takeOver()
    return moved
  }

  async restore (epoch) {
    this.#requireRest('restored')
    const { natives, handle } = this
    do await this.flush()
    while (this.#queued() > 0)
    this.#requireRest('restored')
    // What is committed now would be of the state before.
    if (!this.options.readonly) natives.databaseFreeze.call(handle, true)
    try {
      await this.#keeper.ask(STORE_TASK.RESTORE, null, epoch)
    } catch (error) {
      if (this.open) natives.databaseFreeze.call(handle, false)
      throw error
    }
    await this.#takeOver()
  }

  #requireRest (what) {
    this.requireOpen()
    if (!this.inTransaction && !this.isReading) return
    throw new TypeError(`The database cannot be ${what} while a transaction or a statement reads it`)
  }

  /** Takes over the state that the worker has left, once nothing reads the one before. */
  async #takeOver () {
    while (this.open && (this.inTransaction || this.isReading)) await sleep(1)
    this.requireOpen()
    this.natives.databaseReplace.call(this.handle, this.#handle)
    this.#isLeft = false
  }

  closeLater () {
    this.#closing ??= this.#close().catch((error) => {
      // A second call has nothing to say; one that was too early may come again.
      this.#closing = this.open ? null : Promise.resolve()
      throw error
    })
    return this.#closing
  }

  async #close () {
    if (!this.open) return
    const lost = await this.#flushLast()
    super.close()
    await this.#keeper.close()
    if (lost !== null) throw lost.error
  }

  /** Flushes until nothing is queued: gives why that failed, if it was not known before. */
  async #flushLast () {
    try {
      this.#queued()
    } catch {
      return null
    }
    try {
      do await this.flush()
      while (this.#queued() > 0)
      return null
    } catch (error) {
      return { error }
    }
  }
}

const methods = {
  flush () {
    return settled(this, (backend) => backend.flush())
  },

  history () {
    return settled(this, (backend) => backend.history(), false)
  },

  refresh () {
    return settled(this, (backend) => {
      if (!backend.options.readonly) throw new TypeError('refresh() is for databases that are open for reading: the "readonly" option')
      return backend.refresh()
    }, false)
  },

  restore (epoch) {
    return settled(this, (backend) => backend.restore(readEpoch(epoch)))
  },

  close () {
    return settled(this, (backend) => backend.closeLater())
  },

  [Symbol.asyncDispose ?? Symbol.for('nodejs.asyncDispose')] () {
    return this.close()
  }
}

/** A promise of what `action` gives, or of the database. */
async function settled (database, action, isFluent = true) {
  try {
    const result = await action(backendOf(database))
    return isFluent ? database : result
  } catch (error) {
    throw fromCall(error)
  }
}

// Of each way to find the addon.
const classes = new WeakMap()
// What the database that is being made is made of.
let made = null

function classOf (getBinding) {
  let Resident = classes.get(getBinding)
  if (Resident !== undefined) return Resident
  Resident = createDatabase(getBinding, { openBackend: () => new ResidentBackend(...made) })
  addMethods('kv/resident.js', methods, {})
  for (const key of Reflect.ownKeys(methods)) {
    const value = methods[key]
    Object.defineProperty(Resident.prototype, key, { value, writable: true, configurable: true })
  }
  // `using` cannot wait; `await using` can.
  delete Resident.prototype[Symbol.dispose ?? Symbol.for('nodejs.dispose')]
  classes.set(getBinding, Resident)
  return Resident
}

/** Opens a database whose pages are all in memory: an object of the sync API. */
async function connectResident (getBinding, name, given, allowNativeBinding) {
  const { key, ...options } = readOptions(name, given, allowNativeBinding)
  if (options.store === null) throw new TypeError('The "mode" option is for databases in key-value stores, and the "store" option is not set')
  const environment = attach(getBinding(options.nativeBinding))
  const keeper = new Keeper(environment, options)
  try {
    await keeper.port.opened.promise
    made = [environment, options, keeper]
    return new (classOf(getBinding))(name, given)
  } catch (error) {
    await keeper.close()
    throw error
  } finally {
    made = null
  }
}

module.exports = { connectResident }
