'use strict'

// Databases of @rivetkit/sqlite-vfs are copied out of their store.
//
// fixtures/rivet.json.gz is what version 2.2.1 wrote, by key in hex. In `clean` there are 40 rows
// 'note <id>000...'. For `killed` all were set to 'changed <id>', and then an INSERT of 800 rows of
// 1,800 characters was killed before its 73rd value.

const assert = require('node:assert/strict')
const fs = require('node:fs')
const path = require('node:path')
const test = require('node:test')
const { gunzipSync } = require('node:zlib')
const { connect } = require('../../promise')
const { mapStore } = require('../../stores/map')
const { importRivet } = require('../../stores/rivet')
const { Database, cleanup, tempFile } = require('../support')

const packed = fs.readFileSync(path.join(__dirname, '..', 'fixtures', 'rivet.json.gz'))
const values = name => {
  const entries = Object.entries(JSON.parse(gunzipSync(packed))[name])
  return new Map(entries.map(([key, value]) => [key, Buffer.from(value, 'base64')]))
}
const META = '08010000'
const CHUNK = '08010100'
const JOURNAL = /^0801(0001|0101)/

function storeOf (map) {
  const get = async key => map.get(Buffer.from(key).toString('hex')) ?? null
  return { get, getBatch: keys => Promise.all(keys.map(get)) }
}

function rowsOf (t, file) {
  const db = new Database(file)
  cleanup(t, () => db.close())
  return db.all('SELECT id, text FROM note ORDER BY id')
}

const rows = text => Array.from({ length: 40 }, (_, i) => ({ id: i + 1, text: text(i + 1) }))

async function refused (t, map, error) {
  const file = tempFile(t)
  await assert.rejects(importRivet(storeOf(map), file), error)
  for (const suffix of ['', '-journal', '-wal']) assert.equal(fs.existsSync(file + suffix), false)
}

test('a database of Rivet becomes a file, and one in a store', async (t) => {
  const file = tempFile(t)
  await importRivet(storeOf(values('clean')), file)
  const expected = rows(id => `note ${id}`.padEnd(`note ${id}`.length + 60 + id, '0'))
  assert.deepEqual(rowsOf(t, file), expected)

  const source = new Database(file)
  cleanup(t, () => source.close())
  const store = mapStore()
  await source.backup('app', { store })
  const db = await connect('app', { store })
  cleanup(t, () => db.close())
  assert.deepEqual(await db.all('SELECT id, text FROM note ORDER BY id'), expected)
})

test('what was going on when its process was killed is rolled back', async (t) => {
  const file = tempFile(t)
  const map = values('killed')
  await importRivet(storeOf(map), file)
  assert.deepEqual(rowsOf(t, file), rows(id => `changed ${id}`))
  // The journal is what does it.
  for (const key of map.keys()) if (JOURNAL.test(key)) map.delete(key)
  await refused(t, map, /malformed|damaged/)
})

test('a store without such a database, or with a damaged one, leaves no file', async (t) => {
  await refused(t, new Map(), { name: 'TypeError', message: 'The store has no database of @rivetkit/sqlite-vfs' })
  const newer = values('clean')
  newer.get(META)[0] = 2
  await refused(t, newer, { name: 'TypeError', message: 'The store has a database of another version of @rivetkit/sqlite-vfs' })
  const damaged = values('clean')
  damaged.get(`${CHUNK}00000001`).fill(0)
  await refused(t, damaged, /malformed|damaged/)
  const lost = values('clean')
  lost.delete(`${CHUNK}00000001`)
  await refused(t, lost, /malformed|damaged/)
})

test('what is there is not written over, and arguments are checked', async (t) => {
  const file = tempFile(t)
  const store = storeOf(values('clean'))
  for (const suffix of ['', '-journal']) {
    fs.writeFileSync(file + suffix, 'mine')
    await assert.rejects(importRivet(store, file), { name: 'TypeError', message: `${file + suffix} exists already` })
    assert.equal(fs.readFileSync(file + suffix, 'utf8'), 'mine')
    fs.rmSync(file + suffix)
  }
  await assert.rejects(importRivet({}, file), { name: 'TypeError', message: 'Expected first argument to be a store with the methods get() and getBatch()' })
  await assert.rejects(importRivet(store), { name: 'TypeError', message: 'Expected second argument to be a path' })
})
