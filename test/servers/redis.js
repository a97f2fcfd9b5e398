'use strict'

// A Redis on loopback that keeps what it has acknowledged, and can be killed and started again.

const { spawn } = require('node:child_process')
const { once } = require('node:events')
const net = require('node:net')
const { redis, unavailable } = require('../../scripts/redis')
const { cleanup, tempDir, until } = require('../support')
const { guard } = require('./sqld')

/** Gives `port`, `kill()`, which is SIGKILL, and `start()`. */
async function startRedis (t) {
  const server = new Redis(await redis(), tempDir(t), await freePort())
  cleanup(t, () => server.kill())
  await server.start()
  return server
}

async function freePort () {
  const probe = net.createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address()
  probe.close()
  await once(probe, 'close')
  return port
}

class Redis {
  #start
  #folder
  #child = null

  constructor (start, folder, port) {
    this.#start = start
    this.#folder = folder
    this.port = port
  }

  async start () {
    const { command, env } = this.#start
    const args = [
      '--port', this.port, '--bind', '127.0.0.1', '--dir', this.#folder, '--save', '',
      '--appendonly', 'yes', '--appendfsync', 'always'
    ].map(String)
    const child = this.#child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
    let log = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => { log += text })
    }
    guard(child)
    const ready = () => log.includes('Ready to accept connections')
    await until(() => ready() || child.exitCode !== null, 'redis-server', 30_000)
    if (!ready()) throw new Error(`redis-server ended. Its log:\n${log}`)
  }

  async kill () {
    const child = this.#child
    this.#child = null
    if (child === null || child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'close')
  }
}

module.exports = { startRedis, unavailable }
