'use strict'

// What Deno KV takes in one call: https://docs.deno.com/api/deno/~/Deno.Kv
const MOST_READ = 10
const MOST_WRITTEN = 100
const MOST_BYTES = 65536
// Keys and values of one commit: 800 KiB.
const MOST_BATCH = 800 * 1024

/** A store in Deno KV: `kv` comes from `Deno.openKv()`. Keys begin with `prefix`. */
function denoKvStore (kv, prefix = ['ferrolite']) {
  if (typeof kv?.getMany !== 'function' || typeof kv.atomic !== 'function') {
    throw new TypeError('Expected first argument to come from Deno.openKv()')
  }
  if (!Array.isArray(prefix)) {
    throw new TypeError('Expected second argument to be an array: the first parts of keys')
  }
  const keyOf = (key) => [...prefix, Buffer.from(key).toString('latin1')]
  // The strongest consistency is the default; it is said all the same.
  const strong = { consistency: 'strong' }
  const commit = async (change, items) => {
    const atomic = kv.atomic()
    for (const item of items) change(atomic, item)
    const { ok } = await atomic.commit()
    return ok
  }
  return {
    limits: {
      maxKeys: MOST_WRITTEN,
      maxReadKeys: MOST_READ,
      // What it encodes them with counts too.
      maxValueBytes: MOST_BYTES - 1024,
      maxBatchBytes: MOST_BATCH - 65536
    },
    async get (key) {
      return (await kv.get(keyOf(key), strong)).value
    },
    async getBatch (keys) {
      return (await kv.getMany(keys.map(keyOf), strong)).map(({ value }) => value)
    },
    async put (key, value) {
      await kv.set(keyOf(key), Uint8Array.from(value))
    },
    async putBatch (entries) {
      const set = (atomic, [key, value]) => atomic.set(keyOf(key), Uint8Array.from(value))
      await commit(set, entries)
    },
    async deleteBatch (keys) {
      await commit((atomic, key) => atomic.delete(keyOf(key)), keys)
    },
    async putIfAbsent (key, value) {
      const name = keyOf(key)
      const absent = { key: name, versionstamp: null }
      return commit((atomic) => atomic.check(absent).set(name, Uint8Array.from(value)), [null])
    },
    async list (start) {
      const first = Buffer.from(start).toString('latin1')
      const keys = []
      const selector = { start: [...prefix, first], end: [...prefix, `${first}\u00ff`] }
      for await (const { key } of kv.list(selector, strong)) {
        keys.push(Buffer.from(key.at(-1), 'latin1'))
      }
      return keys
    }
  }
}

module.exports = { denoKvStore }
