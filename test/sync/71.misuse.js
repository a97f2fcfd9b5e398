'use strict'

const assert = require('node:assert/strict')
const test = require('node:test')
const vm = require('node:vm')
const {
  BUSY, CLOSED, Database, OURS, child, exited, open, ours, sqliteError, tempFile, thrown, typeError
} = require('../support')

const METHODS = ['run', 'get', 'all', 'iterate', 'bind']

test('methods refuse a foreign this', t => {
  const db = open(t)
  const stmt = db.prepare('SELECT 1')
  const iterator = stmt.iterate()
  iterator.return()
  const selves = [undefined, null, 5, 'x', {}, [], () => {}, Object.create(null), new Proxy({}, {})]
  for (const self of [...selves, stmt, iterator, Object.create(stmt)]) {
    for (const name of ['prepare', 'exec', 'pragma', 'close', 'serialize', 'transaction', 'unsafeMode']) {
      typeError(() => db[name].call(self, name === 'transaction' ? () => {} : 'SELECT 1'))
    }
  }
  for (const self of [...selves, db, iterator, Object.create(db)]) {
    for (const name of [...METHODS, 'pluck', 'raw', 'expand', 'columns', 'safeIntegers', 'toString']) {
      typeError(() => stmt[name].call(self))
    }
  }
  for (const self of [...selves, db, stmt]) {
    typeError(() => iterator.next.call(self))
    typeError(() => iterator.return.call(self))
  }
  assert.equal(stmt.pluck().get(), 1)
})

test('a Proxy of a database or a statement is foreign', t => {
  const db = open(t)
  const stmt = db.prepare('SELECT 1')
  const { error } = thrown(() => stmt.get.call(new Proxy(stmt, {})))
  assert.equal(error.name, 'TypeError')
})

ours('a method with a foreign this says Illegal invocation', t => {
  const db = open(t)
  const stmt = db.prepare('SELECT 1')
  for (const name of METHODS) typeError(() => stmt[name].call({}), 'Illegal invocation')
  for (const name of ['columns', 'safeIntegers', 'toString']) typeError(() => stmt[name].call(db), 'Illegal invocation')
})

test('the prototypes alone are not instances', t => {
  typeError(() => Database.prototype.exec('SELECT 1'))
  typeError(() => Object.getPrototypeOf(open(t).prepare('SELECT 1')).get())
})

test('frozen databases, statements and parameters work', t => {
  const db = Object.freeze(open(t))
  const stmt = Object.freeze(db.prepare('SELECT @a, ?'))
  assert.deepEqual(stmt.raw().get(Object.freeze({ a: 1 }), Object.freeze([2])), [1, 2])
  Object.freeze(stmt.iterate(Object.freeze({ a: 1 }), 2)).return()
})

test('objects of another realm are used as they are', t => {
  const context = vm.createContext({ Database, result: null })
  vm.runInContext(`
    const db = new Database(':memory:', { timeout: 100 })
    db.exec('CREATE TABLE t (a, b)')
    db.function('f', x => x + 1)
    db.aggregate('agg', { start: () => ({ n: 0 }), step: (acc, x) => { acc.n += x }, result: acc => acc.n })
    const insert = db.prepare('INSERT INTO t VALUES (?, @b)')
    db.transaction(list => { for (const [a, b] of list) insert.run([a], { b }) })([[1, 'x'], [2, 'y']])
    result = JSON.stringify(db.prepare('SELECT f(a) AS a, b, (SELECT agg(a) FROM t) AS s FROM t').all())
    db.close()
  `, context)
  assert.deepEqual(JSON.parse(context.result), [{ a: 2, b: 'x', s: 3 }, { a: 3, b: 'y', s: 3 }])
})

test('functions of another realm that are generators are tables', t => {
  const db = open(t)
  const rows = vm.runInNewContext('(function * () { yield [5] })')
  const { error } = OURS ? attempt(() => db.table('v', { columns: ['x'], rows })) : {}
  if (error) assert.equal(error.name, 'TypeError')
})

function attempt (fn) {
  try {
    return { value: fn() }
  } catch (error) {
    return { error }
  }
}

// User code that runs while the arguments of a call are read, and what it gets up to.
const HOSTILE = {
  'an element getter': act => [Object.defineProperty([0], '0', { get: act })],
  'a property getter': act => [{ get a () { return act() } }],
  'a getter that is not enumerable': act => [Object.defineProperty({}, 'a', { get: act })],
  'the length of a proxied array': act => [new Proxy([1], { get: (target, key) => key === 'length' ? (act(), 1) : target[key] })],
  'the get trap of an array': act => [new Proxy([1], { get (target, key) { act(); return Reflect.get(target, key) } })],
  'the get trap of an object': act => [new Proxy({ a: 1 }, { get (target, key) { act(); return Reflect.get(target, key) } })],
  'the descriptor trap': act => [new Proxy({ a: 1 }, {
    getOwnPropertyDescriptor (target,
      key) { act(); return Reflect.getOwnPropertyDescriptor(target, key) }
  })],
  'the has trap': act => [new Proxy({ a: 1 }, { has (target, key) { act(); return key in target } })],
  'the prototype trap': act => [new Proxy({ a: 1 }, { getPrototypeOf () { act(); return Object.prototype } })],
  'the keys trap': act => [new Proxy({ a: 1 }, { ownKeys (target) { act(); return Reflect.ownKeys(target) } })],
  'an array subclass': act => {
    class List extends Array { get 0 () { return act() } }
    return [Object.setPrototypeOf([,], List.prototype)] // eslint-disable-line no-sparse-arrays
  },
  'toString and valueOf': act => [{ a: { toString: act, valueOf: act, [Symbol.toPrimitive]: act } }],
  'a getter of a typed array': act => [Object.defineProperties(new Uint8Array(4), { length: { get: act }, byteLength: { get: act }, buffer: { get: act } })],
  'a getter after a buffer': act => [{ get a () { act(); return Buffer.alloc(10) } }]
}

// In a child, for what they met in other drivers was a crash. Every call ends in a value or an
// error, the value thrown comes out as it is, and the database works or is closed.
async function hostile (make, module) {
  const assert = require('node:assert/strict')
  const methods = ['run', 'get', 'all', 'iterate', 'bind']
  const sources = ['SELECT @a AS x', 'SELECT ? AS x', 'SELECT @a AS x, ? AS y']
  const reasons = [new Error('x'), null, undefined, '', 0]
  const fresh = () => {
    const db = new Database(':memory:')
    db.exec('CREATE TABLE t (a)')
    return db
  }
  const use = (stmt, method, args) => {
    const result = stmt[method](...args)
    if (method === 'iterate') return [...result]
    if (method === 'bind') return result.all()
    return result
  }
  const works = db => {
    if (!db.open) return
    assert.equal(db.prepare('SELECT 5 AS five').get().five, 5)
    db.close()
  }
  let done = 0
  for (const method of methods) {
    for (const source of sources) {
      for (const reason of reasons) {
        const db = fresh()
        let acted = false
        const args = make(() => { acted = true; throw reason })
        try {
          use(db.prepare(source), method, args)
        } catch (error) {
          if (acted) assert.equal(error, reason)
        }
        works(db)
        done++
      }
      const acts = {
        close: (db, stmt) => { db.close() },
        again: (db, stmt, args) => { stmt.all(1) },
        bind: (db, stmt) => { stmt.bind(7) },
        iterate: (db, stmt) => { stmt.iterate(1).next() },
        exec: (db, stmt) => { db.exec('DROP TABLE t') },
        prepare: (db, stmt) => { for (let i = 0; i < 2000; ++i) db.prepare('SELECT ' + i) },
        raw: (db, stmt) => { stmt.raw() },
        gc: () => { if (globalThis.gc) globalThis.gc() }
      }
      for (const act of Object.values(acts)) {
        const db = fresh()
        let depth = 0
        const own = {}
        const args = make(() => {
          if (depth++ > 0) return 1
          try {
            act(db, own.stmt)
          } catch (error) {
            if (!(error instanceof Error)) throw error
          }
          return 1
        })
        own.stmt = db.prepare(source)
        try {
          use(own.stmt, method, args)
        } catch (error) {
          assert.ok(error instanceof Error)
        }
        done++
      }
    }
  }
  process.stdout.write(String(done))
}

for (const [name, make] of Object.entries(HOSTILE)) {
  ours(`${name} can close, re-enter and throw while parameters are read`, async () => {
    const result = exited(await child(`;(${hostile})(${make})`, { execArgv: ['--expose-gc'] }))
    assert.equal(result.stdout, '195')
  })
}

ours('a getter that closes the database is a TypeError, and nothing is written', t => {
  const db = open(t).exec('CREATE TABLE t (a)')
  const stmt = db.prepare('INSERT INTO t VALUES (@a)')
  typeError(() => stmt.run({ get a () { db.close(); return 1 } }), CLOSED)
  assert.equal(db.open, false)
})

ours('a getter that runs the same statement leaves it to the outer call what it binds', t => {
  const stmt = open(t).prepare('SELECT @a AS a, @b AS b')
  let inner
  const args = { get a () { inner = stmt.get({ a: 'inner a', b: 'inner b' }); return 'outer a' }, b: 'outer b' }
  assert.deepEqual([stmt.get(args), inner], [{ a: 'outer a', b: 'outer b' }, { a: 'inner a', b: 'inner b' }])
})

ours('a getter that iterates the same statement makes the outer call a TypeError', t => {
  const stmt = open(t).prepare('SELECT @a AS a')
  let iterator
  const args = { get a () { iterator = stmt.iterate({ a: 5 }); return 6 } }
  const { error } = attempt(() => stmt.get(args))
  assert.equal(error.name, 'TypeError')
  assert.deepEqual(iterator.next().value, { a: 5 })
  iterator.return()
})

ours('options with getters that throw throw that, and open nothing', () => {
  for (const option of ['readonly', 'fileMustExist', 'timeout', 'verbose', 'hideParameters', 'nativeBinding', 'limits', 'vfs', 'defaultQueryTimeout']) {
    for (const reason of [new Error('x'), null, '']) {
      const options = Object.defineProperty({}, option, { get () { throw reason } })
      assert.equal(thrown(() => new Database(':memory:', options)).error, reason)
    }
  }
})

ours('options of function(), aggregate() and table() with getters that close the database are no crash', t => {
  const options = [
    db => db.function('f', { get deterministic () { db.close(); return true } }, () => 1),
    db => db.aggregate('f', { get step () { db.close(); return () => 1 } }),
    db => db.table('f', { columns: ['x'], get rows () { db.close(); return function * () {} } }),
    db => db.pragma('cache_size', { get simple () { db.close(); return true } }),
    db => db.serialize({ get attached () { db.close(); return 'main' } }),
    db => db.batch([{ get sql () { db.close(); return 'SELECT 1' } }]),
    db => db.createSession({ get table () { db.close(); return 'x' } }),
    db => db.authorizer({ get x () { db.close(); return 0 } })
  ]
  for (const use of options) typeError(() => use(open(t)), CLOSED)
})

test('close() is a TypeError inside every callback, and the query goes on', t => {
  const db = open(t, ':memory:', { verbose: () => { if (db) typeError(() => db.close(), BUSY) } })
  const check = result => () => { typeError(() => db.close(), BUSY); return result }
  db.function('f', check(1))
  db.aggregate('agg', { start: check(0), step: check(2), inverse: check(3), result: check(4) })
  db.table('v', { columns: ['x'], * rows () { check()(); yield [5]; check()(); yield [6] } })
  db.table('mod', () => { check()(); return { columns: ['x'], * rows () { yield [7] } } })
  db.exec('CREATE VIRTUAL TABLE m USING mod')
  assert.deepEqual(db.prepare('SELECT f(), agg(), x FROM v').raw().all(), [[1, 4, 5]])
  assert.deepEqual(db.prepare('SELECT x FROM m').pluck().all(), [7])
})

test('a stack overflow in a callback is a RangeError, and the next query works', async () => {
  exited(await child(() => {
    const db = new Database(':memory:')
    const deep = () => deep() + 1
    db.function('f', deep)
    db.aggregate('a', { step: deep })
    db.table('t', { columns: ['x'], * rows () { yield [deep()] } })
    for (const sql of ['SELECT f()', 'SELECT a()', 'SELECT * FROM t']) {
      let error
      try {
        db.prepare(sql).all()
      } catch (reason) {
        error = reason
      }
      if (!(error instanceof RangeError)) process.exit(3)
      if (db.prepare('SELECT 5').pluck().get() !== 5) process.exit(4)
    }
  }))
})

test('a call from the bottom of the stack is a RangeError and not a crash', async () => {
  exited(await child(() => {
    const calls = {
      get: ({ select }) => select.get(),
      all: ({ select }) => select.all(),
      iterate: ({ select }) => [...select.iterate()],
      run: ({ insert }) => insert.run({ a: 1 }),
      prepare: ({ db }) => db.prepare('SELECT 1'),
      exec: ({ db }) => db.exec('SELECT f(1)'),
      pragma: ({ db }) => db.pragma('cache_size'),
      open: () => new Database(':memory:').close(),
      transaction: ({ db, insert }) => db.transaction(() => insert.run({ a: 2 }))()
    }
    for (const [name, call] of Object.entries(calls)) {
      const db = new Database(':memory:')
      db.exec("CREATE TABLE t (a); INSERT INTO t VALUES (1), ('text'), (zeroblob(100))")
      db.function('f', x => x)
      const select = db.prepare('SELECT f(a) AS a, a AS b FROM t')
      const insert = db.prepare('INSERT INTO t VALUES (@a)')
      const down = () => {
        try {
          call({ db, select, insert })
        } catch (error) {
          if (!(error instanceof Error)) process.exit(5)
        }
        down()
      }
      try {
        down()
      } catch (error) {
        if (!(error instanceof RangeError)) throw error
      }
      // An overflow between iterate() and the loop over it leaves an iterator that nobody closes.
      if (select.busy && name !== 'iterate') process.exit(6)
      if (db.prepare('SELECT 5').pluck().get() !== 5) process.exit(4)
    }
  }, { timeout: 120000 }))
})

test('functions that call SQL of another database a hundred deep are no crash', async () => {
  exited(await child(() => {
    const dbs = Array.from({ length: 100 }, () => new Database(':memory:'))
    for (const [i, db] of dbs.entries()) {
      db.function('next', x => i + 1 < dbs.length ? dbs[i + 1].prepare('SELECT next(?)').pluck().get(x) + 1 : x)
    }
    if (dbs[0].prepare('SELECT next(?)').pluck().get(1) !== 100) process.exit(3)
  }))
})

test('what libsql aborts the process at are errors here', async () => {
  const result = exited(await child(() => {
    const db = new Database(':memory:')
    const stmt = db.prepare('SELECT ? AS a')
    const kinds = []
    for (const call of [() => stmt.get(true), () => stmt.get(new Date()),
      () => stmt.get(new Uint8Array(4)),
      () => stmt.get(Buffer.from('x')), () => db.prepare("SELECT CAST(x'ff' AS TEXT)").pluck().get(),
      () => db.loadExtension('/nonexistent', 'entry'), () => { db.close(); return db.inTransaction }]) {
      try {
        const value = call()
        kinds.push(typeof value)
      } catch (error) {
        kinds.push(error.name)
      }
    }
    process.stdout.write(kinds.join())
  }))
  assert.equal(result.stdout, 'TypeError,TypeError,object,object,string,SqliteError,boolean')
})

// better-sqlite3 13.2 aborts the process at one of these.
ours('arguments too many and too odd for every method end in an error or nothing', async () => {
  exited(await child(async () => {
    const values = [undefined, null, true, 0, -1, 1.5, NaN, 2 ** 53, 10n, '', 'SELECT 1', 'x'.repeat(1e5), Symbol('s'), {}, [],
      [[]], { a: 1 }, () => {}, function * () {}, class {}, new Date(), /x/, new Map(), new Proxy({}, {}), new Proxy(() => {}, {}),
      Buffer.alloc(0), new Uint8Array(4), new ArrayBuffer(4), new DataView(new ArrayBuffer(4)),
      Promise.resolve(), globalThis,
      Object.create(null), new Error('x')]
    const skip = new Set(['constructor'])
    const objects = () => {
      const db = new Database(':memory:')
      const stmt = db.prepare('SELECT ? AS a, @b AS b')
      const list = [db, stmt, db.transaction(() => {})]
      list.push(db.createSession())
      return list
    }
    const names = object => {
      const all = new Set()
      const roots = [null, Object.prototype, Function.prototype]
      for (let o = object; !roots.includes(o); o = Object.getPrototypeOf(o)) {
        for (const key of Reflect.ownKeys(o)) all.add(key)
      }
      return [...all].filter(key => !skip.has(key))
    }
    for (const [index, sample] of objects().entries()) {
      for (const name of names(sample)) {
        for (const a of values) {
          for (const args of [[], [a], [a, a], ['x', a], ['x', {}, a], [a, () => {}]]) {
            const object = objects()[index]
            try {
              const method = object[name]
              if (typeof method !== 'function') continue
              const result = method.apply(object, args)
              if (result && typeof result.then === 'function') await result.catch(() => {})
            } catch (error) {
              if (!(error instanceof Error)) throw error
            }
          }
        }
      }
    }
  }, { timeout: 240000 }))
})

test('random programs of wrong calls end without a signal', async () => {
  for (const seed of [1, 2, 3]) {
    exited(await child(seed => {
      let state = seed
      const next = limit => {
        state = (Math.imul(state,
          1103515245) + 12345) & 0x7fffffff; return state % limit
      }
      let db
      let statements = []
      let iterators = []
      const fresh = () => {
        db = new Database(':memory:')
        statements = []
        iterators = []
        db.exec('CREATE TABLE t (a, b)')
        db.function('act', x => { step(); return x })
      }
      const sql = ['SELECT * FROM t', 'INSERT INTO t VALUES (?, ?)', 'SELECT act(?)', 'SELECT 1 UNION SELECT 2 UNION SELECT 3',
        'DELETE FROM t', 'INSERT INTO t SELECT act(1), 2 RETURNING *', 'BEGIN', 'COMMIT', 'ROLLBACK', 'DROP TABLE t', 'CREATE TABLE t (a, b)']
      const pick = list => list[next(list.length || 1)]
      let depth = 0
      const actions = [
        () => { statements.push(db.prepare(pick(sql))) },
        () => { const s = pick(statements); return s && s[pick(['run', 'get', 'all'])](...[[], [1], [1, 2]][next(3)]) },
        () => {
          const s = pick(statements); if (s) {
            iterators.push(s.iterate(...[[],
              [1]][next(2)]))
          }
        },
        () => { const i = pick(iterators); return i && i.next() },
        () => { const i = pick(iterators); return i && i.return() },
        () => db.exec(pick(sql)), () => db.close(), () => db.unsafeMode(next(2) === 0),
        () => { const s = pick(statements); return s && s.bind(1) },
        () => { const s = pick(statements); return s && s[pick(['raw', 'pluck', 'expand', 'columns'])]() },
        () => db.function('act', x => x), () => db.transaction(() => step())(), () => { statements.splice(next(10), 1) }
      ]
      const step = () => {
        if (depth > 3) return
        depth++
        try {
          pick(actions)()
        } catch (error) {
          if (!(error instanceof Error)) throw error
        } finally {
          depth--
        }
      }
      fresh()
      for (let i = 0; i < 20000; ++i) {
        step()
        if (!db.open && next(3) === 0) fresh()
      }
    }, { args: [seed] }))
  }
})

ours('libsql_vector_idx() without arguments is an error, in the schema of a file too', t => {
  const file = tempFile(t)
  const db = open(t, file).exec('CREATE TABLE t (e F32_BLOB(3))')
  const index = 'CREATE INDEX evil ON t(libsql_vector_idx())'
  sqliteError(() => db.prepare('SELECT libsql_vector_idx()').get(), 'SQLITE_ERROR',
    'wrong number of arguments to function libsql_vector_idx()')
  sqliteError(() => db.exec(index), 'SQLITE_ERROR',
    'non-deterministic functions prohibited in index expressions')
  db.unsafeMode().pragma('writable_schema = 1')
  db.prepare("INSERT INTO sqlite_schema VALUES ('index', 'evil', 't', 2, ?)").run(index)
  db.close()
  const hostile = open(t, file)
  sqliteError(() => hostile.prepare('SELECT * FROM t').all(), 'SQLITE_CORRUPT')
})

ours('a mode that a getter changes is not for the call that reads the getter', t => {
  const db = open(t)
  const secret = db.prepare('SELECT 111, 777, 4242.5')
  for (const method of ['get', 'all']) {
    const stmt = db.prepare('SELECT :a AS a, 2 AS b, 3 AS c').pluck()
    const parameters = {
      get a () {
        secret.get()
        stmt.pluck(false)
        return 1
      }
    }
    assert.deepEqual([stmt[method](parameters)].flat(), [1], method)
    assert.deepEqual([stmt[method]({ a: 5 })].flat(), [{ a: 5, b: 2, c: 3 }], method)
  }
})

ours('a call with named parameters does not change how calls inside a function take theirs', t => {
  const outer = open(t)
  const inner = open(t)
  const seen = []
  outer.function('f', () => {
    const view = new DataView(Uint8Array.of(97, 98).buffer)
    seen.push(inner.prepare('SELECT typeof(?)').pluck().get(view))
    seen.push(thrown(() => inner.prepare('SELECT :x AS x').get(5)).error.message)
    return 1
  })
  outer.prepare('SELECT f()').get()
  outer.prepare('SELECT f(), :p').get({ p: 1 })
  const expected = ['blob', 'Too many parameter values were provided']
  assert.deepEqual(seen, [...expected, ...expected])
})

test('methods of an iterator refuse a foreign this', t => {
  const iterator = open(t).prepare('SELECT 1').iterate()
  typeError(() => iterator.next.call({}), 'Illegal invocation')
  typeError(() => iterator.return.call({}), 'Illegal invocation')
  iterator.return()
})
