'use strict'

const { REFUSED } = require('../environment')
const { OUTCOME, SqliteError, forCall, rejection, withOutcome } = require('../errors')
const { RAW } = require('../rows')

// Codes of errors that are not about SQL: of the network, and of calls that were given up.
const NO_REFUSAL = /^(?:REMOTE_|ABORT_ERR$|SQLITE_INTERRUPT$)/

// Of most jobs.
const NO_VALUES = []

/** One call: what the worker is to do, and who waits for its reply. */
class Job {
  id = 0
  // One of OP, and the number of what it is about: a statement, an iteration, a backup.
  op
  target
  // What else is a number, the sum of some FLAGs, and values.
  extra = 0
  flags = 0
  values = NO_VALUES
  rows = []
  entry = null
  mode = RAW
  // What `rows` come to.
  finish = null
  // Ends the listening to a signal and the timer.
  release = null
  // The error to end with if the worker says that it was interrupted.
  reason = null
  settled = false
  resolve
  reject
  // The transaction that counts it until it ends.
  scope = null
  // The transaction that it may end by failing.
  owner = null
  // What it failed with, which has ended the transaction, or not.
  failure = null
  losing = false
  // What it executes; null for all that is no statement.
  statement = null
  // The port that it was posted to.
  port = null
  // It may begin or end a transaction.
  control = false
  // Runs code of the user in the async context of the call; null where there is none to run.
  context = null
  // Of a database on a server, or a replica: its error says what became of it.
  isOfServer = false
  // db.interrupt() may end it.
  interruptible = false
  // Sends it to the connection that writes, if a reader refuses it.
  fallback = null
  // The packed columns of a statement that it compiles.
  columns = null
  // What it is about, for its error: `sqls` has the statements of a batch.
  sql = null
  sqls = null
  database = null
  // Somebody awaits it; else whoever called waits in the call, and its stack is that of the call.
  isAwaited = true
  // It prepares what a call needs that has a job of its own.
  isPart = false
  // The job that compiles what it executes, in the same message or one before; null for none.
  preparation = null
  // Called when the worker has answered, which may be after it was interrupted.
  replied = null
  // Reports it to tracing; how long it has run, in us, or -1.
  trace = null
  us = -1
  // Takes it out of those that wait for a transaction to end; null once it is posted.
  leave = null

  constructor (op = -1, target = 0) {
    this.op = op
    this.target = target
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve
      this.reject = reject
    })
  }

  /** It is on its way. Its values are needed again only where another worker may have to do it. */
  posted () {
    if (this.fallback === null) this.values = NO_VALUES
  }

  /** Calls `fn` when it has settled, besides what it has to release. */
  onSettled (fn) {
    const { release } = this
    this.release = () => {
      release?.()
      fn()
    }
  }

  #settle () {
    if (this.settled) return false
    this.settled = true
    this.release?.()
    this.leave?.()
    if (this.scope !== null) this.scope.pending--
    return true
  }

  /** Rejects with whatever was thrown, null too; what code of the user threw stays as it is. */
  fail (error, isOfUser = false) {
    const { fallback } = this
    if (fallback !== null && error?.code === REFUSED && !this.settled) {
      this.fallback = null
      return fallback()
    }
    if (!this.#settle()) return
    const refusal = this.preparation?.refusal() ?? null
    const reason = this.failure = isOfUser ? error : this.#reasonOf(refusal ?? error)
    this.trace?.endOf(this, { error: reason })
    if (isOfUser) return this.reject(reason)
    if (this.isAwaited) this.resolve(rejection(reason))
    else this.reject(reason)
  }

  /** Why what it was to compile cannot be executed; null if that is not what it failed with. */
  refusal () {
    const { failure } = this
    return failure === null || NO_REFUSAL.test(failure.code) ? null : failure
  }

  #reasonOf (error) {
    const interrupted = this.reason !== null && error?.code === 'SQLITE_INTERRUPT'
    const reason = forCall(interrupted ? this.reason : error, this.subject(), this.database)
    const outcome = error?.outcome ?? (this.#isUnsent(error) ? OUTCOME.NOT_EXECUTED : undefined)
    return outcome === undefined ? reason : withOutcome(reason, outcome)
  }

  // What the way to a server says has an outcome: this was ended before it came there.
  #isUnsent (error) {
    const isOfServer = this.port === null ? this.isOfServer : this.port.isOfServer
    return isOfServer && (error instanceof SqliteError || error?.code === 'ABORT_ERR')
  }

  setColumns (packed) {
    if (this.entry !== null) this.entry.setColumns(packed)
    else if (this.statement !== null) this.statement.noteColumns(packed)
    else this.columns = packed
  }

  /** The SQL that its error is about. */
  subject () {
    return this.sql ?? this.statement?.sql ?? this.entry?.sql ?? this.sqls?.join('; ') ?? null
  }

  end (error) {
    if (error !== null) return this.fail(error)
    if (!this.#settle()) return
    this.trace?.endOf(this, null)
    try {
      this.resolve(this.finish === null ? undefined : this.finish(this.rows, this.columns))
    } catch (thrown) {
      this.reject(thrown)
    }
  }
}

module.exports = { Job }
