'use strict'

// Ferrolite with exactly the members of better-sqlite3: libraries tell drivers apart by such names
// as `createSession`, which node:sqlite has, and `batch`, which Cloudflare D1 has.

const DATABASE = [
  'prepare', 'transaction', 'pragma', 'explain', 'backup', 'serialize', 'function', 'aggregate',
  'table', 'loadExtension', 'exec', 'close', 'defaultSafeIntegers', 'unsafeMode',
  Symbol.for('nodejs.util.inspect.custom')
]
const STATEMENT = [
  'run', 'get', 'all', 'iterate', 'bind', 'pluck', 'expand', 'raw', 'safeIntegers', 'columns',
  'toString', 'busy'
]

// Prototype of Ferrolite's statements -> that of these.
const prototypes = new WeakMap()

function narrowed (statement) {
  const own = Object.getPrototypeOf(statement)
  let prototype = prototypes.get(own)
  if (prototype === undefined) prototypes.set(own, prototype = statementPrototype(own))
  return Object.setPrototypeOf(statement, prototype)
}

function statementPrototype (own) {
  class Statement {
    constructor () {
      throw new TypeError('Statements can only be constructed by the db.prepare() method')
    }
  }
  for (const name of STATEMENT) copyMember(Statement.prototype, own, name)
  return Statement.prototype
}

function copyMember (target, source, name) {
  const member = Object.getOwnPropertyDescriptor(source, name)
  // better-sqlite3's methods are enumerable.
  if (member !== undefined) Object.defineProperty(target, name, { ...member, enumerable: 'value' in member })
}

/** The class over one entry of Ferrolite. */
function createDatabase (Ferrolite) {
  function Database (filename, options) {
    if (new.target === undefined) return new /** @type {any} */ (Database)(filename, options)
    return Reflect.construct(Ferrolite, [filename, options], new.target)
  }
  for (const name of DATABASE) copyMember(Database.prototype, Ferrolite.prototype, name)
  const { prepare } = Ferrolite.prototype
  Database.prototype.prepare = {
    prepare (sql) { return narrowed(prepare.call(this, sql)) }
  }.prepare
  Database.SqliteError = Ferrolite.SqliteError
  return Database
}

module.exports = createDatabase
