'use strict'

// Every option of a connection is read, checked and defaulted here. Texts are better-sqlite3's.

const { checkNames } = require('./arguments/names')
const { followLink, isAnonymous, isInMemory, resolveFile, usesUris } = require('./paths')

const LIMITS = [
  'length', 'sqlLength', 'column', 'exprDepth', 'compoundSelect', 'vdbeOp', 'functionArg', 'attach',
  'likePatternLength', 'variableNumber', 'triggerDepth'
]

// The name of a server and not of a file.
const REMOTE = /^(libsql|https?|wss?):/i

// The only cipher that the engine was built with.
const CIPHER = 'aes256cbc'

// What the engine opens `fd:7:8` with (crates/sqlite/src/descriptors).
const VFS_OF_DESCRIPTORS = 'ferrolite-fd'

const MAX_INT32 = 0x7fffffff

// What @ferrolite/sqlite3 says: text in double quotes that names nothing is a string in its engine.
const QUOTED_STRINGS = Symbol.for('ferrolite.quotedStrings')

// Options that make no sense without the name of a database.
const NAMED = [
  'store', 'fileMustExist', 'vfs', 'encryptionKey', 'encryptionCipher', 'syncUrl', 'syncPeriod', 'readYourWrites', 'resync',
  'authToken', 'connectTimeout', 'requestTimeout', 'headers', 'namespace', 'tls', 'allowInsecure'
]

// Options of servers only, and of replicas only.
const FOR_SERVER = ['authToken', 'headers', 'namespace', 'tls']
const FOR_REPLICA = ['syncPeriod', 'readYourWrites', 'resync', 'waitForUncertain']

// Options of databases in key-value stores.
const FOR_STORE = ['store', 'singleWriter', 'pageSize', 'mode', 'maxQueuedBytes', 'keepEpochs', 'epoch', 'checkpointIdle']

const KNOWN = [
  ...NAMED, 'readonly', 'timeout', 'verbose', 'hideParameters', 'nativeBinding', 'defaultQueryTimeout',
  'limits', 'leaseTimeout', 'readers', 'offline', 'remoteEncryptionKey', 'journalFd', 'waitForUncertain', 'detachReplica',
  ...FOR_STORE
]

function getBooleanOption (options, key) {
  if (!(key in options)) return false
  const value = options[key]
  if (typeof value !== 'boolean') throw new TypeError(`Expected the "${key}" option to be a boolean`)
  return value
}

/** The argument of a method that switches something: a boolean, by default true. */
function readToggle (args) {
  if (args.length === 0) return true
  if (typeof args[0] !== 'boolean') throw new TypeError('Expected first argument to be a boolean')
  return args[0]
}

/** The arguments of `new Database(path, options)`, checked. */
function readOptions (path, options, allowNativeBinding) {
  let buffer = null
  if (Buffer.isBuffer(path)) {
    buffer = path
    path = ':memory:'
  }
  const database = typeof path === 'number' ? readDescriptor(path) : null
  if (database !== null) path = `fd:${database}`
  options ??= {}
  if (path === undefined || path === null) {
    requireNoName(options)
    path = ''
  }
  if (typeof path !== 'string') throw new TypeError('Expected first argument to be a string')
  if (typeof options !== 'object') throw new TypeError('Expected second argument to be an options object')
  if ('readOnly' in options) throw new TypeError('Misspelled option "readOnly" should be "readonly"')
  if ('memory' in options) throw new TypeError('Option "memory" was removed in v7.0.0 (use ":memory:" filename instead)')
  checkNames(options, KNOWN, 'connection')

  if (path.includes('\0')) throw new TypeError('Database path cannot contain a NUL character')

  const trimmed = path.trim()
  const file = isInMemory(trimmed) ? ':memory:' : trimmed
  const anonymous = isAnonymous(file)
  const common = readCommon(options, anonymous && buffer === null, allowNativeBinding)
  const journal = readJournal(options, database)
  const inStore = 'store' in options
  const isRemote = !inStore && buffer === null && REMOTE.test(file)
  const { kind, remote, replica, store = null } = inStore
    ? require('./arguments/store').readStore(path, options, buffer !== null)
    : readPlace(file, isRemote, options, anonymous || buffer !== null)
  const vfs = database === null ? readVfs(options) : VFS_OF_DESCRIPTORS
  const uri = usesUris(options)
  return {
    name: isRemote ? remote.name : path,
    kind,
    // The file on this machine.
    file: isRemote || inStore ? null : fileOf(kind, resolveFile(database === null ? file : `${file}:${journal}`, uri, vfs)),
    uri,
    remote,
    replica,
    // The key-value store that holds its pages.
    store,
    anonymous,
    buffer,
    isDescriptor: database !== null,
    quotedStrings: options[QUOTED_STRINGS] === true,
    ...common,
    // An old state stays as it is.
    readonly: common.readonly || (store !== null && store.epoch !== 0),
    detachReplica: getBooleanOption(options, 'detachReplica'),
    vfs,
    defaultQueryTimeout: readDefaultTimeout(options),
    limits: readLimits(options),
    key: readEncryption(options, anonymous)
  }
}

/** The options that all kinds of databases have; `isEmpty` if nothing can be in it at first. */
function readCommon (options, isEmpty, allowNativeBinding) {
  const readonly = getBooleanOption(options, 'readonly')
  const fileMustExist = getBooleanOption(options, 'fileMustExist')
  const { timeout = 5000, hideParameters = false } = options
  const verbose = 'verbose' in options ? options.verbose : null
  const nativeBinding = 'nativeBinding' in options ? options.nativeBinding : null

  if (readonly && isEmpty) throw new TypeError('In-memory/temporary databases cannot be readonly')
  if (!Number.isInteger(timeout) || timeout < 0) throw new TypeError('Expected the "timeout" option to be a positive integer')
  if (timeout > MAX_INT32) throw new RangeError('Option "timeout" cannot be greater than 2147483647')
  if (verbose != null && typeof verbose !== 'function') throw new TypeError('Expected the "verbose" option to be a function')
  if (typeof hideParameters !== 'boolean') throw new TypeError('Expected the "hideParameters" option to be a boolean')
  if (!allowNativeBinding && 'nativeBinding' in options) {
    throw new TypeError('The "nativeBinding" option is only supported by the default ferrolite entrypoint')
  }
  if (nativeBinding != null && typeof nativeBinding !== 'string' && typeof nativeBinding !== 'object') {
    throw new TypeError('Expected the "nativeBinding" option to be a string or addon object')
  }
  return { readonly, fileMustExist, timeout, verbose, hideParameters, nativeBinding }
}

/** The file descriptor of a database. */
function readDescriptor (fd) {
  if (isDescriptor(fd)) return fd
  throw new TypeError('Expected the file descriptor to be a non-negative 32-bit integer')
}

/** That of its rollback journal, or null for a database that has a name. */
function readJournal (options, database) {
  const { journalFd: journal } = options
  if (database === null) {
    if (journal === undefined) return null
    throw new TypeError('The "journalFd" option can only be used when opening a database from a file descriptor')
  }
  if (journal === undefined) throw new TypeError('The "journalFd" option is required when opening a database from a file descriptor')
  if (!isDescriptor(journal)) throw new TypeError('Expected the "journalFd" option to be a non-negative 32-bit integer')
  const other = NAMED.find((name) => name !== 'fileMustExist' && options[name] != null)
  if (other === undefined) return journal
  throw new TypeError(`The "${other}" option cannot be used when opening a database from a file descriptor`)
}

function isDescriptor (value) {
  return Number.isInteger(value) && value >= 0 && value <= MAX_INT32
}

/** Throws if the name is missing and an option needs one. */
function requireNoName (options) {
  const option = typeof options === 'object' ? NAMED.find((name) => name in options) : undefined
  if (option === undefined) return
  throw new TypeError(`Expected first argument to be a string with the "${option}" option: a path or a URL (is a variable not set?)`)
}

/**
 * The kind of a database, the options of its server, and those of its replica.
 */
function readPlace (file, isRemote, options, anonymous) {
  // `mode` has other values in other drivers.
  const isOfStore = (name) => name === 'mode' ? options.mode === 'resident' : options[name] != null
  const ofStore = FOR_STORE.find(isOfStore)
  if (ofStore !== undefined) {
    throw new TypeError(`The "${ofStore}" option is for databases in key-value stores, and the "store" option is not set`)
  }
  // A file that is not synced, or not encrypted, would look the same until it is too late.
  if (options.remoteEncryptionKey) throw new TypeError('The "remoteEncryptionKey" option of libsql is not available: use "encryptionKey", which encrypts the file on this machine')
  if (options.offline) {
    throw new TypeError('The "offline" option of libsql is not available: libSQL servers (sqld) do not accept writes that were made offline')
  }
  if (isRemote) {
    requireNoReplica(options)
    const remote = require('./remote/options').readRemote(file, options)
    return { kind: 'remote', remote, replica: null }
  }
  if (options.syncUrl != null) return require('./replica/options').readReplica(file, options, anonymous)
  requireLocal(file, options, anonymous)
  return { kind: 'local', remote: null, replica: null }
}

function requireNoReplica (options) {
  if (options.syncUrl != null) throw new TypeError('A remote database cannot be a replica: name a file, and the server in the "syncUrl" option')
  const given = FOR_REPLICA.find((name) => options[name] != null)
  const option = given ?? (options.detachReplica ? 'detachReplica' : undefined)
  if (option === undefined) return
  throw new TypeError(`The "${option}" option is for replicas: name a file, and the server in the "syncUrl" option`)
}

/** What only a server or a replica has is not passed over where their name is missing. */
function requireLocal (file, options, anonymous) {
  if (file === '') requireName(options)
  if (/[?&]authToken=/i.test(file)) {
    throw new TypeError('The name of the database contains a token but is not a URL: a URL begins with libsql://')
  }
  const option = FOR_REPLICA.find((name) => options[name] != null)
  if (option !== undefined) throw new TypeError(`The "${option}" option is for replicas, and the "syncUrl" option is not set`)
  const forServer = anonymous ? undefined : FOR_SERVER.find((name) => isFilled(options[name]))
  if (forServer === undefined) return
  throw new TypeError(`The "${forServer}" option is for a server, but the name of the database is not a URL (such as libsql://...) and the "syncUrl" option is not set`)
}

/** An empty name is that of a temporary database, but a variable may be empty by mistake. */
function requireName (options) {
  const option = NAMED.find((name) => {
    // better-sqlite3 opens temporary databases with these; a key has an error of its own.
    if (name === 'vfs' || name === 'fileMustExist') return false
    return name in options && (name !== 'encryptionKey' || options[name] == null)
  })
  if (option === undefined) return
  throw new TypeError(`The name of the database is empty, but the "${option}" option needs one (is a variable not set?)`)
}

/** Nothing is in '' and {}. */
function isFilled (value) {
  return typeof value === 'object' && value !== null ? Object.keys(value).length !== 0 : Boolean(value)
}

/** A replica behind a link is where that leads: what belongs to it stands beside it there. */
function fileOf (kind, file) {
  return kind === 'replica' ? followLink(file) : file
}

function readEncryption (options, anonymous) {
  // Undefined is none: @libsql/client names all options of libsql, given or not.
  const { encryptionCipher: cipher = CIPHER, encryptionKey = null } = options
  if (typeof cipher !== 'string') throw new TypeError('Expected the "encryptionCipher" option to be a string')
  if (cipher.toLowerCase() !== CIPHER) {
    throw new TypeError(`The "encryptionCipher" option can only be "${CIPHER}"`)
  }
  if (encryptionKey === null) return null
  const key = readKey(encryptionKey, 'Expected the "encryptionKey" option')
  if (anonymous) throw new TypeError('In-memory/temporary databases cannot be encrypted')
  return key
}

/** A key as bytes of its own, which whoever has them overwrites after use. */
function readKey (key, expected) {
  // Those of other realms are no instances of this one's class.
  const isBytes = Object.prototype.toString.call(key) === '[object Uint8Array]'
  if ((typeof key !== 'string' && !isBytes) || key.length === 0) {
    throw new TypeError(`${expected} to be a non-empty string or Uint8Array`)
  }
  // Not of Buffer's pool, which others read.
  return isBytes ? Uint8Array.from(key) : Uint8Array.from(Buffer.from(key))
}

function readVfs ({ vfs }) {
  if (vfs != null && (typeof vfs !== 'string' || vfs === '')) {
    throw new TypeError('Expected the "vfs" option to be a non-empty string')
  }
  return vfs ?? undefined
}

function readDefaultTimeout ({ defaultQueryTimeout = 0 }) {
  if (!Number.isInteger(defaultQueryTimeout) || defaultQueryTimeout < 0) {
    throw new TypeError('Expected the "defaultQueryTimeout" option to be a positive integer')
  }
  if (defaultQueryTimeout > MAX_INT32) {
    throw new RangeError('Option "defaultQueryTimeout" cannot be greater than 2147483647')
  }
  return defaultQueryTimeout
}

function readLimits ({ limits }) {
  if (limits === undefined) return null
  if (typeof limits !== 'object' || limits === null) throw new TypeError('Expected the "limits" option to be an object')
  for (const name of Object.keys(limits)) {
    if (!LIMITS.includes(name)) throw new TypeError(`Unknown limit "${name}" (it should be one of ${LIMITS.join(', ')})`)
    requireLimit(name, limits[name])
  }
  return limits
}

function requireLimit (name, value) {
  if (!Number.isInteger(value) || value < 0) {
    throw new TypeError(`Expected the limit "${name}" to be a positive integer`)
  }
  if (value > MAX_INT32) throw new RangeError(`The limit "${name}" cannot be greater than 2147483647`)
}

module.exports = { LIMITS, getBooleanOption, readKey, readOptions, readToggle, requireLimit }
