'use strict'

// Starts libSQL servers (sqld) on loopback, and stops them whatever becomes of the test.

const { spawn } = require('node:child_process')
const { once } = require('node:events')
const fs = require('node:fs')
const net = require('node:net')
const path = require('node:path')
const { after, before } = require('node:test')
const { sqld, unavailable } = require('../../scripts/sqld')
const { cleanup, ours, tempDir } = require('../support')

const START_LIMIT = 30_000
const STOP_LIMIT = 5_000
const POLL = 5
const POLL_LIMIT = 1_000
const PAUSED_LIMIT = 100
// Another process can take a free port before the server does.
const PORT_ATTEMPTS = 3
const PORT_TAKEN = /address (already )?in use/i

/**
 * A server of its own for one test, on a fresh folder and free ports. Options:
 * `dir`, `primary` (the `grpcUrl` of another server, whose replica this one is then), `namespaces`,
 * `jwtKey` (what makeJwtKey() gives as `publicKey`), `env`, `flags`.
 */
async function startSqld (t, options = {}) {
  const server = new Sqld(await sqld(), { ...options, dir: options.dir ?? tempDir(t) })
  cleanup(t, () => server.kill())
  return await server.start()
}

/**
 * One server with namespaces for a whole test file. `namespace(t)` gives the name of an empty
 * database, which namespaceHeaders() chooses. A server of its own starts about as fast.
 */
function sharedSqld (options = {}) {
  const undo = []
  const file = { after: (fn) => undo.push(fn) }
  const shared = {
    server: null,
    async namespace (t) {
      const { server } = shared
      const name = `test-${shared.count++}`
      await server.createNamespace(name)
      cleanup(t, () => server.deleteNamespace(name))
      return name
    },
    count: 0
  }
  before(async () => {
    if (unavailable() !== null) return
    shared.server = await startSqld(file, { ...options, namespaces: true })
  })
  after(async () => {
    for (const fn of undo) await fn()
  })
  return shared
}

// This version of sqld does not know x-namespace; without it, the first label of the host counts.
function namespaceHeaders (name) {
  return { 'x-namespace-bin': Buffer.from(name).toString('base64').replace(/=+$/, '') }
}

class Sqld {
  #file
  #options
  #process = null
  #exit = null
  #log = ''
  #ports = null

  constructor (file, options) {
    this.#file = file
    this.#options = options
  }

  get dir () { return this.#options.dir }
  get pid () { return this.#process?.pid ?? null }
  get httpPort () { return this.#ports.http }
  get grpcUrl () { return `http://127.0.0.1:${this.#ports.grpc}` }
  get adminUrl () {
    return this.#options.namespaces ? `http://127.0.0.1:${this.#ports.admin}` : null
  }

  // With namespaces, the server takes the first label of the host for one: 127 of 127.0.0.1.
  get url () {
    const host = this.#options.namespaces ? 'localhost' : '127.0.0.1'
    return `http://${host}:${this.#ports.http}`
  }

  get #health () { return `http://127.0.0.1:${this.#ports.http}/health` }

  /** All that the server has written since the first start. */
  log () { return this.#log }

  async start () {
    const fixed = this.#ports !== null
    for (let attempt = 1; ; attempt++) {
      if (!fixed) this.#ports = await freePorts('http', 'grpc', 'admin')
      const begun = this.#log.length
      try {
        this.#spawn()
        await this.#answers()
        return this
      } catch (error) {
        await this.kill()
        const retry = !fixed && attempt < PORT_ATTEMPTS && PORT_TAKEN.test(this.#log.slice(begun))
        if (!retry) throw new Error(`${error.message}. Its log:\n${this.#log}`, { cause: error })
      }
    }
  }

  #spawn () {
    const { dir, env, flags = [] } = this.#options
    // Only what is given: a SQLD_* variable of the machine would change the server.
    const options = { cwd: dir, env: { HOME: dir, ...env }, stdio: ['ignore', 'pipe', 'pipe'] }
    const child = spawn(this.#file, [...this.#arguments(), ...flags], options)
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => { this.#log += text })
    }
    child.on('error', (error) => { this.#log += `${error.message}\n` })
    this.#process = child
    this.#exit = new Promise((resolve) => child.once('close', (code, signal) => {
      if (this.#process === child) this.#process = null
      resolve({ code, signal })
    }))
    if (child.pid !== undefined) guard(child)
  }

  #arguments () {
    const { dir, primary, namespaces, jwtKey } = this.#options
    const { http, grpc, admin } = this.#ports
    const args = ['--no-welcome', '--db-path', path.join(dir, 'data')]
    args.push('--http-listen-addr', `127.0.0.1:${http}`)
    if (primary) args.push('--primary-grpc-url', primary)
    else args.push('--grpc-listen-addr', `127.0.0.1:${grpc}`)
    if (namespaces) args.push('--enable-namespaces', '--admin-listen-addr', `127.0.0.1:${admin}`)
    if (jwtKey) {
      const file = path.join(dir, 'jwt.key')
      fs.writeFileSync(file, jwtKey)
      args.push('--auth-jwt-key-file', file)
    }
    return args
  }

  async #answers () {
    const deadline = Date.now() + START_LIMIT
    while (this.#process !== null && Date.now() < deadline) {
      if (await isOk(this.#health, POLL_LIMIT)) return
      await new Promise((resolve) => setTimeout(resolve, POLL))
    }
    const ended = this.#process === null
    throw new Error(ended ? 'sqld ended' : `sqld did not answer within ${START_LIMIT} ms`)
  }

  /** Asks it to end, as an administrator would, and waits until it has. */
  async stop () {
    if (this.#process === null) return null
    this.resume()
    const begun = performance.now()
    // A signal that comes while it is starting may be lost, although it answers already.
    const ask = () => {
      const late = performance.now() - begun > STOP_LIMIT
      this.#process?.kill(late ? 'SIGKILL' : 'SIGTERM')
    }
    ask()
    const timer = setInterval(ask, STOP_LIMIT / 10)
    return await this.#exit.finally(() => clearInterval(timer))
  }

  /** As a crash: SIGKILL. */
  async kill () {
    if (this.#process === null) return null
    this.#process.kill('SIGKILL')
    return await this.#exit
  }

  /** The same folder and ports again. */
  async restart () {
    await this.stop()
    return await this.start()
  }

  /** From now on connections are accepted, by the system, and nothing is said: SIGSTOP. */
  async pause () {
    this.#process.kill('SIGSTOP')
    // Its threads stop one after the other.
    while (await isOk(this.#health, PAUSED_LIMIT));
  }

  resume () { this.#process.kill('SIGCONT') }

  async createNamespace (name) {
    await this.#admin('POST', `/v1/namespaces/${name}/create`, {})
  }

  async deleteNamespace (name) {
    if (this.#process !== null) await this.#admin('DELETE', `/v1/namespaces/${name}`)
  }

  async #admin (method, where, body) {
    const headers = { 'content-type': 'application/json' }
    const request = { method, headers, body: body && JSON.stringify(body) }
    const response = await fetch(this.adminUrl + where, request)
    const text = await response.text()
    if (!response.ok) throw new Error(`${method} ${where}: ${response.status} ${text}`)
  }
}

/** Its input ends when this process does, however that happens; then it kills the server. */
function guard (child) {
  const script = 'read -r line || kill -9 "$0"'
  const sh = spawn('/bin/sh', ['-c', script, child.pid], { stdio: ['pipe', 'ignore', 'ignore'] })
  sh.on('error', () => {})
  sh.stdin.on('error', () => {})
  // A server that has ended gave its number back, so that nothing may be killed by it any more.
  child.once('exit', () => sh.stdin.end('done\n'))
  sh.unref()
  sh.stdin.unref()
}

async function isOk (url, limit) {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(limit) })
    await response.arrayBuffer()
    return response.ok
  } catch {
    return false
  }
}

async function freePorts (...names) {
  const servers = names.map(() => net.createServer().listen(0, '127.0.0.1'))
  await Promise.all(servers.map((server) => once(server, 'listening')))
  const ports = servers.map((server) => server.address().port)
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return Object.fromEntries(names.map((name, i) => [name, ports[i]]))
}

/**
 * A test with a server, which may take `timeout` ms. Where there can be a server, its absence fails
 * the test; elsewhere it says why it does not run.
 */
function served (name, fn, timeout = 120_000) {
  ours(name, { skip: unavailable() ?? false, timeout }, fn)
}

module.exports = {
  freePorts, guard, namespaceHeaders, served, sharedSqld, startSqld, unavailable
}
