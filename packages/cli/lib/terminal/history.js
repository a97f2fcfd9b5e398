'use strict'

const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')

const SIZE = 2000
// What may hold a key or a token stays out of the file.
const SECRET = /\bkey\b|\btoken\b|\.rekey|authToken|password|secret/i

/** The lines that were typed, the newest first, in ~/.ferrolite_history or FERROLITE_HISTORY. */
class History {
  size = SIZE
  #file = process.env.FERROLITE_HISTORY ?? path.join(os.homedir(), '.ferrolite_history')
  #kept = null

  get lines () {
    if (this.#file === '') return []
    try {
      return fs.readFileSync(this.#file, 'utf8').split('\n').filter(Boolean).reverse().slice(0, SIZE)
    } catch {
      return []
    }
  }

  keep (lines) {
    this.#kept = lines
  }

  /** Puts one line in the place of the lines of a statement, so that it comes back whole. */
  join (rl, lines) {
    const kept = this.#kept
    if (kept === null || lines.some((line) => line.includes('--'))) return
    const typed = lines.filter((line) => line.trim() !== '').reverse()
    if (typed.some((line, i) => kept[i] !== line)) return
    kept.splice(0, typed.length, typed.reverse().map((line) => line.trim()).join(' '))
  }

  save () {
    if (this.#file === '' || this.#kept === null) return
    const lines = this.#kept.filter((line) => !SECRET.test(line)).slice(0, SIZE).reverse()
    try {
      fs.writeFileSync(this.#file, lines.map((line) => `${line}\n`).join(''), { mode: 0o600 })
    } catch {
      // A shell without a home folder works all the same.
    }
  }
}

module.exports = { History }
