'use strict'

// The API of node-sqlite3 on Ferrolite.

const path = require('node:path')
const { Backup } = require('./backup')
const { CODES, LIMITS, OPEN } = require('./constants')
const { Database } = require('./database')
const { invoke } = require('./queue')
const { Statement } = require('./statement')

const DATABASE = ['prepare', 'get', 'run', 'all', 'each', 'map', 'close', 'exec']
const STATEMENT = ['bind', 'get', 'run', 'all', 'each', 'map', 'reset', 'finalize']

let isVerbose = false

function verbose () {
  if (!isVerbose) {
    const { extendTrace } = require('./trace')
    for (const name of DATABASE) extendTrace(Database.prototype, name)
    for (const name of STATEMENT) extendTrace(Statement.prototype, name)
    isVerbose = true
  }
  return module.exports
}

const objects = {}

const cached = {
  Database: function (file, mode, callback) {
    if (file === '' || file === ':memory:') return new Database(file, mode, callback)
    const place = path.resolve(file)
    const known = objects[place]
    if (known === undefined) return (objects[place] = new Database(place, mode, callback))
    const told = typeof mode === 'number' ? callback : mode
    if (typeof told === 'function') known._inner.queue.add(known, null, () => invoke(told, known, [null]))
    return known
  },
  objects
}

// One by one: `import` finds names by reading this file.
exports.OK = CODES.OK
exports.ERROR = CODES.ERROR
exports.INTERNAL = CODES.INTERNAL
exports.PERM = CODES.PERM
exports.ABORT = CODES.ABORT
exports.BUSY = CODES.BUSY
exports.LOCKED = CODES.LOCKED
exports.NOMEM = CODES.NOMEM
exports.READONLY = CODES.READONLY
exports.INTERRUPT = CODES.INTERRUPT
exports.IOERR = CODES.IOERR
exports.CORRUPT = CODES.CORRUPT
exports.NOTFOUND = CODES.NOTFOUND
exports.FULL = CODES.FULL
exports.CANTOPEN = CODES.CANTOPEN
exports.PROTOCOL = CODES.PROTOCOL
exports.EMPTY = CODES.EMPTY
exports.SCHEMA = CODES.SCHEMA
exports.TOOBIG = CODES.TOOBIG
exports.CONSTRAINT = CODES.CONSTRAINT
exports.MISMATCH = CODES.MISMATCH
exports.MISUSE = CODES.MISUSE
exports.NOLFS = CODES.NOLFS
exports.AUTH = CODES.AUTH
exports.FORMAT = CODES.FORMAT
exports.RANGE = CODES.RANGE
exports.NOTADB = CODES.NOTADB
exports.OPEN_READONLY = OPEN.OPEN_READONLY
exports.OPEN_READWRITE = OPEN.OPEN_READWRITE
exports.OPEN_CREATE = OPEN.OPEN_CREATE
exports.OPEN_URI = OPEN.OPEN_URI
exports.OPEN_FULLMUTEX = OPEN.OPEN_FULLMUTEX
exports.OPEN_SHAREDCACHE = OPEN.OPEN_SHAREDCACHE
exports.OPEN_PRIVATECACHE = OPEN.OPEN_PRIVATECACHE
exports.LIMIT_LENGTH = LIMITS.LIMIT_LENGTH
exports.LIMIT_SQL_LENGTH = LIMITS.LIMIT_SQL_LENGTH
exports.LIMIT_COLUMN = LIMITS.LIMIT_COLUMN
exports.LIMIT_EXPR_DEPTH = LIMITS.LIMIT_EXPR_DEPTH
exports.LIMIT_COMPOUND_SELECT = LIMITS.LIMIT_COMPOUND_SELECT
exports.LIMIT_VDBE_OP = LIMITS.LIMIT_VDBE_OP
exports.LIMIT_FUNCTION_ARG = LIMITS.LIMIT_FUNCTION_ARG
exports.LIMIT_ATTACHED = LIMITS.LIMIT_ATTACHED
exports.LIMIT_LIKE_PATTERN_LENGTH = LIMITS.LIMIT_LIKE_PATTERN_LENGTH
exports.LIMIT_VARIABLE_NUMBER = LIMITS.LIMIT_VARIABLE_NUMBER
exports.LIMIT_TRIGGER_DEPTH = LIMITS.LIMIT_TRIGGER_DEPTH
exports.LIMIT_WORKER_THREADS = LIMITS.LIMIT_WORKER_THREADS
exports.Database = Database
exports.Statement = Statement
exports.Backup = Backup
exports.cached = cached
exports.verbose = verbose
// Of the engine that is inside.
exports.VERSION = '3.47.0'
exports.VERSION_NUMBER = 3047000
exports.SOURCE_ID = '2024-10-21 16:30:22 03a9703e27c44437c39363d0baf82db4ebc94538a0f28411c85dda156f82alt1'
