'use strict'

// Requests at a steady rate, whether the server keeps up or not, and how long their answers took.

const { fork } = require('node:child_process')
const { once } = require('node:events')
const http = require('node:http')
const path = require('node:path')

const TICK = 5

/** Starts the server of the demo on one driver; `stalls` are those of its event loop. */
async function startServer (undo, driver, ...args) {
  const child = fork(path.join(__dirname, 'server.js'), [driver, ...args])
  const ended = once(child, 'exit')
  const server = { port: null, stalls: [], busy: 0, stopped: [], end }
  undo.push(end)
  await new Promise((resolve, reject) => {
    child.on('message', (message) => {
      if (message.error) return reject(new Error(message.error))
      if (message.port) resolve(server.port = message.port)
      if (message.stall !== undefined) server.stalls.push(message.stall)
      if (message.busy !== undefined) server.busy = message.busy
      if (message.stopped !== undefined) server.stopped.push(message)
    })
    ended.then(([code, signal]) => reject(new Error(`The ${driver} server ended: ${signal ?? code}`)))
  })
  return server

  async function end () {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
    await ended
  }
}

/** Asks for `rate` cities a second and every `every` ms for a report. `stop()` gives all of it. */
function startLoad (server, ids, { rate, every }) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: Infinity })
  const load = { times: [], recent: [], reports: [], failed: 0, sent: 0, asked: 0 }
  const begun = performance.now()
  const timer = setInterval(() => {
    const passed = performance.now() - begun
    while (load.sent < passed * rate / 1000) city(ids[load.sent++ % ids.length])
    if (every && load.asked < passed / every) report(load.asked++)
  }, TICK)

  async function city (id) {
    const took = await get(`/city/${id}`)
    if (took === null) return
    load.times.push(took)
    load.recent.push(took)
  }

  async function report () {
    const took = await get('/report')
    if (took !== null) load.reports.push(took)
  }

  function get (where) {
    const start = performance.now()
    return new Promise((resolve) => {
      const fail = () => { load.failed++; resolve(null) }
      const end = (status) => status === 200 ? resolve(performance.now() - start) : fail()
      http.get({ host: '127.0.0.1', port: server.port, path: where, agent }, (response) => {
        response.resume().on('error', fail).on('end', () => end(response.statusCode))
      }).on('error', fail)
    })
  }

  return Object.assign(load, {
    async stop () {
      clearInterval(timer)
      const deadline = Date.now() + 10_000
      const ended = () => load.times.length + load.reports.length + load.failed
      while (ended() < load.sent + load.asked && Date.now() < deadline) await pause(TICK)
      agent.destroy()
      return load
    }
  })
}

/** Asks for what takes minutes, and goes away after `ms`. */
function askAndLeave ({ port }, where, ms) {
  const request = http.get({ host: '127.0.0.1', port, path: where })
  request.on('error', () => {})
  setTimeout(() => request.destroy(), ms)
}

function quantile (times, q) {
  const sorted = Float64Array.from(times).sort()
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? 0
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

module.exports = { askAndLeave, pause, quantile, startLoad, startServer }
