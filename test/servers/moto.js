'use strict'

// A server that speaks S3 (moto) on loopback, with what it stores in memory.

const { spawn } = require('node:child_process')
const { once } = require('node:events')
const { moto, unavailable } = require('../../scripts/moto')
const { cleanup, until } = require('../support')
const { guard } = require('./sqld')

const START_LIMIT = 30_000
// It asks for a signature before it deletes, and does not check it.
const SIGNED = {
  authorization: 'AWS4-HMAC-SHA256 Credential=key/20260101/us-east-1/s3/aws4_request'
}
// Of a conditional write it asks for the key in one step and writes it in another: so one request
// at a time.
const SERIAL = `
import moto.server, threading
run, lock = moto.server.run_simple, threading.Lock()
def serial(host, port, app, **options):
    def one(environ, start_response):
        with lock:
            return list(app(environ, start_response))
    run(host, port, one, **options)
moto.server.run_simple = serial
moto.server.main()`

/** Gives `url`, `keys(bucket, prefix)` in order, `remove(bucket, key)` and `log()`. */
async function startMoto (t) {
  const { command, env } = await moto()
  // With port 0 the system chooses one, and moto says which.
  const options = { env, stdio: ['ignore', 'pipe', 'pipe'] }
  const child = spawn(command, ['-c', SERIAL, '-H', '127.0.0.1', '-p', '0'], options)
  let log = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => { log += text })
  }
  child.on('error', (error) => { log += `${error.message}\n` })
  cleanup(t, () => end(child))
  if (child.pid !== undefined) guard(child)
  const address = () => /Running on (http:\/\/127\.0\.0\.1:\d+)/.exec(log)?.[1]
  await until(() => address() !== undefined || !runs(child), 'the address of moto', START_LIMIT)
  if (address() === undefined) throw new Error(`moto ended. Its log:\n${log}`)
  return new Moto(address(), () => log)
}

function runs (child) {
  return child.pid !== undefined && child.exitCode === null && child.signalCode === null
}

async function end (child) {
  if (!runs(child)) return
  child.kill('SIGKILL')
  await once(child, 'close')
}

class Moto {
  constructor (url, log) {
    this.url = url
    this.log = log
  }

  async keys (bucket, prefix) {
    const url = `${this.url}/${bucket}?list-type=2&prefix=${encodeURIComponent(prefix)}`
    const text = await this.#ask(url)
    if (text.includes('<IsTruncated>true')) throw new Error(`more than 1000 keys in ${bucket}`)
    return Array.from(text.matchAll(/<Key>([^<]*)<\/Key>/g), ([, key]) => key)
  }

  async remove (bucket, key) {
    await this.#ask(`${this.url}/${bucket}/${key}`, { method: 'DELETE', headers: SIGNED })
  }

  async #ask (url, options) {
    const response = await fetch(url, options)
    const text = await response.text()
    if (response.ok || response.status === 404) return text
    throw new Error(`${options?.method ?? 'GET'} ${url}: ${response.status} ${text}`)
  }
}

module.exports = { startMoto, unavailable }
