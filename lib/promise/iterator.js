'use strict'

const { retrace } = require('../errors')
const { KEY } = require('../key')
const { FLAG, OP } = require('../protocol')
const tracing = require('../tracing')
const { Job } = require('../worker/job')

// Rows asked for at once: the first few come soon, and then one batch is on its way while the one
// before it is used up.
const FIRST = 16
const MOST = 1024

const { then } = Promise.prototype

const DONE = Object.freeze({ value: undefined, done: true })

/** Closes an iteration whose iterator was garbage-collected. */
const dropped = new FinalizationRegistry((close) => close())

/** An open iterator of the worker. */
class Iteration {
  #connection
  #scope
  #entry
  #call
  #number
  #opening
  #reading = null
  // Reports it; null where nobody subscribes.
  #trace = null

  constructor (connection, scope, entry, call) {
    this.#connection = connection
    this.#scope = scope
    this.#entry = entry
    this.#call = call
    this.#number = connection.nextNumber()
    const { values, flags, options } = call
    const job = this.#opening = new Job(OP.ITERATE, entry.number)
    job.extra = this.#number
    job.flags = flags
    job.values = values
    job.entry = entry
    job.promise.catch(() => {})
    const submit = () => { connection.submit(scope, job, options) }
    const context = tracing.on ? connection.contextOf('iterate', entry.sql) : null
    if (context === null) {
      submit()
    } else {
      context.rows = 0
      this.#trace = new tracing.Trace(context)
      job.flags |= FLAG.TIMED
      this.#trace.start(submit)
    }
  }

  /** A read has ended, and is the last one or not. */
  count (job, isLast, failure) {
    const trace = this.#trace
    if (trace === null) return
    const { context } = trace
    context.rows += job.rows.length
    if (context.connection === null) trace.ran(this.#opening.us)
    context.connection = this.#opening.port?.role ?? null
    trace.ran(job.us)
    if (isLast) this.#endTrace(failure)
  }

  #endTrace (failure) {
    this.#trace?.end(failure)
    this.#trace = null
  }

  /** Up to `size` rows; fewer at the end, and then the worker has closed it. */
  read (size) {
    const job = this.#reading = new Job(OP.NEXT, this.#number)
    job.extra = size
    if (this.#trace !== null) job.flags = FLAG.TIMED
    job.entry = this.#entry
    job.mode = this.#call.mode
    job.finish = (rows) => rows
    // Sent at once; why opening failed is what counts, if it did.
    const { promise } = job
    const opened = this.#opening.promise
    job.promise = opened.then(() => promise)
    promise.catch(() => {})
    this.#connection.submit(this.#scope, job, this.#call.options)
    return job
  }

  /** Ends the read that runs. */
  interrupt () {
    if (this.#reading !== null) this.#connection.interruptJob(this.#reading, null)
  }

  close () {
    this.interrupt()
    this.#endTrace(null)
    const job = new Job(OP.RETURN, this.#number)
    job.promise.catch(() => {})
    // It does not wait for its turn: closing only frees something.
    return this.#connection.send(job)
  }
}

/** Rows one by one: a bounded number of them is read ahead. */
class StatementIterator {
  #connection
  #entry
  #call
  // The open query, and the scope that it runs in.
  #iteration = null
  #scope
  #rows = []
  #at = 0
  #size = FIRST
  // The next batch, on its way.
  #ahead = null
  // Thrown after the rows that are buffered: null, or `{ error }`, whose error may be null too.
  #error = null
  #done = false
  // Calls of next() and return() run one after the other.
  #last = Promise.resolve()
  #pending = 0

  constructor (key, statement, connection, entry, call) {
    if (key !== KEY) throw new TypeError('Disabled constructor')
    Object.defineProperty(this, 'statement', { value: statement, enumerable: true })
    this.#connection = connection
    this.#entry = entry
    this.#call = call
    this.#scope = connection.root.current()
  }

  next () {
    if (this.#pending === 0 && this.#at < this.#rows.length) {
      return Promise.resolve({ value: this.#rows[this.#at++], done: false })
    }
    return this.#connection.track(this.#inTurn(() => this.#next()))
  }

  #inTurn (step) {
    // What is called after this comes after it, if nothing is in its way.
    const started = this.#pending++ === 0 ? step() : this.#last.then(step)
    let end
    this.#last = new Promise((resolve) => { end = resolve })
    // Until it has ended only the caller waits for it, so that V8 can find the caller.
    const result = started.finally(() => {
      this.#pending--
      end()
      // Not its own `then`, by which a transaction notices that it is awaited.
      then.call(result, undefined, () => {})
    })
    return result
  }

  async #next () {
    while (this.#at >= this.#rows.length) {
      // Rows that were read ahead come before the end or the error.
      if (this.#ahead === null) {
        if (this.#error !== null) {
          const { error } = this.#error
          this.#error = null
          throw retrace(error)
        }
        if (this.#done) return DONE
      }
      await this.#fetch()
    }
    return { value: this.#rows[this.#at++], done: false }
  }

  async #fetch () {
    if (this.#iteration === null) {
      this.#iteration = new Iteration(this.#connection, this.#scope, this.#entry, this.#call)
      const iteration = this.#iteration
      dropped.register(this, () => iteration.close(), this)
      this.#request()
    }
    const rows = await this.#ahead
    this.#ahead = null
    this.#rows = rows
    this.#at = 0
    if (!this.#done && this.#error === null) this.#request()
  }

  /** Asks for a batch; an error is thrown after the rows before it. */
  #request () {
    const size = this.#size
    if (this.#size < MOST) this.#size *= 2
    const iterator = this
    const job = this.#iteration.read(size)
    const iteration = this.#iteration
    this.#ahead = job.promise.then((rows) => {
      iteration.count(job, rows.length < size, null)
      if (rows.length < size) iterator.#finish()
      return rows
    }, (error) => {
      iterator.#error = { error }
      iteration.count(job, true, { error })
      iterator.#finish()
      // The worker has not closed it if it has not seen this call.
      iteration.close()
      return job.rows
    })
  }

  #finish () {
    this.#done = true
    dropped.unregister(this)
  }

  return (value) {
    // A call of next() that runs is not waited for.
    if (this.#pending !== 0) this.#iteration?.interrupt()
    return this.#inTurn(async () => {
      if (!this.#done) {
        this.#done = true
        if (this.#iteration !== null) {
          dropped.unregister(this)
          await this.#iteration.close()
        }
      }
      await this.#ahead
      this.#ahead = null
      this.#rows = []
      this.#at = 0
      this.#error = null
      return { value, done: true }
    })
  }

  [Symbol.asyncIterator] () {
    return this
  }

  async [Symbol.asyncDispose ?? Symbol.for('nodejs.asyncDispose')] () {
    await this.return()
  }
}

module.exports = { StatementIterator }
