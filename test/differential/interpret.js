'use strict'

const fs = require('node:fs')
const path = require('node:path')
const util = require('node:util')

const callbacks = require('./callbacks')
const { build } = require('./values')
const { observe } = require('./observe')

// Operations inside callbacks can multiply; both sides give up at the same count.
const MOST_STEPS = 20_000

// Runs one program on one Database class. `trace` holds one entry per thing a user could see.
class Run {
  trace = []
  #Database
  #slots = { db: new Map(), stmt: new Map(), iter: new Map() }
  #labels = new Map()
  #thrown = new Map()
  #path = ''
  #steps = 0

  constructor (Database, dir, extras) {
    this.#Database = Database
    this.dir = dir
    this.extras = extras
  }

  // What values.js, observe.js and callbacks.js ask of a run.

  label (value) {
    return this.#labels.get(value)
  }

  handle ([kind, id]) {
    return this.#slots[kind].get(id)
  }

  path (name) {
    return name.replaceAll('DIR', this.dir)
  }

  thrown (spec) {
    const key = JSON.stringify(spec)
    if (!this.#thrown.has(key)) {
      const value = build(spec, this)
      this.#thrown.set(key, value)
      if (typeof value === 'object' && value !== null) this.#labels.set(value, `thrown ${key}`)
    }
    return this.#thrown.get(key)
  }

  callback (spec) { return callbacks.callback(spec, this) }
  generator (spec) { return callbacks.generator(spec, this) }
  factory (spec) { return callbacks.factory(spec, this) }
  logger (spec) { return callbacks.logger(spec, this) }

  note (kind, seen) {
    this.trace.push([this.#path, kind, seen])
  }

  nested (ops) {
    const outer = this.#path
    ops.forEach((op, i) => this.#step(op, `${outer}.${i}`))
    this.#path = outer
  }

  async program (ops) {
    for (const [i, op] of ops.entries()) {
      if (op.do === 'backup') await this.#backup(op, String(i))
      else this.#step(op, String(i))
    }
    this.#finish()
    return this.trace
  }

  // Operations.

  #step (op, at) {
    if (++this.#steps > MOST_STEPS) return
    this.#path = at
    this[`_${op.do}`](op)
    this.#path = at
    this.#state(op)
  }

  #attempt (kind, action) {
    let value
    try {
      value = action()
    } catch (error) {
      this.note(`${kind} throws`, observe(error, this))
      return undefined
    }
    this.note(kind, observe(value, this))
    return value
  }

  #keep (kind, id, value) {
    this.#slots[kind].set(id, value)
    this.#labels.set(value, `${kind} ${id}`)
  }

  #state (op) {
    const [kind, id] = op.on ?? ['db', op.db]
    const target = this.#slots[kind]?.get(id)
    if (!target) return
    try {
      if (kind === 'stmt') this.note('state', [target.busy, target.database.inTransaction])
      if (kind === 'db') this.note('state', [target.open, target.inTransaction])
    } catch (error) {
      this.note('state throws', observe(error, this))
    }
  }

  _open (op) {
    const Database = this.#Database
    const args = build(op.args, this)
    class Derived extends Database {}
    const db = this.#attempt('open', () => {
      const made = op.how === 'call'
        ? Database(...args)
        : op.how === 'derived' ? new Derived(...args) : new Database(...args)
      this.#keep('db', op.db, made)
      return made
    })
    if (db) this.note('class', [db.constructor === (op.how === 'derived' ? Derived : Database)])
  }

  // op.save is where the result goes, [kind, id].
  _call (op) {
    const target = this.handle(op.on)
    if (target === undefined) return this.note('skip', null)
    const args = build(op.args, this)
    this.#attempt(op.m, () => {
      const value = target[op.m](...args)
      if (op.save) this.#keep(op.save[0], op.save[1], value)
      return value
    })
  }

  // A method of one class on an object of another.
  _foreign (op) {
    const target = this.handle(op.on)
    const self = build(op.self, this)
    if (target === undefined) return this.note('skip', null)
    this.#attempt(`foreign ${op.m}`, () => target[op.m].call(self))
  }

  _props (op) {
    const target = this.handle(op.on)
    if (target === undefined) return this.note('skip', null)
    this.#attempt('props', () => [
      Object.keys(target).map((key) => [key, target[key]]),
      target.constructor.name,
      Object.isFrozen(target),
      typeof target.then
    ])
    if (op.on[0] === 'db') this.note('inspect', observe(util.inspect(target), this))
    if (op.on[0] === 'iter') {
      this.#attempt('iterator', () => [typeof target.throw, target[Symbol.iterator]() === target])
    }
  }

  _set (op) {
    const target = this.handle(op.on)
    if (target === undefined) return this.note('skip', null)
    this.#attempt(`set ${op.key}`, () => {
      target[op.key] = build(op.value, this)
      return target[op.key]
    })
  }

  // A for...of loop over a statement, with operations in its body.
  _each (op) {
    const stmt = this.handle(op.on)
    if (stmt === undefined) return this.note('skip', null)
    const args = build(op.args, this)
    const at = this.#path
    this.#attempt('each', () => {
      let count = 0
      for (const row of stmt.iterate(...args)) {
        count++
        this.#path = at
        this.note('row', observe(row, this))
        if (count <= 2) this.nested(op.body)
        if (count === op.throwAt) throw this.thrown(op.throws)
        if (count === op.breakAt) break
      }
      return count
    })
  }

  _drain (op) {
    const iterator = this.handle(op.on)
    if (iterator === undefined) return this.note('skip', null)
    this.#attempt('drain', () => [...iterator])
  }

  _transaction (op) {
    const db = this.handle(['db', op.db])
    if (db === undefined) return this.note('skip', null)
    const at = this.#path
    const run = this.#attempt('transaction', () => db.transaction(build(op.fn, this)))
    if (typeof run !== 'function') return
    if (op.inspect) {
      const variants = ['default', 'deferred', 'immediate', 'exclusive']
      this.#attempt('variants', () => [
        variants.map((name) => [typeof run[name], run[name].database === db]),
        variants.map((name) => run[name].exclusive === run.exclusive),
        Object.keys(run),
        run.length
      ])
    }
    const args = build(op.args, this)
    this.#path = at
    this.#attempt('transact', () => (op.mode ? run[op.mode] : run).apply(build(op.self, this), args))
  }

  _dump (op) {
    const db = this.handle(['db', op.db])
    if (db === undefined) return this.note('skip', null)
    this.#attempt('dump', () => {
      const list = 'SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name'
      const schema = db.prepare(list).raw(true).all()
      const plain = schema.filter(([type, name, , sql]) =>
        type === 'table' && !/virtual|sqlite_/i.test(`${sql} ${name}`))
      const content = plain.map(([, name]) => [
        name,
        db.prepare(`SELECT * FROM "${name.replaceAll('"', '""')}"`).raw(true).safeIntegers(true).all()
      ])
      const counters = db.prepare('SELECT total_changes(), last_insert_rowid()').raw(true).get()
      return [schema, content, counters]
    })
  }

  // EXPLAIN's rows belong to the engine; the shape of the answer belongs to the package.
  _explain (op) {
    const db = this.handle(['db', op.db])
    if (db === undefined) return this.note('skip', null)
    this.#attempt('explain', () => {
      const rows = db.explain(...build(op.args, this))
      return [Array.isArray(rows), rows.length > 0, Object.keys(rows[0] ?? {})]
    })
  }

  // Bytes and free pages are the engine's, so a copy is judged by what opens from it.
  _serialize (op) {
    const db = this.handle(['db', op.db])
    if (db === undefined) return this.note('skip', null)
    const Database = this.#Database
    this.#attempt('serialize', () => {
      const content = db.serialize(...build(op.args, this))
      const seen = [Buffer.isBuffer(content), content.length % 512, content.toString('latin1', 0, 15)]
      const copy = new Database(content, build(op.options, this))
      this.#keep('db', op.save, copy)
      return [seen, copy]
    })
  }

  _crowd (op) {
    const db = this.handle(['db', op.db])
    if (db === undefined) return this.note('skip', null)
    this.#attempt('crowd', () => {
      const many = []
      for (let i = 0; i < op.count; i++) many.push(db.prepare(`SELECT ${i} AS i, ? AS v, @n AS n`))
      many[0].bind('kept', { n: 1 })
      many[1].raw(true)
      many[2].pluck(true).safeIntegers(true)
      const rows = many[3].bind(1, { n: 2 }).iterate()
      rows.next()
      for (const stmt of many.slice(4)) stmt.get(1, { n: 2 })
      const args = [Buffer.from('v'), { n: 5n }]
      const first = [many[0].get(), many[1].get(...args), many[2].get(...args)]
      return [first, String(many[0]), [...rows], many[3].columns()]
    })
  }

  _gc () {
    globalThis.gc?.()
  }

  _files () {
    // The engine in WASM has a lock file beside a database that is open.
    const names = fs.readdirSync(this.dir).filter((name) => !name.endsWith('-lock')).sort()
    this.note('files', names.map((name) => [name, name.endsWith('-wal')]))
  }

  async #backup (op, at) {
    this.#path = at
    const db = this.handle(['db', op.db])
    if (db === undefined) return this.note('skip', null)
    try {
      const promise = db.backup(...build(op.args, this))
      this.note('backup', observe(promise, this))
      this.nested(op.during ?? [])
      const seen = observe(await promise, this)
      this.#path = at
      this.note('backup resolves', seen)
    } catch (error) {
      this.#path = at
      this.note('backup rejects', observe(error, this))
    }
    this.#state(op)
  }

  #finish () {
    this.#path = 'end'
    for (const iterator of this.#slots.iter.values()) {
      this.#attempt('return', () => iterator.return())
    }
    for (const db of this.#slots.db.values()) this.#attempt('close', () => db.close())
    this._files()
  }
}

async function interpret (program, Database, dir, extras) {
  fs.rmSync(dir, { recursive: true, force: true })
  fs.mkdirSync(dir, { recursive: true })
  fs.writeFileSync(path.join(dir, 'text.db'), 'this is no database, only some text. '.repeat(40))
  fs.writeFileSync(path.join(dir, 'empty.db'), '')
  const run = new Run(Database, dir, extras)
  const cwd = process.cwd()
  process.chdir(dir)
  try {
    return await run.program(program.ops)
  } finally {
    process.chdir(cwd)
    fs.rmSync(dir, { recursive: true, force: true })
  }
}

module.exports = { interpret }
