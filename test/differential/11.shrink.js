'use strict'

const assert = require('node:assert/strict')
const test = require('node:test')

const { generate } = require('./generate')
const { Session, peers } = require('./session')
const { shrink } = require('./shrink')

test('a fault planted in better-sqlite3 is found and shrunk to a few operations', async (t) => {
  const module = require.resolve('better-sqlite3')
  const session = new Session(await peers({ ours: module, args: ['7'] }))
  t.after(() => session.close())
  let failure = null
  for (let seed = 1; failure === null && seed <= 10; seed++) failure = await session.seed(seed, 300)
  assert.notEqual(failure, null)
  assert.equal(failure.cause, 'get: o / get: o')
  const lines = failure.text.trim().split('\n')
  assert.ok(lines.length <= 12, failure.text)
  assert.match(failure.text, /\.get\(/)
})

test('better-sqlite3 does not differ from itself', async (t) => {
  const session = new Session(await peers({ ours: require.resolve('better-sqlite3') }))
  t.after(() => session.close())
  for (let seed = 1; seed <= 3; seed++) assert.equal(await session.seed(seed, 300), null)
})

test('a seed always makes the same program', () => {
  assert.deepEqual(generate(5, 200), generate(5, 200))
  assert.notDeepEqual(generate(5, 200).ops, generate(6, 200).ops)
})

test('programs survive the way to another process as JSON', () => {
  const program = generate(11, 400)
  assert.deepEqual(JSON.parse(JSON.stringify(program)), program)
})

test('shrink() keeps only the operations that a failure needs, in bodies too', async () => {
  const op = (name) => ({ do: name })
  const program = {
    ops: [op('a'), { do: 'loop', body: [op('b'), op('needed'), op('c')] }, op('d'), op('last'), op('e')]
  }
  const has = (node, name) => JSON.stringify(node).includes(`"${name}"`)
  const small = await shrink(program, async (p) => has(p, 'needed') && has(p, 'last'))
  assert.deepEqual(small, { ops: [{ do: 'loop', body: [op('needed')] }, op('last')] })
})
