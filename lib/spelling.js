'use strict'

// Options are not passed over for their spelling. Loaded when an option has a name that is none.

const { mistake } = require('./errors')

// What others call them, without case and separators.
const CONNECTION = {
  encryptionKey: ['key', 'password', 'passphrase', 'secret', 'encryption', 'encryptkey', 'encryptionpassword',
    'encryptionpassphrase', 'encryptionsecret', 'cipherkey', 'secretkey', 'hexkey', 'rawkey', 'dbkey', 'databasekey'],
  encryptionCipher: ['cipher', 'ciphername', 'encryptionalgorithm'],
  authToken: ['token', 'jwt', 'auth', 'authorization', 'bearer', 'bearertoken', 'accesstoken', 'apitoken', 'apikey',
    'authkey', 'authenticationtoken', 'databaseauthtoken', 'dbauthtoken', 'tursoauthtoken', 'libsqlauthtoken'],
  syncUrl: ['syncuri', 'primary', 'primaryurl', 'remoteurl', 'serverurl', 'replicaurl', 'replicaof'],
  syncPeriod: ['syncinterval', 'syncevery'],
  timeout: ['busytimeout', 'busytimeoutms', 'locktimeout', 'timeoutms', 'timeoutmillis'],
  defaultQueryTimeout: ['querytimeout', 'statementtimeout', 'executiontimeout', 'defaulttimeout', 'querytimeoutms'],
  hideParameters: ['hideparams', 'hidevalues', 'hidebindings', 'maskparameters', 'redactparameters', 'logparameters', 'logqueryparameters',
    'verboseparameters'],
  connectTimeout: ['connectiontimeout', 'connecttimeoutms'],
  requestTimeout: ['fetchtimeout', 'httptimeout', 'requesttimeoutms'],
  leaseTimeout: ['transactiontimeout', 'leasetimeoutms'],
  readonly: ['isreadonly', 'openreadonly'],
  fileMustExist: ['mustexist']
}

// Of one call.
const CALL = {
  signal: ['abortsignal', 'abort', 'abortcontroller'],
  timeout: ['timeoutms', 'timeoutmillis', 'defaultquerytimeout', 'statementtimeout', 'executiontimeout'],
  queryTimeout: ['querytimeoutms']
}

const plain = (name) => name.toLowerCase().replace(/[\s_-]/g, '')

/** The one of these names that a name is like, or undefined. */
function meant (name, known, others) {
  const given = plain(name)
  return known.find((right) => plain(right) === given) ??
    Object.keys(others).find((right) => others[right].includes(given)) ??
    nearest(given, [...known, ...Object.keys(others)])
}

/** The one that has so few letters missing, too many, other or swapped that it is a slip. */
function nearest (given, known) {
  let best
  let least = Infinity
  for (const right of known) {
    const found = slips(given, plain(right))
    if (found < least) [best, least] = [right, found]
  }
  return best
}

function slips (given, right) {
  const most = right.length < 8 ? 1 : 2
  if (Math.abs(given.length - right.length) > most) return Infinity
  // Other words differ from short ones by a letter; not by two that are swapped.
  if (right.length < 4 && [...given].sort().join() !== [...right].sort().join()) return Infinity
  const found = distance(given, right)
  return found <= most ? found : Infinity
}

function distance (a, b) {
  let above = []
  let last = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; ++i) {
    const row = [i]
    for (let j = 1; j <= b.length; ++j) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1
      row[j] = Math.min(last[j] + 1, row[j - 1] + 1, last[j - 1] + cost)
      const isSwapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      if (isSwapped) row[j] = Math.min(row[j], above[j - 2] + 1)
    }
    above = last
    last = row
  }
  return last[b.length]
}

function misspelt (name, right) {
  return mistake('TypeError', `Misspelled option "${name}" should be "${right}"`)
}

const checks = {
  /** Options of a connection. */
  connection (name, options, known) {
    const right = meant(name, known, CONNECTION)
    if (right !== undefined) throw misspelt(name, right)
    const value = options[name]
    if (/ur[il]$/.test(plain(name)) && typeof value === 'string' && /^(libsql|https?|wss?):/i.test(value)) {
      throw mistake('TypeError', `Unknown option "${name}": give the URL of a server as the first argument, or for a replica as the "syncUrl" option`)
    }
  },

  /** Options that one call may have beside its parameters. */
  call (name, options, known) {
    const right = meant(name, known, CALL)
    if (right === name) throw mistake('TypeError', `The "${name}" option is not available for this method`)
    if (right !== undefined) throw misspelt(name, right)
    const { encryptionKey, encryptionCipher } = CONNECTION
    if (meant(name, [], { encryptionKey, encryptionCipher }) === undefined) return
    throw mistake('TypeError', `The "${name}" option is not available for this method: give the key to new Database()`)
  },

  /** Those of a method that is no query. */
  method (name, options, known) {
    const right = meant(name, known, {})
    if (right !== undefined) throw misspelt(name, right)
  }
}

/** Throws if an option that is none of `known` was meant to be one. */
function check (name, options, known, of) {
  checks[of](name, options, known)
}

function isLikeCallOption (name) {
  return meant(name, Object.keys(CALL), CALL) !== undefined
}

module.exports = { check, isLikeCallOption }
