'use strict'

const { Job, OP, Port } = require('./port')

// What surely reads and means the same on any connection to the file.
const READS = /^\s*(select|with|values)\b/i

/** Connections that only read, each on a thread of its own, for reads outside of transactions. */
class Readers {
  #environment
  #open
  #count
  #ports = []
  #next = 0
  // Settings that hold on every connection.
  #settings = []

  /** `open`: what a Port takes, of a connection that may write. */
  constructor (environment, open, count) {
    const [file, , , ...rest] = open
    this.#environment = environment
    this.#open = [file, true, true, ...rest]
    this.#count = count
  }

  /** A pragma that was set on the connection that writes. */
  set (sql) {
    this.#settings.push(sql)
    for (const reader of this.#ports) apply(reader.port, sql)
  }

  /** The reader with the least to do, and the statement there. */
  take (entry) {
    let best = null
    for (let i = 0; i < this.#count; ++i) {
      const reader = this.#ports[(this.#next + i) % this.#count] ?? this.#add()
      if (best === null || reader.port.size < best.port.size) best = reader
    }
    this.#next = (this.#next + 1) % this.#count
    return { port: best.port, entry: best.statement(entry) }
  }

  #add () {
    const reader = new Reader(new Port(this.#environment, this.#open))
    this.#ports.push(reader)
    for (const sql of this.#settings) apply(reader.port, sql)
    return reader
  }

  forget (number) {
    for (const reader of this.#ports) reader.forget(number)
  }

  get ports () {
    return this.#ports.map(({ port }) => port)
  }
}

class Reader {
  #statements = new Map()

  constructor (port) {
    this.port = port
    // Each call that it fails reports it.
    port.opened.promise.catch(() => {})
  }

  statement (entry) {
    const known = this.#statements.get(entry.number)
    if (known !== undefined) return known
    const here = entry.elsewhere()
    this.#statements.set(entry.number, here)
    const job = new Job()
    job.promise.catch(() => {})
    this.port.post(job, OP.PREPARE, entry.number, 0, 0, [entry.sql])
    return here
  }

  forget (number) {
    if (this.#statements.delete(number)) this.port.tell(OP.DROP, number)
  }
}

function apply (port, sql) {
  const job = new Job()
  job.promise.catch(() => {})
  port.post(job, OP.EXEC, 0, 0, 0, [sql])
}

/** The option of that name: how many readers. */
function readReaders (options, { anonymous }) {
  const count = options?.readers ?? 0
  if (!Number.isInteger(count) || count < 0 || count > 64) {
    throw new TypeError('Expected the "readers" option to be an integer between 0 and 64')
  }
  if (count !== 0 && anonymous) throw new TypeError('In-memory/temporary databases cannot have readers')
  return count
}

module.exports = { READS, Readers, readReaders }
