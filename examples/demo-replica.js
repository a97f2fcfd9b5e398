'use strict'

// A shop writes orders to a real server; a second program reads them from a replica, also while the
// server is dead. Starts and ends everything it needs, and fails unless the data is the same.

const { createHash } = require('node:crypto')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { setTimeout: sleep } = require('node:timers/promises')
const { connect } = require('ferrolite/promise')
const { startSqld } = require('../test/servers/sqld')

const SCHEMA = 'CREATE TABLE "order" (id INTEGER PRIMARY KEY, item TEXT, price REAL)'
const INSERT = 'INSERT INTO "order" (item, price) VALUES (?, ?)'
const ITEMS = ['tea', 'coffee', 'cake', 'soup', 'bread']
const CATCH_UP = 10_000

const title = (text) => console.log(`\n${text}`)
const say = (text) => console.log(`  ${text}`)
const number = (n) => n.toLocaleString('en')

async function main (folder, undo) {
  title('1. A primary and a shop')
  const server = await startSqld({ after: (fn) => undo.push(fn) }, { dir: folder })
  say(`libSQL server (sqld) runs at ${server.url}, as process ${server.pid}`)
  const shop = await connect(server.url)
  undo.push(() => shop.close())
  await shop.exec(SCHEMA)
  const sold = await timed(() => sell(shop, 1000))
  say(`The shop has written 1,000 orders to it over HTTP, in ${sold}`)

  const replica = await follow(server.url, path.join(folder, 'replica.db'), shop)
  undo.push(() => replica.close())
  const confirmed = await crash(server, shop, replica)
  const all = await comeBack(server, shop, replica)
  if (all < 1500 + confirmed) throw new Error('Orders that were confirmed are missing')
  return compare(shop, replica)
}

async function follow (syncUrl, file, shop) {
  title('2. Another program, with a replica of the database in a file')
  const start = performance.now()
  const replica = await connect(file, { syncUrl, syncPeriod: 0.1 })
  await replica.sync()
  const fetched = ms(performance.now() - start)
  say(`Fetched ${number(await count(replica))} orders in ${fetched}`)
  say(`1,000 reads from the file took ${await timed(() => read(replica, 1000))}, ` +
    `over HTTP ${await timed(() => read(shop, 1000))}`)

  title('3. The shop sells on, and the replica follows every 0.1 s')
  await sell(shop, 500)
  const [here, there] = [await count(replica), await count(shop)].map(number)
  say(`The replica has ${here} orders, the primary ${there}`)
  const caughtUp = await timed(() => until(replica, 1500))
  say(`Caught up ${caughtUp} later: ${number(await count(replica))} orders`)
  return replica
}

async function crash (server, shop, replica) {
  title('4. kill -9 of the server, in the middle of a sale')
  const selling = sellUntilItFails(shop)
  await sleep(300)
  await server.kill()
  const { confirmed, error } = await selling
  say(`The shop got ${number(confirmed)} orders confirmed, then ${error.code}`)
  say(`The replica still answers: ${number(await count(replica))} orders; ` +
    `1,000 reads took ${await timed(() => read(replica, 1000))}`)
  const refused = await replica.run(INSERT, ['tea', 2]).catch((error) => error)
  say(`A write says what is wrong: ${refused.code}: ${refused.message}`)
  return confirmed
}

async function comeBack (server, shop, replica) {
  title('5. The server comes back')
  await server.start()
  const all = await count(shop)
  const caughtUp = await timed(() => until(replica, all))
  say(`It has ${number(all)} orders, ${number(all - 1500)} of them from the interrupted sale`)
  say(`The replica has caught up in ${caughtUp}; nobody had to start it again`)
  await replica.run(INSERT, ['cake', 4.5])
  say(`A write through the replica works again: order ${number(await count(replica))}`)
  return all
}

async function compare (shop, replica) {
  title('6. Row by row')
  const [there, here] = await Promise.all([rows(shop), rows(replica)])
  say(`primary ${number(there.length)} orders, SHA-256 ${digest(there)}`)
  say(`replica ${number(here.length)} orders, SHA-256 ${digest(here)}`)
  const identical = digest(here) === digest(there)
  say(identical ? 'The same, and nothing that was confirmed is missing.' : 'NOT the same.')
  return identical
}

const order = (i) => [ITEMS[i % ITEMS.length], 2 + i % 7 / 2]

async function sell (db, n) {
  await db.batch(Array.from({ length: n }, (_, i) => [INSERT, order(i)]))
}

async function sellUntilItFails (db) {
  for (let confirmed = 0; ; confirmed++) {
    try {
      await db.run(INSERT, order(confirmed))
    } catch (error) {
      return { confirmed, error }
    }
  }
}

async function read (db, n) {
  const byId = await db.prepare('SELECT * FROM "order" WHERE id = ?')
  for (let i = 0; i < n; i++) await byId.get(1 + i)
}

async function count (db) {
  return (await db.get('SELECT count(*) AS n FROM "order"')).n
}

async function until (db, n) {
  for (const start = Date.now(); await count(db) < n; await sleep(5)) {
    if (Date.now() - start > CATCH_UP) throw new Error('The replica does not catch up')
  }
}

const rows = (db) => db.all('SELECT * FROM "order" ORDER BY id')

function digest (rows) {
  return createHash('sha256').update(JSON.stringify(rows)).digest('hex').slice(0, 16)
}

async function timed (fn) {
  const start = performance.now()
  await fn()
  return ms(performance.now() - start)
}

const ms = (time) => `${time < 10 ? time.toFixed(1) : Math.round(time)} ms`

async function withCleanup () {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ferrolite-demo-'))
  const undo = []
  try {
    if (!await main(folder, undo)) process.exitCode = 1
  } finally {
    for (const fn of undo.reverse()) await fn()
    fs.rmSync(folder, { recursive: true, force: true })
  }
}

withCleanup().catch((error) => {
  console.error(error.message)
  process.exitCode = 1
})
