'use strict'

// A primary, read replicas of it, and processes of clients.

const { fork } = require('node:child_process')
const { once } = require('node:events')
const fs = require('node:fs')
const net = require('node:net')
const os = require('node:os')
const path = require('node:path')
const { setTimeout: sleep } = require('node:timers/promises')
const { connect } = require('../../promise')

const FILL = `
  CREATE TABLE item (id INTEGER PRIMARY KEY, text TEXT, real REAL);
  CREATE TABLE log (id INTEGER PRIMARY KEY, text TEXT);
  WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
  INSERT INTO item SELECT i, 'text of row ' || i, i + 0.5 FROM n`

const FOLLOW_LIMIT = 30_000

/** Servers on loopback; close() ends them, and every client. */
class Cluster {
  #undo = []
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'ferrolite-scale-'))
  primary
  replicas = []

  async start (count) {
    this.primary = await this.#server({})
    const db = await connect(this.primary.url)
    await db.exec(FILL)
    await db.close()
    for (let i = 0; i < count; i++) this.replicas.push(await this.follower(this.primary.grpcUrl))
  }

  async #server (options) {
    const { startSqld } = require('../../test/servers/sqld')
    const dir = fs.mkdtempSync(path.join(this.dir, 'server-'))
    return startSqld({ after: fn => this.#undo.unshift(fn) }, { ...options, dir })
  }

  /** A read replica, once it has all rows. Before its first request it has nothing. */
  async follower (primary) {
    const server = await this.#server({ primary })
    const db = await connect(server.url)
    const deadline = Date.now() + FOLLOW_LIMIT
    while (!await hasAll(db)) {
      if (Date.now() > deadline) throw new Error(`A read replica does not follow:\n${server.log()}`)
      await sleep(20)
    }
    await db.close()
    return server
  }

  /** A process with an embedded replica in a file of that name, or with a remote connection. */
  async client (url, name, period) {
    const args = [url, ...(name ? [path.join(this.dir, `${name}.db`), period] : [])]
    const child = fork(path.join(__dirname, 'client.js'), args.map(String))
    this.#undo.unshift(() => leave(child))
    const client = { ask: (what, value) => ask(child, what, value), leave: () => leave(child) }
    await answer(child)
    await client.ask('ready')
    return client
  }

  /** A proxy in front of a port, which counts bytes. */
  async meter (port) {
    const meter = new Meter(port)
    await meter.open()
    this.#undo.unshift(() => meter.close())
    return meter
  }

  async close () {
    for (const fn of this.#undo) await fn()
    fs.rmSync(this.dir, { recursive: true, force: true, maxRetries: 5 })
  }
}

async function hasAll (db) {
  try {
    const { n } = await db.get('SELECT count(*) AS n FROM item')
    return n === 10_000
  } catch (error) {
    if (error.code !== 'SQLITE_ERROR') throw error
    return false
  }
}

async function answer (child) {
  const ended = new AbortController()
  const exit = once(child, 'exit', { signal: ended.signal }).then(([code, signal]) => {
    throw new Error(`A client ended with ${signal ?? `code ${code}`}`)
  })
  exit.catch(() => {})
  try {
    const [{ result, error }] = await Promise.race([once(child, 'message'), exit])
    if (error) throw new Error(error)
    return result
  } finally {
    ended.abort()
  }
}

function ask (child, what, value) {
  child.send({ what, with: value })
  return answer(child)
}

async function leave (child) {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  if (child.connected) child.disconnect()
  await ended
}

class Meter {
  #port
  #sockets = new Set()
  #server = net.createServer(socket => this.#forward(socket))
  up = 0
  down = 0

  constructor (port) {
    this.#port = port
  }

  get url () { return `http://127.0.0.1:${this.#server.address().port}` }

  async open () {
    await once(this.#server.listen(0, '127.0.0.1'), 'listening')
  }

  #forward (client) {
    const server = net.connect(this.#port, '127.0.0.1')
    for (const socket of [client, server]) {
      this.#sockets.add(socket)
      socket.setNoDelay(true)
      socket.on('error', () => {})
      socket.on('close', () => {
        this.#sockets.delete(socket)
        client.destroy()
        server.destroy()
      })
    }
    client.on('data', data => { this.up += data.length })
    server.on('data', data => { this.down += data.length })
    client.pipe(server)
    server.pipe(client)
  }

  /** Bytes to the server and from it since the last call. */
  take () {
    const { up, down } = this
    this.up = this.down = 0
    return { up, down }
  }

  async close () {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise(resolve => this.#server.close(resolve))
  }
}

module.exports = { Cluster }
