'use strict'

// RESP_TYPES.BLOB_STRING of node-redis: '$'.
const BULK_STRING = 36

/**
 * A store in Redis, or in what speaks its protocol. `client` is one of ioredis or of the package
 * redis (node-redis). Redis must keep what it has acknowledged: `appendonly yes` and
 * `appendfsync always`.
 */
function redisStore (client) {
  const call = commandOf(client)
  return {
    limits: { maxKeys: 128, maxReadKeys: 128, maxValueBytes: 1 << 20, maxBatchBytes: 4 << 20 },
    get: (key) => call('GET', key),
    getBatch: (keys) => call('MGET', ...keys),
    async put (key, value) {
      await call('SET', key, bytesOf(value))
    },
    async putBatch (entries) {
      await call('MSET', ...entries.flatMap(([key, value]) => [key, bytesOf(value)]))
    },
    async deleteBatch (keys) {
      await call('DEL', ...keys)
    },
    async putIfAbsent (key, value) {
      return await call('SET', key, bytesOf(value), 'NX') !== null
    },
    async list (prefix) {
      const pattern = Buffer.concat([escape(prefix), Buffer.from('*')])
      const found = new Map()
      let cursor = '0'
      do {
        const [next, keys] = await call('SCAN', cursor, 'MATCH', pattern, 'COUNT', '1000')
        cursor = next.toString()
        // SCAN may give a key twice.
        for (const key of keys) found.set(key.toString('latin1'), key)
      } while (cursor !== '0')
      return [...found.values()]
    }
  }
}

/** How a client sends a command and gives bytes back. */
function commandOf (client) {
  if (typeof client?.callBuffer === 'function') {
    return (command, ...args) => client.callBuffer(command, ...args)
  }
  if (typeof client?.withTypeMapping === 'function') {
    const typed = client.withTypeMapping({ [BULK_STRING]: Buffer })
    return (...args) => typed.sendCommand(args)
  }
  throw new TypeError('Expected first argument to be a client of ioredis, or of redis 5 or newer')
}

function bytesOf (value) {
  if (Buffer.isBuffer(value)) return value
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength)
}

/** Of a pattern, `*?[]\` stand for themselves. */
function escape (prefix) {
  return Buffer.from(Buffer.from(prefix).toString('latin1').replace(/[*?[\]\\]/g, '\\$&'), 'latin1')
}

module.exports = { redisStore }
