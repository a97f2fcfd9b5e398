'use strict'

const assert = require('node:assert/strict')
const test = require('node:test')
const { HEADER, OP } = require('../../lib/protocol')
const { Entry } = require('../../lib/worker/entry')
const { Job } = require('../../lib/worker/job')
const { Port } = require('../../lib/worker/port')
const { createBlock } = require('../../lib/block')
const { EXPAND, FLAT, PLUCK, RAW, decoderFor } = require('../../lib/rows')
const { child, exited, open, ours, oursSyncOnly } = require('../support')

const INT32 = 1

/** A block whose slots count up from 1. */
function counted (length) {
  const block = createBlock()
  for (let i = 0; i < length; ++i) {
    block.tags[i] = INT32
    block.i32[2 * i] = i + 1
  }
  return block
}

// A decoder is compiled for few columns, and plain for many.
const WIDTHS = [1, 300]

test('lists of names that look alike when joined have decoders of their own', () => {
  for (const width of WIDTHS) {
    const more = Array.from({ length: width }, (_, i) => `c${i}`)
    const lists = [
      ['id', 'secret'], ['id\0secret'], ['id', 'secret', ''], ['id\0', 'secret'], ['id,secret'],
      ['"id","secret"'], ['id","secret'], ['["id"]'], ['\ud800'], ['\\ud800'], ['\ufffd'],
      ['', '\0'], ['\0', ''], ['id\0secret\0'], ['__proto__', 'a'], ['__proto__\0a']
    ].map(names => [...names, ...more])
    for (let round = 0; round < 2; ++round) {
      for (const names of lists) {
        const row = decoderFor(FLAT, names).one(counted(names.length), '')
        assert.deepEqual(Object.keys(row), names)
        assert.deepEqual(Object.values(row), names.map((_, i) => i + 1))
        const expanded = decoderFor(EXPAND, names, names.map(() => 't\0u')).one(counted(names.length), '')
        assert.deepEqual(Object.keys(expanded), ['t\0u'])
        assert.deepEqual(Object.values(expanded['t\0u']), names.map((_, i) => i + 1))
      }
    }
  }
})

test('a decoder tells how many slots a row takes', () => {
  for (const width of WIDTHS) {
    const names = Array.from({ length: width }, (_, i) => `w${i}`)
    const widths = [FLAT, PLUCK, EXPAND, RAW].map(mode => decoderFor(mode, names, names).width)
    assert.deepEqual(widths, [width, 1, width, width])
  }
})

test('the same holds where no code may be generated', async () => {
  const result = await child((file, block) => {
    const { createBlock } = require(block)
    const { FLAT, decoderFor } = require(file)
    for (const names of [['id', 'secret'], ['id\0secret']]) {
      const row = decoderFor(FLAT, names).one(createBlock(), '')
      require('node:assert').deepStrictEqual(Object.keys(row), names)
    }
  }, {
    args: [require.resolve('../../lib/rows'), require.resolve('../../lib/block')],
    execArgv: ['--disallow-code-generation-from-strings']
  })
  exited(result)
})

ours('a listener that changes the columns of a statement leaves no value of others in its row', t => {
  const db = open(t)
  db.exec('CREATE TABLE t (a)')
  for (const [column, mode] of Object.entries({ b: 'get', c: 'all' })) {
    const insert = db.prepare('INSERT INTO t (a) VALUES (1) RETURNING *')
    let calls = 0
    const change = () => {
      if (calls++ !== 0) return
      db.exec(`ALTER TABLE t ADD COLUMN ${column} DEFAULT 5`)
      insert[mode]()
    }
    db.on('update', change)
    const names = () => Object.keys([insert[mode]()].flat()[0])
    const before = db.prepare('SELECT * FROM t').columns().map(({ name }) => name)
    assert.deepEqual(names(), before)
    db.off('update', change)
    assert.deepEqual(names(), [...before, column])
  }
})

oursSyncOnly('the row of a statement keeps its names when a listener renames or drops columns and runs it again', t => {
  const db = open(t)
  for (const mode of ['flat', 'raw', 'pluck', 'expand']) {
    for (const sql of ['RENAME b TO c', 'DROP COLUMN b']) {
      db.exec('DROP TABLE IF EXISTS t; CREATE TABLE t (a, b DEFAULT 5)')
      const insert = db.prepare('INSERT INTO t (a) VALUES (1) RETURNING *')
      if (mode !== 'flat') insert[mode]()
      const rows = []
      let calls = 0
      const change = () => {
        if (calls++ !== 0) return
        db.exec(`ALTER TABLE t ${sql}`)
        rows.push(insert.get())
      }
      db.on('update', change)
      rows.push(insert.get())
      db.off('update', change)
      rows.push(insert.get())
      const shape = (...names) => {
        const values = [1, 5].slice(0, names.length)
        if (mode === 'raw') return values
        if (mode === 'pluck') return 1
        const row = Object.fromEntries(names.map((name, i) => [name, values[i]]))
        return mode === 'flat' ? row : { t: row }
      }
      const after = sql.startsWith('RENAME') ? shape('a', 'c') : shape('a')
      assert.deepEqual(rows, [after, shape('a', 'b'), after])
    }
  }
})

test('a reply with fewer slots than its columns ends its call, and no other', async () => {
  const block = counted(100)
  const replies = []
  let wake
  const port = new Port({
    block,
    natives: {
      workerOnWake: fn => { wake = fn },
      workerRef () {},
      workerPost () {},
      workerSpin: () => false,
      workerTake () {
        const parts = replies.shift()
        if (parts === undefined) return undefined
        block.header[HEADER.SLOTS] = parts.slots
        block.header[HEADER.PARTS] = parts.length
        block.header[HEADER.IN_TRANSACTION] = -1
        block.header[HEADER.EXTRAS] = 0
        block.parts.set(parts.flat())
        return null
      }
    }
  }, () => ({}))
  const entry = new Entry(1, 'SELECT', [1, 1])
  // Five fields a column, of which only the name is there.
  entry.setColumns(Array.from({ length: 20 }, (_, i) => `=c${i}${'\0'.repeat(5)}`).join(''))
  const ask = () => {
    const job = new Job(OP.ALL, 1)
    Object.assign(job, { entry, mode: FLAT, finish: rows => rows })
    return port.post(job)
  }
  // Kind, first slot, rows, columns: one value for 20 columns, more rows than came, all of them.
  const LAST = 3
  const calls = [ask(), ask(), ask()]
  replies.push(Object.assign([[0, 0, 0, 0]], { slots: 0 }))
  for (const [rows, columns, slots] of [[1, 1, 1], [2, 20, 21], [2, 20, 40]]) {
    replies.push(Object.assign([[LAST, 0, rows, columns]], { slots }))
  }
  wake()
  const results = await Promise.allSettled(calls)
  const codes = results.map(({ reason }) => reason?.code)
  assert.deepEqual(codes, ['REMOTE_PROTOCOL', 'REMOTE_PROTOCOL', undefined])
  assert.deepEqual(results[2].value.map(row => [row.c0, row.c19]), [[1, 20], [21, 40]])
})
