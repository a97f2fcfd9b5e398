'use strict'

const { parallel } = require('../lib/kv/parallel')
const { sleep } = require('../lib/timers')

// Requests at once: a client of the SDK has 50 sockets, and warns when far more wait for one.
const REQUESTS = 40
// How often a write is tried again that another one was in the way of, and the first pause, in ms.
const CONFLICTS = 6
const PAUSE = 20
// No SDK and no server resolves these as parts of a path.
const DOTS = /^\.\.?$/
const ENCODED_DOTS = /^(%2E){1,2}$/

/**
 * A store in Amazon S3, or in what speaks its protocol and knows `If-None-Match: *` of PutObject.
 * `client` is an `S3` of @aws-sdk/client-s3. Keys begin with `prefix`.
 */
function s3Store (client, options) {
  for (const method of ['getObject', 'putObject', 'deleteObjects', 'listObjectsV2']) {
    if (typeof client?.[method] === 'function') continue
    throw new TypeError('Expected first argument to be an S3 of @aws-sdk/client-s3: new S3({ ... }), and not new S3Client({ ... })')
  }
  const { bucket, prefix } = readOptions(options)
  const each = parallel(REQUESTS)
  const nameOf = (key) => prefix + encode(Buffer.from(key).toString('latin1'))
  const get = (key) => getObject(client, { Bucket: bucket, Key: nameOf(key) })
  const put = async (key, value) => {
    await client.putObject({ Bucket: bucket, Key: nameOf(key), Body: bytesOf(value) })
  }
  return {
    limits: { maxKeys: 128, maxReadKeys: 128, maxValueBytes: 1 << 20, maxBatchBytes: 8 << 20 },
    get,
    getBatch: (keys) => each(keys, get),
    put,
    async putBatch (entries) {
      await each(entries, ([key, value]) => put(key, value))
    },
    async deleteBatch (keys) {
      if (keys.length === 0) return
      const Objects = keys.map((key) => ({ Key: nameOf(key) }))
      const request = { Bucket: bucket, Delete: { Objects, Quiet: true } }
      const { Errors = [] } = await client.deleteObjects(request)
      if (Errors.length === 0) return
      const [{ Code, Key, Message }] = Errors
      throw Object.assign(new Error(`${Errors.length} keys could not be deleted, the first of them ${Key}: ${Message}`), { name: Code })
    },
    putIfAbsent (key, value) {
      const request = { Bucket: bucket, Key: nameOf(key), Body: bytesOf(value), IfNoneMatch: '*' }
      return create(client, request)
    },
    async list (start) {
      const keys = []
      let ContinuationToken
      do {
        const request = { Bucket: bucket, Prefix: nameOf(start), ContinuationToken }
        const page = await client.listObjectsV2(request)
        for (const { Key } of page.Contents ?? []) {
          keys.push(Buffer.from(decode(Key.slice(prefix.length)), 'latin1'))
        }
        ContinuationToken = page.IsTruncated ? page.NextContinuationToken : undefined
        if (page.IsTruncated && !ContinuationToken) throw new Error('The list of keys ends in the middle: S3 gave no NextContinuationToken')
      } while (ContinuationToken !== undefined)
      return keys
    }
  }
}

function readOptions (options) {
  if (typeof options !== 'object' || options === null) throw new TypeError('Expected second argument to be an options object with the name of the bucket')
  const { bucket, prefix = '' } = options
  if (typeof bucket !== 'string' || bucket === '') throw new TypeError('Expected the "bucket" option to be the name of a bucket')
  if (typeof prefix !== 'string') throw new TypeError('Expected the "prefix" option to be a string')
  return { bucket, prefix }
}

async function getObject (client, request) {
  let answer
  try {
    answer = await client.getObject(request)
  } catch (error) {
    // That there is no bucket is 404 too.
    if (error?.name === 'NoSuchKey') return null
    throw error
  }
  return await answer.Body.transformToByteArray()
}

/** Whether this request has created the object. */
async function create (client, request) {
  for (let conflicts = 0; ; conflicts++) {
    try {
      await client.putObject(request)
      return true
    } catch (error) {
      const { attempts, httpStatusCode: status } = error?.$metadata ?? {}
      // 409: another write was under way, and this one has done nothing.
      if (status === 409 && conflicts < CONFLICTS) {
        await sleep(PAUSE * 2 ** conflicts * Math.random())
        continue
      }
      if (status !== 412) throw error
      // The SDK repeats a request whose answer was lost: the object may be that of the first.
      if (attempts > 1) throw unknown(error, request, attempts)
      return false
    }
  }
}

function unknown (cause, { Key }, attempts) {
  const why = `may have been written by the first of ${attempts} attempts`
  return new Error(`${Key} is there, and ${why}`, { cause })
}

function bytesOf (value) {
  if (Buffer.isBuffer(value)) return value
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength)
}

function encode (key) {
  return forParts(key, (part) => DOTS.test(part) ? part.replaceAll('.', '%2E') : part)
}

function decode (name) {
  return forParts(name, (part) => ENCODED_DOTS.test(part) ? part.replaceAll('%2E', '.') : part)
}

function forParts (key, change) {
  return key.split('/').map(change).join('/')
}

module.exports = { s3Store }
