'use strict'

/** Records the changes of a connection. */
class Session {
  #natives
  #handle

  /**
   * @param {import('./engine').Natives} natives
   * @param {import('./engine').SessionHandle} handle
   */
  constructor (natives, handle) {
    this.#natives = natives
    this.#handle = handle
  }

  changeset () {
    return this.#natives.sessionChangeset.call(this.#handle, false)
  }

  patchset () {
    return this.#natives.sessionChangeset.call(this.#handle, true)
  }

  close () {
    this.#natives.sessionClose.call(this.#handle)
  }

  [Symbol.dispose ?? Symbol.for('nodejs.dispose')] () {
    this.close()
  }
}

module.exports = { Session }
