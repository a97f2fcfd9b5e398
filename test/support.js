'use strict'

const assert = require('node:assert/strict')
const { spawn } = require('node:child_process')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const nodeTest = require('node:test')
const { COLUMNS, WASM } = require('../lib/capabilities')

// The engine in WASM in the place of the addon, before anything loads one.
const IN_WASM = process.env.TEST_ON === 'wasm'
if (IN_WASM) process.env.FERROLITE_BACKEND = 'wasm'

// Another package can be put in Ferrolite's place, to check a test against the real better-sqlite3.
const MODULE = process.env.DATABASE_MODULE || path.join(__dirname, '..')
const OURS = !process.env.DATABASE_MODULE
// Files that matrix.js names run with the sync API and again with promises.
const PROMISES = process.env.TEST_API === 'promise'
const { Database } = PROMISES ? require('../promise') : { Database: require(MODULE) }

// And on a server, and on a replica, each with a server of its own.
const ON_REPLICA = process.env.TEST_ON === 'replica'
const ON_SERVER = process.env.TEST_ON === 'server' || ON_REPLICA
let server
// And in a key-value store, a new one for each database, with all pages in memory or not.
const IS_RESIDENT = process.env.TEST_ON === 'resident'
const IN_STORE = process.env.TEST_ON === 'kv' || IS_RESIDENT
const valuesOf = new Map()

const cleanups = new WeakMap()

// What a test opened last goes first, so that files are closed before they are removed.
function cleanup (t, fn) {
  let list = cleanups.get(t)
  if (!list) {
    list = []
    cleanups.set(t, list)
    t.after(async () => {
      for (const undo of list.reverse()) await undo()
    })
  }
  list.push(fn)
}

function open (t, filename = ':memory:', options) {
  if (IN_STORE && isPlace(filename)) {
    if (filename === ':memory:' || !valuesOf.has(filename)) valuesOf.set(filename, new Map())
    const mode = IS_RESIDENT ? { mode: 'resident' } : {}
    options = { store: storeOf(valuesOf.get(filename)), ...mode, ...options }
    filename = 'test'
  }
  if (ON_SERVER && isPlace(filename)) {
    wipe()
    if (ON_REPLICA) options = { ...options, syncUrl: server.url }
    filename = ON_REPLICA ? tempFile(t, 'replica.db') : server.url
  }
  const db = new Database(filename, options)
  cleanup(t, async () => { await db.close() })
  return db
}

// A store in memory of the kind that the API is for: with promises, its answers come later.
function storeOf (values = new Map()) {
  const store = require('../stores/map').mapStore(values)
  if (!PROMISES) return store
  const later = { map: values }
  for (const name of ['get', 'getBatch', 'put', 'putBatch', 'deleteBatch', 'putIfAbsent', 'list']) {
    later[name] = async (...args) => store[name](...args)
  }
  return later
}

function isPlace (filename) {
  return typeof filename === 'string' && !filename.startsWith('file:')
}

if (ON_SERVER) {
  const undo = []
  nodeTest.before(async () => {
    // It uses this module, which is not complete yet.
    await new Promise(resolve => setImmediate(resolve))
    const { startSqld } = require('./servers/sqld')
    server = await startSqld({ after: fn => undo.push(fn) })
  })
  nodeTest.after(async () => {
    for (const fn of undo) await fn()
  })
}

// Tests of a file run one after the other: each begins with an empty database.
function wipe () {
  const db = new (require(MODULE))(server.url)
  const list = db.prepare("SELECT type, name FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%'")
  for (const type of ['trigger', 'view', 'table']) {
    for (const item of list.all()) {
      if (item.type === type) db.exec(`DROP ${type} IF EXISTS "${item.name.replaceAll('"', '""')}"`)
    }
  }
  db.exec('PRAGMA user_version = 0')
  db.close()
}

// A failure is thrown, or rejected with: the constructor of the promise API does not wait for it.
function connect (...args) {
  return PROMISES ? require('../promise').connect(...args) : new Database(...args)
}

// A database of the promise API, whichever API the shared tests run with.
function openAsync (t, filename = ':memory:', options) {
  const db = new (require('../promise').Database)(filename, options)
  cleanup(t, () => db.close())
  return db
}

function tempDir (t) {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'ferrolite-'))
  cleanup(t, () => fs.rmSync(dir, { recursive: true, force: true, maxRetries: 5 }))
  return dir
}

function tempFile (t, name = 'test.db') {
  return path.join(tempDir(t), name)
}

const test = nodeTest

// What a kind of database lacks or has otherwise, by lib/capabilities.js.
const KIND = ON_REPLICA ? 'replica' : ON_SERVER ? 'remote' : IN_STORE ? 'kv' : IN_WASM ? 'wasm' : 'local'
const ALL = { ...COLUMNS, wasm: WASM }
const { called, lacks, differs } = ALL[KIND]
const ROWS = Object.values(ALL).flatMap(column => [column.lacks, column.differs])
const KNOWN = Object.assign({}, ...ROWS)

// A test of what not every kind of database has: it is skipped where the table says so.
function needs (what, run = test) {
  assert.ok(Object.hasOwn(KNOWN, what), `lib/capabilities.js does not know "${what}"`)
  const reason = lacks[what] ?? differs[what]
  return (name, ...rest) => {
    const fn = rest.pop()
    const [options] = rest
    const skip = reason !== undefined && `${called}, ${what}: ${reason}`
    run(name, { ...options, skip: skip || options?.skip }, fn)
  }
}

const whileIterating = needs('busy iterators', syncOnly)

// A test of what only Ferrolite has.
function ours (name, ...rest) {
  const fn = rest.pop()
  const [options] = rest
  test(name, { ...options, skip: OURS ? options?.skip : 'not in the package under test' }, fn)
}

const NO_PROMISES = PROMISES ? 'only for the sync API' : false

// A test of what has no meaning with promises, or is not offered there.
function syncOnly (name, ...rest) {
  const fn = rest.pop()
  const [options] = rest
  test(name, { ...options, skip: NO_PROMISES || options?.skip }, fn)
}

function oursSyncOnly (name, ...rest) {
  const fn = rest.pop()
  const [options] = rest
  ours(name, { ...options, skip: NO_PROMISES || options?.skip }, fn)
}

function quote (text) {
  return `'${text.replaceAll("'", "'\\''")}'`
}

/**
 * Run a script, or a function with JSON arguments, in a process of its own. `Database` and
 * `require` are in its scope. `started` is called with the process as soon as it runs.
 */
async function child (script, options = {}) {
  const { args = [], env = {}, execArgv = [], timeout = 60000, memory, started } = options
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'ferrolite-child-'))
  const file = path.join(dir, 'script.cjs')
  const body = typeof script === 'function' ? `;(${script})(...${JSON.stringify(args)})` : script
  const prelude = `'use strict'\nconst MODULE = ${JSON.stringify(MODULE)}\nconst Database = require(MODULE)\n`
  fs.writeFileSync(file, (options.bare ? '' : prelude) + body + '\n')
  let command = process.execPath
  let argv = [...execArgv, file]
  if (memory) {
    argv = ['-c', `ulimit -v ${Math.ceil(memory / 1024)}; exec ${[command, ...argv].map(quote).join(' ')}`]
    command = '/bin/sh'
  }
  const start = process.hrtime.bigint()
  try {
    return await new Promise((resolve, reject) => {
      // The runner's own channel must not be taken up by what runs below it.
      const childEnv = { ...process.env, NODE_TEST_CONTEXT: undefined, ...env }
      const proc = spawn(command, argv, { cwd: dir, env: childEnv, stdio: 'pipe' })
      let stdout = ''
      let stderr = ''
      proc.stdout.setEncoding('utf8').on('data', text => { stdout += text })
      proc.stderr.setEncoding('utf8').on('data', text => { stderr += text })
      const timer = setTimeout(() => proc.kill('SIGKILL'), timeout)
      proc.on('error', reject)
      proc.on('close', (code, signal) => {
        clearTimeout(timer)
        const ms = Number(process.hrtime.bigint() - start) / 1e6
        resolve({ code, signal, stdout, stderr, ms })
      })
      if (started) started(proc)
    })
  } finally {
    fs.rmSync(dir, { recursive: true, force: true })
  }
}

// The child ended by itself, with the exit code that was meant.
function exited (result, code = 0) {
  const { stdout, stderr } = result
  assert.deepEqual({ code: result.code, signal: result.signal }, { code, signal: null }, `${stdout}\n${stderr}`)
  return result
}

// What `fn` throws goes to `check`, and so does what a promise that it returns rejects with; then
// the answer is a promise too. A test that both APIs run awaits it.
function failure (fn, check) {
  let result
  try {
    result = fn()
  } catch (error) {
    return check(error)
  }
  if (typeof result?.then !== 'function') assert.fail('expected a throw')
  return result.then(() => assert.fail('expected a rejection'), check)
}

// assert.throws() and assert.rejects() in one.
function throws (fn, expected) {
  return failure(fn, error => {
    const rethrow = () => { throw error }
    if (expected === undefined) assert.throws(rethrow)
    else assert.throws(rethrow, expected)
  })
}

function typeError (fn, message) {
  return throws(fn, error => {
    assert.equal(Object.prototype.toString.call(error), '[object Error]', `threw ${String(error)}`)
    assert.equal(error.name, 'TypeError', error.stack)
    if (message !== undefined) match(error.message, message)
    return true
  })
}

function rangeError (fn, message) {
  return throws(fn, error => {
    assert.ok(error instanceof RangeError, `threw ${error && error.stack}`)
    if (message !== undefined) match(error.message, message)
    return true
  })
}

function sqliteError (fn, code, message) {
  return throws(fn, isSqliteError(code, message))
}

function isSqliteError (code, message) {
  return error => {
    assert.ok(error instanceof Database.SqliteError, `threw ${error && error.stack}`)
    assert.equal(error.code, code, error.message)
    if (message !== undefined) match(error.message, message)
    return true
  }
}

function match (actual, expected) {
  if (expected instanceof RegExp) assert.match(actual, expected)
  else assert.equal(actual, expected)
}

// Whatever was thrown, by identity: `null` and '' are thrown too.
function thrown (fn) {
  return failure(fn, error => ({ error }))
}

// Statements of the promise API are never busy: their calls wait for each other.
function busy (stmt, expected) {
  if (!PROMISES) assert.equal(stmt.busy, expected)
}

async function collect (iterable) {
  const list = []
  for await (const item of iterable) list.push(item)
  return list
}

// map() for a function that may be async, one call after the other.
async function series (list, fn) {
  const results = []
  for (const item of list) results.push(await fn(item))
  return results
}

/**
 * A function for transaction(), which is sync for the one API and async for the other, of a
 * generator that yields where the latter awaits.
 */
function steps (generator) {
  if (PROMISES) {
    return async function (...args) {
      const run = generator.apply(this, args)
      let step = run.next()
      while (!step.done) step = await resume(run, step.value)
      return step.value
    }
  }
  return function (...args) {
    const run = generator.apply(this, args)
    let step = run.next()
    while (!step.done) step = run.next(step.value)
    return step.value
  }
}

async function resume (run, promise) {
  let value
  try {
    value = await promise
  } catch (error) {
    return run.throw(error)
  }
  return run.next(value)
}

async function until (condition, what = 'the condition', ms = IN_TIME) {
  const deadline = Date.now() + ms
  while (!await condition()) {
    if (Date.now() > deadline) assert.fail(`${what} did not come within ${ms} ms`)
    await new Promise(resolve => setTimeout(resolve, 2))
  }
}

// A small generator of numbers, the same on every runtime for one seed.
function random (seed) {
  let state = seed >>> 0
  return limit => {
    state = (state + 0x6d2b79f5) >>> 0
    let x = Math.imul(state ^ (state >>> 15), state | 1)
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61)
    return ((x ^ (x >>> 14)) >>> 0) % limit
  }
}

function seed (t) {
  const value = Number(process.env.TEST_SEED) || Date.now() % 0x7fffffff
  t.diagnostic(`TEST_SEED=${value}`)
  return value
}

// What no busy machine explains, in ms: a test that looks at the clock allows this much at least.
const IN_TIME = 10000

const BUSY = 'This database connection is busy executing a query'
const STATEMENT_BUSY = 'This statement is busy executing a query'
const CLOSED = 'The database connection is not open'

module.exports = {
  BUSY,
  CLOSED,
  Database,
  IN_TIME,
  MODULE,
  OURS,
  PROMISES,
  STATEMENT_BUSY,
  busy,
  child,
  cleanup,
  collect,
  connect,
  exited,
  isSqliteError,
  needs,
  open,
  openAsync,
  ours,
  oursSyncOnly,
  random,
  rangeError,
  seed,
  series,
  sqliteError,
  steps,
  storeOf,
  syncOnly,
  tempDir,
  tempFile,
  test,
  thrown,
  throws,
  typeError,
  until,
  whileIterating
}
