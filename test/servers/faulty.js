'use strict'

// An HTTP proxy on loopback, before a server or before nothing, that does to each request what its
// script says.

const { once } = require('node:events')
const http = require('node:http')
const https = require('node:https')
const net = require('node:net')
const { setTimeout: sleep } = require('node:timers/promises')
const { cleanup } = require('../support')
const { batonOf, edit } = require('./hrana')
const { freePorts, namespaceHeaders } = require('./sqld')

const PROTOBUF = 'application/x-protobuf'
const HUGE = 100 * 1024 * 1024
const BODIES = {
  empty: ['text/plain', ''],
  html: ['text/html', '<html><body><h1>Not today</h1></body></html>'],
  json: ['application/json', '{"message":"Not today","code":"NOT_TODAY"}'],
  nonUtf8: ['text/plain', Buffer.from([0x4e, 0xff, 0xfe, 0xc3, 0x28])],
  text: ['text/plain', 'Not today']
}
// These belong to one connection, and are set anew for the next.
const HOP = ['connection', 'host', 'keep-alive', 'transfer-encoding']

/**
 * Options: `target` (the URL of a server; without one, there is nothing to pass to), `namespace`
 * (which is asked for in every request), `tls` ({ cert, key, ca, requestCert, ... } of https).
 *
 * Gives `url`, `port`, `requests` (what has come: method, path, headers, size, body, fault, error),
 * `connections` (how many), `script(...faults)` (what to do with the next requests, one fault each;
 * then all pass again, or do as `always(fault)` says), `next(method, fault)` (what to do with the
 * next request of that method: replicas send others by themselves) and `close()`.
 */
async function startFaulty (t, { target = null, namespace, tls } = {}) {
  const server = tls ? https.createServer(tls) : http.createServer()
  const faulty = {
    url: null,
    port: null,
    requests: [],
    connections: 0,
    script (...faults) { coming.push(...faults) },
    next (method, fault) { meant.push({ method, fault }) },
    always (fault) { rest = fault },
    async close () {
      server.closeAllConnections()
      if (server.listening) await new Promise((resolve) => server.close(resolve))
    }
  }
  const coming = []
  const meant = []
  const takeMeant = (url) => {
    const at = meant.findIndex(({ method }) => url.endsWith(`/${method}`))
    return at === -1 ? null : meant.splice(at, 1)[0].fault
  }
  let rest = faults.pass

  server.on('connection', (socket) => {
    faulty.connections++
    socket.on('error', () => {})
    if ((coming[0] ?? rest) !== faults.refuse) return
    coming.shift()
    socket.destroy()
  })
  server.on('tlsClientError', () => {})
  server.on('request', async (req, res) => {
    // Taken at once: requests that come together keep the order of the script.
    const fault = takeMeant(req.url) ?? coming.shift() ?? rest
    const entry = { method: req.method, path: req.url, headers: req.headers, fault: fault.name }
    faulty.requests.push(Object.assign(entry, { size: 0, body: null }))
    const gone = new AbortController()
    res.once('close', () => gone.abort())
    const exchange = { req, res, entry, target, namespace, signal: gone.signal, body: null }
    try {
      exchange.body = await readAll(req)
      Object.assign(entry, { size: exchange.body.length, body: exchange.body })
      await fault(exchange)
    } catch (error) {
      // When the client has gone, as tests mean it to, nobody can be told.
      entry.error = error
      if (res.headersSent || res.destroyed) return res.destroy()
      res.writeHead(502, { 'content-type': 'text/plain' }).end(`faulty proxy: ${error.message}`)
    }
  })

  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  faulty.port = server.address().port
  faulty.url = `${tls ? 'https' : 'http'}://127.0.0.1:${faulty.port}`
  cleanup(t, () => faulty.close())
  return faulty
}

/** The URL of a port on which nobody listens. */
async function nobody () {
  const { port } = await freePorts('port')
  return `http://127.0.0.1:${port}`
}

/** A port that accepts and never says a word, not even TLS. `connections` counts. */
async function startSilent (t) {
  const sockets = []
  const server = net.createServer((socket) => { sockets.push(socket.on('error', () => {})) })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  cleanup(t, () => {
    for (const socket of sockets) socket.destroy()
    return new Promise((resolve) => server.close(resolve))
  })
  const { port } = server.address()
  return { url: `http://127.0.0.1:${port}`, port, get connections () { return sockets.length } }
}

async function readAll (stream) {
  const chunks = []
  for await (const chunk of stream) chunks.push(chunk)
  return Buffer.concat(chunks)
}

async function forward ({ req, target, namespace, signal, body }) {
  if (target === null) throw new Error('there is no server behind it')
  const headers = endToEnd(req.headers)
  // Compressed answers could not be edited.
  delete headers['accept-encoding']
  if (namespace !== undefined) Object.assign(headers, namespaceHeaders(namespace))
  headers['content-length'] = body.length
  // A connection of its own for each: one that was kept could be to a server that has ended.
  const options = { agent: false, method: req.method, headers, signal }
  const request = http.request(target + req.url, options)
  request.end(body)
  const [answer] = await once(request, 'response')
  return answer
}

function endToEnd (headers) {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !HOP.includes(name)))
}

async function forwardWhole (exchange) {
  const answer = await forward(exchange)
  return {
    status: answer.statusCode,
    headers: endToEnd(answer.headers),
    body: await readAll(answer)
  }
}

function reply ({ res }, { status, headers, body }) {
  res.writeHead(status, { ...headers, 'content-length': body.length }).end(body)
}

// At the pace of the client; throws when it has gone.
async function written ({ res, signal }, chunk) {
  if (!res.write(chunk)) await once(res, 'drain', { signal })
}

function answered (exchange, contentType, body, status = 200) {
  reply(exchange, { status, headers: { 'content-type': contentType }, body: Buffer.from(body) })
}

/**
 * What can be done to a request: first the faults that are complete, then those that are made by a
 * call, as status(401). A test may write its own: a function of `{ req, res, body, ... }`.
 */
const faults = {
  async pass (exchange) {
    const answer = await forward(exchange)
    exchange.res.writeHead(answer.statusCode, endToEnd(answer.headers))
    for await (const chunk of answer) await written(exchange, chunk)
    exchange.res.addTrailers(answer.trailers)
    exchange.res.end()
  },

  // The connection is closed when it comes; one that is kept alive, at its next request.
  async refuse ({ res }) { res.destroy() },

  async silent ({ res }) { await once(res, 'close') },

  async resetBefore ({ req }) { req.socket.resetAndDestroy() },

  // The server has done all, and the client does not know it.
  async resetAfter (exchange) {
    await forwardWhole(exchange)
    exchange.req.socket.resetAndDestroy()
  },

  async truncate (exchange) {
    const { status, headers, body } = await forwardWhole(exchange)
    exchange.res.writeHead(status, { ...headers, 'content-length': body.length })
    const half = body.subarray(0, body.length >> 1)
    exchange.res.write(half, () => exchange.res.destroy())
  },

  async nonUtf8 (exchange) { answered(exchange, ...BODIES.nonUtf8) },
  async empty (exchange) { answered(exchange, PROTOBUF, '') },
  async wrongJson (exchange) {
    answered(exchange, 'application/json', '{"results":{"no":"list"}}')
  },
  async garbage (exchange) { answered(exchange, PROTOBUF, Buffer.alloc(1000, 0x9b)) },

  // What the server says of a stream that it does not know; a request without baton passes.
  async wrongBaton (exchange) {
    const type = exchange.req.headers['content-type'] ?? ''
    if (batonOf(exchange.body, type) !== null) {
      exchange.body = edit(exchange.body, type, { baton: 'd3Jvbmc' })
    }
    reply(exchange, await forwardWhole(exchange))
  },

  /** The head of an answer that never ends: one byte every `interval` ms. */
  slowHeaders: (interval = 1000) => async function slowHeaders ({ req, res, signal }) {
    const head = 'HTTP/1.1 200 OK\r\nx-filler: '
    for (let i = 0; !res.destroyed; i++) {
      req.socket.write(head[i] ?? 'x')
      await sleep(interval, undefined, { signal })
    }
  },

  /** A fault for the calls of one method of gRPC; all else passes. */
  on: (method, fault) => async function on (exchange) {
    const isMeant = exchange.req.url.endsWith(`/${method}`)
    if (isMeant) exchange.entry.fault = fault.name
    await (isMeant ? fault : faults.pass)(exchange)
  },

  /** The server's answer with the body that `edit(body)` makes of its own. */
  edited: (edit) => async function edited (exchange) {
    const answer = await forwardWhole(exchange)
    reply(exchange, { ...answer, body: edit(answer.body) })
  },

  /** The answer, one byte every `interval` ms. */
  trickle: (interval = 1000) => async function trickle (exchange) {
    const { status, headers, body } = await forwardWhole(exchange)
    exchange.res.writeHead(status, { ...headers, 'content-length': body.length })
    for (const byte of body) {
      if (exchange.res.destroyed) return
      exchange.res.write(Buffer.of(byte))
      await sleep(interval, undefined, { signal: exchange.signal })
    }
    exchange.res.end()
  },

  /** A status with a body of BODIES: empty, html, json, nonUtf8, text. */
  status: (code, kind = 'json', headers = {}) => async function status (exchange) {
    const [type, text] = BODIES[kind]
    const all = { 'content-type': type, ...headers }
    reply(exchange, { status: code, headers: all, body: Buffer.from(text) })
  },

  redirect: (location, status = 307) => async function redirect (exchange) {
    reply(exchange, { status, headers: { location }, body: Buffer.alloc(0) })
  },

  /** Zeros behind `start`, as fast as they are read. */
  huge: (size = HUGE, type = PROTOBUF, start = '') => async function huge (exchange) {
    exchange.res.writeHead(200, { 'content-type': type, 'content-length': size + start.length })
    exchange.res.write(start)
    const chunk = Buffer.alloc(64 * 1024)
    for (let left = size; left > 0; left -= chunk.length) {
      await written(exchange, chunk.subarray(0, left))
    }
    exchange.res.end()
  },

  /** A body of the test's own, with status 200. */
  answer: (body, contentType = PROTOBUF) => async function answer (exchange) {
    answered(exchange, contentType, body)
  },

  /** The server's answer, in which the client is told another place for its next request. */
  baseUrl: (baseUrl) => edited('baseUrl', { baseUrl }),

  /** The server's answer with another baton; null for none. */
  answerBaton: (baton) => edited('answerBaton', { baton }),

  delay: (ms) => async function delay (exchange) {
    await sleep(ms, undefined, { signal: exchange.signal })
    await faults.pass(exchange)
  },

  /** As delay(), but the server has done all before. */
  delayAnswer: (ms) => async function delayAnswer (exchange) {
    const answer = await forwardWhole(exchange)
    await sleep(ms, undefined, { signal: exchange.signal })
    reply(exchange, answer)
  }
}

function edited (name, changes) {
  const fault = async (exchange) => {
    const answer = await forwardWhole(exchange)
    if (answer.status === 200) {
      answer.body = edit(answer.body, answer.headers['content-type'], changes)
    }
    reply(exchange, answer)
  }
  return Object.defineProperty(fault, 'name', { value: name })
}

module.exports = { PROTOBUF, faults, nobody, startFaulty, startSilent }
