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

Object.assign(exports, CODES, OPEN, LIMITS)
// One by one: `import` finds names by reading this file.
exports.Database = Database
exports.Statement = Statement
exports.Backup = Backup
exports.cached = cached
exports.verbose = verbose
// Of the engine that is inside.
exports.VERSION = '3.47.0'
exports.VERSION_NUMBER = 3047000
exports.SOURCE_ID = '2024-10-21 16:30:22 03a9703e27c44437c39363d0baf82db4ebc94538a0f28411c85dda156f82alt1'
