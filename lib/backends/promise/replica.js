'use strict'

const { unavailable } = require('../../capabilities')
const { EventListeners } = require('../../listeners')
const { REFUSED } = require('../../environment')
const { EXTENT, FLAG, NEED, OP, ROLE } = require('../../protocol')
const { CatchUp } = require('../../replica/catch-up')
const { READ } = require('../../replica/freshness')
const { EVENTS, listenersFor, openSyncer, requireFrame, sync } = require('../../replica/syncer')
const { Syncs } = require('../../replica/syncs')
const { EXPAND } = require('../../rows')
const { clearTimeout, setTimeout } = require('../../timers')
const { copyViews } = require('../../views')
const { Job } = require('../../worker/job')
const { Port, openRemote } = require('../../worker/port')
const { openArgs } = require('./single')

// What is for the connection that writes, whatever statement it is about.
const FOR_PRIMARY = new Set([OP.EXEC, OP.UNDO, OP.BATCH, OP.CHANGES])

// What may change the database.
const WRITES = new Set([OP.RUN, OP.GET, OP.ALL, OP.EXEC, OP.ITERATE, OP.BATCH])

// How long close() waits for syncs, in ms.
const CLOSING = 1000

/** A replica: `port` is the worker that reads the file; everything else goes to the primary. */
class ReplicaRoute {
  logsStatements = false
  logsScripts = true
  batches = true
  #connection
  // The port of the primary.
  #primary
  #syncer
  // Statements on the primary, by their number, and open iterators on it.
  #onPrimary = new Map()
  #iterations = new Set()
  // Iterators of the file that are open: its connection goes on reading the snapshot of the first.
  #reading = new Set()
  // How to begin them on the primary, until their first rows have come.
  #begun = new Map()
  // Iterators of the file that wait until it is up to date, by their number.
  #opening = new Map()
  // Jobs that wait until the file is up to date.
  #held = new Set()
  #catchUp
  // Why it could not be opened.
  #failure = null
  #events = new EventListeners(EVENTS, () => this.#syncs.update())
  #syncs

  /** @param {import('../../engine').Environment} environment */
  constructor (connection, environment, key) {
    const { options } = connection
    this.#connection = connection
    const primary = this.#primary = new Port(environment, openRemote(options.remote))
    const syncer = this.#syncer = openSyncer(environment, options, key, primary)
    this.#syncs = new Syncs(syncer, this.#events, options.name)
    primary.role = 'primary'
    primary.isOfServer = true
    const [file, , , timeout, vfs, uri, buffer, log] = openArgs(options, key, ROLE.REPLICA)
    this.port = new Port(environment, ({ workerOpenBehind }) => {
      return workerOpenBehind.call(
        syncer.handle, file, true, true, timeout, vfs, uri, buffer, log, ROLE.REPLICA, key, false)
    })
    this.port.role = 'file'
    this.port.onLog = options.verbose
    this.port.opened.database = options.name
    // The first use reports it.
    for (const port of [this.port, primary]) port.opened.promise.catch(() => {})
    const notify = (error) => this.#events.emit('uncertain', { error })
    this.#catchUp = new CatchUp(syncer, primary, options.replica, notify)
    syncer.opened.promise.catch((error) => this.#giveUp(error))
  }

  /** It could not be opened: nothing of it stays. */
  #giveUp (error) {
    this.#failure = error
    this.#syncs.close()
    for (const port of this.ports()) {
      const job = new Job(OP.CLOSE)
      job.promise.catch(() => {})
      this.#post(port, job)
      port.ended = true
    }
  }

  #post (port, job) {
    return this.#connection.post(port, job)
  }

  get opened () {
    return this.#syncer.opened.promise.then(() => this.port.opened.promise)
  }

  get inTransaction () {
    return this.#primary.inTransaction
  }

  listeners (method, event) {
    return listenersFor(this.#events, method, event)
  }

  ports () {
    return [this.port, this.#syncer, this.#primary]
  }

  forget (number) {
    this.port.notify(OP.DROP, number)
    if (this.#onPrimary.delete(number)) this.#primary.notify(OP.DROP, number)
  }

  /** Whether a call in that scope reads from the file. */
  #readsLocally (scope) {
    return scope === this.#connection.root && !this.inTransaction && this.#primary.controls === 0
  }

  start (scope, job) {
    const { op, target, extra } = job
    if (this.#failure !== null) return job.end(this.#failure)
    const opening = this.#catchUp.opened()
    if (opening !== null) {
      // Until they are sent, they stay as they are now.
      job.values = copyViews(job.values)
      return this.#hold(job, opening, () => this.start(scope, job))
    }
    const entry = op === OP.ITERATE ? job.entry : job.statement
    const sendLocally = () => this.#post(this.port, job)
    // run() gives the rowid that was inserted last, which the primary knows.
    const isLocal = entry !== null && entry.isLocal && op !== OP.RUN
    if (isLocal && this.#readsLocally(scope)) {
      const where = this.#catchUp.read(this.#reading.size !== 0)
      if (where === READ.PRIMARY) return this.#sendToPrimary(entry, job)
      const ready = this.#catchUp.ready(where)
      // The file refuses what depends on the connection that writes, which a new view may use.
      job.fallback = () => this.#sendToPrimary(entry, job)
      // Until it has been read to its end, or is given back, as it is where opening fails.
      if (op === OP.ITERATE) {
        this.#reading.add(extra)
        this.#begun.set(extra, { entry, flags: job.flags, values: job.values })
      }
      if (ready !== null) job.values = copyViews(job.values)
      this.#hold(job, ready, sendLocally)
      if (ready !== null && op === OP.ITERATE) this.#open(extra, ready)
      return
    }
    if (entry !== null) return this.#sendToPrimary(entry, job)
    if (FOR_PRIMARY.has(op) || this.#iterations.has(target)) {
      this.#moveEntry(job)
      return this.send(job)
    }
    if (op === OP.NEXT) {
      this.#readOn(job)
      const begun = this.#begun.get(target)
      this.#begun.delete(target)
      if (begun !== undefined) {
        job.fallback = () => this.#beginOnPrimary(begun, job)
      }
    }
    return this.#hold(job, this.#opening.get(target) ?? null, sendLocally)
  }

  /** An iterator that the file refuses to read, as one on the primary, and its first rows. */
  #beginOnPrimary ({ entry, flags, values }, job) {
    this.#reading.delete(job.target)
    const opening = new Job(OP.ITERATE, entry.number)
    opening.extra = job.target
    opening.flags = flags
    opening.values = values
    opening.entry = entry
    opening.mode = job.mode
    this.#sendToPrimary(entry, opening)
    opening.promise.then(() => {
      this.#moveEntry(job)
      if (!job.settled) this.send(job)
    }, (error) => job.end(error))
  }

  #readOn (job) {
    const { finish } = job
    job.finish = (rows) => {
      if (rows.length < job.extra) this.#reading.delete(job.target)
      return finish(rows)
    }
  }

  /** An iterator of the file that is opened once `ready`: what else is for it comes behind. */
  #open (number, ready) {
    this.#opening.set(number, ready)
    const forget = () => this.#opening.delete(number)
    ready.then(forget, forget)
  }

  /** Sends a job once `ready` (null: now); its failure is the job's. */
  #hold (job, ready, send) {
    if (ready === null) return send()
    this.#held.add(job)
    const done = () => this.#held.delete(job)
    ready.then(() => {
      done()
      if (!job.settled) send()
    }, (error) => {
      done()
      job.end(error)
    })
  }

  #sendToPrimary (entry, job) {
    if (job.mode === EXPAND) return job.end(unavailable('replica', 'stmt.expand() inside a transaction'))
    this.#connection.log(entry.sql)
    if (entry.isCompiledLocally && !this.#onPrimary.has(entry.number)) {
      const { sql, number, reader, readonly } = entry
      this.#primary.notify(OP.INTRODUCE, number, 0, [sql, Number(reader), Number(readonly)])
      this.#onPrimary.set(number, entry.copyFor(false))
    }
    this.#moveEntry(job)
    if (job.op === OP.ITERATE) this.#iterations.add(job.extra)
    this.#post(this.#primary, job)
    if (!entry.isRead) this.#catchUp.follow(job)
  }

  /** Rows of the primary are decoded by the columns that the primary reports. */
  #moveEntry (job) {
    if (job.entry !== null) job.entry = this.#onPrimary.get(job.entry.number) ?? job.entry
  }

  /** Sends what ends or begins a transaction, and gives back iterators. */
  send (job) {
    return this.#sendTo(this.#portOf(job), job)
  }

  #sendTo (port, job) {
    const { op, target } = job
    if (this.#failure !== null) {
      job.end(op === OP.RETURN ? null : this.#failure)
      return job.promise
    }
    const send = () => this.#post(port, job)
    if (op === OP.RETURN) {
      this.#iterations.delete(target)
      this.#reading.delete(target)
      this.#begun.delete(target)
      const ready = this.#opening.get(target)
      if (ready !== undefined) {
        ready.then(send, () => job.end(null))
        return job.promise
      }
    }
    send()
    if (port === this.#primary && WRITES.has(op)) this.#catchUp.follow(job)
    return job.promise
  }

  #portOf ({ op, target }) {
    return FOR_PRIMARY.has(op) || this.#iterations.has(target) ? this.#primary : this.port
  }

  async compile (number, sql, flags, options) {
    const isPragma = (flags & FLAG.PRAGMA) !== 0
    const isLocal = this.#readsLocally(this.#connection.root.current())
    if (isPragma && !isLocal) {
      return this.#compileOnPrimary(number, sql, flags, options)
    }
    await this.#catchUp.opened()
    try {
      return await this.#compileLocally(number, sql, flags, options, isLocal)
    } catch (error) {
      if (error?.code === REFUSED) return this.#compileOnPrimary(number, sql, flags, options)
      if (error?.code !== 'SQLITE_ERROR') throw error
      return this.#compileOnPrimary(number, sql, flags, options, error)
    }
  }

  /** Compiles on the file. If that fails, the file is brought up to date, and it is tried again. */
  async #compileLocally (number, sql, flags, options, mayWait) {
    const compile = () => this.#compileOn(this.port, number, sql, flags, options)
    let entry
    try {
      entry = await compile()
    } catch (error) {
      if (error?.code !== 'SQLITE_ERROR' || !mayWait) throw error
      try {
        await this.#waitFor(this.#catchUp.fetch(), options)
      } catch (reason) {
        throw this.#catchUp.isBehind() ? reason : error
      }
      entry = await compile()
    }
    entry.isCompiledLocally = true
    entry.isLocal = flags !== 0 || entry.isRead
    return entry
  }

  /** Compiles on the primary what the file does not have: a new table, for example. */
  async #compileOnPrimary (number, sql, flags, options, error = null) {
    try {
      return await this.#compileOn(this.#primary, number, sql, flags, options)
    } catch (thrown) {
      throw error !== null && thrown.code?.startsWith('REMOTE_') ? error : thrown
    }
  }

  #compileOn (port, number, sql, flags, options) {
    const send = (job) => this.#sendTo(port, job)
    return this.#connection.compiler.compileBy(send, number, sql, flags, options)
  }

  /** Waits as long as the call may take. */
  async #waitFor (ready, options) {
    const job = new Job()
    job.interruptible = true
    this.#connection.watch(job, options)
    if (!job.settled) this.#hold(job, ready, () => job.end(null))
    await job.promise
  }

  held () {
    return [...this.#held]
  }

  // The primary and the file have no readers that others would have to wait for.
  needOf () {
    return NEED.NOTHING
  }

  needOfScript () {
    return NEED.NOTHING
  }

  async rest () {}

  leave () {
    return []
  }

  useKey () {}

  keepPrivate () {}

  /** Calls that wait for the server may take CLOSING ms to end. */
  async beforeClose () {
    const jobs = [...this.#held, ...this.#syncer.pending()]
    this.#syncs.close()
    if (jobs.length === 0) return
    const ended = Promise.allSettled(jobs.map((job) => job.promise))
    let timer
    const late = new Promise((resolve) => { timer = setTimeout(resolve, CLOSING) })
    await Promise.race([ended, late])
    clearTimeout(timer)
    for (const job of jobs) this.#connection.interruptJob(job, null)
  }

  /** Where it runs is known when it is compiled. */
  compileAlong () {
    return null
  }

  /** A statement of the primary may be in the file later. */
  keeps (entry) {
    return entry.isCompiledLocally
  }

  async #sync (extent, frame, options) {
    const opened = this.#catchUp.opened()
    if (opened !== null) await opened
    const done = this.#catchUp.begin()
    const watch = (job) => this.#connection.watch(job, options)
    const synced = await sync(this.#syncer, extent, frame, watch)
    if (extent === EXTENT.FRAME) this.#catchUp.filled()
    else done()
    return synced
  }

  sync (options) {
    return this.#sync(EXTENT.NOW, null, options)
  }

  syncUntil (frame, options) {
    return this.#sync(EXTENT.FRAME, requireFrame(frame), options)
  }

  resync (options) {
    return this.#sync(EXTENT.ANEW, null, options)
  }

  get lastSync () {
    return this.#syncs.last
  }

  get lag () {
    return this.#syncs.lag
  }

  maxWriteReplicationIndex () {
    return this.#primary.written()
  }
}

module.exports = { ReplicaRoute }
