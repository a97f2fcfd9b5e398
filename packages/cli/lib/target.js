'use strict'

// What a name on the command line or after .open stands for: a file, a server, a replica, a
// database in a key-value store; and how it is opened.

const fs = require('node:fs')
const { load } = require('./driver')
const { CliError } = require('./errors')
const { openStore } = require('./stores')

const URL_LIKE = /^(libsql|https?|wss?):\/\//i

/** Whether a name is the URL of a server. */
function isUrl (name) {
  return URL_LIKE.test(name)
}

// sqld answers WebSockets and HTTP at the same address.
function httpUrl (name) {
  return name.replace(/^ws(s?):/i, 'http$1:')
}

/** What kind of database it is: 'file', 'memory', 'server', 'replica' or 'store'. */
function kindOf ({ name, sync, store }) {
  if (store) return 'store'
  if (sync) return 'replica'
  if (typeof name !== 'string') return 'memory'
  if (isUrl(name)) return 'server'
  return name === ':memory:' || name === '' ? 'memory' : 'file'
}

/**
 * Opens a database: `{ db, kind, close }`. `options` are those of the command line: `readonly`,
 * `key`, `keyFile`, `token`, `sync`, `namespace`, `store`.
 */
async function openTarget (name, options = {}) {
  const { connect } = load()
  const kind = kindOf({ ...options, name })
  const isRemote = kind === 'server' || kind === 'replica'
  const store = kind === 'store' ? await openStore(options.store) : null
  try {
    const db = await connect(kind === 'server' ? httpUrl(name) : name, {
      ...(options.readonly && kind !== 'memory' && { readonly: true }),
      ...(options.mustExist && kind === 'file' && { fileMustExist: true }),
      ...(kind !== 'server' && keyOptions(options)),
      ...(isRemote && { authToken: options.token ?? process.env.FERROLITE_TOKEN }),
      ...(isRemote && options.namespace && { namespace: options.namespace }),
      ...(isRemote && options.insecure && { allowInsecure: true }),
      ...(kind === 'replica' && { syncUrl: httpUrl(options.sync) }),
      ...(store !== null && { store: store.store }),
      ...(store?.singleWriter && { singleWriter: true })
    })
    // Integers beyond 2^53 are shown as they are.
    db.defaultSafeIntegers(true)
    const close = async () => {
      await db.close({ interrupt: true })
      await store?.close()
    }
    return { db, kind, name: db.name, options, close }
  } catch (error) {
    await store?.close()
    throw opening(error, name)
  }
}

function keyOptions ({ key, keyFile }) {
  const encryptionKey = keyFile ? readKey(keyFile) : key ?? process.env.FERROLITE_KEY
  return encryptionKey ? { encryptionKey } : {}
}

function readKey (file) {
  try {
    return fs.readFileSync(file, 'utf8').replace(/\r?\n$/, '')
  } catch (error) {
    throw new CliError(`cannot read the key file "${file}": ${error.code}`)
  }
}

function opening (error, name) {
  if (error instanceof CliError) return error
  error.message = `unable to open database "${shortName(name)}": ${error.message}`
  return error
}

/** A name without the token that a URL may have. */
function shortName (name) {
  return isUrl(name) ? name.split('?')[0] : name
}

module.exports = { isUrl, keyOptions, kindOf, openTarget, shortName }
