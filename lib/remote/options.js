'use strict'

// What `new Database('libsql://…', options)` means: where the server is, and how to speak to it.

const { requireOptions } = require('../capabilities')

const SCHEMES = { 'libsql:': 'https:', 'https:': 'https:', 'http:': 'http:' }
// What a URL may have behind its question mark.
const PARAMETERS = ['authToken', 'tls']
const TLS = ['ca', 'cert', 'key', 'rejectUnauthorized']
const MAX_INT32 = 0x7fffffff

/** What the addon opens a remote connection with, and the database's name. */
function readRemote (path, options) {
  const url = parse(path)
  const isPlain = url.protocol === 'libsql:' && url.searchParams.get('tls') === '0'
  const secure = SCHEMES[url.protocol] === 'https:' && !isPlain
  const { allowInsecure = false } = options
  if (typeof allowInsecure !== 'boolean') {
    throw new TypeError('Expected the "allowInsecure" option to be a boolean')
  }
  const authToken = readToken(options, url)
  // A special scheme: URL keeps the host of others as it was written.
  const { host, hostname, pathname } = new URL(`http${secure ? 's' : ''}://${url.host}${url.pathname}`)
  if (authToken !== undefined && !secure && !isLoopback(hostname) && !allowInsecure) {
    throw new TypeError('The token would cross the network unencrypted: use https, or the option "allowInsecure"')
  }
  requireOptions('remote', options)
  const { ca, cert, key, rejectUnauthorized } = readTls(options)
  const base = pathname.endsWith('/') ? pathname : `${pathname}/`
  return {
    name: `${url.protocol}//${url.host}${url.pathname === '/' ? '' : url.pathname}`,
    args: [
      `http${secure ? 's' : ''}://${host}${base}`, authToken, readHeaders(options),
      readTime(options, 'connectTimeout', 10000), readTime(options, 'requestTimeout', 30000),
      ca, cert, key, !rejectUnauthorized
    ]
  }
}

function parse (path) {
  let url
  try {
    url = new URL(path)
  } catch {
    throw new TypeError('The URL of the database is not valid')
  }
  if (!(url.protocol in SCHEMES)) {
    throw new TypeError(`URLs of databases begin with libsql:, https: or http:, not ${url.protocol}`)
  }
  for (const name of url.searchParams.keys()) {
    if (!PARAMETERS.includes(name)) require('../spelling').checkConnectionOption(name, null, PARAMETERS)
  }
  if (url.username !== '' || url.password !== '') {
    throw new TypeError('The URL of the database cannot have a user name: use the option "authToken"')
  }
  return url
}

function readToken ({ authToken }, url) {
  const token = authToken ?? url.searchParams.get('authToken') ?? undefined
  if (token !== undefined && (typeof token !== 'string' || !/^[\x21-\x7e]*$/.test(token))) {
    throw new TypeError('Expected the "authToken" option to be a string without spaces')
  }
  return token === '' ? undefined : token
}

/** Names below localhost are no such: a name server may be asked for them. */
function isLoopback (host) {
  return host === 'localhost' || /^127(\.\d+){3}$/.test(host) || host === '[::1]'
}

function readTime (options, name, fallback) {
  const ms = options[name] ?? fallback
  if (!Number.isInteger(ms) || ms <= 0 || ms > MAX_INT32) {
    throw new TypeError(`Expected the "${name}" option to be an integer between 1 and 2147483647`)
  }
  return ms
}

/** Names and values in turn, a line each. */
function readHeaders ({ headers = {}, namespace }) {
  if (typeof headers !== 'object' || headers === null) {
    throw new TypeError('Expected the "headers" option to be an object')
  }
  if (namespace !== undefined && (typeof namespace !== 'string' || namespace === '')) {
    throw new TypeError('Expected the "namespace" option to be a non-empty string')
  }
  const all = namespace === undefined ? headers : { ...headers, ...headersOf(namespace) }
  return Object.entries(all).map(([name, value]) => {
    if (typeof value !== 'string' || /[\r\n\0]/.test(name + value)) {
      throw new TypeError(`Expected the header "${name}" to be a string of one line`)
    }
    return `${name}\n${value}\n`
  }).join('')
}

/** `sqld` reads the one, servers of others the other. */
function headersOf (namespace) {
  const encoded = Buffer.from(namespace).toString('base64').replace(/=+$/, '')
  return { 'x-namespace': namespace, 'x-namespace-bin': encoded }
}

/** @param {{ tls?: Record<string, unknown> }} options */
function readTls ({ tls = {} }) {
  if (typeof tls !== 'object' || tls === null) throw new TypeError('Expected the "tls" option to be an object')
  for (const name of Object.keys(tls)) {
    if (!TLS.includes(name)) throw new TypeError(`Unknown option "tls.${name}" (it should be one of ${TLS.join(', ')})`)
  }
  const { rejectUnauthorized = true } = tls
  if (typeof rejectUnauthorized !== 'boolean') {
    throw new TypeError('Expected the "tls.rejectUnauthorized" option to be a boolean')
  }
  const [ca, cert, key] = ['ca', 'cert', 'key'].map((name) => {
    const pem = tls[name]
    if (pem === undefined || typeof pem === 'string') return pem
    if (Buffer.isBuffer(pem)) return pem.toString('latin1')
    throw new TypeError(`Expected the "tls.${name}" option to be a string or buffer in PEM`)
  })
  if ((cert === undefined) !== (key === undefined)) {
    throw new TypeError('The options "tls.cert" and "tls.key" go together')
  }
  return { ca, cert, key, rejectUnauthorized }
}

module.exports = { readRemote }
