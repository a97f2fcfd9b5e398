'use strict'

const assert = require('node:assert/strict')
const test = require('node:test')
const { runBatch } = require('../../lib/backends/sync/batch')
const { getBinding } = require('../../lib/binding')
const { COLUMNS, unavailable } = require('../../lib/capabilities')
const createDatabase = require('../../lib/create')
const { createController, createTransaction } = require('../../lib/transaction')
const { CLOSED, typeError } = require('../support')

// What its statements are, and what each does with a map and the parameters.
const VERBS = {
  PUT: (map, [key, value]) => { map.set(key, value) },
  GET: (map, [key]) => map.has(key) ? [{ key, value: map.get(key) }] : [],
  ALL: (map) => Array.from(map, ([key, value]) => ({ key, value })),
  'PRAGMA size': (map) => [{ size: map.size }],
  'EXPLAIN GET': () => [{ opcode: 'Get' }]
}

class MapStatement {
  #backend
  #pluck = false

  constructor (backend, source, database) {
    if (!Object.hasOwn(VERBS, source)) throw new SyntaxError(`near "${source}": syntax error`)
    this.#backend = backend
    Object.assign(this, { source, database, reader: source !== 'PUT', readonly: source !== 'PUT' })
  }

  run (...params) {
    this.all(...params)
    return { changes: this.reader ? 0 : 1, lastInsertRowid: 0 }
  }

  get (...params) { return this.all(...params)[0] }
  iterate (...params) { return this.all(...params).values() }
  columns () { return [{ name: 'key' }, { name: 'value' }] }
  timeout () { return this }

  pluck () {
    this.#pluck = true
    return this
  }

  all (...params) {
    const rows = VERBS[this.source](this.#backend.map, params.flat()) ?? []
    return this.#pluck ? rows.map((row) => Object.values(row)[0]) : rows
  }
}

// A database that is a map: what another kind of database takes.
class MapBackend {
  kind = 'map'
  file = null
  open = true
  #map = new Map()
  // What it was when each transaction began that is open.
  #before = []

  constructor ({ natives }, options) { Object.assign(this, { natives, options }) }
  get inTransaction () { return this.#before.length !== 0 }
  get map () { return this.open ? this.#map : assert.fail(new TypeError(CLOSED)) }

  prepare (sql, database) { return new MapStatement(this, sql, database) }
  parametersOf () { return [null] }
  pragma (sql, database) { return this.prepare(sql, database) }
  explain (sql, database) { return this.prepare(sql, database) }

  exec (sql) {
    if (/^(BEGIN|SAVEPOINT)/.test(sql)) this.#before.push(new Map(this.map))
    else if (/^ROLLBACK TO/.test(sql)) this.#map = new Map(this.#before.at(-1))
    else if (sql === 'ROLLBACK') this.#map = this.#before.pop()
    else this.#before.pop()
  }

  transaction (fn, database) {
    const controller = createController((sql) => () => this.exec(sql))
    return createTransaction(fn, database, controller, () => this.inTransaction)
  }

  batch (list, options, database) {
    const last = { changes: 0, lastInsertRowid: 0 }
    return runBatch(this.natives, database, list, options, () => last)
  }

  listeners (method) { throw unavailable(this.kind, `${method}('update')`) }
  stats () { return { cachedStatements: 0 } }
  close () { this.open = false }
}

// It has no more than a server has.
COLUMNS.map = { called: 'maps', lacks: COLUMNS.remote.lacks }

const openBackend = (environment, options) => new MapBackend(environment, options)
const Database = createDatabase(getBinding, { openBackend })

test('a database of another kind has the methods of all', () => {
  const db = new Database('a map')
  assert.deepEqual({ ...db }, {
    name: 'a map', open: true, inTransaction: false, readonly: false, memory: false
  })
  const put = db.prepare('PUT')
  assert.deepEqual(put.run('a', 1), { changes: 1, lastInsertRowid: 0 })
  assert.equal(put.database, db)
  assert.deepEqual(db.get('GET', 'a'), { key: 'a', value: 1 })
  assert.equal(db.get('GET', 'b'), undefined)
  assert.deepEqual(db.run('PUT', 'b', 2), { changes: 1, lastInsertRowid: 0 })
  assert.deepEqual(db.all('ALL'), [{ key: 'a', value: 1 }, { key: 'b', value: 2 }])
  assert.deepEqual([...db.iterate('GET', 'b')], [{ key: 'b', value: 2 }])
  assert.equal(db.pragma('size', { simple: true }), 2)
  assert.deepEqual(db.explain('GET'), [{ opcode: 'Get' }])
  assert.equal(db.close(), db)
  assert.equal(db.open, false)
  typeError(() => db.all('ALL'), CLOSED)
})

test('its transactions and batches are all or nothing', () => {
  const db = new Database('a map')
  const put = db.transaction((fail) => {
    assert.equal(db.inTransaction, true)
    db.run('PUT', 'a', 1)
    if (fail) throw new Error('no')
  })
  assert.throws(() => put(true), { message: 'no' })
  assert.deepEqual([db.all('ALL'), db.inTransaction], [[], false])
  db.transaction(() => {
    assert.throws(() => put.immediate(true), { message: 'no' })
    db.run('PUT', 'b', 2)
  })()
  assert.deepEqual(db.all('ALL'), [{ key: 'b', value: 2 }])
  const results = db.batch([['PUT', ['c', 3]], 'ALL'])
  assert.deepEqual(results.map(({ changes, rows }) => [changes, rows.length]), [[1, 0], [0, 2]])
  const wrong = { name: 'SyntaxError', statementIndex: 1 }
  assert.throws(() => db.batch([['PUT', ['d', 4]], 'NOT']), wrong)
  assert.equal(db.pragma('size', { simple: true }), 2)
})

test('what it has not is what its column says', () => {
  const db = new Database('a map')
  typeError(() => db.function('f', () => 1), 'function() is not available for maps: the server cannot call JavaScript')
  typeError(() => db.limits, 'limits is not available for maps: the server has its own')
  typeError(() => db.on('update', () => {}), 'on() is not available for maps: it needs the tables in this process')
  typeError(() => db.sync(), 'sync() is for replicas: open the database with the "syncUrl" option')
})
