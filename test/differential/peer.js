'use strict'

const { fork } = require('node:child_process')
const path = require('node:path')

const WORKER = path.join(__dirname, 'worker.js')
const LIMIT = 60_000
const KEPT_STDERR = 2000

// One package in a process of its own, started again when a program ends it.
class Peer {
  #name
  #module
  #node
  #args
  #child = null
  #asked = 0

  constructor (name, module, { node = process.execPath, args = [] } = {}) {
    this.#name = name
    this.#module = module
    this.#node = node
    this.#args = args
  }

  #start () {
    const env = { ...process.env }
    // The test runner's own channel must not be spoken to by a program.
    delete env.NODE_TEST_CONTEXT
    delete env.NODE_OPTIONS
    const child = fork(WORKER, [this.#module, ...this.#args], {
      env,
      execPath: this.#node,
      execArgv: ['--expose-gc', '--no-warnings'],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc']
    })
    this.#child = child
    child.stderrText = ''
    child.stderr.on('data', (data) => { child.stderrText = (child.stderrText + data).slice(-KEPT_STDERR) })
    return new Promise((resolve, reject) => {
      child.once('message', ({ ready }) => resolve(ready))
      child.once('exit', () => reject(new Error(`${this.#name} does not start:\n${child.stderrText}`)))
    })
  }

  // The engine's version.
  async version () {
    this.close()
    return this.#start()
  }

  // { trace } or { ended: how }.
  async run (program) {
    if (this.#child === null) await this.#start()
    const child = this.#child
    const id = ++this.#asked
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => child.kill('SIGKILL'), LIMIT)
      const done = (settle, value) => {
        clearTimeout(timer)
        child.removeAllListeners('message')
        child.removeAllListeners('exit')
        settle(value)
      }
      child.on('message', (message) => {
        if (message.id !== id) return
        if (message.broken) done(reject, new Error(`${this.#name}: ${message.broken}`))
        else done(resolve, { trace: message.trace })
      })
      child.on('exit', (code, signal) => {
        this.#child = null
        done(resolve, { ended: signal ?? `exit code ${code}`, stderr: child.stderrText })
      })
      child.send({ id, program })
    })
  }

  close () {
    if (this.#child === null) return
    this.#child.removeAllListeners('exit')
    this.#child.disconnect()
    this.#child.stderr.destroy()
    this.#child = null
  }
}

module.exports = { Peer }
