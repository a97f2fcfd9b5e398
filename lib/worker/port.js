'use strict'

// The JavaScript side of a worker's port. Calls of one tick cross as one message, and replies that
// have come settle in one wake-up of the event loop. Jobs run and end in the order of the calls.

const {
  OUTCOME, charsOf, errorOf, locate, withOutcome, timedOut, transactionLost
} = require('../errors')
const { INTERRUPTED, ERROR_KIND, HEADER, JOB, OP, PART, REPLY } = require('../protocol')
const { RAW, decoderFor } = require('../rows')
const { clearTimeout, now, setTimeout, soon, throwLater } = require('../timers')
const { SLICE, hubOf } = require('./hub')
const { Job } = require('./job')
const { Message } = require('./message')

const { EXTRAS, IN_TRANSACTION, PARTS, SHAREABLE, SLOTS } = HEADER

const {
  DONE, ERROR, ROWS, LAST_ROWS, COLUMNS, CALL, LOG, CHANGED_ROW, SETTING, TIME, SYNC, LOST, WORK
} = REPLY
const { QUEUED, ENDED, SENT } = INTERRUPTED

// To spin for the replies of so many calls pays: they are likely to come at once.
const FEW = 4

// How long a worker may take to notice that a call was given up, in ms.
const NOTICING = 1000

// How long a call that was sent to a server and is interrupted waits for what became of it, in ms.
const HEARING = 100

class Port {
  // What it is among those of its database: writer, reader, primary, or a replica's file.
  role = 'writer'
  inTransaction = false
  // Nothing is open or set that other connections to the file would not have.
  shareable = false
  // Jobs that may begin or end a transaction and have not ended.
  controls = 0
  // Executions of statements that have not ended, and jobs that have.
  executing = 0
  replied = 0
  // The worker ends after what was posted.
  ended = false
  // Functions that the worker may call, by number; what is called with SQL, with changed rows, and
  // while a table does long work.
  functions = new Map()
  onLog = null
  onChange = null
  onWork = null
  // Called with the name and the SQL of a setting.
  onSetting = null
  // Called with each sync.
  #onSync = null
  #ref = null
  // What fails on it may have been executed all the same: it leads to a server.
  isOfServer = false
  // What its database is in, if that is a key-value store.
  #store
  // What a function threw: the error of the call that it was called in.
  #thrown = null
  #natives
  #block
  #hub
  // What the addon knows it by.
  handle
  #message = new Message()
  #flushing = false
  // Jobs in the order of their replies: a queue with a moving head.
  #jobs = []
  #head = 0
  #nextId = JOB.OPENING
  #flush
  #calls = []
  // How often not to spin for replies, now and after the next time in vain.
  #skips = 0
  #missed = 0

  /**
   * @param {import('../engine').Environment} environment
   * @param {(natives: import('../engine').Natives) => import('../engine').WorkerHandle} open
   * @param {import('./store').StoreServer | null} store
   */
  constructor (environment, open, store = null) {
    const { natives, block } = environment
    this.#natives = natives
    this.#block = block
    this.#hub = hubOf(natives)
    this.#store = store
    if (store !== null) this.#hub.serveStores()
    this.handle = open(natives)
    store?.attach(this.handle)
    this.#flush = () => {
      this.#flushing = false
      if (this.#post() && this.#maySpin()) this.#spin()
    }
    this.opened = new Job()
    this.#enqueue(this.opened)
  }

  #enqueue (job) {
    job.id = this.#nextId
    this.#nextId = (this.#nextId + 1) >>> 0 || JOB.OPENING
    if (this.#head === this.#jobs.length) {
      this.#jobs.length = this.#head = 0
      this.#hub.add(this)
    }
    this.#jobs.push(job)
    job.port = this
    if (job.control) this.controls++
    if (job.statement !== null) this.executing++
  }

  #post () {
    const bytes = this.#message.take()
    if (bytes.length === 0) return false
    this.#natives.workerPost.call(this.handle, bytes)
    return true
  }

  // Not while code of the user may be called: it has an async context of its own.
  #maySpin () {
    if (this.#jobs.length - this.#head > FEW) return false
    if (this.#skips !== 0) {
      this.#skips--
      return false
    }
    return !this.callsUser && this.#hub.maySpin()
  }

  #spin () {
    do {
      if (!this.#natives.workerSpin.call(this.handle)) {
        // What runs takes longer: it is less and less worth the while.
        this.#missed = Math.min(2 * this.#missed + 1, 255)
        this.#skips = this.#missed
        return
      }
      this.#missed = 0
      if (!this.drain(now() + SLICE)) return this.#hub.drainSoon()
    } while (this.#head !== this.#jobs.length)
  }

  /** Posts a job with the next message. */
  post (job) {
    this.#message.add(this.#nextId, job)
    job.posted()
    this.#enqueue(job)
    this.#flushSoon()
    return job.promise
  }

  /** Whether there is code of the user that the worker may ask for. */
  get callsUser () {
    return this.functions.size !== 0 || this.onLog !== null || this.onChange !== null ||
      this.onWork !== null || this.#store !== null
  }

  /** How often something was written to a primary, and DOUBT for each time that is not known. */
  writes () {
    return this.#natives.workerWrites.call(this.handle)
  }

  /** The last frame of a primary's log that was written from here, or undefined. */
  written () {
    return this.#natives.workerWritten.call(this.handle)
  }

  /** Calls `listener` after each sync, whoever asked for it; null ends that. */
  onSyncs (listener) {
    const on = listener !== null
    this.#onSync = listener
    this.#natives.workerReportSyncs.call(this.handle, on)
    this.#hub.subscribe(this.#ref ??= new WeakRef(this), on)
  }

  /** When the last sync that succeeded began, in ms since 1970, and how many ms ago. */
  lastSync () {
    return this.#natives.workerLastSync.call(this.handle)
  }

  /** Posts what has no reply. */
  notify (op, target, extra = 0, values = []) {
    if (this.ended) return
    this.#message.add(JOB.NONE, { op, target, extra, flags: 0, values })
    this.#flushSoon()
  }

  #flushSoon () {
    if (this.#flushing) return
    this.#flushing = true
    soon(this.#flush)
  }

  /** Ends a job, queued or running, with `reason`, or lets the reply stand that is on its way. */
  interrupt (job, reason) {
    if (job.settled) return
    job.reason ??= reason
    this.#giveUp(job, job.id === 0 ? QUEUED : this.#deliverInterrupt(job))
  }

  // What was sent has its reply soon, unless somebody waits for a call that was sent with it.
  #giveUp (job, found) {
    if (found === QUEUED) job.end(interrupted())
    if (found !== SENT || !job.isAwaited || job.settled) return
    const timer = setTimeout(() => job.end(unheard(job)), HEARING)
    job.onSettled(() => clearTimeout(timer))
  }

  /** Ends the first of the jobs that have not ended; false if there is none. */
  interruptFirst () {
    for (const job of this.pending()) {
      if (job.settled || !job.interruptible) continue
      const found = this.#deliverInterrupt(job)
      if (found === ENDED) continue
      this.#giveUp(job, found)
      return true
    }
    return false
  }

  #deliverInterrupt (job) {
    // It has to be there to be found.
    this.#post()
    const { preparation } = job
    // A request goes on as long as anybody wants one of its replies.
    if (this.isOfServer && preparation !== null && !preparation.settled) {
      this.#natives.workerInterrupt.call(this.handle, preparation.id | 0)
    }
    return this.#natives.workerInterrupt.call(this.handle, job.id | 0)
  }

  /** The jobs that have not ended. */
  pending () {
    return this.#jobs.slice(this.#head)
  }

  /** Waits until a job has ended; after `timeout` ms, unless that is 0, it is interrupted. */
  wait (job, timeout) {
    this.#post()
    let end = timeout === 0 ? Infinity : now() + timeout
    let isInterrupted = false
    const worker = { hasReplied: false }
    job.replied = () => { worker.hasReplied = true }
    while (!job.settled) {
      const left = end - now()
      if (left > 0) {
        this.#waitMore(left)
      } else if (isInterrupted) {
        job.end(unheard(job))
      } else {
        isInterrupted = true
        this.interrupt(job, timedOut())
        end = now() + NOTICING
      }
    }
    // What the worker makes of it is known once it has noticed.
    const noticed = now() + NOTICING
    while (!worker.hasReplied && !this.ended && now() < noticed) {
      this.#waitMore(NOTICING)
    }
  }

  #waitMore (ms) {
    // A worker that is terminated is to notice.
    this.#natives.workerWait.call(this.handle, Math.ceil(Math.min(ms, 50)))
    this.drain(Infinity)
  }

  /** Reads replies; false if `until` (ms) came before their end. */
  drain (until) {
    const block = this.#block
    for (;;) {
      const text = this.#natives.workerTake.call(this.handle)
      if (text === undefined) return true
      const { header, parts } = block
      // Blocks of questions alone do not say.
      if (header[IN_TRANSACTION] >= 0) {
        this.inTransaction = header[IN_TRANSACTION] === 1
        this.shareable = header[SHAREABLE] === 1
      }
      const count = PART.LENGTH * header[PARTS]
      for (let at = 0; at < count; at += PART.LENGTH) {
        this.#read(parts[at], text ?? '', parts[at + 1], parts[at + 2], parts[at + 3])
      }
      if (header[EXTRAS] !== 0) block.extras.length = 0
      // Code of the user, which may use the block, comes when all is read.
      if (this.#calls.length !== 0) for (const call of this.#calls.splice(0)) call()
      if (now() >= until) return false
    }
  }

  #read (kind, text, slot, rows, columns) {
    const block = this.#block
    const job = this.#jobs[this.#head]
    switch (kind) {
      case COLUMNS: return job.setColumns(readRow(block, text, slot, columns)[0])
      case ROWS:
      case LAST_ROWS:
        if (!job.settled && rows !== 0) {
          const { width, some } = decoder(job, columns)
          // What is not there is of another's rows.
          const isThere = width === columns && slot + rows * columns <= block.header[SLOTS]
          if (isThere) some(block, text, slot, rows, job.rows)
          else job.fail(wrongWidth(this.isOfServer))
        }
        if (kind === LAST_ROWS) this.#ended().end(null)
        return
      case DONE: return this.#ended().end(null)
      case ERROR: return this.#fail(readRow(block, text, slot, columns))
      case CALL: return this.#later(this.#call, readRow(block, text, slot, columns))
      case LOG: return this.#later(this.onLog, readRow(block, text, slot, columns))
      case CHANGED_ROW: return this.#later(this.onChange, readRow(block, text, slot, columns))
      case WORK: return this.#later(this.onWork, readRow(block, text, slot, columns))
      case SETTING: return this.onSetting?.(...readRow(block, text, slot, columns))
      case SYNC: return this.#later(this.#onSync, readRow(block, text, slot, columns))
      case TIME:
        job.us = rows
        return
      case LOST: job.losing = true
    }
  }

  /** Does what the worker asks its store for. */
  serveStore () {
    if (this.#store === null) return
    const context = this.#jobs[this.#head]?.context ?? null
    this.#store.serve(context ?? ((call) => call()))
  }

  #later (fn, args) {
    const context = this.#jobs[this.#head]?.context ?? null
    this.#calls.push(() => {
      try {
        if (context === null) fn?.(...args)
        else context(() => fn?.(...args))
      } catch (error) {
        // Uncaught, as in any event: replies behind it are read all the same.
        throwLater(error)
      }
    })
  }

  #call = (question, number, ask, group, ...args) => {
    let value
    let failed = false
    try {
      value = this.functions.get(number)(ask, group, args)
    } catch (error) {
      this.#thrown = { error }
      failed = true
    }
    // Steps of an aggregate have no answer.
    if (question !== 0) this.#natives.workerAnswer.call(this.handle, question | 0, failed, value)
  }

  /** Leaves rules for the job that takes them over. */
  leaveAuthorizer (rules, otherwise) {
    this.#natives.workerAuthorizer.call(this.handle, rules, otherwise)
  }

  #fail (row) {
    const job = this.#ended()
    this.#failJob(job, row)
    // Later calls inside its transaction are refused, and say why.
    if (job.losing) job.owner?.lose(job.failure)
  }

  #failJob (job, [kind, message, code, rawCode, status, byte, statement, outcome, key, reason]) {
    const thrown = this.#thrown
    this.#thrown = null
    switch (kind) {
      case ERROR_KIND.SQLITE: {
        const [sql, index] = statementOf(job, statement)
        const args = [message, code, rawCode ?? undefined, byte, index, sql, job.database]
        return job.fail(withFate(errorOf(...args), status, outcome))
      }
      case ERROR_KIND.STORE:
        return job.fail(this.#storeError(message, code, rawCode, key, reason))
      case ERROR_KIND.TYPE: return job.fail(new TypeError(message))
      case ERROR_KIND.RANGE: return job.fail(placed(new RangeError(message), job, statement, byte))
      case ERROR_KIND.LOST: return job.fail(job.owner?.refusal() ?? transactionLost())
      default: return job.fail(thrown === null ? new Error(message) : thrown.error, thrown !== null)
    }
  }

  // The reason may be of a call whose error has been forgotten, or none.
  #storeError (message, code, rawCode, key, reason) {
    const host = reason === 0 ? undefined : { error: this.#store?.reason(reason) }
    const about = [-1, -1, undefined, undefined, false, key ?? undefined, host]
    return errorOf(message, code, rawCode, ...about)
  }

  #ended () {
    const job = this.#jobs[this.#head]
    this.#jobs[this.#head++] = undefined
    if (job.control) this.controls--
    if (job.statement !== null) this.executing--
    this.replied++
    job.replied?.()
    if (this.#head === this.#jobs.length) {
      this.#jobs.length = this.#head = 0
      this.#hub.remove(this)
    } else if (this.#head >= 1024 && 2 * this.#head >= this.#jobs.length) {
      this.#jobs.splice(0, this.#head)
      this.#head = 0
    }
    return job
  }
}

/**
 * How a Port opens a file, by the arguments of the addon.
 * @param {import('../engine').WorkerFile} args
 * @returns {(natives: import('../engine').Natives) => import('../engine').WorkerHandle}
 */
function openLocal (args) {
  return (natives) => natives.workerOpen(...args)
}

/**
 * How it opens a database in a key-value store.
 * @returns {(natives: import('../engine').Natives) => import('../engine').WorkerHandle}
 */
function openStore ({ name, readonly, timeout, store }, shown, role) {
  return (natives) => natives.workerOpenStore(name, readonly, timeout, shown, role, store)
}

/**
 * How it opens one that it only stores: its pages are in this thread.
 * @returns {(natives: import('../engine').Natives) => import('../engine').WorkerHandle}
 */
function openResident ({ name, readonly, store }) {
  return (natives) => natives.workerOpenResident(name, readonly, store)
}

/**
 * How it opens a database on a server.
 * @param {{ args: import('../engine').Server }} remote
 * @returns {(natives: import('../engine').Natives) => import('../engine').WorkerHandle}
 */
function openRemote ({ args }) {
  return (natives) => natives.workerOpenRemote(...args)
}

/** The SQL that an error of a job is about, and the number of the statement, or -1. */
function statementOf (job, index) {
  if (job.sqls === null) return [job.subject() ?? undefined, index]
  // The commit of a batch comes behind its statements.
  return index in job.sqls ? [job.sqls[index], index] : [job.subject(), -1]
}

/** A mistake in calling, and which statement of a list or a script it is about. */
function placed (error, job, statement, byte) {
  const [sql, index] = statementOf(job, statement ?? -1)
  return index === -1 ? error : locate(error, index, sql, job.database, charsOf(sql, byte))
}

/** The HTTP status of a server's reply and what became of the call, which errors of a file lack. */
function withFate (error, status, outcome) {
  if (typeof status === 'number') error.status = status
  return outcome === undefined ? error : withOutcome(error, outcome)
}

function interrupted () {
  return errorOf('interrupted', 'SQLITE_INTERRUPT', 9)
}

/** A call that was sent, and that nobody waits for any more: what reads has changed nothing. */
function unheard ({ op, statement }) {
  const reads = op === OP.PREPARE || (statement !== null && statement.isRead)
  return withOutcome(interrupted(), reads ? OUTCOME.NOT_EXECUTED : OUTCOME.UNKNOWN)
}

function wrongWidth (isOfServer) {
  const error = errorOf('Invalid reply from the server: a row does not have the columns of its result', 'REMOTE_PROTOCOL')
  return isOfServer ? withOutcome(error, OUTCOME.UNKNOWN) : error
}

/** Rows of a statement by its columns' names, all else as arrays. */
function decoder (job, columns) {
  return job.entry === null ? arrayDecoder(columns) : job.entry.decoder(job.mode)
}

const arrayDecoders = new Map()

function arrayDecoder (columns) {
  let decoder = arrayDecoders.get(columns)
  if (decoder === undefined) {
    if (arrayDecoders.size >= 256) arrayDecoders.clear()
    decoder = decoderFor(RAW, Array.from({ length: columns }, (_, i) => String(i)))
    arrayDecoders.set(columns, decoder)
  }
  return decoder
}

function readRow (block, text, slot, columns) {
  const rows = []
  arrayDecoder(columns).some(block, text, slot, 1, rows)
  return rows[0]
}

module.exports = { Port, interrupted, openLocal, openRemote, openResident, openStore }
