'use strict'

const { LOG, NEED, OP } = require('../../protocol')
const { Port, openLocal, openRemote } = require('../../worker/port')

const lazy = { get listeners () { return require('../../listeners') } }

/** One worker, which everything goes to: that of a file, or of a server. */
class SingleRoute {
  #connection
  #listeners = null

  constructor (connection, port, isOfServer) {
    this.#connection = connection
    this.port = port
    // What a server is sent shows here; the worker of a file shows it once it runs.
    this.logsStatements = this.logsScripts = isOfServer
    // Whether a batch is one job, and not a transaction of its statements.
    this.batches = isOfServer
    const { options } = connection
    port.onLog = options.verbose
    port.opened.database = options.name
    // The first use reports it.
    port.opened.promise.catch(() => {})
  }

  /** Settles once opening has come to an end. */
  get opened () {
    return this.port.opened.promise
  }

  get inTransaction () {
    return this.port.inTransaction
  }

  start (scope, job) {
    this.#connection.post(this.port, job)
  }

  send (job) {
    return this.#connection.post(this.port, job)
  }

  compile (number, sql, flags, options) {
    const send = (job) => this.send(job)
    return this.#connection.compiler.compileBy(send, number, sql, flags, options)
  }

  compileAlong (entry, options) {
    const { number, sql, reader, readonly } = entry
    if (this.port.ended) return null
    // Its worker takes that for what it is until the server has described it.
    const described = [sql, Number(reader), Number(readonly)]
    if (this.batches) this.port.notify(OP.INTRODUCE, number, 0, described)
    const send = (job) => this.send(job)
    return this.#connection.compiler.postPreparation(send, number, sql, 0, options, entry)
  }

  keeps () {
    return true
  }

  forget (number) {
    this.port.notify(OP.DROP, number)
  }

  needOf () {
    return NEED.NOTHING
  }

  needOfScript () {
    return NEED.NOTHING
  }

  keepPrivate () {}

  async rest () {}

  leave () {
    return []
  }

  useKey () {}

  held () {
    return []
  }

  ports () {
    return [this.port]
  }

  /** @returns {Promise<{ error: unknown } | undefined>} */
  async beforeClose () { return undefined }

  listeners (method, event) {
    const { port } = this
    const connection = this.#connection
    connection.requireCapability(`${method}('${event === 'build' ? event : 'update'}')`)
    const ask = (op, listener) => {
      connection.ask(op, 0, [], null, { extra: listener === null ? 0 : 1 }).catch(() => {})
    }
    this.#listeners ??= new lazy.listeners.FileListeners(() => connection.int64, {
      update: (listener) => {
        port.onChange = listener
        ask(OP.WATCH, listener)
      },
      build: (listener) => {
        port.onWork = listener
        ask(OP.WATCH_WORK, listener)
      }
    })
    return this.#listeners
  }
}

/**
 * A file, by the arguments of `openArgs()`.
 * @param {import('../../engine').Environment} environment
 * @param {import('../../engine').WorkerFile} args
 */
function fileRoute (connection, environment, args) {
  return new SingleRoute(connection, new Port(environment, openLocal(args)), false)
}

/** @param {import('../../engine').Environment} environment */
function serverRoute (connection, environment) {
  const port = new Port(environment, openRemote(connection.options.remote))
  port.role = 'primary'
  port.isOfServer = true
  return new SingleRoute(connection, port, true)
}

/**
 * What the addon opens a file with.
 * @returns {import('../../engine').WorkerFile}
 */
function openArgs (options, key, role) {
  const { file, readonly, fileMustExist, timeout, vfs, uri, buffer, quotedStrings } = options
  const log = shownOf(options)
  return [file, readonly, fileMustExist, timeout, vfs, uri, buffer, log, role, key, quotedStrings]
}

/** What the `verbose` logger is to see of statements. */
function shownOf ({ hideParameters, verbose }) {
  if (verbose == null) return LOG.NOTHING
  return hideParameters ? LOG.WITHOUT_VALUES : LOG.WITH_VALUES
}

module.exports = { SingleRoute, fileRoute, openArgs, serverRoute, shownOf }
