'use strict'

const { Connection } = require('../promise/connection')
const { FLAG, OP } = require('../promise/message')
const { Job, Port, openRemote } = require('../promise/port')
const { EXPAND } = require('../rows')
const { notReplica } = require('./options')
const {
  EXTENT, isLocalPragma, isLocalRead, openSyncer, postSync, requireFrame
} = require('./syncer')

// What is for a file that is written to here.
const REFUSED = new Set(['rekey()', 'on()', 'createSession()', 'applyChangeset()'])

// What is for the connection that writes, whatever statement it is about.
const FOR_PRIMARY = new Set([OP.EXEC, OP.UNDO, OP.BATCH, OP.CHANGES])

// What may change the database.
const WRITES = new Set([OP.RUN, OP.GET, OP.ALL, OP.EXEC, OP.ITERATE, OP.BATCH])

/** A replica: `port` is the worker that reads the file, and all else goes to the primary. */
class ReplicaConnection extends Connection {
  #remote
  #syncer
  // Statements on the primary, by their number, and iterators there.
  #there = new Map()
  #cursors = new Set()
  // Jobs that wait until the file is up to date.
  #held = new Set()
  #freshness

  openPort (environment, args) {
    const { options } = this
    const remote = new Port(environment, openRemote(options.remote))
    const key = args.at(-1)
    const syncer = openSyncer(environment, options, key, remote)
    // A field of this class is not there yet.
    this.opening = { remote, syncer }
    const [file, , , ...rest] = args
    return new Port(environment, ({ workerOpenBehind }) => {
      return workerOpenBehind.call(syncer.handle, file, true, true, ...rest)
    })
  }

  constructor (environment, options, own) {
    super(environment, options, { ...own, readers: 0 })
    const { remote, syncer } = this.opening
    delete this.opening
    this.#remote = remote
    this.#syncer = syncer
    remote.opened.promise.catch(() => {})
    this.#freshness = new Freshness(syncer, remote, options.replica.readYourWrites)
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
    const entry = op === OP.ITERATE ? job.entry : job.statement
    const sendHere = () => super.send(job, op, target, extra, flags, values, this.port)
    if (entry !== null && entry.isHere && this.#readsHere(scope)) {
      return this.#hold(job, this.#freshness.wait(), sendHere)
    }
    if (entry !== null) return this.#sendThere(entry, job, op, target, extra, flags, values)
    if (FOR_PRIMARY.has(op) || this.#cursors.has(target)) {
      return this.send(job, op, target, extra, flags, values)
    }
    return this.#hold(job, this.#freshness.opened(), sendHere)
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
    this.options.verbose?.(entry.sql)
    if (entry.isCompiledHere && !this.#there.has(entry.number)) {
      const { sql, number, reader, readonly } = entry
      this.#remote.tell(OP.INTRODUCE, number, 0, [sql, Number(reader), Number(readonly)])
      this.#there.set(number, entry.elsewhere())
    }
    if (job.entry !== null) job.entry = this.#there.get(entry.number) ?? job.entry
    if (op === OP.ITERATE) this.#cursors.add(extra)
    super.send(job, op, target, extra, flags, values, this.#remote)
    if (!isLocalRead(entry)) this.#freshness.follow(job)
  }

  /** Sends what ends or begins a transaction, and gives back iterators. */
  send (job, op, target, extra, flags, values, port = this.#portOf(op, target)) {
    if (op === OP.RETURN) this.#cursors.delete(target)
    super.send(job, op, target, extra, flags, values, port)
    if (port === this.#remote && WRITES.has(op)) this.#freshness.follow(job)
    return job.promise
  }

  #portOf (op, target) {
    return FOR_PRIMARY.has(op) || this.#cursors.has(target) ? this.#remote : this.port
  }

  async compileAs (number, sql, flags, options) {
    const isPragma = (flags & FLAG.PRAGMA) !== 0
    const here = this.#readsHere(this.root.current())
    if (isPragma && !(here && isLocalPragma(sql))) {
      return this.#compileThere(number, sql, flags, options)
    }
    try {
      if (here) await this.#untilFresh(options)
      else await this.#freshness.opened()
      const entry = await super.compileAs(number, sql, flags, options)
      entry.isCompiledHere = true
      entry.isHere = flags !== 0 || isLocalRead(entry)
      return entry
    } catch (error) {
      if (error?.code !== 'SQLITE_ERROR') throw error
      return this.#compileThere(number, sql, flags, options, error)
    }
  }

  /** What the file does not know, the primary may. */
  async #compileThere (number, sql, flags, options, error = null) {
    try {
      return await super.compileAs(number, sql, flags, options, this.#remote)
    } catch (thrown) {
      throw error !== null && thrown.code?.startsWith('REMOTE_') ? error : thrown
    }
  }

  /** Waits until the file is up to date, as long as the call may take. */
  async #untilFresh (options) {
    const ready = this.#freshness.wait()
    if (ready === null) return
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

  async beforeClose () {
    await Promise.allSettled([...this.#held].map((job) => job.promise))
  }

  async #sync (extent, frame, options) {
    const opened = this.#freshness.opened()
    if (opened !== null) await opened
    const job = postSync(this.#syncer, extent, frame)
    this.watch(job, options)
    const synced = await job.promise
    this.#freshness.filled()
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

/** Whether the file has what was written. */
class Freshness {
  #syncer
  #remote
  #follows
  // Opening, until it has succeeded.
  #opening
  // Something was written that the file may not have.
  #behind = false
  // The file has nothing at all yet.
  #empty = true
  // Writes that have not ended, and how many there were.
  #last = null
  #count = 0
  // How many writes may have happened, as the worker counts them.
  #writes = 0
  // The catching up that is on its way, and for how many writes it is.
  #catching = null
  #catchingFor = -1

  constructor (syncer, remote, follows) {
    this.#syncer = syncer
    this.#remote = remote
    this.#follows = follows
    this.#opening = syncer.opened.promise.then((frame) => {
      if (frame !== null) this.filled()
      this.#opening = null
    })
    this.#opening.catch(() => {})
  }

  /** A job that may write. */
  follow (job) {
    if (!this.#follows) return
    const number = ++this.#count
    const ended = () => {
      if (this.#count === number) this.#last = null
      if (this.#writes === (this.#writes = this.#remote.writes())) return
      if (!this.#behind) this.#syncer.tell(OP.SYNC, 0)
      this.#behind = true
    }
    this.#last = job.promise.then(ended, ended)
  }

  /** Null once the file is open, or what to wait for. */
  opened () {
    return this.#opening
  }

  /** Something has come, whatever it was that asked for it. */
  filled () {
    this.#empty = false
  }

  get #isStale () {
    return this.#behind || this.#empty
  }

  /** Null if the file may be read, or what to wait for. */
  wait () {
    if (this.#opening === null && this.#last === null && !this.#isStale) return null
    if (this.#catchingFor !== this.#count) {
      this.#catchingFor = this.#count
      const catching = this.#catching = this.#catchUp().finally(() => {
        if (this.#catching === catching) this.#catchingFor = -1
      })
    }
    return this.#catching
  }

  async #catchUp () {
    await this.#opening
    // Those behind it in the same connection have ended when it has.
    await this.#last
    if (!this.#isStale) return
    const behind = this.#behind
    this.#behind = false
    try {
      await postSync(this.#syncer, EXTENT.WRITTEN).promise
      this.#empty = false
    } catch (error) {
      this.#behind ||= behind
      throw error
    }
  }
}

module.exports = { ReplicaConnection }
