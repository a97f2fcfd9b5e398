'use strict'

// A database in a bucket of a real server that speaks S3, with faults between the two.

const assert = require('node:assert/strict')
const test = require('node:test')
const { S3 } = require('@aws-sdk/client-s3')
const { connect } = require('../../promise')
const { checkStore } = require('../../stores/check')
const { s3Store } = require('../../stores/s3')
const { faults, startFaulty } = require('../servers/faulty')
const { startMoto, unavailable } = require('../servers/moto')
const { cleanup, typeError } = require('../support')

const skip = unavailable() ?? false
const LONG = Number(process.env.TEST_KV_ROUNDS) > 10
const bytes = text => Buffer.from(text)
const text = value => Buffer.from(value).toString()

let moto
const undo = []
test.before(async () => {
  if (!skip) moto = await startMoto({ after: fn => undo.push(fn) })
})
test.after(async () => {
  for (const fn of undo) await fn()
})

function s3 (t, endpoint = moto.url, options = {}) {
  const credentials = { accessKeyId: 'key', secretAccessKey: 'secret' }
  const client = new S3({ endpoint, region: 'us-east-1', forcePathStyle: true, credentials, ...options })
  cleanup(t, () => client.destroy())
  return client
}

let buckets = 0
async function newBucket (t) {
  const bucket = `bucket-${++buckets}`
  await s3(t).createBucket({ Bucket: bucket })
  return bucket
}

test('the store of S3 passes the check, and keeps a database', { skip }, async t => {
  const bucket = await newBucket(t)
  const open = () => s3Store(s3(t), { bucket, prefix: 'some/where/' })
  const store = open()
  // A key is a request, and the server is in Python.
  const few = { ...store.limits, maxKeys: 12, maxReadKeys: 12, concurrency: 4 }
  const limits = LONG ? store.limits : few
  const { fenced } = await checkStore({ ...store, limits }, { rounds: 1, late: 20, reopen: open })
  assert.equal(fenced, true)
  const db = await connect('app', { store })
  await db.exec('CREATE TABLE t (a INTEGER PRIMARY KEY, b BLOB)')
  await db.run('INSERT INTO t (b) VALUES (randomblob(300000))')
  await db.close()
  const again = await connect('app', { store, readonly: true })
  assert.deepEqual(await again.all('SELECT length(b) AS n FROM t'), [{ n: 300000 }])
  assert.equal(await again.pragma('integrity_check', { simple: true }), 'ok')
  await again.close()
  assert.ok((await moto.keys(bucket, '')).every(key => key.startsWith('some/where/app/')))
})

test('keys that look like steps of a path stay what they are', { skip }, async t => {
  const store = s3Store(s3(t), { bucket: await newBucket(t) })
  for (const key of ['../E/1', './E/1', 'a/../E/1', '%2E%2E!/E', 'A/E', 'a/E']) {
    await store.put(bytes(key), bytes(`value of ${key}`))
  }
  assert.equal(text(await store.get(bytes('../E/1'))), 'value of ../E/1')
  assert.equal(text(await store.get(bytes('A/E'))), 'value of A/E')
  const all = (await store.list(bytes(''))).map(String).sort()
  assert.deepEqual(all, ['%2E%2E!/E', './E/1', '../E/1', 'A/E', 'a/../E/1', 'a/E'].sort())
  assert.deepEqual((await store.list(bytes('../'))).map(String), ['../E/1'])
})

test('a list of more keys than S3 gives at once is whole', { skip }, async t => {
  const client = s3(t)
  const store = s3Store(client, { bucket: await newBucket(t) })
  const keys = Array.from({ length: 25 }, (_, i) => `list/${String(i).padStart(4, '0')}`)
  await store.putBatch(keys.map(key => [bytes(key), bytes('x')]))
  const { listObjectsV2 } = client
  let pages = 0
  client.listObjectsV2 = input => {
    pages++
    return listObjectsV2.call(client, { ...input, MaxKeys: 10 })
  }
  assert.deepEqual((await store.list(bytes('list/'))).map(String), keys)
  assert.equal(pages, 3)
  await store.deleteBatch(keys.map(bytes))
  assert.deepEqual(await store.list(bytes('list/')), [])
})

test('a write whose answer was lost is not taken for that of another', { skip }, async t => {
  const proxy = await startFaulty(t, { target: moto.url })
  const bucket = await newBucket(t)
  const store = s3Store(s3(t, proxy.url), { bucket })
  // The SDK asks again, and is told that the key is there.
  proxy.script(faults.resetAfter)
  await assert.rejects(store.putIfAbsent(bytes('a'), bytes('1')), /a is there, and may have been written by the first of 2 attempts/)
  assert.equal(text(await store.get(bytes('a'))), '1')
  assert.equal(await store.putIfAbsent(bytes('a'), bytes('2')), false)
  // 409: nothing was done.
  proxy.script(faults.status(409, 'empty'), faults.status(409, 'empty'))
  assert.equal(await store.putIfAbsent(bytes('b'), bytes('1')), true)
  proxy.always(faults.status(409, 'empty'))
  await assert.rejects(store.putIfAbsent(bytes('c'), bytes('1')), error => error.$metadata.httpStatusCode === 409)
  proxy.always(faults.pass)
  assert.equal(await store.get(bytes('c')), null)
})

test('a commit whose answer was lost is a commit, and appears once', { skip }, async t => {
  const proxy = await startFaulty(t, { target: moto.url })
  const store = s3Store(s3(t, proxy.url), { bucket: await newBucket(t) })
  const db = await connect('app', { store })
  await db.exec('CREATE TABLE t (x)')
  for (const fault of [faults.resetAfter, faults.resetBefore, faults.truncate, faults.status(503, 'text'), faults.delayAnswer(200)]) {
    proxy.script(fault)
    await db.run('INSERT INTO t VALUES (?)', fault.name)
  }
  proxy.always(async exchange => {
    // The SDK makes three attempts.
    await (proxy.requests.length % 5 === 0 ? faults.resetAfter : faults.pass)(exchange)
  })
  await db.run('INSERT INTO t VALUES (randomblob(200000))')
  for (let i = 0; i < 5; ++i) await db.run('INSERT INTO t VALUES (?)', i)
  proxy.always(faults.pass)
  await db.close()
  const again = await connect('app', { store })
  const found = await again.all("SELECT iif(typeof(x) = 'blob', length(x), x) AS x FROM t ORDER BY rowid")
  assert.deepEqual(found.map(({ x }) => x), ['resetAfter', 'resetBefore', 'truncate', 'status', 'delayAnswer', 200000, 0, 1, 2, 3, 4])
  assert.equal(await again.pragma('kv_verify', { simple: true }), 'ok')
  await again.close()
})

test('a server that ignores the condition of writes is refused', { skip }, async t => {
  const client = s3(t)
  const { putObject } = client
  client.putObject = ({ IfNoneMatch, ...input }) => putObject.call(client, input)
  const store = s3Store(client, { bucket: await newBucket(t) })
  await assert.rejects(connect('app', { store }), /putIfAbsent/)
})

test('what S3 refuses is an error with its reason, and no missing key', { skip }, async t => {
  const store = s3Store(s3(t), { bucket: 'nowhere' })
  await assert.rejects(store.get(bytes('a')), { name: 'NoSuchBucket' })
  store.timeout = 1000
  await assert.rejects(connect('app', { store }), error => error.code === 'KV_STORE' && error.cause.name === 'NoSuchBucket')
  const client = { getObject () {}, putObject () {}, listObjectsV2 () { return { IsTruncated: true } }, deleteObjects: async () => ({ Errors: [{ Key: 'a', Code: 'AccessDenied', Message: 'Access Denied' }] }) }
  const denied = s3Store(client, { bucket: 'b' })
  await assert.rejects(denied.deleteBatch([bytes('a')]), { name: 'AccessDenied', message: /1 keys could not be deleted, the first of them a: Access Denied/ })
  await assert.rejects(denied.list(bytes('')), /ends in the middle/)
})

test('what is no client of S3, or no bucket, is refused', () => {
  const client = { getObject () {}, putObject () {}, deleteObjects () {}, listObjectsV2 () {} }
  for (const wrong of [undefined, null, {}, { send () {} }]) {
    typeError(() => s3Store(wrong, { bucket: 'a' }), /^Expected first argument to be an S3 of @aws-sdk\/client-s3: new S3/)
  }
  for (const wrong of [undefined, null, 'bucket']) typeError(() => s3Store(client, wrong), /^Expected second argument/)
  for (const bucket of [undefined, '', 5]) typeError(() => s3Store(client, { bucket }), /^Expected the "bucket" option/)
  typeError(() => s3Store(client, { bucket: 'b', prefix: 5 }), 'Expected the "prefix" option to be a string')
})
