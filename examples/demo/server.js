'use strict'

// The HTTP server of the demo, in a process of its own: the same routes on each driver. It tells
// its parent by how much a timer was late, which is how long the event loop stood still.

const http = require('node:http')

const CITY = 'SELECT id, name, code, population FROM city WHERE id = ?'
const REPORT = `
  SELECT name, count(*) AS cities, count(DISTINCT code) AS countries, max(population) AS largest
  FROM city GROUP BY name ORDER BY cities DESC, name LIMIT 5`
// Compares each city with each other: minutes.
const ENDLESS = 'SELECT count(*) AS pairs FROM city a, city b WHERE a.lat + b.lon > 1000'
const TICK = 5

const drivers = {
  'better-sqlite3': (file) => sync(require('better-sqlite3'), file),
  ferrolite: (file) => sync(require('ferrolite'), file),
  promise: (file) => withPromises(file, { readers: 2 }),
  replica: (file, syncUrl) => withPromises(file, { syncUrl, syncPeriod: 0.1 })
}

function sync (Database, file) {
  const db = new Database(file)
  const city = db.prepare(CITY)
  const report = db.prepare(REPORT)
  return { city: (id) => city.get(id), report: () => report.all() }
}

async function withPromises (file, options) {
  const { connect } = require('ferrolite/promise')
  const db = await connect(file, options)
  if (options.syncUrl) await db.sync()
  const statements = [CITY, REPORT, ENDLESS].map((sql) => db.prepare(sql))
  const [city, report, endless] = await Promise.all(statements)
  return {
    city: (id, signal) => city.get(id, { signal }),
    report: (signal) => report.all({ signal }),
    endless: (signal) => endless.get({ signal })
  }
}

async function main ([driver, ...args]) {
  const routes = await drivers[driver](...args)
  const server = http.createServer((request, response) => answer(routes, request, response))
  server.listen(0, '127.0.0.1', () => {
    process.send({ port: server.address().port })
    watch()
  })
}

async function answer (routes, { url }, response) {
  const [, route, id] = url.split('/')
  const gone = new AbortController()
  let left
  response.on('close', () => {
    if (response.writableEnded) return
    left = performance.now()
    gone.abort()
  })
  try {
    const result = route === 'city'
      ? await routes.city(Number(id), gone.signal)
      : await routes[route](gone.signal)
    response.end(JSON.stringify(result))
  } catch (error) {
    if (left === undefined) {
      response.statusCode = 500
      response.end(String(error.code ?? error.message))
    } else {
      process.send({ stopped: performance.now() - left, code: error.code })
    }
  }
}

function watch () {
  let due = performance.now() + TICK
  let stall = 0
  let told = due
  let cpu = process.cpuUsage()
  setInterval(() => {
    const now = performance.now()
    stall = Math.max(stall, now - due)
    due = now + TICK
    if (now - told < 100) return
    const { user, system } = process.cpuUsage(cpu)
    process.send({ stall, busy: (user + system) / 1000 / (now - told) })
    cpu = process.cpuUsage()
    told = now
    stall = 0
  }, TICK)
}

process.on('disconnect', () => process.exit())
main(process.argv.slice(2)).catch((error) => process.send({ error: error.message }))
