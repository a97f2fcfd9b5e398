'use strict'

// What `new Database('libsql://…', options)` means: where the server is, and how to speak to it.

const { URL } = require('node:url')
const { checkNames } = require('../arguments/names')
const { requireOptions } = require('../capabilities')

const SCHEMES = { 'libsql:': 'https:', 'https:': 'https:', 'http:': 'http:' }
// What a URL may have behind its question mark.
const PARAMETERS = ['authToken', 'tls']
const TLS = ['ca', 'cert', 'key', 'rejectUnauthorized']
// Headers whose values nobody else may see.
const SECRET = /^(authorization|proxy-authorization|cookie|x-api-key|x-auth-token)$/i
const MAX_INT32 = 0x7fffffff

/** What the addon opens a remote connection with, and the database's name. */
function readRemote (path, options) {
  const url = parse(path)
  const secure = isSecure(url)
  const { allowInsecure = false } = options
  if (typeof allowInsecure !== 'boolean') {
    throw new TypeError('Expected the "allowInsecure" option to be a boolean')
  }
  const authToken = readToken(options, url)
  // A special scheme: URL keeps the host of others as it was written.
  const { host, hostname, pathname } = toUrl(`http${secure ? 's' : ''}://${url.host}${url.pathname}`)
  const headers = readHeaders(options)
  const isOpen = !secure && !isLoopback(hostname) && !allowInsecure
  if (isOpen && authToken !== undefined) throw unencrypted('token')
  if (isOpen && headers.some(([name]) => SECRET.test(name))) throw unencrypted('secret header')
  requireOptions('remote', options)
  const { ca, cert, key, rejectUnauthorized } = readTls(options)
  const base = pathname.endsWith('/') ? pathname : `${pathname}/`
  return {
    name: `${url.protocol}//${url.host}${url.pathname === '/' ? '' : url.pathname}`,
    args: [
      `http${secure ? 's' : ''}://${host}${base}`, authToken, headers.map(toLine).join(''),
      readTime(options, 'connectTimeout', 10000), readTime(options, 'requestTimeout', 30000),
      ca, cert, key, !rejectUnauthorized
    ]
  }
}

function unencrypted (what) {
  return new TypeError(`The ${what} would cross the network unencrypted: use https:, or the "allowInsecure" option`)
}

function parse (path) {
  const url = toUrl(path)
  if (!(url.protocol in SCHEMES)) {
    throw new TypeError(`The URL of the database must begin with libsql:, https: or http:, not ${url.protocol}`)
  }
  // URL reads http:host and http:/host as if they had both slashes.
  if (!/^[a-z]+:\/\//i.test(path.trim())) throw notValid()
  checkNames(Object.fromEntries(url.searchParams), PARAMETERS, 'connection')
  for (const name of url.searchParams.keys()) {
    if (!PARAMETERS.includes(name)) throw new TypeError(`Unknown parameter "${name}" of the URL of the database (it should be one of ${PARAMETERS.join(', ')})`)
  }
  if (url.username !== '' || url.password !== '') {
    throw new TypeError('The URL of the database cannot have a user name: use the option "authToken"')
  }
  return url
}

function toUrl (text) {
  try {
    return new URL(text)
  } catch {
    throw notValid()
  }
}

function notValid () {
  return new TypeError('The URL of the database is not valid: write it as libsql://host')
}

/** Of libsql: URLs, `tls` says whether they are https. */
function isSecure ({ protocol, searchParams }) {
  const secure = SCHEMES[protocol] === 'https:'
  const tls = searchParams.get('tls')
  if (tls === null) return secure
  if (tls !== '0' && tls !== '1') throw new TypeError('Expected the parameter "tls" of the URL to be 0 or 1')
  if (protocol !== 'libsql:' && secure !== (tls === '1')) {
    throw new TypeError(`The parameter "tls" is for URLs that begin with libsql:, and this one begins with ${protocol}`)
  }
  return tls === '1'
}

function readToken ({ authToken }, url) {
  const fromUrl = url.searchParams.get('authToken') ?? undefined
  // An empty one is none: a variable that is not set.
  const token = authToken === '' ? fromUrl : authToken ?? fromUrl
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

/** Names and values. */
function readHeaders ({ headers = {}, namespace }) {
  if (typeof headers !== 'object' || headers === null) {
    throw new TypeError('Expected the "headers" option to be an object')
  }
  if (namespace !== undefined && (typeof namespace !== 'string' || namespace === '')) {
    throw new TypeError('Expected the "namespace" option to be a non-empty string')
  }
  const all = namespace === undefined ? headers : { ...headers, ...headersOf(namespace) }
  const entries = Object.entries(all)
  for (const [name, value] of entries) {
    if (typeof value !== 'string' || /[\r\n\0]/.test(name + value)) {
      throw new TypeError(`Expected the header "${name}" to be a string of one line`)
    }
  }
  return entries
}

/** As the addon takes them: names and values in turn, a line each. */
function toLine ([name, value]) {
  return `${name}\n${value}\n`
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
    throw new TypeError(`Expected the "tls.${name}" option to be a string or Buffer in PEM`)
  })
  if ((cert === undefined) !== (key === undefined)) {
    throw new TypeError('The options "tls.cert" and "tls.key" go together: give both')
  }
  return { ca, cert, key, rejectUnauthorized }
}

module.exports = { readRemote }
