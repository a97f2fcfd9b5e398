'use strict'

const assert = require('node:assert/strict')
const test = require('node:test')
const { mapStore } = require('../../stores/map')
const { Database, random, seed } = require('../support')

// A database with a value of every kind: epochs, roots, leaves, images, slots, garbage, the hint.
function filled (name = 'a', map = new Map()) {
  const db = new Database(name, { store: mapStore(map), pageSize: 512 })
  db.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, x)')
  const insert = db.prepare('INSERT INTO t (x) VALUES (?)')
  for (let i = 1; i <= 40; i++) insert.run(`${i}`.repeat(40))
  db.close()
  // Its slots are not folded into a root.
  const open = new Database(name, { store: mapStore(map) })
  open.exec("INSERT INTO t (x) VALUES ('last')")
  return new Map(map)
}

const EXPECTED = [...Array.from({ length: 40 }, (_, i) => `${i + 1}`.repeat(40)), 'last']

function read (map) {
  const db = new Database('a', { store: mapStore(map), readonly: true })
  try {
    return db.prepare('SELECT x FROM t ORDER BY id').pluck().all()
  } finally {
    db.close()
  }
}

// Never a wrong row: the right ones, or an error that names the key.
function rightOrKey (map, key, what) {
  let rows
  try {
    rows = read(map)
  } catch (error) {
    assert.ok(error instanceof Database.SqliteError, `${what}: ${error.stack}`)
    assert.match(error.code, /^KV_(CORRUPT|STALE)$/, `${what}: ${error.message}`)
    assert.match(error.key, /^a\//, what)
    return false
  }
  assert.deepEqual(rows, EXPECTED, what)
  return true
}

const kindOf = (key) => key.split('/')[1]

test('each byte of each kind of value that is flipped is an error with the key, never a wrong row', t => {
  const map = filled()
  assert.deepEqual(read(map), EXPECTED)
  const kinds = new Map()
  let found = 0
  for (const [key, value] of map) {
    const kind = kindOf(key)
    // Of images, three are enough: all have the same frame.
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1)
    if (kinds.get(kind) > 3) continue
    for (let at = 0; at < value.length; at++) {
      const flipped = Uint8Array.from(value)
      flipped[at] ^= 1 << (at % 8)
      if (!rightOrKey(new Map(map).set(key, flipped), key, `byte ${at} of ${key}`)) found++
    }
  }
  assert.deepEqual([...kinds.keys()].sort(), ['D', 'E', 'H', 'I', 'L', 'P', 'R'])
  assert.ok(found > 500, `${found} were noticed`)
})

test('values that are missing, cut or longer are an error with the key', t => {
  const map = filled()
  const next = random(seed(t))
  for (const [key, value] of map) {
    const without = new Map(map)
    without.delete(key)
    // The last slot, and what was written behind it, may never have been there.
    if (kindOf(key) !== 'L' && kindOf(key) !== 'E') rightOrKey(without, key, `without ${key}`)
    const cut = value.subarray(0, next(value.length))
    for (const other of [cut, Buffer.concat([value, value]), Buffer.alloc(0)]) {
      rightOrKey(new Map(map).set(key, other), key, `${other.length} bytes of ${key}`)
    }
  }
})

test('values that are swapped between keys, or of another database, are an error with the key', t => {
  const map = filled()
  const other = filled('b')
  const keys = [...map.keys()]
  const next = random(seed(t))
  for (const key of keys) {
    const with_ = keys[next(keys.length)]
    if (with_ === key) continue
    const swapped = new Map(map).set(key, map.get(with_)).set(with_, map.get(key))
    rightOrKey(swapped, key, `${key} and ${with_}`)
    const same = other.get(key.replace(/^a/, 'b'))
    if (same !== undefined) rightOrKey(new Map(map).set(key, same), key, `${key} of another database`)
  }
})

test('a writer refuses damaged values, too, and destroys nothing', t => {
  const map = filled()
  for (const kind of ['E', 'R', 'I', 'P', 'L']) {
    const key = [...map.keys()].filter(name => kindOf(name) === kind).at(-1)
    const value = Uint8Array.from(map.get(key))
    value[value.length >> 1] ^= 1
    const damaged = new Map(map).set(key, value)
    try {
      const db = new Database('a', { store: mapStore(damaged) })
      try {
        db.exec("UPDATE t SET x = x || 'y'; UPDATE t SET x = substr(x, 1, length(x) - 1)")
      } finally {
        db.close()
      }
    } catch (error) {
      assert.match(error.code, /^KV_/, error.stack)
    }
    damaged.set(key, map.get(key))
    rightOrKey(damaged, key, `after a write with ${key} damaged`)
  }
})
