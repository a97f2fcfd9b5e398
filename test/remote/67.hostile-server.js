'use strict'

// What a server says is checked where it comes in.

const assert = require('node:assert/strict')
const Sync = require('../..')
const { isSqliteError, ours, tempFile, typeError } = require('../support')
const { faults, startFaulty } = require('../servers/faulty')
const { GRPC, readFrames } = require('../servers/grpc')
const { writeVarint } = require('../servers/hrana')
const { open, primary } = require('../servers/replica')
const { served } = require('../servers/sqld')

const field = (number, type, bytes) => Buffer.concat([writeVarint(number * 8 + type), bytes])
const message = (number, ...parts) => {
  const bytes = Buffer.concat(parts)
  return field(number, 2, Buffer.concat([writeVarint(bytes.length), bytes]))
}
const col = (name) => message(1, message(1, Buffer.from(name)))
const value = message(1, message(4, Buffer.from('x')))
const row = (...values) => message(2, ...values)
const autocommit = message(3, message(1, message(8, field(1, 0, Buffer.of(1)))))
/** A reply to one request and the question whether a transaction is open. */
const reply = (...response) => Buffer.concat([message(3, message(1, ...response)), autocommit])
/** A reply to the requests of both. */
const together = (first, second) => {
  return Buffer.concat([first.subarray(0, first.length - autocommit.length), second])
}
const executed = (...result) => reply(message(2, message(1, ...result)))
const described = (...result) => reply(message(5, message(1, ...result)))
const batch = (...result) => reply(message(3, message(1, ...result)))
const step = (number, ...result) => {
  return message(1, field(1, 0, writeVarint(number)), message(2, ...result))
}

const ROWS = {
  'fewer values than columns': executed(...Array.from({ length: 20 }, (_, i) => col(`c${i}`)), row(value)),
  'more values than columns': executed(col('a'), row(value, value)),
  'no values': executed(col('a'), row()),
  'rows without columns': executed(row()),
  'the second row is short': executed(col('a'), col('b'), row(value, value), row(value)),
  'a name with NUL': executed(col('id\0secret'), row(value)),
  'a value without a type': executed(col('a'), row(message(1))),
  'more columns than a block has room for': executed(...Array.from({ length: 2100 }, () => col('a'))),
  'more columns than there can be': executed(...Array.from({ length: 40_000 }, () => col('a'))),
  'more changes than there are numbers': executed(field(3, 0, Buffer.from('ffffffffffffffffff01', 'hex'))),
  'no result': reply(message(2)),
  'another answer': reply(message(5, message(1)))
}
const PREPARED = {
  'a column with NUL': described(message(2, message(1, Buffer.from('a\0b')))),
  'more columns than a block has room for': described(...Array.from({ length: 2100 }, () => message(2, message(1, Buffer.from('a'))))),
  'a parameter with NUL': described(message(1, message(1, Buffer.from(':a\0b')))),
  'a parameter that is none': described(message(1, message(1, Buffer.from('a')))),
  'no description': reply(message(5))
}
const BATCHES = {
  'a step that was not asked for': batch(step(0), step(1), step(2), step(3), step(9)),
  'a short row': batch(step(0), step(1, col('a'), col('b'), row(value)), step(2)),
  'an error and a result': batch(step(0), step(1), message(2, field(1, 0, Buffer.of(1)), message(2))),
  'another answer': reply(message(2, message(1)))
}

const isNonsense = isSqliteError('REMOTE_PROTOCOL', /^Invalid reply from the server: /)

ours('replies that do not fit are errors, and no row is of anybody else', async t => {
  const server = await startFaulty(t)
  const other = new Sync(':memory:')
  t.after(() => other.close())
  const select = other.prepare("SELECT 'a' AS id, 'b' AS secret")
  const known = described(message(2, message(1, Buffer.from('a'))), field(4, 0, Buffer.of(1)))
  for (const [what, body] of Object.entries(ROWS)) {
    for (const method of ['get', 'all', 'run', 'iterate']) {
      const db = await open(t, server.url, {}, 'promises')
      // Only what is iterated over is compiled in a message of its own.
      if (method === 'iterate') server.script(faults.answer(known), faults.answer(body))
      else server.script(faults.answer(together(known, body)))
      const call = async () => {
        if (method !== 'iterate') return db[method]('SELECT 1')
        for await (const row of db.iterate('SELECT 1')) assert.fail(JSON.stringify(row))
      }
      await assert.rejects(call, isNonsense, `${what}, ${method}`)
      assert.deepEqual(select.all(), [{ id: 'a', secret: 'b' }], what)
      await db.close()
    }
  }
  for (const [what, body] of Object.entries(PREPARED)) {
    const db = await open(t, server.url, {}, 'promises')
    server.script(faults.answer(body))
    await assert.rejects(async () => db.prepare('SELECT 1'), isNonsense, what)
  }
  for (const [what, body] of Object.entries(BATCHES)) {
    const db = await open(t, server.url, {}, 'promises')
    server.script(faults.answer(body))
    await assert.rejects(async () => db.batch(['SELECT 1']), isNonsense, what)
  }
  const db = await open(t, server.url, {}, 'promises')
  server.script(faults.answer(together(known, executed(col('a'), row(value)))))
  assert.deepEqual(await db.all('SELECT 1'), [{ a: 'x' }])
})

ours('a token goes over http to this machine only, not to names below localhost', t => {
  const options = { authToken: 'secret' }
  const hosts = ['evil.localhost', 'evil.localhost.', 'localhost.evil.test', '127.0.0.1.evil.test', '0.0.0.0']
  for (const host of hosts) {
    for (const url of [`http://${host}:8080`, `libsql://${host}:8080?tls=0`]) {
      typeError(() => new Sync(url, options), /would cross the network unencrypted/)
      typeError(() => new Sync(tempFile(t), { syncUrl: url, ...options }), /would cross the network unencrypted/)
    }
  }
  for (const host of ['localhost', 'LOCALHOST', '127.0.0.1', '127.9.9.9', '[::1]']) {
    for (const url of [`http://${host}:1`, `libsql://${host}:1?tls=0`]) new Sync(url, options).close()
  }
})

served('a primary that sends frames for ever ends a sync by the time limit', async t => {
  const server = await primary(t)
  const proxy = await startFaulty(t, { target: server.url })
  // A frame of the server's own, again and again, each with a number that could be.
  let bytes = null
  const endless = async ({ res }) => {
    res.writeHead(200, { 'content-type': GRPC })
    const next = Buffer.from(bytes)
    for (let number = 1_000_000n; !res.destroyed; number--) {
      next.writeBigUInt64LE(number)
      const frame = message(1, next)
      const prefix = Buffer.alloc(5)
      prefix.writeUInt32BE(frame.length, 1)
      res.write(Buffer.concat([prefix, frame]))
      await new Promise((resolve) => setTimeout(resolve, 40))
    }
  }
  const answer = []
  proxy.always(faults.on('BatchLogEntries', faults.edited((body) => { answer.push(...readFrames(body)); return body })))
  const first = await open(t, tempFile(t), { syncUrl: proxy.url }, 'promises')
  await first.sync()
  bytes = answer[0].bytes
  proxy.always(async function snapshot (exchange) {
    const method = exchange.req.url.split('/').at(-1)
    if (method === 'BatchLogEntries') {
      exchange.res.writeHead(200, { 'content-type': GRPC, 'grpc-status': '9', 'grpc-message': 'NEED_SNAPSHOT' }).end()
    } else await (method === 'Snapshot' ? endless : faults.pass)(exchange)
  })
  const db = await open(t, tempFile(t), { syncUrl: proxy.url, requestTimeout: 1000 }, 'promises')
  await assert.rejects(db.sync(), isSqliteError('REMOTE_TIMEOUT', 'The server sent less than 1024 pages within 1000 ms'))
})
