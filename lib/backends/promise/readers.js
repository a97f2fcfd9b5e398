'use strict'

const { LIMITS } = require('../../connection-options')
const { OP, ROLE } = require('../../protocol')
const { now } = require('../../timers')
const { Job } = require('../../worker/job')
const { Port, openLocal } = require('../../worker/port')
const { fileRoute, openArgs } = require('./single')

/** A worker that may write, and others for reads outside of transactions. */
class ReadersRoute {
  #connection
  #writer
  #readers
  // Something is there that others do not have: functions, an authorizer, an extension.
  #isPrivate = false

  /** @param {import('../../engine').Environment} environment */
  constructor (connection, environment, count, key) {
    const { options } = connection
    this.#connection = connection
    this.#writer = fileRoute(connection, environment, openArgs(options, key, ROLE.WRITER))
    this.#readers = new Readers(environment, count, options, key)
    this.port.onSetting = (name, sql) => this.#readers.set(name, sql)
  }

  get port () { return this.#writer.port }
  get opened () { return this.#writer.opened }
  get inTransaction () { return this.#writer.inTransaction }
  get logsStatements () { return this.#writer.logsStatements }
  get logsScripts () { return this.#writer.logsScripts }
  get batches () { return this.#writer.batches }

  start (scope, job) {
    const port = job.statement === null ? this.port : this.#portFor(job, scope)
    if (port !== this.port) {
      // A reader refuses what depends on the connection that writes, which a new view may use.
      const entry = job.entry === null ? null : job.statement
      job.fallback = () => {
        job.entry = entry
        this.send(job)
      }
    }
    this.#connection.post(port, job)
  }

  /** Where a statement runs: reads outside of transactions go to a reader. */
  #portFor (job, scope) {
    const { port } = this
    const { statement } = job
    if (scope !== this.#connection.root || !statement.isRead || this.#isPrivate ||
      !port.shareable || port.inTransaction || port.controls !== 0) return port
    const reader = this.#readers.take(statement)
    if (job.entry !== null) job.entry = reader.entry
    return reader.port
  }

  send (job) {
    return this.#writer.send(job)
  }

  compile (number, sql, flags, options) {
    return this.#writer.compile(number, sql, flags, options)
  }

  /** Where it runs is known when it is compiled. */
  compileAlong () {
    return null
  }

  keeps () {
    return this.#writer.keeps()
  }

  forget (number) {
    this.#writer.forget(number)
    this.#readers.forget(number)
  }

  needOf (entry) {
    if (entry.isRead) return 0
    entry.fileNeed ??= this.#connection.natives.sqlFileNeed(entry.sql, false)
    return entry.fileNeed
  }

  needOfScript (sql) {
    return this.#connection.natives.sqlFileNeed(sql, true)
  }

  keepPrivate () {
    this.#isPrivate = true
  }

  rest () {
    return this.#readers.rest()
  }

  leave (onlyIdle) {
    return this.#readers.leave(onlyIdle)
  }

  useKey (key) {
    this.#readers.useKey(key?.slice() ?? null)
  }

  held () {
    return this.#writer.held()
  }

  // The last one to close, which checkpoints, is the one that may write.
  ports () {
    return [...this.#readers.ports, this.port]
  }

  beforeClose () {
    return this.#writer.beforeClose()
  }

  listeners (method, event) {
    return this.#writer.listeners(method, event)
  }
}

/** Connections that only read, each on a thread of its own, for reads outside of transactions. */
class Readers {
  #environment
  #count
  #ports = []
  #next = 0
  // SQL of settings that hold on every connection, by name, in the order they were set.
  #settings = new Map()

  #options
  // Of the file, for readers to come.
  #key

  /** `options` and `key`: those of the connection that may write. */
  constructor (environment, count, options, key) {
    this.#environment = environment
    this.#count = count
    this.#options = options
    this.#key = key
  }

  /** A setting of the connection that writes. */
  set (name, sql) {
    this.#settings.delete(name)
    this.#settings.set(name, sql)
    for (const { port } of this.#ports) execute(port, sql)
  }

  /** The reader that is likely to be free first, and the statement there. */
  take (entry) {
    let best = null
    for (let i = 0; i < this.#count; ++i) {
      const reader = this.#ports[(this.#next + i) % this.#count] ?? this.#add()
      if (best === null || reader.load() < best.load()) best = reader
    }
    this.#next = (this.#next + 1) % this.#count
    return { port: best.port, entry: best.statement(entry) }
  }

  #add () {
    const { limits, verbose } = this.#options
    const options = { ...this.#options, readonly: true, fileMustExist: true }
    const open = openLocal(openArgs(options, this.#key, ROLE.READER))
    const reader = new Reader(new Port(this.#environment, open))
    this.#ports.push(reader)
    const { port } = reader
    port.role = 'reader'
    port.onLog = verbose
    for (const name of Object.keys(limits ?? {})) {
      const job = new Job(OP.LIMIT, LIMITS.indexOf(name))
      job.extra = limits[name]
      apply(port, job)
    }
    for (const sql of this.#settings.values()) execute(port, sql)
    return reader
  }

  forget (number) {
    for (const reader of this.#ports) reader.forget(number)
  }

  /** The ports of all readers, or of those that have nothing to do: they are no longer used. */
  leave (onlyIdle = false) {
    const stays = ({ port }) => onlyIdle && port.pending().length !== 0
    const leaving = this.#ports.filter((reader) => !stays(reader))
    this.#ports = this.#ports.filter(stays)
    return leaving.map(({ port }) => port)
  }

  /** Settles once what they do now has ended. */
  async rest () {
    const jobs = this.ports.flatMap((port) => port.pending())
    await Promise.allSettled(jobs.map((job) => job.promise))
  }

  /** Takes over the key of readers to come. */
  useKey (key) {
    this.#key?.fill(0)
    this.#key = key
  }

  get ports () {
    return this.#ports.map(({ port }) => port)
  }
}

class Reader {
  #statements = new Map()

  // How many jobs had ended when this was asked last, and since when that many, in ms.
  #replied = -1
  #since = 0

  constructor (port) {
    this.port = port
    // Each call that it fails reports it.
    port.opened.promise.catch(() => {})
  }

  /** What waits here, and each millisecond that nothing has ended in: a long read is in the way. */
  load () {
    const { executing, replied } = this.port
    if (executing === 0) return 0
    const time = now()
    if (replied !== this.#replied) {
      this.#replied = replied
      this.#since = time
    }
    return executing + time - this.#since
  }

  statement (entry) {
    const known = this.#statements.get(entry.number)
    if (known !== undefined) return known
    const copy = entry.copyFor(true)
    this.#statements.set(entry.number, copy)
    const job = new Job(OP.PREPARE, entry.number)
    job.values = [entry.sql]
    job.finish = (rows, columns) => copy.setColumns(columns)
    job.isPart = true
    // It may be compiled later, when there is what it reads.
    job.promise.catch(() => this.forget(entry.number))
    this.port.post(job)
    return copy
  }

  forget (number) {
    if (this.#statements.delete(number)) this.port.notify(OP.DROP, number)
  }
}

function execute (port, sql) {
  const job = new Job(OP.EXEC)
  job.values = [sql]
  apply(port, job)
}

/** Nobody waits for it, and its failure is that of what comes behind it. */
function apply (port, job) {
  job.promise.catch(() => {})
  port.post(job)
}

module.exports = { ReadersRoute }
