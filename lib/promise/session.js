'use strict'

const { OP } = require('../protocol')

const bytes = ([[value]]) => value

/** Records the changes of a connection. */
class Session {
  #connection
  #number

  constructor (connection, number) {
    this.#connection = connection
    this.#number = number
  }

  async changeset () {
    return this.#connection.ask(OP.CHANGESET, this.#number, [], bytes)
  }

  async patchset () {
    return this.#connection.ask(OP.CHANGESET, this.#number, [], bytes, { extra: 1 })
  }

  async close () {
    await this.#connection.ask(OP.SESSION_CLOSE, this.#number, [])
  }

  async [Symbol.asyncDispose ?? Symbol.for('nodejs.asyncDispose')] () {
    await this.close()
  }
}

module.exports = { Session }
