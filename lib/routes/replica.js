'use strict'

const { Events } = require('../changes')
const { REFUSED: ELSEWHERE, ROLE } = require('../environment')
const { Connection } = require('../promise/connection')
const { Freshness } = require('../replica/freshness')
const { notReplica } = require('../replica/options')
const {
  EVENTS, EXTENT, listenersFor, openSyncer, postSync, requireFrame
} = require('../replica/syncer')
const { EXPAND } = require('../rows')
const { copyViews } = require('../views')
const { Job } = require('../worker/job')
const { FLAG, OP } = require('../worker/message')
const { Port, openRemote } = require('../worker/port')

// What is for a file that is written to here.
const REFUSED = new Set(['rekey()', 'createSession()', 'applyChangeset()'])

// What is for the connection that writes, whatever statement it is about.
const FOR_PRIMARY = new Set([OP.EXEC, OP.UNDO, OP.BATCH, OP.CHANGES])

// What may change the database.
const WRITES = new Set([OP.RUN, OP.GET, OP.ALL, OP.EXEC, OP.ITERATE, OP.BATCH])

// How long close() waits for syncs, in ms.
const CLOSING = 1000

/** A replica: `port` is the worker that reads the file, and all else goes to the primary. */
class ReplicaConnection extends Connection {
  #remote
  #syncer
  // Statements on the primary, by their number, and iterators there.
  #there = new Map()
  #cursors = new Set()
  // Iterators of the file that are open: they keep its connection at what was there when it began.
  #reading = new Set()
  // How to begin them on the primary, until their first rows have come.
  #begun = new Map()
  // Iterators of the file that wait until it is up to date, by their number.
  #opening = new Map()
  // Jobs that wait until the file is up to date.
  #held = new Set()
  #freshness
  // Why it could not be opened.
  #failure = null
  #events = new Events(EVENTS)

  openPort (environment, args, own) {
    const { options } = this
    const remote = new Port(environment, openRemote(options.remote))
    const key = args.at(-1)
    const syncer = openSyncer(environment, options, key, remote)
    Object.assign(own, { remote, syncer })
    remote.role = 'primary'
    const [file, , , timeout, vfs, uri, buffer, logs] = args
    const port = new Port(environment, ({ workerOpenBehind }) => {
      return workerOpenBehind.call(
        syncer.handle, file, true, true, timeout, vfs, uri, buffer, logs, ROLE.REPLICA, key)
    })
    port.role = 'file'
    return port
  }

  constructor (environment, options, own) {
    // The ports come back in it: fields of this class are not there before super() has returned.
    const opened = { ...own, readers: 0 }
    super(environment, options, opened)
    const { remote, syncer } = opened
    this.#remote = remote
    this.#syncer = syncer
    remote.opened.promise.catch(() => {})
    const tell = (error) => this.#events.emit('uncertain', { error })
    this.#freshness = new Freshness(syncer, remote, options.replica, tell)
    syncer.opened.promise.catch((error) => this.#giveUp(error))
  }

  /** It could not be opened: nothing of it stays. */
  #giveUp (error) {
    this.#failure = error
    for (const port of this.ports()) {
      const job = new Job()
      job.promise.catch(() => {})
      super.send(job, OP.CLOSE, 0, 0, 0, [], port)
      port.ended = true
    }
  }

  get opened () {
    return this.#syncer.opened.promise.then(() => this.port.opened.promise)
  }

  get inTransaction () {
    return this.#remote.inTransaction
  }

  requireLocal (method) {
    if (REFUSED.has(method)) throw notReplica(method)
  }

  listeners (method, event) {
    return listenersFor(this.#events, method, event)
  }

  ports () {
    return [this.port, this.#syncer, this.#remote]
  }

  forget (number) {
    super.forget(number)
    if (this.#there.delete(number)) this.#remote.tell(OP.DROP, number)
  }

  /** Whether what a call in that scope reads is in the file. */
  #readsHere (scope) {
    return scope === this.root && !this.inTransaction && this.#remote.controls === 0
  }

  start (scope, job, op, target, extra, flags, values) {
    if (this.#failure !== null) return job.end(this.#failure)
    const opening = this.#freshness.opened()
    if (opening !== null) {
      // Until they are sent, they stay as they are now.
      const kept = copyViews(values)
      const start = () => this.start(scope, job, op, target, extra, flags, kept)
      return this.#hold(job, opening, start)
    }
    const entry = op === OP.ITERATE ? job.entry : job.statement
    const sendHere = () => super.send(job, op, target, extra, flags, values, this.port)
    // run() gives the rowid that was inserted last, which the primary knows.
    const isHere = entry !== null && entry.isHere && op !== OP.RUN
    if (isHere && this.#readsHere(scope)) {
      const isPinned = this.#reading.size !== 0 && this.#freshness.isBehind()
      if (isPinned) return this.#sendThere(entry, job, op, target, extra, flags, values)
      const ready = this.#freshness.wait()
      // What it reads may have come to ask for what only the primary can tell.
      job.elsewhere = () => this.#sendThere(entry, job, op, target, extra, flags, values)
      // Until it has been read to its end, or is given back, as it is where opening fails.
      if (op === OP.ITERATE) {
        this.#reading.add(extra)
        this.#begun.set(extra, { entry, flags, values })
      }
      if (ready !== null) values = copyViews(values)
      this.#hold(job, ready, sendHere)
      if (ready !== null && op === OP.ITERATE) this.#open(extra, ready)
      return
    }
    if (entry !== null) return this.#sendThere(entry, job, op, target, extra, flags, values)
    if (FOR_PRIMARY.has(op) || this.#cursors.has(target)) {
      this.#moveEntry(job)
      return this.send(job, op, target, extra, flags, values)
    }
    if (op === OP.NEXT) {
      this.#readOn(job, target, extra)
      const begun = this.#begun.get(target)
      this.#begun.delete(target)
      if (begun !== undefined) {
        job.elsewhere = () => this.#beginThere(begun, job, target, extra, flags)
      }
    }
    return this.#hold(job, this.#opening.get(target) ?? null, sendHere)
  }

  /** An iterator that the file refuses to read, as one on the primary, and its first rows. */
  #beginThere ({ entry, flags, values }, job, number, size, flagsOfRows) {
    this.#reading.delete(number)
    const opening = new Job()
    opening.entry = entry
    opening.mode = job.mode
    this.#sendThere(entry, opening, OP.ITERATE, entry.number, number, flags, values)
    opening.promise.then(() => {
      this.#moveEntry(job)
      if (!job.settled) this.send(job, OP.NEXT, number, size, flagsOfRows, [])
    }, (error) => job.end(error))
  }

  #readOn (job, number, size) {
    const { finish } = job
    job.finish = (rows) => {
      if (rows.length < size) this.#reading.delete(number)
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

  #sendThere (entry, job, op, target, extra, flags, values) {
    if (job.mode === EXPAND) return job.end(notReplica('expand() inside a transaction'))
    this.log(entry.sql)
    if (entry.isCompiledHere && !this.#there.has(entry.number)) {
      const { sql, number, reader, readonly } = entry
      this.#remote.tell(OP.INTRODUCE, number, 0, [sql, Number(reader), Number(readonly)])
      this.#there.set(number, entry.elsewhere())
    }
    this.#moveEntry(job)
    if (op === OP.ITERATE) this.#cursors.add(extra)
    super.send(job, op, target, extra, flags, values, this.#remote)
    if (!entry.isRead) this.#freshness.follow(job)
  }

  /** Rows of the primary are decoded by what the primary says of their columns. */
  #moveEntry (job) {
    if (job.entry !== null) job.entry = this.#there.get(job.entry.number) ?? job.entry
  }

  /** Sends what ends or begins a transaction, and gives back iterators. */
  send (job, op, target, extra, flags, values, port = this.#portOf(op, target)) {
    if (this.#failure !== null) {
      job.end(op === OP.RETURN ? null : this.#failure)
      return job.promise
    }
    const send = () => super.send(job, op, target, extra, flags, values, port)
    if (op === OP.RETURN) {
      this.#cursors.delete(target)
      this.#reading.delete(target)
      this.#begun.delete(target)
      const ready = this.#opening.get(target)
      if (ready !== undefined) {
        ready.then(send, () => job.end(null))
        return job.promise
      }
    }
    send()
    if (port === this.#remote && WRITES.has(op)) this.#freshness.follow(job)
    return job.promise
  }

  #portOf (op, target) {
    return FOR_PRIMARY.has(op) || this.#cursors.has(target) ? this.#remote : this.port
  }

  async compileAs (number, sql, flags, options) {
    const isPragma = (flags & FLAG.PRAGMA) !== 0
    const here = this.#readsHere(this.root.current())
    if (isPragma && !here) {
      return this.#compileThere(number, sql, flags, options)
    }
    await this.#freshness.opened()
    try {
      return await this.#compileHere(number, sql, flags, options, here)
    } catch (error) {
      if (error?.code === ELSEWHERE) return this.#compileThere(number, sql, flags, options)
      if (error?.code !== 'SQLITE_ERROR') throw error
      return this.#compileThere(number, sql, flags, options, error)
    }
  }

  /** What is not in the file yet may be there once it is up to date. */
  async #compileHere (number, sql, flags, options, mayWait) {
    let entry
    try {
      entry = await super.compileAs(number, sql, flags, options)
    } catch (error) {
      if (error?.code !== 'SQLITE_ERROR' || !mayWait) throw error
      try {
        await this.#waitFor(this.#freshness.fetch(), options)
      } catch (reason) {
        throw this.#freshness.isBehind() ? reason : error
      }
      entry = await super.compileAs(number, sql, flags, options)
    }
    entry.isCompiledHere = true
    entry.isHere = flags !== 0 || entry.isRead
    return entry
  }

  /** What the file does not know, the primary may. */
  async #compileThere (number, sql, flags, options, error = null) {
    try {
      return await super.compileAs(number, sql, flags, options, this.#remote)
    } catch (thrown) {
      throw error !== null && thrown.code?.startsWith('REMOTE_') ? error : thrown
    }
  }

  /** Waits as long as the call may take. */
  async #waitFor (ready, options) {
    const job = new Job()
    job.interruptible = true
    this.watch(job, options)
    if (!job.settled) this.#hold(job, ready, () => job.end(null))
    await job.promise
  }

  interrupt (entry) {
    for (const job of this.#held) {
      if (entry !== undefined && job.statement !== entry && job.entry !== entry) continue
      this.cancel(job, null)
      if (entry === undefined) return
    }
    super.interrupt(entry)
  }

  /** What waits for the server has a moment to end. */
  async beforeClose () {
    const jobs = [...this.#held, ...this.#syncer.pending()]
    if (jobs.length === 0) return
    const ended = Promise.allSettled(jobs.map((job) => job.promise))
    let timer
    const late = new Promise((resolve) => { timer = setTimeout(resolve, CLOSING) })
    await Promise.race([ended, late])
    clearTimeout(timer)
    for (const job of jobs) this.cancel(job, null)
  }

  /** A statement of the primary may be in the file later. */
  keeps (entry) {
    return entry.isCompiledHere
  }

  async #sync (extent, frame, options) {
    const opened = this.#freshness.opened()
    if (opened !== null) await opened
    const done = this.#freshness.begin()
    const job = postSync(this.#syncer, extent, frame)
    this.watch(job, options)
    const synced = await job.promise
    if (extent === EXTENT.FRAME) this.#freshness.filled()
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

  maxWriteReplicationIndex () {
    return this.#remote.written()
  }
}

module.exports = { ReplicaConnection }
