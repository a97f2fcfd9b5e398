'use strict'

// Key-value stores by a word and a place, such as `directory:data` or `redis://localhost`.

const { createRequire } = require('node:module')
const path = require('node:path')
const { CliError } = require('./errors')

const KINDS = {
  directory: async (place) => {
    const { directoryStore } = require('ferrolite/stores/directory')
    return { store: directoryStore(place), close () {} }
  },
  lmdb: async (place) => {
    const { open } = peer('lmdb')
    const { lmdbStore } = require('ferrolite/stores/lmdb')
    const lmdb = open({ path: place, keyEncoding: 'binary', encoding: 'binary' })
    return { store: lmdbStore(lmdb), close: () => lmdb.close() }
  },
  level: async (place) => {
    const { ClassicLevel } = peer('classic-level')
    const { levelStore } = require('ferrolite/stores/level')
    const options = { keyEncoding: 'view', valueEncoding: 'view' }
    const level = new ClassicLevel(place, options)
    await level.open()
    return { store: levelStore(level), close: () => level.close() }
  },
  redis: async (place) => {
    const { Redis } = peer('ioredis')
    const { redisStore } = require('ferrolite/stores/redis')
    const client = new Redis(place, {
      maxRetriesPerRequest: 0,
      enableOfflineQueue: false,
      retryStrategy: () => null,
      lazyConnect: true
    })
    client.on('error', () => {})
    await client.connect()
    return { store: redisStore(client), close: () => client.disconnect() }
  },
  s3: async (place) => {
    const { S3 } = peer('@aws-sdk/client-s3')
    const { s3Store } = require('ferrolite/stores/s3')
    const [bucket, ...prefix] = place.replace(/^\/\//, '').split('/')
    const client = new S3({})
    const options = { bucket, ...(prefix.length > 0 && { prefix: `${prefix.join('/')}/` }) }
    return { store: s3Store(client, options), close: () => client.destroy() }
  }
}

// A package that the user has: of their project first, since this one may be installed anywhere.
function peer (name) {
  for (const from of [path.join(process.cwd(), 'package.json'), __filename]) {
    try {
      return createRequire(from)(name)
    } catch (error) {
      if (error.code !== 'MODULE_NOT_FOUND') throw error
    }
  }
  throw new CliError(`this store needs the package "${name}": npm install ${name}`)
}

/** Opens a store by its specification; returns `{ store, close }`. */
async function openStore (text) {
  const [, kind, rest] = /^(\w+):(.*)$/.exec(text) ?? []
  if (!Object.hasOwn(KINDS, kind ?? '') || rest === '') {
    const list = Object.keys(KINDS).join(', ')
    throw new CliError(`--store takes a kind and a place, such as directory:data; kinds are ${list}`)
  }
  return await KINDS[kind](kind === 'redis' ? `redis:${rest.replace(/^(?!\/\/)/, '//')}` : rest)
}

module.exports = { openStore }
