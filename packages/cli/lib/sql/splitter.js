'use strict'

// Finds the ends of statements in text that comes line by line. The states are those of SQLite's
// sqlite3_complete(): a semicolon inside a trigger does not end it.

const SEMICOLON = 0
const [OTHER, EXPLAIN, CREATE, TEMP, TRIGGER, END] = [1, 2, 3, 4, 5, 6]
const WORDS = {
  EXPLAIN, CREATE, TEMP, TEMPORARY: TEMP, TRIGGER, END
}

const START = 0
// By state: the next one for each of the kinds above.
const NEXT = [
  /* 0 start   */ [0, 1, 2, 3, 1, 1, 1],
  /* 1 normal  */ [0, 1, 1, 1, 1, 1, 1],
  /* 2 explain */ [0, 2, 1, 3, 1, 1, 1],
  /* 3 create  */ [0, 1, 1, 1, 3, 4, 1],
  /* 4 trigger */ [5, 4, 4, 4, 4, 4, 4],
  /* 5 ; in it */ [5, 4, 4, 4, 4, 4, 6],
  /* 6 END     */ [0, 4, 4, 4, 4, 4, 4]
]

// What ends a quoted text or a comment that has begun.
const CLOSE = { "'": /'/g, '"': /"/g, '`': /`/g, '[': /\]/g, '--': /\n/g, '/*': /\*\//g }
const TOKEN = /(\s+)|(--|\/\*|['"`[])|(;)|([A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*)|[^]/y

class Splitter {
  #parts = []
  #state = START
  #open = null
  #line = 0
  #first = 0

  /** Whether a statement has begun, a comment does not count. */
  get isEmpty () { return this.#state === START && this.#open !== '/*' }

  /** What has begun: a quote, a comment, or null. */
  get open () { return this.#open }

  /**
   * Takes text, of whole lines; returns the statements that have ended in it: `{ sql, line }`, with
   * the number of the line they begin in, from 1.
   */
  push (text) {
    const ended = []
    let from = 0
    for (let at = 0; at < text.length;) {
      if (this.#open !== null) {
        at = this.#close(text, at)
        continue
      }
      TOKEN.lastIndex = at
      const [token, space, opening, semicolon, word] = TOKEN.exec(text)
      at += token.length
      if (space !== undefined) continue
      if (opening !== undefined) this.#open = opening
      if (opening === '--' || opening === '/*') continue
      if (this.#state === START && semicolon === undefined && this.isFresh) {
        this.#first = this.#line + lines(text.slice(0, at - token.length)) + 1
        this.isFresh = false
      }
      const kind = semicolon ? SEMICOLON : (word && WORDS[word.toUpperCase()]) || OTHER
      this.#state = NEXT[this.#state][kind]
      if (this.#state !== START || kind !== SEMICOLON) continue
      const sql = this.#take(text.slice(from, at))
      from = at
      if (sql !== null) ended.push(sql)
    }
    if (from < text.length) this.#parts.push(text.slice(from))
    this.#line += lines(text)
    if (this.#state === START && this.#open === null) this.#forgetComments()
    return ended
  }

  isFresh = true

  /** Forgets what has begun; returns it, or null. */
  end () {
    const statement = this.#take('')
    this.#open = null
    this.#state = START
    return statement
  }

  #close (text, at) {
    const close = CLOSE[this.#open]
    close.lastIndex = at
    const found = close.exec(text)
    if (found === null) return text.length
    this.#open = null
    return close.lastIndex
  }

  #take (last) {
    const sql = [...this.#parts, last].join('').trim()
    this.#parts = []
    const isStatement = !this.isFresh
    this.isFresh = true
    return isStatement ? { sql, line: this.#first } : null
  }

  #forgetComments () {
    if (this.isFresh) this.#parts = []
  }
}

function lines (text) {
  let count = 0
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) count++
  return count
}

/** The statements of a text, the last one even if nothing ends it. */
function statements (text) {
  const splitter = new Splitter()
  const list = splitter.push(`${text}\n`)
  const last = splitter.end()
  return last === null ? list : [...list, last]
}

module.exports = { Splitter, statements }
