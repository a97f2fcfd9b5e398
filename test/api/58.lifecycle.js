'use strict'

// What is told of connections: that they open and close.

const assert = require('node:assert/strict')
const { AsyncLocalStorage } = require('node:async_hooks')
const channels = require('node:diagnostics_channel')
const { child, connect, exited, needs, open, ours, tempFile, thrown } = require('../support')

const PROMISES = process.env.TEST_API === 'promise'
const PLACE = process.env.TEST_ON === 'resident' ? 'kv' : process.env.TEST_ON
const NAMES = ['start', 'end', 'asyncStart', 'asyncEnd', 'error']
const ORDER = PROMISES ? ['start', 'end', 'asyncStart', 'asyncEnd'] : ['start', 'end']
const FAILED = PROMISES ? ['start', 'end', 'error', 'asyncStart', 'asyncEnd'] : ['start', 'error', 'end']
const OPENED = PROMISES ? 'asyncEnd' : 'end'

/** All that is told meanwhile: of each, its channel, its context and the store of the listener. */
async function heard (occasion, act, storage) {
  const told = []
  const channel = channels.tracingChannel(`ferrolite:${occasion}`)
  const tell = Object.fromEntries(NAMES.map(name => {
    return [name, context => told.push({ name, context, store: storage?.getStore() })]
  }))
  channel.subscribe(tell)
  try {
    await act()
  } finally {
    channel.unsubscribe(tell)
  }
  return told
}

const names = told => told.map(({ name }) => name)

ours('opening and closing are told of, with what is opened', async t => {
  let db
  const told = await heard('open', async () => {
    db = open(t)
    await (await db.prepare('SELECT 1')).get()
  })
  // On a server, the first connection is that which empties it.
  const opened = told.slice(-ORDER.length)
  assert.deepEqual(names(opened), ORDER)
  const [{ context }] = opened
  const kind = PLACE === 'wasm' ? 'memory' : PLACE || 'memory'
  assert.deepEqual(Object.keys(context), ['database', 'kind', 'readonly', 'duration'])
  assert.deepEqual([context.database, context.kind, context.readonly], [db.name, kind, false])
  assert.ok(context.duration >= 0, `${context.duration}`)
  for (const each of opened) assert.equal(each.context, context)
  const closed = await heard('close', async () => {
    await db.close()
    await db.close()
  })
  assert.deepEqual(names(closed), ORDER)
  assert.deepEqual([closed[0].context.database, closed[0].context.kind], [db.name, kind])
})

const here = needs('names of files', ours)

here('what cannot be opened or closed is told of with its error', async t => {
  const file = tempFile(t)
  const told = await heard('open', () => thrown(() => connect(file, { fileMustExist: true })))
  assert.deepEqual(names(told), FAILED)
  const { context } = told[0]
  assert.deepEqual([context.database, context.kind, context.error.code], [file, 'file', 'SQLITE_CANTOPEN'])
  // Nothing is opened where the arguments are wrong.
  assert.deepEqual(await heard('open', () => thrown(() => connect(file, { timeout: -1 }))), [])
  if (PROMISES) return
  const db = open(t, file)
  const iterator = db.prepare('SELECT 1').iterate()
  iterator.next()
  const closing = await heard('close', () => thrown(() => db.close()))
  assert.deepEqual(names(closing), FAILED)
  assert.equal(closing[0].context.error.name, 'TypeError')
  iterator.return()
})

needs('remote databases', here)('secrets are not told of', async t => {
  const told = await heard('open', async () => {
    const db = await connect(tempFile(t), { encryptionKey: 'c0ffee' })
    await db.close()
    const there = await connect('https://db.example/?authToken=c0ffee', {})
    await there.close()
  })
  assert.equal(told.filter(({ name }) => name === 'start').length, 2)
  assert.doesNotMatch(JSON.stringify(told), /c0ffee/)
  assert.equal(told.at(-1).context.database, 'https://db.example')
})

here('listeners run in the async context of who opens', async t => {
  const storage = new AsyncLocalStorage()
  const told = await heard('open', () => Promise.all([1, 2].map(id => storage.run(id, async () => {
    const db = await connect(tempFile(t))
    await db.close()
  }))), storage)
  const ends = told.filter(({ name }) => name === OPENED)
  assert.deepEqual(ends.map(({ store }) => store).sort(), [1, 2])
})

here('stores that are bound to the start hold while it opens', async t => {
  const storage = new AsyncLocalStorage()
  const channel = channels.channel('tracing:ferrolite:open:start')
  channel.bindStore(storage, ({ database }) => `span of ${database}`)
  const seen = []
  const see = () => seen.push(storage.getStore())
  channels.subscribe('tracing:ferrolite:open:end', see)
  const db = await connect(':memory:')
  channels.unsubscribe('tracing:ferrolite:open:end', see)
  channel.unbindStore(storage)
  await db.close()
  assert.deepEqual(seen, PROMISES ? [undefined] : ['span of :memory:'])
})

here('nothing is loaded until somebody listens', async () => {
  const { stdout } = exited(await child(`
    const channels = require('node:diagnostics_channel')
    const { Database: Class } = ${PROMISES} ? require(MODULE + '/promise') : Database
    const isLoaded = () => Object.keys(require.cache).some(file => /lib.lifecycle\\.js$/.test(file))
    const run = async () => {
      await new Class(':memory:').close()
      console.log(isLoaded())
      channels.subscribe('tracing:ferrolite:close:start', ({ database }) => console.log(database))
      await new Class(':memory:').close()
      console.log(isLoaded())
    }
    run()`))
  assert.equal(stdout, 'false\n:memory:\ntrue\n')
})
