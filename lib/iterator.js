'use strict'

const { addMethods } = require('./caller')
const { KEY, requireOurs } = require('./key')
const { HEADER } = require('./layout')

const { ROWS, DONE, EXTRAS, DEPTH } = HEADER

// Rows that an iterator reads ahead: it starts with one and doubles.
const MAX_AHEAD = 128

/**
 * The class of iterators of one addon, whose functions are constants in it.
 * @param {import('./engine').Environment} environment
 */
function createIteratorClass ({ natives, block }) {
  const { statementNext, statementReturn } = natives

  let isIterator

  class StatementIterator {
    static {
      isIterator = (value) => typeof value === 'object' && value !== null && #entry in value
    }

    #entry
    #mode
    #nativeMode
    #rows = null
    #at = 0
    #length = 0
    #ahead = 1
    // 0: more rows may come, 1: what is buffered is the rest, 2: closed
    #state = 0

    constructor (key, statement, entry, mode, nativeMode) {
      if (key !== KEY) throw new TypeError('Disabled constructor')
      Object.defineProperty(this, 'statement', { value: statement, enumerable: true })
      this.#entry = entry
      this.#mode = mode
      this.#nativeMode = nativeMode
    }

    next () {
      requireOurs(isIterator(this))
      // Inside a callback of SQLite this connection may be the one that is executing.
      if (block.header[DEPTH] === 0 && this.#at < this.#length) {
        return { value: this.#rows[this.#at++], done: false }
      }
      return this.#fetch()
    }

    #fetch () {
      const { handle } = this.#entry
      if (block.header[DEPTH] !== 0) natives.statementRequireNotBusy.call(handle)
      if (this.#at < this.#length) return { value: this.#rows[this.#at++], done: false }
      if (this.#state !== 0) return this.return()
      let text
      try {
        text = statementNext.call(handle, this.#ahead, this.#nativeMode)
      } catch (error) {
        this.#drop()
        throw error
      }
      const rows = []
      if (block.header[DONE] === 1) this.#state = 1
      if (block.header[ROWS] === 0) return this.return()
      this.#entry.decoder(this.#mode).many(block, text ?? '', block.header[ROWS], rows)
      if (block.header[EXTRAS] !== 0) block.extras.length = 0
      if (this.#ahead < MAX_AHEAD) this.#ahead *= 2
      this.#rows = rows
      this.#length = rows.length
      this.#at = 1
      return { value: rows[0], done: false }
    }

    return () {
      requireOurs(isIterator(this))
      const { handle } = this.#entry
      if (block.header[DEPTH] !== 0) natives.statementRequireNotBusy.call(handle)
      if (this.#state !== 2) {
        // It is closed even if the commit that this may be fails.
        this.#drop()
        statementReturn.call(handle)
      }
      return { value: undefined, done: true }
    }

    #drop () {
      this.#state = 2
      this.#rows = null
      this.#at = this.#length = 0
    }

    [Symbol.iterator] () {
      return this
    }
  }

  addMethods('iterator.js', StatementIterator.prototype)
  return StatementIterator
}

module.exports = { createIteratorClass }
