'use strict'

// What each kind of database has. Both APIs use this table; the table in docs/api.md and the skips
// of the tests are made from it. A new kind is a column: its name, what it lacks and why, and what
// behaves differently from a file.

const JAVASCRIPT = 'the server cannot call JavaScript'
const NO_FILE = 'the file is on the server'
const ON_SERVER = 'it needs the tables in this process'
const NO_ORIGIN = 'the protocol does not say which table a column is of'
const ON_PRIMARY = 'writes run on the primary'
const IN_STORE = 'there is no file'
const PLAIN_VALUES = 'the store encrypts its values, if they are to be encrypted'
const FOLLOWS = 'it follows no primary'

// What a replica alone has.
const OF_REPLICAS = {
  'sync()': FOLLOWS,
  'syncUntil()': FOLLOWS,
  'resync()': FOLLOWS,
  'maxWriteReplicationIndex()': FOLLOWS,
  lastSync: FOLLOWS,
  lag: FOLLOWS,
  "on('uncertain')": FOLLOWS,
  "off('uncertain')": FOLLOWS,
  "on('sync')": FOLLOWS,
  "off('sync')": FOLLOWS
}

// What a database in a key-value store alone has.
const OF_STORES = {
  'refresh()': 'readers see what others commit',
  'flush()': 'a commit does not return before it is stored',
  'history()': 'old states are not kept',
  'restore()': 'old states are not kept'
}

// What behaves differently on a server, whatever the method, and why: docs/remote.md.
const ON_SERVERS = {
  'DROP TABLE of a table that others refer to': 'foreign keys are on, and it fails',
  'an end to what runs': 'the server works on after the call',
  'busy iterators': 'all rows have come when a call ends',
  'calls that use no promise': 'they wait for a worker',
  'databases in UTF-16': 'those of the server are in UTF-8',
  'expanded SQL': 'the values are with the server',
  'extended result codes': 'the protocol does not have them',
  'functions in what writes': 'the server cannot call JavaScript',
  'locks between connections': 'the server has them',
  'names of files': 'a URL names the database',
  'origins of columns': 'the protocol does not have them',
  'parameters that are left out': 'the server wants all of them',
  'scripts statement by statement': 'the server parses a script before it runs it',
  'settings of the connection': 'the server has its own',
  'text that is not UTF-8': 'the protocol does not have it',
  'the parser of SQLite': 'the server has one of its own',
  'values of any size': 'the server refuses the request'
}

const COLUMNS = {
  local: {
    called: 'databases on this machine',
    lacks: { ...OF_REPLICAS, ...OF_STORES },
    differs: {}
  },
  remote: {
    called: 'remote databases',
    lacks: {
      ...OF_REPLICAS,
      ...OF_STORES,
      'function()': JAVASCRIPT,
      'aggregate()': JAVASCRIPT,
      'table()': JAVASCRIPT,
      'loadExtension()': 'the server loads its own',
      'authorizer()': ON_SERVER,
      'unsafeMode()': ON_SERVER,
      limits: 'the server has its own',
      "on('update')": ON_SERVER,
      "off('update')": ON_SERVER,
      "on('build')": ON_SERVER,
      "off('build')": ON_SERVER,
      'backup()': NO_FILE,
      'serialize()': NO_FILE,
      'rekey()': NO_FILE,
      'createSession()': ON_SERVER,
      'applyChangeset()': ON_SERVER,
      'stmt.expand()': NO_ORIGIN,
      'stmt.expand() inside a transaction': NO_ORIGIN,
      'option readonly': 'the server says who may write',
      'option fileMustExist': NO_FILE,
      'option vfs': NO_FILE,
      'option limits': 'the server has its own',
      'option encryptionKey': NO_FILE,
      'option encryptionCipher': NO_FILE,
      'option readers': NO_FILE
    },
    differs: ON_SERVERS
  },
  replica: {
    called: 'replicas',
    lacks: {
      ...OF_STORES,
      "on('update')": ON_PRIMARY,
      "off('update')": ON_PRIMARY,
      "on('build')": ON_PRIMARY,
      "off('build')": ON_PRIMARY,
      'rekey()': 'delete the file, and fetch it again with the other key',
      'createSession()': ON_PRIMARY,
      'applyChangeset()': ON_PRIMARY,
      'stmt.expand() inside a transaction': ON_PRIMARY,
      'option readonly': 'syncing writes to the file',
      'option fileMustExist': 'syncing makes the file',
      'option vfs': 'syncing has its own way to the file',
      'option readers': 'the worker of the file reads, and nothing else'
    },
    differs: ON_SERVERS,
    // What works for reads of its file, and not for statements on the primary.
    ofFile: [
      'function()', 'aggregate()', 'table()', 'loadExtension()', 'authorizer()', 'unsafeMode()',
      'limits', 'backup()', 'serialize()'
    ]
  },
  kv: {
    called: 'databases in key-value stores',
    lacks: {
      ...OF_REPLICAS,
      'rekey()': PLAIN_VALUES,
      'option fileMustExist': IN_STORE,
      'option vfs': 'the store has the place of the file system',
      'option encryptionKey': PLAIN_VALUES,
      'option encryptionCipher': PLAIN_VALUES,
      'option readers': 'one connection reads and writes'
    },
    differs: {
      'locks between connections': 'the store decides who writes',
      'names of files': 'the name is that of keys',
      'settings of the connection': 'the journal and its mode are fixed'
    }
  }
}

// The engine in WASM is no kind of database: it stands in the place of the native one. It lacks
// these.
const NO_THREADS = 'there are no threads'
const NO_SOCKETS = 'there are no sockets'
const WASM = {
  called: 'the engine in WASM',
  lacks: {
    ...OF_REPLICAS,
    ...OF_STORES,
    'databases of file descriptors': 'node:fs has no locks',
    'loadExtension()': 'there are no shared libraries',
    'option vfs': 'the files are those of node:fs',
    'option readers': NO_THREADS,
    promises: NO_THREADS,
    'remote databases': NO_SOCKETS,
    replicas: NO_SOCKETS
  },
  differs: {
    'recursion without end': 'a stack that is too deep is a trap',
    'write-ahead logs': 'node:fs has no shared memory',
    'locks between processes': 'node:fs has no locks: one process has a database alone'
  }
}

/** Throws where the engine in WASM does not have what is asked for. */
function requireNative ({ backend }, what) {
  if (backend !== 'wasm') return
  throw new TypeError(`${what[0].toUpperCase()}${what.slice(1)} are not available in WASM: ${WASM.lacks[what]}`)
}

/** Throws where an option is set that a kind of database does not have. */
function requireOptions (kind, options) {
  for (const name of Object.keys(COLUMNS[kind].lacks)) {
    const option = /^option (\w+)$/.exec(name)?.[1]
    if (option === undefined || option === 'readers') continue
    if (options[option] != null && options[option] !== false) {
      throw new TypeError(`The "${option}" option is not available for ${withReason(kind, name)}`)
    }
  }
}

/** Throws where a kind of database does not have what is called. */
function requireCapability (kind, method) {
  if (COLUMNS[kind].lacks[method] !== undefined) throw unavailable(kind, method)
}

function unavailable (kind, method) {
  // The message names the method alone: the stack shows its object and its event.
  const name = method.replace(/^stmt\./, '').replace(/\('\w+'\)/, '()')
  if (Object.hasOwn(OF_REPLICAS, method)) {
    return new TypeError(`${name} is for replicas: open the database with the "syncUrl" option`)
  }
  return new TypeError(`${name} is not available for ${withReason(kind, method)}`)
}

function withReason (kind, name) {
  const { called, lacks } = COLUMNS[kind]
  return `${called}: ${lacks[name]}`
}

module.exports = { COLUMNS, WASM, requireCapability, requireNative, requireOptions, unavailable }
