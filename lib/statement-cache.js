'use strict'

// How many statements are kept for a prepare() of the same SQL: up to twice as many, because two
// generations find the recently used ones without ordering them at every use. Longer texts are
// rarely used twice.
const MAX_CACHED = 128
const MAX_CACHED_LENGTH = 8192

/** Compiled statements by their SQL. */
class StatementCache {
  #young = new Map()
  #old = new Map()

  get (sql) {
    return this.#young.get(sql) ?? this.#promote(sql)
  }

  #promote (sql) {
    const entry = this.#old.get(sql)
    if (entry !== undefined) this.set(sql, entry)
    return entry
  }

  set (sql, entry) {
    if (this.#young.size >= MAX_CACHED) {
      this.#old = this.#young
      this.#young = new Map()
    }
    this.#young.set(sql, entry)
    entry.cache = this
  }

  /** Removes an entry, which is not shared from now on. */
  remove (sql, entry) {
    if (this.#young.get(sql) === entry) this.#young.delete(sql)
    if (this.#old.get(sql) === entry) this.#old.delete(sql)
    entry.cache = null
  }

  get size () {
    return new Set([...this.#young.keys(), ...this.#old.keys()]).size
  }

  clear () {
    this.#young.clear()
    this.#old.clear()
  }
}

module.exports = { MAX_CACHED, MAX_CACHED_LENGTH, StatementCache }
