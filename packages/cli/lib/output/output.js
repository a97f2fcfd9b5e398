'use strict'

// Where rows and messages go: the terminal, a file or a command.

const { spawn } = require('node:child_process')
const { once } = require('node:events')
const fs = require('node:fs')
const { finished } = require('node:stream/promises')
const { CliError } = require('../errors')

const FLUSH = 64 * 1024

class Output {
  #stdout
  #stream
  #ended = null
  #parts = []
  #size = 0
  #closed = false
  name = 'stdout'

  constructor (stdout) {
    this.#stdout = stdout
    this.#stream = stdout
    // The other end of a pipe may end first: `ferrolite app.db .dump | head`.
    stdout.on('error', (error) => {
      if (error.code !== 'EPIPE') throw error
      this.#closed = true
    })
  }

  get isTerminal () { return this.#stream === this.#stdout && Boolean(this.#stdout.isTTY) }
  get isClosed () { return this.#closed }
  /** Whether nobody reads any more what is written. */
  get isGone () { return this.#closed || this.#stream.destroyed }

  /** Writes for the user at once, whatever the output is. */
  note (text) {
    if (!this.#closed) this.#stdout.write(text)
  }

  /** Keeps text until flush(). */
  write = (text) => {
    this.#parts.push(text)
    this.#size += text.length
  }

  /** Whether enough is kept to be written. */
  get isFull () { return this.#size > FLUSH }

  /** Writes what is kept, and waits until the stream takes more. */
  async flush () {
    if (this.#size === 0) return
    const text = this.#parts.join('')
    this.#parts = []
    this.#size = 0
    if (this.#closed) return
    const stream = this.#stream
    if (stream.write(text)) return
    await room(stream)
  }

  /** Sends output to a file, or to a command that begins with `|`; back to the start if null. */
  async redirect (target) {
    await this.flush()
    await this.#end()
    this.name = target ?? 'stdout'
    if (target === null) return
    try {
      this.#stream = target.startsWith('|') ? this.#pipe(target.slice(1)) : this.#file(target)
    } catch (error) {
      await this.redirect(null)
      throw error
    }
  }

  #file (target) {
    try {
      const stream = fs.createWriteStream(target, { fd: fs.openSync(target, 'w') })
      stream.on('error', () => {})
      return stream
    } catch (error) {
      throw new CliError(`cannot open "${target}": ${reason(error)}`)
    }
  }

  #pipe (command) {
    const child = spawn(command, { shell: true, stdio: ['pipe', 'inherit', 'inherit'] })
    child.stdin.on('error', () => {})
    // It may end before all is written.
    this.#ended = once(child, 'close').catch(() => {})
    return child.stdin
  }

  async #end () {
    const stream = this.#stream
    const ended = this.#ended
    this.#stream = this.#stdout
    this.#ended = null
    if (stream === this.#stdout) return
    stream.end()
    if (ended !== null) return await ended
    await finished(stream).catch((error) => {
      throw new CliError(`cannot write "${this.name}": ${reason(error)}`)
    })
  }
}

// Until a stream takes more, or never will.
function room (stream) {
  const events = ['drain', 'close', 'error']
  return new Promise((resolve) => {
    const done = () => {
      for (const event of events) stream.off(event, done)
      resolve()
    }
    for (const event of events) stream.on(event, done)
    if (stream.destroyed) done()
  })
}

function reason (error) {
  return error.message.replace(/^[A-Z]+: /, '').replace(/, \w+( '.*')?$/, '')
}

module.exports = { Output, reason }
