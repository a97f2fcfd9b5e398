'use strict'

// The shell at a terminal: it asks for lines, and runs them one after the other.

const readline = require('node:readline')
const { Splitter } = require('../sql/splitter')
const { completer } = require('./complete')
const { History } = require('./history')
const { highlight } = require('./highlight')

/** Reads and runs until the user ends it; returns the exit code. */
async function interactive (session, { stdin, stdout }) {
  const history = new History()
  const complete = completer(session)
  session.onSchema = complete.forget
  const rl = readline.createInterface({
    input: stdin,
    output: stdout,
    completer: complete.lines,
    history: history.lines,
    historySize: history.size,
    removeHistoryDuplicates: true,
    terminal: true
  })
  // Another program reads the keys, then.
  session.withTerminal = async (run) => {
    rl.pause()
    stdin.setRawMode?.(false)
    try {
      return await run()
    } finally {
      stdin.setRawMode?.(true)
      rl.resume()
    }
  }
  const terminal = new Terminal(session, rl, history)
  complete.buffer = () => terminal.buffer
  if (!process.env.NO_COLOR) highlight(rl, stdin, stdout, () => terminal.buffer)
  stdout.write(greeting(session))
  return await terminal.run()
}

function greeting (session) {
  const kinds = { server: 'the server at ', replica: 'the replica ', store: 'the store\'s database ', file: '' }
  const place = session.target.kind === 'memory'
    ? 'a database in memory. Use ".open FILENAME" for one that lasts'
    : `${kinds[session.target.kind]}${session.name}`
  return `ferrolite ${require('ferrolite/package.json').version}: connected to ${place}.\nEnter ".help" for usage hints.\n`
}

class Terminal {
  #session
  #rl
  #history
  #splitter = new Splitter()
  #lines = []
  #queue = []
  #wake = null
  #isClosed = false
  #isRunning = false

  constructor (session, rl, history) {
    this.#session = session
    this.#rl = rl
    this.#history = history
    rl.on('line', (line) => this.#push(line))
    rl.on('SIGINT', () => this.#interrupt())
    rl.on('close', () => this.#push(null))
    rl.on('history', (lines) => history.keep(lines))
  }

  /** What was typed of a statement that has not ended. */
  get buffer () { return this.#lines.join('\n') }

  async run () {
    const session = this.#session
    this.#prompt()
    for (;;) {
      const line = await this.#next()
      if (line === null || session.isOver) break
      await this.#line(line)
      if (session.exitCode !== null || session.output.isClosed) break
      this.#prompt()
    }
    this.#isClosed = true
    this.#rl.close()
    this.#history.save()
    return session.exitCode ?? 0
  }

  #push (line) {
    this.#queue.push(line)
    this.#wake?.()
  }

  async #next () {
    if (this.#queue.length === 0) await new Promise((resolve) => { this.#wake = resolve })
    this.#wake = null
    return this.#queue.shift()
  }

  #prompt () {
    if (this.#isClosed || this.#queue.length > 0) return
    const [main, more] = this.#session.settings.prompts
    const isOpen = this.#session.target?.db.inTransaction
    this.#rl.setPrompt(this.#lines.length > 0 ? more : isOpen ? main.replace(/> $/, '*> ') : main)
    this.#rl.prompt()
  }

  async #line (line) {
    const session = this.#session
    if (this.#lines.length === 0 && /^\s*\./.test(line)) {
      return await this.#running(() => session.dot(line.trim()))
    }
    if (this.#lines.length === 0 && /^\s*(exit|quit)\s*;?\s*$/i.test(line)) {
      session.exitCode = 0
      return
    }
    if (this.#lines.length === 0 && /^\s*help\s*;?\s*$/i.test(line)) return await this.#running(() => session.dot('.help'))
    this.#lines.push(line)
    const ended = this.#splitter.push(`${line}\n`)
    if (this.#splitter.isEmpty && this.#splitter.open === null) {
      if (this.#lines.length > 1) this.#history.join(this.#rl, this.#lines)
      this.#lines = []
    }
    for (const { sql } of ended) {
      if (!await this.#running(() => session.execute(sql))) return this.#drop()
    }
  }

  async #running (run) {
    this.#isRunning = true
    try {
      return await run()
    } finally {
      this.#isRunning = false
    }
  }

  // The rest of a paste belongs to what was stopped.
  #drop () {
    if (!this.#wasInterrupted) return
    this.#wasInterrupted = false
    this.#queue = this.#queue.filter((line) => line === null)
  }

  #wasInterrupted = false

  #interrupt () {
    if (this.#isRunning) {
      this.#wasInterrupted = this.#session.interrupt()
      return
    }
    const hadText = this.#lines.length > 0 || this.#rl.line !== ''
    this.#lines = []
    this.#splitter.end()
    this.#rl.output.write(hadText ? '^C\n' : '^C\nCtrl-D or .quit ends the shell.\n')
    // Clears the line.
    this.#rl.write(null, { ctrl: true, name: 'e' })
    this.#rl.write(null, { ctrl: true, name: 'u' })
    this.#prompt()
  }
}

module.exports = { interactive }
