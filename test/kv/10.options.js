'use strict'

const assert = require('node:assert/strict')
const test = require('node:test')
const { OPERATIONS, readStore } = require('../../lib/arguments/store')
const { readAnswer } = require('../../lib/kv/call')
const { Database, rangeError, typeError } = require('../support')

const METHODS = ['get', 'getBatch', 'put', 'putBatch', 'deleteBatch']

function fake (more) {
  return { ...Object.fromEntries([...METHODS, 'putIfAbsent'].map(name => [name, () => {}])), ...more }
}

test('a store is read with its defaults', () => {
  const { kind, store } = readStore('a', { store: fake() }, false)
  const { store: given, ...read } = store
  assert.equal(kind, 'kv')
  assert.deepEqual(Object.keys(given), [...METHODS, 'putIfAbsent'])
  assert.deepEqual(read, {
    fenced: true,
    lists: false,
    limits: {
      maxKeys: 128, maxReadKeys: 128, maxValueBytes: 131072, maxBatchBytes: 4 << 20, concurrency: 8
    },
    timeout: 30000,
    onError: null,
    singleWriter: false,
    pageSize: 8192,
    epoch: 0,
    keepEpochs: 2,
    maxQueuedBytes: 16 << 20,
    resident: false,
    checkpointIdle: 2000
  })
  const limits = { maxKeys: 10, maxValueBytes: 8 << 20 }
  const plain = fake({ limits, list () {}, putIfAbsent: undefined })
  const other = readStore('a', { store: plain, singleWriter: true }, false).store
  assert.deepEqual([other.fenced, other.lists], [false, true])
  assert.deepEqual(other.limits, {
    maxKeys: 10, maxReadKeys: 10, maxValueBytes: 8 << 20, maxBatchBytes: 8 << 20, concurrency: 8
  })
})

test('what is wrong with a store is said by its name', () => {
  const open = (store, more) => () => new Database('a', { store, ...more })
  for (const store of [undefined, null, 5, 'x', () => {}]) {
    typeError(open(store), /^Expected the "store" option to be an object/)
  }
  for (const name of METHODS) {
    typeError(open(fake({ [name]: undefined })), `The store lacks ${name}(): a store has get(), getBatch(), put(), putBatch(), deleteBatch() and putIfAbsent()`)
    typeError(open(fake({ [name]: 5 })), `Expected store.${name} to be a function`)
  }
  typeError(open(fake({ putIfAbsent: true })), 'Expected store.putIfAbsent to be a function')
  typeError(open(fake({ list: 'x' })), 'Expected store.list to be a function')
  typeError(open(fake({ putIfAbsent: undefined })), /^This store has no putIfAbsent\(\).*"singleWriter" option$/)
  typeError(open(fake({ limits: 5 })), 'Expected store.limits to be an object')
  typeError(open(fake({ limits: { maxkeys: 5 } })), /^Unknown limit "store.limits.maxkeys"/)
  typeError(open(fake({ limits: { maxKeys: 1.5 } })), 'Expected store.limits.maxKeys to be an integer')
  rangeError(open(fake({ limits: { maxKeys: 0 } })), /^store.limits.maxKeys must be from 1 /)
  rangeError(open(fake({ limits: { maxValueBytes: 39999 } })), /^store.limits.maxValueBytes must be from 40000 /)
  rangeError(open(fake({ limits: { maxBatchBytes: 50000 } })), /^store.limits.maxBatchBytes cannot be less/)
  typeError(open(fake({ timeout: 0 })), /^Expected store.timeout to be an integer/)
  typeError(open(fake({ onError: 5 })), 'Expected store.onError to be a function')
  typeError(open(fake({ consistency: 'eventual' })), /is eventually consistent/)
  for (const consistency of ['blah', 5]) typeError(open(fake({ consistency })), 'Expected store.consistency to be one of strong, eventual')
  class KvNamespace {}
  typeError(open(Object.assign(new KvNamespace(), fake())), /^Cloudflare KV is eventually consistent/)
  const getter = { get get () { throw new RangeError('mine') } }
  rangeError(open(getter), 'mine')
})

test('what is wrong with the name and the options is said', () => {
  const open = (name, more) => () => new Database(name, { store: fake(), ...more })
  for (const name of ['', ':memory:']) typeError(open(name), /needs a name: its keys begin with it$/)
  rangeError(open('é'.repeat(101)), /cannot be longer than 200 bytes$/)
  typeError(open('\ud800'), /lone surrogates$/)
  typeError(open(Buffer.alloc(10)), /is opened by its name/)
  typeError(open('a', { singleWriter: 1 }), 'Expected the "singleWriter" option to be a boolean')
  for (const name of ['keepEpochs', 'epoch', 'maxQueuedBytes']) {
    for (const value of [0, -1, 1.5, '2', 2 ** 31, NaN]) typeError(open('a', { [name]: value }), `Expected the "${name}" option to be an integer from 1 to 2147483647`)
  }
  for (const value of [-1, 1.5, '2', true, NaN]) typeError(open('a', { checkpointIdle: value }), 'Expected the "checkpointIdle" option to be an integer from 0 to 2147483647')
  for (const mode of ['', 'memory', true]) typeError(open('a', { mode }), 'Expected the "mode" option to be "resident"')
  for (const pageSize of [0, 3, 256, 131072, '4096']) typeError(open('a', { pageSize }), /^Expected the "pageSize" option/)
  typeError(open('a', { syncUrl: 'http://localhost' }), 'A database in a key-value store cannot be a replica')
  for (const name of ['encryptionKey', 'vfs', 'fileMustExist']) {
    typeError(open('a', { [name]: name === 'fileMustExist' ? true : 'x' }), new RegExp(`^The "${name}" option is not available for databases in key-value stores: `))
  }
  typeError(() => new Database('a', { singleWriter: true }), /^The "singleWriter" option is for databases in key-value stores/)
  typeError(open('a', { singlewriter: true }), 'Misspelled option "singlewriter" should be "singleWriter"')
})

test('answers are checked', () => {
  const bytes = new Uint8Array([1])
  assert.equal(readAnswer('get', bytes), bytes)
  assert.deepEqual([readAnswer('get', null), readAnswer('get', undefined)], [null, null])
  assert.deepEqual(readAnswer('getBatch', [bytes, , null], 3), [bytes, null, null]) // eslint-disable-line no-sparse-arrays
  assert.equal(readAnswer('putIfAbsent', false), false)
  assert.deepEqual(readAnswer('list', [Buffer.from('a/b')]), ['a/b'])
  for (const name of ['put', 'putBatch', 'deleteBatch']) {
    for (const answer of [undefined, null, true, 'OK', 1, new Map()]) assert.equal(readAnswer(name, answer), undefined)
    typeError(() => readAnswer(name, false), `store.${name} returned false where nothing is expected`)
    typeError(() => readAnswer(name, new Error('x')), `store.${name} returned an error where nothing is expected`)
  }
  const wrong = [
    ['get', 'x', 'store.get returned a string where a Uint8Array, null or undefined is expected'],
    ['get', new ArrayBuffer(1), 'store.get returned an object of type ArrayBuffer where a Uint8Array, null or undefined is expected'],
    ['get', [], 'store.get returned an array where a Uint8Array, null or undefined is expected'],
    ['getBatch', null, 'store.getBatch returned null where an array is expected'],
    ['getBatch', [null], 'store.getBatch returned 1 values where one for each of 2 keys is expected'],
    ['getBatch', [null, 5], 'store.getBatch returned a number at 1 where a Uint8Array, null or undefined is expected'],
    ['putIfAbsent', 'OK', 'store.putIfAbsent returned a string where a boolean is expected'],
    ['putIfAbsent', undefined, 'store.putIfAbsent returned undefined where a boolean is expected'],
    ['list', new Set(), 'store.list returned an object of type Set where an array of keys is expected'],
    ['list', ['a'], 'store.list returned a string where a Uint8Array is expected']
  ]
  for (const [name, answer, message] of wrong) typeError(() => readAnswer(name, answer, 2), message)
  assert.equal(OPERATIONS.length, 7)
})
