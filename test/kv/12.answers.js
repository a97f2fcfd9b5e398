'use strict'

const assert = require('node:assert/strict')
const test = require('node:test')
const { mapStore } = require('../../stores/map')
const { Database, OURS, cleanup, thrown } = require('../support')

assert.ok(OURS)
const NOT_BYTES = [5, 'text', true, {}, [], new ArrayBuffer(8), Symbol('x'), () => {}, new Float64Array(4), new DataView(new ArrayBuffer(4))]

function filled (t) {
  const store = mapStore()
  const db = new Database('a', { store })
  db.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, x)')
  db.prepare('INSERT INTO t (x) VALUES (?)').run('x'.repeat(100000))
  db.close()
  return store
}

// Opens, reads, writes and closes; what it throws is what the user sees.
function use (store) {
  const db = new Database('a', { store })
  try {
    const before = db.get('SELECT count(*) n, sum(length(x)) l FROM t')
    assert.deepEqual(before, { n: 1, l: 100000 }, 'wrong rows')
    db.prepare('INSERT INTO t (x) VALUES (?)').run('y')
    db.prepare('DELETE FROM t WHERE id > 1').run()
  } finally {
    db.close()
  }
}

// Every error that comes out of it is a SqliteError with what the store did as its cause.
function fails (store, check) {
  const { error } = thrown(() => use(store))
  assert.ok(error instanceof Database.SqliteError, error.stack)
  assert.match(error.code, /^KV_/)
  check?.(error)
  return error
}

test('a get() or getBatch() of the wrong type is an error that names it', t => {
  for (const operation of ['get', 'getBatch']) {
    for (const wrong of NOT_BYTES) {
      const store = filled(t)
      const right = store[operation]
      let errors = 0
      store.onError = () => errors++
      store[operation] = argument => {
        const answer = right(argument)
        return operation === 'get' ? wrong : answer.map(value => value && wrong)
      }
      // The hint, which is read by get(), is not needed: then all is well.
      if (operation === 'get') {
        use(store)
        assert.ok(errors > 0)
        continue
      }
      const error = fails(store)
      assert.match(error.message, /store\.getBatch returned an? [\w ]+ at \d+ where a Uint8Array, null or undefined is expected/)
      assert.equal(error.cause.name, 'TypeError')
      assert.match(error.key, /^a\//)
    }
  }
})

test('a getBatch() of the wrong length or order is an error, never a wrong row', t => {
  const changes = {
    short: values => values.slice(1),
    long: values => [...values, null],
    none: () => [],
    'not a list': () => new Map(),
    'a list of text': () => 'text',
    reversed: values => values.reverse(),
    shifted: values => [...values.slice(1), values[0]],
    'all the first': values => values.map(() => values.find(value => value))
  }
  for (const [name, change] of Object.entries(changes)) {
    const store = filled(t)
    const right = store.getBatch
    store.getBatch = keys => change(right(keys))
    const error = fails(store)
    assert.match(error.code, /^KV_(STORE|CORRUPT)$/, `${name}: ${error.message}`)
  }
})

test('a write that returns what it must not is an error', t => {
  for (const wrong of [undefined, null, 1, 'OK', {}]) {
    const store = filled(t)
    store.putIfAbsent = () => wrong
    fails(store, ({ message, cause }) => {
      assert.match(message, /store\.putIfAbsent returned .* where a boolean is expected/)
      assert.equal(cause.name, 'TypeError')
    })
  }
})

test('a promise where none may be is refused by the name of the method', t => {
  const promises = [Promise.resolve(null), { then (done) { done(null) } }, Promise.reject(new Error('unseen'))]
  for (const promise of promises) {
    for (const operation of ['get', 'getBatch', 'putIfAbsent']) {
      const store = filled(t)
      store[operation] = () => promise
      const { error } = thrown(() => new Database('a', { store }))
      assert.equal(error.name, 'TypeError')
      assert.equal(error.message, `store.${operation} returned a promise: the sync API cannot wait for one (use connect() of ferrolite/promise)`)
    }
  }
  // Later, too.
  const store = filled(t)
  const db = new Database('a', { store })
  cleanup(t, () => db.close())
  store.putIfAbsent = async () => true
  const { error } = thrown(() => db.exec('INSERT INTO t (x) VALUES (1)'))
  assert.match(error.message, /store\.putIfAbsent returned a promise/)
  assert.equal(error.cause.name, 'TypeError')
})

test('what a store throws is the cause, whatever it is', t => {
  const hostile = { get message () { throw new Error('hostile') }, toString () { throw new Error('hostile') } }
  const things = [new Error('disk'), null, undefined, '', 5, Symbol('s'), {}, hostile, Object.create(null)]
  for (const thing of things) {
    const store = filled(t)
    const heard = []
    store.onError = (error, call) => heard.push([error, call])
    store.getBatch = () => { throw thing }
    const { error } = thrown(() => new Database('a', { store }))
    assert.equal(error.code, 'KV_STORE')
    assert.equal(error.cause, thing)
    assert.ok(Object.hasOwn(error, 'cause'))
    assert.equal(typeof error.message, 'string')
    assert.deepEqual(heard[0], [thing, { operation: 'getBatch', key: error.key }])
  }
})

test('a store that fails in a commit rolls it back, and goes on when it works again', t => {
  const store = filled(t)
  const db = new Database('a', { store })
  cleanup(t, () => db.close())
  const { putIfAbsent } = store
  let broken = true
  // It fails for transactions only: what takes their place is stored.
  store.putIfAbsent = (key, value) => {
    if (broken && value.length > 60) throw new Error('quota')
    return putIfAbsent(key, value)
  }
  const { error } = thrown(() => db.exec('INSERT INTO t (x) VALUES (1)'))
  assert.equal(error.code, 'KV_STORE')
  assert.match(error.message, /^the store failed: putIfAbsent of a\/L\/.*: quota$/)
  assert.equal(error.cause.message, 'quota')
  assert.match(error.key, /^a\/L\//)
  assert.equal(db.inTransaction, false)
  assert.equal(db.get('SELECT count(*) n FROM t').n, 1)
  broken = false
  db.exec('INSERT INTO t (x) VALUES (2)')
  db.close()
  const again = new Database('a', { store })
  cleanup(t, () => again.close())
  assert.deepEqual(again.all('SELECT x FROM t WHERE id > 1'), [{ x: 2 }])
})

test('a commit of which nobody knows ends the connection, and is there or not as a whole', t => {
  for (const stored of [true, false]) {
    const store = filled(t)
    const db = new Database('a', { store })
    cleanup(t, () => db.close())
    const { putIfAbsent, get, getBatch } = store
    // The pages that it changes are in the cache.
    db.exec("SAVEPOINT s; INSERT INTO t (x) VALUES ('none'); ROLLBACK TO s; RELEASE s")
    store.putIfAbsent = (key, value) => {
      if (stored) putIfAbsent(key, value)
      throw new Error('cut off')
    }
    store.get = store.getBatch = () => { throw new Error('cut off') }
    const { error } = thrown(() => db.exec("INSERT INTO t (x) VALUES ('new')"))
    assert.equal(error.code, 'KV_INDETERMINATE', error.message)
    assert.equal(error.cause.message, 'cut off')
    Object.assign(store, { putIfAbsent, get, getBatch })
    const { error: later } = thrown(() => db.exec("INSERT INTO t (x) VALUES ('later')"))
    assert.equal(later.code, 'KV_INDETERMINATE')
    db.close()
    const again = new Database('a', { store })
    cleanup(t, () => again.close())
    assert.deepEqual(again.all('SELECT x FROM t WHERE id > 1'), stored ? [{ x: 'new' }] : [])
  }
})

test('what fails once and then works is repeated, and nobody notices', t => {
  const store = filled(t)
  for (const operation of ['get', 'getBatch', 'putIfAbsent', 'putBatch', 'deleteBatch']) {
    const right = store[operation]
    let calls = 0
    store[operation] = (...args) => {
      if (calls++ % 2 === 0) throw new Error('busy')
      return right(...args)
    }
  }
  use(store)
})

test('a method that calls its own database is refused', t => {
  for (const operation of ['putIfAbsent', 'getBatch']) {
    const store = filled(t)
    const db = new Database('a', { store })
    cleanup(t, () => db.close())
    const right = store[operation]
    store[operation] = (...args) => {
      db.exec('SELECT 1')
      return right(...args)
    }
    const { error } = thrown(() => operation === 'getBatch'
      ? db.get('SELECT sum(length(x)) FROM t')
      : db.exec('INSERT INTO t (x) VALUES (1)'))
    assert.match(error.code, /^KV_/)
    assert.match(error.message, /This database connection is busy executing a query: its store cannot use the very database that calls it/)
    store[operation] = right
    if (operation === 'getBatch') assert.equal(db.get('SELECT sum(length(x)) l FROM t').l, 100000)
  }
})

test('closing inside a method is refused, and calling while it closes too', t => {
  const store = filled(t)
  const db = new Database('a', { store })
  const heard = []
  store.onError = error => heard.push(error.message)
  db.exec('INSERT INTO t (x) VALUES (1)')
  const { putIfAbsent } = store
  store.putIfAbsent = (key, value) => {
    db.close()
    return putIfAbsent(key, value)
  }
  assert.match(thrown(() => db.exec('INSERT INTO t (x) VALUES (2)')).error.message, /busy executing a query/)
  store.putIfAbsent = putIfAbsent
  heard.length = 0
  const { putBatch } = store
  store.putBatch = entries => {
    db.exec('SELECT 1')
    return putBatch(entries)
  }
  db.close()
  assert.ok(heard.every(message => message === 'The database connection is not open'), heard.join())
  const again = new Database('a', { store: mapStore(store.map) })
  cleanup(t, () => again.close())
  assert.equal(again.get('SELECT max(x) m FROM t WHERE id > 1').m, 1)
})

test('onError that throws changes nothing', t => {
  const store = filled(t)
  store.getBatch = () => { throw new Error('mine') }
  store.onError = () => { throw new Error('another') }
  assert.equal(thrown(() => new Database('a', { store })).error.cause.message, 'mine')
})

test('a store that ignores the condition of putIfAbsent is refused when a database is created', t => {
  const store = mapStore()
  store.putIfAbsent = (key, value) => {
    store.put(key, value)
    return true
  }
  const { error } = thrown(() => new Database('a', { store }))
  assert.match(error.message, /putIfAbsent/)
})

test('methods that are replaced after opening are called, and missing ones are an error', t => {
  const store = filled(t)
  const db = new Database('a', { store })
  cleanup(t, () => db.close())
  const { putIfAbsent } = store
  store.putIfAbsent = undefined
  assert.match(thrown(() => db.exec('INSERT INTO t (x) VALUES (1)')).error.message, /not a function/)
  store.putIfAbsent = putIfAbsent
})
